//! Databases go into a snapshot and come back exactly, through the command line and a real
//! server.

pub mod oddities;

use crate::cli_json::names_of_lines;
use crate::support::{Mongod, Role, World};
use bson::doc;

#[test]
fn everything_comes_back_as_it_was() {
    let Some(server) = Mongod::start(Role::ReplicaSet) else { return };
    oddities::fill(&server, "odd");
    let world = World::with_repository();
    let saved = world.snap(["backup", "-v", &server.address("odd")]).success();
    assert!(saved.contains("as of"), "{saved}");
    world.snap(["check", "--read-data"]).success();
    world.snap(["restore", "latest", "--to", &server.address("odd2"), "--ttl", "now"]).success();
    is_equal(&server, "odd", "odd2");
    oddities::has_kept_bytes(&server, "odd2");

    // What is stored already is not stored again, and a prune knows what is needed.
    let again = world.snap(["backup", "--json", &server.address("odd")]).success();
    let summary: serde_json::Value = serde_json::from_str(again.lines().last().unwrap()).unwrap();
    assert!(summary["data_added"].as_u64().unwrap() < 100_000, "{summary}");
    world.snap(["prune", "--wait", "0"]).success();
    world.snap(["check", "--read-data"]).success();
}

/// Documents, options and indexes of two databases.
pub fn is_equal(server: &Mongod, one: &str, other: &str) {
    assert_eq!(server.hashes(one), server.hashes(other));
    let collections = server.collections(one);
    assert_eq!(collections, server.collections(other));
    for collection in &collections {
        let name = collection.get_str("name").unwrap();
        if collection.get_str("type").unwrap() != "view" {
            assert_eq!(server.indexes(one, name), server.indexes(other, name), "{name}");
        }
    }
}

#[test]
fn files_and_databases_are_one_snapshot() {
    let Some(server) = Mongod::start(Role::ReplicaSet) else { return };
    server.run("bot", doc! { "insert": "users", "documents": [{ "_id": 1 }, { "_id": 2 }] });
    server.run("bot", doc! { "insert": "logs", "documents": [{ "_id": 1 }] });
    server.run("shop", doc! { "insert": "quotes", "documents": [{ "_id": 1 }] });
    let world = World::with_repository();
    world.write("bot/config.py", "PORT = 8000");
    world.snap(["backup", "bot", &server.address(""), "--exclude-collection", "logs"]).success();
    assert!(world.snap(["snapshots"]).success().contains("1 snapshot"));
    let listed = world.snap(["ls", "latest"]).success();
    assert!(listed.contains("config.py"), "{listed}");

    // A name that nothing has is no success.
    let misspelt = world.snap(["backup", "-n", &server.address("bot"), "--collection", "user"]);
    assert_eq!(misspelt.code, 3, "{misspelt:?}");
    assert!(misspelt.stderr.contains("user: there is no such collection"), "{misspelt:?}");

    let to = server.address("");
    let options = ["--ns-from", "*.*", "--ns-to", "back_*.*", "--db", "bot"];
    let restored = world.snap(["restore", "latest", "--to", &to].iter().chain(&options)).success();
    assert!(restored.contains("bot.users -> back_bot.users: 2 documents"), "{restored}");
    assert_eq!(server.hashes("back_bot").len(), 1);
    assert!(server.collections("back_shop").is_empty());

    // What is there stays.
    server.run(
        "back_bot",
        doc! { "delete": "users", "deletes": [{ "q": { "_id": 1 }, "limit": 1 }] },
    );
    let update = doc! { "q": { "_id": 2 }, "u": { "$set": { "mine": true } } };
    server.run("back_bot", doc! { "update": "users", "updates": [update] });
    let restored = world.snap(["restore", "latest", "--to", &to].iter().chain(&options)).success();
    assert!(restored.contains("1 document, 1 were there and stay"), "{restored}");
    let users = server.batch("back_bot", doc! { "find": "users", "sort": { "_id": 1 } });
    assert_eq!(users, [doc! { "_id": 1 }, doc! { "_id": 2, "mine": true }]);

    world.snap(["restore", "latest", "--target", "back"]).success();
    let saved = world.snap(["backup", "--json", &to]);
    assert!(names_of_lines(&saved).contains("backup_summary"), "{saved:?}");
    let in_place = ["--conflict", "skip", "--yes", "--json"];
    let restored = world.snap(["restore", "latest", "--to", &to].iter().chain(&in_place));
    assert!(names_of_lines(&restored).contains("restore_databases_summary"), "{restored:?}");
}

