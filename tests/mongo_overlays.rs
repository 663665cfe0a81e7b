//! The second and later snapshots of a database cost what changed, and every one of them comes
//! back exactly, whatever happened in between.

mod writes;

use crate::support::{Mongod, Role, World};
use bson::oid::ObjectId;
use bson::{Bson, Document, doc};

/// A repository, and what a database was at each of its snapshots.
struct History<'a> {
    server: &'a Mongod,
    world: World,
    database: &'static str,
    states: Vec<(String, Document, Vec<Document>)>,
}

impl<'a> History<'a> {
    fn of(server: &'a Mongod, database: &'static str) -> Self {
        let mut world = World::new();
        world.set("SNAP_REPOSITORY", "repository");
        world.snap(["init"]).success();
        Self { server, world, database, states: Vec::new() }
    }

    /// Backs up; returns the summary.
    fn backup(&mut self, options: &[&str]) -> serde_json::Value {
        let address = self.server.address(self.database);
        let arguments = ["backup", "--json", &address].into_iter().chain(options.iter().copied());
        let output = self.world.snap(arguments);
        assert_eq!(output.code, 0, "{output:?}");
        let last = output.stdout.lines().last().unwrap();
        let summary: serde_json::Value = serde_json::from_str(last).unwrap();
        let id = summary["snapshot_id"].as_str().unwrap().to_string();
        self.counts_hold(&summary);
        let hashes = self.server.hashes(self.database);
        self.states.push((id, hashes, self.server.collections(self.database)));
        summary
    }

    fn added(&mut self) -> u64 {
        self.backup(&[])["data_added"].as_u64().unwrap()
    }

    /// Documents that the server had to give out.
    fn read(&mut self, options: &[&str]) -> i64 {
        let before = given_out(self.server);
        self.backup(options);
        given_out(self.server) - before
    }

    /// All states come back.
    fn prove(&self) {
        self.world.snap(["check", "--read-data"]).success();
        for (number, (id, hashes, collections)) in self.states.iter().enumerate() {
            let back = format!("back{number}");
            let to = self.server.address(&back);
            self.world.snap(["restore", id, "--to", &to, "--ttl", "now"]).success();
            assert_eq!(self.server.hashes(&back), *hashes, "state {number}");
            assert_eq!(self.server.collections(&back), *collections, "state {number}");
            self.server.run(&back, doc! { "dropDatabase": 1 });
        }
    }

    /// The snapshot counts its documents as the server does.
    fn counts_hold(&self, summary: &serde_json::Value) {
        let collections = self.server.collections(self.database);
        let counted = collections.iter().filter(|one| one.get_str("type").unwrap() == "collection");
        let counts = counted.map(|one| {
            let count = doc! { "count": one.get_str("name").unwrap() };
            self.server.run(self.database, count).get_i32("n").unwrap()
        });
        let count: i32 = counts.sum();
        assert_eq!(summary["databases"][0]["documents"], count, "{summary}");
    }
}

/// Documents that a server gave out since it was started.
pub fn given_out(server: &Mongod) -> i64 {
    let status = server.run("admin", doc! { "serverStatus": 1 });
    let metrics = status.get_document("metrics").unwrap().get_document("document").unwrap();
    metrics.get_i64("returned").unwrap()
}

fn text(length: usize, seed: i32) -> String {
    let mut state = seed.unsigned_abs().wrapping_mul(2_654_435_761) | 1;
    let letter = |_| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        char::from(b'a' + (state % 26) as u8)
    };
    (0..length).map(letter).collect()
}

pub fn fill(
    server: &Mongod,
    database: &str,
    collection: &str,
    ids: std::ops::Range<i32>,
    seed: i32,
) {
    let ids: Vec<i32> = ids.collect();
    for some in ids.chunks(2000) {
        let documents: Vec<Document> = some
            .iter()
            .map(|id| doc! { "_id": id, "n": id % 97, "text": text(300, id ^ seed) })
            .collect();
        server.run(database, doc! { "insert": collection, "documents": documents });
    }
}

pub fn update(
    server: &Mongod,
    database: &str,
    collection: &str,
    filter: Document,
    change: Document,
) {
    let update = doc! { "q": filter, "u": change, "multi": true };
    server.run(database, doc! { "update": collection, "updates": [update] });
}

pub fn delete(server: &Mongod, database: &str, collection: &str, filter: Document) {
    let delete = doc! { "q": filter, "limit": 0 };
    server.run(database, doc! { "delete": collection, "deletes": [delete] });
}

