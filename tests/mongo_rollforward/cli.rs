//! `snap restore --at`, with a log that `snap protect` keeps.

use super::{Scene, Writer};
use crate::cli_json::names_of_lines;
use crate::support::{Chance, Mongod, Role, World, torture_time};
use bson::{Document, doc};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// A server whose changes are kept, and what was written when.
pub struct Kept {
    pub server: Mongod,
    pub world: World,
    tailer: Child,
    /// The time of each document's insert, in order.
    pub written: Vec<bson::Timestamp>,
}

impl Kept {
    pub fn start() -> Option<Self> {
        let server = Mongod::start(Role::ReplicaSet)?;
        server.run("bot", doc! { "insert": "users", "documents": [{ "_id": -1 }] });
        let address = server.address("bot");
        Some(Self::of(server, &address))
    }

    /// Of a server with something in it; returns once there is a base.
    pub fn of(server: Mongod, address: &str) -> Self {
        let mut world = World::new();
        world.set("SNAP_REPOSITORY", "repository");
        world.snap(["init", "-q"]).success();
        world.write("files/prices.json", "{}\n");
        let mut command = world.command(env!("CARGO_BIN_EXE_snap"));
        command.args(["protect", "--every", "500ms", address]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let tailer = command.spawn().unwrap();
        let kept = Self { server, world, tailer, written: Vec::new() };
        let end = Instant::now() + Duration::from_secs(60);
        while !kept.world.snap(["snapshots"]).stdout.contains("mongodb") {
            assert!(Instant::now() < end, "a base is taken");
            std::thread::sleep(Duration::from_millis(200));
        }
        kept
    }

    pub fn write(&mut self, count: usize) {
        for _ in 0..count {
            let id = self.written.len() as i32;
            let concern = doc! { "w": "majority" };
            let insert =
                doc! { "insert": "users", "documents": [{ "_id": id }], "writeConcern": concern };
            self.server.run("bot", insert);
            let hello = self.server.run("admin", doc! { "hello": 1 });
            let last = hello.get_document("lastWrite").unwrap().get_document("opTime").unwrap();
            self.written.push(last.get_timestamp("ts").unwrap());
            std::thread::sleep(Duration::from_millis(170));
        }
    }

    /// How many of them were there up to the end of a second.
    fn until_second(&self, second: u32) -> i32 {
        self.written.iter().filter(|written| written.time <= second).count() as i32
    }

    /// How many come back under another name.
    fn come_back(&self, when: &[&str]) -> i32 {
        let to = self.server.address("back");
        let restored = self.world.snap([&["restore"], when, &["--to", &to]].concat());
        assert_eq!(restored.code, 0, "{when:?}: {restored:?}");
        let find =
            doc! { "find": "users", "filter": { "_id": { "$gte": 0 } }, "batchSize": 10_000 };
        let found: Vec<Document> = self.server.batch("back", find);
        let ids: Vec<i32> = found.iter().map(|one| one.get_i32("_id").unwrap()).collect();
        assert_eq!(ids, (0..ids.len() as i32).collect::<Vec<_>>());
        self.server.run("back", doc! { "dropDatabase": 1 });
        ids.len() as i32
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let _ = self.tailer.kill();
        let _ = self.tailer.wait();
    }
}

/// What `--at` is given for a single change.
pub fn ts(written: bson::Timestamp) -> String {
    format!("ts:{},{}", written.time, written.increment)
}

pub fn time(second: u32) -> String {
    jiff::Timestamp::from_second(second.into()).unwrap().to_string()
}

#[test]
fn any_second_and_any_change_comes_back() {
    let Some(mut kept) = Kept::start() else { return };
    kept.write(25);
    for number in [0, 7, 24] {
        let written = kept.written[number];
        let at = ts(written);
        assert_eq!(kept.come_back(&["--at", &at]), number as i32 + 1, "{at}");
    }
    let second = kept.written[12].time;
    let at = time(second);
    assert_eq!(kept.come_back(&["--at", &at]), kept.until_second(second));
    assert_eq!(kept.come_back(&["--before", &at]), kept.until_second(second - 1));
    // Files that are saved by themselves belong to everything.
    kept.world.snap(["backup", "files"]).success();
    kept.write(2);
    let files = time(kept.written[kept.written.len() - 1].time + 1);
    let both = kept.world.snap(["restore", "--json", "--at", &files, "--target", "both"]);
    assert_eq!(both.code, 0, "{both:?}");
    assert!(names_of_lines(&both).contains("rolled_forward"));
    let file = kept
        .world
        .path("both")
        .join(kept.world.path("files/prices.json").strip_prefix("/").unwrap());
    assert!(file.exists() && kept.world.path("both/mongodb/bot/users.bson").exists());
    // A second base: either may be the one that is gone forward from.
    kept.world.snap(["backup", "files", &kept.server.address("bot")]).success();
    kept.write(8);
    assert_eq!(kept.come_back(&["--at", &at]), kept.until_second(second));
    let last = kept.written[kept.written.len() - 1];
    let shown = kept.world.snap(["restore", "--at", &time(last.time), "--target", "look"]);
    assert_eq!(shown.code, 0, "{shown:?}");
    for part in ["databases as of", "the last one: ", "in bot.users", "files as of"] {
        assert!(shown.stdout.contains(part), "{part}: {shown:?}");
    }
    let dumped = std::fs::read(kept.world.path("look/mongodb/bot/users.bson")).unwrap();
    let documents = snapstore::format::documents(&dumped).count() as i32;
    assert_eq!(documents, kept.until_second(last.time) + 1);
    // What changed between two changes.
    let (one, other) = (ts(kept.written[3]), ts(kept.written[5]));
    let differ = kept.world.snap(["diff", "-v", "--at", &one, "--at", &other, "bot/users"]);
    assert_eq!(differ.code, 0, "{differ:?}");
    let added = |id: i32| {
        differ.stdout.lines().any(|line| {
            line.contains('+') && line.contains(&format!("\"_id\":{id}}}").replace(':', ": "))
                || line.contains('+') && line.contains(&format!("\"_id\":{id}}}"))
        })
    };
    assert!(added(4) && added(5) && !added(3) && !added(6), "{differ:?}");
    // Each snapshot, rolled forward to the next, is that one.
    let proved = kept.world.snap(["--json", "check", "--pitr"]);
    assert_eq!(proved.code, 0, "{proved:?}");
    assert!(names_of_lines(&proved).contains("log_proof"), "{proved:?}");
    assert!(proved.stdout.contains("\"outcome\":\"equal\""), "{proved:?}");
    kept.world.snap(["restore", "latest", "--no-log", "--dry-run", "--target", "no"]).success();
}

/// Everything that clients do goes through the log that is kept.
#[test]
fn random_writes_come_back_from_the_log_that_is_kept() {
    let Some(kept) = Kept::start() else { return };
    let scene = Scene::new(&kept.server);
    let mut writer = Writer::new(&kept.server, Chance::of_this_run());
    let seed = writer.seed();
    let end = Instant::now() + torture_time();
    let mut states = Vec::new();
    while Instant::now() < end || states.len() < 3 {
        for _ in 0..30 {
            writer.write();
        }
        writer.stand_still();
        states.push(scene.state());
        if states.len() % 5 == 1 {
            let saved = kept.world.snap(["backup", &kept.server.address("bot")]);
            assert!(matches!(saved.code, 0 | 3), "{saved:?}");
        }
    }
    let back = kept.server.address("back");
    for state in states.iter().filter(|state| !state.collections.is_empty()) {
        let at = format!("ts:{},{}", state.at.seconds, state.at.increment);
        let restored = kept.world.snap(["restore", "--at", &at, "--to", &back, "--ttl", "now"]);
        assert_eq!(restored.code, 0, "SNAP_SEED={seed} {at}: {restored:?}");
        assert_eq!(restored.stderr, "", "SNAP_SEED={seed} {at}");
        scene.is_back(state, &format!("SNAP_SEED={seed} {at}"));
    }
    let proved = kept.world.snap(["check", "--pitr"]);
    assert_eq!(proved.code, 0, "SNAP_SEED={seed}: {proved:?}");
    println!("{} moments; {}", states.len(), writer.told());
}

#[test]
fn a_moment_comes_back_in_place_and_is_undone() {
    let Some(mut kept) = Kept::start() else { return };
    kept.write(12);
    let good = kept.written[11];
    kept.server.run("bot", doc! { "insert": "users", "documents": [{ "_id": "new" }] });
    let lost =
        doc! { "q": { "_id": { "$gte": 3 } }, "u": { "$set": { "lost": true } }, "multi": true };
    kept.server.run("bot", doc! { "update": "users", "updates": [lost] });
    let delete = doc! { "q": { "_id": { "$lt": 3, "$gte": 0 } }, "limit": 0 };
    kept.server.run("bot", doc! { "delete": "users", "deletes": [delete] });
    let damaged = kept.server.hashes("bot");
    let at = ts(good);
    let dry = kept.world.snap(["restore", "--at", &at, "--dry-run"]).success();
    assert!(dry.contains("nothing was changed"), "{dry}");
    kept.world.snap(["restore", "--at", &at, "--conflict", "overwrite", "--yes"]).success();
    let find =
        doc! { "find": "users", "filter": { "lost": { "$exists": false } }, "batchSize": 100 };
    assert_eq!(kept.server.batch("bot", find).len(), 14);
    // What the safety snapshot keeps is all in the repository.
    kept.world.snap(["check", "--read-data"]).success();
    kept.world.snap(["rollback", "--yes"]).success();
    assert_eq!(kept.server.hashes("bot"), damaged);
}

/// The roles that the server has for it are enough; what needs more is told.
#[test]
fn who_may_only_restore_brings_a_moment_back() {
    let Some(server) = Mongod::start(Role::GuardedSet) else { return };
    server.run("bot", doc! { "insert": "users", "documents": [{ "_id": -1 }] });
    let address = server.address_of("keeper", "bot");
    let mut kept = Kept::of(server, &address);
    kept.write(6);
    let at = ts(kept.written[3]);
    let to = kept.server.address_of("restorer", "back");
    let restored = kept.world.snap(["restore", "--at", &at, "--to", &to]);
    assert!(restored.stdout.contains("4 changes since"), "{restored:?}");
    assert!(restored.stdout.contains("not validated: this account may not read"), "{restored:?}");
    let found = kept.server.batch("back", doc! { "find": "users", "sort": { "_id": 1 } });
    let ids: Vec<i32> = found.iter().map(|one| one.get_i32("_id").unwrap()).collect();
    assert_eq!(ids, [-1, 0, 1, 2, 3]);
}

#[test]
fn what_cannot_be_reached_is_refused_with_what_can() {
    let Some(mut kept) = Kept::start() else { return };
    kept.write(3);
    let to = kept.server.address("back");
    let refused = |when: &[&str]| {
        let refused = kept.world.snap([&["restore"], when, &["--to", &to]].concat());
        assert_eq!(refused.code, 5, "{when:?}: {refused:?}");
        refused.stderr
    };
    let told = refused(&["--at", "2099-01-01"]);
    assert!(told.contains("nearest moments") && told.contains("ts:"), "{told}");
    let first = kept.written[0].time - 3600;
    refused(&["--at", &time(first)]);
    assert_eq!(kept.world.snap(["restore", "--at", "ts:x", "--to", &to]).code, 2);
    assert!(kept.server.batch("back", doc! { "listCollections": 1 }).is_empty());
}
