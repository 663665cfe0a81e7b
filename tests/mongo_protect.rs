//! `snap protect` against a real server: whatever is killed, steps down, goes away or comes twice,
//! the log in the repository is whole, or says what it lacks.

mod archive;
mod daemon;

use crate::cli_json::names_of_lines;
use crate::support::{Mongod, Output, Role, World, torture_time};
use archive::Archive;
use bson::{Document, doc};
use daemon::Daemon;
use std::fs;
use std::time::{Duration, Instant};

/// A server and a repository, and what was written so far.
struct Scene {
    server: Mongod,
    world: World,
    next: i32,
}

impl Scene {
    fn new() -> Option<Self> {
        Self::on(Role::ReplicaSet)
    }

    fn on(role: Role) -> Option<Self> {
        let server = Mongod::start(role)?;
        let mut world = World::new();
        world.set("SNAP_REPOSITORY", "repository");
        world.set("SNAP_KEY_FILE", "key");
        world.unset("SNAP_PASSWORD");
        world.snap(["init", "-q"]).success();
        let mut scene = Self { server, world, next: 0 };
        scene.write(20);
        Some(scene)
    }

    /// Inserts the next documents, one at a time, and something that is not protected.
    fn write(&mut self, number: i32) {
        for id in self.next..self.next + number {
            let concern = doc! { "w": "majority" };
            let insert = |collection: &str| doc! { "insert": collection, "documents": [{ "_id": id }], "writeConcern": &concern };
            self.server.run("bot", insert("events"));
            if id % 5 == 0 {
                self.server.run("other", insert("noise"));
            }
        }
        self.next += number;
    }

    fn protect(&self) -> Daemon {
        self.protect_with(&[])
    }

    fn protect_with(&self, flags: &[&str]) -> Daemon {
        let address = self.server.address("bot");
        Daemon::start(&self.world, &[&[&address, "--every", "500ms"], flags].concat())
    }

    fn archive(&self) -> Archive {
        Archive::open(&self.world.path("repository"), &self.world.path("key"))
    }

    /// Ends it when all that was written is in the log: what it has not read yet when it is told to
    /// stop is left to the next one.
    #[track_caller]
    fn stop(&self, daemon: Daemon) -> Output {
        daemon.wait_until(|| self.archive().inserted("bot.events").contains(&(self.next - 1)));
        let ended = daemon.stop();
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        ended
    }

    /// All that was written since the first of these is in the log, once, and nothing else.
    #[track_caller]
    fn assert_whole(&self, first: i32) {
        let archive = self.archive();
        let inserted: Vec<i32> = archive.inserted("bot.events");
        let inserted: Vec<i32> = inserted.into_iter().filter(|id| *id >= first).collect();
        assert_eq!(inserted, (first..self.next).collect::<Vec<_>>());
        assert!(archive.inserted("other.noise").is_empty());
        self.world.snap(["check", "--read-data"]).success();
    }

    fn lines(&self, command: &[&str], kind: &str) -> Vec<serde_json::Value> {
        let shown = self.world.snap([&["--json"], command].concat());
        let lines = shown.stdout.lines().map(|line| serde_json::from_str(line).unwrap());
        lines.filter(|line: &serde_json::Value| line["message_type"] == kind).collect()
    }

    fn gaps(&self) -> Vec<serde_json::Value> {
        self.lines(&["log"], "gap")
    }

    fn snapshots(&self) -> usize {
        self.lines(&["snapshots"], "snapshot").len()
    }
}

