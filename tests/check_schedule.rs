//! A check that reads a part at a time remembers which, and comes round.

use crate::support::backup_options;
use snapstore::codec::{ChunkParameters, Compression, Secret};
use snapstore::format::{RepositoryConfig, pack_name};
use snapstore::model::{Clock, OsEntropy, Silent};
use snapstore::ops::{self, CheckOptions, CheckReport, FilesBackup, ReadData, Verification};
use snapstore::repo::{self, Credential, InitOptions, Repository, Surroundings};
use snapstore::storage::{Folder, MemoryStorage, Storage};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A clock that is set by hand, and goes on by `step` each time it is looked at.
struct HandClock(Mutex<(jiff::Timestamp, Duration)>);

impl Clock for HandClock {
    fn now(&self) -> jiff::Timestamp {
        let mut hands = self.0.lock().unwrap();
        let (now, step) = *hands;
        hands.0 = now + step;
        hands.0
    }
}

struct Site {
    clock: Arc<HandClock>,
    storage: MemoryStorage,
    cache: tempfile::TempDir,
    repository: Arc<Repository>,
}

const DAY: Duration = Duration::from_secs(86_400);

impl Site {
    /// A repository of some twenty packs of equal size.
    fn new(workers: usize) -> Self {
        let start = "2025-11-01T00:00:00Z".parse().unwrap();
        let clock = Arc::new(HandClock(Mutex::new((start, Duration::ZERO))));
        let storage = MemoryStorage::new(Arc::clone(&clock) as Arc<dyn Clock>);
        let cache = tempfile::tempdir().unwrap();
        let config = RepositoryConfig {
            chunks: ChunkParameters::new(2048, 4096, 16_384).unwrap(),
            compression: Compression::None,
            pack_size: 64 << 10,
            reserve: 0,
            retention: Vec::new(),
        };
        let surroundings = Surroundings {
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            entropy: Arc::new(OsEntropy),
            cache: Some(cache.path().to_path_buf()),
            workers,
        };
        let credential = Credential::KeyFile(Secret::new([7; 32]));
        let options = InitOptions { config, label: String::new() };
        let made = repo::init(Arc::new(storage.clone()), &credential, options, surroundings);
        let site = Self { clock, storage, cache, repository: Arc::new(made.unwrap()) };
        site.backup();
        site
    }

    fn backup(&self) {
        let folder = tempfile::tempdir().unwrap();
        let mut content = vec![0; 1_400_000];
        blake3::Hasher::new().finalize_xof().fill(&mut content);
        std::fs::write(folder.path().join("data"), content).unwrap();
        let files =
            FilesBackup { paths: vec![folder.path().to_path_buf()], ..FilesBackup::default() };
        let options = backup_options(self.clock.now());
        ops::backup_files(&self.repository, &files, &options, Arc::new(Silent)).unwrap();
    }

    fn pass(&self, time: Duration) {
        self.clock.0.lock().unwrap().0 += time;
    }

    fn check(&self, options: CheckOptions) -> CheckReport {
        ops::check(&self.repository, options, Arc::new(Silent)).unwrap()
    }

    fn read(&self, read: ReadData) -> (CheckReport, Verification) {
        let report = self.check(CheckOptions { read, ..CheckOptions::default() });
        let verification = report.verification.unwrap();
        (report, verification)
    }

    /// Reads what was not verified for so many days.
    fn due(&self, read: ReadData, days: u32) -> CheckReport {
        let since = self.clock.now() - DAY * days;
        let verified_since = Some(since);
        self.check(CheckOptions { read, verified_since, ..CheckOptions::default() })
    }

    fn packs(&self) -> u64 {
        self.storage.list(Folder::Packs).unwrap().len() as u64
    }

    fn remembered(&self) -> PathBuf {
        self.cache.path().join(self.repository.id().hex()).join("verified")
    }
}

