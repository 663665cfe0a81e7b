//! `snap` and `mongod` are killed at random moments of backups, restores and rollbacks: no snapshot
//! that is there is wrong, a repeated restore completes, and a repeated rollback brings back what
//! was there before.

use crate::support::{Chance, Mongod, Role, World, torture_time};
use bson::{Bson, Document, doc};
use std::collections::BTreeMap;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// Enough that a backup takes a while.
const DOCUMENTS: i32 = 6_000;
const BATCH: i32 = 1000;

/// What a test has at hand.
struct Scene {
    server: Mongod,
    role: Role,
    world: World,
    chance: Chance,
    /// About how long what is killed takes, by its name.
    usual: BTreeMap<&'static str, Duration>,
    /// Kills that came before the end, by what was under way and who was killed.
    kills: BTreeMap<String, u32>,
    /// What the database holds.
    hashes: Document,
}

/// Documents, options and indexes of a database.
#[derive(Debug, PartialEq)]
struct State {
    hashes: Document,
    collections: Vec<Document>,
    indexes: Vec<Vec<Document>>,
}

#[test]
fn whatever_is_killed_snapshots_are_right_and_restores_complete() {
    torture(Role::ReplicaSet);
}

/// A server that may lose what it has acknowledged, where nobody asks it to wait for its journal.
#[test]
fn whatever_is_killed_beside_a_standalone_server_restores_complete() {
    torture(Role::Standalone);
}

fn torture(role: Role) {
    let Some(server) = Mongod::start(role) else { return };
    fill(&server, "bot", &["conversations", "quotes"]);
    let chance = Chance::of_this_run();
    println!("SNAP_SEED={} replays it", chance.seed());
    let mut world = World::new();
    world.set("SNAP_REPOSITORY", "repository");
    // A password would take more time than what is to be killed.
    world.set("SNAP_KEY_FILE", "key");
    world.unset("SNAP_PASSWORD");
    world.snap(["init"]).success();
    let hashes = server.hashes("bot");
    let (usual, kills) = (BTreeMap::new(), BTreeMap::new());
    let mut scene = Scene { server, role, world, chance, usual, kills, hashes };
    scene.measure();
    let end = Instant::now() + torture_time();
    let mut rounds = 0;
    while rounds < 2 || Instant::now() < end {
        scene.round();
        rounds += 1;
    }
    println!("{role:?}: {rounds} rounds; killed in the middle: {:?}", scene.kills);
    scene.world.snap(["prune", "--space-only", "--wait", "0"]).success();
    scene.world.snap(["check", "--read-data"]).success();
}

fn fill(server: &Mongod, database: &str, collections: &[&str]) {
    for collection in collections {
        for batch in 0..DOCUMENTS / BATCH {
            let ids = batch * BATCH..(batch + 1) * BATCH;
            let text = "cotización ".repeat(20);
            let documents: Vec<Bson> =
                ids.map(|id| doc! { "_id": id, "text": &text, "number": id % 97 }.into()).collect();
            server.run(database, doc! { "insert": *collection, "documents": documents });
        }
        let index = doc! { "key": { "number": 1 }, "name": "number_1" };
        server.run(database, doc! { "createIndexes": *collection, "indexes": [index] });
    }
    is_durable(server);
}

/// What was written stays when the server is killed.
fn is_durable(server: &Mongod) {
    server.run("admin", doc! { "fsync": 1 });
}

impl Scene {
    /// How long everything takes that is not killed.
    fn measure(&mut self) {
        let (bot, back) = (self.server.address("bot"), self.server.address("back"));
        self.timed("backup", &["backup", &bot]);
        self.timed("restore", &["restore", "latest", "--to", &back]);
        self.server.run("back", doc! { "dropDatabase": 1 });
        self.furnish();
        let live = self.server.address("live");
        let in_place = ["restore", "latest", "--to", &live, "--conflict", "overwrite", "--yes"];
        self.timed("restore in place", &in_place);
        self.timed("rollback", &["rollback", "--yes"]);
        self.server.run("live", doc! { "dropDatabase": 1 });
    }

    fn timed(&mut self, what: &'static str, arguments: &[&str]) {
        let begun = Instant::now();
        self.world.snap(arguments).success();
        self.usual.insert(what, begun.elapsed());
    }

