//! Restoring into real directories. The tests run as root or not; those that need root say so.

use crate::files_memory::{Event, Restored, Snapshot};
use crate::files_tree as tree;
use crate::files_world::{World, entry_path};
use snapstore::codec::FileHasher;
use snapstore::files::{FilesTarget, TargetOptions};
use snapstore::model::*;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

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
        let mut notes = world.problems.of(ProblemKind::Note);
        notes.retain(|(_, why)| tree::is_root() || !why.starts_with("owner"));
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
    let write = |spoil: fn(&mut Vec<u8>)| {
        let mut bad = good.clone();
        bad.contents.values_mut().for_each(spoil);
        let mut target = world.target();
        let mut restored = Restored::default();
        bad.write_entries(&mut target, &mut restored);
        restored.failed.len()
    };
    type Spoiler = fn(&mut Vec<u8>);
    let spoilers: [Spoiler; 4] = [
        |bytes| bytes[3] ^= 1,
        |bytes| bytes.push(b'x'),
        |bytes| bytes.truncate(3),
        |bytes| bytes.clear(),
    ];
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
    let options = TargetOptions { numeric_ids: true, ..TargetOptions::default() };
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

#[test]
fn what_is_called_like_a_leftover_comes_back_and_leftovers_go() {
    let mut world = crate::support::World::new();
    let names = [
        ".snap-0123456789abcdef-0000000000000001.tmp",
        "folder/.snap-0123456789abcdef-0000000000000002.tmp",
        ".snap-0123456789abcdef-0000000000000003.tmp/file",
        ".snap-0123456789abcdef-0000000000000003.tmp/.snap-0123456789abcdef-0000000000000004.tmp",
    ];
    names.iter().for_each(|name| world.write(format!("bot/{name}"), *name));
    world.set("SNAP_REPOSITORY", "repository");
    world.snap(["init"]).success();
    world.snap(["backup", "bot"]).success();
    for _ in 0..2 {
        world.snap(["restore", "latest", "--target", "restored"]).success();
        let restored = format!("restored{}", world.path("bot").display());
        assert_eq!(world.manifest(["bot", &restored]).code, 0);
        let left = format!("{restored}/folder/.snap-0123456789abcdef-0000000000000005.tmp");
        world.write(&left, "of a killed restore");
    }
    world.snap(["restore", "latest", "--target", "restored"]).success();
    let left = "folder/.snap-0123456789abcdef-0000000000000005.tmp";
    assert!(!world.path(format!("restored{}/{left}", world.path("bot").display())).exists());
}
