//! Documents of a snapshot meet documents that are there: every strategy with every state of
//! what is there, by `_id` and by other fields, each cell looked up in the database; and each
//! dry run says what then happens.

mod folder;
mod in_place;
mod matrix;
mod rollback;
mod selection;
mod servers;
mod validation;

use crate::support::{Mongod, Role, World};
use bson::{Document, doc};
use serde_json::Value;

/// The lines of a run with `--json`.
#[track_caller]
pub fn lines(world: &World, arguments: &[&str]) -> Vec<Value> {
    let output = world.snap(arguments.iter().chain(&["--json"]));
    let names = crate::cli_json::names_of_lines(&output);
    assert!(!names.is_empty(), "{output:?}");
    output.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[track_caller]
pub fn of_type<'a>(lines: &'a [Value], kind: &str) -> Vec<&'a Value> {
    let found: Vec<_> = lines.iter().filter(|line| line["message_type"] == kind).collect();
    assert!(!found.is_empty(), "no {kind} in {lines:?}");
    found
}

/// All documents of a collection in the order of their ids.
pub fn all(server: &Mongod, database: &str, name: &str) -> Vec<Document> {
    server.batch(database, doc! { "find": name, "sort": { "_id": 1 }, "batchSize": 10_000 })
}

pub fn insert(server: &Mongod, database: &str, name: &str, documents: &[Document]) {
    server.run(database, doc! { "insert": name, "documents": documents.to_vec() });
}

#[test]
fn in_place_a_strategy_must_be_named() {
    let Some(server) = Mongod::start(Role::ReplicaSet) else { return };
    insert(&server, "bot", "users", &[doc! { "_id": 1, "n": 1 }]);
    let world = World::with_repository();
    let to = server.address("bot");
    world.snap(["backup", &to]).success();
    let update = doc! { "q": { "_id": 1 }, "u": { "$set": { "n": 2 } } };
    server.run("bot", doc! { "update": "users", "updates": [update] });

    let undecided = world.snap(["restore", "latest", "--to", &to]);
    assert_eq!(undecided.code, 2, "{undecided:?}");
    assert!(undecided.stderr.contains("--yes"), "{undecided:?}");
    let undecided = world.snap(["restore", "latest", "--to", &to, "--yes"]);
    assert_eq!(undecided.code, 2, "{undecided:?}");
    assert!(undecided.stderr.contains("--conflict"), "{undecided:?}");
    assert_eq!(all(&server, "bot", "users"), [doc! { "_id": 1, "n": 2 }]);

    let by = ["--conflict", "overwrite", "--yes"];
    world.snap(["restore", "latest", "--to", &to].iter().chain(&by)).success();
    assert_eq!(all(&server, "bot", "users"), [doc! { "_id": 1, "n": 1 }]);
    // Nothing differs: any strategy is as good.
    world.snap(["restore", "latest", "--to", &to, "--yes"]).success();
}

#[test]
fn a_dry_run_shows_what_is_there_and_writes_nothing() {
    let Some(server) = Mongod::start(Role::ReplicaSet) else { return };
    let documents: Vec<Document> = (0..2500).map(|id| doc! { "_id": id, "n": id }).collect();
    insert(&server, "bot", "users", &documents);
    let world = World::with_repository();
    world.snap(["backup", &server.address("bot")]).success();
    let mut there = documents[..2000].to_vec();
    there[7].insert("n", "changed");
    there.push(doc! { "_id": "extra" });
    insert(&server, "look", "users", &there);
    let before = server.hashes("look");
    let dry = ["restore", "latest", "--to", &server.address("look"), "--dry-run"];
    let told = lines(&world, &dry);
    let one = of_type(&told, "comparison")[0];
    let counts = ["identical", "changed", "missing", "extra", "failed"].map(|name| &one[name]);
    assert_eq!(counts.map(|count| count.as_u64().unwrap()), [1999, 1, 500, 1, 0]);
    assert_eq!(one["changed_samples"][0], r#"{ "_id": 7 }"#);
    assert_eq!(one["extra_samples"][0], r#"{ "_id": "extra" }"#);
    assert_eq!(server.hashes("look"), before);
    let shown = world.snap(dry).success();
    assert!(shown.contains("dry run: nothing was changed"), "{shown}");
}

#[test]
fn a_field_by_which_documents_are_newer_must_be_named() {
    let world = World::with_repository();
    let to = "mongodb://127.0.0.1:1/bot";
    for (more, needed) in [
        (&["--conflict", "newest"][..], "--newest-by"),
        (&["--conflict", "newest", "--newest-by", "a..b"], "no name of a field"),
        (&["--newest-by", "seen"], "--conflict newest"),
        (&["--merge-prefer", "live"], "--conflict merge"),
    ] {
        let output = world.snap(["restore", "latest", "--to", to].iter().chain(more));
        assert_eq!(output.code, 2, "{output:?}");
        assert!(output.stderr.contains(needed), "{output:?}");
    }
    let files = world.snap(["restore", "latest", "--target", "x", "--conflict", "merge"]);
    assert_eq!(files.code, 2, "{files:?}");
}
