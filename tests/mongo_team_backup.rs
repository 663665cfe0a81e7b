//! A JSON backup as the team has them comes in whole, and one changed digit keeps all of it out. Of
//! their size, ten thousand conversations, with `SNAP_TORTURE_SECONDS=60` or more.

use crate::support::{World, run, torture_time};
use std::time::{Duration, Instant};

const FEW: usize = 1_000;
const MANY: usize = 10_000;
const LONG: Duration = Duration::from_secs(60);

fn conversations() -> usize {
    if torture_time() < LONG { FEW } else { MANY }
}

fn make(world: &World, file: &str) -> String {
    let mut make = world.command("python3");
    make.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/make_team_backup")).arg(file);
    run(make.args(["--conversations", &conversations().to_string()])).success();
    std::fs::read_to_string(world.path(file)).unwrap()
}

#[test]
fn conversations_come_in() {
    let world = World::with_repository();
    let text = make(&world, "backup.json");
    let begun = Instant::now();
    let said = world.snap(["import", "backup.json"]).success();
    println!("{} bytes of JSON in {:.1?}", text.len(), begun.elapsed());
    assert!(said.contains("2 collections verified"), "{said}");
    let documents = conversations() * 5 / 4;
    let counted = format!("{},{:03} documents", documents / 1000, documents % 1000);
    assert!(said.contains(&counted), "{said}");
    world.snap(["check", "--read-data"]).success();
    // Every document is there as it was written.
    let lines = world.snap(["dump", "latest:bot/conversations", "--format", "relaxed"]).success();
    world.write("dumped.jsonl", lines);
    let compare = "import json
there = json.load(open('backup.json', encoding='utf-8'))['collections']['conversations']
read = [json.loads(line) for line in open('dumped.jsonl', encoding='utf-8')]
order = lambda one: one['_id']
assert sorted(read, key=order) == sorted(there, key=order), 'they differ'";
    run(world.command("python3").args(["-c", compare])).success();
    let again = world.snap(["import", "backup.json"]).success();
    assert!(again.contains("already"), "{again}");
}

#[test]
fn one_that_was_changed_stays_out() {
    let world = World::with_repository();
    let text = make(&world, "backup.json");
    let middle = text.len() / 2 + text[text.len() / 2..].find("\"step\": ").unwrap() + 8;
    let mut changed = text.into_bytes();
    changed[middle] = if changed[middle] == b'1' { b'2' } else { b'1' };
    world.write("backup.json", changed);
    let refused = world.snap(["import", "backup.json"]);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.stderr.contains("the checksum of the collection conversations"), "{refused:?}");
    assert!(world.snap(["snapshots"]).success().contains("0 snapshots"));
}
