//! Finding things over many snapshots.

use crate::support::World;
use serde_json::Value;
use std::os::unix::fs::FileExt;

/// A world with a snapshot a day of `bot`, changed in between.
fn world() -> World {
    let mut world = World::new();
    world.set("SNAP_KEY_FILE", "key");
    world.set("SNAP_REPOSITORY", "repository");
    world.snap(["init"]).success();
    for number in 0..2000 {
        world.write(format!("bot/many/file-{number:04}"), number.to_string());
    }
    for day in 1..=5 {
        world.write("bot/config.py", format!("DAY = {}", day / 2));
        if day == 3 {
            std::fs::remove_file(world.path("bot/many/file-0007")).unwrap();
        } else {
            world.write("bot/many/file-0007", "seven");
        }
        let time = format!("2025-11-{day:02}T02:00");
        world.snap(["backup", "--host", "bot", "--time", &time, "bot"]).success();
    }
    world
}

fn lines(world: &World, arguments: &[&str]) -> Vec<Value> {
    let text = world.snap(["--json"].iter().chain(arguments)).success();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The matches: the last name and how many snapshots have the version.
fn matches(world: &World, arguments: &[&str]) -> Vec<(String, usize)> {
    let is_match = |line: &&Value| line["message_type"] == "match";
    let pair = |line: &Value| {
        let name = line["name"].as_str().unwrap().to_owned();
        (name, line["snapshots"].as_array().unwrap().len())
    };
    lines(world, arguments).iter().filter(is_match).map(pair).collect()
}

#[test]
fn versions_are_told_apart_and_counted() {
    let world = world();
    // Of the mtimes only those within a snapshot's file can be the same.
    let found = matches(&world, &["find", "file-000?"]);
    let steady = found.iter().filter(|(name, _)| name != "file-0007");
    assert!(steady.clone().all(|(_, snapshots)| *snapshots == 5) && steady.count() == 9);
    let seven: usize =
        found.iter().filter(|(name, _)| name == "file-0007").map(|(_, snapshots)| snapshots).sum();
    assert_eq!(seven, 4);
    // By path the same is found.
    assert_eq!(matches(&world, &["find", "bot/many/file-000?"]), found);
    assert_eq!(matches(&world, &["find", "many/FILE-000?", "-i"]), found);
    assert_eq!(matches(&world, &["find", "file-0008", "-s", "latest", "--host", "bot"]).len(), 1);
}

#[test]
fn content_is_found_whatever_holes_it_has() {
    let mut world = World::new();
    world.set("SNAP_KEY_FILE", "key");
    world.set("SNAP_REPOSITORY", "repository");
    world.snap(["init"]).success();
    world.write("bot/other", "x");
    let file = std::fs::File::create(world.path("bot/sparse")).unwrap();
    file.write_all_at(b"data", 1 << 20).unwrap();
    file.set_len(2 << 20).unwrap();
    world.snap(["backup", "bot"]).success();
    world.write("copy", std::fs::read(world.path("bot/sparse")).unwrap());
    let found = lines(&world, &["find", "--content-of", "copy"]);
    assert_eq!(found[0]["name"], "sparse");
    let hash = found[0]["content_hash"].as_str().unwrap();
    assert_eq!(matches(&world, &["find", "--content", &hash[..12]]), [("sparse".to_owned(), 1)]);
    world.write("copy", "y");
    assert_eq!(world.snap(["find", "--content-of", "copy"]).code, 5);
}

#[test]
fn sizes_kinds_and_times_narrow_the_search() {
    let world = world();
    let names = |arguments: &[&str]| {
        let all = [&["find"], arguments].concat();
        let mut names: Vec<_> = matches(&world, &all).into_iter().map(|(name, _)| name).collect();
        names.dedup();
        names
    };
    assert_eq!(names(&["--size", "+6"]), ["config.py"]);
    assert_eq!(names(&["--size", "5..6", "-t", "f"]), ["file-0007"]);
    assert!(names(&["-t", "d"]).ends_with(&["bot".to_owned(), "many".to_owned()]));
    assert_eq!(names(&["config.py", "--newer", "1 hour ago"]), ["config.py"]);
    assert_eq!(world.snap(["find", "config.py", "--older", "1 hour ago"]).code, 5);
}

#[test]
fn a_history_has_a_line_a_version_and_shows_gaps() {
    let world = world();
    let steps = |path: &str| {
        let step = |line: Value| {
            let count = line["snapshots"].as_u64().unwrap();
            (line["change"].as_str().unwrap().to_owned(), count)
        };
        lines(&world, &["find", "--history", path]).into_iter().map(step).collect::<Vec<_>>()
    };
    let path = "bot/many/file-0007";
    let found = steps(path);
    assert_eq!(found[0].0, "new");
    assert!(found.contains(&("absent".to_owned(), 1)), "{found:?}");
    assert_eq!(found.iter().map(|(_, count)| count).sum::<u64>(), 5);
    assert_eq!(steps("bot/many/file-0008"), [("new".to_owned(), 5)]);
    assert_eq!(world.snap(["find", "--history", "bot/nowhere"]).code, 5);
}

#[test]
fn a_fifo_is_not_waited_for() {
    let world = world();
    let fifo = world.path("fifo");
    rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, rustix::fs::Mode::RWXU).unwrap();
    let output = world.snap(["find", "--content-of", "fifo"]);
    assert_eq!(output.code, 2);
    assert!(output.stderr.contains("it is not a regular file"), "{}", output.stderr);
}
