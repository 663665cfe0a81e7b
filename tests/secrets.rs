//! No secret is anywhere but where the user put it: not in what is printed, however much that is,
//! not in what other programs are told, not in the repository, its cache or the user's folders.

mod canary;
mod table;

use super::support::{Mongod, Output, Role, World, run};
use canary::Canary;
use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;

const PASSWORD: &str = "canary+Pass/wörd 7f3a";
const OTHER_PASSWORD: &str = "canary+Other/pass=91c4";
const DATABASE_PASSWORD: &str = "canary-Mongo-5e8b";
const STORAGE_KEY: &str = "canary/AWS+secret/c0ffee";

/// The folder with what the user keeps secret; nothing else may hold any of it.
const INPUTS: &str = "inputs";
/// What children were given.
const CHILDREN: &str = "children.log";

/// Tells what it was given, and what limits its parent has, then what the file says.
const CHILD: &str = r#"#!/bin/sh
{
    env
    tr '\0' '\n' < /proc/$$/environ
    tr '\0' '\n' < /proc/$$/cmdline
    grep -i 'core file' /proc/$PPID/limits
} >> "$CHILDREN"
cat "$INPUT"
"#;

struct Watch {
    world: World,
    canaries: Vec<Canary>,
    database: String,
    _mongod: Option<Mongod>,
}

impl Watch {
    fn new() -> Self {
        let mut world = World::new();
        let mongod = Mongod::start(Role::Standalone);
        let server =
            mongod.as_ref().map_or("mongodb://127.0.0.1:9/bot".into(), |one| one.address("bot"));
        let with_password = format!("mongodb://canary:{DATABASE_PASSWORD}@");
        let database = server.replace("mongodb://", &with_password)
            + "?connectTimeoutMS=500&serverSelectionTimeoutMS=500";
        for (name, content) in [
            ("password", format!("{PASSWORD}\n")),
            ("other", format!("{OTHER_PASSWORD}\n")),
            ("mongodb", format!("{database}\n")),
            ("child", CHILD.to_owned()),
        ] {
            world.write(format!("{INPUTS}/{name}"), content);
        }
        let script = world.path(format!("{INPUTS}/child"));
        std::fs::set_permissions(script, std::fs::Permissions::from_mode(0o755)).unwrap();
        world.write("bot/config.py", "PORT = 8000\n");
        world.set("SNAP_REPOSITORY", "repository");
        world.set("SNAP_PASSWORD", PASSWORD);
        world.set("SNAP_TO_PASSWORD", OTHER_PASSWORD);
        world.set("CHILDREN", world.path(CHILDREN));
        world.set("INPUT", world.path(format!("{INPUTS}/password")));
        world.set("AWS_ACCESS_KEY_ID", "somebody");
        world.set("AWS_SECRET_ACCESS_KEY", STORAGE_KEY);
        let canaries = [
            ("password", PASSWORD),
            ("other password", OTHER_PASSWORD),
            ("password of the database", DATABASE_PASSWORD),
            ("key of the storage", STORAGE_KEY),
        ];
        let canaries = canaries.map(|(name, secret)| Canary::new(name, secret.as_bytes()));
        Self { world, canaries: canaries.into(), database, _mongod: mongod }
    }

    /// Runs it, as talkative as can be, and looks at what it printed.
    fn snap(&self, arguments: &[&str]) -> Output {
        let named = |word: &&str| word.replace("DATABASE", &self.database);
        let mut last = Output::default();
        for talk in [&["-vvv"][..], &["--json", "-vvv"]] {
            let mut command = self.world.command("timeout");
            command.args(["60", env!("CARGO_BIN_EXE_snap")]);
            command.args(talk).args(arguments.iter().map(&named));
            last = run(&mut command);
            for (what, text) in [("prints", &last.stdout), ("complains of", &last.stderr)] {
                let found = self.found(text.as_bytes());
                assert_eq!(found, None, "snap {arguments:?} {what} it:\n{text}");
            }
        }
        last
    }

    fn found(&self, bytes: &[u8]) -> Option<String> {
        self.canaries.iter().find_map(|canary| canary.find(bytes))
    }

    /// The content of a key file is a secret like any other.
    fn guard_key(&mut self, path: &str) {
        let text = std::fs::read_to_string(self.world.path(path)).unwrap();
        let digits = text.lines().find_map(|line| line.strip_prefix("snap-key-1 ")).unwrap();
        let pair = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
        let bytes: Vec<u8> = (0..64).step_by(2).map(pair).collect();
        self.canaries.push(Canary::new("key file", &bytes));
    }

    /// Looks at every file, and at every name, but the inputs.
    fn look_everywhere(&self) {
        let mut pending = vec![self.world.here(), self.world.home()];
        let mut files = 0;
        while let Some(folder) = pending.pop() {
            for entry in std::fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                let name = path.as_os_str().as_encoded_bytes();
                assert_eq!(self.found(name), None, "a name: {}", path.display());
                let kind = path.symlink_metadata().unwrap().file_type();
                if kind.is_dir() && path != self.world.path(INPUTS) {
                    pending.push(path);
                } else if kind.is_file() {
                    let bytes = std::fs::read(&path).unwrap();
                    // A program that the user names is given the user's own variables.
                    let is_log = path == self.world.path(CHILDREN);
                    let canaries = self.canaries.iter();
                    let mut canaries =
                        canaries.filter(|canary| !is_log || canary.name != "key of the storage");
                    let found = canaries.find_map(|canary| canary.find(&bytes));
                    assert_eq!(found, None, "{}", path.display());
                    files += 1;
                }
            }
        }
        assert!(files > 20, "{files} files were looked at");
    }
}

#[test]
fn no_command_tells_a_secret() {
    let mut watch = Watch::new();
    let mut tried = BTreeSet::new();
    for (command, runs) in table::COMMANDS {
        tried.insert((*command).to_owned());
        for arguments in *runs {
            let words: Vec<&str> = command.split(' ').chain(arguments.iter().copied()).collect();
            watch.snap(&words);
            if words.contains(&"--new-key-file") {
                watch.guard_key("inputs/key");
            }
        }
    }
    assert_eq!(tried, table::all(&watch.world), "the table of commands is not that of snap");
    watch.look_everywhere();
    let children = std::fs::read_to_string(watch.world.path(CHILDREN)).unwrap();
    assert!(children.contains("AWS_ACCESS_KEY_ID=somebody"), "children were seen");
    for name in ["SNAP_PASSWORD=", "SNAP_TO_PASSWORD=", "SNAP_MONGODB="] {
        assert!(!children.contains(name), "{name} was given to a child");
    }
    let limits: Vec<&str> = children.lines().filter(|line| line.contains("core file")).collect();
    let none = |line: &&str| line.split_whitespace().filter(|word| *word == "0").count() == 2;
    assert!(!limits.is_empty() && limits.iter().all(none), "{limits:?}");
}

#[test]
fn a_crash_leaves_no_core() {
    let watch = Watch::new();
    watch.world.snap(["init"]).success();
    let snap = env!("CARGO_BIN_EXE_snap");
    let script = format!(
        "ulimit -c unlimited; cd here && {snap} backup --command -- sh -c 'kill -ABRT $PPID; sleep 5'"
    );
    let mut command = watch.world.command("bash");
    let output =
        run(command.current_dir(watch.world.here().parent().unwrap()).args(["-c", &script]));
    assert_eq!(output.code, 134, "{}", output.stderr);
    let names = std::fs::read_dir(watch.world.here()).unwrap();
    let names: Vec<_> =
        names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert!(!names.iter().any(|name| name.starts_with("core")), "{names:?}");
}
