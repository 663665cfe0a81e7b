//! Dumps of a real server come in, and go back into it, exactly; what is dumped out of snapshots is
//! read by pymongo.

use crate::mongo_backup::{is_equal, oddities};
use crate::support::{Mongod, Output, Role, World, python, run};
use bson::doc;

/// Runs `tests/support/mongodump`; `None` without pymongo.
fn mongodump(world: &World, arguments: &[&str]) -> Option<Output> {
    let mut command = python(world, "tests/support/mongodump")?;
    Some(run(command.args(arguments)))
}

#[test]
fn dumps_come_in_and_go_back_exactly() {
    let Some(server) = Mongod::start(Role::ReplicaSet) else { return };
    oddities::fill(&server, "odd");
    server.run("odd", doc! { "insert": "a/b %", "documents": [{ "_id": 1 }] });
    let world = World::with_repository();
    let address = server.address("");
    let cases: [(&str, &[&str]); 4] = [
        ("plain", &[]),
        ("packed", &["--gzip"]),
        ("archive", &["--archive"]),
        ("packed.archive", &["--archive", "--gzip"]),
    ];
    for (place, options) in cases {
        let arguments: Vec<&str> =
            [&address, "odd", place].iter().chain(options).copied().collect();
        let Some(dumped) = mongodump(&world, &arguments) else { return };
        dumped.success();
        let saved = world.snap(["import", place, "--time", "2025-11-28", "--host", place]);
        assert!(saved.clone().success().contains("odd: "), "{saved:?}");
        let back = format!("back_{}", place.replace('.', "_"));
        let to = server.address(&back);
        let to = ["restore", "latest", "--host", place, "--to", &to, "--ttl", "now"];
        world.snap(to).success();
        is_equal(&server, "odd", &back);
        oddities::has_kept_bytes(&server, &back);
    }
    // Four times the same: stored once.
    let listed = world.snap(["snapshots"]).success();
    assert!(listed.contains("4 snapshots"), "{listed}");
    world.snap(["check", "--read-data"]).success();
}

#[test]
fn broken_archives_are_refused_whole() {
    let Some(server) = Mongod::start(Role::Standalone) else { return };
    let documents: Vec<_> = (0..10).map(|number| doc! { "_id": number, "text": "x" }).collect();
    server.run("bot", doc! { "insert": "users", "documents": documents });
    let world = World::with_repository();
    let Some(dumped) = mongodump(&world, &[&server.address(""), "bot", "whole", "--archive"])
    else {
        return;
    };
    dumped.success();
    let whole = std::fs::read(world.path("whole")).unwrap();
    let mut changed = whole.clone();
    let text = whole.windows(3).position(|bytes| bytes == b"\0x\0").unwrap();
    changed[text + 1] = b'y';
    world.write("changed", &changed);
    // A terminator, a head and a terminator are missing.
    for (name, length) in [("cut", whole.len() / 2), ("short", whole.len() - 70)] {
        world.write(name, &whole[..length]);
    }
    for name in ["changed", "cut", "short"] {
        let output = world.snap(["import", name]);
        assert_eq!(output.code, 1, "{output:?}");
        assert!(output.stderr.contains("is broken"), "{output:?}");
    }
    assert!(world.snap(["snapshots"]).success().contains("0 snapshots"));
    world.snap(["import", "whole"]).success();
}

#[test]
fn pymongo_reads_what_is_dumped() {
    let Some(server) = Mongod::start(Role::ReplicaSet) else { return };
    oddities::fill(&server, "odd");
    let world = World::with_repository();
    world.snap(["backup", &server.address("odd")]).success();
    for listed in server.collections("odd") {
        let name = listed.get_str("name").unwrap();
        if listed.get_str("type").unwrap() != "collection" || name.starts_with("system.") {
            continue;
        }
        let (file, path) = ("it.bson", format!("latest:odd/{}", name.replace('/', "%2F")));
        world.snap(["dump", &path, "--target", file]).success();
        let arguments = ["--check", file, &server.address(""), "odd", name];
        let Some(checked) = mongodump(&world, &arguments) else { return };
        checked.success();
        let lines = world.snap(["dump", &path, "--format", "json"]).success();
        let count = server.run("odd", doc! { "count": name }).get_i32("n").unwrap();
        assert_eq!(lines.lines().count() as i32, count, "{name}");
    }
    let one = world.snap(["dump", "latest:odd/ids", "--id", "{\"$maxKey\": 1}"]).success();
    assert_eq!(one, "{\"_id\": {\"$maxKey\": 1}}\n");
    let listed = world.snap(["ls", "-l", "latest:odd/kinds"]).success();
    assert!(listed.contains("1 docs, 1 index") && !listed.contains("fuzzy"), "{listed}");
}

/// Twenty thousand documents of one collection; two of them change.
#[test]
fn a_difference_is_found_without_reading_what_is_equal() {
    let world = World::with_repository();
    let backup = |time: &str, changed: &[usize]| {
        let document = |number: usize| {
            let state = if changed.contains(&number) { "changed" } else { "as it was" };
            format!(
                "{{\"_id\": {number}, \"state\": \"{state}\", \"text\": \"{}\"}}",
                "x".repeat(90)
            )
        };
        let documents: Vec<String> = (0..20_000).rev().map(document).collect();
        let text = format!(
            "{{\"backup_metadata\": {{\"timestamp\": \"{time}\", \"database\": \"bot\"}}, \
             \"collections\": {{\"users\": [{}]}}}}",
            documents.join(",")
        );
        world.write("backup.json", text);
        world.snap(["import", "backup.json"]).success();
    };
    backup("2025-11-27T00:00:00Z", &[]);
    backup("2025-11-28T00:00:00Z", &[7, 19_999]);
    let times = ["--at", "2025-11-27", "--at", "2025-11-28"];
    let found = world.snap(["diff"].iter().chain(&times).chain(&["bot/users"])).success();
    let lines: Vec<&str> = found.lines().collect();
    assert_eq!(
        lines,
        [
            "M  /mongodb/imported/bot/users {\"_id\": 7}",
            "M  /mongodb/imported/bot/users {\"_id\": 19999}",
            "M  /mongodb/imported/bot/users  documents: 0 added, 0 removed, 2 changed",
        ]
    );
}
