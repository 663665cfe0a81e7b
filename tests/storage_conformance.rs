//! Every line of the contract on [`Storage`], held against every implementation.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Barrier, Mutex};

use snapstore::model::{OsEntropy, SessionId, SystemClock};
use snapstore::storage::sim::{self, SimOptions, SimWorld};
use snapstore::storage::{
    Folder, LocalStorage, MemoryStorage, ObjectName, Patience, Put, RecordStorage, RetryStorage,
    Storage, StorageError,
};

/// Makes a test of each function of the suite for one kind of storage.
macro_rules! conformance {
    ($kind:ident, $make:expr) => {
        mod $kind {
            use super::*;

            conformance!(@tests $make;
                an_object_reads_back,
                the_first_put_wins,
                one_of_many_puts_at_once_creates,
                what_is_absent_says_so,
                an_object_above_the_limit_is_refused,
                ranges_are_exact,
                listings_show_one_folder,
                listings_show_size_and_time,
                deleting_may_be_repeated,
                a_deleted_name_is_free_again,
                sessions_come_and_go_at_once,
                sweeping_keeps_objects,
                a_reserve_is_no_object,
            );
        }
    };
    (@tests $make:expr; $($test:ident,)*) => {
        $(
            #[test]
            fn $test() {
                let (storage, _keep) = $make;
                super::$test(&storage);
            }
        )*
    };
}

conformance!(memory, (memory(), ()));
conformance!(local, local());
conformance!(retry_over_memory, (retry(), ()));
conformance!(record_over_memory, (RecordStorage::new(Arc::new(memory())), ()));

fn memory() -> MemoryStorage {
    MemoryStorage::new(Arc::new(SystemClock))
}

fn retry() -> RetryStorage {
    let pause = Arc::new(|_| panic!("nothing to wait for"));
    RetryStorage::new(Arc::new(memory()), Patience::default(), Arc::new(OsEntropy), pause)
}

fn local() -> (LocalStorage, tempfile::TempDir) {
    let folder = folder();
    let storage = LocalStorage::create(&folder.path().join("new/repository")).unwrap();
    (storage, folder)
}

/// In memory, where flushing costs nothing.
fn folder() -> tempfile::TempDir {
    let fast = Path::new("/dev/shm");
    match fast.is_dir() {
        true => tempfile::tempdir_in(fast).unwrap(),
        false => tempfile::tempdir().unwrap(),
    }
}

fn name(text: &str) -> ObjectName {
    text.parse().unwrap()
}

fn names(storage: &dyn Storage, folder: Folder) -> Vec<String> {
    let listed = storage.list(folder).unwrap();
    let mut names: Vec<String> = listed.iter().map(|object| object.name.to_string()).collect();
    names.sort();
    names
}

const ONE_OF_EACH: [&str; 11] = [
    "snap.json",
    "keys/k",
    "config/1",
    "packs/ab/abcd",
    "packs/cd/cdef",
    "index/i",
    "sessions/5/0",
    "snapshots/5",
    "forgotten/4",
    "prune/1.mark",
    "damaged/abcd",
];

fn an_object_reads_back(storage: &dyn Storage) {
    for text in ONE_OF_EACH {
        assert_eq!(storage.put_if_absent(&name(text), text.as_bytes()).unwrap(), Put::Created);
    }
    for text in ONE_OF_EACH {
        assert_eq!(storage.get(&name(text), 100).unwrap(), text.as_bytes());
    }
    let large: Vec<u8> = (0..3_000_000u32).map(|number| number as u8).collect();
    storage.put_if_absent(&name("index/large"), &large).unwrap();
    assert!(storage.get(&name("index/large"), 3_000_000).unwrap() == large);
    storage.put_if_absent(&name("index/empty"), b"").unwrap();
    assert_eq!(storage.get(&name("index/empty"), 0).unwrap(), b"");
}

fn the_first_put_wins(storage: &dyn Storage) {
    let name = name("snapshots/1");
    assert_eq!(storage.put_if_absent(&name, b"first").unwrap(), Put::Created);
    assert_eq!(storage.put_if_absent(&name, b"first").unwrap(), Put::Exists);
    assert_eq!(storage.put_if_absent(&name, b"second").unwrap(), Put::Exists);
    assert_eq!(storage.get(&name, 100).unwrap(), b"first");
}

