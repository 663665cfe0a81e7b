//! A dry run: reads pass through, writes only seem to happen.

use super::{Folder, Listed, ObjectName, Put, Storage, StorageError};
use std::sync::Arc;

/// Passes reads on; says of every write that it was done, and does nothing.
pub struct DiscardStorage {
    inner: Arc<dyn Storage>,
}

impl DiscardStorage {
    pub fn new(inner: Arc<dyn Storage>) -> Self {
        Self { inner }
    }
}

impl Storage for DiscardStorage {
    fn put_if_absent(&self, _name: &ObjectName, _bytes: &[u8]) -> Result<Put, StorageError> {
        Ok(Put::Created)
    }

    fn get(&self, name: &ObjectName, limit: u64) -> Result<Vec<u8>, StorageError> {
        self.inner.get(name, limit)
    }

    fn get_range(
        &self,
        name: &ObjectName,
        offset: u64,
        length: usize,
    ) -> Result<Vec<u8>, StorageError> {
        self.inner.get_range(name, offset, length)
    }

    fn list(&self, folder: Folder) -> Result<Vec<Listed>, StorageError> {
        self.inner.list(folder)
    }

    fn list_some(&self, folder: Folder, most: usize) -> Result<Vec<Listed>, StorageError> {
        self.inner.list_some(folder, most)
    }

    fn delete(&self, _name: &ObjectName) -> Result<(), StorageError> {
        Ok(())
    }

    fn address(&self) -> String {
        self.inner.address()
    }
}
