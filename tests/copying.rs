//! Copies of repositories: killed, gone on, complete, no larger than what they are copies of, and
//! shared with backups straight into them.

use crate::support::{World, noise};
use serde_json::Value;
use snapstore::codec::Secret;
use snapstore::model::{
    BlobId, Counter, Directory, EntryPath, Kind, Monitor, OsEntropy, Snapshot, SystemClock,
};
use snapstore::ops::{CopyOptions, copy, plan_copy};
use snapstore::repo::{self, BlobReader, Credential, Repository, Surroundings, Writer};
use snapstore::storage::LocalStorage;
use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const VERSIONS: usize = 10;
const KEY: &str = "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a";

/// A world with a repository and the key files of two.
fn world() -> World {
    let mut world = World::new();
    for key in ["key", "other.key"] {
        world.write(key, format!("snap-key-1 {KEY}\n"));
    }
    world.set("SNAP_REPOSITORY", "repository");
    world.set("SNAP_KEY_FILE", "key");
    world.set("SNAP_TO_REPOSITORY", "copy");
    world.set("SNAP_TO_KEY_FILE", "other.key");
    world.snap(["init"]).success();
    world
}

fn shell(world: &World, script: &str) {
    let status = world.command("sh").args(["-ec", script]).status().unwrap();
    assert!(status.success(), "{script}");
}

/// Makes version `number` of `tree`, keeps a copy of it, and backs it up.
fn version(world: &World, number: usize) {
    for file in 0..30 {
        if number == 0 || file % VERSIONS == number {
            let name = format!("tree/d{}/f{file}", file % 4);
            world.write(&name, noise(&format!("{number} {file}"), 40_000 * (file % 5)));
        }
    }
    let mut large = noise("large", 6 << 20);
    large[(number << 19) + 7] ^= 1;
    world.write("tree/large", large);
    world.write(format!("tree/new/{number}"), format!("version {number}\n").repeat(number * 400));
    shell(
        world,
        "ln -f tree/large tree/d0/twin; ln -sfn large tree/link; mkdir -p tree/empty
        truncate -s 3M tree/holes; printf end >> tree/holes
        printf x > \"tree/$(printf 'odd\\377\\n')\"",
    );
    shell(world, &format!("cp -a tree version{number}"));
    let day = format!("2025-11-{:02}T02:00", number + 10);
    world.snap(["backup", "-q", "--time", &day, "tree"]).success();
}

fn objects(world: &World, folder: &str) -> usize {
    std::fs::read_dir(world.path(folder)).into_iter().flatten().count()
}

/// Starts a copy, and kills it as soon as so many snapshots are there, and a session is open.
fn killed_copy(world: &World, snapshots: usize) {
    let mut command = world.command(env!("CARGO_BIN_EXE_snap"));
    command.args(["copy", "--jobs", "2"]).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let is_time =
        || objects(world, "copy/snapshots") >= snapshots && objects(world, "copy/sessions") > 0;
    while !is_time() && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_micros(200));
    }
    child.kill().unwrap();
    let status = child.wait().unwrap();
    assert_eq!(status.signal(), Some(9), "it ended before it was killed: {status}");
}

/// Bytes of all objects.
fn size(path: &Path) -> u64 {
    let mut sum = 0;
    for entry in std::fs::read_dir(path).unwrap() {
        let entry = entry.unwrap();
        let metadata = entry.metadata().unwrap();
        match metadata.is_dir() {
            true => sum += size(&entry.path()),
            false if entry.file_name() == "reserve" => {}
            false => sum += metadata.len(),
        }
    }
    sum
}

const IN_COPY: [&str; 4] = ["-r", "copy", "--key-file", "other.key"];

fn in_copy<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    arguments.iter().copied().chain(IN_COPY).collect()
}

