//! Damage to a collection is named by the documents that it hits; all others come back.

use crate::support::World;
use snapstore::codec::{DocumentBuilder, Elements};
use snapstore::format::documents;
use std::path::PathBuf;

/// Enough for several leaves.
const DOCUMENTS: i32 = 12_000;

fn dump() -> Vec<u8> {
    let text = |id: i32| blake3::hash(&id.to_le_bytes()).to_hex().repeat(4);
    let document = |id| DocumentBuilder::new().int32("_id", id).string("text", &text(id)).finish();
    (0..DOCUMENTS).flat_map(document).collect()
}

fn world() -> World {
    let mut world = World::new();
    world.set("SNAP_REPOSITORY", "repository");
    world.write("dump/bot/users.bson", dump());
    world.write("dump/bot/whole.bson", DocumentBuilder::new().int32("_id", 1).finish());
    world.snap(["init"]).success();
    world.snap(["import", "dump", "--time", "2025-11-28"]).success();
    world
}

/// The pack with the leaves: by far the largest.
fn largest_pack(world: &World) -> PathBuf {
    let mut packs = Vec::new();
    for folder in std::fs::read_dir(world.path("repository/packs")).unwrap() {
        for pack in std::fs::read_dir(folder.unwrap().path()).unwrap() {
            packs.push(pack.unwrap().path());
        }
    }
    packs.into_iter().max_by_key(|pack| pack.metadata().unwrap().len()).unwrap()
}

/// `_id` of all documents in a file.
fn ids(bson: &[u8]) -> Vec<i32> {
    let id = |document: &[u8]| {
        let id = Elements::new(document).unwrap().find(b"_id").unwrap().unwrap();
        i32::from_le_bytes(id.value.try_into().unwrap())
    };
    documents(bson).map(|document| id(document.unwrap())).collect()
}

/// The number behind a word.
fn number(text: &str, before: &str) -> Option<i32> {
    let rest = text.split_once(before)?.1;
    rest.split([' ', '\n', '"', ',']).next()?.parse().ok()
}

#[test]
fn documents_that_are_hit_are_named_and_the_others_come_back() {
    let world = world();
    let pack = largest_pack(&world);
    let whole = std::fs::read(&pack).unwrap();
    for part in [1, 3, 5] {
        let mut bytes = whole.clone();
        let at = bytes.len() * part / 6;
        bytes[at] ^= 1;
        std::fs::write(&pack, &bytes).unwrap();
        let checked = world.snap(["check", "--read-data", "--no-mark"]);
        assert_eq!(checked.code, 4, "{checked:?}");
        let text = format!("{}{}", checked.stdout, checked.stderr);
        let named = text.lines().find(|line| line.contains("mongodb/imported/bot/users: "));
        let named = named.unwrap_or_else(|| panic!("{text}"));
        let count = number(named, "users: ").unwrap();
        let after = number(named, "_id after ").unwrap_or(-1);
        let before = number(named, "before ").unwrap_or(DOCUMENTS);
        assert!(count > 0 && count == before - after - 1, "{named}");
        assert!(count < DOCUMENTS / 2 && !text.contains("whole"), "{text}");
        let target = format!("restored{part}");
        let restored = world.snap(["restore", "latest", "--target", &target]);
        assert_ne!(restored.code, 0, "{restored:?}");
        let file = std::fs::read(world.path(&target).join("mongodb/bot/whole.bson")).unwrap();
        assert_eq!(ids(&file), [1]);
        let file = std::fs::read(world.path(&target).join("mongodb/bot/users.bson"));
        let file = file.unwrap_or_else(|error| panic!("{error}: {restored:?}"));
        let expected: Vec<i32> = (0..=after).chain(before..DOCUMENTS).collect();
        assert!(ids(&file) == expected, "{} of {}", ids(&file).len(), expected.len());
    }
}
