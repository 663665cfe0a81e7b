//! Files and databases of one snapshot go back to where they came from, and one rollback undoes
//! both.

use super::{all, insert, lines, of_type};
use crate::support::{Chance, Mongod, Role, World, torture_time};
use bson::{Document, doc};
use std::process::Stdio;
use std::time::{Duration, Instant};

/// A bot: its settings, its knowledge, its database, in one snapshot; then both are damaged.
struct Bot {
    server: Mongod,
    world: World,
}

impl Bot {
    fn new(documents: i32) -> Option<Self> {
        let server = Mongod::start(Role::ReplicaSet)?;
        let users: Vec<Document> = (0..documents).map(|id| doc! { "_id": id, "n": id }).collect();
        insert(&server, "bot", "users", &users);
        let world = World::with_repository();
        world.write("bot/.env", "TOKEN=1\n");
        world.write("bot/knowledge/prices.json", "{}\n");
        world.snap(["backup", "bot", &server.address("bot")]).success();
        let bot = Self { server, world };
        bot.damage();
        Some(bot)
    }

    fn damage(&self) {
        self.world.write("bot/.env", "TOKEN=lost\n");
        let _ = std::fs::remove_dir_all(self.world.path("bot/knowledge"));
        let update = doc! { "q": { "_id": { "$lt": 5 } }, "u": { "$set": { "n": "lost" } },
        "multi": true };
        self.server.run("bot", doc! { "update": "users", "updates": [update] });
        let gone = doc! { "q": { "_id": { "$gte": 5, "$lt": 9 } }, "limit": 0 };
        self.server.run("bot", doc! { "delete": "users", "deletes": [gone] });
    }

    /// Settings, whether the knowledge is there, and the documents.
    fn state(&self) -> (String, bool, Document) {
        let settings = std::fs::read_to_string(self.world.path("bot/.env")).unwrap();
        let knowledge = self.world.path("bot/knowledge/prices.json").exists();
        (settings, knowledge, self.server.hashes("bot"))
    }
}

const OVERWRITE: [&str; 5] = ["restore", "latest", "--conflict", "overwrite", "--yes"];

#[test]
fn files_and_databases_go_back_and_one_rollback_undoes_both() {
    let Some(bot) = Bot::new(50) else { return };
    let world = &bot.world;
    let damaged = bot.state();

    // Nothing is done before a strategy is named, and what each would do is shown.
    let dry = world.snap(["restore", "latest", "--dry-run"]).success();
    for part in ["bot.users", "identical", "databases, in", "files:", "nothing was changed"] {
        assert!(dry.contains(part), "{part}: {dry}");
    }
    let told = lines(world, &["restore", "latest", "--dry-run"]);
    let counts = ["identical", "changed", "missing", "extra"];
    let comparison = of_type(&told, "comparison")[0];
    assert_eq!(counts.map(|name| comparison[name].as_u64().unwrap()), [41, 5, 4, 0]);
    let undecided = world.snap(["restore", "latest", "--yes"]);
    assert_eq!(undecided.code, 2, "{undecided:?}");
    assert!(undecided.stderr.contains("--conflict-files"), "{undecided:?}");
    assert_eq!(bot.state(), damaged);

    let done = lines(world, &OVERWRITE);
    assert_eq!(of_type(&done, "summary").len(), 2, "{done:?}");
    let restored = bot.state();
    assert_eq!((restored.0.as_str(), restored.1), ("TOKEN=1\n", true));
    assert_eq!(all(&bot.server, "bot", "users")[3], doc! { "_id": 3, "n": 3 });

    let listed = world.snap(["rollback", "--list"]).success();
    assert!(listed.contains("1 restore in place"), "{listed}");
    assert!(listed.contains("bot.users") && listed.contains("/bot\n"), "{listed}");
    let dry = world.snap(["rollback", "--dry-run"]).success();
    assert!(dry.contains("4 deleted") && dry.contains("1 to replace"), "{dry}");
    assert_eq!(bot.state(), restored);
    world.snap(["rollback", "--yes"]).success();
    assert_eq!(bot.state(), damaged);
    let none = world.snap(["rollback", "--yes"]);
    assert_eq!(none.code, 5, "{none:?}");

    // The rollback can be undone, by the name of either of its parts.
    let runs = lines(world, &["rollback", "--list"]);
    let undo = of_type(&runs, "run")[1]["further_ids"][0].as_str().unwrap().to_string();
    world.snap(["rollback", &undo, "--yes"]).success();
    assert_eq!(bot.state(), restored);
    world.snap(["check", "--read-data"]).success();
}

