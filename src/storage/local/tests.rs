//! What only a disk that fails can show.

use std::os::fd::BorrowedFd;
use std::sync::Mutex;

use super::*;

/// Keeps the order of the calls, and refuses what it is told to.
#[derive(Default)]
struct Faulty {
    calls: Mutex<Vec<String>>,
    /// Flushes of files that will fail.
    failing_syncs: Mutex<usize>,
    no_rename: bool,
    /// The name of the last temporary file.
    renamed: Mutex<String>,
}

impl Disk for Faulty {
    fn sync(&self, file: BorrowedFd<'_>) -> io::Result<()> {
        let is_folder = rustix::fs::fstat(file)?.st_mode & 0o170_000 == 0o040_000;
        self.calls.lock().unwrap().push(format!("sync {}", ["file", "folder"][is_folder as usize]));
        let mut failing = self.failing_syncs.lock().unwrap();
        if !is_folder && *failing > 0 {
            *failing -= 1;
            return Err(rustix::io::Errno::IO.into());
        }
        Ok(())
    }

    fn rename(&self, folder: BorrowedFd<'_>, from: &str, to: &str) -> io::Result<()> {
        self.calls.lock().unwrap().push("rename".to_string());
        *self.renamed.lock().unwrap() = from.to_string();
        match self.no_rename {
            true => Err(rustix::io::Errno::INVAL.into()),
            false => Kernel.rename(folder, from, to),
        }
    }
}

fn storage(disk: Faulty) -> (tempfile::TempDir, LocalStorage, Arc<Faulty>) {
    let folder = tempfile::tempdir().unwrap();
    let root = File::open(folder.path()).unwrap();
    let disk = Arc::new(disk);
    let path = folder.path().to_path_buf();
    let storage = LocalStorage::at(path, Folders::new(root.into()), disk.clone());
    (folder, storage, disk)
}

fn name(text: &str) -> ObjectName {
    text.parse().unwrap()
}