fn one_of_many_puts_at_once_creates(storage: &dyn Storage) {
    const THREADS: usize = 8;
    for round in 0..20 {
        let name = name(&format!("packs/{round:02}/{round}"));
        let start = Barrier::new(THREADS);
        let put = |thread: usize| {
            start.wait();
            let bytes = vec![thread as u8; 10_000];
            let put = storage.put_if_absent(&name, &bytes).unwrap();
            // Whoever has an answer sees the object whole, and the same as everybody else.
            assert_eq!(names(storage, Folder::Packs).len(), round + 1);
            (put, bytes, storage.get(&name, 10_000).unwrap())
        };
        let put = &put;
        let results: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..THREADS).map(|thread| scope.spawn(move || put(thread))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let winners: Vec<_> = results.iter().filter(|(put, ..)| *put == Put::Created).collect();
        assert_eq!(winners.len(), 1);
        assert!(results.iter().all(|(_, _, read)| *read == winners[0].1));
    }
}

fn what_is_absent_says_so(storage: &dyn Storage) {
    storage.put_if_absent(&name("packs/ab/there"), b"x").unwrap();
    for text in ["snap.json", "keys/1", "packs/ab/1", "packs/cd/1", "sessions/1/0"] {
        let absent = |error: StorageError| match error {
            StorageError::Absent { name } => name.to_string(),
            other => panic!("{other}"),
        };
        assert_eq!(absent(storage.get(&name(text), 10).unwrap_err()), text);
        assert_eq!(absent(storage.get_range(&name(text), 0, 1).unwrap_err()), text);
    }
}

fn an_object_above_the_limit_is_refused(storage: &dyn Storage) {
    storage.put_if_absent(&name("index/1"), b"12345").unwrap();
    assert_eq!(storage.get(&name("index/1"), 5).unwrap(), b"12345");
    let error = storage.get(&name("index/1"), 4).unwrap_err();
    assert!(matches!(error, StorageError::TooLarge { size: 5, limit: 4, .. }), "{error}");
}

fn ranges_are_exact(storage: &dyn Storage) {
    let pack = name("packs/00/1");
    storage.put_if_absent(&pack, b"0123456789").unwrap();
    assert_eq!(storage.get_range(&pack, 0, 10).unwrap(), b"0123456789");
    assert_eq!(storage.get_range(&pack, 3, 4).unwrap(), b"3456");
    assert_eq!(storage.get_range(&pack, 10, 0).unwrap(), b"");
    let beyond =
        [(0, 11), (10, 1), (11, 0), (5, usize::MAX), (u64::MAX, 1), (u64::MAX, usize::MAX)];
    for (offset, length) in beyond {
        let error = storage.get_range(&pack, offset, length).unwrap_err();
        let end = offset.saturating_add(length as u64);
        assert!(matches!(error, StorageError::TooShort { end: at, .. } if at == end), "{error}");
    }
}

fn listings_show_one_folder(storage: &dyn Storage) {
    for folder in Folder::ALL {
        assert_eq!(storage.list(folder).unwrap(), []);
    }
    for text in ONE_OF_EACH {
        storage.put_if_absent(&name(text), b"x").unwrap();
    }
    for folder in Folder::ALL {
        let inside = |text: &&str| name(text).folder() == folder;
        let mut expected: Vec<&str> = ONE_OF_EACH.into_iter().filter(inside).collect();
        expected.sort();
        assert_eq!(names(storage, folder), expected);
    }
}

fn listings_show_size_and_time(storage: &dyn Storage) {
    let second = jiff::SignedDuration::from_secs(1);
    let before = jiff::Timestamp::now() - second;
    storage.put_if_absent(&name("packs/00/1"), &[7; 12_345]).unwrap();
    let listed = storage.list(Folder::Packs).unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].size, 12_345);
    assert!(listed[0].stored >= before && listed[0].stored <= jiff::Timestamp::now() + second);
}

fn deleting_may_be_repeated(storage: &dyn Storage) {
    for text in ["packs/00/1", "sessions/1/0", "keys/1"] {
        storage.delete(&name(text)).unwrap();
        storage.put_if_absent(&name(text), b"x").unwrap();
        storage.delete(&name(text)).unwrap();
        storage.delete(&name(text)).unwrap();
        assert!(matches!(storage.get(&name(text), 1), Err(StorageError::Absent { .. })));
        assert_eq!(storage.list(name(text).folder()).unwrap(), []);
    }
}

fn a_deleted_name_is_free_again(storage: &dyn Storage) {
    for text in ["packs/00/1", "sessions/1/0"] {
        storage.put_if_absent(&name(text), b"old").unwrap();
        storage.delete(&name(text)).unwrap();
        assert_eq!(storage.put_if_absent(&name(text), b"new").unwrap(), Put::Created);
        assert_eq!(storage.get(&name(text), 3).unwrap(), b"new");
    }
}