#[test]
fn databases_and_files_can_be_asked_for_alone_and_with_strategies_of_their_own() {
    let Some(bot) = Bot::new(50) else { return };
    let (world, damaged) = (&bot.world, bot.state());
    world.snap(["restore", "latest", "./bot", "--conflict", "overwrite", "--yes"]).success();
    assert_eq!(bot.state().2, damaged.2);
    assert_eq!(bot.state().0, "TOKEN=1\n");
    world.snap(["rollback", "--yes"]).success();
    let one = ["restore", "latest", "--id", "3", "--conflict", "overwrite", "--yes"];
    world.snap(one).success();
    assert_eq!(bot.state().0, damaged.0);
    let documents = all(&bot.server, "bot", "users");
    assert_eq!(documents[3], doc! { "_id": 3, "n": 3 });
    assert_eq!(documents[4], doc! { "_id": 4, "n": "lost" });
    world.snap(["rollback", "--yes"]).success();
    world.snap(["restore", "latest", "bot/users", "--conflict", "skip", "--yes"]).success();
    assert_eq!(bot.state().0, damaged.0);
    assert_eq!(all(&bot.server, "bot", "users").len(), 50);
    world.snap(["rollback", "--yes"]).success();
    assert_eq!(bot.state(), damaged);

    let merge = world.snap(["restore", "latest", "--conflict", "merge", "--yes"]);
    assert_eq!(merge.code, 2, "{merge:?}");
    assert!(merge.stderr.contains("--conflict-files"), "{merge:?}");
    assert_eq!(bot.state(), damaged);
    let both = ["--conflict", "merge", "--conflict-files", "skip", "--yes"];
    world.snap(["restore", "latest"].iter().chain(&both)).success();
    assert_eq!((bot.state().0, bot.state().1), ("TOKEN=lost\n".to_string(), true));
    assert_eq!(all(&bot.server, "bot", "users")[3], doc! { "_id": 3, "n": 3 });
}

#[test]
fn databases_go_to_no_server_but_their_own() {
    let Some(mut bot) = Bot::new(20) else { return };
    let Some(other) = Mongod::start(Role::ReplicaSet) else { return };
    insert(&other, "bot", "users", &[doc! { "_id": 1, "n": "other" }]);
    let before = other.hashes("bot");
    bot.world.set("SNAP_MONGODB", other.address("bot"));
    bot.world.snap(OVERWRITE).success();
    assert_eq!(other.hashes("bot"), before);
    assert_eq!(all(&bot.server, "bot", "users")[3], doc! { "_id": 3, "n": 3 });

    // Where it cannot be reached nothing is done at all.
    bot.damage();
    bot.server.kill();
    let unreachable = bot.world.snap(OVERWRITE);
    assert_eq!(unreachable.code, 1, "{unreachable:?}");
    assert_eq!(std::fs::read(bot.world.path("bot/.env")).unwrap(), b"TOKEN=lost\n");
    assert_eq!(other.hashes("bot"), before);
}

#[test]
fn a_server_of_another_machine_is_not_taken_for_one_of_this() {
    let Some(bot) = Bot::new(20) else { return };
    let address = bot.server.address("bot");
    bot.world.snap(["backup", "--host", "elsewhere", "bot", &address]).success();
    bot.server.run("bot", doc! { "drop": "users" });
    let damaged = bot.state();
    let of = ["--host", "elsewhere"];
    let refused = bot.world.snap(OVERWRITE.iter().chain(&of));
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(refused.stderr.contains("of the host elsewhere"), "{refused:?}");
    assert_eq!(bot.state(), damaged);
    // Who names it as an address of this machine means it.
    let mut bot = bot;
    bot.world.write("address", &address);
    let named = ["--mongodb-file", "address"];
    bot.world.snap(OVERWRITE.iter().chain(&of).chain(&named)).success();
    assert_ne!(bot.state(), damaged);
    bot.world.set("SNAP_MONGODB", &address);
    bot.world.snap(["rollback", "--yes"]).success();
    assert_eq!(bot.state(), damaged);
}

#[test]
fn a_password_that_no_snapshot_keeps_is_asked_for() {
    let Some(server) = Mongod::start(Role::Accounts) else { return };
    let mut world = World::with_repository();
    let address = server.address_of("root", "bot");
    world.write(
        "backup.json",
        r#"{"backup_metadata":{"timestamp":"2025-01-01T00:00:00Z",
        "database":"bot"},"collections":{"users":[{"_id":1},{"_id":2}]}}"#,
    );
    world.snap(["import", "backup.json"]).success();
    world.snap(["restore", "latest", "--to", &address]).success();
    world.snap(["backup", &address]).success();
    let refused = world.snap(OVERWRITE);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.stderr.contains("SNAP_MONGODB"), "{refused:?}");
    assert!(refused.stderr.contains("nothing was changed"), "{refused:?}");
    world.set("SNAP_MONGODB", &address);
    let done = world.snap(OVERWRITE);
    assert_eq!(done.code, 0, "{done:?}");
    assert!(!format!("{done:?}").contains("root:"), "{done:?}");
    world.snap(["rollback", "--yes"]).success();
}