    fn round(&mut self) {
        self.change();
        let address = self.server.address("bot");
        self.killed("backup", &["backup", &address]);
        // What is there is right, killed or not.
        self.world.snap(["check"]).success();
        self.restore_whole("latest", None);
        self.hashes = self.server.hashes("bot");
        let saved = self.world.snap(["backup", &address]);
        assert_eq!(saved.code, 0, "{saved:?}");
        let to = self.server.address("back");
        let code = self.killed("restore", &["restore", "latest", "--to", &to]);
        let hashes = self.hashes.clone();
        let is_right = code != Some(0) || self.server.hashes("back") == hashes;
        assert!(is_right, "it says that it is done");
        self.restore_whole("latest", Some(&hashes));
        self.roll_back();
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
        is_durable(&self.server);
    }

    /// Starts a command and kills it, or the server, at a random moment; what it ended with, if it
    /// was not killed itself.
    fn killed(&mut self, what: &'static str, arguments: &[&str]) -> Option<i32> {
        let mut command = self.world.command(env!("CARGO_BIN_EXE_snap"));
        command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let limit = self.usual[what].as_micros() as u64 * 6 / 5;
        std::thread::sleep(Duration::from_micros(self.chance.below(limit)));
        let is_running = child.try_wait().unwrap().is_none();
        let whom = if self.chance.below(3) == 0 { "mongod" } else { "snap" };
        if is_running {
            *self.kills.entry(format!("{whom} in {what}")).or_default() += 1;
        }
        if whom == "mongod" {
            self.server.restart_killed(self.role);
            end(&mut child);
        } else {
            let _ = child.kill();
        }
        child.wait().unwrap().code()
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

    /// A restore over what is there is killed, perhaps run again, and rolled back; that is killed
    /// and run again, too.
    fn roll_back(&mut self) {
        self.furnish();
        let before = self.state("live");
        let to = self.server.address("live");
        let how: &[&str] = match self.chance.below(3) {
            0 => &["--swap"],
            1 => &["--conflict", "merge"],
            _ => &["--conflict", "overwrite"],
        };
        let restore = [&["restore", "latest", "--to", &to, "--yes"], how].concat();
        let code = self.killed("restore in place", &restore);
        // One that came to its end is not gone on with: another would be a restore of its own.
        let is_repeated = code != Some(0) && self.chance.below(2) == 0;
        if is_repeated {
            self.world.snap(&restore).success();
        }
        let rolled_back = self.killed("rollback", &["rollback", "--yes"]);
        if rolled_back == Some(0) && code.is_none() {
            assert_eq!(self.state("live"), before, "{how:?}: it says that it is done");
        }
        // One that was cut off is gone on with, and undone at once; one that failed is another.
        let most = if is_repeated && code.is_some() { 2 } else { 1 };
        let undone: Vec<_> = (0..most).map(|_| self.world.snap(["rollback", "--yes"])).collect();
        // There is nothing to undo where nothing was begun, or where all is undone.
        assert!(undone.iter().all(|one| matches!(one.code, 0 | 5)), "{undone:?}");
        let after = self.state("live");
        assert_eq!(after, before, "{how:?}, {code:?}, repeated: {is_repeated}: {undone:?}");
        self.server.run("live", doc! { "dropDatabase": 1 });
    }

    /// A database where some documents are others, some are missing and some are more, one
    /// collection is not there, and one is of somebody else.
    fn furnish(&mut self) {
        fill(&self.server, "live", &["conversations", "others"]);
        let from = self.chance.below(5000) as i32;
        let deletes = doc! { "q": { "_id": { "$gte": from, "$lt": from + 700 } }, "limit": 0 };
        self.server.run("live", doc! { "delete": "conversations", "deletes": [deletes] });
        let number = self.chance.below(50) as i32;
        let update = doc! {
            "q": { "number": { "$gte": number } },
            "u": { "$set": { "mine": self.chance.below(1 << 40) as i64, "text": "mine" } },
            "multi": true,
        };
        self.server.run("live", doc! { "update": "conversations", "updates": [update] });
        let more: Vec<Document> = (0..50).map(|id| doc! { "_id": format!("mine {id}") }).collect();
        self.server.run("live", doc! { "insert": "conversations", "documents": more });
        self.server.run("live", doc! { "dropIndexes": "conversations", "index": "number_1" });
        is_durable(&self.server);
    }

    fn state(&self, database: &str) -> State {
        let collections = self.server.collections(database);
        let names = collections.iter().map(|one| one.get_str("name").unwrap());
        let indexes = names.map(|name| self.server.indexes(database, name)).collect();
        State { hashes: self.server.hashes(database), collections, indexes }
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
