//! The change log in the repository: what is put is read back in order, gaps are seen, merging
//! and pruning take nothing that somebody needs.

use jiff::{SignedDuration, Timestamp};
use snapstore::codec::{DocumentBuilder, Secret};
use snapstore::format::{LogPlace, RepositoryConfig, SegmentHeader, Segments, segment_name};
use snapstore::model::{Clock, ClusterTime, OsEntropy, Silent};
use snapstore::ops::{LogCopyReport, copy_log, prune_log};
use snapstore::repo::{
    Credential, InitOptions, LogStream, RepoError, Repository, Surroundings, init, open,
};
use snapstore::storage::{Folder, Listed, MemoryStorage, ObjectName, Put, Storage, StorageError};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

/// A clock that is set.
struct Set(Mutex<Timestamp>);

impl Clock for Set {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

/// A repository in memory, and who writes into its log.
struct Log {
    storage: Arc<MemoryStorage>,
    repository: Arc<Repository>,
    clock: Arc<Set>,
    last: Option<SegmentHeader>,
}

fn credential() -> Credential {
    Credential::KeyFile(Secret::new([7; 32]))
}

fn at(second: u32) -> ClusterTime {
    ClusterTime { seconds: second, increment: 1 }
}

fn entry(second: u32) -> Vec<u8> {
    DocumentBuilder::new().string("op", "i").timestamp("ts", second, 1).finish()
}

fn place(second: u32) -> LogPlace {
    LogPlace { at: at(second), term: 1, hash: *blake3::hash(&entry(second)).as_bytes(), wall: 0 }
}

impl Log {
    fn new() -> Self {
        let clock = Arc::new(Set(Mutex::new("2025-11-28T02:00:00Z".parse().unwrap())));
        let storage = Arc::new(MemoryStorage::new(clock.clone()));
        let surroundings = Surroundings {
            clock: clock.clone(),
            entropy: Arc::new(OsEntropy),
            cache: None,
            workers: 1,
        };
        let config = RepositoryConfig::standard(Vec::new());
        let options = InitOptions { config, label: "test".to_owned() };
        init(storage.clone(), &credential(), options, surroundings.clone()).unwrap();
        let repository = open(storage.clone(), &credential(), None, surroundings).unwrap();
        Self { storage, repository: Arc::new(repository), clock, last: None }
    }

    /// The same through another storage.
    fn open(&self, storage: Arc<dyn Storage>) -> Arc<Repository> {
        let (clock, entropy) = (self.clock.clone(), Arc::new(OsEntropy));
        let surroundings = Surroundings { clock, entropy, cache: None, workers: 1 };
        Arc::new(open(storage, &credential(), None, surroundings).unwrap())
    }

    fn pass(&self, seconds: i64) {
        let mut now = self.clock.0.lock().unwrap();
        *now += SignedDuration::from_secs(seconds);
    }

    /// The segment after the last one, with an entry a second.
    fn segment(&self, begin: u32, end: u32, gap: Option<&str>) -> Segments {
        let number = self.last.as_ref().map_or(1, |last| last.number + 1);
        let is_first = number == 1 || gap.is_some();
        let first = if is_first { begin } else { begin + 1 };
        let entries: Vec<u8> = (first..=end).flat_map(entry).collect();
        let kept = u64::from(end - first + 1);
        let window = match &self.last {
            Some(last) if !is_first => last.window,
            _ => number,
        };
        let header = SegmentHeader {
            number,
            previous: self.last.as_ref().map_or([0; 32], SegmentHeader::hash),
            window,
            gap: gap.map(str::to_owned),
            server: "rs0".to_owned(),
            databases: vec!["bot".to_owned()],
            begin: place(begin),
            end: place(end),
            last_kept: Some(at(end)),
            seen: kept,
            kept,
            length: entries.len() as u64,
            entries_hash: *blake3::hash(&entries).as_bytes(),
            ..SegmentHeader::default()
        };
        Segments { headers: vec![header], entries }
    }

    fn put(&mut self, segments: &Segments) {
        let header = segments.headers[0].clone();
        let id = self.repository.log_stream_id(&header.server, &header.databases);
        assert_eq!(self.repository.put_segments(&id, segments).unwrap(), Put::Created);
        self.last = Some(header);
    }

