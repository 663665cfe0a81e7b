//! What `snap dump` writes is read by the programs that everybody has.

use crate::support::{World, noise};
use rustix::fs::XattrFlags;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, SystemTime};

/// A world with a snapshot of `bot`, which has something of everything that a tar can hold.
fn world() -> World {
    let mut world = World::new();
    world.set("SNAP_KEY_FILE", "key");
    world.set("SNAP_REPOSITORY", "repository");
    world.snap(["init"]).success();
    world.write("bot/config.py", "PORT = 8000\n");
    world.write("bot/empty", "");
    world.write("bot/data/noise", noise("", 3 << 20));
    world.write(Path::new("bot/data").join("long-".repeat(40)), "long");
    world.write(Path::new("bot/data").join(OsStr::from_bytes(b"odd\xff \n\x1b")), "odd");
    std::fs::hard_link(world.path("bot/config.py"), world.path("bot/data/same")).unwrap();
    std::os::unix::fs::symlink("../é".repeat(60), world.path("bot/link")).unwrap();
    sparse(&world.path("bot/sparse"));
    rustix::fs::mkfifoat(
        rustix::fs::CWD,
        world.path("bot/fifo"),
        rustix::fs::Mode::from_raw_mode(0o640),
    )
    .unwrap();
    let config = world.path("bot/config.py");
    // Where the file system has none the rest is compared.
    let _ = rustix::fs::setxattr(&config, "user.note", b"a=b\n\0c", XattrFlags::empty());
    let _ = rustix::fs::setxattr(&config, "user.odd=%", b"", XattrFlags::empty());
    touch(&config, SystemTime::UNIX_EPOCH + Duration::new(1_700_000_000, 123_456_789));
    touch(&world.path("bot/empty"), SystemTime::UNIX_EPOCH - Duration::new(5, 250_000_000));
    world.snap(["backup", "bot"]).success();
    world
}

fn sparse(path: &Path) {
    let file = std::fs::File::create(path).unwrap();
    file.write_all_at(b"begin", 1 << 20).unwrap();
    file.write_all_at(b"end", 5 << 20).unwrap();
    file.set_len(9 << 20).unwrap();
}

fn touch(path: &Path, time: SystemTime) {
    std::fs::File::options().read(true).open(path).unwrap().set_modified(time).unwrap();
}

/// The bytes that a command prints; it must succeed.
#[track_caller]
fn bytes(mut command: Command) -> Vec<u8> {
    let Output { status, stdout, stderr } = command.output().unwrap();
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    stdout
}

fn snap(world: &World, arguments: &[&str]) -> Vec<u8> {
    let mut command = world.command(env!("CARGO_BIN_EXE_snap"));
    command.args(arguments);
    bytes(command)
}

#[test]
fn tar_brings_everything_back() {
    let world = world();
    std::fs::write(world.path("bot.tar"), snap(&world, &["dump", "latest", "bot"])).unwrap();
    std::fs::create_dir(world.path("out")).unwrap();
    let mut tar = world.command("tar");
    tar.args(["--xattrs", "--xattrs-include=*", "-xpf", "bot.tar", "-C", "out"]);
    assert_eq!(bytes(tar), b"");
    let same = world.manifest(["bot", "out/bot"]).success();
    assert!(same.starts_with("same"), "{same}");
}

#[test]
fn other_programs_read_the_tar_too() {
    let world = world();
    world.snap(["dump", "latest:bot", "--target", "bot.tar"]).success();
    let mut python = world.command("python3");
    let script = "import tarfile, sys
tar = tarfile.open('bot.tar')
config, same, sparse, empty = (
    tar.getmember(name) for name in ['bot/config.py', 'bot/data/same', 'bot/sparse', 'bot/empty'])
assert config.islnk() != same.islnk(), (config.type, same.type)
assert tar.extractfile('bot/data/same').read() == b'PORT = 8000\\n'
assert abs(config.mtime - 1700000000.123456789) < 1e-6, config.mtime
assert empty.mtime == -5.25, empty.mtime
content = tar.extractfile(sparse).read()
assert len(content) == 9 << 20 and content.rstrip(b'\\0').endswith(b'end'), len(content)
print(len(tar.getmembers()))";
    python.args(["-c", script]);
    assert_eq!(String::from_utf8(bytes(python)).unwrap(), "11\n");
}

