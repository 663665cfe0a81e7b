//! Another program's eyes: pymongo reads the files and the database that snap restored, and finds
//! what it finds in the source.

use crate::mongo_backup::oddities;
use crate::support::{Mongod, Role, World, python, run};

#[test]
fn pymongo_reads_what_is_restored() {
    let Some(server) = Mongod::start(Role::ReplicaSet) else { return };
    let mut world = World::new();
    world.set("SNAP_REPOSITORY", "repository");
    world.snap(["init"]).success();
    let Some(mut make) = python(&world, "fixtures/make_database") else { return };
    run(make.args([&server.address("bot"), "--documents", "2000"])).success();
    oddities::fill(&server, "odd");
    for database in ["bot", "odd"] {
        world.snap(["backup", &server.address(database)]).success();
        world.snap(["restore", "latest", "--target", "out"]).success();
        let to = server.address("back");
        world.snap(["restore", "latest", "--to", &to, "--ttl", "now"]).success();
        let folder = format!("out/mongodb/{database}");
        for what in [["--folder", &folder], ["--database", "back"]] {
            let Some(mut read) = python(&world, "tests/support/mongo_reader") else { return };
            let read = run(read.args([&server.address(""), database]).args(what)).success();
            assert!(!read.starts_with("0 "), "{read}");
        }
        server.run("back", bson::doc! { "dropDatabase": 1 });
    }
}

/// The reader would see a difference.
#[test]
fn pymongo_sees_what_is_wrong() {
    let Some(server) = Mongod::start(Role::Standalone) else { return };
    let mut world = World::new();
    world.set("SNAP_REPOSITORY", "repository");
    world.snap(["init"]).success();
    let Some(mut make) = python(&world, "fixtures/make_database") else { return };
    run(make.args([&server.address("bot"), "--documents", "100"])).success();
    world.snap(["backup", &server.address("bot")]).success();
    world.snap(["restore", "latest", "--target", "out"]).success();
    let folder = world.path("out/mongodb/bot");
    let read = || {
        let mut read = python(&world, "tests/support/mongo_reader").unwrap();
        read.arg(server.address("")).args(["bot", "--folder"]).arg(&folder);
        run(&mut read).code
    };
    assert_eq!(read(), 0);
    for (name, from, to) in [
        ("quotes.bson", "notes", "nodes"),
        ("sessions.metadata.json", "expireAfterSeconds", "expireAfterSecondz"),
        ("context.metadata.json", "hidden", "hiddem"),
    ] {
        let path = folder.join(name);
        let whole = std::fs::read(&path).unwrap();
        let at = whole.windows(from.len()).position(|bytes| bytes == from.as_bytes()).unwrap();
        let mut changed = whole.clone();
        changed[at..at + to.len()].copy_from_slice(to.as_bytes());
        std::fs::write(&path, changed).unwrap();
        assert_eq!(read(), 1, "{name}");
        std::fs::write(&path, whole).unwrap();
    }
    std::fs::write(folder.join("more.bson"), "").unwrap();
    assert_eq!(read(), 1);
}