#[test]
fn what_changed_is_what_is_stored() {
    let Some(server) = Mongod::start(Role::ReplicaSet) else { return };
    fill(&server, "bot", "quotes", 0..30_000, 0);
    fill(&server, "bot", "still", 0..5000, 1);
    let mut history = History::of(&server, "bot");
    let first = history.added();
    for round in 1..=10 {
        let scattered = doc! { "n": round };
        update(&server, "bot", "quotes", scattered, doc! { "$set": { "text": text(300, -round) } });
        fill(&server, "bot", "quotes", 30_000 + 300 * round..30_300 + 300 * round, 7);
        delete(&server, "bot", "quotes", doc! { "n": round + 50, "_id": { "$lt": 9000 } });
        let added = history.added();
        // In the ninth and later ones overlays are put together.
        let most = if round <= 8 { first / 20 } else { first / 4 };
        assert!(added < most, "round {round}: {added} of {first} bytes");
    }
    // Nothing changed: nothing is read, and nearly nothing stored.
    let read = history.read(&[]);
    assert!(read < 200, "{read} documents");
    let added = history.added();
    assert!(added < first / 100, "{added} of {first} bytes");
    history.prove();
}

#[test]
fn what_changed_much_is_written_again() {
    let Some(server) = Mongod::start(Role::ReplicaSet) else { return };
    fill(&server, "bot", "quotes", 0..8000, 0);
    let mut history = History::of(&server, "bot");
    history.backup(&[]);
    update(
        &server,
        "bot",
        "quotes",
        doc! { "_id": { "$gt": 100, "$lt": 900 } },
        doc! { "$inc": { "n": 1 } },
    );
    update(
        &server,
        "bot",
        "quotes",
        doc! { "_id": { "$gt": 6000, "$lt": 6010 } },
        doc! { "$inc": { "n": 1 } },
    );
    history.backup(&[]);
    delete(&server, "bot", "quotes", doc! { "_id": { "$gt": 2000, "$lt": 3000 } });
    delete(&server, "bot", "quotes", doc! { "_id": { "$gte": 7990 } });
    history.backup(&[]);
    update(&server, "bot", "quotes", doc! { "_id": { "$lt": 300 } }, doc! { "$inc": { "n": 1 } });
    update(
        &server,
        "bot",
        "quotes",
        doc! { "_id": 6005 },
        doc! { "$set": { "text": text(2_000_000, 5) } },
    );
    history.backup(&[]);
    update(&server, "bot", "quotes", doc! { "_id": { "$gt": 5000 } }, doc! { "$inc": { "n": 1 } });
    history.backup(&[]);
    delete(&server, "bot", "quotes", doc! {});
    history.backup(&[]);
    fill(&server, "bot", "quotes", 100..150, 3);
    history.backup(&[]);
    fill(&server, "bot", "quotes", 0..50, 3);
    history.backup(&[]);
    history.prove();
}

#[test]
fn little_at_the_end_does_not_crumble() {
    let Some(server) = Mongod::start(Role::ReplicaSet) else { return };
    fill(&server, "bot", "quotes", 0..100, 0);
    let mut history = History::of(&server, "bot");
    for round in 1..30 {
        fill(&server, "bot", "quotes", 100 * round..100 * round + 3, 0);
        history.backup(&[]);
    }
    history.prove();
}

