//! Reading a snapshot anywhere: directories by name and by number, files by range.

use crate::support::{backup_options, noise};
use jiff::SignedDuration;
use snapstore::codec::{ChunkParameters, Secret};
use snapstore::format::RepositoryConfig;
use snapstore::model::{
    Directory, Entry, EntryPath, Kind, OsEntropy, Silent, Snapshot, SystemClock,
};
use snapstore::ops::view::{FileContent, Roster, View};
use snapstore::ops::{FilesBackup, backup_files};
use snapstore::repo::{Credential, InitOptions, Repository, Surroundings, init, open};
use snapstore::storage::MemoryStorage;
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;

/// A repository in memory whose chunks are tiny, so that files need lists of them.
fn repository() -> Arc<Repository> {
    let clock = Arc::new(SystemClock);
    let storage = Arc::new(MemoryStorage::new(clock.clone()));
    let surroundings =
        Surroundings { clock, entropy: Arc::new(OsEntropy), cache: None, workers: 1 };
    let mut config = RepositoryConfig::standard(Vec::new());
    config.chunks = ChunkParameters::new(64, 256, 1024).unwrap();
    let options = InitOptions { config, label: "test".to_owned() };
    let credential = Credential::KeyFile(Secret::new([7; 32]));
    init(storage.clone(), &credential, options, surroundings.clone()).unwrap();
    Arc::new(open(storage, &credential, None, surroundings).unwrap())
}

fn backup(repository: &Arc<Repository>, folder: &Path) -> Snapshot {
    let files = FilesBackup { paths: vec![folder.to_path_buf()], ..FilesBackup::default() };
    let options = backup_options(jiff::Timestamp::now());
    let report = backup_files(repository, &files, &options, Arc::new(Silent)).unwrap();
    report.snapshot.unwrap()
}

/// A folder with what `fill` makes there, backed up and opened.
fn viewed(fill: impl FnOnce(&Path)) -> (View, Snapshot, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    fill(folder.path());
    let repository = repository();
    let snapshot = backup(&repository, folder.path());
    (View::new(repository).unwrap(), snapshot, folder)
}

fn entry(view: &View, snapshot: &Snapshot, path: &Path) -> Arc<Entry> {
    let path = EntryPath::parse_lenient(path.as_os_str().as_encoded_bytes()).unwrap();
    let root = view.root(snapshot).unwrap();
    view.find_path(&root, &path).unwrap().unwrap().1
}

#[test]
fn any_range_of_a_file_is_what_was_written_there() {
    const SIZE: usize = 900_000;
    let mut expected = vec![0; SIZE];
    let (view, snapshot, folder) = viewed(|folder| {
        let file = fs::File::create(folder.join("file")).unwrap();
        file.set_len(SIZE as u64).unwrap();
        for (number, start) in [0, 131_072, 400_000, 700_000].into_iter().enumerate() {
            let bytes = noise(&number.to_string(), 100_000);
            file.write_all_at(&bytes, start as u64).unwrap();
            expected[start..start + bytes.len()].copy_from_slice(&bytes);
        }
    });
    let entry = entry(&view, &snapshot, &folder.path().join("file"));
    let Kind::File(file) = &entry.kind else { panic!("no file") };
    assert!(file.chunks.depth > 0, "it has too few chunks to prove anything");
    let content = FileContent::new(file);
    let random = noise("9", 4000);
    let ranges = random.chunks_exact(8).map(|bytes| {
        let number = u64::from_le_bytes(bytes.try_into().unwrap());
        (number as usize % (SIZE + 1000), (number >> 32) as usize % 50_000)
    });
    for (start, length) in ranges.chain([(0, SIZE + 1), (SIZE, 1), (SIZE - 1, 2)]) {
        let wanted = &expected[start.min(SIZE)..(start + length).min(SIZE)];
        assert!(view.read(&content, start as u64, length).unwrap() == wanted, "{start} {length}");
    }
}

#[test]
fn a_large_folder_is_found_by_name_and_by_number() {
    let mut names: Vec<String> =
        (0..4000).map(|number| format!("{number}-{}", "long".repeat(20))).collect();
    let (view, snapshot, folder) = viewed(|folder| {
        for name in &names {
            fs::File::create(folder.join(name)).unwrap();
        }
    });
    names.sort();
    let entry = entry(&view, &snapshot, folder.path());
    let Kind::Directory(Directory { tree: Some(tree), .. }) = entry.kind else {
        panic!("no folder")
    };
    assert_eq!(view.length(&tree).unwrap(), 4000);
    let whole = view.page(&tree, 0).unwrap().unwrap();
    assert!(whole.entries.len() < 4000, "one piece proves nothing");
    let mut index = 0;
    while let Some(page) = view.page(&tree, index).unwrap() {
        for (number, entry) in page.since(index) {
            let name = names[number as usize].as_bytes();
            assert_eq!(entry.name.bytes(), name);
            let (place, found) = view.find(&tree, name).unwrap().unwrap();
            assert_eq!((place.index, &found), (number, entry));
            assert_eq!(view.at(&place).unwrap().as_ref(), Some(entry));
        }
        index = page.end();
    }
    assert_eq!(index, 4000);
    for stranger in ["", "0", "2000-longer", "zzz"] {
        assert!(view.find(&tree, stranger.as_bytes()).unwrap().is_none(), "{stranger}");
    }
}

#[test]
fn names_of_one_file_are_counted() {
    let (view, snapshot, folder) = viewed(|folder| {
        fs::create_dir(folder.join("sub")).unwrap();
        fs::write(folder.join("one"), "x").unwrap();
        fs::hard_link(folder.join("one"), folder.join("sub/two")).unwrap();
        fs::hard_link(folder.join("one"), folder.join("three")).unwrap();
        fs::write(folder.join("alone"), "x").unwrap();
    });
    let root = view.root(&snapshot).unwrap();
    let count =
        |name: &str| view.link_count(&root, &entry(&view, &snapshot, &folder.path().join(name)));
    assert_eq!([count("one"), count("sub/two"), count("three"), count("alone")], [3, 3, 3, 1]);
}

#[test]
fn snapshots_that_come_later_are_seen_and_read() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "one").unwrap();
    let repository = repository();
    let first = backup(&repository, folder.path());
    let roster = Roster::new(Arc::clone(&repository), SignedDuration::ZERO).unwrap();
    let view = View::new(Arc::clone(&repository)).unwrap();
    let known = roster.current().unwrap();
    assert!(Arc::ptr_eq(&known, &roster.current().unwrap()), "nothing has changed");
    fs::write(folder.path().join("file"), noise("1", 5000)).unwrap();
    let second = backup(&repository, folder.path());
    assert_eq!(roster.known().live.len(), 1);
    assert_eq!(roster.current().unwrap().live.len(), 2);
    let later = entry(&view, &second, &folder.path().join("file"));
    let Kind::File(file) = &later.kind else { panic!("no file") };
    assert!(view.read(&FileContent::new(file), 0, 5000).unwrap() == noise("1", 5000));
    repository.forget(&first).unwrap();
    assert_eq!(roster.current().unwrap().live, [second]);
}