/// The last object of a session leaves while another one comes.
fn sessions_come_and_go_at_once(storage: &dyn Storage) {
    let come_and_go = |thread: usize| {
        for round in 0..200 {
            let name = name(&format!("sessions/1/{thread}"));
            assert_eq!(storage.put_if_absent(&name, b"x").unwrap(), Put::Created, "{round}");
            assert!(names(storage, Folder::Sessions).contains(&name.to_string()));
            storage.delete(&name).unwrap();
        }
    };
    let come_and_go = &come_and_go;
    std::thread::scope(|scope| {
        (0..4).for_each(|thread| drop(scope.spawn(move || come_and_go(thread))));
    });
    assert_eq!(storage.list(Folder::Sessions).unwrap(), []);
}

fn sweeping_keeps_objects(storage: &dyn Storage) {
    for text in ONE_OF_EACH {
        storage.put_if_absent(&name(text), b"x").unwrap();
    }
    storage.sweep(&|_| true).unwrap();
    let kept: usize = Folder::ALL.iter().map(|folder| storage.list(*folder).unwrap().len()).sum();
    assert_eq!(kept, ONE_OF_EACH.len());
}

fn a_reserve_is_no_object(storage: &dyn Storage) {
    storage.restore_reserve(1 << 16).unwrap();
    storage.restore_reserve(1 << 16).unwrap();
    assert_eq!(storage.list(Folder::Top).unwrap(), []);
    storage.release_reserve().unwrap();
    storage.release_reserve().unwrap();
    storage.restore_reserve(1 << 16).unwrap();
}

/// Where calls fail and answers are lost, patience makes the contract whole again.
#[test]
fn retry_makes_one_winner_in_a_storm() {
    sim::explore(0..300, |seed| {
        let options = SimOptions {
            error_rate: 0.3,
            lost_reply_rate: 0.3,
            late_rate: 0.3,
            ..SimOptions::calm()
        };
        let world = SimWorld::new(seed, options);
        let answers = Mutex::new(Vec::new());
        let put = |bytes: &'static [u8]| -> sim::Body<'_> {
            let answers = &answers;
            Box::new(move |storage, context| {
                let patience = Patience { attempts: 1000, ..Patience::default() };
                let storage = RetryStorage::new(storage, patience, context.entropy, context.pause);
                let put = storage.put_if_absent(&name("snapshots/1"), bytes).unwrap();
                answers.lock().unwrap().push((put, bytes));
            })
        };
        world.run(vec![("one", put(b"one")), ("two", put(b"two")), ("three", put(b"three"))]);
        let answers = answers.into_inner().unwrap();
        let mut winners = answers.iter().filter(|(put, _)| *put == Put::Created);
        let (_, winner) = winners.next().expect("one is told");
        assert!(winners.next().is_none());
        assert_eq!(world.memory().raw(&name("snapshots/1")).unwrap(), *winner);
    });
}

#[test]
fn local_passes_over_what_is_not_ours() {
    let (storage, folder) = local();
    let root = folder.path().join("new/repository");
    storage.put_if_absent(&name("packs/ab/1"), b"x").unwrap();
    storage.put_if_absent(&name("keys/1"), b"x").unwrap();
    for foreign in
        ["packs/.hidden", "packs/ab/.2", "packs/ab/a b", "packs/file", "keys/.3", "keys/ü"]
    {
        std::fs::write(root.join(foreign), b"x").unwrap();
    }
    for foreign in ["packs/ab/folder", "packs/lost+found", "keys/folder", "folder"] {
        std::fs::create_dir(root.join(foreign)).unwrap();
    }
    std::os::unix::fs::symlink("nowhere", root.join("keys/link")).unwrap();
    assert_eq!(names(&storage, Folder::Packs), ["packs/ab/1"]);
    assert_eq!(names(&storage, Folder::Keys), ["keys/1"]);
    assert_eq!(names(&storage, Folder::Top), [] as [String; 0]);
}

#[test]
fn local_keeps_others_out() {
    let (storage, folder) = local();
    let root = folder.path().join("new/repository");
    storage.put_if_absent(&name("packs/ab/1"), b"x").unwrap();
    for path in ["", "packs", "packs/ab"] {
        assert_eq!(root.join(path).metadata().unwrap().permissions().mode() & 0o777, 0o700);
    }
    let mode = root.join("packs/ab/1").metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o400);
}

