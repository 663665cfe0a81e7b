//! Restoring into real directories. The tests run as root or not; those that need root say so.

use crate::files_memory::{Earlier, Event, Problems, Restored, Snapshot};
use crate::files_tree as tree;
use jiff::Timestamp;
use proptest::prelude::*;
use snapstore::files::{FileHasher, FilesSource, FilesTarget, Rules, SourceOptions, TargetOptions};
use snapstore::model::*;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A tree to be saved, and a target.
struct World {
    source: tempfile::TempDir,
    target: tempfile::TempDir,
    problems: Arc<Problems>,
}

impl World {
    fn new() -> Self {
        Self::of(tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap())
    }

    fn of(source: tempfile::TempDir, target: tempfile::TempDir) -> Self {
        Self { source, target, problems: Problems::new() }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.source.path().join(name)
    }

    /// Where `name` of the source is restored to.
    fn restored(&self, name: &str) -> PathBuf {
        let path = self.at(name);
        self.target.path().join(path.strip_prefix("/").unwrap())
    }

    fn write(&self, name: &str, content: &str) {
        fs::create_dir_all(self.at(name).parent().unwrap()).unwrap();
        fs::write(self.at(name), content).unwrap();
    }

    fn snapshot(&self) -> Snapshot {
        snapshot_of(self.source.path())
    }

    fn target(&self) -> FilesTarget {
        let options = TargetOptions::default();
        FilesTarget::new(self.target.path(), options, self.problems.clone()).unwrap()
    }

    fn restore(&self, snapshot: &Snapshot) -> Restored {
        snapshot.restore(&mut self.target())
    }

    /// Panics unless what was restored is what was saved, sockets aside.
    fn assert_restored(&self, snapshot: &Snapshot) {
        let again = snapshot_of(&self.restored("."));
        let (mut saved, restored) =
            (manifest(snapshot, self.source.path()), manifest(&again, &self.restored(".")));
        saved.retain(|_, (kind, _, _)| *kind != Kind::Socket);
        for (path, entry) in &saved {
            assert_eq!(Some(entry), restored.get(path), "{}", path.display());
        }
        assert_eq!(saved.len(), restored.len());
    }

    /// Sent to the walk of `snapshot`, the target is in the source's directory.
    fn enter_all(&self, snapshot: &Snapshot, target: &mut FilesTarget) {
        let depth = self.source.path().components().count() - 1;
        for event in snapshot.events.iter().take(depth) {
            let Event::Enter(entry) = event else { panic!() };
            target.enter(entry, false).unwrap();
        }
    }

    fn entry<'a>(&self, snapshot: &'a Snapshot, name: &str) -> &'a Entry {
        snapshot.by_path()[&entry_path(&self.at(name))]
    }

    fn slot(&self, snapshot: &Snapshot, name: &str) -> Box<dyn Slot> {
        let mut target = self.target();
        self.enter_all(snapshot, &mut target);
        target.slot(self.entry(snapshot, name)).unwrap()
    }

    fn leftovers(&self) -> usize {
        let names = fs::read_dir(self.restored(".")).unwrap();
        names
            .filter(|entry| {
                entry.as_ref().unwrap().file_name().as_encoded_bytes().starts_with(b".snap")
            })
            .count()
    }
}

fn entry_path(path: &Path) -> EntryPath {
    EntryPath::parse_lenient(path.as_os_str().as_encoded_bytes()).unwrap()
}

fn snapshot_of(path: &Path) -> Snapshot {
    let options = SourceOptions { begun: Timestamp::now(), one_file_system: false };
    let monitor = Problems::new();
    let paths = [path.to_owned()];
    let mut source =
        FilesSource::new(&paths, Rules::default(), None, options, monitor.clone()).unwrap();
    let snapshot = Snapshot::take(&mut source, &mut Earlier::new(None));
    assert!(monitor.0.lock().unwrap().is_empty(), "{monitor:?}");
    snapshot
}

type Manifest = BTreeMap<PathBuf, (Kind, Metadata, Option<PathBuf>)>;

