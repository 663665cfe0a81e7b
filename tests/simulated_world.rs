//! Backups of files and of a scripted database, prunes, copies, restores, checks, repairs, changes of
//! keys and readers beside each other in simulated worlds: with errors, lost replies, late requests,
//! crashes, deletions that come back and clocks that are set, thousands of times, each time from one
//! seed.
//!
//! Whatever happened, in the calm afterwards every snapshot that was reported and not forgotten
//! is there byte for byte, every key that was reported opens, a prune succeeds without any repair,
//! and leaves nothing behind. That this world sees what is wrong, `lies.rs` shows.
//!
//! A failure names its seed; `SNAP_SEED=<seed> cargo test --test runner simulated_world` replays
//! it and shows everything that happened.

mod actors;
mod chance;
mod copying;
mod documents;
mod examine;
mod keys;
mod lies;
mod reading;
mod repair;
mod restoring;
mod scenario;
mod site;
mod source;
mod tree;

use super::support::torture_time;
use examine::examine;
use lies::Lie;
use scenario::Scenario;
use snapstore::storage::sim::Trace;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

/// So many are tried, and more as long as there is time.
const SEEDS: u64 = 10_000;
/// Any lie is found by so many.
const ENOUGH: u64 = 1000;
/// So many failures are enough.
const SHOWN: usize = 10;

#[test]
fn nothing_is_ever_lost() {
    if let Ok(seed) = std::env::var("SNAP_SEED") {
        return replay(seed.parse().expect("SNAP_SEED is a number"));
    }
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let seeds = number("SNAP_SEEDS").unwrap_or(SEEDS);
    let first: u64 = number("SNAP_FIRST_SEED").unwrap_or(0);
    let (next, end) = (AtomicU64::new(first), Instant::now() + torture_time());
    let failed = Mutex::new(Vec::new());
    let more = || {
        let seed = next.fetch_add(1, Relaxed);
        let in_time = seed < first + seeds || Instant::now() < end;
        (in_time && failed.lock().unwrap().len() < SHOWN).then_some(seed)
    };
    let explore = || {
        while let Some(seed) = more() {
            let (failures, _) = play(seed);
            if !failures.is_empty() {
                failed.lock().unwrap().push(format!("seed {seed}:\n{}\n", failures.join("\n")));
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(explore))));
    let failed = failed.into_inner().unwrap();
    println!("{} seeds from {first}", next.into_inner() - first - threads as u64);
    assert!(failed.is_empty(), "{}\nSNAP_SEED=<seed> replays one", failed.join("\n"));
}

/// Each promise of storage that is broken shows.
#[test]
fn every_lie_is_found() {
    for lie in Lie::ALL {
        let found = (0..ENOUGH).find(|seed| !play_with(*seed, Some(lie)).0.is_empty());
        println!("{lie:?}: seed {found:?}");
        assert!(found.is_some(), "{lie:?} is not found by {ENOUGH} seeds");
    }
}

/// A commit that storage lost is nobody's until it is repaired. Beside a prune that is about to
/// delete what it needs, a repair brings it back whole.
#[test]
fn a_repair_beside_a_prune_brings_back_all() {
    let failures: Vec<String> = (0..120).flat_map(repair::beside_prune).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// A session that was killed before its commit was promised to nobody: a repair brings it back whole or
/// not at all, also while a prune takes it away.
#[test]
fn a_repair_of_a_silent_session_breaks_nothing() {
    let found: Vec<(Vec<String>, bool)> =
        (0..150).map(repair::of_a_silent_session_beside_prune).collect();
    let failures: Vec<&String> = found.iter().flat_map(|(failures, _)| failures).collect();
    assert!(failures.is_empty(), "{failures:#?}");
    let back = found.iter().filter(|(_, is_back)| *is_back).count();
    assert!((1..found.len()).contains(&back), "{back} came back");
}

/// Also where actors keep local files.
#[test]
fn a_seed_is_a_world() {
    for seed in 0..100 {
        let (first, second) = (play(seed).1, play(seed).1);
        let differs = first.iter().zip(&second).position(|(first, second)| first != second);
        assert_eq!(differs, None, "seed {seed}");
        assert_eq!(first.len(), second.len());
    }
}

/// What went wrong in the world of this seed, and all that happened.
fn play(seed: u64) -> (Vec<String>, Vec<Trace>) {
    play_with(seed, None)
}

fn play_with(seed: u64, lie: Option<Lie>) -> (Vec<String>, Vec<Trace>) {
    let mut scenario = Scenario::new(seed);
    scenario.site.lie = lie;
    let ended = catch_unwind(AssertUnwindSafe(|| {
        scenario.play();
        scenario.site.lie = None;
        examine(&scenario.site, scenario.places());
    }));
    let mut notes = std::mem::take(&mut *scenario.site.notes());
    if ended.is_err() {
        notes.failures.push("a panic (see above)".to_string());
    }
    (notes.failures, notes.traces)
}

fn replay(seed: u64) {
    let (failures, traces) = play(seed);
    traces.iter().for_each(|trace| eprintln!("{trace}"));
    assert!(failures.is_empty(), "seed {seed}:\n{}", failures.join("\n"));
}