#[test]
fn parts_come_round() {
    for workers in [1, 2] {
        let site = Site::new(workers);
        let all = site.packs();
        assert!(all >= 20, "{all}");
        let (mut read, mut rounds) = (0, 0);
        while read < all {
            site.pass(DAY);
            let (report, verification) = site.read(ReadData::Percent(20.0));
            read += report.packs_read;
            rounds += 1;
            // None is read twice before each was read once.
            assert_eq!(verification.packs, read.min(all));
            assert_eq!(verification.never, all.saturating_sub(read));
        }
        assert!((5..=6).contains(&rounds), "{rounds}");
        let (_, verification) = site.read(ReadData::Percent(20.0));
        let oldest = site.clock.now() - verification.oldest.unwrap();
        assert!(oldest.get_seconds() <= rounds * DAY.as_secs() as i64);
        assert!(verification.is_remembered);
    }
}

#[test]
fn an_age_reads_exactly_what_is_due() {
    let site = Site::new(2);
    let all = site.packs();
    assert_eq!(site.due(ReadData::All, 30).packs_read, all);
    site.pass(DAY * 20);
    assert_eq!(site.due(ReadData::All, 30).packs_read, 0);
    let part = site.read(ReadData::Bytes(300_000)).0.packs_read;
    assert!(part > 1 && part < all);
    site.pass(DAY * 20);
    let report = site.due(ReadData::Part { number: 1, of: 1 }, 30);
    assert_eq!(report.packs_read, all - part);
    let verification = report.verification.unwrap();
    assert_eq!((verification.packs, verification.bytes), (all, verification.all_bytes));
    assert_eq!(site.due(ReadData::Percent(100.0), 30).packs_read, 0);
    site.backup();
    site.pass(DAY * 40);
    assert_eq!(site.due(ReadData::All, 30).packs_read, site.packs());
}

#[test]
fn no_pack_is_begun_when_the_time_is_up() {
    let site = Site::new(1);
    let all = site.packs();
    site.clock.0.lock().unwrap().1 = Duration::from_secs(1);
    let options = |seconds| CheckOptions {
        read: ReadData::All,
        max_duration: Some(Duration::from_secs(seconds)),
        ..CheckOptions::default()
    };
    let mut read = 0;
    while read < all {
        let report = site.check(options(12));
        let verification = report.verification.unwrap();
        assert!((1..all).contains(&report.packs_read), "{report:?}");
        read += report.packs_read;
        assert_eq!(verification.packs, read.min(all));
        assert_eq!(verification.left, all - report.packs_read);
    }
    // One at least, so that each run gets further.
    assert_eq!(site.check(options(0)).packs_read, 1);
    assert_eq!(site.check(options(u64::MAX)).packs_read, all);
}

#[test]
fn memory_that_was_lost_or_changed_is_none() {
    let site = Site::new(2);
    let all = site.packs();
    assert_eq!(site.due(ReadData::All, 30).packs_read, all);
    let bytes = std::fs::read(site.remembered()).unwrap();
    for at in [0, 10, 50, bytes.len() - 1] {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        std::fs::write(site.remembered(), changed).unwrap();
        assert_eq!(site.due(ReadData::All, 30).packs_read, all, "{at}");
    }
    std::fs::write(site.remembered(), &bytes[..bytes.len() - 40]).unwrap();
    assert_eq!(site.due(ReadData::All, 30).packs_read, all);
    std::fs::remove_file(site.remembered()).unwrap();
    assert_eq!(site.due(ReadData::All, 30).packs_read, all);
    assert_eq!(site.due(ReadData::All, 30).packs_read, 0);
}

#[test]
fn a_damaged_pack_is_not_verified() {
    let site = Site::new(2);
    assert_eq!(site.read(ReadData::All).1.never, 0);
    let listed = site.storage.list(Folder::Packs).unwrap();
    let largest = listed.iter().max_by_key(|listed| listed.size).unwrap();
    let id = largest.name.last().parse().unwrap();
    let name = pack_name(&id).parse().unwrap();
    let mut bytes = site.storage.raw(&name).unwrap();
    bytes[100] ^= 1;
    site.storage.overwrite(&name, &bytes);
    let (report, verification) = site.read(ReadData::All);
    assert_eq!((report.damages.len(), verification.never), (1, 1));
    assert_eq!(site.due(ReadData::All, 30).packs_read, 1);
}
