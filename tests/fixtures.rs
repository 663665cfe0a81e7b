//! Repositories that were made once, and must be readable ever after. (Those of drafts only until
//! the first release.)

use crate::support::World;
use serde_json::Value;
use std::path::{Path, PathBuf};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

/// A copy of the fixture's repository in a world that knows its password, and what is in it.
fn world(name: &str) -> (World, Value) {
    let mut world = World::new();
    let text = std::fs::read(fixture(name).join("fixture.json")).unwrap();
    let description: Value = serde_json::from_slice(&text).unwrap();
    world.set("SNAP_PASSWORD", description["password"].as_str().unwrap());
    world.set("SNAP_REPOSITORY", "repository");
    let mut copy = world.command("cp");
    copy.arg("-r").arg(fixture(name).join("repository")).arg("repository");
    assert!(copy.status().unwrap().success());
    (world, description)
}

#[test]
fn draft_0_restores() {
    let (world, description) = world("draft-0");
    for (number, snapshot) in description["snapshots"].as_array().unwrap().iter().enumerate() {
        let target = format!("restored{number}");
        let id = snapshot["id"].as_str().unwrap();
        world.snap(["restore", id, "--target", &target]).success();
        let tree = format!("{target}{}", snapshot["path"].as_str().unwrap());
        let found = world.manifest([tree.as_str(), "--no-root"]).success();
        let manifest = fixture("draft-0").join(snapshot["manifest"].as_str().unwrap());
        let expected = std::fs::read_to_string(manifest).unwrap();
        // Anybody but root restores as an owner of their own.
        if rustix::process::geteuid().is_root() {
            assert_eq!(found, expected);
        } else {
            assert_eq!(found.lines().count(), expected.lines().count());
        }
    }
}

#[test]
fn draft_0_is_checked_written_to_and_pruned() {
    let (world, description) = world("draft-0");
    let check = world.snap(["check", "--read-data"]);
    assert_eq!(check.code, 0, "{}{}", check.stdout, check.stderr);
    world.write("tree/new", "new");
    world.snap(["backup", "tree"]).success();
    world.snap(["prune", "--keep-last", "1", "--group-by", "", "--yes"]).success();
    let listed = world.snap(["snapshots", "--json"]).success();
    for gone in description["snapshots"].as_array().unwrap() {
        assert!(!listed.contains(gone["id"].as_str().unwrap()), "{listed}");
    }
    world.snap(["restore", "latest", "--target", "restored"]).success();
    world.snap(["check", "--read-data"]).success();
}
