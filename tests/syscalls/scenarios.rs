//! The commands that are harmed, the state that they begin with, and what must hold afterwards
//! beside what always must.

use super::bench::{Bench, Promise, Verdict, snapshot_id};
use super::supervisor::Run;
use super::tree::Tree;

pub struct Scenario {
    pub name: &'static str,
    pub bench: Bench,
    pub command: Vec<String>,
    /// What it ends with, if nothing goes wrong.
    judge: Judge,
}

/// Looks at what the command left, and returns what is promised now.
type Judge = Box<dyn Fn(&Bench, &Run) -> Result<Vec<Promise>, String>>;

impl Scenario {
    fn new(name: &'static str, bench: Bench, command: &[&str], judge: Judge) -> Self {
        bench.keep();
        let command = command.iter().map(|word| (*word).to_owned()).collect();
        Self { name, bench, command, judge }
    }

    pub fn judge(&self, run: &Run) -> Verdict {
        let promises = (self.judge)(&self.bench, run)?;
        self.bench.goes_on(promises)
    }
}

/// Each makes its scenario on a bench with an empty repository.
pub const ALL: [fn(Bench) -> Scenario; 14] = [
    first_backup,
    second_backup,
    forget,
    prune,
    tag,
    restore,
    restore_in_place,
    rollback,
    key_add,
    key_remove,
    key_passwd,
    settings,
    copy,
    init,
];

/// A handful of files of several kinds.
fn make_tree(bench: &Bench) {
    let world = bench.world();
    world.write("bot/config.py", "PORT = 8000\n");
    for (name, bytes) in [("a", 30_000), ("b", 50_000), ("c", 9_000)] {
        world.write(format!("bot/data/{name}"), crate::support::noise(name, bytes));
    }
    world.write("bot/kind/file", "a file");
    world.write("bot/kind/folder/below/file", "in a folder");
    world.write("bot/gone/below", "this goes");
    bench.shell(
        "cd bot; ln data/a linked; ln -s config.py link; mkdir empty; mkfifo pipe
        truncate -s 200000 holes; printf end >> holes; chmod 640 data/c
        printf odd > \"$(printf 'odd\\377\\n')\"",
    );
    // Not every file system has them.
    let name = bench.path("bot/config.py");
    let _ = rustix::fs::lsetxattr(name, "user.snap", b"kept", rustix::fs::XattrFlags::empty());
}

/// Some change, some go, some are new; kinds and links change.
fn change_tree(bench: &Bench) {
    let world = bench.world();
    world.write("bot/data/b", crate::support::noise("other", 40_000));
    world.write("bot/new/file", "was not there");
    bench.shell(
        "cd bot; rm -r kind/folder gone empty linked kind/file; ln data/c linked
        printf 'now a file' > kind/folder; mkdir kind/file; printf x > kind/file/below
        chmod 700 data; chmod 600 config.py; ln -sfn data link; printf more >> holes",
    );
}

fn with_tree(bench: Bench) -> Bench {
    make_tree(&bench);
    bench
}

/// One snapshot, and a tree that is another one now.
fn changed(bench: Bench) -> Bench {
    let mut bench = with_tree(bench);
    bench.promise("2025-11-10 02:00");
    change_tree(&bench);
    bench
}

/// Two snapshots.
fn saved_twice(bench: Bench) -> Bench {
    let mut bench = changed(bench);
    bench.promise("2025-11-11 02:00");
    bench
}

fn first_backup(bench: Bench) -> Scenario {
    Scenario::new("first backup", with_tree(bench), &["backup", "--json", "bot"], stored())
}

fn second_backup(bench: Bench) -> Scenario {
    Scenario::new("second backup", changed(bench), &["backup", "--json", "bot"], stored())
}

/// A backup that says so has stored what is there.
fn stored() -> Judge {
    Box::new(|bench, run| {
        let mut promises = bench.promises.clone();
        if run.code == Some(0) {
            promises.push(Promise { id: snapshot_id(&run.stdout)?, tree: bench.tree("bot") });
        }
        Ok(promises)
    })
}

fn forget(bench: Bench) -> Scenario {
    let bench = saved_twice(bench);
    let id = bench.promises[0].id.clone();
    let judge = |bench: &Bench, run: &Run| {
        let is_listed = bench.snapshots(&[])?.contains(&bench.promises[0].id);
        match run.code == Some(0) && is_listed {
            true => Err("it is there still".to_owned()),
            false if is_listed => Ok(bench.promises.clone()),
            false => Ok(bench.promises[1..].to_vec()),
        }
    };
    Scenario::new("forget", bench, &["forget", &id], Box::new(judge))
}

