//! Money that goes from account to account in transactions: at every second, and at every single
//! moment, there is as much of it as ever.

use super::cli::{Kept, time};
use crate::support::{Chance, Mongod, Role, torture_time};
use bson::{Document, doc};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

const BANKS: [&str; 2] = ["north", "south"];
const ACCOUNTS: i32 = 60;
const EACH: i32 = 1000;
/// More than what one entry of the log holds.
const MANY: i32 = 120;

/// Transactions that were committed, and that were given up.
#[derive(Default)]
struct Told {
    committed: AtomicU64,
    aborted: AtomicU64,
}

fn open_accounts(server: &Mongod) {
    for bank in BANKS {
        let accounts: Vec<Document> =
            (0..ACCOUNTS).map(|id| doc! { "_id": id, "has": EACH }).collect();
        server.run("bot", doc! { "insert": bank, "documents": accounts });
    }
}

/// One transfer, or many in one transaction; each tenth is given up, others conflict.
fn transfer(server: &Mongod, chance: &mut Chance, told: &Told) {
    let number = if chance.below(20) == 0 { MANY } else { 1 + chance.below(3) as i32 };
    let gives_up = chance.below(10) == 0;
    let moves: Vec<[Document; 2]> = (0..number).map(|_| one_move(chance)).collect();
    server.runtime().block_on(async {
        let database = server.client().database("bot");
        let mut session = server.client().start_session().await.unwrap();
        session.start_transaction().await.unwrap();
        for command in moves.into_iter().flatten() {
            if database.run_command(command).session(&mut session).await.is_err() {
                told.aborted.fetch_add(1, Ordering::Relaxed);
                return drop(session.abort_transaction().await);
            }
        }
        let (ended, count) = match gives_up {
            true => (session.abort_transaction().await, &told.aborted),
            false => (session.commit_transaction().await, &told.committed),
        };
        drop(ended);
        count.fetch_add(1, Ordering::Relaxed);
    });
}

fn one_move(chance: &mut Chance) -> [Document; 2] {
    let amount = 1 + chance.below(50) as i32;
    [-amount, amount].map(|by| {
        let bank = BANKS[chance.below(2) as usize];
        let account = doc! { "_id": chance.below(ACCOUNTS as u64) as i32 };
        let update = doc! { "q": account, "u": { "$inc": { "has": by } } };
        doc! { "update": bank, "updates": [update] }
    })
}

/// What all accounts of a restored folder have.
fn total(folder: &std::path::Path) -> i32 {
    let of_bank = |bank: &str| -> i32 {
        let dumped = std::fs::read(folder.join(format!("mongodb/bot/{bank}.bson"))).unwrap();
        let accounts: Vec<Document> = snapstore::format::documents(&dumped)
            .map(|account| Document::from_reader(account.unwrap()).unwrap())
            .collect();
        assert_eq!(accounts.len() as i32, ACCOUNTS, "{bank}");
        accounts.iter().map(|account| account.get_i32("has").unwrap()).sum()
    };
    BANKS.into_iter().map(of_bank).sum()
}

fn last_write(server: &Mongod) -> bson::Timestamp {
    let hello = server.run("admin", doc! { "hello": 1 });
    let last = hello.get_document("lastWrite").unwrap().get_document("opTime").unwrap();
    last.get_timestamp("ts").unwrap()
}

/// Writes from three sides, with a new base now and then; the first and the last time.
fn write_for(kept: &Kept, how_long: Duration, seed: u64, told: &Told) -> [bson::Timestamp; 2] {
    let first = last_write(&kept.server);
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for side in 0..3 {
            let (over, server) = (&over, &kept.server);
            scope.spawn(move || {
                let mut chance = Chance::new(seed ^ side);
                while !over.load(Ordering::Relaxed) {
                    transfer(server, &mut chance, told);
                    std::thread::sleep(Duration::from_millis(chance.below(40)));
                }
            });
        }
        let end = Instant::now() + how_long;
        while Instant::now() < end {
            let pause = (how_long / 5).max(Duration::from_secs(2));
            std::thread::sleep(pause.min(end.saturating_duration_since(Instant::now())));
            let saved = kept.world.snap(["backup", &kept.server.address("bot")]);
            assert!(matches!(saved.code, 0 | 3), "{saved:?}");
        }
        over.store(true, Ordering::Relaxed);
    });
    [first, last_write(&kept.server)]
}

#[test]
fn an_invariant_holds_at_every_moment() {
    let Some(server) = Mongod::start(Role::ReplicaSet) else { return };
    open_accounts(&server);
    let address = server.address("bot");
    let kept = Kept::of(server, &address);
    let mut chance = Chance::of_this_run();
    let (seed, told) = (chance.seed(), Told::default());
    let time_to_write = torture_time().mul_f64(0.4).max(Duration::from_secs(4));
    let [first, last] = write_for(&kept, time_to_write, seed, &told);
    let end = Instant::now() + torture_time().mul_f64(0.6);
    let mut moments = 0;
    while moments < 6 || Instant::now() < end && moments < 2_000 {
        let second = first.time + 1 + chance.below(u64::from(last.time - first.time - 1)) as u32;
        let when = match moments % 3 {
            0 => ["--at".to_owned(), time(second)],
            1 => ["--before".to_owned(), time(second + 1)],
            _ => ["--at".to_owned(), format!("ts:{second},{}", 1 + chance.below(40))],
        };
        let folder = kept.world.path("look");
        let restored = kept.world.snap(["restore", &when[0], &when[1], "--target", "look"]);
        assert_eq!(restored.code, 0, "SNAP_SEED={seed} {when:?}: {restored:?}");
        assert_eq!(total(&folder), 2 * ACCOUNTS * EACH, "SNAP_SEED={seed} {when:?}: {restored:?}");
        std::fs::remove_dir_all(folder).unwrap();
        moments += 1;
    }
    let [committed, aborted] =
        [&told.committed, &told.aborted].map(|count| count.load(Ordering::Relaxed));
    println!("{moments} moments; {committed} transactions committed, {aborted} given up");
}