/// What there is below `root`, by its path from there. Holes count by their content.
fn manifest(snapshot: &Snapshot, root: &Path) -> Manifest {
    use std::os::unix::ffi::OsStrExt;
    let root = root.canonicalize().unwrap();
    let relative = |path: &EntryPath| {
        let absolute = Path::new("/").join(std::ffi::OsStr::from_bytes(path.bytes()));
        absolute.strip_prefix(&root).ok().map(Path::to_owned)
    };
    let mut manifest = Manifest::new();
    snapshot.each(&mut |path, entry| {
        let Some(path) = relative(path) else { return };
        let mut kind = entry.kind.clone();
        if let Kind::File(file) = &mut kind
            && file.size < 20_000_000
        {
            let mut hasher = FileHasher::new();
            hasher.update(&snapshot.content(file));
            *file = File { size: file.size, ..File::default() };
            file.hash = Some(hasher.finish(0, &[]));
        }
        let group = entry.link_group.as_ref().and_then(relative);
        manifest.insert(path, (kind, entry.metadata.clone(), group));
    });
    manifest
}

#[test]
fn everything_comes_back() {
    for (from, to) in [(0, 0), (0, 1), (1, 1), (1, 0)] {
        let folder = |number: usize| tree::folders().drain(..).nth(number);
        let (Some(source), Some(target)) = (folder(from), folder(to)) else { continue };
        let world = World::of(source, target);
        tree::make_everything(world.source.path());
        let snapshot = world.snapshot();
        let restored = world.restore(&snapshot);
        assert_eq!(restored.failed, Vec::<String>::new());
        world.assert_restored(&snapshot);
        let notes = world.problems.of(ProblemKind::Note);
        assert!(notes.len() == 1 && notes[0].0.ends_with("/socket"), "{notes:?}");
        assert!(world.problems.of(ProblemKind::Unrestored).is_empty());
        assert!(fs::metadata(world.restored("sparse-end")).unwrap().blocks() < 1000);
        assert_eq!(world.leftovers(), 0);
    }
}

#[test]
fn a_second_restore_changes_nothing() {
    for folder in tree::folders() {
        let world = World::of(tempfile::tempdir_in(folder.path()).unwrap(), folder);
        tree::make_everything(world.source.path());
        let snapshot = world.snapshot();
        let first = world.restore(&snapshot);
        let plain = fs::metadata(world.restored("plain")).unwrap();
        let second = world.restore(&snapshot);
        let same = first.absent - 1;
        assert_eq!(
            (second.absent, second.same, second.different, second.metadata),
            (1, same, 0, 0)
        );
        let again = fs::metadata(world.restored("plain")).unwrap();
        assert_eq!((plain.ino(), plain.ctime_nsec()), (again.ino(), again.ctime_nsec()));
        world.assert_restored(&snapshot);
    }
}

#[test]
fn only_what_differs_is_written() {
    let world = World::new();
    for name in ["content", "size", "mode", "time", "attribute", "kind", "gone", "same"] {
        world.write(name, "the content");
        tree::set_modified(&world.at(name), 1_000_000, 7);
    }
    let snapshot = world.snapshot();
    world.restore(&snapshot);
    let at = |name: &str| world.restored(name);
    fs::write(at("content"), "THE content").unwrap();
    tree::set_modified(&at("content"), 1_000_000, 7);
    fs::write(at("size"), "short").unwrap();
    fs::set_permissions(at("mode"), fs::Permissions::from_mode(0o4600)).unwrap();
    tree::set_modified(&at("time"), 1_000_000, 8);
    tree::set_attribute(&at("attribute"), "user.more", b"1");
    fs::remove_file(at("kind")).unwrap();
    fs::create_dir_all(at("kind/with/things")).unwrap();
    fs::remove_file(at("gone")).unwrap();
    let presence = |name: &str| world.slot(&snapshot, name).compare().unwrap();
    assert_eq!(presence("content"), Presence::Differs { newer: false });
    assert_eq!(presence("size"), Presence::Differs { newer: true });
    assert_eq!(presence("mode"), Presence::MetadataDiffers { newer: false });
    assert_eq!(presence("time"), Presence::MetadataDiffers { newer: true });
    assert_eq!(presence("attribute"), Presence::MetadataDiffers { newer: false });
    assert_eq!(presence("kind"), Presence::Differs { newer: true });
    assert_eq!(presence("gone"), Presence::Absent);
    assert_eq!(presence("same"), Presence::Same);
    let restored = world.restore(&snapshot);
    let counts = (restored.absent, restored.same, restored.metadata, restored.different);
    assert_eq!(counts, (1, 1, 3, 3));
    world.assert_restored(&snapshot);
}

