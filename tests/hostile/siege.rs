//! Every command that reads, against one hostile repository.

use super::attacks::{Attack, Outcome};
use super::forge::{Forge, PASSWORD};
use crate::support::{Output, World, run};
use std::cell::Cell;
use std::collections::BTreeSet;
use std::path::Path;

/// KiB, above Argon2's own, which is nothing here.
const MOST_MEMORY: u64 = 512 << 10;

/// Seconds after which a command is interrupted. It must end then, within ten more: see
/// `tests/support/measured`. Where it may be stopped: after fewer.
const PATIENCE: &str = "120";
const PATIENCE_WITH_VAST: &str = "20";
const PATIENCE_WITH_ENDLESS: &str = "2";

/// What reads a repository. `restored` is a folder in the place that must not be left.
const COMMANDS: &[&[&str]] = &[
    &["snapshots"],
    &["snapshots", "--json"],
    &["ls", "-R", "-l", "latest", "/"],
    &["find", "-l", "good"],
    &["find", "--id", "1"],
    &["diff", "latest", "latest"],
    &["diff", "latest"],
    &["dump", "latest"],
    &["dump", "-a", "zip", "latest"],
    &["dump", "latest:bot/evil"],
    &["dump", "latest:bot/evil", "--format", "json"],
    &["dump", "latest:bot/evil", "--id", "1"],
    &["restore", "latest", "--target", "inner/restored"],
    &["restore", "latest", "--target", "inner/again", "--no-ownership"],
    &["check"],
    &["check", "--read-data", "--no-mark"],
    &["stats"],
    &["stats", "--by", "folder", "latest"],
    &["copy", "--init", "--to", "copied", "--to-password-file", "password"],
    &["prune", "--dry-run"],
    &["cat", "snapshot", "latest"],
    &["cat", "tree", "latest:/evil"],
    &["cat", "config"],
    &["key", "list"],
    &["log"],
    &["log", "show", "--ns", "bot.evil", "--id", "1"],
    &["protect", "--status"],
];

/// What walks every path, or reads every byte.
const WALKS: &[&str] = &["ls", "find", "diff", "dump", "restore"];

/// What reads no folder.
const GLANCES: &[&str] = &["snapshots", "key", "cat snapshot", "cat config"];

pub struct Siege<'a> {
    attack: &'a Attack,
    world: World,
    outside: BTreeSet<String>,
    runs: Cell<usize>,
}

impl<'a> Siege<'a> {
    pub fn new(attack: &'a Attack) -> Self {
        let mut world = World::new();
        world.set("SNAP_PASSWORD", PASSWORD);
        world.set("SNAP_REPOSITORY", "repository");
        (attack.make)(&mut Forge::new(&world.path("repository")));
        world.write("outside/kept", "kept");
        world.write("inner/kept", "kept");
        world.write("password", "other");
        let outside = Self::look(&world);
        Self { attack, world, outside, runs: Cell::new(0) }
    }

