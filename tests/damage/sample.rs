//! The repository that is damaged: small, with at least one object of every kind.

use super::tree::{self, Tree};
use super::world::{Seeded, Ticking, noise, scratch};
use crate::support::backup_options;
use snapstore::codec::{ChunkParameters, DocumentBuilder, KeyRing, PieceCutter, Secret};
use snapstore::files::PathFilter;
use snapstore::format::{LogPlace, RepositoryConfig, SegmentHeader, Segments, SessionKind};
use snapstore::model::{Clock, ClusterTime, Monitor, SessionId, Silent, Snapshot};
use snapstore::ops::{
    BackupReport, Conflict, FilesBackup, PruneOptions, PruneReport, RestoreOptions, Thrift,
    backup_files, prune,
};
use snapstore::repo::{
    Credential, InitOptions, RepoError, Repository, Session, Surroundings, Writer, init, open,
};
use snapstore::storage::{Folder, MemoryStorage, ObjectName, Storage};
use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// A source, and a repository with some history of it.
pub struct Sample {
    pub clock: Arc<Ticking>,
    entropy: Arc<Seeded>,
    /// Holds `tree`, which is as the newest snapshot has it.
    source: TempDir,
    /// The local cache as the last backup left it.
    cache: TempDir,
    /// What a prune has deleted since.
    pub past: MemoryStorage,
    /// All prunes are done, no session is under way, nothing is marked damaged.
    pub quiet: MemoryStorage,
    /// The same a little later: a session is under way, a prune waits for it, a pack is marked.
    pub busy: MemoryStorage,
    /// What each snapshot that was not forgotten holds.
    pub trees: BTreeMap<SessionId, Tree>,
    pub newest: SessionId,
}

/// How large the sample is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// A few small files: every byte of every object can be tried.
    Tiny,
    /// Files of many chunks, lists of chunks, directories of several pieces.
    Rich,
}

/// An opened repository, with its own local cache if any, which goes with it.
pub struct Opened {
    pub repository: Arc<Repository>,
    _cache: Option<TempDir>,
}

impl Sample {
    pub fn new(size: Size) -> Self {
        let clock = Arc::new(Ticking::new());
        let storage = MemoryStorage::new(clock.clone());
        let mut sample = Self {
            entropy: Arc::new(Seeded::new("damage")),
            source: scratch(),
            cache: scratch(),
            past: storage.clone(),
            quiet: storage.clone(),
            busy: storage.clone(),
            clock,
            trees: BTreeMap::new(),
            newest: SessionId::new([0; 16]),
        };
        let chunk_key = sample.init(size, &storage);
        sample.write(size, &chunk_key);
        sample.make_history(size, &storage);
        sample
    }

    /// Makes the repository. The chunk key is the one that its first random bytes make.
    fn init(&self, size: Size, storage: &MemoryStorage) -> Secret {
        let chunks = match size {
            Size::Tiny => ChunkParameters::STANDARD,
            Size::Rich => ChunkParameters::new(64, 256, 1024).unwrap(),
        };
        let mut config = RepositoryConfig::standard(vec![("daily".to_string(), "7".to_string())]);
        (config.chunks, config.pack_size) = (chunks, 128 << 10);
        let options = InitOptions { config, label: "test".to_string() };
        let surroundings = self.surroundings(None, 1);
        init(Arc::new(storage.clone()), &credential(), options, surroundings).unwrap();
        KeyRing::generate(&Seeded::new("damage")).chunk_key
    }

    pub fn surroundings(&self, cache: Option<PathBuf>, workers: usize) -> Surroundings {
        Surroundings { clock: self.clock.clone(), entropy: self.entropy.clone(), cache, workers }
    }

    /// The folder that is backed up.
    pub fn root(&self) -> PathBuf {
        self.source.path().join("tree")
    }

    /// The first version of the source.
    fn write(&self, size: Size, chunk_key: &Secret) {
        let root = self.root();
        for folder in ["bot/locales", "wide", "copies", "empty"] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        fs::write(root.join("bot/config.py"), "PORT = 8000\n").unwrap();
        fs::write(root.join("bot/locales/es.json"), "{\"hola\": \"mundo\"}\n").unwrap();
        fs::write(root.join("bot/.env"), noise(700, "env")).unwrap();
        fs::write(root.join("empty.txt"), "").unwrap();
        fs::write(root.join("copies/one"), noise(3000, "linked")).unwrap();
        fs::hard_link(root.join("copies/one"), root.join("copies/two")).unwrap();
        fs::hard_link(root.join("copies/one"), root.join("zwei")).unwrap();
        std::os::unix::fs::symlink("bot/config.py", root.join("link")).unwrap();
        note(&root.join("bot/config.py"), "user.note", b"seen");
        let holes = fs::File::create(root.join("holes")).unwrap();
        holes.set_len(64 << 10).unwrap();
        std::os::unix::fs::FileExt::write_all_at(&holes, b"data", 32 << 10).unwrap();
        if size == Size::Rich {
            fs::write(root.join("many.bin"), noise(MANY, "many")).unwrap();
            write_wide(&root.join("wide"), chunk_key);
            note(&root.join("empty.txt"), "user.large", &noise(40_000, "first"));
            note(&root.join("empty.txt"), "user.larger", &noise(40_000, "second"));
        }
    }

