//! `snap mount`: what is seen through it is what was backed up.

use crate::support::World;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A mount that takes so long to end hangs.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why nothing can be mounted here, if so.
fn obstacle() -> Option<&'static str> {
    if !cfg!(feature = "mount") {
        return Some("built without the feature mount");
    }
    if fs::OpenOptions::new().read(true).write(true).open("/dev/fuse").is_err() {
        return Some("/dev/fuse cannot be opened");
    }
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let capabilities = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let bits = capabilities.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok()).unwrap_or(0);
    let helper = Command::new("fusermount3").arg("-V").output().is_ok();
    match bits & (1 << 21) != 0 || helper {
        true => None,
        false => Some("neither CAP_SYS_ADMIN nor fusermount3"),
    }
}

/// Says why, and returns whether the test has to be left out.
fn is_impossible() -> bool {
    let obstacle = obstacle();
    if let Some(why) = obstacle {
        eprintln!("skipped: {why}");
    }
    obstacle.is_some()
}

/// A running `snap mount`, unmounted in any case.
struct Mount {
    child: Child,
    path: PathBuf,
    /// What it says when it is ready.
    line: String,
}

impl Mount {
    fn new(world: &World, arguments: &[&str]) -> Self {
        let path = world.path("mounted");
        fs::create_dir_all(&path).unwrap();
        let mut command = world.command(env!("CARGO_BIN_EXE_snap"));
        command.arg("mount").args(arguments).arg(&path);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let mount = Self { child, path, line };
        if !mount.line.contains("snapshot") {
            let (code, stderr) = mount.end("INT");
            panic!("{code:?}: {stderr}");
        }
        mount
    }

    fn path(&self, relative: &str) -> PathBuf {
        self.path.join(relative)
    }

    /// Ends it by a signal, or by `umount` if none is named; the code, and standard error.
    fn end(mut self, signal: &str) -> (Option<i32>, String) {
        let id = self.child.id().to_string();
        let _ = match signal {
            "" => Command::new("umount").arg(&self.path).status(),
            signal => Command::new("kill").args(["-s", signal, &id]).status(),
        };
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end && self.child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(10));
        }
        let code = self.child.try_wait().unwrap().and_then(|status| status.code());
        let mut stderr = String::new();
        if code.is_some() {
            self.child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        }
        (code, stderr)
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
        if mounts.contains(self.path.to_str().unwrap()) {
            let _ = Command::new("umount").arg("-l").arg(&self.path).status();
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn world() -> World {
    let mut world = World::new();
    world.set("SNAP_REPOSITORY", "repository");
    world.set("SNAP_KEY_FILE", "key");
    world.snap(["init", "-q"]).success();
    world
}

fn shell(world: &World, script: &str) {
    let status = world.command("sh").args(["-ec", script]).status().unwrap();
    assert!(status.success(), "{script}");
}

/// Below the mount, what lies at `name` in the world.
fn inside(world: &World, snapshot: &str, name: &str) -> String {
    format!("{snapshot}{}", world.path(name).display())
}

/// Bytes that do not compress, the same for the same seed.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut reader = blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof();
    let mut bytes = vec![0; length];
    reader.fill(&mut bytes);
    bytes
}

const TREE: &str = r#"
    mkdir -p tree/sub/deep tree/empty; chmod 750 tree/sub
    printf one > tree/file; ln tree/file tree/sub/link; ln tree/file tree/sub/deep/third
    ln -s ../file tree/sub/symlink; ln -s /nowhere tree/dangling; mkfifo tree/fifo
    truncate -s 3M tree/sparse; printf middle | dd of=tree/sparse bs=1 seek=1048576 conv=notrunc status=none
    printf x > "tree/$(printf 'odd\377\n name')"; : > tree/nothing
    python3 -c "import os; os.setxattr('tree/file', 'user.note', b'kept'); os.setxattr('tree/sub', 'user.big', b'v' * 3000)"
    [ "$(id -u)" != 0 ] || { mknod tree/null c 1 3; mknod tree/disk b 259 70000; chown 12:34 tree/nothing; chmod 4711 tree/nothing; }
    touch -h -d '@-1.25' tree/dangling; touch -d '@1500000000.123456789' tree/sub/link
"#;

