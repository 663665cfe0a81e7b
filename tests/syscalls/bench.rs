//! A small world that is put back to the same state before each harm.

use super::small_disk::{Part, SmallDisk};
use super::supervisor::Run;
use super::tree::{Tree, difference, read, without_leftovers};
use crate::support::{Output, World};
use snapstore::codec::Secret;
use snapstore::format::RepositoryConfig;
use snapstore::model::{OsEntropy, SystemClock};
use snapstore::repo::{self, Credential, Surroundings};
use snapstore::storage::{LocalStorage, Storage};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

/// What the key file holds.
const KEY: [u8; 32] = [0x5a; 32];
const PACK_BYTES: u32 = 64 << 10;

/// Holds, or says what is wrong.
pub type Verdict = Result<(), String>;

/// A snapshot that was said to be stored, and what it must give back.
#[derive(Clone)]
pub struct Promise {
    pub id: String,
    pub tree: Tree,
}

pub struct Bench {
    /// Before the world: it lies within that.
    disk: Option<SmallDisk>,
    world: World,
    /// The state that was kept.
    template: tempfile::TempDir,
    /// What the state before each harm promises.
    pub promises: Vec<Promise>,
}

impl Bench {
    /// An empty repository with a reserve of so many bytes, opened by the key file `key`.
    pub fn new(reserve_bytes: u64) -> Self {
        Self::begin(None, World::new(), reserve_bytes)
    }

    /// The same, where a part of the world lies on a small disk.
    pub fn on_small_disk(part: Part, reserve_bytes: u64) -> std::io::Result<Self> {
        let world = World::new();
        let disk = SmallDisk::mount(world.root(), part)?;
        Ok(Self::begin(Some(disk), world, reserve_bytes))
    }

    fn begin(disk: Option<SmallDisk>, mut world: World, reserve_bytes: u64) -> Self {
        for name in ["key", "other.key"] {
            world.write(name, format!("snap-key-1 {}\n", "5a".repeat(32)));
        }
        world.set("SNAP_REPOSITORY", "repository");
        world.set("SNAP_KEY_FILE", "key");
        world.unset("SNAP_PASSWORD");
        std::fs::create_dir_all(world.home()).unwrap();
        make_repository(world.path("repository"), reserve_bytes);
        Self { disk, world, template: tempfile::tempdir().unwrap(), promises: Vec::new() }
    }

    pub fn disk(&self) -> Option<&SmallDisk> {
        self.disk.as_ref()
    }

    pub fn world(&self) -> &World {
        &self.world
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.world.path(name)
    }

    pub fn tree(&self, name: &str) -> Tree {
        read(&self.path(name))
    }

    /// Backs `bot` up, as at this time, while the state is prepared.
    pub fn promise(&mut self, time: &str) {
        let output = self.world.snap(["backup", "--json", "--time", time, "bot"]).success();
        let id = snapshot_id(&output).unwrap();
        self.promises.push(Promise { id, tree: self.tree("bot") });
    }

    /// A shell script for what is no command of snap.
    pub fn shell(&self, script: &str) {
        let status = self.world.command("sh").args(["-ec", script]).status().unwrap();
        assert!(status.success(), "{script}");
    }

    /// The state is what every harm begins with.
    pub fn keep(&self) {
        copy(self.root(), self.template.path());
    }

    /// Back to the state that was kept.
    pub fn reset(&self) {
        if let Some(disk) = &self.disk {
            disk.enlarge();
        }
        copy(self.template.path(), self.root());
        if let Some(disk) = &self.disk {
            disk.take_part(self.root());
        }
    }

    fn root(&self) -> &Path {
        self.world.root()
    }

    /// A command that must succeed, and ask for nothing.
    pub fn must(&self, arguments: &[&str]) -> Result<String, String> {
        Ok(self.one_of(&[0], arguments)?.stdout)
    }

    /// Whether it succeeds; it may also end with this other code.
    pub fn may(&self, code: i32, arguments: &[&str]) -> Result<bool, String> {
        Ok(self.one_of(&[0, code], arguments)?.code == 0)
    }

    /// Whether something was left to be rolled back.
    pub fn rolls_back(&self) -> Result<bool, String> {
        let output = self.one_of(&[0, 5], &["rollback", "--yes"])?;
        Ok(output.code == 0 && !output.stdout.contains("nothing to do"))
    }

    fn one_of(&self, codes: &[i32], arguments: &[&str]) -> Result<Output, String> {
        let output = self.world.snap(arguments);
        match codes.contains(&output.code) && is_content(&output) {
            true => Ok(output),
            false => Err(failed(arguments, &output)),
        }
    }

