//! What our reading of updates in the log makes of documents is what a real server makes of them,
//! byte for byte.

pub mod made_up;

use crate::support::{Chance, Mongod, Role, torture_time};
use bson::{Bson, Document, RawDocumentBuf, doc};
use made_up::{changed, document, operators};
use snapstore::mongo::oplog::{Entry, OperationKind, apply_update};
use std::collections::BTreeMap;
use std::time::Instant;

const DOCUMENTS: u64 = 200;

/// Documents by their number.
type Documents = BTreeMap<i32, Vec<u8>>;

struct Counted {
    differences: u64,
    replacements: u64,
}

#[test]
fn updates_become_what_they_become_on_the_server() {
    let Some(server) = Mongod::start(Role::ReplicaSet) else { return };
    let mut chance = Chance::of_this_run();
    let end = Instant::now() + torture_time();
    let mut counted = Counted { differences: 0, replacements: 0 };
    let mut round = 0;
    while Instant::now() < end || round < 2 {
        round += 1;
        let seed = chance.seed();
        server.run("bot", doc! { "delete": "all", "deletes": [{ "q": {}, "limit": 0 }] });
        let documents = (0..DOCUMENTS).map(|id| document(&mut chance, id as i32));
        let documents: Vec<Document> = documents.collect();
        server.run("bot", doc! { "insert": "all", "documents": documents });
        for step in 0..4 {
            let before = there(&server);
            let from = last(&server);
            update(&server, &mut chance, &before);
            let after = rolled(&server, from, before, &mut counted);
            let expected = there(&server);
            for (id, document) in &expected {
                let ours = after.get(id).map(Vec::as_slice);
                let shown = |bytes: &[u8]| RawDocumentBuf::from_bytes(bytes.to_vec());
                assert_eq!(
                    ours,
                    Some(document.as_slice()),
                    "SNAP_SEED={seed} round {round}.{step}, document {id}: ours {:?}, the \
                     server's {:?}",
                    ours.map(shown),
                    shown(document)
                );
            }
            assert_eq!(after.len(), expected.len());
        }
    }
    let Counted { differences, replacements } = counted;
    println!("{differences} differences and {replacements} replacements in {round} rounds");
    assert!(differences > 500 && replacements > 20);
}

/// One of the server's own stages applies what is made up, also for other documents than these.
#[test]
fn differences_that_are_made_up_are_applied_as_by_the_server() {
    let Some(server) = Mongod::start(Role::ReplicaSet) else { return };
    let mut chance = Chance::of_this_run();
    let end = Instant::now() + torture_time();
    let (mut applied, mut refused, mut misfits, mut round) = (0_u64, 0_u64, 0_u64, 0);
    while Instant::now() < end || round < 300 {
        round += 1;
        let before = document(&mut chance, 1);
        let update = doc! { "$v": 2, "diff": made_up::difference(&mut chance, &before, 0) };
        let raw = |document: &Document| RawDocumentBuf::try_from(document).unwrap();
        let ours = apply_update(raw(&before).as_bytes(), raw(&update).as_bytes());
        server.run("bot", doc! { "delete": "one", "deletes": [{ "q": {}, "limit": 0 }] });
        server.run("bot", doc! { "insert": "one", "documents": [before.clone()] });
        let stage = doc! { "$_internalApplyOplogUpdate": { "oplogUpdate": update.clone() } };
        let aggregate = doc! { "aggregate": "one", "pipeline": [stage], "cursor": {} };
        let theirs = server.try_run("bot", aggregate).ok();
        let batch = theirs.as_ref().map(|answer| {
            answer.get_document("cursor").unwrap().get_array("firstBatch").unwrap()[0].clone()
        });
        match (ours, batch) {
            (Ok(ours), Some(theirs)) if ours.fits => {
                applied += 1;
                let ours = RawDocumentBuf::from_bytes(ours.document).unwrap();
                let theirs = raw(theirs.as_document().unwrap());
                let (seed, shown) = (chance.seed(), (&before, &update));
                assert_eq!(ours, theirs, "SNAP_SEED={seed}: {shown:?}");
            }
            (Ok(_), Some(_)) => misfits += 1,
            (Err(_), None) => refused += 1,
            (ours, theirs) => {
                panic!("SNAP_SEED={}: {before:?} {update:?} {ours:?} {theirs:?}", chance.seed())
            }
        }
    }
    println!("{applied} applied, {misfits} for other documents, {refused} refused by both");
    assert!(applied > 100);
}

