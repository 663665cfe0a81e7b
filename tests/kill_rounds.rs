//! Two backups and a prune at once, with random `kill -9`, round after round: every snapshot
//! that reported success restores, and no command ever asks for a repair or an unlock.

use crate::support::{Chance, World, torture_time};
use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// Relative path and content of every file of a tree.
type Content = BTreeMap<String, Vec<u8>>;

/// What was promised: the snapshots that reported success, with what they hold.
#[derive(Default)]
struct Promises {
    kept: BTreeMap<String, Content>,
    kills: u64,
    rounds: u64,
    /// About how long a round takes that nobody disturbs.
    usual: Duration,
}

#[test]
fn what_reported_success_restores_whatever_is_killed() {
    let world = World::new();
    key_file(&world);
    world.snap(["init", "--repository", "repository", "--key-file", "key"]).success();
    let mut chance = Chance::of_this_run();
    let seed = chance.seed();
    let mut promises = Promises::default();
    let mut trees = [Content::new(), Content::new()];
    let end = Instant::now() + torture_time();
    while promises.rounds < 3 || Instant::now() < end {
        round(&world, &mut chance, &mut trees, &mut promises);
        if promises.rounds.is_multiple_of(10) {
            verify(&world, &promises, seed);
        }
    }
    verify(&world, &promises, seed);
    println!(
        "seed {seed}: {} rounds, {} kills, {} snapshots verified",
        promises.rounds,
        promises.kills,
        promises.kept.len()
    );
}

fn key_file(world: &World) {
    world.write("key", format!("snap-key-1 {}\n", "5a".repeat(32)));
}

fn round(world: &World, chance: &mut Chance, trees: &mut [Content; 2], promises: &mut Promises) {
    promises.rounds += 1;
    let mut running: Vec<(Child, Option<usize>)> = Vec::new();
    for (number, tree) in trees.iter_mut().enumerate() {
        change(world, chance, number, tree);
        let source = format!("tree{number}");
        running.push((start(world, &["backup", "--json", &source]), Some(number)));
    }
    forget_some(world, chance, promises);
    running.push((start(world, &["prune", "--space-only"]), None));
    let begun = Instant::now();
    let victims: Vec<bool> = running.iter().map(|_| chance.below(3) == 0).collect();
    let patience = chance.below(promises.usual.as_micros() as u64 + 1000);
    std::thread::sleep(Duration::from_micros(patience));
    for ((child, _), victim) in running.iter_mut().zip(&victims) {
        if *victim && child.try_wait().unwrap().is_none() {
            child.kill().unwrap();
            promises.kills += 1;
        }
    }
    if !victims.contains(&true) {
        for (child, _) in &mut running {
            child.wait().unwrap();
        }
        promises.usual = (promises.usual * 3 + begun.elapsed()) / 4;
    }
    for (child, tree) in running {
        let output = child.wait_with_output().unwrap();
        if output.status.signal().is_some() {
            continue;
        }
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "a command failed: {stdout}\n{stderr}");
        for word in ["unlock", "repair"] {
            assert!(!stderr.contains(word) && !stdout.contains(word), "{stdout}\n{stderr}");
        }
        if let Some(tree) = tree {
            promises.kept.insert(snapshot_id(&stdout), trees[tree].clone());
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn start(world: &World, arguments: &[&str]) -> Child {
    let mut command = world.command(env!("CARGO_BIN_EXE_snap"));
    command.args(arguments).args(["--repository", "repository", "--key-file", "key"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// The id in the summary that `backup --json` ends with.
fn snapshot_id(stdout: &str) -> String {
    let summary = stdout
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .find(|line| line["message_type"] == "summary");
    let summary = summary.unwrap_or_else(|| panic!("no summary in {stdout}"));
    summary["snapshot_id"].as_str().unwrap().to_string()
}

/// Some files of a tree are new, some change, some go.
fn change(world: &World, chance: &mut Chance, number: usize, tree: &mut Content) {
    for _ in 0..4 + chance.below(8) {
        let name = format!("d{}/f{}", chance.below(4), chance.below(30));
        let path = world.path(format!("tree{number}")).join(&name);
        if chance.below(5) == 0 && tree.len() > 5 {
            if tree.remove(&name).is_some() {
                std::fs::remove_file(path).unwrap();
            }
            continue;
        }
        // Small files and large ones; some content is the same in both trees.
        let length = 1 + chance.below(60_000) * u64::from(chance.below(4) == 0) * 8;
        let content = match chance.below(3) {
            0 => Chance::new(chance.below(20) + 1).bytes(length),
            _ => chance.bytes(length),
        };
        world.write(Path::new(&format!("tree{number}")).join(&name), &content);
        tree.insert(name, content);
    }
}

/// Now and then a promise is taken back before it is killed for.
fn forget_some(world: &World, chance: &mut Chance, promises: &mut Promises) {
    while promises.kept.len() > 6 || promises.kept.len() > 2 && chance.below(3) == 0 {
        let number = chance.below(promises.kept.len() as u64) as usize;
        let id = promises.kept.keys().nth(number).unwrap().clone();
        promises.kept.remove(&id);
        let mut arguments = vec!["forget", &id];
        arguments.extend(["--repository", "repository", "--key-file", "key"]);
        world.snap(arguments).success();
    }
}

fn verify(world: &World, promises: &Promises, seed: u64) {
    let at = ["--repository", "repository", "--key-file", "key"];
    let check = world.snap(["check", "--read-data"].iter().chain(&at));
    assert_eq!(check.code, 0, "seed {seed}: {}\n{}", check.stdout, check.stderr);
    for (id, content) in &promises.kept {
        let target = world.path("restored");
        let _ = std::fs::remove_dir_all(&target);
        world.snap(["restore", id, "--target", "restored"].iter().chain(&at)).success();
        let found = read_tree(&target.join(world.here().strip_prefix("/").unwrap()));
        assert!(found == *content, "seed {seed}: snapshot {id} restored something else");
    }
}

/// Below the one tree that a snapshot has.
fn read_tree(root: &Path) -> Content {
    let tree = std::fs::read_dir(root).unwrap().next().unwrap().unwrap().path();
    let mut content = Content::new();
    for directory in std::fs::read_dir(&tree).unwrap() {
        for file in std::fs::read_dir(directory.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            let name = path.strip_prefix(&tree).unwrap().to_str().unwrap().to_string();
            content.insert(name, std::fs::read(path).unwrap());
        }
    }
    content
}