#[test]
fn what_fills_a_hole_is_noticed() {
    for folder in tree::folders() {
        let world = World::of(tempfile::tempdir_in(folder.path()).unwrap(), folder);
        tree::make_sparse(&world.at("file"), 1 << 20, &[(0, &[1; 4096])]);
        let snapshot = world.snapshot();
        world.restore(&snapshot);
        let restored = fs::File::options().write(true).open(world.restored("file")).unwrap();
        let write =
            |bytes: &[u8]| std::os::unix::fs::FileExt::write_all_at(&restored, bytes, 500_000);
        let presence = || world.slot(&snapshot, "file").compare().unwrap();
        write(&[0; 4096]).unwrap();
        assert!(matches!(presence(), Presence::MetadataDiffers { .. }), "zeros are as good");
        write(b"x").unwrap();
        assert!(matches!(presence(), Presence::Differs { .. }));
    }
}

#[test]
fn without_a_hash_nothing_is_taken_for_the_same() {
    let world = World::new();
    world.write("file", "content");
    let mut snapshot = world.snapshot();
    world.restore(&snapshot);
    for event in &mut snapshot.events {
        if let Event::Entry(Entry { kind: Kind::File(file), .. }) = event {
            file.hash = None;
        }
    }
    assert!(matches!(world.slot(&snapshot, "file").compare(), Ok(Presence::Differs { .. })));
}

#[test]
fn content_that_is_not_what_was_saved_does_not_appear() {
    let world = World::new();
    world.write("file", "the right content");
    let good = world.snapshot();
    let write = |spoil: &dyn Fn(&mut Vec<u8>)| {
        let mut bad = good.clone();
        bad.contents.values_mut().for_each(spoil);
        let mut target = world.target();
        let mut restored = Restored::default();
        bad.write_entries(&mut target, &mut restored);
        restored.failed.len()
    };
    let spoilers: [&dyn Fn(&mut Vec<u8>); 4] =
        [&|bytes| bytes[3] ^= 1, &|bytes| bytes.push(b'x'), &|bytes| drop(bytes.pop()), &|bytes| {
            bytes.clear()
        }];
    for spoil in spoilers {
        assert_eq!(write(spoil), 1);
        assert!(!world.restored("file").exists());
        assert_eq!(world.leftovers(), 0);
    }
    world.restore(&good);
    fs::write(world.restored("file"), "what the user wrote since").unwrap();
    assert_eq!(write(spoilers[0]), 1);
    assert_eq!(fs::read(world.restored("file")).unwrap(), b"what the user wrote since");
}

#[test]
fn a_killed_restore_can_be_run_again() {
    let world = World::new();
    tree::make_everything(world.source.path());
    let snapshot = world.snapshot();
    let mut target = world.target();
    snapshot.write_entries(&mut target, &mut Restored::default());
    drop(target);
    fs::remove_file(world.restored("plain")).unwrap();
    let name = ".snap-0123456789abcdef-0000000000000001.tmp";
    for folder in [".", "directory/below"] {
        fs::write(world.restored(folder).join(name), "half of a file").unwrap();
    }
    fs::create_dir_all(world.restored("empty-directory").join(name).join("a/b")).unwrap();
    let similar = world.restored(".snap-not-ours.tmp");
    fs::write(&similar, "a user's").unwrap();
    world.restore(&snapshot);
    assert!(similar.exists());
    fs::remove_file(similar).unwrap();
    tree::set_modified(&world.restored("."), 0, 0);
    snapshot.finish_entries(&mut world.target(), &mut Restored::default());
    world.assert_restored(&snapshot);
}

