//! Keeps what was asked of a storage, for tests that look at the order of calls.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::call::{Call, Outcome, Subject, Verb};
use super::{Folder, Listed, ObjectName, Put, Storage, StorageError};
use crate::model::SessionId;

/// Keeps every call, in the order in which the calls ended. A clone keeps into the same list.
#[derive(Clone)]
pub struct RecordStorage {
    inner: Arc<dyn Storage>,
    calls: Arc<Mutex<Vec<Recorded>>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    pub call: Call,
    /// How many calls had ended when this one began: those, and none else, it came after.
    pub after: usize,
}

impl RecordStorage {
    pub fn new(inner: Arc<dyn Storage>) -> Self {
        Self { inner, calls: Arc::default() }
    }

    /// The calls so far.
    pub fn calls(&self) -> Vec<Recorded> {
        self.list_of_calls().clone()
    }

    /// Forgets the calls so far. Not while any is under way: its `after` would be meaningless.
    pub fn clear(&self) {
        self.list_of_calls().clear();
    }

    fn list_of_calls(&self) -> MutexGuard<'_, Vec<Recorded>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does a call; `summary` says how it ended and how large it was.
    fn record<T>(
        &self,
        verb: Verb,
        subject: Subject,
        call: impl FnOnce(&dyn Storage) -> Result<T, StorageError>,
        summary: impl FnOnce(&Result<T, StorageError>) -> (Outcome, u64),
    ) -> Result<T, StorageError> {
        let after = self.list_of_calls().len();
        let result = call(&*self.inner);
        let (outcome, size) = summary(&result);
        let call = Call { verb, subject, outcome, size };
        self.list_of_calls().push(Recorded { call, after });
        result
    }
}

fn read(result: &Result<Vec<u8>, StorageError>) -> (Outcome, u64) {
    (Outcome::of(result), result.as_ref().map_or(0, |bytes| bytes.len() as u64))
}

fn done(result: &Result<(), StorageError>) -> (Outcome, u64) {
    (Outcome::of(result), 0)
}

impl Storage for RecordStorage {
    fn put_if_absent(&self, name: &ObjectName, bytes: &[u8]) -> Result<Put, StorageError> {
        let put = |inner: &dyn Storage| inner.put_if_absent(name, bytes);
        let size = bytes.len() as u64;
        self.record(Verb::Put, Subject::Object(name.clone()), put, |result| {
            (Outcome::of_put(result), size)
        })
    }

    fn get(&self, name: &ObjectName, limit: u64) -> Result<Vec<u8>, StorageError> {
        let get = |inner: &dyn Storage| inner.get(name, limit);
        self.record(Verb::Get, Subject::Object(name.clone()), get, read)
    }

    fn get_range(
        &self,
        name: &ObjectName,
        offset: u64,
        length: usize,
    ) -> Result<Vec<u8>, StorageError> {
        let get = |inner: &dyn Storage| inner.get_range(name, offset, length);
        self.record(Verb::GetRange, Subject::Object(name.clone()), get, read)
    }

    fn list(&self, folder: Folder) -> Result<Vec<Listed>, StorageError> {
        let list = |inner: &dyn Storage| inner.list(folder);
        self.record(Verb::List, Subject::Folder(folder), list, |result| {
            (Outcome::of(result), result.as_ref().map_or(0, |listed| listed.len() as u64))
        })
    }

    fn list_some(&self, folder: Folder, most: usize) -> Result<Vec<Listed>, StorageError> {
        let list = |inner: &dyn Storage| inner.list_some(folder, most);
        self.record(Verb::List, Subject::Folder(folder), list, |result| {
            (Outcome::of(result), result.as_ref().map_or(0, |listed| listed.len() as u64))
        })
    }

    fn delete(&self, name: &ObjectName) -> Result<(), StorageError> {
        let delete = |inner: &dyn Storage| inner.delete(name);
        self.record(Verb::Delete, Subject::Object(name.clone()), delete, done)
    }

    fn for_session(&self, session: &SessionId) -> Option<Arc<dyn Storage>> {
        let inner = self.inner.for_session(session)?;
        Some(Arc::new(Self { inner, calls: self.calls.clone() }))
    }

    fn sweep(&self, finished: &dyn Fn(&str) -> bool) -> Result<(), StorageError> {
        let sweep = |inner: &dyn Storage| inner.sweep(finished);
        self.record(Verb::Sweep, Subject::Everything, sweep, done)
    }

    fn release_reserve(&self) -> Result<(), StorageError> {
        let release = |inner: &dyn Storage| inner.release_reserve();
        self.record(Verb::ReleaseReserve, Subject::Everything, release, done)
    }

    fn restore_reserve(&self, bytes: u64) -> Result<(), StorageError> {
        let restore = |inner: &dyn Storage| inner.restore_reserve(bytes);
        self.record(Verb::RestoreReserve, Subject::Everything, restore, done)
    }

    fn address(&self) -> String {
        self.inner.address()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::SystemClock;
    use crate::storage::MemoryStorage;

    #[test]
    fn calls_are_kept_with_their_order_size_and_outcome() {
        let storage = RecordStorage::new(Arc::new(MemoryStorage::new(Arc::new(SystemClock))));
        let key: ObjectName = "keys/1".parse().unwrap();
        storage.put_if_absent(&key, b"12345").unwrap();
        storage.put_if_absent(&key, b"12345").unwrap();
        storage.list(Folder::Keys).unwrap();
        storage.get_range(&key, 1, 2).unwrap();
        storage.get(&key, 3).unwrap_err();
        storage.delete(&key).unwrap();
        let calls = storage.calls();
        let lines: Vec<String> = calls.iter().map(|recorded| recorded.call.to_string()).collect();
        assert_eq!(
            lines,
            [
                "put keys/1 (5): created",
                "put keys/1 (5): exists",
                "list keys/ (1): done",
                "get range keys/1 (2): done",
                "get keys/1 (0): keys/1 is 5 bytes long, more than the 3 that it may have",
                "delete keys/1 (0): done",
            ]
        );
        assert!(calls.iter().map(|recorded| recorded.after).eq(0..6));
    }
}