#[test]
fn collections_are_followed_through_everything() {
    let Some(server) = Mongod::start(Role::ReplicaSet) else { return };
    for name in ["kept", "dropped", "renamed", "again", "ring", "typed"] {
        fill(&server, "bot", name, 0..1500, name.len() as i32);
    }
    let mut history = History::of(&server, "bot");
    history.backup(&[]);

    server.run("bot", doc! { "drop": "dropped" });
    let rename = doc! { "renameCollection": "bot.renamed", "to": "bot.other" };
    server.run("admin", rename);
    update(&server, "bot", "other", doc! { "n": 5 }, doc! { "$set": { "moved": true } });
    let read = history.read(&[]);
    // A collection is its UUID: of the renamed one only what changed is read.
    assert!(read < 300, "{read} documents");

    // Another collection of the same name and UUID, as `mongorestore --preserveUUID` makes it.
    let listed = server.batch("bot", doc! { "listCollections": 1, "filter": { "name": "typed" } });
    let uuid = listed[0].get_document("info").unwrap().get("uuid").unwrap().clone();
    server.run("bot", doc! { "drop": "typed" });
    let id_index = doc! { "v": 2, "key": { "_id": 1 }, "name": "_id_" };
    let options = doc! { "create": "typed", "idIndex": id_index };
    let create = doc! { "op": "c", "ns": "bot.$cmd", "ui": uuid, "o": options };
    server.run("admin", doc! { "applyOps": [create] });
    fill(&server, "bot", "typed", 100..400, 4);
    history.backup(&[]);

    server.run("bot", doc! { "drop": "again" });
    fill(&server, "bot", "again", 700..900, 9);
    server.run("bot", doc! { "convertToCapped": "ring", "size": 100_000 });
    history.backup(&[]);

    // Ids that are equal to the server, and of another type.
    delete(&server, "bot", "typed", doc! { "_id": { "$lt": 200 } });
    let doubles: Vec<Document> =
        (0..200).map(|id| doc! { "_id": f64::from(id), "n": "double" }).collect();
    server.run("bot", doc! { "insert": "typed", "documents": doubles });
    let swapped = doc! { "renameCollection": "bot.kept", "to": "bot.again", "dropTarget": true };
    server.run("admin", swapped);
    server.run(
        "bot",
        doc! { "createIndexes": "again", "indexes": [{ "key": { "n": 1 }, "name": "n_1" }] },
    );
    server.run("bot", doc! { "collMod": "again", "validator": { "n": { "$exists": true } } });
    history.backup(&[]);
    server.run("bot", doc! { "insert": "ring", "documents": [{ "_id": "new" }] });
    history.backup(&[]);
    history.prove();
}

#[test]
fn ids_of_every_kind_are_looked_up() {
    let Some(server) = Mongod::start(Role::ReplicaSet) else { return };
    let ids = || -> Vec<Bson> {
        vec![
            Bson::MinKey,
            Bson::Null,
            Bson::Int32(1),
            Bson::Double(1.5),
            Bson::Double(f64::NAN),
            Bson::Decimal128("2.50".parse().unwrap()),
            Bson::String(String::new()),
            Bson::String("a\0b".into()),
            Bson::Document(doc! {}),
            Bson::Document(doc! { "a": [1, { "b": null }], "c": f64::NAN }),
            Bson::Document(
                doc! { "r": Bson::RegularExpression(bson::Regex { pattern: "x".try_into().unwrap(), options: "i".try_into().unwrap() }) },
            ),
            Bson::Binary(bson::Binary {
                subtype: bson::spec::BinarySubtype::Generic,
                bytes: vec![1],
            }),
            Bson::ObjectId(ObjectId::from_bytes([7; 12])),
            Bson::Boolean(true),
            Bson::DateTime(bson::DateTime::from_millis(-5)),
            Bson::Timestamp(bson::Timestamp { time: 1, increment: 2 }),
            Bson::JavaScriptCode("x".into()),
            Bson::MaxKey,
        ]
    };
    let put = |collection: &str, value: i32| {
        for id in ids() {
            let update = doc! { "q": { "_id": { "$eq": id.clone() } }, "u": { "_id": id, "v": value }, "upsert": true };
            server.run("bot", doc! { "update": collection, "updates": [update] });
        }
    };
    server.run("bot", doc! { "create": "words", "collation": { "locale": "en", "strength": 2 } });
    server.run(
        "bot",
        doc! { "create": "clustered", "clusteredIndex": { "key": { "_id": 1 }, "unique": true } },
    );
    for collection in ["plain", "words", "clustered"] {
        fill(&server, "bot", collection, 1000..1400, 0);
        put(collection, 1);
    }
    let mut history = History::of(&server, "bot");
    history.backup(&[]);
    for collection in ["plain", "words", "clustered"] {
        put(collection, 2);
    }
    server.run("bot", doc! { "insert": "words", "documents": [{ "_id": "Word" }] });
    let read = history.read(&[]);
    assert!(read < 400, "{read} documents");
    for (at, id) in ids().into_iter().enumerate().filter(|(at, _)| at % 2 == 0) {
        for collection in ["plain", "words", "clustered"] {
            delete(&server, "bot", collection, doc! { "_id": { "$eq": id.clone() } });
            update(
                &server,
                "bot",
                collection,
                doc! { "_id": 1000 + at as i32 },
                doc! { "$unset": { "text": 1 } },
            );
        }
    }
    delete(&server, "bot", "words", doc! { "_id": "word" });
    server.run("bot", doc! { "insert": "words", "documents": [{ "_id": "wORD" }] });
    history.backup(&[]);
    history.prove();
}

