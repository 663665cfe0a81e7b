//! A machine with a disk: its life, and what is left of it after a cut.

use crate::support::{Chance, World, noise};
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

const PART: usize = 64 << 10;

/// Why no disk can be made here, if so; said loudly.
pub fn is_impossible() -> bool {
    let obstacle = if !rustix::process::geteuid().is_root() {
        "only root may mount"
    } else if fs::File::options().read(true).write(true).open("/dev/fuse").is_err() {
        "/dev/fuse cannot be opened"
    } else if fs::File::options().read(true).write(true).open("/dev/loop-control").is_err() {
        "there are no loop devices"
    } else if FileSystem::there().is_empty() {
        "there is no mkfs"
    } else {
        return false;
    };
    eprintln!("NOT RUN: no power was cut, for {obstacle}");
    true
}

/// How to make a file system.
pub struct FileSystem {
    pub name: &'static str,
    options: &'static [&'static str],
    size: usize,
}

const KNOWN: [FileSystem; 3] = [
    FileSystem { name: "ext4", options: &["-q", "-F", "-J", "size=4"], size: 64 << 20 },
    FileSystem { name: "xfs", options: &["-q", "-f"], size: 320 << 20 },
    FileSystem { name: "btrfs", options: &["-q", "-f"], size: 128 << 20 },
];

impl FileSystem {
    /// Those that this machine can make.
    pub fn there() -> Vec<Self> {
        let is_there = |known: &FileSystem| {
            Command::new(format!("mkfs.{}", known.name)).arg("-V").output().is_ok()
        };
        KNOWN.into_iter().filter(is_there).collect()
    }

    /// The bytes of a new one.
    pub fn make(&self, machine: &Machine) -> Vec<u8> {
        let path = machine.path("blank");
        fs::File::create(&path).unwrap().set_len(self.size as u64).unwrap();
        let mut make = Command::new(format!("mkfs.{}", self.name));
        run(make.args(self.options).arg(&path));
        let bytes = fs::read(&path).unwrap();
        fs::remove_file(path).unwrap();
        bytes
    }
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{command:?}: {said}");
}

/// What is zero is a hole.
fn write_sparse(path: &Path, image: &[u8]) {
    let file = fs::File::create(path).unwrap();
    file.set_len(image.len() as u64).unwrap();
    for (number, part) in image.chunks(PART).enumerate() {
        if part.iter().any(|byte| *byte != 0) {
            file.write_all_at(part, (number * PART) as u64).unwrap();
        }
    }
}

/// A mounted image, unmounted when it is dropped.
pub struct MountedImage(PathBuf);

impl MountedImage {
    pub fn new(image: &Path, place: &Path) -> Self {
        fs::create_dir_all(place).unwrap();
        run(Command::new("mount").args(["-o", "loop"]).arg(image).arg(place));
        Self(place.to_path_buf())
    }
}

impl Drop for MountedImage {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).output();
    }
}

/// A snapshot that reported success.
struct Promise {
    /// The tree that it holds, kept elsewhere.
    tree: String,
    id: String,
    /// The position of the disk when it was there, and when it began to be forgotten.
    since: usize,
    until: usize,
}

pub struct Machine {
    world: World,
    initialised: usize,
    promises: Vec<Promise>,
}

impl Machine {
    /// Everything on the disk but the key and what is backed up.
    pub fn new() -> Self {
        let mut world = World::new();
        world.set("SNAP_REPOSITORY", "disk/repository");
        world.set("SNAP_CACHE_DIR", "disk/cache");
        world.set("SNAP_KEY_FILE", "key");
        world.write("key", format!("snap-key-1 {}\n", "5a".repeat(32)));
        Self { world, initialised: 0, promises: Vec::new() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.world.path(name)
    }

    /// A few backups, a prune, another key, and backups again.
    pub fn live(&mut self, position: impl Fn() -> usize) {
        let mut chance = Chance::new(5);
        self.world.snap(["init", "-q"]).success();
        self.initialised = position();
        for round in 0..3 {
            self.back_up(round, &mut chance, &position);
        }
        let begun = position();
        self.world.snap(["prune", "-q", "--keep-last", "1"]).success();
        let forgotten = self.promises.len() - 1;
        self.promises[..forgotten].iter_mut().for_each(|promise| promise.until = begun);
        self.world.snap(["key", "add", "-q", "--new-key-file", "another"]).success();
        for round in 3..5 {
            self.back_up(round, &mut chance, &position);
        }
    }

    fn back_up(&mut self, round: usize, chance: &mut Chance, position: &impl Fn() -> usize) {
        for file in 0..20 {
            if round == 0 || chance.below(4) == 0 {
                let size = 1 << chance.below(18);
                let content = noise(&format!("{round} {file}"), size);
                self.world.write(format!("bot/{}/{file}", file % 3), content);
            }
        }
        let said = self.world.snap(["backup", "--json", "-q", "bot"]).success();
        let summary: serde_json::Value =
            serde_json::from_str(said.lines().last().unwrap()).unwrap();
        let tree = format!("kept{round}");
        run(Command::new("cp").arg("-a").arg(self.path("bot")).arg(self.path(&tree)));
        let id = summary["snapshot_id"].as_str().unwrap().to_owned();
        self.promises.push(Promise { tree, id, since: position(), until: usize::MAX });
    }

    /// What a cut at `position` left is whole, and goes on.
    pub fn examine(&self, file_system: &FileSystem, image: &[u8], position: usize, seed: u64) {
        let (path, place) = (self.path("image"), self.path("disk"));
        write_sparse(&path, image);
        let mounted = MountedImage::new(&path, &place);
        let cut = format!("{}, cut at {position}, seed {seed}", file_system.name);
        let does = |arguments: &[&str]| {
            let output = self.world.snap(arguments);
            let said = format!("{}{}", output.stdout, output.stderr);
            assert_eq!(output.code, 0, "{cut}: snap {arguments:?}: {said}");
        };
        if position < self.initialised {
            // It did not report success: it can be run again, or was there already.
            let output = self.world.snap(["init", "-q"]);
            let was_there = output.stderr.contains("there is a repository");
            assert!(output.code == 0 || was_there, "{cut}: init: {}", output.stderr);
        }
        does(&["check", "--read-data", "-q"]);
        for promise in &self.promises {
            if (promise.since..promise.until).contains(&position) {
                does(&["restore", "-q", &promise.id, "--target", "back"]);
                let back = format!("back{}", self.path("bot").display());
                let compared = self.world.manifest([promise.tree.as_str(), &back]);
                assert_eq!(compared.code, 0, "{cut}: {} {}", promise.id, compared.stdout);
                fs::remove_dir_all(self.path("back")).unwrap();
            }
        }
        does(&["backup", "-q", "bot"]);
        does(&["prune", "-q", "--keep-last", "1"]);
        does(&["check", "--read-data", "-q"]);
        drop(mounted);
        fs::remove_file(path).unwrap();
    }
}