#[test]
fn what_does_not_say_where_it_came_from_needs_to() {
    let world = World::with_repository();
    let dump = r#"{"backup_metadata":{"timestamp":"2025-01-01T00:00:00Z","database":"bot"},
        "collections":{"users":[{"_id":1}]}}"#;
    world.write("dump.json", dump);
    world.snap(["import", "dump.json"]).success();
    let unknown = world.snap(OVERWRITE);
    assert_eq!(unknown.code, 2, "{unknown:?}");
    assert!(unknown.stderr.contains("--to mongodb://host:port"), "{unknown:?}");
}

#[test]
fn a_restore_of_both_that_is_killed_goes_on_and_is_undone_whole() {
    let Some(bot) = Bot::new(4000) else { return };
    let (world, damaged) = (&bot.world, bot.state());
    let mut chance = Chance::of_this_run();
    println!("SNAP_SEED={} replays it", chance.seed());
    let begun = Instant::now();
    world.snap(OVERWRITE).success();
    let (usual, restored) = (begun.elapsed(), bot.state());
    world.snap(["rollback", "--yes"]).success();
    assert_eq!(bot.state(), damaged);
    let end = Instant::now() + torture_time();
    let mut rounds = 0;
    while rounds < 3 || Instant::now() < end {
        rounds += 1;
        killed(world, &mut chance, usual, &OVERWRITE);
        world.snap(OVERWRITE).success();
        assert_eq!(bot.state(), restored);
        if chance.below(2) == 0 {
            killed(world, &mut chance, usual, &["rollback", "--yes"]);
        }
        // One that came to its end before it was killed is a run of its own.
        let mut rolled = world.snap(["rollback", "--yes"]);
        if bot.state() != damaged {
            println!("round {rounds}: two runs");
            rolled = world.snap(["rollback", "--yes"]);
        }
        assert_eq!(bot.state(), damaged, "round {rounds}: {rolled:?}");
        let none = world.snap(["rollback", "--yes"]);
        assert!(none.code == 5 || bot.state() == damaged, "round {rounds}: {none:?}");
    }
    println!("{rounds} rounds");
    world.snap(["check", "--read-data"]).success();
}

fn killed(world: &World, chance: &mut Chance, usual: Duration, arguments: &[&str]) {
    let mut command = world.command(env!("CARGO_BIN_EXE_snap"));
    command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    std::thread::sleep(Duration::from_micros(chance.below(usual.as_micros() as u64 * 5 / 4)));
    let _ = child.kill();
    let _ = child.wait();
}

#[test]
fn a_view_is_replaced_with_overwrite_and_stays_with_skip() {
    let Some(server) = Mongod::start(Role::ReplicaSet) else { return };
    insert(&server, "bot", "users", &[doc! { "_id": 1, "n": 1 }]);
    let pipeline = |n: i32| [doc! { "$match": { "n": n } }];
    server.run("bot", doc! { "create": "ones", "viewOn": "users", "pipeline": pipeline(1) });
    let collation = doc! { "locale": "es" };
    server.run(
        "bot",
        doc! { "create": "names", "viewOn": "users", "pipeline": [], "collation": collation },
    );
    let world = World::with_repository();
    world.snap(["backup", &server.address("bot")]).success();
    let views = || -> Vec<Document> {
        let mut found = server.collections("bot");
        found.retain(|one| one.get_str("type").unwrap() == "view");
        found.sort_by_key(|one| one.get_str("name").unwrap().to_string());
        found
    };
    let before = views();
    server.run("bot", doc! { "collMod": "ones", "viewOn": "users", "pipeline": pipeline(2) });
    server.run("bot", doc! { "drop": "names" });
    server.run("bot", doc! { "create": "names", "viewOn": "users", "pipeline": [] });
    let changed = views();
    assert_ne!(before, changed);

    let dry = world.snap(["restore", "latest", "--dry-run"]).success();
    assert!(dry.contains("bot.ones: a view, another one: overwrite replaces it"), "{dry}");
    assert_eq!(world.snap(["restore", "latest", "--yes"]).code, 2);
    world.snap(["restore", "latest", "--conflict", "skip", "--yes"]).success();
    assert_eq!(views(), changed);
    let done = world.snap(OVERWRITE).success();
    assert!(done.contains("bot.ones: view, in the place of another one"), "{done}");
    assert_eq!(views(), before);
    let again = lines(&world, &OVERWRITE);
    let collections = &of_type(&again, "summary")[0]["collections"];
    assert!(collections.to_string().contains("\"identical\":1"), "{collections}");
    let runs = lines(&world, &["rollback", "--list"]);
    let id = of_type(&runs, "run")[1]["id"].as_str().unwrap().to_string();
    world.snap(["rollback", &id, "--yes"]).success();
    assert_eq!(views(), changed);
}

