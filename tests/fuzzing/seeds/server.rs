//! What a real server writes: its log, and a dump of it.

use super::keep;
use crate::support::{Mongod, Role, World, run};
use bson::{Bson, Document, RawDocumentBuf, doc};

/// Entries of the log that are of our own database.
const DATABASE: &str = "bot";

pub fn write() {
    let server = Mongod::start(Role::ReplicaSet).expect("SNAP_TEST_MONGOD names a mongod");
    changes(&server);
    let query = doc! { "find": "oplog.rs", "filter": { "$or": [{ "ns": { "$regex": "^bot" } }, { "o.applyOps": { "$exists": true } }, { "op": "n" }] }, "limit": 60 };
    let answer = server.run("local", query);
    let raw = |document: &Document| RawDocumentBuf::try_from(document).unwrap().into_bytes();
    let entries = answer.get_document("cursor").unwrap().get_array("firstBatch").unwrap();
    let entries: Vec<Vec<u8>> =
        entries.iter().map(|entry| raw(entry.as_document().unwrap())).collect();
    for (number, entry) in entries.iter().enumerate().step_by(2) {
        keep("oplog", &format!("entry-{number}"), entry);
    }
    keep("oplog", "entries", &entries.concat());
    keep("oplog", "answer", &raw(&answer));
    dump(&server);
}

/// Each kind of change at least once.
fn changes(server: &Mongod) {
    server.run(DATABASE, doc! { "create": "users", "validator": { "n": { "$gte": 0 } } });
    let documents: Vec<Document> = (0..3).map(|n| doc! { "_id": n, "n": n, "a": [1, 2] }).collect();
    server.run(DATABASE, doc! { "insert": "users", "documents": documents });
    for update in [doc! { "$set": { "n": 5, "d.e": 1 } }, doc! { "n": 7 }] {
        let update = doc! { "q": { "_id": 1 }, "u": update, "upsert": true };
        server.run(DATABASE, doc! { "update": "users", "updates": [update] });
    }
    server
        .run(DATABASE, doc! { "delete": "users", "deletes": [{ "q": { "_id": 2 }, "limit": 1 }] });
    let index = doc! { "key": { "n": 1 }, "name": "n_1" };
    server.run(DATABASE, doc! { "createIndexes": "users", "indexes": [index] });
    server.run(DATABASE, doc! { "collMod": "users", "validationLevel": "off" });
    server.run(DATABASE, doc! { "create": "gone" });
    server.run("admin", doc! { "renameCollection": "bot.gone", "to": "bot.other" });
    server.run(DATABASE, doc! { "drop": "other" });
    let insert = doc! { "op": "i", "ns": "bot.users", "o": { "_id": "by applyOps" } };
    server.run("admin", doc! { "applyOps": [insert] });
    server.run(DATABASE, doc! { "create": "capped", "capped": true, "size": 4096 });
    server.run(DATABASE, doc! { "create": "view", "viewOn": "users", "pipeline": [] });
    server.run(DATABASE, doc! { "create": "series", "timeseries": { "timeField": "t" } });
    let measured = doc! { "t": Bson::DateTime(bson::DateTime::from_millis(0)), "x": 1.5 };
    server.run(DATABASE, doc! { "insert": "series", "documents": [measured] });
    transaction(server);
}

fn transaction(server: &Mongod) {
    server.runtime().block_on(async {
        let database = server.client().database(DATABASE);
        let mut session = server.client().start_session().await.unwrap();
        session.start_transaction().await.unwrap();
        let delete = doc! { "q": { "_id": 0 }, "limit": 1 };
        for command in [
            doc! { "insert": "users", "documents": [{ "_id": "in a transaction" }] },
            doc! { "delete": "users", "deletes": [delete] },
        ] {
            database.run_command(command).session(&mut session).await.unwrap();
        }
        session.commit_transaction().await.unwrap();
    });
}

/// By the tool that other tests use, which needs pymongo.
fn dump(server: &Mongod) {
    let world = World::new();
    for (name, packed) in [("archive", None), ("packed", Some("--gzip"))] {
        let mut command = world.command("python3");
        command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/mongodump"));
        command.args([&server.address(""), DATABASE, name, "--archive"]).args(packed);
        run(&mut command).success();
        keep("archive", name, &std::fs::read(world.path(name)).unwrap());
    }
}