    fn make_history(&mut self, size: Size, storage: &MemoryStorage) {
        let repository = self.open_here(storage);
        let root = self.root();
        let first = self.backup_and_keep(&repository);
        fs::write(root.join("bot/config.py"), "PORT = 8001\n").unwrap();
        fs::write(root.join("bot/passing"), noise(9000, "passing")).unwrap();
        let second = self.backup_and_keep(&repository);
        drop(self.leave_session(&repository));
        fs::remove_file(root.join("bot/passing")).unwrap();
        fs::write(root.join("bot/new"), noise(500, "new")).unwrap();
        if size == Size::Rich {
            let mut many = noise(MANY, "many");
            many.extend(noise(2000, "more"));
            fs::write(root.join("many.bin"), many).unwrap();
        }
        put_log(&repository);
        let third = self.backup_and_keep(&repository);
        self.forget(&repository, &second);
        self.past = storage.fork();
        let pruned = self.prune(&repository, true).unwrap();
        assert!(pruned.packs_deleted > 0 && pruned.fenced == 1, "{pruned:?}");
        fs::write(root.join("bot/newer"), noise(600, "newer")).unwrap();
        self.newest = self.backup_and_keep(&repository).id;
        self.quiet = storage.fork();
        for name in self.quiet.names() {
            self.past.remove(&name);
        }
        let cache = scratch();
        copy_folder(self.cache.path(), cache.path());
        self.make_busy(&repository, storage, &third);
        self.busy = storage.fork();
        self.cache = cache;
        assert!(self.trees.contains_key(&first.id));
        // Who gave no sign of life since is not under way any more.
        self.clock.advance(jiff::SignedDuration::from_hours(25));
    }

    /// A session is left under way, a prune waits for it, a pack is named damaged.
    fn make_busy(&mut self, repository: &Arc<Repository>, storage: &MemoryStorage, old: &Snapshot) {
        let before: HashSet<ObjectName> = storage.names().into_iter().collect();
        drop(self.leave_session(repository));
        let is_index =
            |name: &&ObjectName| name.folder() == Folder::Index && !before.contains(name);
        // Killed between pack and index: an orphan.
        let orphan = storage.names().iter().find(is_index).cloned().unwrap();
        storage.remove(&orphan);
        repository.forget(old).unwrap();
        let waiting = self.prune(repository, false).unwrap();
        assert_eq!(waiting.waiting_for.len(), 1, "{waiting:?}");
        let packs = repository.list_packs().unwrap();
        let marked = packs.keys().min().unwrap();
        repository.mark_damaged(marked, "it was looked at askance").unwrap();
    }

    /// A writer that is killed after its first pack.
    fn leave_session(&self, repository: &Arc<Repository>) -> Session {
        let monitor = Arc::new(Silent);
        let session =
            Session::begin(repository, SessionKind::Backup, &Writer::default(), monitor).unwrap();
        let bytes = noise(1500, &session.id().hex());
        let mut compressor = repository.compressor().unwrap();
        session.save(snapstore::codec::BlobClass::Data, &bytes, &mut compressor).unwrap();
        session.flush().unwrap();
        session
    }

    fn backup_and_keep(&mut self, repository: &Arc<Repository>) -> Snapshot {
        let report = self.backup(repository, Arc::new(Silent)).unwrap();
        let snapshot = report.snapshot.unwrap();
        self.trees.insert(snapshot.id, tree::read(&self.root()));
        snapshot
    }

    fn forget(&mut self, repository: &Repository, snapshot: &Snapshot) {
        repository.forget(snapshot).unwrap();
        self.trees.remove(&snapshot.id);
    }

    fn open_here(&self, storage: &MemoryStorage) -> Arc<Repository> {
        let surroundings = self.surroundings(Some(self.cache.path().to_path_buf()), 1);
        Arc::new(open(Arc::new(storage.clone()), &credential(), None, surroundings).unwrap())
    }

    /// Opens a repository as another process would, `with_cache` with a copy of the local cache.
    pub fn open(
        &self,
        storage: &MemoryStorage,
        with_cache: bool,
        workers: usize,
    ) -> Result<Opened, RepoError> {
        self.open_through(Arc::new(storage.clone()), with_cache, workers)
    }

    pub fn open_through(
        &self,
        storage: Arc<dyn Storage>,
        with_cache: bool,
        workers: usize,
    ) -> Result<Opened, RepoError> {
        let cache = with_cache.then(scratch);
        if let Some(cache) = &cache {
            copy_folder(self.cache.path(), cache.path());
        }
        let surroundings = self.surroundings(cache.as_ref().map(|c| c.path().into()), workers);
        let repository = open(storage, &credential(), None, surroundings)?;
        Ok(Opened { repository: Arc::new(repository), _cache: cache })
    }

