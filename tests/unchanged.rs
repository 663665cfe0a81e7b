//! What has not changed is not read again, whatever changes beside it.

use crate::support::World;
use serde_json::Value;
use std::time::Duration;

fn backup(world: &World) -> Value {
    let output = world.snap(["backup", "--json", "--repository", "repository", "tree"]).success();
    let lines = output.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.into_iter().find(|line| line["message_type"] == "summary").unwrap()
}

fn counts(summary: &Value) -> (u64, u64, u64) {
    let count = |name: &str| summary[name].as_u64().unwrap();
    (count("files_new"), count("files_changed"), count("files_unmodified"))
}

/// Nine directories of three levels, with a file in each, before and behind its directories.
fn world() -> World {
    let mut world = World::new();
    world.write("key", format!("snap-key-1 {}\n", "5a".repeat(32)));
    world.set("SNAP_KEY_FILE", "key");
    world.snap(["init", "--repository", "repository"]).success();
    for directory in ["b", "b/b", "b/b/b", "b/d", "d", "d/b", "d/d", "f", "f/f"] {
        world.write(format!("tree/{directory}/a"), directory);
        world.write(format!("tree/{directory}/z"), directory);
    }
    // Younger entries would be read again for safety.
    std::thread::sleep(Duration::from_millis(2100));
    assert_eq!(counts(&backup(&world)), (18, 0, 0));
    world
}

#[test]
fn nothing_is_read_where_nothing_changed() {
    let world = world();
    assert_eq!(counts(&backup(&world)), (0, 0, 18));
}

#[test]
fn nothing_is_read_because_tags_changed() {
    let world = world();
    for tag in ["once", "twice"] {
        let tag = ["tag", "--add", tag, "latest", "--repository", "repository"];
        world.snap(tag).success();
    }
    world.snap(["prune", "--space-only", "--repository", "repository"]).success();
    assert_eq!(counts(&backup(&world)), (0, 0, 18));
    world.snap(["check", "--repository", "repository", "--read-data"]).success();
}

#[test]
fn one_changed_file_is_read_and_no_other() {
    for changed in ["b/b/b/a", "b/b/b/z", "b/d/a", "d/d/z", "f/a"] {
        let world = world();
        world.write(format!("tree/{changed}"), "changed");
        assert_eq!(counts(&backup(&world)), (0, 1, 17), "{changed}");
        let target = ["restore", "latest", "--repository", "repository", "--target", "restored"];
        world.snap(target).success();
        let restored = format!("restored{}", world.path("tree").display());
        let same = world.manifest(["tree", &restored, "--no-root"]);
        assert_eq!(same.code, 0, "{}", same.stdout);
    }
}

#[test]
fn a_directory_with_other_metadata_keeps_its_files() {
    use std::os::unix::fs::PermissionsExt;
    let world = world();
    for directory in ["tree/b/b", "tree/d"] {
        let permissions = std::fs::Permissions::from_mode(0o700);
        std::fs::set_permissions(world.path(directory), permissions).unwrap();
    }
    assert_eq!(counts(&backup(&world)), (0, 0, 18));
    world
        .snap(["restore", "latest", "--repository", "repository", "--target", "restored"])
        .success();
    let restored = format!("restored{}", world.path("tree").display());
    assert_eq!(world.manifest(["tree", &restored, "--no-root"]).code, 0);
}

#[test]
fn a_file_that_went_takes_no_other_with_it() {
    let world = world();
    std::fs::remove_file(world.path("tree/b/b/a")).unwrap();
    assert_eq!(counts(&backup(&world)), (0, 0, 17));
    world.snap(["check", "--repository", "repository", "--read-data"]).success();
}
