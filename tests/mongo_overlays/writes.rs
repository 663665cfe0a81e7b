//! Everything that a client can do to a collection is in a server's log in its own way, and is
//! followed.

use super::{History, fill, text};
use crate::support::{Mongod, Role};
use bson::{Bson, Document, doc};

fn write(server: &Mongod, command: Document) {
    server.run("bot", command);
}

fn update(server: &Mongod, update: Document) {
    write(server, doc! { "update": "quotes", "updates": [update] });
}

#[test]
fn writes_of_every_form_are_followed() {
    let Some(server) = Mongod::start(Role::ReplicaSet) else { return };
    fill(&server, "bot", "quotes", 0..3000, 0);
    let mut history = History::of(&server, "bot");
    history.backup(&[]);
    let by = |id: i32| doc! { "_id": id };
    update(&server, doc! { "q": by(1), "u": { "replaced": true } });
    update(&server, doc! { "q": by(5000), "u": { "$set": { "made": 1 } }, "upsert": true });
    update(&server, doc! { "q": { "k": 1 }, "u": { "$set": { "n": 1 } }, "upsert": true });
    update(
        &server,
        doc! { "q": by(2), "u": [{ "$set": { "text": { "$concat": ["$text", "!"] } } }] },
    );
    update(&server, doc! { "q": by(3), "u": [{ "$replaceWith": { "_id": 3, "new": "$n" } }] });
    let array = doc! { "$set": { "list": [1, 2, { "a": [5, 6] }] } };
    update(&server, doc! { "q": by(4), "u": array.clone() });
    update(
        &server,
        doc! { "q": by(4), "u": { "$set": { "list.2.a.$[x]": 7 } }, "arrayFilters": [{ "x": 6 }] },
    );
    update(
        &server,
        doc! { "q": by(4), "u": { "$push": { "list": { "$each": [9], "$slice": -2 } } } },
    );
    update(
        &server,
        doc! { "q": by(5), "u": { "$rename": { "text": "words" }, "$unset": { "n": 1 } } },
    );
    update(
        &server,
        doc! { "q": by(6), "u": { "$currentDate": { "at": true }, "$inc": { "n": 0.5 } } },
    );
    let ours = doc! { "findAndModify": "quotes", "query": by(7), "update": { "$mul": { "n": 3 } } };
    write(&server, ours);
    write(&server, doc! { "findAndModify": "quotes", "query": by(8), "remove": true });
    let unordered = vec![by(9), by(6000), by(10), by(6001)];
    let insert = doc! { "insert": "quotes", "ordered": false, "documents": unordered };
    server.try_run("bot", insert).unwrap();
    let deletes = [doc! { "q": { "n": 11 }, "limit": 1 }, doc! { "q": { "n": 12 }, "limit": 0 }];
    write(&server, doc! { "delete": "quotes", "deletes": deletes.to_vec() });
    // Away and back again, the same and another.
    write(&server, doc! { "delete": "quotes", "deletes": [{ "q": by(20), "limit": 1 }] });
    write(&server, doc! { "insert": "quotes", "documents": [{ "_id": 20.0, "again": true }] });
    let read = history.read(&[]);
    assert!(read < 300, "{read} documents");
    history.prove();
}

#[test]
fn bulk_writes_are_followed() {
    let Some(server) = Mongod::start(Role::ReplicaSet) else { return };
    fill(&server, "bot", "quotes", 0..10_000, 0);
    let mut history = History::of(&server, "bot");
    history.backup(&[]);
    server.runtime().block_on(async {
        let database = server.client().database("bot");
        let quotes = database.collection::<Document>("quotes");
        // With a session and a number, as drivers send them.
        let more = (20_000..25_000).map(|id| doc! { "_id": id, "text": text(200, id) });
        quotes.insert_many(more).ordered(false).await.unwrap();
        quotes
            .update_many(doc! { "n": { "$lt": 30 } }, doc! { "$inc": { "n": 100 } })
            .await
            .unwrap();
        quotes.delete_many(doc! { "n": { "$gte": 60, "$lt": 70 } }).await.unwrap();
        for id in 0..40 {
            quotes.replace_one(doc! { "_id": id }, doc! { "one": id }).await.unwrap();
        }
    });
    history.backup(&[]);
    history.prove();
}

