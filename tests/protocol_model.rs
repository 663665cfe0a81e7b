//! A model of the protocol.

mod canonical;
mod explore;
mod listing;
mod model;
mod mutants;
mod plan;
mod prune;
mod scenario;
mod state;
mod sweep;
mod writer;

use explore::{Outcome, explore};
use model::Model;
use scenario::{A, B, Planning::*, Scenario};

#[test]
#[ignore]
fn try_it() {
    for (name, scenario) in [
        ("2x2 at AB", Scenario::new([A, B], [1, 1]).planning(AtOnce)),
        ("2x2 at AA", Scenario::new([A, A], [1, 1]).planning(AtOnce)),
        ("2rx1x3 c at", Scenario::new([A, B], [3, 0]).rounds(2).crashing().planning(AtOnce)),
        ("2rx1x3 c at", Scenario::new([A, A], [3, 0]).rounds(2).crashing().planning(AtOnce)),
    ] {
        let begun = std::time::Instant::now();
        match explore(&Model::new(scenario)) {
            Outcome::Holds(states) => eprintln!("{name}: {states} {:?}", begun.elapsed()),
            Outcome::Fails(trace) => panic!("{name}\n{}", trace.join("\n")),
        }
    }
}

#[test]
#[ignore]
fn try_mutants() {
    use mutants::Mutant::*;
    for mutant in [
        WithoutW1,
        WithoutW4,
        WithoutP5,
        WithoutP6Listing,
        WithoutP6Copy,
        UnlistedInP6,
        OldIndexInP6,
        UnindexedCopy,
        UnconditionalCommit,
        TombstonesRemoved,
        W2AfterW4,
        FinalCloses,
        UnreadBesideMark,
        ParentBeforeW2,
        FencedTrustsItself,
        AdoptsNothing,
        NumberAtP3,
        P4BeforeP3,
        OldIndexFirst,
        DoneBeforeP8,
        UnlistedInP2,
        UndecidedCondemned,
    ] {
        for (name, scenario) in [
            ("1x1", Scenario::new([A, 0], [1, 0])),
            ("1rx1", Scenario::new([A, 0], [1, 0]).rounds(2)),
            ("2x1", Scenario::new([A, B], [1, 0])),
            ("2x1 AA", Scenario::new([A, A], [1, 0])),
            ("2rx1", Scenario::new([A, B], [1, 0]).rounds(2)),
            ("1x1x2", Scenario::new([A, 0], [2, 0]).crashing()),
            ("1x2", Scenario::new([A, 0], [1, 1])),
            ("2rx1x2", Scenario::new([A, B], [2, 0]).rounds(2)),
            ("2rx1x2 AA empty", Scenario::new([A, A], [2, 0]).rounds(2).empty()),
            ("2rx1x3 AA empty", Scenario::new([A, A], [3, 0]).rounds(2).empty()),
            ("2x2", Scenario::new([A, B], [1, 1]).planning(AtOnce)),
        ] {
            let begun = std::time::Instant::now();
            match explore(&Model { scenario, mutant: Some(mutant) }) {
                Outcome::Holds(states) => {
                    eprintln!("{mutant:?} in {name}: {states} {:?}", begun.elapsed())
                }
                Outcome::Fails(trace) => {
                    eprintln!(
                        "{mutant:?} in {name} FAILS {:?}\n{}\n",
                        begun.elapsed(),
                        trace.join("\n")
                    );
                    break;
                }
            }
        }
    }
}
