//! What a person at a terminal is asked, and shown.

use crate::support::World;

/// A world without a password in its environment.
fn world() -> World {
    let mut world = World::new();
    world.unset("SNAP_PASSWORD");
    world.set("SNAP_REPOSITORY", "repository");
    world.set("TERM", "xterm");
    world.write("bot/config.py", "PORT = 8000");
    world
}

/// A world with a repository that a key file opens.
fn world_with_repository() -> World {
    let mut world = world();
    world.set("SNAP_KEY_FILE", "key");
    world.snap(["init"]).success();
    world
}

#[test]
fn a_new_password_is_asked_twice_and_never_shown() {
    let world = world();
    let answers = ["new password for repository: =correct horse", "the same again: =correct horse"];
    let shown = world.terminal(&answers, &["init"]).success();
    assert!(shown.contains("made repository"), "{shown}");
    assert!(!shown.contains("correct horse"), "{shown}");
    let shown = world.terminal(&["password of repository: =correct horse"], &["snapshots"]);
    assert!(!shown.success().contains("correct horse"));
    let output = world.terminal(&["password of repository: =wrong"], &["snapshots"]);
    assert_eq!(output.code, 12, "{}", output.stdout);
}

#[test]
fn two_passwords_that_differ_make_no_repository() {
    let world = world();
    let output = world.terminal(&["new password=one", "the same again=two"], &["init"]);
    assert_eq!(output.code, 12, "{}", output.stdout);
    assert!(output.stdout.contains("the two passwords differ"), "{}", output.stdout);
    assert!(!world.path("repository/snap.json").exists());
}

#[test]
fn control_c_at_the_password_ends_the_command() {
    let output = world().terminal(&["new password=^C"], &["init"]);
    assert_eq!(output.code, 130, "{}", output.stdout);
}

#[test]
fn prune_asks_before_it_forgets() {
    let world = world_with_repository();
    // The oldest of all is kept while there are few.
    for time in ["2025-11-28T01:00", "2025-11-28T02:00", "2025-11-28T03:00"] {
        world.snap(["backup", "--time", time, "bot"]).success();
    }
    let question = "forget 1 snapshot and free the space? [y/N] ";
    for answer in ["no", ""] {
        let output = world.terminal(&[&format!("{question}={answer}")], &["prune"]);
        assert_eq!(output.code, 1, "{}", output.stdout);
        assert!(output.stdout.contains("nothing was changed"), "{}", output.stdout);
    }
    assert!(world.snap(["snapshots"]).success().contains("3 snapshots"));
    world.terminal(&[&format!("{question}=y")], &["prune"]).success();
    assert!(world.snap(["snapshots"]).success().contains("2 snapshots"));
}

#[test]
fn forget_asks_for_rules_and_not_for_ids() {
    let world = world_with_repository();
    for _ in 0..3 {
        world.snap(["backup", "bot"]).success();
    }
    let output = world.terminal(&["forget 1 snapshot? =n"], &["forget", "--keep-last", "2"]);
    assert_eq!(output.code, 1, "{}", output.stdout);
    world.terminal(&[], &["forget", "--keep-last", "2", "--yes"]).success();
    let listed = world.snap(["snapshots", "--json"]).success();
    let first: serde_json::Value = serde_json::from_str(listed.lines().next().unwrap()).unwrap();
    world.terminal(&[], &["forget", first["id"].as_str().unwrap()]).success();
    assert!(world.snap(["snapshots"]).success().contains("1 snapshot"));
}

#[test]
fn colours_are_for_terminals_that_want_them() {
    let mut world = world();
    let coloured = "\u{1b}[1;31merror:";
    assert!(world.terminal(&[], &["snapshots"]).stdout.contains(coloured));
    assert!(!world.snap(["snapshots"]).stderr.contains('\u{1b}'));
    world.set("NO_COLOR", "1");
    assert!(!world.terminal(&[], &["snapshots"]).stdout.contains(coloured));
}

#[test]
fn a_restore_in_place_asks_which_strategy() {
    let world = world_with_repository();
    world.snap(["backup", "bot"]).success();
    world.write("bot/config.py", "PORT = 9000");
    let content = || std::fs::read_to_string(world.path("bot/config.py")).unwrap();
    let question = "which one? skip, overwrite or newest";
    for answer in ["", "yes"] {
        let output = world.terminal(&[&format!("{question}={answer}")], &["restore", "latest"]);
        assert_eq!(output.code, 1, "{}", output.stdout);
        assert!(output.stdout.contains("nothing was changed"), "{}", output.stdout);
    }
    let named = ["restore", "latest", "--conflict", "overwrite"];
    let output = world.terminal(&["create 0, and change=n"], &named);
    assert_eq!((output.code, content().as_str()), (1, "PORT = 9000"), "{}", output.stdout);
    world.terminal(&[&format!("{question}=over")], &["restore", "latest"]).success();
    assert_eq!(content(), "PORT = 8000");
    assert_eq!(world.terminal(&["roll back?=n"], &["rollback"]).code, 1);
    world.terminal(&["roll back?=y"], &["rollback"]).success();
    assert_eq!(content(), "PORT = 9000");
}