    /// After how many seconds it may be stopped: walks of all paths are as endless as these.
    /// `None` of what must end by itself.
    fn stopped_after(&self, arguments: &[&str]) -> Option<&'static str> {
        let is_walk = WALKS.contains(&arguments[0]) || arguments.contains(&"--by");
        let is_glance = GLANCES.iter().any(|glance| arguments.join(" ").starts_with(glance));
        match self.attack.outcome {
            Outcome::Endless => is_walk.then_some(PATIENCE_WITH_ENDLESS),
            Outcome::Vast => (!is_glance).then_some(PATIENCE_WITH_VAST),
            Outcome::Named(_) | Outcome::Closed(_) | Outcome::Restored => None,
        }
    }

    pub fn runs(&self) -> usize {
        self.runs.get()
    }

    /// What must stay as it is, a line each. A pack that is damaged may be marked so.
    fn look(world: &World) -> BTreeSet<String> {
        let pruned = ["inner/restored", "inner/again", "repository/damaged"];
        let mut command = world.command("find");
        command.args([".", "-mindepth", "1"]);
        for path in pruned {
            command.args(["-path", &format!("./{path}"), "-prune", "-o"]);
        }
        command.args(["-type", "d", "-printf", "%p %y %m\n", "-o"]);
        run(command.args(["-printf", "%p %y %m %n %s %l\n"]))
            .success()
            .lines()
            .map(str::to_owned)
            .collect()
    }

    /// What went wrong.
    pub fn run(&self) -> Vec<String> {
        let mut failures = Vec::new();
        let mut said = String::new();
        let mut all_failed = true;
        for arguments in COMMANDS {
            let (output, measured) = self.command(arguments);
            said.push_str(&output.stderr);
            if arguments[0] == "check" {
                said.push_str(&output.stdout);
            }
            all_failed &= output.code != 0;
            let faults = self.faults(arguments, &output, &measured);
            failures.extend(faults.into_iter().map(|fault| {
                format!(
                    "{}: snap {}: {fault}\n{}",
                    self.attack.name,
                    arguments.join(" "),
                    tail(&output.stderr)
                )
            }));
            let _ = std::fs::remove_dir_all(self.world.path("copied"));
            let now = Self::look(&self.world);
            if now != self.outside {
                failures.push(format!(
                    "{}: snap {} wrote elsewhere: {:?}",
                    self.attack.name,
                    arguments.join(" "),
                    now.symmetric_difference(&self.outside).take(5).collect::<Vec<_>>()
                ));
            }
        }
        let is_told = match self.attack.outcome {
            Outcome::Named(words) => said.contains(words),
            Outcome::Closed(words) => all_failed && said.contains(words),
            Outcome::Restored | Outcome::Endless | Outcome::Vast => true,
        };
        if !is_told {
            failures.push(format!(
                "{}: nobody says {:?}:\n{}",
                self.attack.name,
                self.attack.outcome,
                tail(&said)
            ));
        }
        failures
    }

    fn command(&self, arguments: &[&str]) -> (Output, Measured) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/measured");
        let patience = self.stopped_after(arguments).unwrap_or(PATIENCE);
        let mut command = self.world.command("python3");
        command.arg(script).arg(patience).arg(env!("CARGO_BIN_EXE_snap")).args(arguments);
        let output = run(&mut command);
        self.runs.set(self.runs.get() + 1);
        let line = output.stderr.lines().rfind(|line| line.starts_with("measured: "));
        let words: Vec<&str> = line.unwrap().split(' ').collect();
        let measured = Measured {
            peak_kib: words[1].parse().unwrap(),
            seconds: words[2].parse().unwrap(),
            end: words[3].to_owned(),
        };
        if std::env::var_os("SNAP_HOSTILE").is_some() {
            println!(
                "{:60} {:30} {} {measured:?}",
                self.attack.name,
                arguments.join(" "),
                output.code
            );
            let is_check = arguments[0] == "check";
            print!("{}{}", if is_check { &output.stdout } else { "" }, tail(&output.stderr));
        }
        (output, measured)
    }

    fn faults(&self, arguments: &[&str], output: &Output, measured: &Measured) -> Vec<String> {
        let mut faults = Vec::new();
        if ![0, 1, 2, 3, 4, 5, 10, 12, 13, 130].contains(&output.code) {
            faults.push(format!("it exits with {}", output.code));
        }
        if output.stderr.contains('\x1b') {
            faults.push("it writes what controls a terminal".to_owned());
        }
        if output.stderr.contains("panicked") {
            faults.push("it panics".to_owned());
        }
        if measured.peak_kib > MOST_MEMORY {
            faults.push(format!("it takes {} MiB", measured.peak_kib >> 10));
        }
        let may_be_stopped = self.stopped_after(arguments).is_some();
        let is_stopped = measured.end == "interrupted" && may_be_stopped && output.code == 130;
        if measured.end != "done" && !is_stopped {
            faults.push(format!("after {} s it is {}", measured.seconds, measured.end));
        }
        // 4 and 5 come of what is on standard output: findings, or that nothing was found.
        let may_be_silent = [0, 4, 5, 130].contains(&output.code) || arguments.contains(&"--json");
        let says_why = output.stderr.contains("error: ") || output.stderr.contains("warning: ");
        if !may_be_silent && !says_why {
            faults.push("it does not say why".to_owned());
        }
        faults
    }
}

#[derive(Debug)]
struct Measured {
    peak_kib: u64,
    seconds: f64,
    end: String,
}

fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(8)..]
        .iter()
        .map(|line| line.chars().take(300).collect::<String>() + "\n")
        .collect()
}