#[test]
fn transactions_count_when_they_are_committed() {
    let Some(server) = Mongod::start(Role::ReplicaSet) else { return };
    fill(&server, "bot", "quotes", 0..2000, 0);
    fill(&server, "bot", "other", 0..2000, 1);
    let mut history = History::of(&server, "bot");
    history.backup(&[]);
    server.runtime().block_on(async {
        let database = server.client().database("bot");
        let mut session = server.client().start_session().await.unwrap();
        for is_committed in [true, false] {
            session.start_transaction().await.unwrap();
            for part in 0..6 {
                let documents: Vec<Document> = (0..40)
                    .map(|at| {
                        let id = 100_000 + part * 100 + at + if is_committed { 0 } else { 10_000 };
                        doc! { "_id": id, "text": text(300, id) }
                    })
                    .collect();
                let insert = doc! { "insert": "quotes", "documents": documents };
                database.run_command(insert).session(&mut session).await.unwrap();
            }
            let change = doc! { "q": { "n": 3 }, "u": { "$inc": { "n": 1000 } }, "multi": true };
            let update = doc! { "update": "other", "updates": [change] };
            database.run_command(update).session(&mut session).await.unwrap();
            let deleted = doc! { "q": { "n": 4 }, "limit": 0 };
            let delete = doc! { "delete": "quotes", "deletes": [deleted] };
            database.run_command(delete).session(&mut session).await.unwrap();
            match is_committed {
                true => session.commit_transaction().await.unwrap(),
                false => session.abort_transaction().await.unwrap(),
            }
        }
    });
    let applied = doc! { "applyOps": [
        { "op": "i", "ns": "bot.other", "o": { "_id": 1, "told": true } },
        { "op": "i", "ns": "bot.other", "o": { "_id": 7_000_000, "told": true } },
        { "op": "d", "ns": "bot.other", "o": { "_id": 2 } },
    ] };
    server.run("admin", applied);
    let read = history.read(&[]);
    assert!(read < 1000, "{read} documents");
    history.prove();
}

