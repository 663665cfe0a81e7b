//! Files that change, vanish or cannot be read while they are backed up.

use crate::files_memory::{self as memory, Earlier, Problems, Snapshot};
use crate::files_tree as tree;
use jiff::Timestamp;
use snapstore::files::{FilesSource, Rules, SourceOptions};
use snapstore::model::*;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

fn source(path: &Path, problems: &Arc<Problems>) -> FilesSource {
    let options = SourceOptions { begun: Timestamp::now(), one_file_system: false };
    FilesSource::new(&[path.to_owned()], Rules::default(), None, options, problems.clone()).unwrap()
}

/// The stream of the only file at `path`.
fn stream(path: &Path) -> Box<dyn Stream> {
    let mut source = source(path, &Problems::new());
    loop {
        match source.next(&mut Earlier::new(None)).unwrap().unwrap() {
            Step::Entry { origin: Origin::Stream { stream, .. }, .. } => return stream,
            Step::Entry { .. } => panic!("not a stream"),
            _ => {}
        }
    }
}

const SIZE: usize = 300_000;

/// Reads a file of `SIZE` bytes while `change` is done to it once; returns how it was read, its
/// content, and how often it was begun.
fn read_while(mut change: impl FnMut(&Path, usize)) -> (File, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    fs::write(&path, vec![b'a'; SIZE]).unwrap();
    let mut snapshot = Snapshot::default();
    let mut calls = 0;
    let mut between = || {
        calls += 1;
        change(&path, calls);
    };
    let (kind, _) =
        memory::read(stream(&path).as_mut(), &mut between, &mut snapshot.contents).unwrap();
    let Kind::File(file) = kind else { panic!() };
    let content = snapshot.content(&file);
    (file, content)
}

fn append(path: &Path, bytes: &[u8]) {
    fs::File::options().append(true).open(path).unwrap().write_all(bytes).unwrap();
}

fn overwrite(path: &Path, bytes: &[u8], offset: usize) {
    let file = fs::File::options().write(true).open(path).unwrap();
    file.write_all_at(bytes, offset as u64).unwrap();
}

#[test]
fn a_file_that_only_grew_keeps_the_length_it_had() {
    let (file, content) = read_while(|path, _| append(path, b"one more line\n"));
    assert_eq!((file.reading, file.size), (Reading::Grew, SIZE as u64));
    assert_eq!(content, vec![b'a'; SIZE]);
}

#[test]
fn a_file_that_was_rewritten_is_read_again() {
    let (file, content) = read_while(|path, call| {
        if call == 1 {
            overwrite(path, b"B", SIZE / 2);
        }
    });
    assert_eq!(file.reading, Reading::Steady);
    assert_eq!((content[0], content[SIZE / 2]), (b'a', b'B'));
}

#[test]
fn a_file_that_never_stands_still_is_kept_and_flagged() {
    let (file, content) = read_while(|path, call| {
        overwrite(path, &[b'A' + (call % 26) as u8], call % SIZE);
    });
    assert_eq!((file.reading, content.len()), (Reading::Torn, SIZE));
}

#[test]
fn rewritten_near_its_end_and_grown_is_rewritten() {
    let (file, content) = read_while(|path, call| {
        if call == 31 {
            overwrite(path, b"B", SIZE - 100);
            append(path, b"more");
        }
    });
    assert_eq!((file.reading, content.len()), (Reading::Steady, SIZE + 4));
    assert_eq!(content[SIZE - 100], b'B');
}

#[test]
fn a_file_that_became_shorter_is_read_again() {
    let (file, content) = read_while(|path, call| {
        if call == 3 {
            fs::File::options().write(true).open(path).unwrap().set_len(10).unwrap();
        }
    });
    assert_eq!((file.reading, content), (Reading::Steady, vec![b'a'; 10]));
}

#[test]
fn a_file_that_was_replaced_is_read_again() {
    let (file, content) = read_while(|path, call| {
        if call == 3 {
            fs::write(path.with_extension("new"), "new").unwrap();
            fs::rename(path.with_extension("new"), path).unwrap();
        }
    });
    assert_eq!((file.reading, content), (Reading::Steady, b"new".to_vec()));
}

#[test]
fn a_sparse_file_that_only_grew_is_known_by_its_data() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sparse");
    tree::make_sparse(&path, 200_000, &[(0, &[1; 4096]), (180_224, &[2; 4096])]);
    let mut contents = Default::default();
    let mut between = || append(&path, b"x");
    let (kind, _) = memory::read(stream(&path).as_mut(), &mut between, &mut contents).unwrap();
    let Kind::File(file) = kind else { panic!() };
    assert_eq!((file.reading, file.size), (Reading::Grew, 200_000));
}