#[test]
fn what_is_written_is_in_the_log_and_a_base_is_there() {
    let Some(mut scene) = Scene::new() else { return };
    let daemon = scene.protect();
    daemon.wait_for("base_taken");
    let first = scene.next;
    scene.write(100);
    let ended = scene.stop(daemon);
    let shown = names_of_lines(&ended);
    assert!(["segment", "event", "protect_summary"].iter().all(|name| shown.contains(*name)));
    scene.assert_whole(first);
    assert_eq!((scene.gaps().len(), scene.snapshots()), (0, 1));
    for (command, name) in [
        (&["--json", "log"][..], "log_window"),
        (&["--json", "protect", "--status"], "protect_status"),
        (&["--json", "log", "show", "--ns", "bot.events", "--id", "21"], "log_entry"),
    ] {
        assert!(names_of_lines(&scene.world.snap(command)).contains(name), "{command:?}");
    }
    let status = scene.lines(&["protect", "--status"], "protect_status");
    assert_eq!(status[0]["server"], "rs0");
    assert_eq!(status[0]["gaps"], 0);
    assert!(status[0]["restorable_from"].is_string(), "{status:?}");
    let shown = scene.world.snap(["cat", "segment", "1"]).success();
    assert!(shown.contains("\"server\": \"rs0\""), "{shown}");
    // It goes on after what is there, with the base that is there.
    let daemon = scene.protect();
    daemon.wait_for("following");
    scene.write(10);
    scene.stop(daemon);
    scene.assert_whole(first);
    assert_eq!(scene.snapshots(), 1);
    let history = scene.world.snap(["log", "show", "--ns", "bot.events", "--id", "115"]).success();
    assert!(history.contains("inserted") && history.contains("{\"_id\": 115}"), "{history}");
}

#[test]
fn killed_at_any_time_it_goes_on_where_it_was() {
    let Some(mut scene) = Scene::new() else { return };
    let daemon = scene.protect();
    daemon.wait_for("base_taken");
    let first = scene.next;
    daemon.kill();
    let end = Instant::now() + torture_time();
    let mut kills = 0;
    while kills < 3 || Instant::now() < end {
        let daemon = scene.protect();
        scene.write(30 + kills % 7 * 13);
        std::thread::sleep(Duration::from_millis((kills as u64 * 173) % 900));
        daemon.kill();
        kills += 1;
        scene.write(7);
    }
    scene.stop(scene.protect());
    scene.assert_whole(first);
    assert_eq!(scene.gaps().len(), 0, "{kills} kills");
}

#[test]
fn elections_and_restarts_of_the_server_leave_no_gap() {
    let Some(mut scene) = Scene::new() else { return };
    let daemon = scene.protect();
    daemon.wait_for("base_taken");
    let first = scene.next;
    scene.write(20);
    scene.server.elect_again();
    scene.write(20);
    scene.server.restart(Role::ReplicaSet);
    scene.write(20);
    scene.server.restart_killed(Role::ReplicaSet);
    scene.write(20);
    scene.stop(daemon);
    scene.assert_whole(first);
    assert_eq!(scene.gaps().len(), 0);
}

#[test]
fn two_at_once_write_one_log() {
    let Some(mut scene) = Scene::new() else { return };
    let one = scene.protect();
    one.wait_for("base_taken");
    let first = scene.next;
    let other = scene.protect();
    other.wait_for("following");
    for _ in 0..8 {
        scene.write(25);
        std::thread::sleep(Duration::from_millis(300));
    }
    one.kill();
    scene.write(50);
    scene.stop(other);
    scene.assert_whole(first);
    assert_eq!(scene.gaps().len(), 0);
}

#[test]
fn a_log_that_does_not_reach_back_is_a_gap_and_a_new_base_is_taken() {
    let Some(mut scene) = Scene::new() else { return };
    let copy = scene.server.copy_data();
    let daemon = scene.protect();
    daemon.wait_for("base_taken");
    scene.write(20);
    scene.stop(daemon);
    let before = scene.lines(&["log"], "log_window");
    // A server that has other entries at that time, and so another past.
    scene.server.put_back_data(copy.path());
    scene.write(5);
    let daemon = scene.protect();
    daemon.wait_for("gap");
    daemon.wait_for("base_taken");
    let first = scene.next;
    scene.write(20);
    scene.stop(daemon);
    scene.assert_whole(first);
    let (gaps, windows) = (scene.gaps(), scene.lines(&["log"], "log_window"));
    assert_eq!((gaps.len(), windows.len(), scene.snapshots()), (1, 2, 2));
    assert_eq!(gaps[0]["from"], before[0]["last"]);
    assert_eq!(gaps[0]["from"], windows[0]["last"]);
    assert_eq!(gaps[0]["to"], windows[1]["first"]);
    assert!(windows.iter().all(|window| window["restorable_from"].is_string()), "{windows:?}");
}