fn prune(bench: Bench) -> Scenario {
    let mut bench = saved_twice(bench);
    bench.world().write("bot/data/a", crate::support::noise("third", 20_000));
    bench.promise("2025-11-12 02:00");
    let command = ["prune", "--keep-last", "1", "--yes"];
    let plan = bench.must(&["prune", "--keep-last", "1", "--dry-run", "--json"]).unwrap();
    assert!(!plan.contains("\"packs_rewritten\":0"), "it has to copy something: {plan}");
    let judge = |bench: &Bench, run: &Run| {
        if run.code != Some(0) {
            bench.must(&["prune", "--keep-last", "1", "--yes"])?;
        }
        let left = bench.snapshots(&[])?;
        holds(left == [bench.promises[2].id.clone()], "one snapshot is to be left")?;
        Ok(bench.promises[2..].to_vec())
    };
    Scenario::new("prune", bench, &command, Box::new(judge))
}

/// A tag makes another snapshot of the same tree, and forgets the one before.
fn tag(bench: Bench) -> Scenario {
    let bench = saved_twice(bench);
    let id = bench.promises[1].id.clone();
    let judge = |bench: &Bench, run: &Run| {
        let tagged = bench.snapshots(&["--tag", "blue"])?;
        holds(tagged.len() == 1 || run.code != Some(0), "one snapshot is to have the tag")?;
        let mut promises = bench.promises.clone();
        if let Some(id) = tagged.first() {
            promises[1].id.clone_from(id);
        }
        Ok(promises)
    };
    Scenario::new("tag", bench, &["tag", "--add", "blue", &id], Box::new(judge))
}

fn restore(bench: Bench) -> Scenario {
    let bench = changed(bench);
    let what = format!("{}:{}", bench.promises[0].id, bench.path("bot").display());
    let again = what.clone();
    let judge = move |bench: &Bench, run: &Run| {
        let again = ["restore", &again, "--target", "out", "--conflict", "overwrite"];
        match run.code {
            Some(0) => {}
            // A part of something may be missing.
            Some(_) => drop(bench.must(&again)?),
            None => drop(bench.must(&again[..4])?),
        }
        bench.is_tree("out", &bench.promises[0].tree)?;
        Ok(bench.promises.clone())
    };
    Scenario::new("restore", bench, &["restore", &what, "--target", "out"], Box::new(judge))
}

const IN_PLACE: [&str; 5] = ["--conflict", "overwrite", "--delete", "--yes", "bot"];
const ROLLBACK: [&str; 2] = ["rollback", "--yes"];

fn restore_in_place(bench: Bench) -> Scenario {
    let bench = changed(bench);
    let id = bench.promises[0].id.clone();
    let before = bench.tree("bot");
    let command = [&["restore", id.as_str()], &IN_PLACE[..]].concat();
    let again: Vec<String> = command.iter().map(|word| (*word).to_owned()).collect();
    let judge = move |bench: &Bench, run: &Run| {
        let again: Vec<&str> = again.iter().map(String::as_str).collect();
        let saved = &bench.promises[0].tree;
        // Each second time it is run again before it is undone.
        if run.code == Some(0) {
            bench.is_tree_after(run, saved)?;
        } else if run.calls.is_multiple_of(2) {
            bench.must(&again)?;
            bench.is_tree_after(run, saved)?;
        }
        undone(bench, run, &before)?;
        bench.must(&again)?;
        bench.is_tree_after(run, saved)?;
        Ok(bench.promises.clone())
    };
    Scenario::new("restore in place", bench, &command, Box::new(judge))
}

/// A rollback leads to what was there before; there may be nothing to undo. One that was killed is
/// a part of the next; one that came to its end, with errors, is undone by itself.
fn undone(bench: &Bench, run: &Run, before: &Tree) -> Verdict {
    let is_undone = bench.rolls_back()?;
    if run.code.is_some() && is_undone {
        while bench.rolls_back()? {}
    }
    bench.is_tree_after(run, before)
}

fn rollback(bench: Bench) -> Scenario {
    let bench = changed(bench);
    let before = bench.tree("bot");
    let restore = [&["restore", bench.promises[0].id.as_str()], &IN_PLACE[..]].concat();
    bench.must(&restore).unwrap();
    let judge = move |bench: &Bench, run: &Run| {
        if run.code == Some(0) {
            bench.is_tree("bot", &before)?;
        }
        undone(bench, run, &before)?;
        Ok(bench.promises.clone())
    };
    Scenario::new("rollback", bench, &ROLLBACK, Box::new(judge))
}

fn opens(bench: &Bench, key: &str) -> Result<bool, String> {
    match bench.path(key).exists() {
        true => bench.may(12, &["key", "list", "--key-file", key]),
        false => Ok(false),
    }
}

fn holds(is_so: bool, why: &str) -> Verdict {
    if is_so { Ok(()) } else { Err(why.to_owned()) }
}

const NEW_KEY: [&str; 2] = ["--new-key-file", "made.key"];

