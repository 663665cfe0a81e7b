//! A large database with indexes of every kind is backed up and restored under another name: all
//! is equal, field by field. A million documents with `SNAP_TORTURE_SECONDS=300` or more.

use crate::support::{Mongod, Role, World, python, run, torture_time};
use bson::{Document, doc};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

const FEW: u32 = 5_000;
const MANY: u32 = 1_000_000;
const LONG: Duration = Duration::from_secs(300);
/// `dbHash` of what `fixtures/make_database --documents 5000 --seed 1` makes.
const HASH_OF_FEW: &str = "0604698da5587d41c2289bba5e29f2e6";

#[test]
fn a_database_comes_back_under_another_name() {
    let Some(server) = Mongod::start(Role::ReplicaSet) else { return };
    let mut world = World::new();
    world.set("SNAP_REPOSITORY", "repository");
    world.snap(["init"]).success();
    let documents = if torture_time() < LONG { FEW } else { MANY };
    let Some(mut make) = python(&world, "fixtures/make_database") else { return };
    make.args([&server.address("bot"), "--documents", &documents.to_string(), "--seed", "1"]);
    run(&mut make).success();
    has_every_index(&server);
    if documents == FEW {
        let answer = server.run("bot", doc! { "dbHash": 1 });
        assert_eq!(answer.get_str("md5").unwrap(), HASH_OF_FEW);
    }

    let begun = Instant::now();
    world.snap(["backup", &server.address("bot")]).success();
    let saved = begun.elapsed();
    let begun = Instant::now();
    let to = server.address("");
    let names = ["--ns-from", "bot.*", "--ns-to", "copy.*"];
    world.snap(["restore", "latest", "--to", &to].iter().chain(&names)).success();
    let restored = begun.elapsed();

    let (before, after) = (server.run("bot", hash()), server.run("copy", hash()));
    assert_eq!(before.get_str("md5").unwrap(), after.get_str("md5").unwrap());
    assert_eq!(server.hashes("bot"), server.hashes("copy"));
    assert_eq!(server.collections("bot"), server.collections("copy"));
    for name in names_of(&server) {
        assert_eq!(server.indexes("bot", &name), server.indexes("copy", &name), "{name}");
    }
    let size = server.run("bot", doc! { "dbStats": 1 });
    println!(
        "{} documents, {} bytes: saved in {saved:.1?}, restored and validated in {restored:.1?}",
        size.get("objects").unwrap(),
        size.get("dataSize").unwrap(),
    );
}

fn hash() -> Document {
    doc! { "dbHash": 1 }
}

fn names_of(server: &Mongod) -> Vec<String> {
    let collections = server.collections("bot");
    assert_eq!(collections.len(), 5);
    collections.iter().map(|one| one.get_str("name").unwrap().to_string()).collect()
}

/// The fixture keeps what this test is about.
fn has_every_index(server: &Mongod) {
    let names = names_of(server);
    let indexes: Vec<Document> =
        names.iter().flat_map(|name| server.indexes("bot", name)).collect();
    let options: BTreeSet<&str> =
        indexes.iter().flat_map(|index| index.keys().map(String::as_str)).collect();
    for option in [
        "hidden",
        "expireAfterSeconds",
        "partialFilterExpression",
        "collation",
        "textIndexVersion",
        "2dsphereIndexVersion",
        "unique",
        "sparse",
    ] {
        assert!(options.contains(option), "no index of a kind: {option}");
    }
    let keys: Vec<&Document> =
        indexes.iter().map(|index| index.get_document("key").unwrap()).collect();
    assert!(keys.iter().any(|key| key.keys().any(|field| field.ends_with("$**"))));
    assert!(keys.iter().any(|key| key.len() > 1 && !key.contains_key("_fts")));
    assert!(keys.iter().any(|key| key.values().any(|how| how.as_str() == Some("hashed"))));
}