    /// The ids of all snapshots, the oldest first; `more` says which, and of which repository.
    pub fn snapshots(&self, more: &[&str]) -> Result<Vec<String>, String> {
        let listed = self.one_of(&[0, 5], &[&["snapshots", "--json"], more].concat())?;
        let snapshots = listed.stdout.lines().filter_map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).ok()?;
            Some((line["time"].as_str()?.to_owned(), line["id"].as_str()?.to_owned()))
        });
        let mut snapshots: Vec<(String, String)> = snapshots.collect();
        snapshots.sort();
        Ok(snapshots.into_iter().map(|(_, id)| id).collect())
    }

    /// Restores each promise into a folder of its own; `more` says from which repository.
    pub fn restores(&self, promises: &[Promise], more: &[&str]) -> Verdict {
        for Promise { id, tree } in promises {
            let what = format!("{id}:{}", self.path("bot").display());
            let _ = std::fs::remove_dir_all(self.path("restored"));
            let fixed = ["restore", what.as_str(), "--target", "restored"];
            self.must(&[&fixed[..], more].concat())?;
            // A backup takes them like all else, and a restore takes them for its own leftovers.
            let expected = without_leftovers(tree.clone());
            let found = without_leftovers(self.tree("restored"));
            is_same("restored", &expected, &found)
                .map_err(|why| format!("snapshot {id}: {why}"))?;
        }
        Ok(())
    }

    pub fn is_tree(&self, name: &str, expected: &Tree) -> Verdict {
        is_same(name, expected, &self.tree(name))
    }

    /// After an error what could not be removed may stay.
    pub fn is_tree_after(&self, run: &Run, expected: &Tree) -> Verdict {
        let found = self.tree("bot");
        match run.code {
            Some(1..) => is_same("bot", expected, &without_leftovers(found)),
            _ => is_same("bot", expected, &found),
        }
    }

    /// Backup, prune and check, with no other command, and all that was promised.
    pub fn goes_on(&self, mut promises: Vec<Promise>) -> Verdict {
        let output = self.must(&["backup", "--json", "bot"])?;
        promises.push(Promise { id: snapshot_id(&output)?, tree: self.tree("bot") });
        self.must(&["prune"])?;
        self.must(&["check", "--read-data"])?;
        self.restores(&promises, &[])
    }
}

fn is_same(name: &str, expected: &Tree, found: &Tree) -> Verdict {
    match difference(expected, found) {
        None => Ok(()),
        Some(lines) => Err(format!("{name} is not what it must be:\n{lines}")),
    }
}

/// All of a world takes the place of another state.
fn copy(from: &Path, to: &Path) {
    let script = "rm -rf \"$2/here\" \"$2/home\"; cp -a \"$1/here\" \"$1/home\" \"$2\"";
    let status = Command::new("sh").args(["-ec", script, "sh"]).arg(from).arg(to).status();
    assert!(status.unwrap().success(), "a copy of {}", from.display());
}

fn make_repository(path: PathBuf, reserve: u64) {
    let storage: Arc<dyn Storage> = Arc::new(LocalStorage::create(&path).unwrap());
    let everything = vec![("last".to_owned(), "unlimited".to_owned())];
    let config = RepositoryConfig {
        pack_size: PACK_BYTES,
        reserve,
        ..RepositoryConfig::standard(everything)
    };
    let options = repo::InitOptions { config, label: String::new() };
    let credential = Credential::KeyFile(Secret::new(KEY));
    let (clock, entropy) = (Arc::new(SystemClock), Arc::new(OsEntropy));
    let surroundings = Surroundings { clock, entropy, cache: None, workers: 1 };
    repo::init(Arc::clone(&storage), &credential, options, surroundings).unwrap();
    storage.restore_reserve(reserve).unwrap();
}

/// Nobody is asked to mend anything.
fn is_content(output: &Output) -> bool {
    let words = ["unlock", "repair", "panicked"];
    let texts = [&output.stdout, &output.stderr];
    !texts.iter().any(|text| words.iter().any(|word| text.contains(word)))
}

fn failed(arguments: &[&str], Output { stdout, stderr, code }: &Output) -> String {
    format!("`snap {}` ended with {code}:\n{stdout}\n{stderr}", arguments.join(" "))
}

/// The id in the summary that `backup --json` ends with.
pub fn snapshot_id(stdout: &str) -> Result<String, String> {
    let lines = stdout.lines().filter_map(|line| serde_json::from_str(line).ok());
    let summary =
        lines.into_iter().find(|line: &serde_json::Value| line["message_type"] == "summary");
    let id = summary.as_ref().and_then(|summary| summary["snapshot_id"].as_str());
    id.map(str::to_owned).ok_or_else(|| format!("no snapshot in {stdout}"))
}
