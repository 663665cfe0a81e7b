//! Keys at a terminal: passwords are asked for, and never shown.

use crate::support::World;

/// A world with a repository that a key file opens, and no password in its environment.
fn world() -> World {
    let mut world = World::new();
    world.unset("SNAP_PASSWORD");
    world.set("SNAP_REPOSITORY", "repository");
    world.set("SNAP_KEY_FILE", "key");
    world.set("TERM", "xterm");
    world.snap(["init"]).success();
    world
}

#[test]
fn a_password_is_added_and_changed_without_being_shown() {
    let mut world = world();
    let answers = ["new password for repository: =first one", "the same again: =first one"];
    let shown = world.terminal(&answers, &["key", "add"]).success();
    assert!(shown.contains("(password)") && !shown.contains("first one"), "{shown}");
    world.unset("SNAP_KEY_FILE");
    let answers = [
        "password of repository: =first one",
        "new password for repository: =second one",
        "the same again: =second one",
    ];
    let shown = world.terminal(&answers, &["key", "passwd"]).success();
    assert!(shown.contains("removed key") && !shown.contains(" one"), "{shown}");
    let list = |password: &str| {
        world.terminal(&[&format!("password of repository: ={password}")], &["key", "list"]).code
    };
    assert_eq!((list("first one"), list("second one")), (12, 0));
}

#[test]
fn two_passwords_that_differ_make_no_key() {
    let world = world();
    let output = world.terminal(&["new password=one", "the same again=two"], &["key", "add"]);
    assert_eq!(output.code, 12, "{}", output.stdout);
    let keys = world.snap(["key", "list"]).success();
    assert!(keys.contains("\n1 key;"), "{keys}");
}

#[test]
fn the_password_of_the_other_repository_is_asked_for() {
    let world = world();
    world.write("bot/config.py", "PORT = 8000");
    world.snap(["backup", "-q", "bot"]).success();
    let answers = ["new password for copy: =other one", "the same again: =other one"];
    world.terminal(&answers, &["copy", "--to", "copy", "--init"]).success();
    let answers = ["password of copy: =other one"];
    let shown = world.terminal(&answers, &["copy", "--to", "copy"]).success();
    assert!(shown.contains("1 was there already") && !shown.contains("other one"), "{shown}");
    let output = world.snap(["copy", "--to", "copy"]);
    assert_eq!(output.code, 12, "{}", output.stderr);
    assert!(output.stderr.contains("SNAP_TO_PASSWORD_FILE"), "{}", output.stderr);
}

#[test]
fn no_child_sees_the_passwords() {
    let mut world = world();
    world.set("SNAP_TO_PASSWORD", "other one");
    world.unset("SNAP_KEY_FILE");
    let command = "env > seen; exit 1";
    world.snap(["key", "list", "--password-command", command]);
    let seen = std::fs::read_to_string(world.path("seen")).unwrap();
    assert!(seen.contains("SNAP_REPOSITORY") && !seen.contains("other one"), "{seen}");
}
