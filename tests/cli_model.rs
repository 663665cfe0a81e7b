//! Find and diff over random histories, held against what was really there.

use crate::support::{Chance, World};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// A path below `bot`; what a file holds, or that it is a folder.
type Tree = BTreeMap<String, Option<String>>;

/// Writes and removes a few things below `bot`.
fn change(world: &World, chance: &mut Chance) {
    for _ in 0..12 {
        let names: Vec<String> =
            (0..=chance.below(3)).map(|_| format!("n{}", chance.below(4))).collect();
        let path = world.path("bot").join(names.join("/"));
        let _ = match path.is_dir() {
            true => std::fs::remove_dir_all(&path),
            false => std::fs::remove_file(&path),
        };
        // Where a file lies on the way nothing comes of it.
        if chance.below(3) > 0 && std::fs::create_dir_all(path.parent().unwrap()).is_ok() {
            std::fs::write(path, chance.below(5).to_string()).unwrap();
        }
    }
}

fn read(world: &World) -> Tree {
    let root = world.path("bot");
    let (mut tree, mut pending) = (Tree::new(), vec![root.clone()]);
    while let Some(directory) = pending.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
            let content = std::fs::read_to_string(&path).ok();
            if content.is_none() {
                pending.push(path);
            }
            tree.insert(name, content);
        }
    }
    tree
}

/// The lines of a command, with paths below `bot`; others are left out.
fn lines(world: &World, arguments: &[&str], kind: &str) -> Vec<(String, Value)> {
    let here = format!("{}/bot/", world.here().canonicalize().unwrap().display());
    let text = world.snap(["--json"].iter().chain(arguments)).success();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let below = |line: Value| {
        let path = line["path"].as_str()?.strip_prefix(&here)?.to_owned();
        Some((path, line))
    };
    lines.filter(|line| line["message_type"] == kind).filter_map(below).collect()
}

fn expected_changes(old: &Tree, new: &Tree) -> BTreeMap<String, String> {
    let paths: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let change = |path: &String| match (old.get(path), new.get(path)) {
        (Some(old), Some(new)) if old.is_none() != new.is_none() => Some("T"),
        (Some(old), Some(new)) => (old != new).then_some("M"),
        (Some(_), None) => Some("-"),
        (None, _) => Some("+"),
    };
    paths.into_iter().filter_map(|path| Some((path.clone(), change(path)?.to_owned()))).collect()
}

fn found_changes(world: &World, arguments: &[&str]) -> BTreeMap<String, String> {
    let modifier = |line: &Value| line["modifier"].as_str().unwrap().replace("M?", "M");
    let lines = lines(world, arguments, "change");
    let count = lines.len();
    let changes: BTreeMap<_, _> =
        lines.iter().map(|(path, line)| (path.clone(), modifier(line))).collect();
    assert_eq!(changes.len(), count, "a path came twice");
    changes
}

#[test]
fn find_and_diff_agree_with_what_was_there() {
    let mut world = World::new();
    world.set("SNAP_KEY_FILE", "key");
    world.set("SNAP_REPOSITORY", "repository");
    world.snap(["init"]).success();
    std::fs::create_dir(world.path("bot")).unwrap();
    let (mut chance, mut trees, mut ids) = (Chance::new(20_251_128), Vec::new(), Vec::new());
    for _ in 0..10 {
        change(&world, &mut chance);
        trees.push(read(&world));
        let text = world.snap(["backup", "--json", "bot"]).success();
        let last: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
        ids.push(last["snapshot_id"].as_str().unwrap().to_owned());
    }
    for old in 0..trees.len() {
        let new = (old + 3) % trees.len();
        let changes = found_changes(&world, &["diff", &ids[old], &ids[new]]);
        let expected = expected_changes(&trees[old], &trees[new]);
        assert_eq!(changes, expected);
        let live = found_changes(&world, &["diff", &ids[old]]);
        let expected = expected_changes(&trees[old], &trees[9]);
        assert_eq!(live, expected);
    }
    // By name and by path, which are remembered in different ways.
    for pattern in ["n*", "bot/**/n*"] {
        check_found(&lines(&world, &["find", pattern], "match"), &trees, &ids);
    }
}

fn check_found(found: &[(String, Value)], trees: &[Tree], ids: &[String]) {
    let mut seen: Vec<Tree> = vec![Tree::new(); trees.len()];
    for (path, line) in found {
        let snapshots = line["snapshots"].as_array().unwrap();
        let numbers: Vec<usize> = snapshots
            .iter()
            .map(|id| ids.iter().position(|known| id == known.as_str()).unwrap())
            .collect();
        let content = &trees[numbers[0]][path];
        assert_eq!(line["type"], if content.is_some() { "file" } else { "dir" });
        for number in numbers {
            assert_eq!(&trees[number][path], content, "{path} in {number}");
            let twice = seen[number].insert(path.clone(), content.clone());
            assert_eq!(twice, None, "{path} is twice in {number}");
        }
    }
    assert_eq!(seen, trees);
}
