//! Storage that breaks one of its promises to some: what the protocol must not survive, so that
//! the world is known to see it.

use snapstore::storage::{Folder, Listed, MemoryStorage, ObjectName, Put, Storage, StorageError};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lie {
    /// Writers' announcements do not arrive.
    AnnouncementsLost,
    /// Writers do not see the marks of prunes.
    MarksUnseen,
    /// Prunes see no session but their own.
    SessionsUnseen,
    /// Prunes see the snapshots that there were when they first looked.
    SnapshotsOld,
    /// A writer's commit replaces a tombstone.
    CommitsReplace,
    /// Prunes' tombstones do not arrive.
    TombstonesLost,
    /// Some packs that were stored are not there.
    PacksLost,
    /// Of what a writer puts and hears an error of, half is there.
    PutsTorn,
}

impl Lie {
    pub const ALL: [Self; 8] = [
        Self::AnnouncementsLost,
        Self::MarksUnseen,
        Self::SessionsUnseen,
        Self::SnapshotsOld,
        Self::CommitsReplace,
        Self::TombstonesLost,
        Self::PacksLost,
        Self::PutsTorn,
    ];

    /// Whether it is told to an actor of this name.
    fn is_told_to(self, actor: &str) -> bool {
        let is_prune = actor.contains("prune");
        match self {
            Self::SessionsUnseen | Self::SnapshotsOld | Self::TombstonesLost => is_prune,
            _ => !is_prune,
        }
    }
}

pub struct Liar {
    pub lie: Lie,
    pub storage: Arc<dyn Storage>,
    pub memory: MemoryStorage,
    /// What this actor put.
    own: Mutex<BTreeSet<ObjectName>>,
    /// What this actor saw first.
    first: Mutex<Option<Vec<Listed>>>,
}

impl Liar {
    /// Tells `lie` to an actor, if it is one that it is told to.
    pub fn tell(
        lie: Lie,
        actor: &str,
        storage: Arc<dyn Storage>,
        memory: MemoryStorage,
    ) -> Arc<dyn Storage> {
        let (own, first) = (Mutex::default(), Mutex::default());
        match lie.is_told_to(actor) {
            true => Arc::new(Self { lie, storage, memory, own, first }),
            false => storage,
        }
    }

    fn is_lost(&self, name: &ObjectName) -> bool {
        match self.lie {
            Lie::AnnouncementsLost => name.folder() == Folder::Sessions,
            Lie::TombstonesLost => name.folder() == Folder::Snapshots,
            Lie::PacksLost => name.folder() == Folder::Packs && name.last().ends_with('0'),
            _ => false,
        }
    }
}

impl Storage for Liar {
    fn put_if_absent(&self, name: &ObjectName, bytes: &[u8]) -> Result<Put, StorageError> {
        if self.is_lost(name) {
            return Ok(Put::Created);
        }
        self.own.lock().unwrap().insert(name.clone());
        match self.storage.put_if_absent(name, bytes) {
            Ok(Put::Exists)
                if self.lie == Lie::CommitsReplace && name.folder() == Folder::Snapshots =>
            {
                self.memory.overwrite(name, bytes);
                Ok(Put::Created)
            }
            Err(error)
                if self.lie == Lie::PutsTorn
                    && name.folder() == Folder::Packs
                    && self.memory.raw(name).is_none() =>
            {
                self.memory.overwrite(name, &bytes[..bytes.len() / 2]);
                Err(error)
            }
            other => other,
        }
    }

    fn get(&self, name: &ObjectName, limit: u64) -> Result<Vec<u8>, StorageError> {
        self.storage.get(name, limit)
    }

    fn get_range(
        &self,
        name: &ObjectName,
        offset: u64,
        length: usize,
    ) -> Result<Vec<u8>, StorageError> {
        self.storage.get_range(name, offset, length)
    }

    fn list(&self, folder: Folder) -> Result<Vec<Listed>, StorageError> {
        let listed = self.storage.list(folder)?;
        Ok(match (self.lie, folder) {
            (Lie::MarksUnseen, Folder::Prune) => Vec::new(),
            (Lie::SessionsUnseen, Folder::Sessions) => {
                let own = self.own.lock().unwrap();
                listed.into_iter().filter(|object| own.contains(&object.name)).collect()
            }
            (Lie::SnapshotsOld, Folder::Snapshots) => {
                self.first.lock().unwrap().get_or_insert(listed).clone()
            }
            _ => listed,
        })
    }

    fn delete(&self, name: &ObjectName) -> Result<(), StorageError> {
        self.storage.delete(name)
    }

    fn address(&self) -> String {
        self.storage.address()
    }
}
