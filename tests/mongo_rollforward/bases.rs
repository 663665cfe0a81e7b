//! Which snapshots are bases, and of what.

use super::cli::{Kept, ts};
use crate::support::{Mongod, Role};
use bson::doc;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// The log tells of all that was made, so a snapshot of all databases lacks none of them.
#[test]
fn a_database_that_was_made_since_comes_back() {
    let Some(server) = Mongod::start(Role::ReplicaSet) else { return };
    let address = server.address("");
    let mut kept = Kept::of(server, &address);
    kept.write(1);
    kept.server
        .run("fresh", doc! { "insert": "things", "documents": [{ "_id": 1 }, { "_id": 2 }] });
    kept.server.run("fresh", doc! { "create": "seen", "viewOn": "things", "pipeline": [] });
    kept.write(1);
    kept.server.run(
        "admin",
        doc! {
            "renameCollection": "fresh.things", "to": "other.things", "dropTarget": false
        },
    );
    kept.server.run("fresh", doc! { "dropDatabase": 1 });
    kept.write(1);
    let things = |number: usize| {
        let folder = format!("out{number}");
        let at = ts(kept.written[number]);
        kept.world.snap(["restore", "--at", &at, "--target", &folder]).success();
        let mut found = Vec::new();
        for name in ["bot/users", "fresh/things", "fresh/seen", "other/things"] {
            let place = kept.world.path(&folder).join("mongodb").join(name);
            let metadata = place.with_extension("metadata.json").exists();
            let documents = std::fs::read(place.with_extension("bson")).unwrap_or_default();
            let count = snapstore::format::documents(&documents).count();
            found.extend(metadata.then(|| format!("{name} {count}")));
        }
        found
    };
    assert_eq!(things(0), ["bot/users 1"]);
    assert_eq!(things(1), ["bot/users 2", "fresh/things 2", "fresh/seen 0"]);
    assert_eq!(things(2), ["bot/users 3", "other/things 2"]);
    // Into a server, too.
    let at = ts(kept.written[1]);
    kept.world.snap(["restore", "--at", &at, "--db", "fresh", "--yes"]).success();
    assert_eq!(kept.server.batch("fresh", doc! { "find": "seen" }).len(), 2);
    // The next snapshot has a database that the one before it does not have.
    kept.world.snap(["backup", &kept.server.address("")]).success();
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        let proved = kept.world.snap(["--json", "check", "--pitr"]);
        assert_eq!(proved.code, 0, "{proved:?}");
        if proved.stdout.contains("\"outcome\":\"equal\"") {
            break;
        }
        // The log has not come to the second snapshot yet.
        assert!(proved.stdout.contains("no_log") && Instant::now() < end, "{proved:?}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// The log of one database goes with a snapshot of all: the others are as that has them.
#[test]
fn what_nobody_keeps_is_as_the_snapshot_has_it() {
    let Some(mut kept) = Kept::start() else { return };
    kept.server.run("beside", doc! { "insert": "things", "documents": [{ "_id": 1 }] });
    kept.world.snap(["backup", &kept.server.address("")]).success();
    kept.write(2);
    let at = ts(kept.written[1]);
    let told = kept.world.snap(["restore", "--at", &at, "--target", "out"]).success();
    assert!(told.contains("2 changes since"), "{told}");
    assert!(told.contains("beside is as snapshot") && !told.contains("bot is as"), "{told}");
    assert!(kept.world.path("out/mongodb/beside/things.bson").exists());
}

/// What it left out did not change since the base: the log does not tell of it.
#[test]
fn a_snapshot_of_some_collections_is_no_base() {
    let Some(server) = Mongod::start(Role::ReplicaSet) else { return };
    server.run("bot", doc! { "insert": "users", "documents": [{ "_id": -1 }] });
    server.run("bot", doc! { "insert": "quotes", "documents": [{ "_id": "kept" }] });
    let address = server.address("bot");
    let mut kept = Kept::of(server, &address);
    kept.world.snap(["backup", &address, "--collection", "users"]).success();
    kept.world.snap(["backup", &address, "--exclude-collection", "quotes"]).success();
    kept.write(2);
    let to = kept.server.address("back");
    kept.world.snap(["restore", "--at", &ts(kept.written[1]), "--to", &to]).success();
    let count = |name: &str| kept.server.batch("back", doc! { "find": name }).len();
    assert_eq!((count("users"), count("quotes")), (3, 1));
}

/// A collection that is dropped while a snapshot is taken is not in it; to a moment at which it
/// was still there another base leads, or none.
#[test]
fn what_was_dropped_while_a_base_was_taken_comes_back() {
    let Some(mut kept) = Kept::start() else { return };
    for name in ["first", "other"] {
        kept.server.run("bot", doc! { "insert": name, "documents": [{ "_id": 1 }] });
    }
    let address = kept.server.address("bot");
    // What was made in the very second of a base, the log tells of.
    std::thread::sleep(Duration::from_millis(1100));
    kept.write(1);
    // The backup has listed the collections, and waits at the first.
    let fail = |mode: bson::Bson| {
        let data = doc! {
            "failCommands": ["find"], "namespace": "bot.first",
            "blockConnection": true, "blockTimeMS": 3000
        };
        let fail = doc! { "configureFailPoint": "failCommand", "mode": mode, "data": data };
        kept.server.run("admin", fail).get_i32("count").unwrap()
    };
    let entered = fail(doc! { "times": 1 }.into());
    let mut saving = kept.world.command(env!("CARGO_BIN_EXE_snap"));
    saving.args(["-v", "backup", &address]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let saving = saving.spawn().unwrap();
    let wait = doc! {
        "waitForFailPoint": "failCommand", "timesEntered": entered + 1, "maxTimeMS": 60_000
    };
    kept.server.run("admin", wait);
    kept.write(1);
    kept.server.run("bot", doc! { "drop": "other" });
    let saved = saving.wait_with_output().unwrap();
    let told = format!("{saved:?}");
    assert!(told.contains("bot.other: it was dropped while the backup ran"), "{told}");
    kept.write(1);
    let [before, after] = [ts(kept.written[1]), ts(kept.written[2])];
    let to = kept.server.address("back");
    let names = |at: &str| {
        kept.world.snap(["restore", "--at", at, "--to", &to]).success();
        let collections = kept.server.collections("back");
        kept.server.run("back", doc! { "dropDatabase": 1 });
        let names = collections.iter().map(|one| one.get_str("name").unwrap().to_string());
        names.collect::<Vec<String>>()
    };
    assert_eq!(names(&before), ["first", "other", "users"]);
    assert_eq!(names(&after), ["first", "users"]);
    let oldest = kept.world.snap(["forget", "--keep-last", "1", "--yes"]);
    assert_eq!(oldest.code, 0, "{oldest:?}");
    assert_eq!(names(&after), ["first", "users"]);
    let refused = kept.world.snap(["restore", "--at", &before, "--to", &to]);
    assert_eq!(refused.code, 5, "{refused:?}");
    assert!(refused.stderr.contains("nearest moments"), "{refused:?}");
}
