//! Nothing is written where something is before a safety snapshot has it, and a rollback brings
//! it back.

use super::{all, insert, lines, of_type};
use crate::support::{Mongod, Role, World};
use bson::doc;

/// `bot` with two collections in a snapshot; then one is dropped, and the other changed.
fn changed(server: &Mongod) -> World {
    let users: Vec<_> = (0..1500).map(|id| doc! { "_id": id, "n": id }).collect();
    insert(server, "bot", "users", &users);
    insert(server, "bot", "logs", &[doc! { "_id": 1 }]);
    let index = doc! { "key": { "n": 1 }, "name": "n_1" };
    server.run("bot", doc! { "createIndexes": "users", "indexes": [index] });
    let world = World::with_repository();
    world.snap(["backup", &server.address("bot")]).success();
    server.run("bot", doc! { "drop": "logs" });
    server.run("bot", doc! { "dropIndexes": "users", "index": "n_1" });
    let updates =
        doc! { "q": { "_id": { "$lt": 10 } }, "u": { "$set": { "n": "new" } }, "multi": true };
    server.run("bot", doc! { "update": "users", "updates": [updates] });
    let deletes = doc! { "q": { "_id": { "$gte": 1490 } }, "limit": 0 };
    server.run("bot", doc! { "delete": "users", "deletes": [deletes] });
    insert(server, "bot", "users", &[doc! { "_id": "mine" }]);
    world
}

#[test]
fn what_a_restore_changed_comes_back() {
    let Some(server) = Mongod::start(Role::ReplicaSet) else { return };
    let world = changed(&server);
    let before = server.hashes("bot");
    let to = server.address("bot");
    let restore = ["restore", "latest", "--to", &to, "--conflict", "overwrite", "--yes"];
    let done = lines(&world, &restore);
    let safety = of_type(&done, "summary")[0]["safety_snapshot_id"].as_str().unwrap().to_string();
    let restored = server.hashes("bot");
    assert_eq!(restored.len(), 2);
    assert_eq!(server.indexes("bot", "users").len(), 2);
    assert_eq!(all(&server, "bot", "users").len(), 1501);

    // What somebody has changed since, and the restore has not, stays.
    insert(&server, "bot", "users", &[doc! { "_id": "later" }]);
    let update = doc! { "q": { "_id": "mine" }, "u": { "$set": { "new": 1 } } };
    server.run("bot", doc! { "update": "users", "updates": [update] });
    let listed = world.snap(["rollback", "--list"]).success();
    assert!(listed.contains("bot.users") && listed.contains("1 restore in place"), "{listed}");
    let foreseen = lines(&world, &["rollback", "--dry-run"]);
    let rolled = lines(&world, &["rollback", "--yes"]);
    let (foreseen, rolled) = (of_type(&foreseen, "summary")[0], of_type(&rolled, "summary")[0]);
    assert_eq!(rolled["snapshot_id"], safety);
    for (count, number) in [
        ("collections_dropped", 1),
        ("collections_replaced", 0),
        ("documents_restored", 10),
        ("documents_deleted", 10),
        ("failed", 0),
    ] {
        assert_eq!(rolled[count], number, "{rolled}");
        assert_eq!(foreseen[count], number, "{foreseen}");
    }
    assert_eq!(server.indexes("bot", "users").len(), 1);
    let q = doc! { "q": { "_id": "later" }, "limit": 1 };
    server.run("bot", doc! { "delete": "users", "deletes": [q] });
    let update = doc! { "q": { "_id": "mine" }, "u": { "$unset": { "new": 1 } } };
    server.run("bot", doc! { "update": "users", "updates": [update] });
    assert_eq!(server.hashes("bot"), before);

    // A rollback can be undone, too.
    let undo = rolled["safety_snapshot_id"].as_str().unwrap();
    world.snap(["rollback", undo, "--yes"]).success();
    let q = doc! { "q": { "_id": "later" }, "limit": 1 };
    server.run("bot", doc! { "delete": "users", "deletes": [q] });
    let update = doc! { "q": { "_id": "mine" }, "u": { "$unset": { "new": 1 } } };
    server.run("bot", doc! { "update": "users", "updates": [update] });
    assert_eq!(server.hashes("bot"), restored);
    world.snap(["check", "--read-data"]).success();
    let none = world.snap(["rollback", "--list"]).success();
    assert!(none.contains("3 restores in place"), "{none}");
}

#[test]
fn documents_matched_by_other_fields_come_back() {
    let Some(server) = Mongod::start(Role::ReplicaSet) else { return };
    insert(
        &server,
        "bot",
        "s",
        &[doc! { "_id": 1, "k": "a", "n": 1 }, doc! { "_id": 2, "k": "b" }],
    );
    let world = World::with_repository();
    world.snap(["backup", &server.address("bot")]).success();
    insert(&server, "back", "s", &[doc! { "_id": "x", "k": "a", "n": 2 }]);
    let before = server.hashes("back");
    let to = server.address("back");
    let restore = ["restore", "latest", "--to", &to, "--key", "k", "--conflict", "merge"];
    world.snap(restore).success();
    let merged = [doc! { "_id": 2, "k": "b" }, doc! { "_id": "x", "k": "a", "n": 1 }];
    assert_eq!(all(&server, "back", "s"), merged);
    world.snap(["rollback", "--yes"]).success();
    assert_eq!(server.hashes("back"), before);
}