#[test]
fn collections_that_commands_write_are_followed() {
    let Some(server) = Mongod::start(Role::ReplicaSet) else { return };
    for name in ["quotes", "merged", "out", "emptied"] {
        fill(&server, "bot", name, 0..800, name.len() as i32);
    }
    write(&server, doc! { "create": "ring", "capped": true, "size": 200_000 });
    fill(&server, "bot", "ring", 0..200, 1);
    fill(&server, "elsewhere", "moved", 0..300, 1);
    let mut history = History::of(&server, "bot");
    history.backup(&[]);
    let aggregate = |last: Document| {
        let some = doc! { "$match": { "n": { "$lt": 20 } } };
        let change = doc! { "$set": { "n": 1000 } };
        doc! { "aggregate": "quotes", "pipeline": [some, change, last], "cursor": {} }
    };
    write(&server, aggregate(doc! { "$out": "out" }));
    write(&server, aggregate(doc! { "$merge": { "into": "merged" } }));
    write(&server, aggregate(doc! { "$out": "new" }));
    write(&server, doc! { "emptycapped": "ring" });
    write(&server, doc! { "insert": "ring", "documents": [{ "_id": "after" }] });
    write(
        &server,
        doc! { "cloneCollectionAsCapped": "quotes", "toCollection": "copy", "size": 90_000 },
    );
    let rename = doc! { "renameCollection": "elsewhere.moved", "to": "bot.moved" };
    server.run("admin", rename);
    write(&server, doc! { "delete": "emptied", "deletes": [{ "q": {}, "limit": 0 }] });
    history.backup(&[]);
    let rename = doc! { "renameCollection": "bot.merged", "to": "elsewhere.merged" };
    server.run("admin", rename);
    write(&server, doc! { "compact": "quotes", "force": true });
    write(&server, doc! { "collMod": "out", "changeStreamPreAndPostImages": { "enabled": true } });
    update(&server, doc! { "q": { "_id": 3 }, "u": { "$set": { "n": "new" } } });
    history.backup(&[]);
    // All goes, and some comes back under the same names.
    write(&server, doc! { "dropDatabase": 1 });
    fill(&server, "bot", "quotes", 0..500, 5);
    history.backup(&[]);
    fill(&server, "bot", "out", 100..200, 5);
    history.backup(&[]);
    history.prove();
}

/// More than one entry of the log can hold, committed, given up, and open beside a backup.
#[test]
fn large_transactions_are_chains_of_entries() {
    let Some(server) = Mongod::start(Role::ReplicaSet) else { return };
    // A server with little memory gives up what does not fit.
    let cache = "cache_size=1GB";
    server.run("admin", doc! { "setParameter": 1, "wiredTigerEngineRuntimeConfig": cache });
    fill(&server, "bot", "quotes", 0..2000, 0);
    let mut history = History::of(&server, "bot");
    history.backup(&[]);
    server.runtime().block_on(async {
        let database = server.client().database("bot");
        let mut session = server.client().start_session().await.unwrap();
        for (first, is_committed) in [(10_000, true), (20_000, false)] {
            session.start_transaction().await.unwrap();
            for part in 0..6 {
                let ids = first + part * 10..first + part * 10 + 10;
                let documents: Vec<Document> =
                    ids.map(|id| doc! { "_id": id, "text": text(300_000, id) }).collect();
                let insert = doc! { "insert": "quotes", "documents": documents };
                database.run_command(insert).session(&mut session).await.unwrap();
            }
            match is_committed {
                true => session.commit_transaction().await.unwrap(),
                false => session.abort_transaction().await.unwrap(),
            }
        }
    });
    let (entries, bytes) = last_chain(&server);
    assert!(entries > 1 && bytes > 16 << 20, "{entries} entries, {bytes} bytes");
    let read = history.read(&[]);
    assert!(read < 400, "{read} documents");

    let mut session = server.runtime().block_on(async {
        let mut session = server.client().start_session().await.unwrap();
        session.start_transaction().await.unwrap();
        let change = doc! { "q": { "n": 3 }, "u": { "$set": { "n": 3000 } }, "multi": true };
        let update = doc! { "update": "quotes", "updates": [change] };
        server.client().database("bot").run_command(update).session(&mut session).await.unwrap();
        session
    });
    // What would prove it, `dbHash`, waits for the end of the transaction.
    history.world.snap(["backup", &server.address("bot")]).success();
    server.runtime().block_on(async { session.commit_transaction().await.unwrap() });
    history.backup(&[]);
    history.prove();
}

/// How many entries the last transaction of several has in the log, and how long they are.
fn last_chain(server: &Mongod) -> (usize, usize) {
    let filter = doc! { "op": "c", "ns": "admin.$cmd", "o.applyOps": { "$exists": true } };
    let sizes = doc! { "size": { "$bsonSize": "$$ROOT" }, "lsid": 1, "txnNumber": 1 };
    let pipeline = [
        doc! { "$match": filter },
        doc! { "$project": sizes },
        doc! { "$group": { "_id": ["$lsid", "$txnNumber"], "size": { "$sum": "$size" }, "entries": { "$sum": 1 } } },
        doc! { "$sort": { "size": -1 } },
    ];
    let aggregate = doc! { "aggregate": "oplog.rs", "pipeline": pipeline.to_vec(), "cursor": {} };
    let largest = server.batch("local", aggregate)[0].clone();
    let number = |name: &str| match largest.get(name) {
        Some(Bson::Int32(number)) => *number as usize,
        Some(Bson::Int64(number)) => *number as usize,
        other => panic!("{other:?}"),
    };
    (number("entries"), number("size"))
}
