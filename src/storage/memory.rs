//! Objects in memory: for tests, and what the simulated world stands on.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use super::{Folder, Listed, ObjectName, Put, Storage, StorageError};
use crate::model::Clock;

/// Objects in memory. A clone is another handle on the same objects; [`MemoryStorage::fork`]
/// copies them.
#[derive(Clone)]
pub struct MemoryStorage {
    objects: Arc<Mutex<BTreeMap<ObjectName, Object>>>,
    clock: Arc<dyn Clock>,
}

#[derive(Clone)]
struct Object {
    bytes: Arc<[u8]>,
    stored: Timestamp,
}

impl MemoryStorage {
    /// An empty place whose stamps come from `clock`.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { objects: Arc::default(), clock }
    }

    /// A place of its own with the same objects, at the cost of a map entry each.
    pub fn fork(&self) -> Self {
        let objects = self.objects().clone();
        Self { objects: Arc::new(Mutex::new(objects)), clock: self.clock.clone() }
    }

    /// Every name there is, sorted.
    pub fn names(&self) -> Vec<ObjectName> {
        self.objects().keys().cloned().collect()
    }

    /// An object's bytes, however many.
    pub fn raw(&self, name: &ObjectName) -> Option<Vec<u8>> {
        self.objects().get(name).map(|object| object.bytes.to_vec())
    }

    /// Puts `bytes` where no writer could: over an object, or as a new one. The stamp of an object
    /// stays.
    pub fn overwrite(&self, name: &ObjectName, bytes: &[u8]) {
        let now = self.clock.now();
        let mut objects = self.objects();
        let stored = objects.get(name).map_or(now, |object| object.stored);
        objects.insert(name.clone(), Object { bytes: bytes.into(), stored });
    }

    /// Loses an object; says whether it was there.
    pub fn remove(&self, name: &ObjectName) -> bool {
        self.objects().remove(name).is_some()
    }

    fn object(&self, name: &ObjectName) -> Result<Object, StorageError> {
        let absent = || StorageError::Absent { name: name.clone() };
        self.objects().get(name).cloned().ok_or_else(absent)
    }

    /// No operation leaves the map half changed, so a panic elsewhere does not spoil it.
    fn objects(&self) -> MutexGuard<'_, BTreeMap<ObjectName, Object>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Storage for MemoryStorage {
    fn put_if_absent(&self, name: &ObjectName, bytes: &[u8]) -> Result<Put, StorageError> {
        let object = Object { bytes: bytes.into(), stored: self.clock.now() };
        let mut objects = self.objects();
        if objects.contains_key(name) {
            return Ok(Put::Exists);
        }
        objects.insert(name.clone(), object);
        Ok(Put::Created)
    }

    fn get(&self, name: &ObjectName, limit: u64) -> Result<Vec<u8>, StorageError> {
        let bytes = self.object(name)?.bytes;
        let size = bytes.len() as u64;
        match size <= limit {
            true => Ok(bytes.to_vec()),
            false => Err(StorageError::TooLarge { name: name.clone(), size, limit }),
        }
    }

    fn get_range(
        &self,
        name: &ObjectName,
        offset: u64,
        length: usize,
    ) -> Result<Vec<u8>, StorageError> {
        let bytes = self.object(name)?.bytes;
        let end = offset.saturating_add(length as u64);
        let range = usize::try_from(offset).ok().zip(usize::try_from(end).ok());
        match range.and_then(|(start, end)| bytes.get(start..end)) {
            Some(bytes) => Ok(bytes.to_vec()),
            None => Err(StorageError::TooShort { name: name.clone(), end }),
        }
    }

    fn list(&self, folder: Folder) -> Result<Vec<Listed>, StorageError> {
        let objects = self.objects();
        let inside = objects.iter().filter(|(name, _)| name.folder() == folder);
        let listed = |(name, object): (&ObjectName, &Object)| Listed {
            name: name.clone(),
            size: object.bytes.len() as u64,
            stored: object.stored,
        };
        Ok(inside.map(listed).collect())
    }

    fn delete(&self, name: &ObjectName) -> Result<(), StorageError> {
        self.objects().remove(name);
        Ok(())
    }

    fn address(&self) -> String {
        "memory".to_string()
    }
}
