//! `snap` and `mongod` are killed at random moments of backups and restores: no snapshot that is
//! there is wrong, a repeated restore completes.

use crate::support::{Chance, Mongod, Role, World, torture_time};
use bson::{Bson, Document, doc};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// Enough that a backup takes a while.
const DOCUMENTS: i32 = 6_000;
const BATCH: i32 = 1000;

/// What a test has at hand.
struct Scene {
    server: Mongod,
    world: World,
    chance: Chance,
    /// About how long what is killed takes.
    usual: Duration,
    /// What the database holds.
    hashes: Document,
}

#[test]
fn whatever_is_killed_snapshots_are_right_and_restores_complete() {
    let Some(server) = Mongod::start(Role::ReplicaSet) else { return };
    fill(&server);
    let chance = Chance::of_this_run();
    println!("SNAP_SEED={} replays it", chance.seed());
    let mut world = World::new();
    world.set("SNAP_REPOSITORY", "repository");
    world.snap(["init"]).success();
    let begun = Instant::now();
    world.snap(["backup", &server.address("bot")]).success();
    let (usual, hashes) = (begun.elapsed(), server.hashes("bot"));
    let mut scene = Scene { server, world, chance, usual, hashes };
    let end = Instant::now() + torture_time();
    let mut rounds = 0;
    while rounds < 3 || Instant::now() < end {
        scene.round();
        rounds += 1;
    }
    println!("{rounds} rounds");
    scene.world.snap(["prune", "--space-only", "--wait", "0"]).success();
    scene.world.snap(["check", "--read-data"]).success();
}

fn fill(server: &Mongod) {
    for collection in ["conversations", "quotes"] {
        for batch in 0..DOCUMENTS / BATCH {
            let ids = batch * BATCH..(batch + 1) * BATCH;
            let text = "cotización ".repeat(20);
            let documents: Vec<Bson> =
                ids.map(|id| doc! { "_id": id, "text": &text, "number": id % 97 }.into()).collect();
            server.run("bot", doc! { "insert": collection, "documents": documents });
        }
        let index = doc! { "key": { "number": 1 }, "name": "number_1" };
        server.run("bot", doc! { "createIndexes": collection, "indexes": [index] });
    }
}

impl Scene {
    fn round(&mut self) {
        self.change();
        let address = self.server.address("bot");
        self.killed(&["backup", &address]);
        // What is there is right, killed or not.
        self.world.snap(["check"]).success();
        self.restore_whole("latest", None);
        self.hashes = self.server.hashes("bot");
        let saved = self.world.snap(["backup", &address]);
        assert_eq!(saved.code, 0, "{saved:?}");
        let to = self.server.address("back");
        self.killed(&["restore", "latest", "--to", &to]);
        let hashes = self.hashes.clone();
        self.restore_whole("latest", Some(&hashes));
    }

    /// Some documents become others.
    fn change(&mut self) {
        let number = self.chance.below(97) as i32;
        let update = doc! {
            "q": { "number": number },
            "u": { "$set": { "changed": self.chance.below(1 << 40) as i64 } },
            "multi": true,
        };
        self.server.run("bot", doc! { "update": "conversations", "updates": [update] });
    }

    /// Starts a command and kills it, or the server, at a random moment.
    fn killed(&mut self, arguments: &[&str]) {
        let mut command = self.world.command(env!("CARGO_BIN_EXE_snap"));
        command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let limit = self.usual.as_micros() as u64 * 3 / 2;
        std::thread::sleep(Duration::from_micros(self.chance.below(limit)));
        if self.chance.below(3) == 0 {
            self.server.restart_killed(Role::ReplicaSet);
            end(&mut child);
        } else {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Restores into a database that may hold part of it, and looks whether it is all there.
    fn restore_whole(&self, id: &str, expected: Option<&Document>) {
        let server = &self.server;
        if expected.is_none() {
            server.run("back", doc! { "dropDatabase": 1 });
        }
        self.world.snap(["restore", id, "--to", &server.address("back")]).success();
        let hashes = server.hashes("back");
        match expected {
            Some(expected) => assert_eq!(hashes, *expected),
            None => {
                let now = server.hashes("bot");
                assert!(hashes == self.hashes || hashes == now, "{hashes}: neither before nor now");
            }
        }
        for name in ["conversations", "quotes"] {
            assert_eq!(server.indexes("back", name), server.indexes("bot", name));
        }
        server.run("back", doc! { "dropDatabase": 1 });
    }
}

/// Waits for a command whose server came back; one that does not end has lost it for good.
fn end(child: &mut Child) {
    let patience = Instant::now() + Duration::from_secs(60);
    while child.try_wait().unwrap().is_none() {
        if Instant::now() > patience {
            let _ = child.kill();
            let _ = child.wait();
            panic!("it waits for ever for a server that is there again");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}