    /// A segment with nothing in it but its end.
    fn add_between(&mut self, begin: u32, end: u32) {
        let mut segments = self.segment(begin, begin + 1, None);
        segments.headers[0].end = place(end);
        self.put(&segments);
    }

    fn add(&mut self, begin: u32, end: u32) {
        self.put(&self.segment(begin, end, None));
    }

    fn stream(&self) -> LogStream {
        let (mut streams, damaged) = self.repository.log_streams().unwrap();
        assert!(damaged.is_empty());
        streams.pop().unwrap()
    }

    fn names(&self) -> Vec<String> {
        let listed = self.storage.list(Folder::Log).unwrap().into_iter();
        let mut names: Vec<_> = listed.map(|listed| listed.name.last().to_owned()).collect();
        names.sort();
        names
    }
}

/// The seconds of what a stream has in the window of `from`.
fn read(stream: &LogStream, from: u32, to: u32) -> Result<Vec<u32>, RepoError> {
    let windows = stream.windows().unwrap();
    let window = windows.iter().rfind(|window| window.first.at <= at(from)).unwrap();
    let entries = stream.entries(window, at(from), at(to))?;
    let second = |raw: Vec<u8>| (0..1000).find(|second| entry(*second) == raw).unwrap();
    entries.map(|raw| Ok(second(raw?))).collect()
}

#[test]
fn entries_come_back_in_order_from_where_they_are_asked_for() {
    let mut log = Log::new();
    for begin in 0..20 {
        log.add(10 + begin * 10, 20 + begin * 10);
    }
    let stream = log.stream();
    assert!(stream.has("rs0", "bot") && !stream.has("rs0", "other") && !stream.has("x", "bot"));
    assert_eq!(read(&stream, 10, 999).unwrap(), (10..=210).collect::<Vec<_>>());
    // From the beginning of the segment on, for the sake of transactions.
    assert_eq!(read(&stream, 55, 73).unwrap(), (51..=73).collect::<Vec<_>>());
    let windows = stream.windows().unwrap();
    assert_eq!(windows.len(), 1);
    assert_eq!((windows[0].first, windows[0].last), (place(10), place(210)));
}

#[test]
fn reading_begins_with_the_oldest_transaction_that_is_under_way() {
    let mut log = Log::new();
    log.add(10, 20);
    log.add(20, 30);
    let mut third = log.segment(30, 40, None);
    third.headers[0].oldest_open = Some(at(15));
    log.put(&third);
    assert_eq!(read(&log.stream(), 35, 38).unwrap(), (15..=38).collect::<Vec<_>>());
    // Where the segment before ends with its first part.
    let mut fourth = log.segment(40, 50, None);
    fourth.headers[0].oldest_open = Some(at(40));
    log.put(&fourth);
    assert_eq!(read(&log.stream(), 45, 46).unwrap(), (40..=46).collect::<Vec<_>>());
}

#[test]
fn a_gap_has_both_ends() {
    let mut log = Log::new();
    log.add(10, 20);
    log.add(20, 30);
    let after = log.segment(50, 60, Some("the log was too short"));
    log.put(&after);
    log.add(60, 70);
    let windows = log.stream().windows().unwrap();
    let ends: Vec<_> = windows.iter().map(|window| (window.first, window.last)).collect();
    assert_eq!(ends, [(place(10), place(30)), (place(50), place(70))]);
    let gap = windows[1].gap.clone().unwrap();
    assert_eq!((gap.from, gap.to), (place(30), place(50)));
    assert_eq!(gap.why, "the log was too short");
    assert_eq!(windows[0].gap, None);
}

#[test]
fn what_is_missing_or_damaged_is_no_part_of_a_window() {
    let mut log = Log::new();
    for begin in 1..6 {
        log.add(begin * 10, begin * 10 + 10);
    }
    let name = segment_name(&log.stream().id, 3, 3).parse().unwrap();
    log.storage.delete(&name).unwrap();
    let stream = log.stream();
    let ends: Vec<_> = stream.windows().unwrap().iter().map(|window| window.numbers).collect();
    assert_eq!(ends, [(1, 2), (4, 5)]);
    assert!(stream.windows().unwrap()[1].gap.is_some());
    assert_eq!(read(&stream, 40, 60).unwrap(), (41..=60).collect::<Vec<_>>());
}

#[test]
fn two_who_write_do_not_both_have_a_number() {
    let mut log = Log::new();
    log.add(10, 20);
    let other = log.segment(20, 25, None);
    log.add(20, 30);
    let id = log.stream().id;
    assert_eq!(log.repository.put_segments(&id, &other).unwrap(), Put::Exists);
    assert_eq!(read(&log.stream(), 10, 99).unwrap(), (10..=30).collect::<Vec<_>>());
}

#[test]
fn a_day_later_segments_are_merged_by_the_hour() {
    let mut log = Log::new();
    for begin in 0..6 {
        log.add(10 + begin * 10, 20 + begin * 10);
        log.pass(1200);
    }
    let before = log.stream();
    assert_eq!(before.merge().unwrap().objects, 0, "it is too early");
    log.pass(24 * 3600);
    log.add(70, 80);
    let merged = log.stream().merge().unwrap();
    assert_eq!((merged.objects, merged.replaced), (2, 6));
    assert_eq!(log.names(), ["1-3", "4-6", "7-7"]);
    assert_eq!(read(&log.stream(), 10, 99).unwrap(), (10..=80).collect::<Vec<_>>());
    // Who listed before the merge finds the segments where they are now.
    assert_eq!(read(&before, 10, 99).unwrap(), (10..=70).collect::<Vec<_>>());
    assert_eq!(log.stream().merge().unwrap(), snapstore::repo::MergedLog::default());
}

#[test]
fn a_merge_that_was_killed_goes_on() {
    let mut log = Log::new();
    let first = log.segment(10, 20, None);
    log.put(&first);
    log.add(20, 30);
    log.pass(25 * 3600);
    log.add(30, 40);
    log.stream().merge().unwrap();
    let id = log.stream().id;
    log.repository.put_segments(&id, &first).unwrap();
    assert_eq!(log.names(), ["1-1", "1-2", "3-3"]);
    assert_eq!(read(&log.stream(), 10, 99).unwrap(), (10..=40).collect::<Vec<_>>());
    assert_eq!(log.stream().merge().unwrap().replaced, 1);
    assert_eq!(log.names(), ["1-2", "3-3"]);
}

#[test]
fn what_a_base_needs_stays_and_so_does_the_newest() {
    let mut log = Log::new();
    for begin in 1..5 {
        log.add(begin * 10, begin * 10 + 10);
    }
    let mut last = log.segment(50, 60, None);
    last.headers[0].oldest_open = Some(at(25));
    log.put(&last);
    let stream = log.stream();
    assert_eq!(stream.needed_from(at(35)).unwrap(), Some(3));
    assert_eq!(stream.needed_from(at(55)).unwrap(), Some(2));
    assert_eq!(stream.needed_from(at(99)).unwrap(), None);
    assert_eq!(stream.before(3).0, 2);
    assert_eq!(stream.delete_before(3).unwrap(), 2);
    assert_eq!(log.names(), ["3-3", "4-4", "5-5"]);
    let windows = log.stream().windows().unwrap();
    assert_eq!((windows[0].first, windows[0].last), (place(30), place(60)));
    // Who reads the old ones is told.
    let begun = stream.windows().unwrap_err();
    assert!(matches!(begun, RepoError::LogPruned { .. }), "{begun}");
    log.stream().delete_before(u64::MAX).unwrap();
    assert_eq!(log.names(), ["5-5"]);
}

#[test]
fn a_log_is_copied_once_and_the_chain_with_it() {
    let (mut log, other) = (Log::new(), Log::new());
    log.add(10, 20);
    log.add(20, 30);
    let copy = |log: &Log| copy_log(&log.repository, &other.repository, &Silent).unwrap();
    assert_eq!(copy(&log), LogCopyReport { objects: 2, refused: 0 });
    log.add(30, 40);
    assert_eq!(copy(&log), LogCopyReport { objects: 1, refused: 0 });
    assert_eq!(copy(&log), LogCopyReport::default());
    assert_eq!(read(&other.stream(), 10, 99).unwrap(), (10..=40).collect::<Vec<_>>());
    assert_ne!(other.stream().id, log.stream().id);
    // Merged here, and not there.
    log.pass(25 * 3600);
    log.add(40, 50);
    log.stream().merge().unwrap();
    copy(&log);
    assert_eq!(read(&other.stream(), 10, 99).unwrap(), (10..=50).collect::<Vec<_>>());
    // Another log of the same name is left alone.
    let mut third = Log::new();
    third.add(11, 21);
    assert_eq!(copy(&third), LogCopyReport { objects: 0, refused: 1 });
}

#[test]
fn the_log_is_kept_for_its_time_and_a_day() {
    const DAY: u32 = 24 * 3600;
    let mut log = Log::new();
    let mut begin = 10;
    for day in 1..=10 {
        log.add_between(begin, day * DAY);
        begin = day * DAY;
    }
    let now = "2025-11-28T02:00:00[UTC]".parse().unwrap();
    let keep = |days: &str| prune_log(&log.repository, days.parse().unwrap(), &now).unwrap();
    assert_eq!(keep("14d").deleted, 0);
    // The days 6 to 10 are four days and the one that they are kept longer.
    assert_eq!(keep("4d").deleted, 4);
    assert_eq!(log.stream().first_number(), 5);
    assert_eq!(keep("4d").deleted, 0);
    // By the end of the log, which is long ago.
    assert_eq!(keep("1h").deleted, 4);
    assert_eq!(keep("0h").deleted, 0);
}

/// Fails every call after so many, as a process that was killed makes no more.
struct Killed {
    inner: Arc<MemoryStorage>,
    left: AtomicUsize,
}

impl Killed {
    fn call(&self) -> Result<(), StorageError> {
        let left = self.left.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1));
        let failed = || StorageError::Unavailable { what: "it".into(), why: "killed".into() };
        left.map(drop).map_err(|_| failed())
    }
}

