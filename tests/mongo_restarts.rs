//! Backups of a server that was elected, started anew, started outside its set, or put back: the log
//! is followed where it tells all, and else everything is read. Each is exact.

use crate::mongo_overlays::{delete, fill, given_out, update};
use crate::support::{Mongod, Role, World};
use bson::doc;

/// A server that is started anew within a test, and a repository that it is saved in.
struct Restarted {
    server: Mongod,
    world: World,
}

impl Restarted {
    fn new() -> Option<Self> {
        let server = Mongod::start(Role::ReplicaSet)?;
        fill(&server, "bot", "quotes", 0..3000, 0);
        let mut world = World::new();
        world.set("SNAP_REPOSITORY", "repository");
        world.snap(["init"]).success();
        world.snap(["backup", &server.address("bot")]).success();
        Some(Self { server, world })
    }

    /// Changes some documents, and backs up: returns how many documents the server gave out, after
    /// proof that the snapshot has all as it is.
    fn change(&self, n: i32) -> i64 {
        update(&self.server, "bot", "quotes", doc! { "n": n }, doc! { "$inc": { "n": 500 } });
        delete(&self.server, "bot", "quotes", doc! { "n": n + 1 });
        self.backup()
    }

    fn backup(&self) -> i64 {
        let before = given_out(&self.server);
        self.world.snap(["backup", &self.server.address("bot")]).success();
        let read = given_out(&self.server) - before;
        self.world.snap(["restore", "latest", "--to", &self.server.address("back")]).success();
        assert_eq!(self.server.hashes("bot"), self.server.hashes("back"));
        self.server.run("back", doc! { "dropDatabase": 1 });
        // The log of all this is not to be counted the next time.
        self.world.snap(["backup", &self.server.address("bot")]).success();
        read
    }
}

#[test]
fn a_spell_as_a_standalone_server_is_seen() {
    let Some(mut restarted) = Restarted::new() else { return };
    // What is written then is in no log.
    restarted.server.restart(Role::Standalone);
    update(&restarted.server, "bot", "quotes", doc! { "n": 1 }, doc! { "$inc": { "n": 500 } });
    delete(&restarted.server, "bot", "quotes", doc! { "n": 2 });
    restarted.server.restart(Role::ReplicaSet);
    let read = restarted.change(3);
    assert!(read >= 2900, "{read} documents");
    let read = restarted.change(10);
    assert!(read < 400, "{read} documents");
}

#[test]
fn elections_and_restarts_are_followed() {
    let Some(mut restarted) = Restarted::new() else { return };
    let read = restarted.change(0);
    assert!(read < 400, "{read} documents");
    restarted.server.elect_again();
    let read = restarted.change(10);
    assert!(read < 400, "{read} documents after an election");
    restarted.server.restart(Role::ReplicaSet);
    let read = restarted.change(20);
    assert!(read < 400, "{read} documents after a restart");
    restarted.server.restart_killed(Role::ReplicaSet);
    let read = restarted.change(30);
    assert!(read < 400, "{read} documents after a kill");
}

#[test]
fn a_server_that_does_not_tell_its_starts_is_read_whole_after_an_election() {
    let Some(mut restarted) = Restarted::new() else { return };
    restarted.server.run("local", doc! { "drop": "startup_log" });
    let read = restarted.change(0);
    assert!(read < 400, "{read} documents");
    restarted.server.elect_again();
    let read = restarted.change(10);
    assert!(read >= 2900, "{read} documents");
}

#[test]
fn data_that_was_put_back_is_read_whole() {
    let Some(mut restarted) = Restarted::new() else { return };
    let copy = restarted.server.copy_data();
    let read = restarted.change(0);
    assert!(read < 400, "{read} documents");
    restarted.server.put_back_data(copy.path());
    // As it was before the last snapshot, and before anything is written again.
    let read = restarted.backup();
    assert!(read >= 3000, "{read} documents");
    let read = restarted.change(10);
    assert!(read < 400, "{read} documents");
    // The same documents are written otherwise than before, and the log is as long as it was.
    restarted.server.put_back_data(copy.path());
    let read = restarted.change(5);
    assert!(read >= 2900, "{read} documents");
}
