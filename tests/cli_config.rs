//! `snap.toml`: which of flag, environment, profile and default counts, for each setting.

use crate::support::World;
use serde_json::Value;

/// A world with a repository and a profile that names it.
fn world() -> World {
    let mut world = World::new();
    world.unset("SNAP_PASSWORD");
    world.write("bot/config.py", "PORT = 8000");
    world.write("bot/debug.log", "noise");
    world.snap(["init", "-r", "backup", "--key-file", "key"]).success();
    world
}

/// Writes the default profile, and makes it count.
fn configure(world: &mut World, profile: &str) {
    let text = format!("[profile.default]\nrepository = \"backup\"\nkey-file = \"key\"\n{profile}");
    world.write("snap.toml", text);
    world.set("SNAP_CONFIG", "snap.toml");
}

/// The objects of one kind that a command prints.
fn objects(world: &World, kind: &str, arguments: &[&str]) -> Vec<Value> {
    let printed = world.snap(["--json"].iter().chain(arguments)).success();
    let lines = printed.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line["message_type"] == kind).collect()
}

/// The names in the newest snapshot.
fn names(world: &World) -> Vec<String> {
    let nodes = objects(world, "node", &["ls", "-R", "latest"]);
    let name = |node: &Value| node["name"].as_str().map(str::to_owned);
    nodes.iter().filter_map(name).collect()
}

#[test]
fn the_schema_in_the_documents_is_the_one_that_is_printed() {
    let world = World::new();
    let printed = world.snap(["config", "schema"]).success();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/snap.schema.json");
    if std::env::var_os("SNAP_UPDATE_TRANSCRIPTS").is_some_and(|value| value == "1") {
        std::fs::write(path, &printed).unwrap();
    }
    let stored = std::fs::read_to_string(path).unwrap();
    assert!(stored == printed, "docs/snap.schema.json is old: snap config schema > it");
}

#[test]
fn patterns_of_flags_come_after_those_of_the_profile() {
    let mut world = world();
    configure(&mut world, "sources = [\"bot\"]\nexclude = [\"*.log\"]\n");
    world.snap(["backup"]).success();
    assert!(!names(&world).contains(&"debug.log".to_owned()));
    world.snap(["backup", "--exclude", "!debug.log"]).success();
    assert!(names(&world).contains(&"debug.log".to_owned()));
    world.snap(["backup", "--exclude", "config.py"]).success();
    let names = names(&world);
    assert!(!names.contains(&"debug.log".to_owned()) && !names.contains(&"config.py".to_owned()));
}

#[test]
fn flags_beat_the_profile() {
    let mut world = world();
    world.write("other/file", "x");
    world.write("bot/CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55\n");
    configure(
        &mut world,
        "sources = [\"bot\"]\nhost = \"desk\"\ntags = [\"nightly\"]\nexclude-caches = true\n\
         skip-if-unchanged = true\n",
    );
    world.snap(["backup"]).success();
    assert!(!names(&world).contains(&"config.py".to_owned()));
    // The folders above the source are saved, too; other tests change them now and then.
    let is_skipped = || world.snap(["backup"]).success().contains("no snapshot was saved");
    assert!((0..50).any(|_| is_skipped()));
    world.snap(["backup", "--exclude-caches=false"]).success();
    assert!(names(&world).contains(&"config.py".to_owned()));
    world.snap(["backup", "--skip-if-unchanged=false", "--host", "web", "--tag", "x"]).success();
    world.snap(["backup", "other"]).success();
    let snapshots = objects(&world, "snapshot", &["snapshots"]);
    let text = |snapshot: &Value, key: &str| snapshot[key].to_string();
    let [.., third, last] = &snapshots[..] else { panic!("{snapshots:?}") };
    assert!(text(last, "paths").ends_with("/other\"]"), "{last}");
    assert_eq!(
        (text(last, "hostname"), text(last, "tags")),
        ("\"desk\"".into(), "[\"nightly\"]".into())
    );
    assert_eq!(text(third, "hostname"), "\"web\"");
    assert_eq!(text(third, "tags"), "[\"nightly\",\"x\"]");
    // `latest` is of the host that the profile names.
    let latest = world.snap(["snapshots", "latest", "--json"]).success();
    assert!(latest.contains("\"hostname\":\"desk\""), "{latest}");
}

#[test]
fn repository_and_key_go_by_flag_environment_profile() {
    let mut world = world();
    world.snap(["init", "-r", "second", "--key-file", "key2"]).success();
    configure(&mut world, "sources = [\"bot\"]\n");
    world.snap(["backup"]).success();
    assert_eq!(objects(&world, "snapshot", &["snapshots"]).len(), 1);
    world.set("SNAP_REPOSITORY", "second");
    world.set("SNAP_KEY_FILE", "key2");
    assert_eq!(objects(&world, "snapshot", &["snapshots"]).len(), 0);
    assert_eq!(
        objects(&world, "snapshot", &["snapshots", "--repo", "backup", "--key-file", "key"]).len(),
        1
    );
}