#[test]
fn local_sweeps_the_leftovers_of_finished_sessions() {
    let (storage, folder) = local();
    let root = folder.path().join("new/repository");
    let (done, running) = (SessionId::new([1; 16]), SessionId::new([2; 16]));
    for text in ["packs/ab/1", "keys/1", "sessions/5/0", "snap.json"] {
        storage.put_if_absent(&name(text), b"x").unwrap();
    }
    let leftover = |path: &str| {
        let path = root.join(path);
        std::fs::write(&path, b"x").unwrap();
        path
    };
    let gone = ["", "packs/ab/", "keys/", "sessions/5/"]
        .map(|below| leftover(&format!("{below}.{done}-0.tmp")));
    let old = leftover("keys/.none-1.tmp");
    let long_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(25 * 3600);
    std::fs::File::options().write(true).open(&old).unwrap().set_modified(long_ago).unwrap();
    let kept = [
        leftover(&format!("packs/ab/.{running}-0.tmp")),
        leftover("keys/.none-0.tmp"),
        leftover("keys/.somebody-0.tmp"),
        leftover(&format!("keys/{done}-0.tmp")),
    ];
    storage.sweep(&|session| session == done.hex()).unwrap();
    assert!(gone.iter().chain([&old]).all(|path| !path.exists()));
    assert!(kept.iter().all(|path| path.exists()));
}

#[test]
fn local_needs_its_folder() {
    let folder = folder();
    let missing = folder.path().join("missing");
    let open = |path: &Path| LocalStorage::open(path).map(drop).unwrap_err();
    assert!(matches!(open(&missing), StorageError::NoPlace { .. }));
    std::fs::write(&missing, b"a file").unwrap();
    assert!(matches!(open(&missing), StorageError::Failed { .. }));
    assert!(LocalStorage::create(&missing).is_err());
}

#[test]
fn local_keeps_a_reserve_of_its_size() {
    let (storage, folder) = local();
    let reserve = folder.path().join("new/repository/reserve");
    let blocks = || std::os::unix::fs::MetadataExt::blocks(&reserve.metadata().unwrap());
    storage.restore_reserve(1 << 16).unwrap();
    assert_eq!(reserve.metadata().unwrap().len(), 1 << 16);
    assert_eq!(blocks() * 512, 1 << 16);
    storage.release_reserve().unwrap();
    assert!(!reserve.exists());
    storage.restore_reserve(1 << 12).unwrap();
    assert_eq!(reserve.metadata().unwrap().len(), 1 << 12);
    storage.restore_reserve(0).unwrap();
    assert!(!reserve.exists());
}

/// A disk of 1 MiB of its own, which takes the rights to mount one.
struct TinyDisk(PathBuf);

impl TinyDisk {
    fn mount(at: &Path) -> Option<Self> {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"]).arg(at);
        let mounted = mount.output().is_ok_and(|output| output.status.success());
        mounted.then(|| Self(at.to_path_buf()))
    }
}

impl Drop for TinyDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn local_on_a_disk_that_is_full_and_then_read_only() {
    let folder = folder();
    let Some(disk) = TinyDisk::mount(folder.path()) else {
        // Past the capture of test output: this must be seen.
        let _ = writeln!(std::io::stderr(), "\nNOT RUN: a full disk (needs the right to mount)\n");
        return;
    };
    let storage = LocalStorage::open(&disk.0).unwrap();
    storage.restore_reserve(256 << 10).unwrap();
    let put = |number: usize| {
        let name = name(&format!("packs/00/{number}"));
        storage.put_if_absent(&name, &vec![number as u8; 100_000])
    };
    let full = (0..20).find_map(|number| put(number).err()).unwrap();
    assert!(matches!(full, StorageError::Full { .. }), "{full}");
    let stored = storage.list(Folder::Packs).unwrap();
    assert!((5..=8).contains(&stored.len()), "{}", stored.len());
    for object in &stored {
        assert_eq!(storage.get(&object.name, 100_000).unwrap().len(), 100_000);
    }
    let files = std::fs::read_dir(disk.0.join("packs/00")).unwrap().count();
    assert_eq!(files, stored.len());

    storage.release_reserve().unwrap();
    assert_eq!(put(20).unwrap(), Put::Created);
    // Without the space for it there is none, and no error and no part of one either.
    storage.restore_reserve(256 << 10).unwrap();
    assert!(!disk.0.join("reserve").exists());
    for object in &stored {
        storage.delete(&object.name).unwrap();
    }
    storage.restore_reserve(256 << 10).unwrap();
    assert_eq!(disk.0.join("reserve").metadata().unwrap().len(), 256 << 10);

    let remount = Command::new("mount").args(["-o", "remount,ro"]).arg(&disk.0).status();
    assert!(remount.unwrap().success());
    assert!(matches!(put(21), Err(StorageError::Denied { .. })));
    assert!(matches!(storage.delete(&name("packs/00/20")), Err(StorageError::Denied { .. })));
    assert_eq!(storage.get(&name("packs/00/20"), 100_000).unwrap().len(), 100_000);
}