#[test]
fn documents_that_would_expire_at_once_are_kept() {
    let Some(server) = Mongod::start(Role::ReplicaSet) else { return };
    let old = bson::DateTime::from_millis(1_000_000_000_000);
    server.run("bot", doc! { "insert": "sessions", "documents": [{ "_id": 1, "seen": old }] });
    // Far enough away not to expire while the test runs.
    let index =
        doc! { "key": { "seen": 1 }, "name": "seen_1", "expireAfterSeconds": 2_000_000_000 };
    server.run("bot", doc! { "createIndexes": "sessions", "indexes": [index] });
    let world = World::with_repository();
    world.snap(["backup", &server.address("bot")]).success();
    let shorter = doc! { "keyPattern": { "seen": 1 }, "expireAfterSeconds": 60 };
    server.run("admin", doc! { "setParameter": 1, "ttlMonitorEnabled": false });
    server.run("bot", doc! { "collMod": "sessions", "index": shorter });
    world.snap(["backup", &server.address("bot")]).success();

    let restored = world.snap(["restore", "latest", "--to", &server.address("held")]).success();
    assert!(restored.contains("createIndexes: \"sessions\""), "{restored}");
    assert_eq!(server.indexes("held", "sessions").len(), 1);
    let first = world.snap(["snapshots", "--json"]).success();
    let first: serde_json::Value = serde_json::from_str(first.lines().next().unwrap()).unwrap();
    let first = first["short_id"].as_str().or(first["id"].as_str()).unwrap().to_string();
    world.snap(["restore", &first, "--to", &server.address("made")]).success();
    assert_eq!(server.indexes("made", "sessions").len(), 2);
}

#[test]
fn a_standalone_server_is_fuzzy_and_said_to_be() {
    let Some(server) = Mongod::start(Role::Standalone) else { return };
    oddities::fill(&server, "odd");
    let world = World::with_repository();
    let saved = world.snap(["backup", "-v", &server.address("odd")]);
    assert!(saved.stdout.contains("fuzzy"), "{saved:?}");
    assert!(saved.stderr.contains("--replSet") || saved.stdout.contains("--replSet"), "{saved:?}");
    saved.success();
    world.snap(["restore", "latest", "--to", &server.address("odd2"), "--ttl", "now"]).success();
    is_equal(&server, "odd", "odd2");
}

#[test]
fn a_server_that_is_not_there_is_named_without_its_password() {
    let world = World::with_repository();
    let address = "mongodb://bot:s3cret@127.0.0.1:1/bot?serverSelectionTimeoutMS=300";
    let output = world.snap(["backup", address]);
    assert_eq!(output.code, 1, "{output:?}");
    assert!(output.stderr.contains("cannot reach mongodb://127.0.0.1:1/bot"), "{output:?}");
    assert!(!output.stderr.contains("s3cret"), "{output:?}");
    assert!(world.snap(["snapshots"]).success().contains("0 snapshots"));
}

#[test]
fn connections_that_break_are_taken_up_again() {
    let Some(server) = Mongod::start(Role::ReplicaSet) else { return };
    oddities::fill(&server, "odd");
    let world = World::with_repository();
    let fail = |times: i32, data: bson::Document| {
        let mode = doc! { "times": times };
        server
            .run("admin", doc! { "configureFailPoint": "failCommand", "mode": mode, "data": data });
    };
    // The driver asks again by itself where a connection breaks at the start, not in the middle.
    fail(4, doc! { "failCommands": ["getMore"], "closeConnection": true });
    world.snap(["backup", &server.address("odd")]).success();
    fail(4, doc! { "failCommands": ["find", "getMore"], "errorCode": 262 });
    world.snap(["backup", &server.address("odd")]).success();
    world.snap(["check", "--read-data"]).success();
    fail(3, doc! { "failCommands": ["insert"], "closeConnection": true });
    world.snap(["restore", "latest", "--to", &server.address("odd2"), "--ttl", "now"]).success();
    is_equal(&server, "odd", "odd2");
}

#[test]
fn users_and_roles_come_back() {
    let (Some(server), Some(other)) =
        (Mongod::start(Role::ReplicaSet), Mongod::start(Role::Standalone))
    else {
        return;
    };
    let role = doc! { "role": "readWrite", "db": "bot" };
    server.run("bot", doc! { "createRole": "talker", "privileges": [], "roles": [role] });
    let made = doc! { "createUser": "bot", "pwd": "secret", "roles": ["talker"] };
    server.run("bot", made);
    server.run("bot", doc! { "insert": "users", "documents": [{ "_id": 1 }] });
    let world = World::with_repository();
    world.snap(["backup", &server.address("")]).success();
    world.snap(["restore", "latest", "--to", &other.address("")]).success();
    let users = |server: &Mongod| {
        server.run("bot", doc! { "usersInfo": 1 }).get_array("users").unwrap().clone()
    };
    assert_eq!(users(&server), users(&other));
    assert_eq!(users(&other).len(), 1);
    let there = other.collections("admin");
    let is_aside = |one: &bson::Document| one.get_str("name").unwrap().starts_with("snap_");
    assert!(!there.iter().any(is_aside), "{there:?}");
    world.snap(["restore", "latest", "--to", &other.address("")]).success();
}