#[test]
fn every_version_is_as_it_was() {
    if is_impossible() {
        return;
    }
    let world = world();
    shell(&world, TREE);
    fs::write(world.path("tree/large"), noise(1, 5_000_000)).unwrap();
    let changes = [
        "true",
        "printf two > tree/sub/new; rm tree/sub/symlink; chmod 600 tree/sparse",
        "printf more >> tree/large; rm -r tree/empty; mv tree/fifo tree/pipe",
        "rm tree/sub/deep/third; printf end >> tree/sparse; touch -d @5.5 tree/sub",
    ];
    let times = ["2025-11-28T02:00", "2025-11-28T03:00", "2025-11-29T02:00", "2025-11-30T02:00"];
    for (version, (change, time)) in changes.into_iter().zip(times).enumerate() {
        shell(&world, change);
        shell(&world, &format!("cp -a tree version{version}"));
        world.snap(["backup", "-q", "--time", time, "tree"]).success();
    }
    let mount = Mount::new(&world, &[]);
    for (version, time) in times.iter().enumerate() {
        let original = format!("version{version}");
        let name = format!("mounted/by-time/{}-00Z", time.replace(':', "-"));
        let seen = inside(&world, &name, "tree");
        world.manifest([&original, &seen]).success();
        // A pipe has nothing to compare.
        shell(&world, &format!("rm -f {original}/fifo {original}/pipe"));
        let differs =
            format!("diff -r --no-dereference -x fifo -x pipe -x null -x disk {original} {seen}");
        shell(&world, &differs);
    }
    let links = |name: &str| {
        let path = mount.path(&inside(&world, "latest", name));
        let metadata = fs::symlink_metadata(path).unwrap();
        (metadata.ino(), metadata.nlink())
    };
    assert_eq!(links("tree/file"), links("tree/sub/link"));
    assert_eq!(links("tree/file").1, 2);
    assert_eq!(links("tree/large").1, 1);
    let blocks = fs::metadata(mount.path(&inside(&world, "latest", "tree/sparse"))).unwrap();
    assert!(blocks.blocks() * 512 < blocks.size() / 10, "{}", blocks.blocks());
    assert_eq!(mount.end("INT"), (Some(0), String::new()));
}

#[test]
fn eight_readers_at_once_read_what_was_written() {
    if is_impossible() {
        return;
    }
    let world = world();
    let files: Vec<Vec<u8>> = (0..8).map(|seed| noise(seed, 3_000_000 + seed as usize)).collect();
    for (number, content) in files.iter().enumerate() {
        world.write(format!("tree/{number}"), content);
    }
    world.snap(["backup", "-q", "tree"]).success();
    let mount = Mount::new(&world, &[]);
    let folder = mount.path(&inside(&world, "latest", "tree"));
    std::thread::scope(|scope| {
        for reader in 0..8 {
            let (folder, files) = (&folder, &files);
            scope.spawn(move || {
                for step in 0..files.len() {
                    let number = (reader + step) % files.len();
                    let path = folder.join(number.to_string());
                    assert!(fs::read(&path).unwrap() == files[number], "{number}");
                    at_odd_places(&path, &files[number], reader);
                }
            });
        }
    });
    assert_eq!(mount.end("TERM").0, Some(0));
}

/// Reads backwards, in pieces of no round length.
fn at_odd_places(path: &Path, content: &[u8], seed: usize) {
    let file = fs::File::open(path).unwrap();
    let mut buffer = vec![0; 70_001 + seed];
    for start in (0..content.len()).step_by(612_345).rev() {
        let count = file.read_at(&mut buffer, start as u64).unwrap();
        assert!(count > 0 && buffer[..count] == content[start..start + count]);
    }
}

#[test]
fn a_folder_of_a_hundred_thousand_names_is_listed() {
    if is_impossible() {
        return;
    }
    let world = world();
    fs::create_dir(world.path("tree")).unwrap();
    for number in 0..100_000 {
        fs::File::create(world.path(format!("tree/a name with its number {number}"))).unwrap();
    }
    world.snap(["backup", "-q", "tree"]).success();
    let mount = Mount::new(&world, &[]);
    let folder = mount.path(&inside(&world, "latest", "tree"));
    let names = || -> Vec<_> {
        fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect()
    };
    let (first, second) = (names(), names());
    assert!(first == second);
    let mut sorted = first;
    sorted.sort();
    sorted.dedup();
    assert_eq!(sorted.len(), 100_000);
    for number in [0, 50_000, 99_999] {
        let path = folder.join(format!("a name with its number {number}"));
        assert_eq!(fs::metadata(path).unwrap().len(), 0);
    }
    assert!(!folder.join("a name with its number 100000").exists());
    assert_eq!(mount.end("INT").0, Some(0));
}