#[test]
fn everything_replaces_everything() {
    let kinds: [fn(&Path); 5] = [
        |path| fs::write(path, "file").unwrap(),
        |path| fs::create_dir_all(path.join("with/something")).unwrap(),
        |path| symlink("/nowhere", path).unwrap(),
        tree::make_fifo,
        |path| drop(std::os::unix::net::UnixListener::bind(path)),
    ];
    for wanted in &kinds[..4] {
        for present in &kinds {
            let world = World::new();
            wanted(&world.at("thing"));
            let snapshot = world.snapshot();
            fs::create_dir_all(world.restored(".")).unwrap();
            present(&world.restored("thing"));
            let restored = world.restore(&snapshot);
            assert_eq!(restored.failed, Vec::<String>::new());
            world.assert_restored(&snapshot);
        }
    }
}

#[test]
fn nothing_is_replaced_by_a_directory_unless_it_may() {
    let world = World::new();
    world.write("thing/x", "");
    let snapshot = world.snapshot();
    fs::create_dir_all(world.restored(".")).unwrap();
    let outside = tempfile::tempdir().unwrap();
    for present in ["file", "link"] {
        match present {
            "file" => fs::write(world.restored("thing"), "mine").unwrap(),
            _ => symlink(outside.path(), world.restored("thing")).unwrap(),
        }
        let mut target = world.target();
        world.enter_all(&snapshot, &mut target);
        let entry = world.entry(&snapshot, "thing");
        assert!(matches!(target.enter(entry, false), Err(TargetError::Refused(_))), "{present}");
        target.enter(entry, true).unwrap();
        assert!(!fs::symlink_metadata(world.restored("thing")).unwrap().is_symlink());
        fs::remove_dir_all(world.restored("thing")).unwrap();
    }
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
}

#[test]
fn swapping_directories_for_links_leads_nowhere() {
    let world = World::new();
    world.write("a/b/file", "restored");
    world.write("a/b/second", "restored");
    fs::set_permissions(world.at("a/b"), fs::Permissions::from_mode(0o701)).unwrap();
    let snapshot = world.snapshot();
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("file"), "outside").unwrap();
    let mut target = world.target();
    world.enter_all(&snapshot, &mut target);
    target.enter(world.entry(&snapshot, "a"), true).unwrap();
    target.enter(world.entry(&snapshot, "a/b"), true).unwrap();
    let mut slot = target.slot(world.entry(&snapshot, "a/b/file")).unwrap();
    // Both the directory and the one above it become links to another place.
    let moved = world.restored("moved");
    fs::rename(world.restored("a"), &moved).unwrap();
    symlink(outside.path(), world.restored("a")).unwrap();
    fs::rename(moved.join("b"), world.restored("moved-b")).unwrap();
    symlink(outside.path(), moved.join("b")).unwrap();
    slot.write(&snapshot).unwrap();
    target.slot(world.entry(&snapshot, "a/b/second")).unwrap().write(&snapshot).unwrap();
    target.finish(world.entry(&snapshot, "a/b"), &snapshot).unwrap();
    target.leave();
    assert!(target.enter(world.entry(&snapshot, "a/b"), false).is_err());
    // The name of a file as a link to a file outside: the link is replaced.
    let file = world.restored("moved-b").join("file");
    fs::remove_file(&file).unwrap();
    symlink(outside.path().join("file"), &file).unwrap();
    assert!(matches!(slot.compare(), Ok(Presence::Differs { .. })));
    assert!(slot.write_metadata(&snapshot).is_err());
    slot.write(&snapshot).unwrap();
    assert_eq!(fs::read(file).unwrap(), b"restored");
    let names: Vec<_> = fs::read_dir(outside.path()).unwrap().collect();
    assert_eq!(names.len(), 1);
    assert_eq!(fs::read(outside.path().join("file")).unwrap(), b"outside");
    assert_ne!(mode(outside.path()), mode(&world.at("a/b")));
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o7777
}

