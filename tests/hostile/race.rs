//! Somebody swaps folders and files of the target for links, as fast as can be, while it is
//! restored into: nothing that they lead to is ever touched.

use crate::support::{backup_options, noise, torture_time};
use rustix::fs::{CWD, Mode, OFlags, RenameFlags, ResolveFlags, openat, openat2, renameat_with};
use snapstore::codec::Secret;
use snapstore::files::PathFilter;
use snapstore::format::RepositoryConfig;
use snapstore::model::{OsEntropy, Silent, Snapshot, SystemClock};
use snapstore::ops::{Conflict, FilesBackup, RestoreOptions, Root, backup_files, restore};
use snapstore::repo::{Credential, InitOptions, Repository, Surroundings, init};
use snapstore::storage::MemoryStorage;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

/// What is swapped, and where the links lead.
const SWAPPED: &[(&str, &str)] = &[
    ("a", "a"),
    ("a/b", "a/b"),
    ("a/b/file", "a/b/file"),
    ("a/b/one", "a/b/one"),
    ("a/c", "a/b"),
    ("a/c/deep", "a/b"),
    ("a/c/deep/file", "a/b/file"),
    ("a/link", "a"),
];

struct Race {
    root: tempfile::TempDir,
    repository: Arc<Repository>,
    snapshot: Snapshot,
}

impl Race {
    fn new() -> Self {
        let root = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        for (place, text) in [("source", "restored"), ("outside", "outside")] {
            write_tree(&root.path().join(place), text);
        }
        fs::write(root.path().join("outside/a/b/more"), "outside").unwrap();
        fs::set_permissions(root.path().join("source/a/b"), fs::Permissions::from_mode(0o701))
            .unwrap();
        fs::create_dir(root.path().join("spare")).unwrap();
        let (clock, entropy) = (Arc::new(SystemClock), Arc::new(OsEntropy));
        let surroundings = Surroundings { clock, entropy, cache: None, workers: 2 };
        let options =
            InitOptions { config: RepositoryConfig::standard(Vec::new()), label: String::new() };
        let storage = Arc::new(MemoryStorage::new(Arc::new(SystemClock)));
        let credential = Credential::KeyFile(Secret::new([7; 32]));
        let repository = Arc::new(init(storage, &credential, options, surroundings).unwrap());
        let files =
            FilesBackup { paths: vec![root.path().join("source")], ..FilesBackup::default() };
        let options = backup_options(jiff::Timestamp::now());
        let report = backup_files(&repository, &files, &options, Arc::new(Silent)).unwrap();
        Self { root, repository, snapshot: report.snapshot.unwrap() }
    }

    fn at(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    /// Where `a` is restored to.
    fn restored(&self) -> PathBuf {
        self.at("target").join(self.at("source").strip_prefix("/").unwrap())
    }

    fn restore(&self, round: u64) {
        let options = RestoreOptions {
            paths: Vec::new(),
            filter: PathFilter::new(&[], &[]).unwrap(),
            target: self.at("target"),
            conflict: if round.is_multiple_of(4) { Conflict::Skip } else { Conflict::Overwrite },
            delete: round % 3 == 1,
            dry_run: round % 7 == 6,
            verify: round.is_multiple_of(5),
            numeric_ids: true,
            no_ownership: false,
            root: Root::Whole,
        };
        // It may well fail: things are not where they were.
        let _ = restore(&self.repository, &self.snapshot, &options, &|_| {}, Arc::new(Silent));
    }

    /// Swaps until it is told to end.
    fn swap(&self, ends: &AtomicBool, rounds: &AtomicU64) {
        while !ends.load(Ordering::Relaxed) {
            for (number, swapped) in SWAPPED.iter().enumerate() {
                let done = self.swap_one(number, swapped).is_ok();
                rounds.fetch_add(u64::from(done), Ordering::Relaxed);
            }
        }
    }

    /// Swaps a thing of the target, which may be a link by now, for what is kept in its place. Does
    /// not go through links itself.
    fn swap_one(&self, number: usize, (from, to): &(&str, &str)) -> rustix::io::Result<()> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let (folder, name) = from.rsplit_once('/').unwrap_or((".", from));
        let target = openat(CWD, self.restored(), flags, Mode::empty())?;
        let how = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
        let folder = openat2(&target, folder, flags, Mode::empty(), how)?;
        let kept = self.at(&format!("spare/{number}"));
        let is_link = |path: &Path| fs::symlink_metadata(path).is_ok_and(|m| m.is_symlink());
        let there = rustix::fs::readlinkat(&folder, name, Vec::new());
        if !is_link(&kept) && there.is_err() {
            let _ = fs::remove_dir_all(&kept).or_else(|_| fs::remove_file(&kept));
            let _ = symlink(self.at("outside").join(to), &kept);
        }
        renameat_with(CWD, &kept, &folder, name, RenameFlags::EXCHANGE)
    }
}

fn write_tree(root: &Path, text: &str) {
    fs::create_dir_all(root.join("a/b")).unwrap();
    fs::create_dir_all(root.join("a/c/deep")).unwrap();
    for file in ["a/b/file", "a/b/one", "a/b/second", "a/c/deep/file"] {
        fs::write(root.join(file), text).unwrap();
    }
    fs::write(root.join("a/c/large"), noise(text, 300_000)).unwrap();
    fs::hard_link(root.join("a/b/one"), root.join("a/c/two")).unwrap();
    symlink("b/file", root.join("a/link")).unwrap();
}

/// All that a write, or a change of any metadata, would change.
fn look(root: &Path) -> Vec<String> {
    let (mut lines, mut pending) = (Vec::new(), vec![root.to_owned()]);
    while let Some(path) = pending.pop() {
        let metadata = fs::symlink_metadata(&path).unwrap();
        let content = if metadata.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
        lines.push(format!(
            "{path:?} {} {:o} {} {}.{} {}.{} {}",
            metadata.ino(),
            metadata.mode(),
            metadata.nlink(),
            metadata.mtime(),
            metadata.mtime_nsec(),
            metadata.ctime(),
            metadata.ctime_nsec(),
            blake3::hash(&content),
        ));
        if metadata.is_dir() {
            pending.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
    }
    lines.sort();
    lines
}

#[test]
fn links_that_come_and_go_lead_nowhere() {
    let race = Race::new();
    let before = look(&race.at("outside"));
    let (ends, rounds) = (AtomicBool::new(false), AtomicU64::new(0));
    let begun = Instant::now();
    let mut restores = 0;
    std::thread::scope(|scope| {
        scope.spawn(|| race.swap(&ends, &rounds));
        // Nothing may panic here while the other goes on.
        while begun.elapsed() < torture_time() && look(&race.at("outside")) == before {
            race.restore(restores);
            restores += 1;
        }
        ends.store(true, Ordering::Relaxed);
    });
    assert_eq!(look(&race.at("outside")), before, "after {restores} restores");
    let rounds = rounds.into_inner();
    println!("{rounds} swaps while {restores} restores were under way");
    assert!(rounds > 100 && restores > 1, "{rounds} swaps, {restores} restores");
}
