//! (skip, overwrite, merge, merge with what is there winning, newest) x (missing, equal, older,
//! newer, other fields, extra) x (`_id`, chosen key).

use super::{all, insert, lines, of_type};
use crate::support::{Mongod, Role, World};
use bson::{Bson, DateTime, Document, doc};

/// What is there for a document of the snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum There {
    Missing,
    Equal,
    Older,
    Newer,
    /// As old, with another field in place of one.
    OtherFields,
    /// In no snapshot.
    Extra,
}

use There::{Equal, Extra, Missing, Newer, Older, OtherFields};

const STATES: [There; 6] = [Missing, Equal, Older, Newer, OtherFields, Extra];

/// By what documents are matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    Id,
    Fields,
}

fn seen(day: i64) -> Bson {
    Bson::DateTime(DateTime::from_millis(day * 86_400_000))
}

/// In the snapshot.
fn saved(state: There) -> Option<Document> {
    let number = STATES.iter().position(|one| *one == state).unwrap() as i32;
    let head = doc! { "_id": number, "session_id": format!("s{number}"), "phone": "+598" };
    let rest = doc! { "seen": seen(10), "saved": true, "state": { "step": 1, "saved": 1 } };
    (state != Extra).then(|| head.into_iter().chain(rest).collect())
}

/// In the database, before.
fn live(state: There, key: Key) -> Option<Document> {
    let mut live = saved(state).unwrap_or_else(|| doc! { "_id": "extra", "seen": seen(1) });
    if key == Key::Fields && state != Extra {
        live.insert("_id", format!("other {state:?}"));
    }
    match state {
        Missing => return None,
        Equal | Extra => {}
        Older | Newer => {
            live.insert("seen", seen(if state == Older { 9 } else { 11 }));
            live.insert("saved", false);
        }
        OtherFields => {
            live.remove("saved");
            live.insert("live", true);
            live.insert("state", doc! { "step": 2, "live": 1 });
        }
    }
    Some(live)
}

/// In the database, afterwards.
fn expected(strategy: &str, state: There, key: Key) -> Option<Document> {
    let there = live(state, key);
    let Some(saved) = saved(state) else { return there };
    let Some(there) = there else { return Some(saved) };
    let mut replaced = saved.clone();
    replaced.insert("_id", there.get("_id").unwrap().clone());
    let is_replaced = match strategy {
        "skip" => false,
        "overwrite" => true,
        "newest" => state == Older,
        _ => return Some(merged(&there, &replaced, strategy == "merge-live")),
    };
    Some(if is_replaced { replaced } else { there })
}

fn merged(there: &Document, saved: &Document, live_wins: bool) -> Document {
    let mut merged = there.clone();
    for (name, value) in saved {
        match (there.get(name), value) {
            (Some(Bson::Document(there)), Bson::Document(value)) => {
                let inner = self::merged(there, value, live_wins);
                merged.insert(name, inner);
            }
            (Some(_), _) if live_wins => {}
            _ => drop(merged.insert(name, value)),
        }
    }
    merged
}

fn flags(strategy: &str, key: Key) -> Vec<&str> {
    let mut flags = match strategy {
        "newest" => vec!["--conflict", "newest", "--newest-by", "seen"],
        "merge-live" => vec!["--conflict", "merge", "--merge-prefer", "live"],
        strategy => vec!["--conflict", strategy],
    };
    if key == Key::Fields {
        flags.extend(["--key", "session_id,phone"]);
    }
    flags
}

#[test]
fn every_strategy_does_what_it_says_with_every_state() {
    let Some(server) = Mongod::start(Role::ReplicaSet) else { return };
    let documents: Vec<Document> = STATES.iter().filter_map(|state| saved(*state)).collect();
    insert(&server, "bot", "sessions", &documents);
    let world = World::with_repository();
    world.snap(["backup", &server.address("bot")]).success();
    for strategy in ["skip", "overwrite", "merge", "merge-live", "newest"] {
        for key in [Key::Id, Key::Fields] {
            cell(&server, &world, strategy, key);
        }
    }
}

