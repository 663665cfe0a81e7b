//! What was in a repository once, and is hidden, replayed or brought back: a machine that saw it
//! misses it, and so does one that is given a witness.

use crate::support::World;
use std::process::Command;

/// A world with a repository of two snapshots, and their ids.
fn world() -> World {
    let mut world = World::new();
    world.set("SNAP_REPOSITORY", "repository");
    world.set("SNAP_KEY_FILE", "key");
    world.set("SNAP_CACHE_DIR", "cache");
    world.snap(["init", "-q"]).success();
    backup(&world, "one");
    backup(&world, "two");
    world
}

fn backup(world: &World, content: &str) {
    world.write("bot/config.py", content);
    world.snap(["backup", "-q", "bot"]).success();
}

fn copy(world: &World, from: &str, to: &str) {
    let _ = std::fs::remove_dir_all(world.path(to));
    let copied = Command::new("cp").arg("-a").arg(world.path(from)).arg(world.path(to)).status();
    assert!(copied.unwrap().success());
}

/// A machine that has never seen the repository.
fn elsewhere(world: &mut World) {
    world.set("SNAP_CACHE_DIR", "another");
}

#[test]
fn an_older_state_is_noticed_until_it_is_accepted() {
    let mut world = world();
    copy(&world, "repository", "old");
    backup(&world, "three");
    world.snap(["check", "--witness", "stick"]).success();
    copy(&world, "old", "repository");

    let shown = world.snap(["snapshots"]);
    assert!(shown.stderr.contains("snapshot 3 of writer"), "{}", shown.stderr);
    assert!(shown.stderr.contains("was here, and is gone"), "{}", shown.stderr);
    assert_eq!(shown.code, 0, "what is there can still be used");
    backup(&world, "four");
    let checked = world.snap(["check"]);
    assert_eq!(checked.code, 4, "{}", checked.stdout);
    assert!(checked.stdout.contains("its snapshot 3 is neither there nor"), "{}", checked.stdout);

    world.snap(["repair", "snapshots", "--accept-lost"]).success();
    let checked = world.snap(["check"]);
    assert_eq!((checked.code, checked.stderr.as_str()), (0, ""), "{}", checked.stdout);
    elsewhere(&mut world);
    world.snap(["check"]).success();
}

#[test]
fn a_client_that_comes_first_needs_a_witness() {
    let mut world = world();
    copy(&world, "repository", "old");
    backup(&world, "three");
    world.snap(["check", "--witness", "stick"]).success();
    let witness = std::fs::read_to_string(world.path("stick")).unwrap();
    copy(&world, "old", "repository");

    elsewhere(&mut world);
    world.snap(["check"]).success();
    let checked = world.snap(["check", "--witness", "stick"]);
    assert_eq!(checked.code, 4, "{}", checked.stdout);
    let kept = std::fs::read_to_string(world.path("stick")).unwrap();
    assert_eq!(kept, witness, "a witness does not learn what contradicts it");
}

#[test]
fn a_forgotten_snapshot_that_is_back_is_noticed() {
    let world = world();
    copy(&world, "repository", "old");
    world.snap(["prune", "-q", "--keep-last", "1"]).success();
    world.snap(["snapshots"]).success();
    copy(&world, "old", "repository");
    let shown = world.snap(["snapshots"]);
    assert!(shown.stderr.contains("a snapshot that was forgotten is back"), "{}", shown.stderr);
    assert_eq!(world.snap(["check"]).code, 4);
}

/// A machine that was put back with its cache goes on with numbers that are taken.
#[test]
fn another_snapshot_of_the_same_number_is_noticed() {
    let world = world();
    copy(&world, "repository", "old");
    copy(&world, "cache", "old-cache");
    backup(&world, "three");
    world.snap(["check", "--witness", "stick"]).success();
    copy(&world, "old", "repository");
    copy(&world, "old-cache", "cache");
    backup(&world, "another three");
    world.snap(["check"]).success();
    let checked = world.snap(["check", "--witness", "stick"]);
    assert_eq!(checked.code, 4, "{}", checked.stdout);
    assert!(checked.stdout.contains("is another than the one that was here"), "{}", checked.stdout);
}

#[test]
fn a_witness_of_something_else_is_refused() {
    let mut world = world();
    world.snap(["check", "--witness", "stick"]).success();
    world.write("text", "hello");
    let refused = |world: &World, file: &str, why: &str| {
        let output = world.snap(["check", "--witness", file]);
        assert_eq!(output.code, 1, "{}", output.stdout);
        assert!(output.stderr.contains(why), "{}", output.stderr);
    };
    refused(&world, "text", "it does not begin with");
    let text = std::fs::read_to_string(world.path("stick")).unwrap();
    world.write("cut", &text[..text.len() - 3]);
    refused(&world, "cut", "it is not whole");
    world.set("SNAP_REPOSITORY", "second");
    world.set("SNAP_KEY_FILE", "second-key");
    world.snap(["init", "-q"]).success();
    refused(&world, "stick", "the witness is of repository");
}
