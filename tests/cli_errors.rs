//! What goes wrong around the command line: full disks, signals, closed pipes.

use crate::support::{World, noise};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// A world with a repository that a key file opens.
fn world() -> World {
    let mut world = World::new();
    world.set("SNAP_KEY_FILE", "key");
    world.set("SNAP_REPOSITORY", "repository");
    world.snap(["init"]).success();
    world
}

/// A small file system, unmounted when dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// `None` where mounting is not allowed.
    fn mount(path: PathBuf, size: &str) -> Option<Self> {
        std::fs::create_dir_all(&path).unwrap();
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "snap-test"])
            .arg(&path)
            .output();
        mount.is_ok_and(|output| output.status.success()).then_some(Self(path))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // What is left mounted shows in the temporary directory.
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_is_said_and_can_be_cleaned_up() {
    let mut world = World::new();
    let Some(_disk) = SmallDisk::mount(world.path("disk"), "40m") else {
        println!("not allowed to mount: passed over");
        return;
    };
    world.set("SNAP_KEY_FILE", "key");
    world.set("SNAP_REPOSITORY", "disk/repository");
    world.snap(["init"]).success();
    world.write("small/file", noise("", 1 << 20));
    world.write("large/file", noise("", 64 << 20));
    world.snap(["backup", "small"]).success();
    let output = world.snap(["backup", "large"]);
    assert_eq!(output.code, 1, "{}", output.stderr);
    for part in ["error: no space is left at ", "disk/repository", "`snap prune`"] {
        assert!(output.stderr.contains(part), "{}", output.stderr);
    }
    // What the failed backup left is given back, thanks to the reserve.
    let pruned = world.snap(["prune", "--wait", "0"]).success();
    assert!(pruned.contains("freed ") && !pruned.contains("freed 0 B"), "{pruned}");
    world.write("small/other", noise("", 1 << 20));
    world.snap(["backup", "small"]).success();
    world.snap(["check", "--read-data"]).success();
    // A policy too can be applied where not a byte is left.
    fill(&world.path("disk/rest"));
    let pruned = world.snap(["prune", "--keep-last", "1", "--yes"]).success();
    assert!(pruned.contains("freed "), "{pruned}");
    let snapshots = world.snap(["snapshots", "--json"]).success();
    assert_eq!(snapshots.lines().count(), 1, "{snapshots}");
}

/// Makes a file that takes all the space that is left.
fn fill(path: &Path) {
    let mut file = std::fs::File::create(path).unwrap();
    let zeros = [0; 512];
    while file.write_all(&zeros).is_ok() {}
}

/// Starts a backup of much data and sends it a signal when it has begun to write.
fn interrupted_backup(world: &World, signal: rustix::process::Signal) -> Output {
    let mut command = world.command(env!("CARGO_BIN_EXE_snap"));
    command.args(["backup", "--jobs", "1", "bot"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    wait_for(&world.path("repository/sessions"));
    let id = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(id, signal).unwrap();
    child.wait_with_output().unwrap()
}

fn wait_for(path: &Path) {
    let end = Instant::now() + Duration::from_secs(60);
    while !path.exists() {
        assert!(Instant::now() < end, "{} does not appear", path.display());
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_signal_ends_a_backup_cleanly() {
    for signal in [rustix::process::Signal::INT, rustix::process::Signal::TERM] {
        let world = world();
        world.write("bot/data", noise("", 100 << 20));
        let output = interrupted_backup(&world, signal);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(130), "{stderr}");
        assert!(stderr.starts_with("error: stopped\nhint: what was done is kept"), "{stderr}");
        assert!(world.snap(["snapshots"]).success().contains("0 snapshots"));
        world.snap(["backup", "bot"]).success();
        world.snap(["prune", "--wait", "0"]).success();
        world.snap(["check", "--read-data"]).success();
    }
}

#[test]
fn who_closes_the_pipe_has_seen_enough() {
    let world = world();
    for number in 0..3000 {
        world.write(format!("bot/a file with a rather long name, number {number}"), "");
    }
    world.snap(["backup", "bot"]).success();
    let mut command = world.command(env!("CARGO_BIN_EXE_snap"));
    command.args(["ls", "-q", "latest"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    drop(stdout);
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!((child.wait().unwrap().code(), stderr.as_str()), (Some(0), ""));
    assert!(line.contains("number 0"), "{line}");
}

#[test]
fn output_that_cannot_be_written_is_an_error() {
    let world = world();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut command = world.command(env!("CARGO_BIN_EXE_snap"));
    let output = command.args(["snapshots"]).stdout(full).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("cannot write the output"), "{stderr}");
}

#[test]
fn children_do_not_see_the_password() {
    let mut world = World::new();
    world.set("SNAP_REPOSITORY", "repository");
    let command = "echo \"${SNAP_PASSWORD-not there}\"";
    world.snap(["init", "--password-command", command]).success();
    world.set("SNAP_PASSWORD", "not there");
    world.snap(["snapshots"]).success();
}

#[test]
fn without_a_usable_cache_it_works_too() {
    let mut world = world();
    world.write("not a folder", "");
    world.set("SNAP_CACHE_DIR", world.path("not a folder"));
    world.write("bot/config.py", "PORT = 8000");
    let output = world.snap(["backup", "bot"]);
    assert_eq!(output.code, 0, "{}", output.stderr);
    assert!(output.stderr.starts_with("warning: "), "{}", output.stderr);
    assert_eq!(world.snap(["--no-cache", "check"]).stderr, "");
}
