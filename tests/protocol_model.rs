//! A model of the protocol between writers and prune (`docs/format.md` names the objects): every
//! interleaving of small numbers of writers and prunes, with crashes, wrong guesses who is dead,
//! and actors that wake up late, over an abstract repository. What it holds to, in every state:
//!
//! - each blob of each snapshot that is committed and not forgotten lies in a pack that exists,
//!   is not damaged, and is named by an index object that exists;
//! - whoever goes on comes to an end; a writer that was fenced commits under a new session;
//! - what an accident took, a pack that is damaged or gone, is made no worse by anybody: a writer that
//!   read `damaged/` after the accident was marked commits nothing that lacks it, and a check with
//!   one backup after it heals what the backup has (`damage.rs`);
//! - one run of prune alone leaves no open mark, no undecided session, no pack or index line that
//!   no live snapshot needs (`ends.rs`).
//!
//! The mutants (`mutants.rs`) leave out one rule each, and fail.
//!
//! # The steps, as the code must make them
//!
//! One line is one call; the call before has returned. Names of packs and index objects are never
//! made twice, as their seals hold fresh salt.
//!
//! - *open mark*: `prune/g.mark` is listed and `prune/g.done` is not. `.final` closes nothing.
//! - *decided*: `snapshots/s` (a commit or a tombstone) or `forgotten/s` exists, or `sessions/s/*`
//!   does not. To find the undecided: list `sessions/`, then `snapshots/` and `forgotten/`.
//! - *live snapshot*: `snapshots/s` is a commit, `forgotten/s` is not there.
//! - *read the index*: list `index/`, get each; if one is gone, list again.
//! - *counted line*: an index line whose pack is in a listing begun after the index was read, and
//!   is not named under `damaged/`.
//!
//! Writer
//!
//! - W1 put `sessions/s/0`, s fresh.
//! - W2 list `prune/`, get the open marks. Their packs are condemned for this whole session. If
//!   none was open, then for a parent: get `snapshots/p`, look for `forgotten/p`, both now, not
//!   earlier; if p is live, all under it may be reused unread.
//! - W3 read the index. W4 list `packs/`. Blobs of counted lines may be reused, but for those of
//!   condemned packs.
//! - W5 put packs, then index objects that name them. Within its session a writer may rely on what
//!   it uploaded itself.
//! - W6 put-if-absent `snapshots/s`. A tombstone: all again from W1 under a new session. Nothing
//!   that was known counts any more: not what was reused, read or unread, nor own uploads, which
//!   are found by W3 and W4 like all others, or uploaded again.
//!
//! Prune (one run)
//!
//! - P0 put `sessions/t/0`, kind prune. Nobody waits for it.
//! - P1 list `prune/`. An open mark: adopt it, at P8 if this listing has its `.final`, else at P4;
//!   after its P9 come back here. None open: g is the number after the highest *of this listing*,
//!   and stays so. (Taken only at P3, two marks may be open at once, and each prune takes the
//!   other's condemned pack for safe: [`mutants::Mutant::NumberAtP3`].)
//! - P2 put tombstones for dead sessions, also dead prunes' (later, their packs would stay: if
//!   nothing else is condemned there is no P5). List `packs/`, read the index, list `packs/`
//!   again, list `sessions/`, `snapshots/`, `forgotten/`. Condemned, if their session is decided:
//!   packs in the first listing that no line names; packs none of whose live blobs is only there
//!   (counted lines of packs that stay decide); packs whose live blobs were just put, and indexed,
//!   elsewhere. And every pack that a line names and the second listing lacks: it is gone, and its
//!   stale lines go at P8. Nothing condemned: to the end.
//! - P3 put-if-absent `prune/g.mark`. It exists: to P1.
//! - P4 find the undecided sessions, but for prunes'.
//! - P5 until each is decided: look at `snapshots/s` and `forgotten/s`; if it is dead,
//!   put-if-absent a tombstone. May stop here; another run adopts the mark.
//! - P6 list `snapshots/` and `forgotten/`, read the index, list `packs/` (and `damaged/`): all
//!   now, nothing from P2. A live blob is safe if a counted line has it in a pack not condemned.
//!   The others are copied from the condemned packs that are listed, *as their own tables say, for
//!   those that the index does not name*: a listing of `index/` during which another prune, come
//!   late to P8, replaces an object may show neither the old nor the new one
//!   ([`mutants::Mutant::IndexOnlyInP6`]). Put the packs, then their index objects. A live blob
//!   that is in none of them was lost before, and deleting cannot harm it, unless it is a tree:
//!   then what is below is unknown, and prune stops. A condemned pack gone: another prune has
//!   finished; leave the mark as after P9.
//! - P7 put-if-absent `prune/g.final`; it may exist.
//! - P8 read the index; put new objects with all other lines of those that name a condemned pack;
//!   delete these; delete the packs, those the index does not name too.
//! - P9 put-if-absent `prune/g.done`; it may exist. Delete `sessions/s/*` of the decided and
//!   `snapshots/s`, no tombstone, of the forgotten. After its own mark: delete `sessions/t/*`,
//!   which decides t.
//!
//! Others
//!
//! - A copy of several snapshots is a writer for each, one after the other. What lies under those that
//!   it committed before counts as a parent's: looked up after W2, in each session.
//! - A repair of a snapshot whose commit is gone is a writer that has nothing but the repository: W1
//!   to W4, then W5 uploads what it needs and may not rely on, from wherever it can be read, then
//!   W6. If it committed unlooked, a prune may be about to delete what it commits
//!   ([`mutants::Mutant::RepairBlindly`]).
//! - A repair of the index reads the index, then lists packs, then puts an object that names those
//!   that none named. It may do so beside all others, with a session or without.
//! - Keys are no part of it: no step reads or changes a key slot.
//!
//! What P2 condemns has no bearing on safety: P5 and P6 make any choice safe, and the model makes
//! them all. Its rules only save work and space.
//!
//! # What is left out, and why nothing is lost by it
//!
//! - A crashed writer is one that makes no further step, and any undecided session may be fenced at
//!   any time: so each state has the crashed, the stalled and the wrongly fenced in it. Prunes
//!   crash likewise, and expressly, so that the next run begins.
//! - Index objects never change, so reading the index equals listing it.
//! - Deciding is for ever, so P5's looks are one, and P4's listings are one with the first.
//! - Objects that nobody looks at again are not modelled: signs of life, `sessions/*` of the
//!   decided, a forgotten `snapshots/s`, the sessions of prunes (whose packs others may take for a
//!   live or a dead one's as they like).