#[test]
fn links_are_made_to_what_was_written() {
    let world = World::new();
    world.write("a", "one inode");
    fs::hard_link(world.at("a"), world.at("b")).unwrap();
    let snapshot = world.snapshot();
    let restored = world.restore(&snapshot);
    assert_eq!((restored.absent, restored.linked), (1, 1));
    let inode = |name: &str| fs::metadata(world.restored(name)).unwrap().ino();
    assert_eq!(inode("a"), inode("b"));
    // A link to nothing, or to something else, is written like any other file.
    for first in ["missing", "."] {
        fs::remove_file(world.restored("b")).unwrap();
        world.slot(&snapshot, "b").link(&entry_path(&world.at(first)), &snapshot).unwrap();
        assert_eq!(fs::read(world.restored("b")).unwrap(), b"one inode");
        assert_ne!(inode("a"), inode("b"));
    }
    // Nor does a link lead out of the target.
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("x"), "outside").unwrap();
    symlink(outside.path(), world.restored("way")).unwrap();
    world.slot(&snapshot, "b").link(&entry_path(&world.at("way/x")), &snapshot).unwrap();
    assert_eq!(fs::read(world.restored("b")).unwrap(), b"one inode");
    assert_eq!(world.leftovers(), 0);
}

#[test]
fn locked_files_and_directories_come_back_locked_and_can_be_replaced() {
    use rustix::fs::IFlags;
    let world = World::new();
    world.write("d/immutable", "1");
    world.write("d/append", "2");
    fs::hard_link(world.at("d/immutable"), world.at("d/linked")).unwrap();
    let locked = [
        ("d/append", IFlags::APPEND),
        ("d/immutable", IFlags::IMMUTABLE),
        ("d", IFlags::IMMUTABLE),
    ];
    let unlock = |path: &dyn Fn(&str) -> PathBuf| {
        for (name, _) in locked.iter().rev() {
            tree::clear_flags(&path(name), IFlags::IMMUTABLE | IFlags::APPEND);
        }
    };
    if !locked.iter().all(|(name, flags)| tree::set_flags(&world.at(name), *flags)) {
        return unlock(&|name| world.at(name));
    }
    let snapshot = world.snapshot();
    assert_eq!(world.restore(&snapshot).failed, Vec::<String>::new());
    world.assert_restored(&snapshot);
    let again = world.restore(&snapshot);
    assert_eq!((again.same, again.absent, again.different), (2, 0, 0));
    unlock(&|name| world.restored(name));
    fs::write(world.restored("d/immutable"), "another").unwrap();
    for (name, flags) in locked {
        assert!(tree::set_flags(&world.restored(name), flags));
    }
    let replaced = world.restore(&snapshot);
    assert_eq!((replaced.different, replaced.failed), (1, vec![]));
    world.assert_restored(&snapshot);
    // A directory that was opened up and never finished is closed in the end.
    let mut target = world.target();
    world.enter_all(&snapshot, &mut target);
    target.enter(world.entry(&snapshot, "d"), true).unwrap();
    target.slot(world.entry(&snapshot, "d/append")).unwrap().write(&snapshot).unwrap();
    target.sync().unwrap();
    assert!(fs::write(world.restored("d/new"), "").is_err());
    // So can all of it be removed.
    let mut target = world.target();
    world.enter_all(&snapshot, &mut target);
    assert_eq!(target.remove(&EntryName::new(*b"d").unwrap()).unwrap(), 4);
    unlock(&|name| world.at(name));
}

