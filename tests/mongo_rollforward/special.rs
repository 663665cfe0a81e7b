//! Single cases, each of which says what is special about it.

use super::{DATABASE, Scene};
use crate::support::{Mongod, Role};
use bson::{Document, doc};
use snapstore::model::ClusterTime;
use snapstore::ops::{ForwardError, Until};

fn insert(server: &Mongod, collection: &str, ids: std::ops::Range<i32>) {
    let documents: Vec<Document> = ids.map(|id| doc! { "_id": id, "n": id }).collect();
    server.run(DATABASE, doc! { "insert": collection, "documents": documents });
}

/// Each of many moments in a second is another state.
#[test]
fn every_single_change_is_a_moment() {
    let Some(server) = Mongod::start(Role::ReplicaSet) else { return };
    let scene = Scene::new(&server);
    insert(&server, "quotes", 0..10);
    let base = scene.backup(None);
    let mut states = vec![scene.state()];
    for id in 0..10 {
        insert(&server, "quotes", 20 + id..21 + id);
        states.push(scene.state());
        let delete = doc! { "q": { "_id": id }, "limit": 1 };
        server.run(DATABASE, doc! { "delete": "quotes", "deletes": [delete] });
        states.push(scene.state());
    }
    for (number, state) in states.iter().enumerate() {
        let forward = scene.prove(&base, state, &format!("state {number}"));
        assert_eq!(forward.changes as usize, number, "state {number}");
        assert_eq!(forward.last.map(|last| last.at), (number > 0).then_some(state.at));
    }
}

/// What the log does not have all of is never restored.
#[test]
fn a_change_that_is_missing_is_found() {
    let Some(server) = Mongod::start(Role::ReplicaSet) else { return };
    let scene = Scene::new(&server);
    insert(&server, "quotes", 0..5);
    let base = scene.backup(None);
    insert(&server, "quotes", 5..6);
    let missed = scene.now();
    let update = doc! { "q": { "_id": 5 }, "u": { "$set": { "n": 9 } } };
    server.run(DATABASE, doc! { "update": "quotes", "updates": [update] });
    let at = scene.now();
    let late =
        super::Base { from: ClusterTime { increment: missed.increment + 1, ..missed }, ..base };
    let rolled = scene.roll(&scene.repository(), &late, Until::Time(at), at);
    let Err(ForwardError::Hole { what, at: of, .. }) = rolled else { panic!("{rolled:?}") };
    assert!(what.contains("bot.quotes") && what.contains("_id") && of == at, "{what} {of}");
}

/// A base that is not older than the target, and a target before all changes.
#[test]
fn nothing_between_is_the_snapshot_itself() {
    let Some(server) = Mongod::start(Role::ReplicaSet) else { return };
    let scene = Scene::new(&server);
    insert(&server, "quotes", 0..2000);
    let state = scene.state();
    let base = scene.backup(None);
    insert(&server, "quotes", 5000..5100);
    let forward = scene.prove(&base, &state, "the snapshot");
    assert_eq!((forward.changes, forward.last), (0, None));
}

/// A server takes away what is too much only when the next document comes.
#[test]
fn a_capped_collection_may_hold_more_than_it_may() {
    let Some(server) = Mongod::start(Role::ReplicaSet) else { return };
    let scene = Scene::new(&server);
    server.run(DATABASE, doc! { "create": "ring", "capped": true, "size": 9000, "max": 60 });
    server.run(DATABASE, doc! { "create": "full", "capped": true, "size": 4096 });
    insert(&server, "ring", 0..50);
    insert(&server, "full", 0..80);
    let base = scene.backup(None);
    server.run(DATABASE, doc! { "collMod": "ring", "cappedMax": 7 });
    let grown = doc! { "q": {}, "u": { "$set": { "text": "x".repeat(100) } }, "multi": true };
    server.run(DATABASE, doc! { "update": "full", "updates": [grown] });
    let state = scene.state();
    scene.prove(&base, &state, "more than it may");
}

