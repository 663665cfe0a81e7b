//! A disk that fills at every phase of every command: nothing is lost, it is said, and when there
//! is space again all goes on without a repair. Pruning works on a full disk.
//!
//! The disk is a file system in memory, made smaller before a command. Where mounting is not
//! allowed the test runs itself again as the root of a namespace of its own.

use crate::support::torture_time;
use crate::syscalls::bench::{Bench, Verdict};
use crate::syscalls::ended_well;
use crate::syscalls::scenarios::{ALL, Scenario};
use crate::syscalls::small_disk::{Part, Scarce, SmallDisk};
use crate::syscalls::supervisor::{Harm, Run};
use std::collections::BTreeSet;
use std::io::Write;
use std::ops::Range;
use std::process::Command;
use std::time::Instant;

const NAME: &str = "full_disk::a_disk_that_fills_at_any_phase_loses_nothing";
/// Set for the run in a namespace.
const INSIDE: &str = "SNAP_TEST_IN_NAMESPACE";
/// Enough for a prune of what there is here.
const RESERVE_BYTES: u64 = 1 << 20;
const CACHE: Part = Part::Folder("home/.cache");
const STATE: Part = Part::Folder("home/.local/state");
const REPOSITORY: Part = Part::Folder("here/repository");
/// What is full, of what, and the scenarios that meet it. The first two are tried always.
const PLACES: [(Part, Scarce, Range<usize>); 8] = [
    (Part::Everything, Scarce::Space, 0..ALL.len()),
    (CACHE, Scarce::Space, 0..ALL.len()),
    (Part::Folder("here/out"), Scarce::Space, 5..6),
    (STATE, Scarce::Space, 6..8),
    (Part::Everything, Scarce::Inodes, 0..ALL.len()),
    (REPOSITORY, Scarce::Space, 0..ALL.len()),
    (REPOSITORY, Scarce::Inodes, 0..ALL.len()),
    (CACHE, Scarce::Inodes, 0..ALL.len()),
];
/// Without `SNAP_TORTURE_SECONDS`: pages, or inodes, that are left.
const FEW_ROOMS: [u64; 3] = [0, 2, 9];
/// So many findings are enough to read.
const ENOUGH: usize = 10;

/// One command and one place, with ever more room.
struct Filling {
    scenario: Scenario,
    part: Part,
    scarce: Scarce,
    room: u64,
    runs: u64,
    failed: u64,
    /// So often in a row there was enough.
    enough: u64,
}

#[test]
fn a_disk_that_fills_at_any_phase_loses_nothing() {
    if !may_mount() {
        return run_in_a_namespace();
    }
    let is_long = std::env::var_os("SNAP_TORTURE_SECONDS").is_some();
    let end = Instant::now() + torture_time();
    let mut findings = Vec::new();
    let mut said = BTreeSet::new();
    let places = if is_long { &PLACES[..] } else { &PLACES[..2] };
    let fillings = places.iter().flat_map(|(part, scarce, scenarios)| {
        ALL[scenarios.clone()].iter().map(|make| (*part, *scarce, *make))
    });
    let mut left = fillings.clone().count() as u32;
    for (part, scarce, make) in fillings {
        let share = end.saturating_duration_since(Instant::now()) / left;
        let end = Instant::now() + share;
        left -= 1;
        let bench = Bench::on_small_disk(part, RESERVE_BYTES).unwrap();
        let mut filling = Filling::new(make(bench), part, scarce);
        while findings.len() < ENOUGH && filling.goes_on(is_long, end) {
            findings.extend(filling.step(&mut said).err());
            filling.room = next_room(filling.room, is_long);
        }
        filling.report();
    }
    said.iter().for_each(|line| println!("said: {line}"));
    assert!(findings.is_empty(), "{} findings:\n\n{}", findings.len(), findings.join("\n\n"));
}