mod canonical;
mod damage;
mod ends;
mod explore;
mod listing;
mod marks;
mod model;
mod mutants;
mod plan;
mod prune;
mod scenario;
mod state;
mod storage;
mod sweep;
mod writer;

use std::time::{Duration, Instant};

use ends::Ends;
use explore::{Outcome, explore};
use model::Model;
use scenario::{A, B, Planning, Scenario};

#[test]
fn two_writers_are_safe_beside_one_prune_of_three_runs() {
    let three = Scenario::new([A, B], [3, 0]).crashing();
    holds(three);
    holds(three.mixed());
    holds(three.rounds(2).planning(Planning::AtOnce));
    holds(Scenario::new([A, A], [3, 0]).rounds(2).empty());
}

#[test]
fn two_writers_are_safe_beside_two_prunes() {
    holds(Scenario::new([A, B], [1, 1]));
    holds(Scenario::new([A | B, 0], [1, 1]).rounds(2).planning(Planning::AtOnce));
}

#[test]
fn any_choice_of_packs_is_safe() {
    for planning in [Planning::Everything, Planning::Anything] {
        holds(Scenario::new([A, B], [2, 0]).planning(planning));
        holds(Scenario::new([B, 0], [1, 1]).planning(planning));
        holds(Scenario::new([A, B], [1, 0]).rounds(2).with_damaged_pack().planning(planning));
    }
}

#[test]
fn slow_listings_are_safe() {
    holds(Scenario::new([A, B], [2, 0]).crashing().listing_slowly());
    holds(Scenario::new([A, 0], [1, 1]).listing_slowly());
    holds(Scenario::new([A | B, 0], [1, 1]).rounds(2).empty().listing_slowly());
}

#[test]
fn what_others_left_behind_is_safe() {
    holds(Scenario::new([A, B], [2, 0]).with_dead_writer());
    holds(Scenario::new([A, B], [2, 0]).with_damaged_pack());
    holds(Scenario::new([A, B], [1, 0]).with_half_done_prune());
    holds(Scenario::new([B, 0], [1, 1]).with_half_done_prune());
}

#[test]
fn damage_is_made_no_worse_and_heals() {
    for scenario in [
        Scenario::new([A, 0], [1, 0]).with_accidents(2).planning(Planning::AtOnce),
        Scenario::new([A, 0], [2, 0]).with_accidents(1).crashing().planning(Planning::AtOnce),
    ] {
        holds(scenario);
        let model = Model::new(scenario);
        if let Some(trace) = explore(&model, None, |state| model.does_not_heal(state)).trace() {
            panic!("{scenario:?}\n{trace}");
        }
    }
}