#[test]
fn new_snapshots_appear_and_nothing_can_be_changed() {
    if is_impossible() {
        return;
    }
    let world = world();
    world.write("tree/file", "one");
    world.snap(["backup", "-q", "--host", "bot", "--tag", "a", "tree"]).success();
    let mount = Mount::new(&world, &[]);
    let file = mount.path(&inside(&world, "latest", "tree/file"));
    assert_eq!(fs::read_to_string(&file).unwrap(), "one");
    let before = fs::read_link(mount.path("latest")).unwrap();
    world.write("tree/file", "two");
    let later = "2031-01-01";
    world.snap(["backup", "-q", "--host", "web", "--time", later, "tree"]).success();
    wait_for(|| fs::read_dir(mount.path("hosts")).unwrap().count() == 2);
    wait_for(|| fs::read_dir(mount.path("by-id")).unwrap().count() == 2);
    assert_eq!(fs::read_dir(mount.path("tags/a")).unwrap().count(), 2);
    assert_eq!(fs::read_to_string(&file).unwrap(), "one", "{before:?}");
    let web = mount.path(&inside(&world, "hosts/web/2031-01-01T00-00-00Z", "tree/file"));
    assert_eq!(fs::read_to_string(web).unwrap(), "two");
    let refused = fs::write(&file, "three").unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ReadOnlyFilesystem);
    assert_eq!(mount.end(""), (Some(0), String::new()));
}

fn wait_for(condition: impl Fn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < end);
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn filters_choose_what_is_shown() {
    if is_impossible() {
        return;
    }
    let world = world();
    world.write("tree/file", "one");
    for host in ["bot", "web"] {
        world.snap(["backup", "-q", "--host", host, "tree"]).success();
    }
    let mount = Mount::new(&world, &["--host", "web", "--json"]);
    let line: serde_json::Value = serde_json::from_str(&mount.line).unwrap();
    assert_eq!(line["message_type"], "mounted");
    assert_eq!(line["snapshots"], 1);
    let hosts: Vec<_> = fs::read_dir(mount.path("hosts")).unwrap().collect();
    assert_eq!(hosts.len(), 1);
    assert_eq!(hosts[0].as_ref().unwrap().file_name(), "web");
    assert_eq!(fs::read_dir(mount.path("by-id")).unwrap().count(), 1);
    mount.end("INT");
}

#[test]
fn damage_is_an_error_of_the_file_said_and_marked() {
    if is_impossible() {
        return;
    }
    let world = world();
    world.write("tree/broken", noise(1, 100_000));
    world.snap(["backup", "-q", "tree"]).success();
    let mut packs = Vec::new();
    for folder in fs::read_dir(world.path("repository/packs")).unwrap() {
        packs
            .extend(fs::read_dir(folder.unwrap().path()).unwrap().map(|pack| pack.unwrap().path()));
    }
    let largest = packs.iter().max_by_key(|pack| pack.metadata().unwrap().len()).unwrap();
    let mut content = fs::read(largest).unwrap();
    let middle = content.len() / 2;
    content[middle] = !content[middle];
    fs::remove_file(largest).unwrap();
    fs::write(largest, content).unwrap();
    let mount = Mount::new(&world, &[]);
    let broken = mount.path(&inside(&world, "latest", "tree/broken"));
    for _ in 0..2 {
        assert_eq!(fs::read(&broken).unwrap_err().raw_os_error(), Some(5));
    }
    assert_eq!(fs::read_dir(world.path("repository/damaged")).unwrap().count(), 1);
    let (code, stderr) = mount.end("INT");
    assert_eq!(code, Some(0));
    assert_eq!(stderr.matches("warning: broken of snapshot").count(), 1, "{stderr}");
}

#[test]
fn one_that_is_in_use_can_be_left() {
    if is_impossible() {
        return;
    }
    let world = world();
    world.write("tree/file", "one");
    world.snap(["backup", "-q", "tree"]).success();
    let mount = Mount::new(&world, &[]);
    let file = fs::File::open(mount.path(&inside(&world, "latest", "tree/file"))).unwrap();
    let path = mount.path.clone();
    assert_eq!(mount.end("INT").0, Some(0));
    drop(file);
    assert_eq!(fs::read_dir(path).unwrap().count(), 0);
}
