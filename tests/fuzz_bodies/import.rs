//! Imports a file into a repository in memory.

use super::reading::read;
use jiff::{Timestamp, Zoned};
use snapstore::codec::Secret;
use snapstore::format::RepositoryConfig;
use snapstore::model::{Host, OsEntropy, Silent, SystemClock};
use snapstore::ops::{ImportError, ImportOptions, ImportReport, find_imports, import};
use snapstore::repo::{self, Credential, InitOptions, Repository, Surroundings, Writer};
use snapstore::storage::{DiscardStorage, MemoryStorage};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

/// What came of it; `None` if it was refused.
pub fn imported(bytes: &[u8]) -> Option<ImportReport> {
    let folder = folder();
    // Each thread has its own, so that several can work side by side.
    let path = folder.join(format!("{:?}", std::thread::current().id()));
    std::fs::write(&path, bytes).expect("a file");
    let (found, _) = read(find_imports(&path))?;
    let options = ImportOptions {
        writer: Writer::default(),
        host: Host::default(),
        tags: Vec::new(),
        begun: Some(Timestamp::UNIX_EPOCH),
        now: Zoned::new(Timestamp::UNIX_EPOCH, jiff::tz::TimeZone::UTC),
        server_name: "host:27017".to_owned(),
        database: Some("bot".to_owned()),
        scratch: folder.clone(),
        dry_run: true,
        program: "fuzz".to_owned(),
    };
    let monitor: Arc<dyn snapstore::model::Monitor> = Arc::new(Silent);
    match import(repository(), found.first()?, &options, &monitor) {
        Err(ImportError::Repo(error)) => panic!("nothing is wrong with the repository: {error}"),
        result => read(result),
    }
}

/// In memory where there is a file system for that.
fn folder() -> &'static PathBuf {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a folder")
    });
    PATH.get_or_init(|| folder.path().to_owned())
}

fn repository() -> &'static Arc<Repository> {
    static REPOSITORY: OnceLock<Arc<Repository>> = OnceLock::new();
    REPOSITORY.get_or_init(|| {
        let (clock, entropy) = (Arc::new(SystemClock), Arc::new(OsEntropy));
        let storage = Arc::new(MemoryStorage::new(clock.clone()));
        let surroundings = || Surroundings {
            clock: clock.clone(),
            entropy: entropy.clone(),
            cache: None,
            workers: 1,
        };
        let credential = Credential::KeyFile(Secret::new([7; 32]));
        let config = RepositoryConfig::standard(Vec::new());
        let options = InitOptions { config, label: String::new() };
        repo::init(storage.clone(), &credential, options, surroundings()).expect("a repository");
        // What is imported is not kept.
        let storage = Arc::new(DiscardStorage::new(storage));
        Arc::new(repo::open(storage, &credential, None, surroundings()).expect("a repository"))
    })
}
