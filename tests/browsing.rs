//! `snap browse` at a pseudo-terminal.

use crate::support::{Mongod, Role, World};
use bson::doc;
use std::fs;

/// The terminal's other screen begins, and ends.
const ENTERS: &str = "\u{1b}[?1049h";
const LEAVES: &str = "\u{1b}[?1049l";

fn world() -> World {
    let mut world = World::new();
    world.set("SNAP_REPOSITORY", "repository");
    world.set("SNAP_KEY_FILE", "key");
    world.set("TERM", "xterm");
    world.snap(["init", "-q"]).success();
    world.write("bot/config.py", "PORT = 8000\n");
    world.write("bot/data/prices.json", "{}\n");
    world.snap(["backup", "-q", "bot"]).success();
    world
}

#[test]
fn what_is_marked_is_restored_and_the_terminal_is_given_back() {
    let world = world();
    let place = format!("latest:{}", world.path("bot").display());
    // Space marks, r asks where to; the line end is Enter.
    let shown = world.terminal(&["config.py= rout", "restored=^C"], &["browse", &place]).success();
    assert_eq!(shown.matches(ENTERS).count(), 2, "{shown:?}");
    assert_eq!(shown.matches(LEAVES).count(), 2, "{shown:?}");
    assert!(shown.rfind(LEAVES) > shown.rfind("config.py"), "{shown:?}");
    let restored = format!("out{}", world.path("bot").display());
    let content = fs::read_to_string(world.path(format!("{restored}/config.py"))).unwrap();
    assert_eq!(content, "PORT = 8000\n");
    assert!(!world.path(format!("{restored}/data")).exists());
}

#[test]
fn a_file_is_read_from_the_list_of_snapshots_on() {
    let world = world();
    let place = format!("latest:{}", world.path("bot/config.py").display());
    // What is shown comes in words: blanks are not drawn.
    let shown = world.terminal(&["config.py=", "8000=^C"], &["browse", &place]);
    assert!(shown.stdout.contains("PORT"), "{shown:?}");
}

#[test]
fn a_path_that_is_not_there_is_said_before_anything_is_shown() {
    let world = world();
    let output = world.terminal(&[], &["browse", "latest:/nowhere"]);
    assert_eq!(output.code, 5, "{output:?}");
    assert!(!output.stdout.contains(ENTERS), "{output:?}");
}

#[test]
fn a_collection_that_is_marked_becomes_files() {
    let world = world();
    let dump = r#"{"backup_metadata":{"timestamp":"2025-01-01T00:00:00Z","database":"shop"},
        "collections":{"users":[{"_id":1}],"quotes":[{"_id":2}]}}"#;
    world.write("dump.json", dump);
    world.snap(["import", "dump.json"]).success();
    let place = &format!("{}:mongodb/imported/shop/users", imported(&world));
    let shown = world.terminal(&["users= rout", "server:=^C"], &["browse", place]).success();
    assert!(shown.contains("shop/users`"), "{shown:?}");
    assert!(world.path("out/mongodb/shop/users.bson").exists());
    assert!(!world.path("out/mongodb/shop/quotes.bson").exists());
}

/// The id of the snapshot that was imported, which has the oldest time.
fn imported(world: &World) -> String {
    let listed = world.snap(["snapshots", "--json"]).success();
    let first: serde_json::Value = serde_json::from_str(listed.lines().next().unwrap()).unwrap();
    first["short_id"].as_str().unwrap().to_string()
}

#[test]
fn files_and_databases_of_one_snapshot_are_shown_and_restored_together() {
    let Some(server) = Mongod::start(Role::ReplicaSet) else { return };
    server.run("shop", doc! { "insert": "users", "documents": [doc! { "_id": 1 }] });
    let world = world();
    world.snap(["backup", "-q", "bot", &server.address("shop")]).success();
    let shown = world.terminal(&["mongodb= j rout", "server:=^C"], &["browse", "latest"]);
    assert!(shown.stdout.contains("files/"), "{shown:?}");
    assert!(world.path("out/mongodb/shop/users.bson").exists(), "{shown:?}");
    let restored = format!("out{}", world.path("bot/config.py").display());
    assert!(world.path(restored).exists(), "{shown:?}");
}