#[test]
fn copies_are_safe() {
    holds(Scenario::new([A, A | B], [3, 0]).in_a_row().crashing());
    holds(Scenario::new([A, A], [2, 0]).in_a_row().rounds(2).empty());
    holds(Scenario::new([A, A], [1, 1]).in_a_row());
}

#[test]
fn repairs_are_safe() {
    holds(Scenario::new([A, B], [1, 0]).with_repair());
    holds(Scenario::new([A, 0], [2, 0]).with_repair().crashing().with_dead_writer());
    holds(Scenario::new([A, 0], [1, 1]).with_repair().planning(Planning::AtOnce));
    holds(Scenario::new([A, 0], [1, 0]).with_repair().listing_slowly());
    holds(Scenario::new([B, A], [2, 0]).with_repairer());
    holds(Scenario::new([0, A], [1, 1]).with_repairer());
    holds(Scenario::new([0, A], [1, 0]).with_repairer().with_accidents(1));
}

#[test]
fn every_state_comes_to_a_good_end() {
    for scenario in [
        Scenario::new([A, B], [2, 0]).crashing(),
        Scenario::new([A | B, 0], [3, 0]).rounds(2).crashing().mixed(),
        Scenario::new([A, 0], [1, 1]).rounds(2),
        Scenario::new([A, 0], [2, 0]).with_dead_writer(),
        Scenario::new([B, 0], [1, 1]).with_half_done_prune(),
    ] {
        if let Some(trace) = bad_end(Model::new(scenario)) {
            panic!("{scenario:?}\n{trace}");
        }
    }
}

/// More of everything, for as many seconds as `SNAP_TORTURE_SECONDS` says (2 if it says nothing).
/// All of it takes some hours.
#[test]
fn larger_sizes_are_safe() {
    let seconds = std::env::var("SNAP_TORTURE_SECONDS").ok().and_then(|text| text.parse().ok());
    let deadline = Instant::now() + Duration::from_secs(seconds.unwrap_or(2));
    let two = Scenario::new([A, B], [1, 1]);
    for scenario in [
        Scenario::new([A, 0], [2, 0]).with_accidents(2).crashing().planning(Planning::AtOnce),
        Scenario::new([A, A], [1, 0]).with_accidents(1).planning(Planning::AtOnce),
        Scenario::new([A, 0], [1, 1]).with_accidents(1).planning(Planning::AtOnce),
        Scenario::new([A, B], [1, 0]).with_accidents(1),
        Scenario::new([A, B], [2, 0]).crashing().with_accidents(1),
        Scenario::new([A, B], [1, 0]).with_accidents(2).planning(Planning::AtOnce),
        Scenario::new([A, A | B], [2, 1]).in_a_row().planning(Planning::AtOnce),
        Scenario::new([A, B], [1, 1]).with_repair().planning(Planning::AtOnce),
        Scenario::new([B, A], [1, 1]).with_repairer().rounds(2).planning(Planning::AtOnce),
        two.mixed().planning(Planning::AtOnce),
        two.planning(Planning::Everything),
        Scenario::new([A, B], [2, 0]).rounds(2).crashing().planning(Planning::Anything),
        Scenario::new([A | B, 0], [1, 1]).rounds(2).listing_slowly(),
        Scenario::new([A | B, B], [3, 0]).rounds(2).crashing().mixed(),
        two.rounds(2).planning(Planning::AtOnce),
        Scenario::new([A, A], [1, 1]).rounds(2).empty(),
        Scenario::new([A, B], [2, 1]).crashing().planning(Planning::AtOnce),
        two.listing_slowly(),
        two.rounds(2).mixed(),
    ] {
        let safe = |model: &Model| explore(model, Some(deadline), |state| model.lost(state));
        match safe(&Model::new(scenario)) {
            Outcome::Holds(states) => println!("{states} states: {}", scenario.title()),
            Outcome::Fails(trace) => panic!("{scenario:?}\n{trace}"),
            Outcome::Unfinished => return,
        }
    }
}

/// Panics with the shortest way to a lost blob, if there is one.
fn holds(scenario: Scenario) {
    let model = Model::new(scenario);
    match explore(&model, None, |state| model.lost(state)) {
        Outcome::Holds(states) => println!("{states} states: {}", scenario.title()),
        Outcome::Fails(trace) => panic!("{scenario:?}\n{trace}"),
        Outcome::Unfinished => unreachable!("there is no deadline"),
    }
}

/// The shortest way to a lost blob, if there is one.
fn loss(model: Model) -> Option<String> {
    explore(&model, None, |state| model.lost(state)).trace()
}

/// The shortest way to a state from which not everything comes to a good end, if there is one.
fn bad_end(model: Model) -> Option<String> {
    let mut ends = Ends::new(&model);
    explore(&model, None, |state| ends.fault(state)).trace()
}