/// Many at once, some of which the server refuses.
fn update(server: &Mongod, chance: &mut Chance, before: &Documents) {
    let mut updates = Vec::new();
    for _ in 0..2 * DOCUMENTS {
        let id = chance.below(DOCUMENTS) as i32;
        let change = match chance.below(3) {
            0 => {
                let document = Document::try_from(raw(&before[&id])).unwrap();
                let literal = changed(chance, &document, 0);
                Bson::Array(vec![doc! { "$replaceWith": { "$literal": literal } }.into()])
            }
            1 if chance.below(8) == 0 => Bson::Document(document(chance, id)),
            _ => Bson::Document(operators(chance)),
        };
        updates.push(doc! { "q": { "_id": id }, "u": change });
    }
    for some in updates.chunks(100) {
        let command = doc! { "update": "all", "updates": some.to_vec(), "ordered": false };
        server.try_run("bot", command).unwrap();
    }
}

fn raw(bytes: &[u8]) -> RawDocumentBuf {
    RawDocumentBuf::from_bytes(bytes.to_vec()).unwrap()
}

fn raw_batches(
    server: &Mongod,
    database: &str,
    collection: &str,
    filter: Document,
) -> Vec<Vec<u8>> {
    server.runtime().block_on(async {
        use futures_util::StreamExt;
        let collection =
            server.client().database(database).collection::<RawDocumentBuf>(collection);
        let found = collection.find(filter).await.unwrap();
        found.map(|document| document.unwrap().into_bytes()).collect().await
    })
}

fn there(server: &Mongod) -> Documents {
    let number = |bytes: &[u8]| raw(bytes).get_i32("_id").unwrap();
    let found = raw_batches(server, "bot", "all", doc! {});
    found.into_iter().map(|bytes| (number(&bytes), bytes)).collect()
}

/// When the log ends.
fn last(server: &Mongod) -> bson::Timestamp {
    let hello = server.run("admin", doc! { "hello": 1 });
    let written = hello.get_document("lastWrite").unwrap().get_document("opTime").unwrap();
    written.get_timestamp("ts").unwrap()
}

/// Documents after what the log has behind a moment.
fn rolled(
    server: &Mongod,
    from: bson::Timestamp,
    mut documents: Documents,
    counted: &mut Counted,
) -> Documents {
    let filter = doc! { "ts": { "$gt": from }, "ns": "bot.all" };
    for raw_entry in raw_batches(server, "local", "oplog.rs", filter) {
        let entry = Entry::read(&raw_entry).unwrap();
        for operation in entry.operations() {
            let operation = operation.unwrap();
            let OperationKind::Update { id: Some(id), .. } = &operation.kind else {
                panic!("{:?}", raw(&raw_entry));
            };
            let id = id.integer().unwrap() as i32;
            let updated = apply_update(&documents[&id], operation.object);
            let updated = updated.unwrap_or_else(|error| panic!("{error}: {:?}", raw(&raw_entry)));
            assert!(updated.fits, "{:?} {:?}", raw(&raw_entry), raw(&documents[&id]));
            match raw(operation.object).get("_id").unwrap() {
                Some(_) => counted.replacements += 1,
                None => counted.differences += 1,
            }
            documents.insert(id, updated.document);
        }
    }
    documents
}