#[test]
fn children_are_listed_and_removed() {
    let world = World::new();
    for name in ["a/b/c", "a/d", "x"] {
        world.write(name, "");
    }
    symlink("/etc", world.at("a/link")).unwrap();
    let snapshot = world.snapshot();
    world.restore(&snapshot);
    let mut target = world.target();
    world.enter_all(&snapshot, &mut target);
    let names = |target: &mut FilesTarget| {
        let children = target.children().unwrap();
        children.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(names(&mut target), ["a", "x"]);
    assert_eq!(names(&mut target), ["a", "x"]);
    assert_eq!(target.remove(&EntryName::new(*b"a").unwrap()).unwrap(), 5);
    assert_eq!(names(&mut target), ["x"]);
    assert!(target.remove(&EntryName::new(*b"a").unwrap()).is_err());
    assert!(Path::new("/etc/passwd").exists());
}

#[test]
fn ten_thousand_levels_are_restored_and_removed() {
    let world = World::of(tree::fast_folder(), tree::fast_folder());
    let depth = 10_000;
    let name = EntryName::new(*b"d").unwrap();
    let kind = Kind::Directory(Directory { tree: None, summary: Summary::default() });
    let metadata = Metadata { mode: 0o750, ..Metadata::default() };
    let directory = Entry { name: name.clone(), kind, metadata, link_group: None };
    let mut file = directory.clone();
    let hash = Some(FileHasher::new().finish(0, &[]));
    file.kind = Kind::File(File { hash, ..File::default() });
    let content = Snapshot::default();
    for pass in 1..=2 {
        let mut target = world.target();
        for _ in 0..depth {
            target.enter(&directory, true).unwrap();
        }
        let mut slot = target.slot(&file).unwrap();
        for _ in 0..depth {
            if pass == 2 {
                target.finish(&directory, &content).unwrap();
            }
            target.leave();
        }
        slot.write(&content).unwrap();
        assert_eq!(slot.compare().unwrap(), Presence::Same);
    }
    assert_eq!(mode(&world.target.path().join("d/d/d")), 0o750);
    assert_eq!(world.target().remove(&name).unwrap(), depth as u64 + 1);
}

#[test]
fn slots_work_later_and_on_other_threads() {
    let world = World::of(tree::fast_folder(), tree::fast_folder());
    for number in 0..1200 {
        world.write(&format!("d{number}/file"), &number.to_string());
    }
    let snapshot = world.snapshot();
    let mut target = world.target();
    let mut slots = Vec::new();
    for event in &snapshot.events {
        match event {
            Event::Enter(entry) => target.enter(entry, true).unwrap(),
            Event::Entry(entry) => slots.push(target.slot(entry).unwrap()),
            Event::Leave => target.leave(),
        }
    }
    assert!(fs::read_dir("/proc/self/fd").unwrap().count() < 900);
    std::thread::scope(|scope| {
        for part in slots.chunks_mut(300) {
            scope.spawn(|| part.iter_mut().for_each(|slot| slot.write(&snapshot).unwrap()));
        }
    });
    snapshot.finish_entries(&mut target, &mut Restored::default());
    world.assert_restored(&snapshot);
}

#[test]
fn owners_go_by_name_unless_told_otherwise() {
    if !tree::is_root() {
        return;
    }
    let world = World::new();
    world.write("file", "");
    let mut snapshot = world.snapshot();
    for event in &mut snapshot.events {
        if let Event::Entry(entry) = event {
            entry.metadata.user = 54_321;
            entry.metadata.user_name = "daemon".into();
            entry.metadata.group = 54_321;
            entry.metadata.group_name = "no such group".into();
        }
    }
    world.restore(&snapshot);
    let owner = |path: &Path| {
        let metadata = fs::metadata(path).unwrap();
        (metadata.uid(), metadata.gid())
    };
    let daemon = uzers::get_user_by_name("daemon").unwrap().uid();
    assert_eq!(owner(&world.restored("file")), (daemon, 54_321));
    let options = TargetOptions { numeric_ids: true };
    let mut target =
        FilesTarget::new(world.target.path(), options, world.problems.clone()).unwrap();
    assert_eq!(snapshot.restore(&mut target).metadata, 1);
    assert_eq!(owner(&world.restored("file")), (54_321, 54_321));
}

#[test]
fn without_rights_the_rest_is_restored() {
    if !tree::is_root() {
        return;
    }
    let world = World::new();
    tree::make_everything(world.source.path());
    let snapshot = world.snapshot();
    fs::set_permissions(world.target.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let (first, second) = tree::as_nobody(|| {
        let first = world.restore(&snapshot);
        // A directory without the right to write is opened up for what is missing in it.
        let directory = world.restored("directory/below");
        fs::remove_file(directory.join("file")).unwrap();
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o555)).unwrap();
        (first, world.restore(&snapshot))
    });
    assert_eq!(first.failed.len(), 3, "the devices: {:?}", first.failed);
    assert!(first.failed.iter().all(|why| why.contains("Operation not permitted")));
    assert_eq!((second.different, second.metadata, second.absent), (0, 0, 4), "{second:?}");
    let notes = world.problems.of(ProblemKind::Note);
    let owners = notes.iter().filter(|(_, why)| why.starts_with("owner"));
    assert_eq!(owners.count(), 2, "once in each run: {notes:?}");
    assert_eq!(mode(&world.restored("plain")), 0o755, "not setuid for someone else");
    assert_eq!(fs::read(world.restored("plain")).unwrap(), b"plain content");
    assert_eq!(mode(&world.restored("directory/below")), mode(&world.at("directory/below")));
}

