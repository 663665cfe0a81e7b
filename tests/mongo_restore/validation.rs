//! After a restore everything is looked at again.

use super::{all, insert, lines, of_type};
use crate::support::{Mongod, Role, World};
use bson::{Timestamp, doc};

#[test]
fn what_was_restored_is_read_again() {
    let Some(server) = Mongod::start(Role::ReplicaSet) else { return };
    let documents: Vec<_> = (0..1200).map(|id| doc! { "_id": id, "phone": "1" }).collect();
    insert(&server, "bot", "s", &documents);
    insert(&server, "bot", "s", &[doc! { "_id": "none" }]);
    let world = World::with_repository();
    world.snap(["backup", &server.address("bot")]).success();
    let restore = |name: &str, more: &[&str]| {
        let to = server.address(name);
        lines(&world, &[&["restore", "latest", "--to", &to][..], more].concat())
    };
    let done = restore("back", &[]);
    let summary = of_type(&done, "summary")[0];
    let found = &summary["collections"][0]["validation"];
    assert_eq!((&found["identical"], &found["missing"]), (&1201.into(), &0.into()), "{done:?}");
    assert!(summary["seconds_validating"].is_number());
    let done = restore("back", &["--no-validation"]);
    let summary = of_type(&done, "summary")[0];
    assert!(summary["collections"][0].get("validation").is_none(), "{done:?}");

    // What stays by the strategy is right; a field that is missing is not.
    let update = doc! { "q": { "_id": 3 }, "u": { "$set": { "mine": 1 } } };
    server.run("back", doc! { "update": "s", "updates": [update] });
    let to = server.address("back");
    let required =
        ["restore", "latest", "--to", &to, "--require", "phone,_id", "--conflict", "merge"];
    let output = world.snap(required.iter().chain(&["--json"]));
    assert_eq!(output.code, 1, "{output:?}");
    assert!(output.stdout.contains("1 of its documents lack one of phone, _id"), "{output:?}");
    let shown = world.snap(["restore", "latest", "--to", &to]).success();
    assert!(shown.contains("1,200 documents as in the snapshot, 1 kept"), "{shown}");
}

#[test]
fn who_may_only_restore_is_told_what_was_not_looked_at() {
    let Some(server) = Mongod::start(Role::Accounts) else { return };
    let document = doc! { "_id": 1, "at": Timestamp { time: 0, increment: 0 }, "n": 1 };
    server.run("bot", doc! { "insert": "s", "documents": [doc! { "_id": 2 }] });
    let put = doc! { "q": { "_id": 1 }, "u": [{ "$replaceWith": { "$literal": document } }], "upsert": true };
    server.run("bot", doc! { "update": "s", "updates": [put] });
    let world = World::with_repository();
    world.snap(["backup", &server.address_of("root", "bot")]).success();
    let to = server.address_of("restorer", "back");
    let output = world.snap(["restore", "latest", "--to", &to]);
    assert!(output.stdout.contains("not validated: this account may not read"), "{output:?}");
    assert_eq!(all(&server, "back", "s").len(), 2);
    // Who may not read cannot take a safety snapshot, and so may not write where something is.
    let again = world.snap(["restore", "latest", "--to", &to]);
    assert_eq!(again.code, 1, "{again:?}");
}

#[test]
fn uuids_are_kept_on_request() {
    let Some(server) = Mongod::start(Role::ReplicaSet) else { return };
    let index = doc! { "key": { "n": 1 }, "name": "n_1" };
    insert(&server, "bot", "s", &[doc! { "_id": 1, "n": 1 }]);
    server.run("bot", doc! { "createIndexes": "s", "indexes": [index] });
    let uuid = || {
        let listed = server.batch("bot", doc! { "listCollections": 1 });
        listed[0].get_document("info").unwrap().get("uuid").unwrap().clone()
    };
    let before = uuid();
    let hashes = server.hashes("bot");
    let world = World::with_repository();
    let to = server.address("bot");
    world.snap(["backup", &to]).success();
    server.run("bot", doc! { "dropDatabase": 1 });
    world.snap(["restore", "latest", "--to", &to, "--keep-uuids", "--yes"]).success();
    assert_eq!(uuid(), before);
    assert_eq!(server.hashes("bot"), hashes);
    assert_eq!(server.indexes("bot", "s").len(), 2);
}