#[test]
fn the_file_and_the_profile_go_by_flag_environment_place() {
    let mut world = World::new();
    world.write("one.toml", "[profile.default]\nhost = \"one\"\n[profile.b]\nhost = \"one b\"\n");
    world.write("two.toml", "[profile.default]\nhost = \"two\"\n[profile.b]\nhost = \"two b\"\n");
    world.snap(["config", "init"]).success();
    let shown = |world: &World, flags: &[&str]| {
        let arguments: Vec<&str> = ["config", "show"].iter().chain(flags).copied().collect();
        let settings = objects(world, "setting", &arguments);
        let host = settings.iter().find(|setting| setting["key"] == "host").unwrap();
        (host["values"][0].as_str().unwrap().to_owned(), host["origin"].clone())
    };
    assert_eq!(shown(&world, &[]).1, "default");
    assert_eq!(shown(&world, &["--config", "one.toml"]).0, "one");
    world.set("SNAP_CONFIG", "two.toml");
    assert_eq!(shown(&world, &[]).0, "two");
    assert_eq!(shown(&world, &["--config", "one.toml"]).0, "one");
    world.set("SNAP_PROFILE", "b");
    assert_eq!(shown(&world, &[]).0, "two b");
    assert_eq!(shown(&world, &["--profile", "default"]).0, "two");
    // One that is named and not there is an error, whatever else is there.
    world.set("SNAP_PROFILE", "c");
    assert_eq!(world.snap(["config", "show"]).code, 2);
    world.unset("SNAP_PROFILE");
    world.set("SNAP_CONFIG", "none.toml");
    assert_eq!(world.snap(["backup", "one.toml"]).code, 2);
}

/// Another profile's snapshots, and those of before a source came in, are not the profile's to
/// forget.
#[test]
fn retention_of_a_profile_spares_what_it_does_not_back_up() {
    let mut world = world();
    world.write("other/file", "x");
    configure(&mut world, "sources = [\"bot\"]\n[profile.default.retention]\nkeep-last = 1\n");
    for time in ["2025-11-26", "2025-11-27", "2025-11-28"] {
        world.snap(["backup", "--time", time]).success();
        world.snap(["backup", "--time", time, "other"]).success();
        world.snap(["backup", "--time", time, "--host", "web"]).success();
    }
    world.snap(["prune", "--yes"]).success();
    assert_eq!(objects(&world, "snapshot", &["snapshots"]).len(), 7);
    world.snap(["prune", "--yes", "--keep-last", "1"]).success();
    assert_eq!(objects(&world, "snapshot", &["snapshots"]).len(), 3);
}

#[test]
fn a_profile_without_sources_keeps_for_the_whole_repository() {
    let mut world = world();
    configure(&mut world, "[profile.default.retention]\nkeep-last = 1\ngroup-by = \"\"\n");
    for host in ["bot", "web"] {
        world.snap(["backup", "--host", host, "bot"]).success();
    }
    let said = world.snap(["prune", "--yes"]).success();
    assert!(said.contains("for all snapshots:\n  last 1"), "{said}");
    assert_eq!(objects(&world, "snapshot", &["snapshots"]).len(), 1);
}

#[test]
fn secrets_do_not_show() {
    let mut world = world();
    configure(&mut world, "sources = [\"mongodb://me:secret@host/bot?x=secret\"]\n");
    world.set("SNAP_PASSWORD", "secret");
    world.set("SNAP_REPOSITORY", "sftp:me:secret@host:/x");
    for arguments in [&["config", "show"][..], &["config", "check"], &["backup"], &["snapshots"]] {
        for json in [&[][..], &["--json"]] {
            let output = world.snap(arguments.iter().chain(json));
            let all = output.stdout + &output.stderr;
            assert!(!all.contains("secret"), "{arguments:?}: {all}");
        }
    }
}

#[test]
fn a_file_that_others_may_read_or_write_is_warned_of() {
    use std::os::unix::fs::PermissionsExt;
    let mut world = world();
    configure(&mut world, "");
    for (file, mode, warning) in [
        ("snap.toml", 0o666, "everybody can write it"),
        ("key", 0o644, ": chmod 600 "),
        ("key", 0o640, ": chmod 600 "),
    ] {
        let allow = |mode| {
            let permissions = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(world.path(file), permissions).unwrap();
        };
        allow(0o600);
        assert!(!world.snap(["config", "check"]).stderr.contains(warning));
        allow(mode);
        assert!(world.snap(["config", "check"]).stderr.contains(warning));
    }
}

#[test]
fn changes_of_settings_at_the_same_time_are_all_kept() {
    let mut world = world();
    configure(&mut world, "");
    let changes: [&[&str]; 4] = [
        &["--compression", "7"],
        &["--pack-size", "32M"],
        &["--keep-daily", "5"],
        &["--compression", "7", "--pack-size", "32M"],
    ];
    std::thread::scope(|scope| {
        for change in changes {
            let world = &world;
            scope.spawn(move || world.snap(["config", "repo"].iter().chain(change)).success());
        }
    });
    let settings = objects(&world, "settings", &["config", "repo"]);
    let [settings] = &settings[..] else { panic!("{settings:?}") };
    assert_eq!(settings["compression"], 7);
    assert_eq!(settings["pack_size"], 32 << 20);
    assert_eq!(settings["retention"].to_string(), "{\"daily\":[\"5\"]}");
    // Each change made one new object at most.
    assert!(settings["number"].as_u64().unwrap() <= 4);
    // They count for what comes after: everything is forgotten but the newest of five days.
    let said = world.snap(["prune", "--dry-run"]).success();
    assert!(said.contains("stored in the repository:\n  5 daily"), "{said}");
}