#[test]
fn a_server_that_dies_leaves_no_snapshot() {
    let Some(mut server) = Mongod::start(Role::ReplicaSet) else { return };
    oddities::fill(&server, "odd");
    let world = World::with_repository();
    let address = server.address("odd") + "?serverSelectionTimeoutMS=300";
    let output = std::thread::scope(|scope| {
        let backup = scope.spawn(|| world.snap(["backup", &address]));
        // About half of what it takes.
        std::thread::sleep(std::time::Duration::from_millis(500));
        server.kill();
        backup.join().unwrap()
    });
    let snapshots = world.snap(["snapshots"]).success();
    match output.code {
        0 => assert!(snapshots.contains("1 snapshot"), "{output:?}"),
        1 => assert!(snapshots.contains("0 snapshots"), "{output:?}"),
        _ => panic!("{output:?}"),
    }
    world.snap(["check", "--read-data"]).success();
}

#[test]
fn a_database_that_is_not_there_is_a_problem() {
    let Some(server) = Mongod::start(Role::ReplicaSet) else { return };
    let output = World::with_repository().snap(["backup", &server.address("bto")]);
    assert_eq!(output.code, 3, "{output:?}");
    assert!(output.stderr.contains("no such database"), "{output:?}");
}

/// A repository is shared: the rules of a profile are for what it backs up, also where a file says
/// what that is.
#[test]
fn a_profile_of_a_database_forgets_only_its_own() {
    let Some(server) = Mongod::start(Role::ReplicaSet) else { return };
    server.run("bot", doc! { "insert": "users", "documents": [{ "_id": 1 }] });
    server.run("shop", doc! { "insert": "quotes", "documents": [{ "_id": 1 }] });
    let world = World::with_repository();
    world.write("files/config.py", "PORT = 8000");
    world.write("address", server.address("bot"));
    let retention = "[profile.default.retention]\nkeep-last = 1\n";
    world.write(
        "snap.toml",
        format!("[profile.default]\nmongodb-file = \"address\"\n\n{retention}"),
    );
    for _ in 0..2 {
        world.snap(["backup", "--config", "snap.toml"]).success();
        world.snap(["backup", "files"]).success();
        world.snap(["backup", &server.address("shop")]).success();
    }
    let forgot = world.snap(["forget", "--config", "snap.toml"]).success();
    assert!(forgot.contains("forgot 1 snapshot\n"), "{forgot}");
    assert!(forgot.contains("4 snapshots of other sources or tags"), "{forgot}");
    assert!(world.snap(["snapshots"]).success().contains("5 snapshots"));
    // Rules are for nothing where it cannot be told what they are for.
    std::fs::remove_file(world.path("address")).unwrap();
    let output = world.snap(["forget", "--config", "snap.toml"]);
    assert_eq!(output.code, 2, "{output:?}");
    let output = world.snap(["config", "check", "snap.toml"]);
    assert!(output.stderr.contains("mongodb-file"), "{output:?}");
    assert_ne!(output.code, 0, "{output:?}");
}

/// A snapshot holds no password: what undoes a restore finds it where the backup did.
#[test]
fn a_rollback_gets_in_by_the_file_of_the_profile() {
    let Some(server) = Mongod::start(Role::Accounts) else { return };
    server.run("bot", doc! { "insert": "users", "documents": [{ "_id": 1, "n": 1 }] });
    let world = World::with_repository();
    let address = server.address_of("root", "bot");
    world.write("address", &address);
    world.write("snap.toml", "[profile.default]\nmongodb-file = \"address\"\n");
    world.snap(["backup", "--config", "snap.toml"]).success();
    let change = doc! { "q": { "_id": 1 }, "u": { "$set": { "n": 2 } } };
    server.run("bot", doc! { "update": "users", "updates": [change] });
    let changed = server.hashes("bot");
    let restore = ["restore", "latest", "--to", &address, "--conflict", "overwrite", "--yes"];
    world.snap(restore).success();
    assert_ne!(server.hashes("bot"), changed);
    world.snap(["rollback", "--yes", "--config", "snap.toml"]).success();
    assert_eq!(server.hashes("bot"), changed);
}