#[test]
fn zip_is_read_by_python_and_unzip() {
    let world = world();
    // A FIFO is named, and the rest is there.
    let output = world.snap(["dump", "latest", "bot", "--archive", "zip", "--target", "bot.zip"]);
    assert_eq!(output.code, 1, "{}", output.stderr);
    assert!(output.stderr.contains("a zip cannot hold a FIFO"), "{}", output.stderr);
    let script = "import zipfile, stat
zip = zipfile.ZipFile('bot.zip')
assert zip.testzip() is None
assert zip.read('bot/config.py') == b'PORT = 8000\\n'
assert len(zip.read('bot/sparse')) == 9 << 20
mode = zip.getinfo('bot/link').external_attr >> 16
assert stat.S_ISLNK(mode), oct(mode)
assert zip.getinfo('bot/config.py').date_time == (2023, 11, 14, 22, 13, 20)";
    let mut python = world.command("python3");
    python.args(["-c", script]);
    bytes(python);
    let mut unzip = world.command("unzip");
    unzip.args(["-q", "bot.zip", "bot/data/noise", "bot/link", "bot/config.py", "-d", "out"]);
    bytes(unzip);
    assert!(std::fs::read(world.path("out/bot/data/noise")).unwrap() == noise("", 3 << 20));
    assert!(world.path("out/bot/link").is_symlink());
    let modified = std::fs::metadata(world.path("out/bot/config.py")).unwrap().modified().unwrap();
    assert_eq!(modified, SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000));
}

#[test]
fn a_file_is_its_bytes() {
    let world = world();
    assert!(snap(&world, &["dump", "latest", "bot/data/noise"]) == noise("", 3 << 20));
    assert!(
        snap(&world, &["dump", "latest:bot/sparse"])
            == std::fs::read(world.path("bot/sparse")).unwrap()
    );
}

#[test]
fn what_has_no_content_is_named() {
    let world = world();
    for (path, what) in [("bot/link", "it is a symbolic link to ../"), ("bot/fifo", "a FIFO")] {
        let output = world.snap(["dump", "latest", path]);
        assert_eq!((output.code, output.stdout.as_str()), (5, ""));
        assert!(output.stderr.contains(what), "{}", output.stderr);
    }
}

#[test]
fn whoever_has_read_enough_hears_no_complaint() {
    let world = world();
    let mut command = world.command("sh");
    let script = format!("{} dump latest bot | head -c 1000", env!("CARGO_BIN_EXE_snap"));
    command.args(["-c", &script]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = command.output().unwrap();
    assert_eq!((output.stdout.len(), String::from_utf8_lossy(&output.stderr).as_ref()), (1000, ""));
}

#[test]
fn no_terminal_gets_an_archive() {
    let world = world();
    let output = world.terminal(&[], &["dump", "latest", "bot"]);
    assert_eq!(output.code, 2, "{}", output.stdout);
    assert!(output.stdout.contains("which no terminal can show"), "{}", output.stdout);
}

#[test]
fn a_target_appears_whole_or_not_at_all() {
    let world = world();
    world.write("out/config.py", "old");
    world.snap(["dump", "latest", "bot/config.py", "--target", "out/config.py"]).success();
    assert_eq!(std::fs::read(world.path("out/config.py")).unwrap(), b"PORT = 8000\n");
    for pack in glob(&world.path("repository/packs")) {
        let content = std::fs::read(&pack).unwrap();
        if content.len() > 1 << 20 {
            std::fs::remove_file(&pack).unwrap();
            std::fs::write(&pack, &content[..content.len() / 2]).unwrap();
        }
    }
    let output = world.snap(["dump", "latest", "bot", "--target", "out/bot.tar"]);
    assert_eq!(output.code, 4, "{}", output.stderr);
    let names: Vec<_> = std::fs::read_dir(world.path("out"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(names, ["config.py"]);
}

fn glob(packs: &Path) -> Vec<std::path::PathBuf> {
    let folders = std::fs::read_dir(packs).unwrap().map(|entry| entry.unwrap().path());
    let files = folders.flat_map(|folder| std::fs::read_dir(folder).unwrap());
    files.map(|entry| entry.unwrap().path()).collect()
}