#[test]
fn buckets_that_a_restore_added_go_with_a_rollback() {
    let Some(server) = Mongod::start(Role::ReplicaSet) else { return };
    let at = |second: i64| bson::DateTime::from_millis(1_700_000_000_000 + second * 1000);
    let series = doc! { "timeField": "at", "metaField": "who" };
    server.run("bot", doc! { "create": "series", "timeseries": series });
    let rows: Vec<_> = (0..50).map(|n| doc! { "at": at(n), "who": n % 5, "n": n }).collect();
    insert(&server, "bot", "series", &rows);
    let world = World::with_repository();
    world.snap(["backup", &server.address("bot")]).success();
    let some = doc! { "q": { "who": 2 }, "limit": 0 };
    server.run("bot", doc! { "delete": "series", "deletes": [some] });
    let before = all(&server, "bot", "series");
    assert_eq!(before.len(), 40);
    world.snap(OVERWRITE).success();
    assert_eq!(all(&server, "bot", "series").len(), 50);
    // What came later stays.
    insert(&server, "bot", "series", &[doc! { "at": at(9000), "who": 9, "n": 9 }]);
    world.snap(["rollback", "--yes"]).success();
    assert_eq!(all(&server, "bot", "series").len(), 41);
}

#[test]
fn a_mark_of_a_prune_is_in_nobodys_way() {
    let Some(server) = Mongod::start(Role::ReplicaSet) else { return };
    let text = "cotización ".repeat(50);
    let users: Vec<_> = (0..300).map(|id| doc! { "_id": id, "text": &text, "n": id }).collect();
    insert(&server, "bot", "users", &users);
    let world = World::with_repository();
    world.write("bot/.env", "TOKEN=1\n");
    world.snap(["backup", "bot", &server.address("bot")]).success();
    let changed = doc! { "_id": { "$lt": 250 } };
    let update = doc! { "q": changed, "u": { "$inc": { "n": 1 } }, "multi": true };
    server.run("bot", doc! { "update": "users", "updates": [update] });
    world.snap(["backup", "bot", &server.address("bot")]).success();
    let first = lines(&world, &["snapshots"])[0]["id"].as_str().unwrap().to_string();
    world.snap(["forget", &first]).success();

    // A prune that is killed when its mark is there: all else is as it was.
    let (repository, before) = (world.path("repository"), world.path("before"));
    copy(&repository, &before);
    world.snap(["prune", "--space-only", "--wait", "0"]).success();
    let mark = |folder: &std::path::Path| -> Vec<std::path::PathBuf> {
        let listed = std::fs::read_dir(folder.join("prune")).unwrap();
        let found = listed.map(|entry| entry.unwrap().path());
        found.filter(|path| path.extension().is_some_and(|end| end == "mark")).collect()
    };
    let marks = mark(&repository);
    let condemned: serde_json::Value =
        serde_json::from_str(&world.snap(["cat", "mark", "0"]).success()).unwrap();
    assert!(!condemned["condemned"].as_array().unwrap().is_empty(), "{condemned}");
    std::fs::create_dir_all(before.join("prune")).unwrap();
    for path in &marks {
        std::fs::copy(path, before.join("prune").join(path.file_name().unwrap())).unwrap();
    }
    std::fs::remove_dir_all(&repository).unwrap();
    std::fs::rename(&before, &repository).unwrap();

    let lost = doc! { "q": { "_id": { "$lt": 10 } }, "u": { "$set": { "n": -1 } }, "multi": true };
    server.run("bot", doc! { "update": "users", "updates": [lost] });
    world.write("bot/.env", "TOKEN=lost\n");
    let damaged = server.hashes("bot");
    world.snap(OVERWRITE).success();
    assert_eq!(all(&server, "bot", "users")[3].get_i32("n").unwrap(), 4);
    // The next prune finishes what the first one began; nothing of the safety snapshot goes.
    world.snap(["prune", "--space-only", "--wait", "0"]).success();
    world.snap(["check", "--read-data"]).success();
    world.snap(["rollback", "--yes"]).success();
    assert_eq!(server.hashes("bot"), damaged);
    assert_eq!(std::fs::read(world.path("bot/.env")).unwrap(), b"TOKEN=lost\n");
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(std::fs::copy(entry.path(), target).unwrap()),
        }
    }
}
