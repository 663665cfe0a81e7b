//! Whether a store keeps the two promises that a prune beside writers rests on.

use super::{Folder, ObjectName, Put, Storage, StorageError};
use crate::model::Entropy;

/// What a store showed. It is not proof: a store may fail only under load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probe {
    /// A second put of the same name was told so, and changed nothing.
    pub put_if_absent: bool,
    /// A listing shows what was just put, and no longer what was just deleted.
    pub list_after_put: bool,
}

impl Probe {
    /// Whether others may write while a prune runs.
    pub fn is_sound(&self) -> bool {
        self.put_if_absent && self.list_after_put
    }
}

/// Puts an object at the top of the repository, `probe-<32 hexadecimal digits>`, and deletes it
/// again; six calls.
pub fn probe(storage: &dyn Storage, entropy: &dyn Entropy) -> Result<Probe, StorageError> {
    let name = probe_name(entropy)?;
    let probed = put_and_list(storage, &name);
    // Also after an error, so that nothing is left behind.
    let deleted = storage.delete(&name);
    let probe = probed?;
    deleted?;
    let list_after_put = probe.list_after_put && !is_listed(storage, &name)?;
    Ok(Probe { list_after_put, ..probe })
}

fn put_and_list(storage: &dyn Storage, name: &ObjectName) -> Result<Probe, StorageError> {
    let (first, second) = (b"first of two".as_slice(), b"second of two".as_slice());
    let created = storage.put_if_absent(name, first)?;
    let list_after_put = is_listed(storage, name)?;
    let refused = storage.put_if_absent(name, second)?;
    let kept = storage.get(name, second.len() as u64)?;
    let put_if_absent = (created, refused) == (Put::Created, Put::Exists) && kept == first;
    Ok(Probe { put_if_absent, list_after_put })
}

fn is_listed(storage: &dyn Storage, name: &ObjectName) -> Result<bool, StorageError> {
    let listed = storage.list(Folder::Top)?;
    Ok(listed.iter().any(|object| object.name == *name))
}

fn probe_name(entropy: &dyn Entropy) -> Result<ObjectName, StorageError> {
    let digits = u128::from_le_bytes(entropy.bytes());
    let text = format!("probe-{digits:032x}");
    ObjectName::new(Folder::Top, &text)
        .map_err(|error| StorageError::Failed { what: text, why: error.to_string() })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::{OsEntropy, SystemClock};
    use crate::storage::{Listed, MemoryStorage};

    /// A store with the two weaknesses that real ones have.
    struct Weak {
        memory: MemoryStorage,
        replaces: bool,
        lists_late: bool,
    }

    impl Storage for Weak {
        fn put_if_absent(&self, name: &ObjectName, bytes: &[u8]) -> Result<Put, StorageError> {
            if self.replaces {
                self.memory.overwrite(name, bytes);
                return Ok(Put::Created);
            }
            self.memory.put_if_absent(name, bytes)
        }
        fn get(&self, name: &ObjectName, limit: u64) -> Result<Vec<u8>, StorageError> {
            self.memory.get(name, limit)
        }
        fn get_range(&self, name: &ObjectName, _: u64, _: usize) -> Result<Vec<u8>, StorageError> {
            self.memory.get(name, 0)
        }
        fn list(&self, folder: Folder) -> Result<Vec<Listed>, StorageError> {
            if self.lists_late { Ok(Vec::new()) } else { self.memory.list(folder) }
        }
        fn delete(&self, name: &ObjectName) -> Result<(), StorageError> {
            self.memory.delete(name)
        }
        fn address(&self) -> String {
            self.memory.address()
        }
    }

    #[test]
    fn each_weakness_is_seen_and_nothing_is_left_behind() {
        for (replaces, lists_late) in [(false, false), (true, false), (false, true)] {
            let memory = MemoryStorage::new(Arc::new(SystemClock));
            let weak = Weak { memory: memory.clone(), replaces, lists_late };
            let found = probe(&weak, &OsEntropy).unwrap();
            let expected = Probe { put_if_absent: !replaces, list_after_put: !lists_late };
            assert_eq!(found, expected);
            assert_eq!(found.is_sound(), !replaces && !lists_late);
            assert_eq!(memory.names(), []);
        }
    }
}