#[test]
fn nothing_is_kept_where_nothing_was() {
    let Some(server) = Mongod::start(Role::ReplicaSet) else { return };
    insert(&server, "bot", "s", &[doc! { "_id": 1 }]);
    let world = World::with_repository();
    world.snap(["backup", &server.address("bot")]).success();
    let done = lines(&world, &["restore", "latest", "--to", &server.address("new")]);
    assert!(of_type(&done, "summary")[0].get("safety_snapshot_id").is_none(), "{done:?}");
    assert_eq!(world.snap(["rollback", "--yes"]).code, 5);
}

#[test]
fn time_series_and_capped_collections_come_back() {
    let Some(server) = Mongod::start(Role::ReplicaSet) else { return };
    let at = |second: i64| bson::DateTime::from_millis(1_700_000_000_000 + second * 1000);
    let series = doc! { "timeField": "at", "metaField": "who" };
    server.run("bot", doc! { "create": "series", "timeseries": series });
    let rows: Vec<_> = (0..50).map(|n| doc! { "at": at(n), "who": n % 5, "n": n }).collect();
    insert(&server, "bot", "series", &rows);
    server.run("bot", doc! { "create": "ring", "capped": true, "size": 65536 });
    insert(&server, "bot", "ring", &[doc! { "_id": 2 }, doc! { "_id": 1 }]);
    let world = World::with_repository();
    world.snap(["backup", &server.address("bot")]).success();

    // A capped collection that has gone on is left as it is; a series gets what is missing.
    insert(&server, "bot", "ring", &[doc! { "_id": 3 }]);
    insert(&server, "bot", "series", &[doc! { "at": at(9000), "who": 9, "n": 9 }]);
    let before = server.hashes("bot");
    let to = server.address("bot");
    let restore = ["restore", "latest", "--to", &to, "--conflict", "overwrite", "--yes"];
    world.snap(restore).success();
    assert_eq!(server.hashes("bot"), before);
    server.run("bot", doc! { "drop": "ring" });
    let without = server.hashes("bot");
    world.snap(restore).success();
    assert_ne!(server.hashes("bot"), without);
    world.snap(["rollback", "--yes"]).success();
    assert_eq!(server.hashes("bot"), without);
}

/// As a restore leaves it that was killed, and as others do.
#[test]
fn a_capped_collection_goes_on_from_where_it_broke_off() {
    let Some(server) = Mongod::start(Role::ReplicaSet) else { return };
    let world = World::with_repository();
    let ring = doc! { "create": "ring", "capped": true, "size": 65536 };
    let all: Vec<_> = [5, 3, 4, 1].map(|id| doc! { "_id": id }).to_vec();
    server.run("bot", ring.clone());
    insert(&server, "bot", "ring", &all);
    world.snap(["backup", &server.address("bot")]).success();
    let whole = server.hashes("bot");
    let to = server.address("bot");
    let restore = ["restore", "latest", "--to", &to, "--conflict", "skip", "--yes"];
    let begin_again = |documents: &[bson::Document]| {
        server.run("bot", doc! { "drop": "ring" });
        server.run("bot", ring.clone());
        insert(&server, "bot", "ring", documents);
    };

    begin_again(&all[..2]);
    let before = server.hashes("bot");
    let planned = lines(&world, &["restore", "latest", "--to", &to, "--dry-run"]);
    assert_eq!(of_type(&planned, "comparison")[0]["missing"], 2, "{planned:?}");
    world.snap(restore).success();
    assert_eq!(server.hashes("bot"), whole);
    world.snap(["rollback", "--yes"]).success();
    assert_eq!(server.hashes("bot"), before);

    begin_again(&all[1..]);
    let before = server.hashes("bot");
    let refused = world.snap(restore);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.stderr.contains("other documents are there"), "{refused:?}");
    assert_eq!(server.hashes("bot"), before);
    world.snap(["restore", "latest", "--to", &to, "--swap", "--yes"]).success();
    assert_eq!(server.hashes("bot"), whole);
}

#[test]
fn a_collection_that_is_swapped_in_is_that_of_the_snapshot_and_comes_back() {
    let Some(server) = Mongod::start(Role::ReplicaSet) else { return };
    let world = changed(&server);
    let before = server.hashes("bot");
    let to = server.address("bot");
    world.snap(["restore", "latest", "--to", &server.address("saved")]).success();
    let done = lines(&world, &["restore", "latest", "--to", &to, "--swap", "--yes"]);
    assert!(of_type(&done, "summary")[0].get("safety_snapshot_id").is_some(), "{done:?}");
    assert_eq!(server.hashes("bot"), server.hashes("saved"));
    assert_eq!(server.indexes("bot", "users"), server.indexes("saved", "users"));
    world.snap(["rollback", "--yes"]).success();
    assert_eq!(server.hashes("bot"), before);
    assert_eq!(server.indexes("bot", "users").len(), 1);
    let names: Vec<_> = server.collections("bot");
    assert_eq!(names.len(), 1, "{names:?}");
}
