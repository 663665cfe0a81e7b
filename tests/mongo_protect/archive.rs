//! The change log in a repository, read by the library.

use snapstore::model::{ClusterTime, OsEntropy, SystemClock};
use snapstore::mongo::oplog::{Entry, OperationKind, Role};
use snapstore::repo::{Credential, LogStream, Repository, Surroundings, open};
use snapstore::settings::read_key_file;
use snapstore::storage::LocalStorage;
use std::path::Path;
use std::sync::Arc;

pub struct Archive {
    streams: Vec<LogStream>,
    /// Raw, of all windows.
    entries: Vec<Vec<u8>>,
}

impl Archive {
    /// Reads all that is there, and proves the chain.
    pub fn open(repository: &Path, key: &Path) -> Self {
        let surroundings = Surroundings {
            clock: Arc::new(SystemClock),
            entropy: Arc::new(OsEntropy),
            cache: None,
            workers: 1,
        };
        let storage = Arc::new(LocalStorage::open(repository).unwrap());
        let credential = Credential::KeyFile(read_key_file(key).unwrap());
        let repository: Arc<Repository> =
            Arc::new(open(storage, &credential, None, surroundings).unwrap());
        let (streams, damaged) = repository.log_streams().unwrap();
        assert!(damaged.is_empty());
        let mut entries = Vec::new();
        for stream in &streams {
            for window in stream.windows().unwrap() {
                let end = ClusterTime { seconds: u32::MAX, increment: u32::MAX };
                let all = stream.entries(&window, window.first.at, end).unwrap();
                entries.extend(all.map(Result::unwrap));
            }
        }
        Self { streams, entries }
    }

    /// The ids of the documents that were inserted into a collection, in the order of the log.
    pub fn inserted(&self, namespace: &str) -> Vec<i32> {
        let mut ids = Vec::new();
        for raw in &self.entries {
            let entry = Entry::read(raw).unwrap();
            for operation in entry.operations().map(Result::unwrap) {
                if operation.namespace == namespace.as_bytes()
                    && let OperationKind::Insert { id: Some(id) } = operation.kind
                {
                    ids.push(id.integer().unwrap() as i32);
                }
            }
        }
        ids
    }

    /// Entries that are part of transactions which have several.
    pub fn transactions(&self) -> usize {
        let entries = self.entries.iter().map(|raw| Entry::read(raw).unwrap());
        entries.filter(|entry| entry.role != Role::Alone).count()
    }

    /// Whether a transaction was under way when the newest segment began.
    pub fn has_open_transactions(&self) -> bool {
        self.streams[0].newest().oldest_open.is_some()
    }

    /// Whether entries of transactions that were under way lie before the first window.
    pub fn begins_before_its_window(&self) -> bool {
        let window = &self.streams[0].windows().unwrap()[0];
        Entry::read(&self.entries[0]).unwrap().at < window.first.at
    }
}
