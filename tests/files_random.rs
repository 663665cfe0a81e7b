//! Random trees go out and come back.

use crate::files_memory::{Event, Restored, Snapshot};
use crate::files_tree as tree;
use crate::files_world::World;
use proptest::prelude::*;
use snapstore::files::FilesTarget;
use snapstore::model::*;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

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