fn key_add(bench: Bench) -> Scenario {
    let bench = saved_twice(bench);
    let judge = |bench: &Bench, run: &Run| {
        if run.code != Some(0) {
            bench.must(&["key", "add", "--new-key-file", "made.key"])?;
        }
        holds(opens(bench, "key")?, "the old key must open it")?;
        holds(opens(bench, "made.key")?, "the new key must open it")?;
        Ok(bench.promises.clone())
    };
    Scenario::new("key add", bench, &[&["key", "add"], &NEW_KEY[..]].concat(), Box::new(judge))
}

fn key_remove(bench: Bench) -> Scenario {
    let bench = saved_twice(bench);
    let added = bench.must(&["key", "add", "--new-key-file", "made.key", "--json"]).unwrap();
    let added: serde_json::Value = serde_json::from_str(added.lines().next().unwrap()).unwrap();
    let id = added["id"].as_str().unwrap().to_owned();
    let judge = |bench: &Bench, run: &Run| {
        holds(opens(bench, "key")?, "the other key must open it")?;
        let removed = !opens(bench, "made.key")?;
        holds(removed || run.code != Some(0), "the key that was removed opens it")?;
        Ok(bench.promises.clone())
    };
    Scenario::new("key remove", bench, &["key", "remove", &id], Box::new(judge))
}

/// At every moment one of the two keys opens the repository.
fn key_passwd(bench: Bench) -> Scenario {
    let bench = saved_twice(bench);
    let judge = |bench: &Bench, run: &Run| {
        if run.code == Some(0) {
            holds(!opens(bench, "key")?, "the old key opens it")?;
        }
        // The new slot was made before: what opens it must not go.
        let was_removal = |call: &String| call.contains("unlinkat") && call.contains("/keys/");
        if run.struck.as_ref().is_some_and(was_removal) {
            holds(opens(bench, "made.key")?, "the new key is lost")?;
        }
        if opens(bench, "key")? {
            bench.must(&["key", "passwd", "--new-key-file", "made.key"])?;
        }
        holds(opens(bench, "made.key")?, "the new key must open it")?;
        bench.shell("cp made.key key");
        Ok(bench.promises.clone())
    };
    let command = [&["key", "passwd"], &NEW_KEY[..]].concat();
    Scenario::new("key passwd", bench, &command, Box::new(judge))
}

fn settings(bench: Bench) -> Scenario {
    let command = ["config", "repo", "--pack-size", "128k", "--compression", "7"];
    let judge = |bench: &Bench, run: &Run| {
        let shown = bench.must(&["config", "repo", "--json"])?;
        let is_changed = shown.contains("\"pack_size\":131072");
        holds(is_changed || run.code != Some(0), "the settings are the old ones")?;
        Ok(bench.promises.clone())
    };
    Scenario::new("settings", saved_twice(bench), &command, Box::new(judge))
}

const COPY: [&str; 6] = ["copy", "--to", "copy", "--to-key-file", "other.key", "--init"];
const OF_THE_COPY: [&str; 4] = ["-r", "copy", "--key-file", "other.key"];

fn copy(bench: Bench) -> Scenario {
    let judge = |bench: &Bench, run: &Run| {
        if run.code != Some(0) {
            bench.must(&COPY)?;
        }
        bench.must(&[&["check", "--read-data"], &OF_THE_COPY[..]].concat())?;
        let ids = bench.snapshots(&OF_THE_COPY)?;
        holds(ids.len() == bench.promises.len(), "the copy has another number of snapshots")?;
        let trees = bench.promises.iter().map(|promise| promise.tree.clone());
        let copied: Vec<Promise> =
            ids.into_iter().zip(trees).map(|(id, tree)| Promise { id, tree }).collect();
        bench.restores(&copied, &OF_THE_COPY)?;
        Ok(bench.promises.clone())
    };
    Scenario::new("copy", saved_twice(bench), &COPY, Box::new(judge))
}

const FRESH: [&str; 4] = ["-r", "fresh", "--key-file", "fresh.key"];

/// An init that was stopped can be run again, or was done.
fn init(bench: Bench) -> Scenario {
    let judge = |bench: &Bench, run: &Run| {
        let is_new = bench.may(1, &[&["init"], &FRESH[..]].concat())?;
        holds(!(is_new && run.code == Some(0)), "what was made is not there")?;
        bench.must(&[&["backup", "bot"], &FRESH[..]].concat())?;
        bench.must(&[&["prune"], &FRESH[..]].concat())?;
        bench.must(&[&["check", "--read-data"], &FRESH[..]].concat())?;
        Ok(bench.promises.clone())
    };
    let command = [&["init"], &FRESH[..]].concat();
    Scenario::new("init", saved_twice(bench), &command, Box::new(judge))
}