fn next_room(room: u64, is_long: bool) -> u64 {
    let few = FEW_ROOMS.into_iter().find(|few| !is_long && *few > room);
    few.unwrap_or(room + 1)
}

fn may_mount() -> bool {
    let folder = tempfile::tempdir().unwrap();
    SmallDisk::mount(folder.path(), Part::Everything).is_ok()
}

fn run_in_a_namespace() {
    let unshare = |command: &mut Command| {
        let output = command.env(INSIDE, "1").output();
        output.map_err(|why| why.to_string()).and_then(|output| {
            let said = [output.stdout, output.stderr].concat();
            let said = String::from_utf8_lossy(&said).into_owned();
            if output.status.success() { Ok(said) } else { Err(said) }
        })
    };
    let namespace = ["--user", "--map-root-user", "--mount"];
    let allowed = unshare(Command::new("unshare").args(namespace).arg("true"));
    if allowed.is_err() || std::env::var_os(INSIDE).is_some() {
        // Past the capture of test output: this must be seen.
        let _ = writeln!(std::io::stderr(), "\nNOT RUN: full disks (needs the right to mount)\n");
        return;
    }
    let mut command = Command::new("unshare");
    command.args(namespace).arg(std::env::current_exe().unwrap());
    let said = unshare(command.args(["--exact", NAME, "--nocapture"]));
    println!("{}", said.unwrap());
}

impl Filling {
    fn new(scenario: Scenario, part: Part, scarce: Scarce) -> Self {
        Self { scenario, part, scarce, room: 0, runs: 0, failed: 0, enough: 0 }
    }

    /// Until there is enough for all that the command wants.
    fn goes_on(&self, is_long: bool, end: Instant) -> bool {
        match is_long {
            true => (self.runs == 0 || Instant::now() < end) && self.enough < 3,
            false => self.room <= FEW_ROOMS[FEW_ROOMS.len() - 1] && self.enough == 0,
        }
    }

    fn step(&mut self, said: &mut BTreeSet<String>) -> Verdict {
        let bench = &self.scenario.bench;
        let disk = bench.disk().unwrap();
        bench.reset();
        disk.leave(self.scarce, self.room);
        let output = bench.world().snap(&self.scenario.command);
        disk.enlarge();
        let run = Run {
            code: Some(output.code),
            stdout: output.stdout,
            stderr: output.stderr,
            calls: self.room,
            ..Run::default()
        };
        self.runs += 1;
        self.failed += u64::from(run.code != Some(0));
        self.enough =
            if run.code == Some(0) && run.stderr.is_empty() { self.enough + 1 } else { 0 };
        said.extend(run.stderr.lines().next().map(str::to_owned));
        let judged = ended_well(&run, Harm::Nothing)
            .and_then(|()| self.must_succeed(&run))
            .and_then(|()| self.scenario.judge(&run));
        judged.map_err(|why| self.finding(&run, &why))
    }

    /// Forgetting and pruning work on a full disk, and nothing needs a cache.
    fn must_succeed(&self, run: &Run) -> Verdict {
        let frees = ["forget", "prune"].contains(&self.scenario.name);
        let has_reserve = self.scarce == Scarce::Space;
        let is_excused = !(frees && has_reserve || self.part == CACHE);
        match is_excused || run.code == Some(0) {
            true => Ok(()),
            false => Err("it must work all the same".to_owned()),
        }
    }

    fn finding(&self, run: &Run, why: &str) -> String {
        let Self { scenario, part, scarce, room, .. } = self;
        let Run { code, stdout, stderr, .. } = run;
        format!(
            "{} on {part:?} with {scarce:?} for {room} more: {code:?}\n{stdout}\n{stderr}\n\
             then: {why}",
            scenario.name
        )
    }

    fn report(&self) {
        let Self { scenario, part, scarce, room, runs, failed, .. } = self;
        let name = scenario.name;
        println!("{name}: {part:?} {scarce:?}: {runs} runs, {failed} failed, room up to {room}");
    }
}