/// What a server writes outside its replica set is in no log.
#[test]
fn a_spell_as_a_standalone_server_is_a_gap() {
    let Some(mut scene) = Scene::new() else { return };
    let daemon = scene.protect();
    daemon.wait_for("base_taken");
    scene.write(5);
    scene.stop(daemon);
    scene.server.restart(Role::Standalone);
    scene.server.run("bot", doc! { "insert": "events", "documents": [{ "_id": -1 }] });
    scene.server.restart(Role::ReplicaSet);
    let daemon = scene.protect();
    daemon.wait_for("gap");
    daemon.wait_for("base_taken");
    daemon.stop();
    let gaps = scene.gaps();
    let why = gaps[0]["reason"].as_str().unwrap();
    assert!(why.contains("outside its replica set since the last entry archived"), "{why}");
}

#[test]
fn a_store_that_is_away_for_a_while_costs_nothing() {
    let Some(mut scene) = Scene::new() else { return };
    let daemon = scene.protect();
    daemon.wait_for("base_taken");
    let first = scene.next;
    scene.write(10);
    // Nothing can be written there, nor read.
    let folder = scene.world.path("repository/log");
    let aside = scene.world.path("repository-log");
    fs::rename(&folder, &aside).unwrap();
    fs::write(&folder, "not a folder").unwrap();
    scene.write(40);
    daemon.wait_for("store_away");
    scene.write(40);
    fs::remove_file(&folder).unwrap();
    fs::rename(&aside, &folder).unwrap();
    daemon.wait_for("store_back");
    scene.stop(daemon);
    scene.assert_whole(first);
    assert_eq!(scene.gaps().len(), 0);
}

#[test]
fn a_store_that_stays_away_ends_it_with_the_reason() {
    let Some(mut scene) = Scene::new() else { return };
    let daemon = scene.protect_with(&["--store-patience", "1s"]);
    daemon.wait_for("base_taken");
    let first = scene.next;
    let folder = scene.world.path("repository/log");
    let aside = scene.world.path("repository-log");
    fs::rename(&folder, &aside).unwrap();
    fs::write(&folder, "not a folder").unwrap();
    scene.write(10);
    let ended = daemon.ended();
    assert_eq!(ended.code, 1, "{}", ended.stdout);
    assert!(ended.stdout.contains("the store was away"), "{}", ended.stdout);
    fs::remove_file(&folder).unwrap();
    fs::rename(&aside, &folder).unwrap();
    scene.stop(scene.protect());
    scene.assert_whole(first);
}