/// A small random tree, as steps that make it.
#[derive(Debug, Clone)]
enum Make {
    Directory,
    File(Vec<u8>, u64),
    Link(String),
    Hard(usize),
    Fifo,
}

fn name() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        "[abc]{1,2}".prop_map(String::into_bytes),
        proptest::collection::vec(prop_oneof![1..=46_u8, 48..=255_u8], 1..40),
    ]
    .prop_filter("not special", |name| {
        !matches!(&name[..], b"." | b"..") && !name.starts_with(b".snap")
    })
}

fn make() -> impl Strategy<Value = Make> {
    prop_oneof![
        3 => Just(Make::Directory),
        3 => (proptest::collection::vec(any::<u8>(), 0..9000), 0..3_u64)
            .prop_map(|(data, hole)| Make::File(data, hole * 10_000)),
        1 => "[a-z/.]{1,20}".prop_map(Make::Link),
        1 => any::<usize>().prop_map(Make::Hard),
        1 => Just(Make::Fifo),
    ]
}

/// Makes the things in one of the directories made so far each; what does not work is left out.
fn build(root: &Path, steps: &[(usize, Vec<u8>, Make, u16, i64)]) {
    use std::os::unix::ffi::OsStrExt;
    let (mut directories, mut files) = (vec![root.to_owned()], Vec::new());
    for (place, name, make, mode, seconds) in steps {
        let directory = &directories[place % directories.len()];
        let path = directory.join(std::ffi::OsStr::from_bytes(name));
        if fs::symlink_metadata(&path).is_ok() {
            continue;
        }
        match make {
            Make::Directory => {
                fs::create_dir(&path).unwrap();
                directories.push(path.clone());
            }
            Make::File(data, hole) => {
                tree::make_sparse(&path, hole + data.len() as u64, &[(*hole, data)]);
                files.push(path.clone());
            }
            Make::Link(target) => symlink(target, &path).unwrap(),
            Make::Hard(_) if files.is_empty() => continue,
            Make::Hard(number) => fs::hard_link(&files[number % files.len()], &path).unwrap(),
            Make::Fifo => tree::make_fifo(&path),
        }
        if !matches!(make, Make::Link(_)) {
            let mode = u32::from(*mode) | if tree::is_root() { 0 } else { 0o700 };
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        }
        tree::set_modified(&path, *seconds, 123);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn any_tree_comes_back(
        steps in proptest::collection::vec(
            (any::<usize>(), name(), make(), 0..0o7777_u16, -10_000_i64..4_000_000_000), 0..30),
        others in proptest::collection::vec(
            (any::<usize>(), name(), make(), 0..0o7777_u16, -10_000_i64..4_000_000_000), 0..10),
    ) {
        let world = World::of(tree::fast_folder(), tree::fast_folder());
        build(world.source.path(), &steps);
        let snapshot = world.snapshot();
        // Something else may be in the way.
        fs::create_dir_all(world.restored(".")).unwrap();
        build(&world.restored("."), &others);
        let wanted = snapshot.paths();
        let restored = world.restore(&snapshot);
        prop_assert!(restored.failed.is_empty(), "{:?}", restored.failed);
        let mut target = world.target();
        remove_others(&mut target, &snapshot, &wanted);
        snapshot.finish_entries(&mut target, &mut Restored::default());
        world.assert_restored(&snapshot);
    }
}

/// Removes what the snapshot does not have, as `--delete` does.
fn remove_others(target: &mut FilesTarget, snapshot: &Snapshot, wanted: &[String]) {
    let mut directory = EntryPath::root();
    for event in &snapshot.events {
        match event {
            Event::Enter(entry) => {
                target.enter(entry, false).unwrap();
                directory.push(&entry.name);
                for name in target.children().unwrap() {
                    if !wanted.contains(&directory.join(&name).to_string()) {
                        target.remove(&name).unwrap();
                    }
                }
            }
            Event::Entry(_) => {}
            Event::Leave => {
                target.leave();
                directory.pop();
            }
        }
    }
}