#[test]
fn another_thread_that_appends_and_one_that_rewrites() {
    let folder = tempfile::tempdir().unwrap();
    for rewrites in [false, true] {
        let path = folder.path().join("file");
        fs::write(&path, vec![b'a'; 500_000]).unwrap();
        let (stop, written) = (AtomicBool::new(false), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    if rewrites {
                        overwrite(&path, b"b", 4000)
                    } else {
                        append(&path, b"b")
                    }
                    written.fetch_add(1, Ordering::Relaxed);
                }
            });
            let mut snapshot = Snapshot::default();
            let mut stream = stream(&path);
            let mut until_written = || {
                let before = written.load(Ordering::Relaxed);
                while written.load(Ordering::Relaxed) < before + 2 {
                    std::thread::yield_now();
                }
            };
            let read = memory::read(stream.as_mut(), &mut until_written, &mut snapshot.contents);
            stop.store(true, Ordering::Relaxed);
            writer.join().unwrap();
            let Kind::File(file) = read.unwrap().0 else { panic!() };
            let expected = if rewrites { Reading::Torn } else { Reading::Grew };
            assert_eq!(file.reading, expected);
        });
    }
}

#[test]
fn what_took_the_files_place_is_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    fs::write(&path, "content").unwrap();
    let mut stream = stream(&path);
    fs::remove_file(&path).unwrap();
    assert_eq!(stream.begin().err().unwrap().kind(), std::io::ErrorKind::NotFound);
    tree::make_fifo(&path);
    assert!(stream.begin().is_err());
    fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", &path).unwrap();
    assert!(stream.begin().is_err());
    fs::remove_file(&path).unwrap();
    fs::write(&path, "back").unwrap();
    assert_eq!(stream.begin().unwrap().size, 4);
}

#[test]
fn what_vanishes_between_listing_and_looking_is_worth_a_note() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a", "b", "c"] {
        fs::write(folder.path().join(name), name).unwrap();
    }
    let problems = Problems::new();
    let mut source = source(folder.path(), &problems);
    let mut names = Vec::new();
    while let Some(step) = source.next(&mut Earlier::new(None)).unwrap() {
        match step {
            Step::Entry { name, .. } => {
                if names.is_empty() {
                    fs::remove_file(folder.path().join("b")).unwrap();
                }
                names.push(name.to_string());
            }
            Step::Leave { children_unchanged, .. } => assert!(!children_unchanged),
            Step::Enter { .. } => {}
        }
    }
    assert_eq!(names, ["a", "c"]);
    assert_eq!(problems.of(ProblemKind::Note).len(), 1);
    assert!(problems.of(ProblemKind::Unreadable).is_empty());
}

#[test]
fn what_cannot_be_read_is_named_and_the_rest_is_saved() {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let at = |name: &str| folder.path().join(name);
    for name in ["closed", "passable", "listable"] {
        fs::create_dir(at(name)).unwrap();
        fs::write(at(name).join("inside"), "x").unwrap();
    }
    fs::write(at("file"), "x").unwrap();
    fs::write(at("secret"), "x").unwrap();
    for (name, mode) in [("closed", 0), ("passable", 0o711), ("listable", 0o744), ("secret", 0o600)]
    {
        fs::set_permissions(at(name), fs::Permissions::from_mode(mode)).unwrap();
    }
    let problems = Problems::new();
    let (mut paths, failed) = tree::as_nobody(|| {
        let mut source = source(folder.path(), &problems);
        let snapshot = Snapshot::take(&mut source, &mut Earlier::new(None));
        let below = folder.path().to_str().unwrap()[1..].to_owned() + "/";
        let paths = snapshot.paths();
        let paths = paths.iter().filter_map(|path| path.strip_prefix(&below));
        (paths.map(str::to_owned).collect::<Vec<_>>(), snapshot.failed)
    });
    paths.sort();
    // Or it could not be removed.
    fs::set_permissions(at("closed"), fs::Permissions::from_mode(0o700)).unwrap();
    if !tree::is_root() {
        return;
    }
    assert_eq!(paths, ["closed", "file", "listable", "passable"]);
    assert_eq!(failed.len(), 1, "the secret one: {failed:?}");
    let unreadable = problems.of(ProblemKind::Unreadable);
    let named = |name: &str| unreadable.iter().any(|(what, _)| Path::new(what) == at(name));
    assert!(named("closed") && named("passable") && named("listable/inside"), "{unreadable:?}");
    // What only leads to the source need not be listed.
    let problems = Problems::new();
    tree::as_nobody(|| {
        let mut source = source(&at("passable/inside"), &problems);
        Snapshot::take(&mut source, &mut Earlier::new(None))
    });
    assert!(problems.0.lock().unwrap().is_empty());
}
