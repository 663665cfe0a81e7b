//! What differs between snapshots, and from the live folders.

use crate::support::World;
use std::os::unix::fs::{FileExt, PermissionsExt};

fn world() -> World {
    let mut world = World::new();
    world.set("SNAP_KEY_FILE", "key");
    world.set("SNAP_REPOSITORY", "repository");
    world.snap(["init"]).success();
    for number in 0..1500 {
        world.write(format!("bot/many/file-{number:04}"), number.to_string());
    }
    world.write("bot/a/deep/one", "1");
    world.write("bot/b", "b");
    world.write("bot/c", "c");
    world.write("bot/steady", "steady");
    world
}

/// Changes of every kind.
fn change(world: &World) {
    let here = |path: &str| world.path(path);
    world.write("bot/many/file-0700x", "new");
    std::fs::remove_file(here("bot/many/file-1200")).unwrap();
    std::fs::remove_dir_all(here("bot/a")).unwrap();
    world.write("bot/a", "a file by now");
    std::fs::remove_file(here("bot/b")).unwrap();
    world.write("bot/b/in/it", "a folder by now");
    world.write("bot/c", "changed");
    let only_mode = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(here("bot/steady"), only_mode).unwrap();
}

const CHANGES: [&str; 11] = [
    "T  bot/a",
    "-  bot/a/deep/",
    "-  bot/a/deep/one",
    "T  bot/b/",
    "+  bot/b/in/",
    "+  bot/b/in/it",
    "M  bot/c",
    "+  bot/many/file-0700x",
    "-  bot/many/file-1200",
    "U  bot/many/",
    "U  bot/steady",
];

/// The lines, sorted, with paths relative to the world. Folders whose times changed are left out,
/// but for one.
fn found(world: &World, arguments: &[&str]) -> Vec<String> {
    let here = format!("{}/", world.here().canonicalize().unwrap().display());
    let text = world.snap(["diff"].iter().chain(arguments)).success().replace(&here, "");
    let is_meant = |line: &&str| !matches!(*line, "U  bot/") && !line.ends_with("  /");
    let outside = |line: &&str| !line[3..].starts_with("bot");
    let mut lines: Vec<_> =
        text.lines().filter(is_meant).filter(|line| !outside(line)).map(str::to_owned).collect();
    lines.sort();
    lines
}

fn expected(with_metadata: bool) -> Vec<String> {
    let is_meant = |line: &&&str| with_metadata || !line.starts_with('U');
    let mut lines: Vec<_> = CHANGES.iter().filter(is_meant).map(|l| (*l).to_owned()).collect();
    lines.sort();
    lines
}

#[test]
fn two_snapshots_differ_in_what_was_changed() {
    let world = world();
    world.snap(["backup", "--time", "2025-11-27", "bot"]).success();
    change(&world);
    world.snap(["backup", "--time", "2025-11-28", "bot"]).success();
    let both = ["--at", "2025-11-27", "--at", "2025-11-28"];
    assert_eq!(found(&world, &both), expected(false));
    assert_eq!(found(&world, &[&both[..], &["--metadata"]].concat()), expected(true));
    let sums = world.snap(["diff", "--stat"].iter().chain(&both)).success();
    assert!(sums.contains("added     3 files, 2 folders, 38 B\n"), "{sums}");
    assert!(sums.contains("removed   3 files, 2 folders, 7 B\n"), "{sums}");
    assert!(sums.contains("changed   1 file\n"), "{sums}");
}

#[test]
fn the_live_folders_differ_in_the_same() {
    let world = world();
    world.snap(["backup", "bot"]).success();
    assert_eq!(found(&world, &["latest"]), [""; 0]);
    change(&world);
    assert_eq!(found(&world, &["latest"]), expected(false));
    assert_eq!(found(&world, &["latest", "--metadata"]), expected(true));
    assert_eq!(found(&world, &["latest:bot/b"]), ["+  bot/b/in/", "+  bot/b/in/it", "T  bot/b/"]);
    // A source that is gone is gone with all that was in it.
    std::fs::rename(world.path("bot"), world.path("gone")).unwrap();
    assert_eq!(found(&world, &["latest"]).len(), 1500 + 7 + 1);
}

#[test]
fn content_that_changed_behind_time_and_size_is_found_by_reading() {
    let world = world();
    let file = std::fs::File::create(world.path("bot/sparse")).unwrap();
    file.write_all_at(b"data", 1 << 20).unwrap();
    file.set_len(2 << 20).unwrap();
    world.snap(["backup", "bot"]).success();
    let path = world.path("bot/c");
    let modified = std::fs::metadata(&path).unwrap().modified().unwrap();
    std::fs::write(&path, "C").unwrap();
    std::fs::File::options().write(true).open(&path).unwrap().set_modified(modified).unwrap();
    // The same content without holes is the same.
    let sparse = world.path("bot/sparse");
    let content = std::fs::read(&sparse).unwrap();
    std::fs::write(&sparse, content).unwrap();
    assert_eq!(found(&world, &["latest"]), [""; 0]);
    assert_eq!(found(&world, &["latest", "--content"]), ["M? bot/c"]);
}

#[test]
fn what_cannot_be_read_is_not_gone() {
    let world = world();
    world.snap(["backup", "bot"]).success();
    if rustix::process::geteuid().is_root() {
        // Nothing is unreadable to root.
        return;
    }
    let closed = std::fs::Permissions::from_mode(0o000);
    std::fs::set_permissions(world.path("bot/many"), closed).unwrap();
    let output = world.snap(["diff", "latest"]);
    std::fs::set_permissions(world.path("bot/many"), std::fs::Permissions::from_mode(0o755))
        .unwrap();
    assert_eq!((output.code, output.stdout.as_str()), (3, ""));
}

#[test]
fn texts_are_compared_by_lines_and_patch_agrees() {
    let mut world = World::new();
    world.set("SNAP_KEY_FILE", "key");
    world.set("SNAP_REPOSITORY", "repository");
    world.snap(["init"]).success();
    let old: String = (0..100).map(|number| format!("line {number}\n")).collect();
    world.write("bot/text", &old);
    world.write("bot/binary", b"a\0b");
    world.snap(["backup", "--time", "2025-11-27", "bot"]).success();
    let new = old.replace("line 50\n", "line fifty\nand more\n").replace("line 99\n", "line 99");
    world.write("bot/text", &new);
    world.write("bot/binary", b"a\0c");
    world.snap(["backup", "--time", "2025-11-28", "bot"]).success();
    let both = ["diff", "--at", "2025-11-27", "--at", "2025-11-28"];
    let text = world.snap(both.iter().chain(&["bot/text"])).success();
    for line in ["-line 50\n", "+line fifty\n", "+and more\n", "\\ No newline at end of file"] {
        assert!(text.contains(line), "{text}");
    }
    let binary = world.snap(both.iter().chain(&["--text", "bot/binary"])).success();
    assert!(binary.contains("differ; they are no texts"), "{binary}");
    world.write("old", old);
    world.write("text.patch", text);
    let mut patch = world.command("patch");
    patch.args(["-s", "old", "text.patch"]);
    match patch.status() {
        Ok(status) => assert!(status.success()),
        Err(_) => return,
    }
    assert_eq!(std::fs::read_to_string(world.path("old")).unwrap(), new);
}
