//! Everything that is odd in a document goes every way there is, and stays the same bytes: as a
//! change of an earlier snapshot, into a server, out as files, and in again from them.

use crate::mongo_backup::{is_equal, oddities};
use crate::support::{Mongod, Role, World};
use bson::{Document, doc};

/// Collections with odd documents only.
const ODD: [&str; 4] = ["ids", "kinds", "raw", "large"];
/// BLAKE3 of the names and `dbHash`es of all that `oddities` makes, but for the series, whose buckets
/// get ids of their own, and `kinds`, where a server puts its time into an empty timestamp.
const HASH: &str = "105bf142a88b3981ce32bfbf7c4b6ea38f0641276d2b4f23a7a6467c64727620";

#[test]
fn every_oddity_goes_every_way() {
    let Some(server) = Mongod::start(Role::ReplicaSet) else { return };
    let world = World::with_repository();
    for name in ODD {
        let documents: Vec<Document> = (0..400)
            .map(|id| doc! { "_id": format!("before {id:03}"), "text": "x".repeat(100) })
            .collect();
        server.run("odd", doc! { "insert": name, "documents": documents });
    }
    let address = server.address("odd");
    world.snap(["backup", &address]).success();
    oddities::fill(&server, "odd");
    // Only what changed is read.
    world.snap(["backup", &address]).success();
    world.snap(["check", "--read-data"]).success();

    world.snap(["restore", "latest", "--to", &server.address("back"), "--ttl", "now"]).success();
    is_the_same(&server, "back");
    world.snap(["restore", "latest", "--target", "out"]).success();
    for name in ODD {
        let expected = oddities::bytes_of(&server, "odd", name);
        let file = world.path("out/mongodb/odd").join(format!("{name}.bson"));
        assert!(documents_of(&std::fs::read(file).unwrap()) == expected, "{name}: files");
        let path = format!("latest:odd/{name}");
        world.snap(["dump", &path, "--format", "bson", "--target", "one.bson"]).success();
        let dumped = std::fs::read(world.path("one.bson")).unwrap();
        assert!(documents_of(&dumped) == expected, "{name}: dump");
    }
    world.snap(["import", "out/mongodb", "--host", "other"]).success();
    let to = server.address("again");
    world.snap(["restore", "latest", "--host", "other", "--to", &to, "--ttl", "now"]).success();
    is_the_same(&server, "again");
}

fn is_the_same(server: &Mongod, database: &str) {
    is_equal(server, "odd", database);
    oddities::has_kept_bytes(server, database);
    for name in ODD {
        let bytes = |database: &str| oddities::bytes_of(server, database, name);
        assert!(bytes("odd") == bytes(database), "{name}");
    }
}

/// Documents of a `.bson` file, sorted.
fn documents_of(mut file: &[u8]) -> Vec<Vec<u8>> {
    let mut documents = Vec::new();
    while let Some(length) = file.first_chunk() {
        let (document, rest) = file.split_at(u32::from_le_bytes(*length) as usize);
        documents.push(document.to_vec());
        file = rest;
    }
    documents.sort();
    documents
}

/// What the tests with oddities stand on does not change unnoticed.
#[test]
fn the_oddities_are_always_the_same() {
    let Some(server) = Mongod::start(Role::Standalone) else { return };
    oddities::fill(&server, "odd");
    let mut hashes = server.hashes("odd");
    for name in ["system.buckets.series", "kinds"] {
        hashes.remove(name).unwrap();
    }
    let mut lines: Vec<String> =
        hashes.iter().map(|(name, hash)| format!("{name} {hash}\n")).collect();
    lines.sort();
    assert_eq!(blake3::hash(lines.concat().as_bytes()).to_hex().as_str(), HASH);
}

/// Somebody who may name a collection, or a document, does not get hold of the terminal.
#[test]
fn names_steer_no_terminal() {
    let Some(server) = Mongod::start(Role::ReplicaSet) else { return };
    let (red, ring) = ("\x1b[31mred\nline", "\x1b[33mring");
    let documents = [doc! { "_id": "\x1b[32mgreen" }, doc! { "_id": 2 }];
    server.run("bot", doc! { "insert": red, "documents": documents.to_vec() });
    server.run("bot", doc! { "create": ring, "capped": true, "size": 4096 });
    server.run("bot", doc! { "insert": ring, "documents": [{ "_id": 1 }] });
    let world = World::with_repository();
    let to = server.address("back");
    let said = |arguments: &[&str]| {
        let output = world.snap(arguments);
        let said = output.stdout + &output.stderr;
        assert!(!said.contains('\x1b') && !said.contains("\nline"), "{arguments:?}: {said:?}");
        said
    };
    said(&["backup", "-v", &server.address("bot")]);
    said(&["ls", "-l", "latest"]);
    let shown = said(&["restore", "latest", "--to", &to]);
    assert!(shown.contains("back.\\u{1b}[31mred\\nline: 2 documents"), "{shown}");
    let update = doc! { "q": { "_id": "\x1b[32mgreen" }, "u": { "$set": { "n": 1 } } };
    server.run("back", doc! { "update": red, "updates": [update] });
    said(&["restore", "latest", "--to", &to, "--dry-run", "-v"]);
    let in_place = ["restore", "latest", "--to", &to, "--collection", red];
    said(&[&in_place[..], &["--conflict", "overwrite", "--require", "gone"]].concat());
    said(&["rollback", "--list"]);
    said(&["rollback", "--dry-run", "-v"]);
    said(&["rollback", "--yes", "-v"]);
    said(&["diff", "latest", "latest"]);
    said(&["dump", "latest:bot/\x1b[34mnone"]);
    said(&["restore", "latest", "--target", "out", "-v"]);
}
