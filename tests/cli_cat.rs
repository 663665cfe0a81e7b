//! Every object of a repository can be looked at.

use crate::support::{Output, World};
use serde_json::Value;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

fn world() -> World {
    let mut world = World::new();
    world.set("SNAP_KEY_FILE", "key");
    world.set("SNAP_REPOSITORY", "repository");
    world.snap(["init"]).success();
    world.write("bot/config.py", "PORT = 8000");
    world.write(Path::new("bot").join(std::ffi::OsStr::from_bytes(b"odd\xff\\")), "odd");
    world.snap(["backup", "--time", "2025-11-27", "bot"]).success();
    world.write("bot/config.py", "PORT = 9000");
    world.snap(["backup", "--time", "2025-11-28", "bot"]).success();
    world
}

fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).into_iter().flatten();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn object(output: Output) -> Value {
    serde_json::from_str(&output.success()).unwrap()
}

/// Shows every object of a folder; returns how many there were.
fn show_all(world: &World, kind: &str, folder: &str) -> usize {
    let names = names(&world.path("repository").join(folder));
    for name in &names {
        assert!(object(world.snap(["cat", kind, &name[..12]])).is_object());
    }
    names.len()
}

#[test]
fn every_object_is_shown() {
    let world = world();
    let first = &names(&world.path("repository/snapshots"))[0];
    world.snap(["forget", first]).success();
    world.snap(["prune", "--space-only", "--wait", "0"]).success();
    for (kind, folder) in
        [("snapshot", "snapshots"), ("forgotten", "forgotten"), ("key", "keys"), ("index", "index")]
    {
        assert!(show_all(&world, kind, folder) > 0, "{kind}");
    }
    assert!(object(world.snap(["cat", "config"]))["chunks"]["average"].is_u64());
    assert!(object(world.snap(["cat", "mark", "0"]))["condemned"].is_array());
    let mut blobs = 0;
    for folder in names(&world.path("repository/packs")) {
        for pack in names(&world.path("repository/packs").join(folder)) {
            let pack = object(world.snap(["cat", "pack", &pack]));
            for blob in pack["blobs"].as_array().unwrap() {
                let id = blob["id"].as_str().unwrap();
                let mut command = world.command(env!("CARGO_BIN_EXE_snap"));
                let output = command.args(["cat", "blob", id]).output().unwrap();
                assert_eq!(output.stdout.len() as u64, blob["plain"].as_u64().unwrap());
                blobs += 1;
            }
        }
    }
    assert!(blobs > 3, "{blobs}");
}

#[test]
fn a_folder_is_shown_by_path_and_by_id() {
    let world = world();
    let text = world.snap(["--json", "cat", "tree", "latest:bot"]).success();
    let by_path: Value = serde_json::from_str(&text).unwrap();
    let by_id = object(world.snap(["cat", "tree", &by_path["id"].as_str().unwrap()[..16]]));
    assert_eq!(by_path["object"], by_id);
    let odd = &by_id["entries"][1];
    assert_eq!((&odd["name"], &odd["name_hex"]), (&"odd\\xff\\\\".into(), &"6f6464ff5c".into()));
}

#[test]
fn a_session_and_a_damaged_pack_are_shown() {
    let world = world();
    world.write("large", vec![7; 64 << 20]);
    let mut command = world.command(env!("CARGO_BIN_EXE_snap"));
    command.args(["backup", "--jobs", "1", "large"]).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let sessions = world.path("repository/sessions");
    let begun = Instant::now();
    while names(&sessions).is_empty() && begun.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    for session in names(&sessions) {
        let shown = world.snap(["cat", "session", &session]);
        // It may have come to its end just before it was killed.
        assert!(shown.code == 5 || object(shown)["kind"] == "backup");
    }
    for folder in names(&world.path("repository/packs")) {
        let folder = world.path("repository/packs").join(folder);
        for pack in names(&folder) {
            let content = std::fs::read(folder.join(&pack)).unwrap();
            std::fs::remove_file(folder.join(&pack)).unwrap();
            std::fs::write(folder.join(&pack), &content[..content.len() / 2]).unwrap();
        }
    }
    assert_eq!(world.snap(["check", "--read-data"]).code, 4);
    let marks = names(&world.path("repository/damaged"));
    assert!(!marks.is_empty());
    let damaged = object(world.snap(["cat", "damaged", &marks[0]]));
    assert!(!damaged["why"].as_str().unwrap().is_empty());
    // A search goes on without what cannot be read, and says so.
    let found = world.snap(["find", "config.py"]);
    assert_eq!(found.code, 4, "{}", found.stderr);
}