fn cell(server: &Mongod, world: &World, strategy: &str, key: Key) {
    let database = format!("{}_{key:?}", strategy.replace('-', "_"));
    let before: Vec<Document> = STATES.iter().filter_map(|state| live(*state, key)).collect();
    insert(server, &database, "sessions", &before);
    let to = server.address(&database);
    let flags = flags(strategy, key);
    let restore: Vec<&str> =
        ["restore", "latest", "--to", &to].iter().chain(&flags).copied().collect();
    let dry: Vec<&str> = restore.iter().copied().chain(["--dry-run"]).collect();
    let hashes = server.hashes(&database);
    let foreseen = lines(world, &dry);
    assert_eq!(server.hashes(&database), hashes, "{strategy} {key:?}");
    let name = strategy.split('-').next().unwrap();
    let plans = of_type(&foreseen, "plan");
    let plan = plans.iter().find(|plan| plan["conflict"] == name).unwrap();
    let comparison = of_type(&foreseen, "comparison")[0];
    let counts = ["identical", "changed", "missing", "extra"].map(|name| &comparison[name]);
    assert_eq!(counts.map(|count| count.as_u64().unwrap()), [1, 3, 1, 1], "{strategy} {key:?}");

    let done = lines(world, &restore);
    let summary = of_type(&done, "summary")[0];
    for count in ["restored", "overwritten", "merged", "skipped", "failed"] {
        let count = format!("documents_{count}");
        assert_eq!(plan[&count], summary[&count], "{strategy} {key:?} {count}: {done:?}");
    }
    let there = all(server, &database, "sessions");
    for state in STATES {
        let expected = expected(strategy, state, key);
        let id = expected.as_ref().and_then(|expected| expected.get("_id"));
        let found = there.iter().find(|document| document.get("_id") == id);
        assert_eq!(found, expected.as_ref(), "{strategy} {key:?} {state:?}");
    }
    assert_eq!(there.len(), STATES.len(), "{strategy} {key:?}: {there:?}");
    // What was done need not be done again.
    let again = lines(world, &restore);
    let summary = of_type(&again, "summary")[0];
    for count in ["restored", "overwritten", "merged", "failed"] {
        assert_eq!(summary[format!("documents_{count}")], 0, "{strategy} {key:?}: {again:?}");
    }
}

#[test]
fn documents_that_no_key_can_tell_apart_stay_and_are_named() {
    let Some(server) = Mongod::start(Role::ReplicaSet) else { return };
    let row = |id: &str, session: Bson| doc! { "_id": id, "session_id": session, "new": true };
    let saved = ["a", "b", "c"].map(|id| row(id, Bson::String(id.to_string())));
    let odd = [row("none", Bson::Null), row("d1", "d".into()), row("d2", "d".into())];
    insert(&server, "bot", "s", &[&saved[..], &odd].concat());
    let world = World::with_repository();
    world.snap(["backup", &server.address("bot")]).success();
    // Twice there, and one whose _id belongs to another.
    let there = [
        doc! { "_id": 1, "session_id": "a" },
        doc! { "_id": 2, "session_id": "a" },
        doc! { "_id": "b", "session_id": "x" },
    ];
    insert(&server, "back", "s", &there);
    let to = server.address("back");
    let restore =
        ["restore", "latest", "--to", &to, "--key", "session_id", "--conflict", "overwrite"];
    let foreseen = lines(&world, &[&restore[..], &["--dry-run"]].concat());
    let done = lines(&world, &restore);
    let plans = of_type(&foreseen, "plan");
    let plan = plans.iter().find(|plan| plan["conflict"] == "overwrite").unwrap();
    let summary = of_type(&done, "summary")[0];
    for (count, number) in [("restored", 2), ("overwritten", 0), ("failed", 4)] {
        let count = format!("documents_{count}");
        assert_eq!(summary[&count], number, "{done:?}");
        assert_eq!(plan[&count], number, "{foreseen:?}");
    }
    let whys: Vec<&str> = of_type(&done, "error")
        .iter()
        .map(|error| error["error"]["message"].as_str().unwrap())
        .collect();
    for why in ["several documents", "has its _id", "session_id is missing", "same key"] {
        assert!(whys.iter().any(|told| told.contains(why)), "{why}: {whys:?}");
    }
    assert_eq!(all(&server, "back", "s").len(), 5);
}