#[test]
fn documents_that_expire_are_gone() {
    let Some(server) = Mongod::start(Role::ReplicaSet) else { return };
    server.run("admin", doc! { "setParameter": 1, "ttlMonitorSleepSecs": 1 });
    fill(&server, "bot", "sessions", 0..2000, 0);
    let index = doc! { "key": { "seen": 1 }, "name": "seen_1", "expireAfterSeconds": 1_000_000 };
    server.run("bot", doc! { "createIndexes": "sessions", "indexes": [index] });
    let mut history = History::of(&server, "bot");
    history.backup(&[]);
    let old = bson::DateTime::from_millis(1_000_000_000_000);
    update(&server, "bot", "sessions", doc! { "n": 5 }, doc! { "$set": { "seen": old } });
    let there = || {
        server.run("bot", doc! { "count": "sessions", "query": { "n": 5 } }).get_i32("n").unwrap()
    };
    let end = std::time::Instant::now() + std::time::Duration::from_secs(90);
    while there() > 0 && std::time::Instant::now() < end {
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    assert_eq!(there(), 0);
    history.backup(&[]);
    history.prove();
}

#[test]
fn time_series_are_followed_by_their_buckets() {
    let Some(server) = Mongod::start(Role::ReplicaSet) else { return };
    let series = doc! { "timeField": "at", "metaField": "who" };
    server.run("bot", doc! { "create": "measured", "timeseries": series });
    let measure = |from: i64| {
        let documents: Vec<Document> = (from..from + 500)
            .map(|at| doc! { "at": bson::DateTime::from_millis(at * 60_000), "who": at % 7, "v": at as f64 })
            .collect();
        server.run("bot", doc! { "insert": "measured", "documents": documents });
    };
    let mut history = History::of(&server, "bot");
    for round in 0..4 {
        measure(round * 300);
        history.backup(&[]);
    }
    history.prove();
}

#[test]
fn a_server_without_a_log_is_compared() {
    let Some(server) = Mongod::start(Role::Standalone) else { return };
    fill(&server, "bot", "quotes", 0..10_000, 0);
    let mut history = History::of(&server, "bot");
    let first = history.added();
    for round in 1..=3 {
        update(
            &server,
            "bot",
            "quotes",
            doc! { "n": round },
            doc! { "$set": { "text": text(300, -round) } },
        );
        delete(&server, "bot", "quotes", doc! { "n": round + 50 });
        fill(&server, "bot", "quotes", 10_000 + 100 * round..10_100 + 100 * round, 7);
        let added = history.added();
        assert!(added < first / 15, "round {round}: {added} of {first} bytes");
    }
    assert!(history.added() < first / 100);
    history.prove();
}

#[test]
fn a_log_that_is_too_short_is_not_relied_on() {
    let Some(server) = Mongod::start(Role::ReplicaSet) else { return };
    fill(&server, "bot", "quotes", 0..3000, 0);
    let mut history = History::of(&server, "bot");
    let first = history.added();
    update(&server, "bot", "quotes", doc! { "n": 1 }, doc! { "$inc": { "n": 500 } });
    // The log has room for 64 MB.
    let documents: Vec<Document> =
        (0..14).map(|id| doc! { "_id": id, "text": text(1_000_000, id) }).collect();
    let oldest = || server.batch("local", doc! { "find": "oplog.rs", "limit": 1 });
    let begin = oldest();
    let end = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while oldest() == begin && std::time::Instant::now() < end {
        server.run("noise", doc! { "insert": "noise", "documents": documents.clone() });
        server.run("noise", doc! { "dropDatabase": 1 });
        // What the last checkpoint needs stays.
        server.run("admin", doc! { "fsync": 1 });
    }
    let read = history.read(&[]);
    assert!(read >= 3000, "{read} documents");
    assert!(history.added() < first / 20);
    history.prove();
}

#[test]
fn a_change_that_is_in_no_log_is_found_by_a_full_scan() {
    let Some(server) = Mongod::start(Role::ReplicaSet) else { return };
    fill(&server, "bot", "quotes", 0..3000, 0);
    let mut world = World::new();
    world.set("SNAP_REPOSITORY", "repository");
    world.snap(["init"]).success();
    let address = server.address("bot");
    world.snap(["backup", &address]).success();
    // A command of the server for its own tests.
    server.run("bot", doc! { "godinsert": "quotes", "obj": { "_id": 1500.5 } });
    world.snap(["backup", &address]).success();
    let scanned = world.snap(["backup", &address, "--full-scan-every", "0d"]);
    assert_eq!(scanned.code, 3, "{scanned:?}");
    assert!(scanned.stderr.contains("bot.quotes: 1 of its 3001 documents"), "{scanned:?}");
    world.snap(["restore", "latest", "--to", &server.address("back")]).success();
    assert_eq!(server.hashes("bot"), server.hashes("back"));
    world.snap(["backup", &address, "--full-scan-every", "0d"]).success();
}

#[test]
fn any_history_comes_back() {
    let Some(server) = Mongod::start(Role::ReplicaSet) else { return };
    fill(&server, "bot", "quotes", 0..6000, 0);
    let mut history = History::of(&server, "bot");
    history.backup(&[]);
    let mut state = 0x5eed_u32;
    let mut chance = |bound: u32| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state % bound) as i32
    };
    let mut next = 10_000;
    for round in 0..24 {
        for _ in 0..=chance(3) {
            let from = chance(9000);
            let to = from + [3, 40, 900][chance(3) as usize];
            let between = doc! { "_id": { "$gte": from, "$lt": to } };
            let scattered = doc! { "n": chance(97) };
            match chance(6) {
                0 => delete(&server, "bot", "quotes", between),
                1 => delete(&server, "bot", "quotes", scattered),
                2 => {
                    let size = [10, 900, 90_000][chance(3) as usize];
                    let change = doc! { "$set": { "text": text(size, round) } };
                    let few = doc! { "_id": { "$gte": from, "$lt": from + 20 } };
                    update(&server, "bot", "quotes", few, change);
                }
                3 => {
                    let change =
                        doc! { "$set": { "text": text(1_100_000 * chance(2) as usize, 1) } };
                    update(&server, "bot", "quotes", doc! { "_id": from }, change);
                }
                4 => {
                    let size = chance(600) + 1;
                    fill(&server, "bot", "quotes", next..next + size, round);
                    next += size;
                }
                _ => update(&server, "bot", "quotes", scattered, doc! { "$inc": { "n": 97 } }),
            }
        }
        let every = if chance(5) == 0 { "0d" } else { "7d" };
        history.backup(&["--full-scan-every", every]);
    }
    history.prove();
}

#[test]
fn a_full_scan_agrees_with_the_log() {
    let Some(server) = Mongod::start(Role::ReplicaSet) else { return };
    fill(&server, "bot", "quotes", 0..3000, 0);
    let mut history = History::of(&server, "bot");
    let first = history.added();
    update(&server, "bot", "quotes", doc! { "n": 1 }, doc! { "$inc": { "n": 500 } });
    history.backup(&["--full-scan-every", "0d"]);
    let read = history.read(&["--full-scan-every", "0d"]);
    assert!(read >= 3000, "{read} documents");
    let read = history.read(&[]);
    assert!(read < 200, "{read} documents");
    assert!(history.added() < first / 50);
    history.prove();
}