/// Large ones lie in several entries; a prepared one may be under way when the log begins.
#[test]
fn transactions_come_whole_and_cut_to_what_is_protected() {
    let Some(scene) = Scene::new() else { return };
    let client = scene.server.client().clone();
    let runtime = scene.server.runtime();
    scene.server.run("bot", doc! { "create": "orders" });
    let mut prepared = runtime.block_on(async {
        let mut session = client.start_session().await.unwrap();
        session.start_transaction().await.unwrap();
        let orders = client.database("bot").collection::<Document>("orders");
        orders.insert_one(doc! { "_id": 1000 }).session(&mut session).await.unwrap();
        let admin = client.database("admin");
        let prepare = admin.run_command(doc! { "prepareTransaction": 1 });
        let answer = prepare.session(&mut session).await.unwrap();
        (session, answer.get_timestamp("prepareTimestamp").unwrap())
    });
    scene.server.run("bot", doc! { "insert": "events", "documents": [{ "_id": -5 }] });
    let daemon = scene.protect_with(&["--no-base"]);
    daemon.wait_for("segment");
    daemon.kill();
    // Whoever goes on knows what is under way.
    let daemon = scene.protect_with(&["--no-base"]);
    daemon.wait_for("following");
    for id in 0..2 {
        scene.server.run("bot", doc! { "insert": "others", "documents": [{ "_id": id }] });
        daemon.wait_until(|| scene.archive().inserted("bot.others").contains(&id));
    }
    assert!(scene.archive().has_open_transactions());
    runtime.block_on(async {
        let mut session = client.start_session().await.unwrap();
        session.start_transaction().await.unwrap();
        for id in 0..200 {
            let name = if id % 2 == 0 { "bot" } else { "aside" };
            let orders = client.database(name).collection::<Document>("noise");
            orders.insert_one(doc! { "_id": id }).session(&mut session).await.unwrap();
        }
        session.commit_transaction().await.unwrap();
        let (session, time) = &mut prepared;
        let commit = doc! { "commitTransaction": 1, "commitTimestamp": *time };
        client.database("admin").run_command(commit).session(session).await.unwrap();
    });
    daemon.wait_until(|| scene.archive().transactions() >= 6);
    scene.server.run("bot", doc! { "insert": "others", "documents": [{ "_id": 2 }] });
    daemon.wait_until(|| !scene.archive().has_open_transactions());
    daemon.stop();
    let archive = scene.archive();
    assert_eq!(archive.inserted("bot.noise"), (0..200).step_by(2).collect::<Vec<_>>());
    assert_eq!(archive.inserted("bot.orders"), [1000]);
    assert!(archive.inserted("aside.noise").is_empty());
    assert!(archive.begins_before_its_window(), "the prepared one began before");
}

#[test]
fn the_role_backup_is_enough() {
    let Some(scene) = Scene::on(Role::GuardedSet) else { return };
    let address = scene.server.address_of("keeper", "bot");
    let daemon = Daemon::start(&scene.world, &[&address, "--every", "500ms"]);
    daemon.wait_for("base_taken");
    let first = scene.next;
    let mut scene = scene;
    scene.write(20);
    // That it was never started alone is told to this role, too.
    scene.server.elect_again();
    scene.write(20);
    scene.stop(daemon);
    scene.assert_whole(first);
    assert_eq!(scene.gaps().len(), 0);
    // Who may not read the log is told what is missing.
    let address = scene.server.address_of("reader", "bot");
    let refused = scene.world.snap(["protect", &address]);
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("`backup`"), "{}", refused.stderr);
}

#[test]
fn a_note_in_the_servers_log_has_a_segment_stored_at_once() {
    let Some(scene) = Scene::new() else { return };
    let address = scene.server.address("bot");
    let daemon = Daemon::start(&scene.world, &[&address, "--every", "1h", "--no-base"]);
    daemon.wait_for("segment");
    scene.server.run("bot", doc! { "insert": "events", "documents": [{ "_id": 77 }] });
    scene.server.run("admin", doc! { "appendOplogNote": 1, "data": { "snap": "close" } });
    daemon.wait_until(|| scene.archive().inserted("bot.events").contains(&77));
    daemon.stop();
}

#[test]
fn a_server_without_a_log_is_refused() {
    let Some(server) = Mongod::start(Role::Standalone) else { return };
    let mut world = World::new();
    world.set("SNAP_REPOSITORY", "repository");
    world.snap(["init", "-q"]).success();
    let refused = world.snap(["protect", &server.address("bot")]);
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("rs.initiate()"), "{}", refused.stderr);
    assert_eq!(world.snap(["protect", "--status"]).code, 5);
}
