//! What the actors of one seed have in common: the world, the key, and notes of what they did.

use super::lies::{Liar, Lie};
use super::tree::Tree;
use snapstore::codec::{ChunkParameters, Compression, Secret};
use snapstore::format::{ProcessIdentity, RepositoryConfig};
use snapstore::model::SessionId;
use snapstore::repo::{self, Credential, InitOptions, Repository, Surroundings, Writer};
use snapstore::storage::sim::{ActorContext, SimOptions, SimWorld, Trace};
use snapstore::storage::{
    Folder, Listed, MemoryStorage, ObjectName, Patience, Put, RetryStorage, Storage, StorageError,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

pub use snapstore::storage::sim::Body;

pub struct Site {
    pub world: SimWorld,
    pub config: RepositoryConfig,
    /// Whether actors try again what failed.
    pub patient: bool,
    /// Each host's local files are below, where it keeps any.
    pub caches: Option<tempfile::TempDir>,
    /// The objects of the second repository.
    pub copy: MemoryStorage,
    /// Which promise storage breaks.
    pub lie: Option<Lie>,
    notes: Mutex<Notes>,
}

/// One of the two repositories.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Home,
    /// What is copied from home.
    Copy,
}

/// What happened, as those know who did it.
#[derive(Default)]
pub struct Notes {
    /// What was or may have been backed up, by label.
    pub trees: BTreeMap<String, Tree>,
    /// Backups and copies that reported success, with their labels.
    pub committed: BTreeMap<SessionId, (Place, String)>,
    /// Snapshots that somebody tried to forget.
    pub forgotten: BTreeSet<SessionId>,
    /// Keys that were reported and that nobody tried to take away.
    pub keys: BTreeSet<u8>,
    /// Processes that have ended, in whatever way.
    pub gone: BTreeSet<u32>,
    /// What must not have happened.
    pub failures: Vec<String>,
    pub traces: Vec<Trace>,
}

/// A process; it is gone when this is dropped, also by a crash.
pub struct Process<'a> {
    site: &'a Site,
    number: u32,
}

impl Site {
    pub fn new(seed: u64) -> Self {
        let config = RepositoryConfig {
            chunks: ChunkParameters::new(512, 1024, 4096).unwrap(),
            compression: Compression::None,
            pack_size: 64 << 10,
            reserve: 0,
            retention: Vec::new(),
        };
        let world = SimWorld::new(seed, SimOptions::calm());
        let copy = MemoryStorage::new(world.clock());
        let notes = Mutex::default();
        Self { world, config, patient: true, caches: None, copy, lie: None, notes }
    }

    pub fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap()
    }

    /// A new process, as it announces itself, on the host of this name.
    pub fn process(&self, host: &str, number: u32) -> (Process<'_>, Writer) {
        let process = ProcessIdentity { process: number, ..ProcessIdentity::default() };
        (Process { site: self, number }, Writer { host: host.to_string(), process })
    }

    /// Lets actors live, and keeps what happened.
    pub fn run(&self, actors: Vec<(&str, Body<'_>)>) {
        let run = self.world.run(actors);
        self.notes().traces.push(run.trace);
    }

    /// Makes both repositories.
    pub fn init(&self, context: &ActorContext) {
        let options = || InitOptions { config: self.config.clone(), label: String::new() };
        let storage = Arc::new(self.memory(Place::Home));
        let surroundings = || self.surroundings(context);
        let home =
            repo::init(storage, &credential(Place::Home), options(), surroundings()).unwrap();
        let (storage, key) = (Arc::new(self.memory(Place::Copy)), credential(Place::Copy));
        repo::init_like(storage, &key, options(), &home, surroundings()).unwrap();
    }

    /// Opens a repository, which never fails; all that is done with it may.
    pub fn open(&self, place: Place, context: &ActorContext) -> Arc<Repository> {
        let memory = self.memory(place);
        let storage = self.patiently(context.storage(&memory), context);
        let storage = match self.lie {
            Some(lie) if place == Place::Home => {
                Liar::tell(lie, &context.name, storage, memory.clone())
            }
            _ => storage,
        };
        let (door, surroundings) = (Door { storage, memory }, self.surroundings(context));
        Arc::new(repo::open(Arc::new(door), &credential(place), None, surroundings).unwrap())
    }

    /// Notes what was reported.
    pub fn committed(&self, place: Place, id: SessionId, label: String) {
        self.notes().committed.insert(id, (place, label));
    }

    pub fn patiently(&self, storage: Arc<dyn Storage>, context: &ActorContext) -> Arc<dyn Storage> {
        let ActorContext { entropy, pause, .. } = context.clone();
        match self.patient {
            true => Arc::new(RetryStorage::new(storage, Patience::default(), entropy, pause)),
            false => storage,
        }
    }

    fn memory(&self, place: Place) -> MemoryStorage {
        match place {
            Place::Home => self.world.memory().clone(),
            Place::Copy => self.copy.clone(),
        }
    }

    pub fn surroundings(&self, context: &ActorContext) -> Surroundings {
        Surroundings {
            clock: context.clock.clone(),
            entropy: context.entropy.clone(),
            cache: self.caches.as_ref().map(|folder| folder.path().join(&context.name)),
            workers: 1,
        }
    }
}

pub fn credential(place: Place) -> Credential {
    Credential::KeyFile(Secret::new([7 + place as u8; 32]))
}

impl Drop for Process<'_> {
    fn drop(&mut self) {
        self.site.notes().gone.insert(self.number);
    }
}

/// Keys and settings are read past the gates: nothing of interest happens there.
struct Door {
    storage: Arc<dyn Storage>,
    memory: MemoryStorage,
}

impl Door {
    fn to(&self, folder: Folder) -> &dyn Storage {
        match folder {
            Folder::Top | Folder::Keys | Folder::Config => &self.memory,
            _ => self.storage.as_ref(),
        }
    }
}

impl Storage for Door {
    fn put_if_absent(&self, name: &ObjectName, bytes: &[u8]) -> Result<Put, StorageError> {
        self.to(name.folder()).put_if_absent(name, bytes)
    }

    fn get(&self, name: &ObjectName, limit: u64) -> Result<Vec<u8>, StorageError> {
        self.to(name.folder()).get(name, limit)
    }

    fn get_range(
        &self,
        name: &ObjectName,
        offset: u64,
        length: usize,
    ) -> Result<Vec<u8>, StorageError> {
        self.to(name.folder()).get_range(name, offset, length)
    }

    fn list(&self, folder: Folder) -> Result<Vec<Listed>, StorageError> {
        self.to(folder).list(folder)
    }

    fn delete(&self, name: &ObjectName) -> Result<(), StorageError> {
        self.to(name.folder()).delete(name)
    }

    fn address(&self) -> String {
        self.storage.address()
    }
}
