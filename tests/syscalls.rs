//! Harm at every system call that changes a disk: killed before it and after it, out of space,
//! broken. Afterwards a backup, a prune and a check go on with no other command, what reported
//! success restores, and a restore can be run again or undone.
//!
//! Threads take turns as they like, so the same number may be another call the next time: what
//! is printed says where it struck.

pub mod bench;
mod calls;
mod filter;
pub mod scenarios;
pub mod small_disk;
pub mod supervisor;
mod tracee;
mod tree;

use crate::support::{Chance, torture_time};
use bench::Bench;
use scenarios::Scenario;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::time::Instant;
use supervisor::{Harm, Run, supervise};

const HARMS: [Harm; 4] =
    [Harm::KillBefore, Harm::Error(libc::ENOSPC), Harm::Error(libc::EIO), Harm::KillAfter];
/// Without `SNAP_TORTURE_SECONDS` each scenario is harmed so many times.
const FEW: u64 = 4;
/// So many of the last calls are printed with a finding.
const TOLD: usize = 12;
/// Small, so that the calls are about something else, too.
const RESERVE_BYTES: u64 = 64 << 10;
/// So many findings are enough to read.
const ENOUGH: usize = 10;

/// How far one scenario has come.
struct Course {
    scenario: Scenario,
    /// Calls of a run that nothing happens to.
    calls: u64,
    /// Where in the order of all cases it is, and how many came before in this run.
    next: u64,
    runs: u64,
    done: BTreeSet<(u64, usize)>,
    struck: BTreeMap<&'static str, u64>,
}

#[test]
fn harm_at_any_system_call_loses_nothing() {
    if let Err(why) = supervise(&mut std::process::Command::new("true"), Harm::Nothing, 0) {
        // Past the capture of test output: this must be seen.
        let _ = writeln!(std::io::stderr(), "\nNOT RUN: harm at system calls (ptrace: {why})\n");
        return;
    }
    let only = std::env::var("SNAP_SCENARIO").ok();
    let chosen = |scenario: &Scenario| only.as_ref().is_none_or(|only| scenario.name == only);
    // Each run begins elsewhere.
    let mut chance = Chance::of_this_run();
    let seed = chance.seed();
    let mut courses: Vec<Course> =
        benches().filter(chosen).map(|scenario| Course::new(scenario, &mut chance)).collect();
    let mut findings = Vec::new();
    let mut said = BTreeSet::new();
    let end = Instant::now() + torture_time();
    let is_long = std::env::var_os("SNAP_TORTURE_SECONDS").is_some();
    while findings.len() < ENOUGH && courses.iter().any(|course| course.goes_on(is_long, end)) {
        for course in &mut courses {
            if course.goes_on(is_long, end) {
                findings.extend(course.step(&mut said).err());
            }
        }
    }
    courses.iter().for_each(Course::report);
    said.iter().for_each(|line| println!("said: {line}"));
    let number = findings.len();
    assert!(number == 0, "seed {seed}: {number} findings:\n\n{}", findings.join("\n\n"));
}

/// What makes an object last: that of a repository, a key, a snapshot or a mark comes into being with
/// it, and is there already if it fails.
#[test]
fn what_is_there_although_the_disk_reports_an_error_is_not_lost() {
    if supervise(&mut std::process::Command::new("true"), Harm::Nothing, 0).is_err() {
        return;
    }
    let folders = ["/fresh", "/snapshots", "/keys", "/config", "/forgotten"];
    let mut findings = Vec::new();
    for scenario in benches() {
        let calls = harmed(&scenario, Harm::Nothing, 0).trace;
        let is_last_step = |call: &&String| {
            call.contains("fsync") && folders.iter().any(|folder| call.ends_with(folder))
        };
        for call in calls.iter().filter(is_last_step) {
            let number = call.split(' ').next().unwrap().parse().unwrap();
            let run = harmed(&scenario, Harm::Error(libc::EIO), number);
            let judged =
                ended_well(&run, Harm::Error(libc::EIO)).and_then(|()| scenario.judge(&run));
            if let Err(why) = judged {
                findings.push(format!("{}: {:?}: {why}", scenario.name, run.struck));
            }
        }
    }
    assert!(findings.is_empty(), "{}", findings.join("\n\n"));
}

