//! Backups while others write: an invariant over two collections holds in every one, and what is
//! dropped, renamed and made meanwhile is never kept as empty.

use crate::support::{Mongod, Role, World, torture_time};
use bson::{Bson, Document, doc};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

const ACCOUNTS: i32 = 40;
const EACH: i32 = 100;

#[test]
fn an_invariant_over_two_collections_holds() {
    let Some(server) = Mongod::start(Role::ReplicaSet) else { return };
    for bank in ["north", "south"] {
        let accounts: Vec<Document> =
            (0..ACCOUNTS).map(|id| doc! { "_id": id, "has": EACH }).collect();
        server.run("bank", doc! { "insert": bank, "documents": accounts });
    }
    let mut world = World::new();
    world.set("SNAP_REPOSITORY", "repository");
    world.snap(["init"]).success();
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| while_not(&over, |round| transfer(&server, round)));
        scope.spawn(|| while_not(&over, |round| reshape(&server, round)));
        let end = Instant::now() + torture_time();
        let mut rounds = 0;
        while rounds < 3 || Instant::now() < end {
            rounds += 1;
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                round(&server, &world, rounds);
            }));
            if let Err(panic) = result {
                over.store(true, Ordering::Relaxed);
                std::panic::resume_unwind(panic);
            }
        }
        println!("{rounds} backups");
        over.store(true, Ordering::Relaxed);
    });
}

fn while_not(over: &AtomicBool, mut work: impl FnMut(i32)) {
    let mut round = 0;
    while !over.load(Ordering::Relaxed) {
        work(round);
        round += 1;
    }
}

/// Moves money from one bank to the other, in a transaction.
fn transfer(server: &Mongod, round: i32) {
    let (from, to) = if round % 2 == 0 { ("north", "south") } else { ("south", "north") };
    let (one, other) = (round % ACCOUNTS, round * 7 % ACCOUNTS);
    server.runtime().block_on(async {
        let database = server.client().database("bank");
        let mut session = server.client().start_session().await.unwrap();
        session.start_transaction().await.unwrap();
        let update = |bank: &str, id: i32, by: i32| {
            let change = doc! { "q": { "_id": id }, "u": { "$inc": { "has": by } } };
            doc! { "update": bank, "updates": [change] }
        };
        let taken = database.run_command(update(from, one, -1)).session(&mut session).await;
        let given = database.run_command(update(to, other, 1)).session(&mut session).await;
        match taken.and(given) {
            Ok(_) => drop(session.commit_transaction().await),
            Err(_) => drop(session.abort_transaction().await),
        }
    });
}

/// Makes a collection aside and puts it in another's place; drops, indexes and renames.
fn reshape(server: &Mongod, round: i32) {
    let live = format!("live{}", round % 3);
    let rows: Vec<Document> = (0..50).map(|id| doc! { "_id": id, "round": round }).collect();
    let run = |command: Document| drop(server.try_run("bank", command));
    run(doc! { "insert": "aside", "documents": rows });
    let target = format!("bank.{live}");
    let rename = doc! { "renameCollection": "bank.aside", "to": target, "dropTarget": true };
    drop(server.try_run("admin", rename));
    match round % 5 {
        0 => run(doc! { "drop": live }),
        1 => {
            let index = doc! { "key": { "round": 1 }, "name": "round_1" };
            run(doc! { "createIndexes": live, "indexes": [index] });
        }
        2 => {
            let elsewhere = format!("bank.live{}", (round + 1) % 3);
            let source = format!("bank.{live}");
            let rename = doc! { "renameCollection": source, "to": elsewhere, "dropTarget": true };
            drop(server.try_run("admin", rename));
        }
        _ => {}
    }
    std::thread::sleep(std::time::Duration::from_millis(5));
}

fn round(server: &Mongod, world: &World, round: i32) {
    let saved = world.snap(["backup", "-v", &server.address("bank")]);
    assert!(matches!(saved.code, 0 | 3), "{saved:?}");
    let back = format!("back{round}");
    world.snap(["restore", "latest", "--to", &server.address(&back)]).success();
    let sum: i32 = ["north", "south"].map(|bank| total(server, &back, bank)).iter().sum();
    assert_eq!(sum, 2 * ACCOUNTS * EACH, "round {round}: {saved:?}");
    for collection in server.collections(&back) {
        let name = collection.get_str("name").unwrap();
        // What is made aside is empty before its documents come.
        if name.starts_with("live") {
            let count = server.run(&back, doc! { "count": name }).get_i32("n").unwrap();
            assert_eq!(count, 50, "round {round}, {name}: {saved:?}");
        }
    }
    server.run(&back, doc! { "dropDatabase": 1 });
}

fn total(server: &Mongod, database: &str, bank: &str) -> i32 {
    let sum = doc! { "$group": { "_id": Bson::Null, "sum": { "$sum": "$has" } } };
    let aggregate = doc! { "aggregate": bank, "pipeline": [sum], "cursor": {} };
    server.batch(database, aggregate)[0].get_i32("sum").unwrap()
}