impl Storage for Killed {
    fn put_if_absent(&self, name: &ObjectName, bytes: &[u8]) -> Result<Put, StorageError> {
        self.call().and_then(|()| self.inner.put_if_absent(name, bytes))
    }
    fn get(&self, name: &ObjectName, limit: u64) -> Result<Vec<u8>, StorageError> {
        self.call().and_then(|()| self.inner.get(name, limit))
    }
    fn get_range(
        &self,
        name: &ObjectName,
        offset: u64,
        length: usize,
    ) -> Result<Vec<u8>, StorageError> {
        self.call().and_then(|()| self.inner.get_range(name, offset, length))
    }
    fn list(&self, folder: Folder) -> Result<Vec<Listed>, StorageError> {
        self.call().and_then(|()| self.inner.list(folder))
    }
    fn delete(&self, name: &ObjectName) -> Result<(), StorageError> {
        self.call().and_then(|()| self.inner.delete(name))
    }
    fn address(&self) -> String {
        self.inner.address()
    }
}

/// At every call a merge may end; a second one beside it may have begun before, on the same
/// listing. Nothing is ever missing, and the next merge leaves nothing behind.
#[test]
fn a_merge_may_be_killed_at_any_call_beside_another() {
    for calls in 0.. {
        let mut log = Log::new();
        for begin in 0..9 {
            log.add(10 + begin * 10, 20 + begin * 10);
            log.pass(900);
        }
        log.pass(24 * 3600);
        log.add(100, 110);
        let expected: Vec<u32> = (10..=110).collect();
        let other = log.stream();
        let storage = Arc::new(Killed { inner: log.storage.clone(), left: usize::MAX.into() });
        let repository = log.open(storage.clone());
        let (mut streams, _) = repository.log_streams().unwrap();
        let doomed = streams.pop().unwrap();
        storage.left.store(calls, Relaxed);
        let is_over = doomed.merge().is_ok();
        assert_eq!(read(&log.stream(), 10, 999).unwrap(), expected, "after {calls} calls");
        other.merge().unwrap();
        assert_eq!(read(&log.stream(), 10, 999).unwrap(), expected, "after {calls} calls");
        log.stream().merge().unwrap();
        assert_eq!(log.names(), ["1-4", "10-10", "5-8", "9-9"], "after {calls} calls");
        if is_over {
            assert!(calls > 15, "it made hardly a call");
            break;
        }
    }
}