fn benches() -> impl Iterator<Item = Scenario> {
    scenarios::ALL.into_iter().map(|make| make(Bench::new(RESERVE_BYTES)))
}

impl Course {
    fn new(scenario: Scenario, chance: &mut Chance) -> Self {
        let run = harmed(&scenario, Harm::Nothing, 0);
        assert_eq!(run.code, Some(0), "{}: {}\n{}", scenario.name, run.stdout, run.stderr);
        let judged = scenario.judge(&run);
        assert_eq!(judged, Ok(()), "{}, with nothing harmed", scenario.name);
        let struck = BTreeMap::new();
        let (calls, done) = (run.calls, BTreeSet::new());
        let next = chance.below(calls * HARMS.len() as u64);
        Self { scenario, calls, next, runs: 0, done, struck }
    }

    fn goes_on(&self, is_long: bool, end: Instant) -> bool {
        if is_long { Instant::now() < end } else { self.runs < FEW }
    }

    /// All harms at all calls come in turn, those far from each other first.
    fn step(&mut self, said: &mut BTreeSet<String>) -> Result<(), String> {
        let at = 1 + self.next * stride(self.calls) % self.calls;
        let harm = ((at + self.next / self.calls) % HARMS.len() as u64) as usize;
        self.next += 1;
        self.runs += 1;
        let run = harmed(&self.scenario, HARMS[harm], at);
        if run.struck.is_some() {
            self.done.insert((at, harm));
            *self.struck.entry(word(HARMS[harm])).or_default() += 1;
        }
        if let (Some(1..), Some(line)) =
            (run.code, run.stderr.lines().find(|line| line.starts_with("error")))
        {
            said.insert(line.to_owned());
        }
        let name = self.scenario.name;
        ended_well(&run, HARMS[harm])
            .and_then(|()| self.scenario.judge(&run))
            .map_err(|why| {
                let trace = &run.trace[run.trace.len().saturating_sub(TOLD)..];
                format!(
                    "{name}: {} at call {at} of {}\nstruck: {:?}\nlast calls:\n  {}\nit ended with {:?}\n{}\n{}\nthen: {why}",
                    word(HARMS[harm]), run.calls, run.struck, trace.join("\n  "), run.code, run.stdout, run.stderr
                )
            })
    }

    fn report(&self) {
        let Self { scenario, calls, runs, done, struck, .. } = self;
        let cases = calls * HARMS.len() as u64;
        let name = scenario.name;
        println!("{name}: {calls} calls, {runs} runs, {} of {cases} cases, {struck:?}", done.len());
    }
}

/// Far apart, and without a divisor in common with the number of calls.
fn stride(calls: u64) -> u64 {
    let divides = |a: u64, b: u64| {
        let (mut a, mut b) = (a, b);
        while b != 0 {
            (a, b) = (b, a % b);
        }
        a == 1
    };
    let golden = (calls as f64 * 0.618) as u64;
    (golden.max(1)..).find(|stride| divides(*stride, calls)).unwrap()
}

fn harmed(scenario: &Scenario, harm: Harm, at: u64) -> Run {
    scenario.bench.reset();
    let mut command = scenario.bench.world().command(env!("CARGO_BIN_EXE_snap"));
    supervise(command.args(&scenario.command), harm, at).unwrap()
}

/// Killed, or ended with a word.
pub fn ended_well(run: &Run, harm: Harm) -> Result<(), String> {
    let is_kill = matches!(harm, Harm::KillBefore | Harm::KillAfter);
    if run.hung {
        return Err("it hung".to_owned());
    }
    if run.stderr.contains("panicked") {
        return Err("it panicked".to_owned());
    }
    match run.code {
        Some(0) => Ok(()),
        Some(1 | 3) if says_why(run) => Ok(()),
        None if is_kill => Ok(()),
        _ => Err("that is no way to end".to_owned()),
    }
}

/// With `--json` it is in the output.
fn says_why(run: &Run) -> bool {
    run.stderr.contains("error: ") || run.stdout.contains("\"exit_error\"")
}

fn word(harm: Harm) -> &'static str {
    match harm {
        Harm::Nothing => "nothing",
        Harm::KillBefore => "killed before",
        Harm::KillAfter => "killed after",
        Harm::Error(libc::ENOSPC) => "out of space",
        Harm::Error(_) => "input/output error",
    }
}