fn lines(world: &World, arguments: &[&str]) -> Vec<Value> {
    let arguments = ["--json"].iter().chain(arguments);
    let stdout = world.snap(arguments).success();
    stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_copy_that_is_killed_three_times_is_complete_in_the_end() {
    let world = world();
    (0..VERSIONS).for_each(|number| version(&world, number));
    assert_eq!(world.snap(["copy", "--init", "--host", "nobody"]).code, 5);
    world.snap(["copy", "--init", "--dry-run"]).success();
    assert!(!world.path("copy").exists());
    // One out of the middle first.
    let ids = lines(&world, &["snapshots"]);
    world.snap(["copy", "-q", "--init", ids[3]["id"].as_str().unwrap()]).success();
    for snapshots in [1, 3, 6] {
        killed_copy(&world, snapshots);
    }
    let copied = world.snap(["copy"]).success();
    assert!(copied.contains(" were there already"), "{copied}");
    assert!(world.snap(["copy"]).success().starts_with("copied 0 snapshots in "));
    world.snap(in_copy(&["prune", "-q", "--space-only", "--wait", "0"])).success();
    world.snap(in_copy(&["check", "--read-data"])).success();
    let (original, copy) = (size(&world.path("repository")), size(&world.path("copy")));
    assert!(copy.abs_diff(original) <= original / 20, "{copy} bytes instead of {original}");
    for number in 0..VERSIONS {
        let at = format!("2025-11-{:02}", number + 10);
        world.snap(in_copy(&["restore", "-q", "--at", &at, "--target", "out"])).success();
        let restored = format!("out{}/tree", world.here().display());
        world.manifest([&format!("version{number}"), &restored]).success();
        std::fs::remove_dir_all(world.path("out")).unwrap();
    }
    shared(&world);
}

/// A backup of the same folder straight into the copy adds nothing but the folders above it, which
/// others change: the folder's own tree is, byte for byte, the one that was copied.
fn shared(world: &World) {
    let summary = lines(world, &in_copy(&["backup", "tree"])).pop().unwrap();
    assert!(summary["data_blobs"].as_u64().unwrap() <= 5, "{summary}");
    assert!(summary["data_added"].as_u64().unwrap() < 2000, "{summary}");
    let copy = open(world, "copy");
    let live = copy.ledger().unwrap().live;
    let [.., copied, backed_up] = &live[..] else { panic!("{live:?}") };
    assert_eq!((copied.original.is_some(), backed_up.original), (true, None));
    assert_eq!(tree_of(world, &copy, copied), tree_of(world, &copy, backed_up));
    let source = open(world, "repository");
    let original = source.ledger().unwrap().live.pop().unwrap();
    assert_ne!(tree_of(world, &source, &original), tree_of(world, &copy, copied));
}

/// The id of the tree of `tree`.
fn tree_of(world: &World, repository: &Arc<Repository>, snapshot: &Snapshot) -> BlobId {
    let reader = BlobReader::new(Arc::clone(repository)).unwrap();
    let path = format!("files{}/tree", world.here().display());
    let path = EntryPath::parse(path.as_bytes()).unwrap();
    match reader.find_path(&snapshot.tree, &path).unwrap().unwrap().kind {
        Kind::Directory(Directory { tree, .. }) => tree.unwrap(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn damage_is_named_and_everything_else_is_copied() {
    let world = world();
    for (host, seed) in [("one", "1"), ("two", "2"), ("three", "3")] {
        world.write("tree/data", noise(seed, 300_000));
        world.snap(["backup", "-q", "--host", host, "tree"]).success();
    }
    let packs = data_packs(&world.path("repository/packs"));
    let [_, damaged, _] = &packs[..] else { panic!("{packs:?}") };
    let mut content = std::fs::read(damaged).unwrap();
    content[1000] ^= 1;
    std::fs::remove_file(damaged).unwrap();
    std::fs::write(damaged, content).unwrap();
    let output = world.snap(["--json", "copy", "--init"]);
    assert_eq!(output.code, 3, "{}", output.stdout);
    let messages: Vec<Value> =
        output.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |kind: &str| messages.iter().filter(|m| m["message_type"] == kind).count();
    assert_eq!((of("copied"), of("error"), of("exit_error")), (2, 1, 1), "{}", output.stdout);
    let hosts: BTreeSet<String> = lines(&world, &in_copy(&["snapshots"]))
        .iter()
        .map(|line| line["hostname"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(hosts.len(), 2);
    world.snap(in_copy(&["check", "--read-data"])).success();
    // Once it is healed it comes, too.
    world.snap(["check", "--read-data", "-q"]);
    let missing = ["one", "two", "three"].into_iter().find(|host| !hosts.contains(*host)).unwrap();
    let seed = match missing {
        "one" => "1",
        "two" => "2",
        _ => "3",
    };
    world.write("tree/data", noise(seed, 300_000));
    world.snap(["backup", "-q", "--host", "healer", "tree"]).success();
    world.snap(["copy", "-q"]).success();
    assert_eq!(lines(&world, &in_copy(&["snapshots"])).len(), 4);
    world.snap(in_copy(&["check", "--read-data"])).success();
}

/// The largest three packs, in the order of their names.
fn data_packs(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut packs = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        for pack in std::fs::read_dir(entry.unwrap().path()).unwrap() {
            let path = pack.unwrap().path();
            if path.metadata().unwrap().len() > 200_000 {
                packs.push(path);
            }
        }
    }
    packs.sort();
    packs
}

#[test]
fn one_file_changed_is_one_file_read() {
    let world = world();
    version(&world, 0);
    world.snap(["copy", "-q", "--init"]).success();
    version(&world, 1);
    let (source, target) = (open(&world, "repository"), open(&world, "copy"));
    let ledger = source.ledger().unwrap();
    let all = ledger.live.iter().map(|snapshot| snapshot.id).collect();
    let plan = plan_copy(&ledger, &all, &target.ledger().unwrap().live);
    assert_eq!((plan.wanted.len(), plan.present.len()), (1, 1));
    let counted = Arc::new(BytesRead::default());
    let monitor = Arc::clone(&counted) as Arc<dyn Monitor>;
    let options = CopyOptions { writer: Writer::default() };
    let report = copy(&source, &target, &plan, &options, &mut |_, _| {}, monitor).unwrap();
    assert_eq!(report.copied, 1);
    let read = counted.0.load(Ordering::Relaxed);
    assert!((1..3 << 20).contains(&read), "{read} bytes were read");
    world.snap(in_copy(&["check", "--read-data"])).success();
}

#[derive(Default)]
struct BytesRead(AtomicU64);

impl Monitor for BytesRead {
    fn add(&self, counter: Counter, amount: u64) {
        if counter == Counter::BytesProcessed {
            self.0.fetch_add(amount, Ordering::Relaxed);
        }
    }
}

fn open(world: &World, repository: &str) -> Arc<Repository> {
    let storage = Arc::new(LocalStorage::open(&world.path(repository)).unwrap());
    let surroundings = Surroundings {
        clock: Arc::new(SystemClock),
        entropy: Arc::new(OsEntropy),
        cache: None,
        workers: 2,
    };
    let credential = Credential::KeyFile(Secret::new([0x5a; 32]));
    Arc::new(repo::open(storage, &credential, None, surroundings).unwrap())
}

#[test]
fn a_repository_that_was_made_otherwise_takes_copies_too() {
    let world = world();
    (0..3).for_each(|number| version(&world, number));
    world.snap(["init", "-r", "copy", "--key-file", "other.key"]).success();
    let output = world.snap(["copy"]);
    assert_eq!(output.code, 0, "{}", output.stderr);
    assert!(output.stderr.contains("cuts files elsewhere"), "{}", output.stderr);
    world.snap(in_copy(&["check", "--read-data"])).success();
    let (original, copy) = (size(&world.path("repository")), size(&world.path("copy")));
    assert!(copy.abs_diff(original) <= original / 20, "{copy} bytes instead of {original}");
    world.snap(in_copy(&["restore", "-q", "latest", "--target", "out"])).success();
    world.manifest(["tree", &format!("out{}/tree", world.here().display())]).success();
}

#[test]
fn a_prune_beside_it_takes_nothing_away() {
    let world = world();
    (0..4).for_each(|number| version(&world, number));
    world.snap(["copy", "-q", "--init"]).success();
    // All of it is garbage in the copy, and a part of it is wanted again while that goes.
    let ids: Vec<String> = lines(&world, &in_copy(&["snapshots"]))
        .iter()
        .map(|line| line["id"].as_str().unwrap().to_owned())
        .collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    world.snap(in_copy(&[&["forget", "-q"][..], &ids].concat())).success();
    let start = |arguments: Vec<&str>| {
        let mut command = world.command(env!("CARGO_BIN_EXE_snap"));
        command.args(arguments).stdout(Stdio::null()).spawn().unwrap()
    };
    let mut prune = start(in_copy(&["prune", "-q", "--space-only"]));
    let mut copy = start(vec!["copy", "-q"]);
    assert!(copy.wait().unwrap().success());
    assert!(prune.wait().unwrap().success());
    world.snap(in_copy(&["check", "--read-data"])).success();
    world.snap(in_copy(&["prune", "-q", "--space-only"])).success();
    world.snap(in_copy(&["check", "--read-data"])).success();
    assert_eq!(lines(&world, &in_copy(&["snapshots"])).len(), 4);
}

#[test]
fn a_copy_mends_what_is_damaged_there() {
    let world = world();
    version(&world, 0);
    world.snap(["copy", "-q", "--init"]).success();
    let pack = largest(&world.path("copy/packs"));
    let mut bytes = std::fs::read(&pack).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&pack, bytes).unwrap();
    let found = world.snap(in_copy(&["check", "--read-data"]));
    assert_eq!(found.code, 4, "{}", found.stdout);
    // What is marked is looked at by each check.
    let again = world.snap(in_copy(&["check"]));
    assert_eq!(again.code, 4, "{}", again.stdout);
    assert!(again.stdout.contains("  touches "), "{}", again.stdout);
    let said = world.snap(["copy"]).success();
    assert!(said.contains("copied 0 snapshots"), "{said}");
    assert!(said.contains("1 of them was damaged and is mended"), "{said}");
    world.snap(in_copy(&["check", "--read-data"])).success();
    world.snap(in_copy(&["prune", "-q", "--space-only"])).success();
    let said = world.snap(in_copy(&["check", "--read-data"])).success();
    assert!(said.contains("no damage found") && !said.contains("note:"), "{said}");
    let said = world.snap(["copy"]).success();
    assert!(!said.contains("mended"), "{said}");
}

fn largest(folder: &Path) -> std::path::PathBuf {
    let folders = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = folders.flat_map(|path| match path.is_dir() {
        true => std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect(),
        false => vec![path],
    });
    files.max_by_key(|path| path.metadata().unwrap().len()).unwrap()
}