/// More overlays than a collection may have.
#[test]
fn overlays_are_put_together() {
    let Some(server) = Mongod::start(Role::ReplicaSet) else { return };
    let scene = Scene::new(&server);
    insert(&server, "quotes", 0..3000);
    scene.backup(None);
    for round in 0..9 {
        let by = doc! { "_id": { "$mod": [400, round] } };
        let update = doc! { "q": by, "u": { "$inc": { "n": 1 } }, "multi": true };
        server.run(DATABASE, doc! { "update": "quotes", "updates": [update] });
        let base = scene.backup(None);
        let delete = doc! { "q": { "_id": { "$mod": [500, round] } }, "limit": 0 };
        server.run(DATABASE, doc! { "delete": "quotes", "deletes": [delete] });
        insert(&server, "quotes", 4000 + round * 10..4005 + round * 10);
        let state = scene.state();
        scene.prove(&base, &state, &format!("round {round}"));
    }
}

/// What is prepared before the target and decided after it counts from its commit on.
#[test]
fn a_prepared_transaction_counts_from_its_commit_timestamp() {
    let Some(server) = Mongod::start(Role::ReplicaSet) else { return };
    let scene = Scene::new(&server);
    insert(&server, "quotes", 0..5);
    let base = scene.backup(None);
    let before = scene.state();
    let (prepared, commit) = server.runtime().block_on(async {
        let mut session = server.client().start_session().await.unwrap();
        session.start_transaction().await.unwrap();
        let database = server.client().database(DATABASE);
        let insert = doc! { "insert": "quotes", "documents": [{ "_id": "prepared" }] };
        database.run_command(insert).session(&mut session).await.unwrap();
        let admin = server.client().database("admin");
        let prepare = doc! { "prepareTransaction": 1 };
        let answer = admin.run_command(prepare).session(&mut session).await.unwrap();
        let prepared = answer.get_timestamp("prepareTimestamp").unwrap();
        // Others write, and the transaction counts from the middle of that.
        let insert = |id: &str| doc! { "insert": "beside", "documents": [{ "_id": id }] };
        database.run_command(insert("one")).await.unwrap();
        let hello = admin.run_command(doc! { "hello": 1 }).await.unwrap();
        let written = hello.get_document("lastWrite").unwrap().get_document("opTime").unwrap();
        let commit = written.get_timestamp("ts").unwrap();
        database.run_command(insert("two")).await.unwrap();
        let end = doc! { "commitTransaction": 1, "commitTimestamp": commit };
        admin.run_command(end).session(&mut session).await.unwrap();
        (prepared, commit)
    });
    scene.prove(&base, &before, "before");
    scene.prove(&base, &scene.state(), "after");
    let count = |at: bson::Timestamp| {
        let at = ClusterTime { seconds: at.time, increment: at.increment };
        let repository = scene.repository();
        let forward = scene.roll(&repository, &base, Until::Time(at), scene.now()).unwrap();
        scene.restore(&repository, &forward.snapshot, "back");
        let count = |name: &str| server.run("back", doc! { "count": name }).get_i32("n").unwrap();
        let counts = (count("quotes"), count("beside"));
        server.run("back", doc! { "dropDatabase": 1 });
        counts
    };
    assert_eq!(count(prepared), (5, 0), "prepared, and not committed yet");
    assert_eq!(count(commit), (6, 1), "committed, though the entry that says so comes later");
    // The log ends before it is decided: nobody can tell.
    let moment = |at: bson::Timestamp| ClusterTime { seconds: at.time, increment: at.increment };
    let at = moment(commit);
    let undecided = scene.roll(&scene.repository(), &base, Until::Time(at), at);
    assert!(matches!(undecided, Err(ForwardError::Undecided { .. })), "{undecided:?}");
    // What is later than its end has it already.
    let base = scene.backup(Some(moment(prepared)));
    insert(&server, "quotes", 50..51);
    scene.prove(&base, &scene.state(), "from behind it");
}
