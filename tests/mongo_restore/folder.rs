//! Databases become files in the layout of mongodump, which others can read.

use super::{all, insert, lines, of_type};
use crate::mongo_backup::is_equal;
use crate::support::{Mongod, Role, World, run};
use bson::{Binary, Document, doc};

#[test]
fn databases_become_files_beside_the_others() {
    let Some(server) = Mongod::start(Role::ReplicaSet) else { return };
    let documents: Vec<Document> = (0..300).map(|id| doc! { "_id": id, "n": id as f64 }).collect();
    insert(&server, "bot", "users", &documents);
    insert(&server, "bot", "odd/name %", &[doc! { "_id": 1 }]);
    let index = doc! { "key": { "n": 1_i64 }, "name": "n_1", "sparse": true };
    server.run("bot", doc! { "createIndexes": "users", "indexes": [index] });
    server.run("bot", doc! { "create": "view", "viewOn": "users", "pipeline": [] });
    server.run("bot", doc! { "create": "ring", "capped": true, "size": 4096 });
    let world = World::with_repository();
    world.write("files/config.py", "PORT = 1");
    world.snap(["backup", "files", &server.address("bot")]).success();
    let shown = world.snap(["restore", "latest", "--target", "out"]).success();
    assert!(shown.contains("mongodb/bot/users.bson: 300 documents"), "{shown}");
    let bson = std::fs::read(world.path("out/mongodb/bot/users.bson")).unwrap();
    let expected: Vec<u8> = all(&server, "bot", "users")
        .iter()
        .flat_map(|one| bson::RawDocumentBuf::try_from(one).unwrap().into_bytes())
        .collect();
    assert_eq!(bson, expected);
    assert!(world.path("out/mongodb/bot/odd%2Fname%20%25.bson").is_file());
    assert!(!world.path("out/mongodb/bot/view.bson").exists());
    let metadata = std::fs::read_to_string(world.path("out/mongodb/bot/users.metadata.json"));
    let metadata: serde_json::Value = serde_json::from_str(&metadata.unwrap()).unwrap();
    assert_eq!(metadata["collectionName"], "users");
    assert_eq!(metadata["type"], "collection");
    assert_eq!(metadata["indexes"][1]["key"]["n"]["$numberLong"], "1");
    let listed = server.batch("bot", doc! { "listCollections": 1, "filter": { "name": "users" } });
    let uuid = listed[0].get_document("info").unwrap().get("uuid").unwrap();
    let bson::Bson::Binary(Binary { bytes, .. }) = uuid else { panic!("{uuid}") };
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(metadata["uuid"], hex);
    let found = run(std::process::Command::new("find")
        .arg(world.path("out"))
        .arg("-name")
        .arg("config.py"));
    assert!(found.stdout.contains("config.py"), "{found:?}");
    let ring = std::fs::read_to_string(world.path("out/mongodb/bot/ring.metadata.json")).unwrap();
    let ring: serde_json::Value = serde_json::from_str(&ring).unwrap();
    assert_eq!(ring["options"]["capped"], true, "{ring}");

    // What is there stays, unless it is to be replaced; and a choice is made like for a server.
    std::fs::write(world.path("out/mongodb/bot/users.bson"), "mine").unwrap();
    world.snap(["restore", "latest", "--target", "out", "--db", "bot"]).success();
    assert_eq!(std::fs::read(world.path("out/mongodb/bot/users.bson")).unwrap(), b"mine");
    let choice =
        ["--collection", "users", "--query", r#"{"n": {"$lt": 2}}"#, "--conflict", "overwrite"];
    let some = lines(&world, &[&["restore", "latest", "--target", "out"][..], &choice].concat());
    assert_eq!(of_type(&some, "summary")[0]["collections"][0]["documents"], 2);
    let bson = std::fs::read(world.path("out/mongodb/bot/users.bson")).unwrap();
    assert_eq!(bson, expected[..bson.len()]);
}

/// File systems hold no name of more than 255 bytes; the metadata tells the whole one.
#[test]
fn long_names_come_back_by_their_metadata() {
    let Some(server) = Mongod::start(Role::ReplicaSet) else { return };
    let long = "ü".repeat(90);
    let (other, series) = (format!("{long}x"), "ö".repeat(90));
    insert(&server, "bot", &long, &[doc! { "_id": 1 }]);
    insert(&server, "bot", &other, &[doc! { "_id": 2 }]);
    server.run("bot", doc! { "create": &series, "timeseries": { "timeField": "at" } });
    let measured = doc! { "at": bson::DateTime::from_millis(5), "v": 1 };
    insert(&server, "bot", &series, &[measured]);
    let world = World::with_repository();
    world.snap(["backup", &server.address("bot")]).success();
    world.snap(["restore", "latest", "--target", "out"]).success();
    let hash = "%24Ekb0YsFrEWRIE64hencHp82e0Hc.bson";
    let names = std::fs::read_dir(world.path("out/mongodb/bot")).unwrap();
    let names: Vec<String> =
        names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert!(names.iter().any(|name| name.ends_with(hash)), "{names:?}");
    assert_eq!(names.len(), 6, "{names:?}");
    world.snap(["import", "out/mongodb", "--host", "dump"]).success();
    let to = server.address("back");
    world.snap(["restore", "latest", "--host", "dump", "--to", &to, "--ttl", "now"]).success();
    is_equal(&server, "bot", "back");
}

#[test]
fn nothing_is_written_through_a_link() {
    let Some(server) = Mongod::start(Role::ReplicaSet) else { return };
    insert(&server, "bot", "users", &[doc! { "_id": 1 }]);
    let world = World::with_repository();
    world.snap(["backup", &server.address("bot")]).success();
    std::fs::create_dir_all(world.path("out/mongodb")).unwrap();
    std::fs::create_dir_all(world.path("elsewhere")).unwrap();
    std::os::unix::fs::symlink(world.path("elsewhere"), world.path("out/mongodb/bot")).unwrap();
    let output = world.snap(["restore", "latest", "--target", "out"]);
    assert_eq!(output.code, 1, "{output:?}");
    assert_eq!(std::fs::read_dir(world.path("elsewhere")).unwrap().count(), 0);
}
