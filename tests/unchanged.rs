//! What has not changed is not read again, whatever changes beside it.

use crate::support::World;
use serde_json::Value;
use std::time::Duration;

fn backup(world: &World) -> Value {
    backup_with(world, &[])
}

fn backup_with(world: &World, options: &[&str]) -> Value {
    let backup = ["backup", "--json", "--repository", "repository", "tree"];
    let output = world.snap(backup.iter().chain(options)).success();
    let lines = output.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.into_iter().find(|line| line["message_type"] == "summary").unwrap()
}

fn counts(summary: &Value) -> (u64, u64, u64) {
    let count = |name: &str| summary[name].as_u64().unwrap();
    (count("files_new"), count("files_changed"), count("files_unmodified"))
}

/// Those that were looked into, whatever was found.
fn read(summary: &Value) -> u64 {
    summary["files_read"].as_u64().unwrap()
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
    let summary = backup(&world);
    assert_eq!((counts(&summary), read(&summary)), ((0, 0, 18), 0));
}

#[test]
fn nothing_is_read_because_tags_changed() {
    let world = world();
    for tag in ["once", "twice"] {
        let tag = ["tag", "--add", tag, "latest", "--repository", "repository"];
        world.snap(tag).success();
    }
    world.snap(["prune", "--space-only", "--repository", "repository"]).success();
    let summary = backup(&world);
    assert_eq!((counts(&summary), read(&summary)), ((0, 0, 18), 0));
    world.snap(["check", "--repository", "repository", "--read-data"]).success();
}

#[test]
fn one_changed_file_is_read_and_no_other() {
    for changed in ["b/b/b/a", "b/b/b/z", "b/d/a", "d/d/z", "f/a"] {
        let world = world();
        world.write(format!("tree/{changed}"), "changed");
        let summary = backup(&world);
        assert_eq!((counts(&summary), read(&summary)), ((0, 1, 17), 1), "{changed}");
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
    let summary = backup(&world);
    assert_eq!((counts(&summary), read(&summary)), ((0, 0, 18), 0));
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
    let summary = backup(&world);
    assert_eq!((counts(&summary), read(&summary)), ((0, 0, 17), 0));
    world.snap(["check", "--repository", "repository", "--read-data"]).success();
}

/// Without the local cache everything is read, and compared with the last snapshot.
#[test]
fn what_is_read_and_found_equal_is_unchanged() {
    let world = world();
    world.write("tree/b/new", "new");
    world.write("tree/d/a", "changed");
    let summary = backup_with(&world, &["--no-cache"]);
    assert_eq!((counts(&summary), read(&summary)), ((1, 1, 17), 19));
    assert_eq!(summary["dirs_new"], 0);
    let summary = backup_with(&world, &["--force"]);
    assert_eq!((counts(&summary), read(&summary)), ((0, 0, 19), 19));
    assert_eq!(summary["dirs_new"], 0);
}

#[test]
fn a_skipped_backup_is_remembered_too() {
    let world = world();
    std::fs::remove_dir_all(world.home().join(".cache/snap")).unwrap();
    // Above the source: it is not to be taken from the last snapshot later.
    std::fs::File::open(world.path(".")).unwrap().set_modified(std::time::UNIX_EPOCH).unwrap();
    std::thread::sleep(Duration::from_millis(2100));
    let skip = ["--skip-if-unchanged"];
    let summary = backup_with(&world, &skip);
    assert!(summary.get("snapshot_id").is_none(), "{summary}");
    assert_eq!((counts(&summary), read(&summary)), ((0, 0, 18), 18));
    let summary = backup_with(&world, &skip);
    assert_eq!((counts(&summary), read(&summary)), ((0, 0, 18), 0));
    world.write("tree/b/a", "changed");
    let summary = backup_with(&world, &skip);
    assert_eq!((counts(&summary), read(&summary)), ((0, 1, 17), 1));
    let above = world.here().canonicalize().unwrap();
    let above = above.parent().unwrap().to_str().unwrap();
    let list = world.snap(["ls", "--json", "--repository", "repository", "latest", above]);
    let list = list.success();
    assert!(list.contains("1970-01-01T00:00:00"), "{list}");
}