fn files(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn bytes_are_flushed_before_the_name_and_the_name_before_the_answer() {
    let (_folder, storage, disk) = storage(Faulty::default());
    storage.put_if_absent(&name("keys/1"), b"1").unwrap();
    let first = ["sync folder", "sync file", "rename", "sync folder"];
    assert_eq!(*disk.calls.lock().unwrap(), first);
    disk.calls.lock().unwrap().clear();
    storage.put_if_absent(&name("keys/2"), b"2").unwrap();
    assert_eq!(*disk.calls.lock().unwrap(), first[1..]);
}

#[test]
fn an_object_that_exists_is_flushed_too() {
    let (_folder, storage, disk) = storage(Faulty::default());
    storage.put_if_absent(&name("keys/1"), b"1").unwrap();
    disk.calls.lock().unwrap().clear();
    assert_eq!(storage.put_if_absent(&name("keys/1"), b"1").unwrap(), Put::Exists);
    assert_eq!(*disk.calls.lock().unwrap(), ["sync folder"]);
}

#[test]
fn deletions_are_flushed_by_the_next_put() {
    let (_folder, storage, disk) = storage(Faulty::default());
    for text in ["keys/1", "keys/2", "prune/1.mark"] {
        storage.put_if_absent(&name(text), b"x").unwrap();
    }
    storage.delete(&name("keys/1")).unwrap();
    storage.delete(&name("keys/2")).unwrap();
    disk.calls.lock().unwrap().clear();
    storage.put_if_absent(&name("prune/1.done"), b"x").unwrap();
    let calls = ["sync folder", "sync file", "rename", "sync folder"];
    assert_eq!(*disk.calls.lock().unwrap(), calls);
}

#[test]
fn one_failed_flush_is_survived_by_a_new_file_and_two_are_an_error() {
    let (folder, storage, disk) =
        storage(Faulty { failing_syncs: Mutex::new(1), ..Faulty::default() });
    assert_eq!(storage.put_if_absent(&name("keys/1"), b"1").unwrap(), Put::Created);
    assert_eq!(storage.get(&name("keys/1"), 1).unwrap(), b"1");
    *disk.failing_syncs.lock().unwrap() = 2;
    let error = storage.put_if_absent(&name("keys/2"), b"2").unwrap_err();
    assert!(matches!(error, StorageError::Failed { .. }), "{error}");
    assert_eq!(files(&folder.path().join("keys")), ["1"]);
}

#[test]
fn a_disk_that_cannot_rename_without_replacing_links() {
    let (folder, storage, _) = storage(Faulty { no_rename: true, ..Faulty::default() });
    assert_eq!(storage.put_if_absent(&name("keys/1"), b"1").unwrap(), Put::Created);
    assert_eq!(storage.put_if_absent(&name("keys/1"), b"2").unwrap(), Put::Exists);
    assert_eq!(storage.get(&name("keys/1"), 1).unwrap(), b"1");
    assert_eq!(files(&folder.path().join("keys")), ["1"]);
}

#[test]
fn folders_that_are_there_are_flushed_once_for_all() {
    let (folder, storage, disk) = storage(Faulty::default());
    for path in ["packs", "packs/aa", "packs/bb"] {
        std::fs::create_dir(folder.path().join(path)).unwrap();
    }
    storage.put_if_absent(&name("packs/aa/1"), b"1").unwrap();
    disk.calls.lock().unwrap().clear();
    storage.put_if_absent(&name("packs/bb/1"), b"1").unwrap();
    assert_eq!(*disk.calls.lock().unwrap(), ["sync file", "rename", "sync folder"]);
}

#[test]
fn temporary_files_are_named_by_their_session() {
    let (_folder, storage, disk) = storage(Faulty::default());
    storage.put_if_absent(&name("keys/1"), b"1").unwrap();
    assert_eq!(*disk.renamed.lock().unwrap(), ".none-0.tmp");
    let session = SessionId::new([0xab; 16]);
    storage.for_session(&session).unwrap().put_if_absent(&name("keys/2"), b"2").unwrap();
    assert_eq!(*disk.renamed.lock().unwrap(), format!(".{session}-1.tmp"));
}

#[test]
fn a_listing_is_whole_or_says_that_it_is_not() {
    let (folder, storage, _) = storage(Faulty::default());
    for number in 0..10 {
        storage.put_if_absent(&name(&format!("config/{number}")), b"").unwrap();
    }
    std::fs::write(folder.path().join("config/.stranger"), b"").unwrap();
    let (listed, is_whole) = storage.list_objects(Folder::Config, 11).unwrap();
    assert_eq!((listed.len(), is_whole), (10, true));
    // Also where what is left out is perhaps no object.
    let (listed, is_whole) = storage.list_objects(Folder::Config, 10).unwrap();
    assert!((9..=10).contains(&listed.len()) && !is_whole);
    let session = SessionId::new([1; 16]);
    for number in 0..3 {
        storage.put_if_absent(&name(&format!("sessions/{session}/{number}")), b"").unwrap();
    }
    let whole = |most| storage.list_objects(Folder::Sessions, most).unwrap().1;
    assert_eq!((whole(4), whole(3), whole(0)), (true, false, false));
}

#[test]
fn a_long_listing_can_be_stopped() {
    let (folder, storage, _) = storage(Faulty::default());
    storage.put_if_absent(&name("config/0"), b"").unwrap();
    storage.put_if_absent(&name("prune/0.mark"), b"").unwrap();
    for number in 0..=listing::NEVER_STOPPED {
        std::fs::write(folder.path().join(format!("prune/{number}.done")), b"").unwrap();
    }
    let stop = Arc::new(AtomicBool::new(false));
    let storage = storage.stopped_by(Arc::clone(&stop));
    assert!(storage.list(Folder::Prune).unwrap().len() > listing::NEVER_STOPPED);
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    assert!(matches!(storage.list(Folder::Prune), Err(StorageError::Failed { .. })));
    assert_eq!(storage.list(Folder::Config).unwrap().len(), 1);
}