    /// Backs the source up.
    pub fn backup(
        &self,
        repository: &Arc<Repository>,
        monitor: Arc<dyn Monitor>,
    ) -> Result<BackupReport, snapstore::ops::BackupError> {
        let files = FilesBackup { paths: vec![self.root()], ..FilesBackup::default() };
        let options = backup_options(self.clock.now());
        backup_files(repository, &files, &options, monitor)
    }

    /// Prunes, without waiting for anybody; `dead` says whether those under way are.
    pub fn prune(
        &self,
        repository: &Arc<Repository>,
        dead: bool,
    ) -> Result<PruneReport, RepoError> {
        let options = PruneOptions {
            writer: Writer::default(),
            is_dead: &|_| dead,
            named_dead: Vec::new(),
            patience: Duration::ZERO,
            pause: &|_| {},
            thrift: Thrift { tolerated: 0.0, small: 1 << 10, rewrite: true },
            alone: false,
        };
        let monitor: Arc<dyn Monitor> = Arc::new(Silent);
        prune(repository, &options, &monitor)
    }

    /// What a restore of everything into `target` is told.
    pub fn restore_options(&self, target: &Path) -> RestoreOptions {
        RestoreOptions {
            paths: Vec::new(),
            filter: PathFilter::new(&[], &[]).unwrap(),
            target: target.to_path_buf(),
            conflict: Conflict::Skip,
            delete: false,
            dry_run: false,
            verify: false,
            numeric_ids: true,
            no_ownership: false,
            root: snapstore::ops::Root::Whole,
        }
    }
}

/// Bytes of the file that needs a list of chunks.
const MANY: usize = 400_000;

pub fn credential() -> Credential {
    Credential::KeyFile(Secret::new([7; 32]))
}

/// Sets an attribute, where the file system can keep it.
fn note(path: &Path, name: &str, value: &[u8]) {
    let _ = rustix::fs::setxattr(path, name, value, rustix::fs::XattrFlags::empty());
}

/// Enough links with long names that the directory is cut, after one of a name that ends a
/// piece.
fn write_wide(folder: &Path, chunk_key: &Secret) {
    let cutter = PieceCutter::new(chunk_key, 9);
    let padding = "x".repeat(180);
    let is_end = |name: &String| cutter.ends_after(0, name.as_bytes());
    let end = (0..).map(|number| format!("m{number:06}{padding}")).find(is_end).unwrap();
    let before = (0..70).map(|number| format!("a{number:06}{padding}"));
    let after = (0..5).map(|number| format!("z{number:06}{padding}"));
    for name in before.chain([end]).chain(after) {
        let target = format!("../{}", "y".repeat(120));
        std::os::unix::fs::symlink(target, folder.join(name)).unwrap();
    }
}

pub fn copy_folder(from: &Path, to: &Path) {
    for child in fs::read_dir(from).unwrap() {
        let (path, name) = (child.as_ref().unwrap().path(), child.unwrap().file_name());
        match path.is_dir() {
            true => {
                fs::create_dir_all(to.join(&name)).unwrap();
                copy_folder(&path, &to.join(&name));
            }
            false => {
                fs::copy(&path, to.join(&name)).unwrap();
            }
        }
    }
}

impl Sample {
    /// Every object of a stage.
    pub fn objects(storage: &MemoryStorage) -> Vec<ObjectName> {
        let mut names = Vec::new();
        for folder in Folder::ALL {
            names.extend(storage.list(folder).unwrap().into_iter().map(|listed| listed.name));
        }
        names
    }
}

/// Three segments of a change log.
fn put_log(repository: &Repository) {
    let place = |second: u8| LogPlace {
        at: ClusterTime { seconds: second.into(), increment: 1 },
        term: 1,
        hash: [second; 32],
        wall: 0,
    };
    let mut last: Option<SegmentHeader> = None;
    for number in 1..=3 {
        let entries = DocumentBuilder::new().timestamp("ts", number.into(), 1).finish();
        let header = SegmentHeader {
            number: number.into(),
            previous: last.as_ref().map_or([0; 32], SegmentHeader::hash),
            window: 1,
            server: "rs0".to_owned(),
            begin: place(number - 1),
            end: place(number),
            last_kept: Some(place(number).at),
            seen: 1,
            kept: 1,
            length: entries.len() as u64,
            entries_hash: *blake3::hash(&entries).as_bytes(),
            ..SegmentHeader::default()
        };
        let stream = repository.log_stream_id("rs0", &[]);
        last = Some(header.clone());
        let segments = Segments { headers: vec![header], entries };
        repository.put_segments(&stream, &segments).unwrap();
    }
}
