//! A model of the protocol.

mod canonical;
mod explore;
mod model;
mod mutants;
mod plan;
mod prune;
mod state;
mod sweep;
mod writer;

use explore::{Outcome, explore};
use model::{Model, Planning::*, Scenario};
use state::{FIRST, Session, Storage};

const A: u8 = 1;
const B: u8 = 2;

fn storage() -> Storage {
    let mut storage = Storage::default();
    storage.sessions[FIRST] = Session::Committed;
    let pack = storage.put_pack(A | B, 0);
    storage.put_index(pack, 0);
    storage
}

#[test]
#[ignore]
fn try_it() {
    for (name, wants, rounds, runs, crashes, any) in [
        ("2x1x3 c", [A, B], 1, [3, 0], true, Stepwise),
        ("2rx1x3", [A, B], 2, [3, 0], false, Stepwise),
        ("2rx1x3 c at", [A, B], 2, [3, 0], true, AtOnce),
        ("2x2 every", [A, B], 1, [1, 1], false, Everything),
    ] {
        let scenario = Scenario {
            storage: storage(),
            first: A,
            wants,
            rounds,
            runs,
            forgettable: 1 << FIRST,
            crashes,
            planning: any,
        };
        let begun = std::time::Instant::now();
        match explore(&Model { scenario, mutant: None }) {
            Outcome::Holds(states) => eprintln!("{name}: {states} {:?}", begun.elapsed()),
            Outcome::Fails(trace) => panic!("{name}\n{}", trace.join("\n")),
        }
    }
}

#[test]
fn try_mutants() {
    use mutants::Mutant::*;
    for mutant in [
        WithoutW1,
        WithoutW4,
        WithoutP5,
        WithoutP6Listing,
        WithoutP6Copy,
        UnconditionalCommit,
        W2AfterW4,
        TombstonesRemoved,
        UnlistedInP6,
        UnlistedInP2,
        UnreadBesideMark,
        ParentBeforeW2,
        FinalCloses,
        FencedTrustsItself,
        AdoptsNothing,
        NumberAtP3,
        P4BeforeP3,
        UndecidedCondemned,
    ] {
        for (name, wants, rounds, runs, crashes, planning) in [
            ("1x1", [A, 0], 1, [1, 0], false, Stepwise),
            ("1rx1", [A, 0], 2, [1, 0], false, Stepwise),
            ("2x1", [A, B], 1, [1, 0], false, Stepwise),
            ("2x1 AA", [A, A], 1, [1, 0], false, Stepwise),
            ("2rx1", [A, B], 2, [1, 0], false, Stepwise),
            ("1x1x2", [A, 0], 1, [2, 0], true, Stepwise),
            ("1x2", [A, 0], 1, [1, 1], false, Stepwise),
            ("2rx1x2", [A, B], 2, [2, 0], true, Stepwise),
            ("2rx1x2 AA", [A, A], 2, [2, 0], true, Stepwise),
            ("2x2", [A, B], 1, [1, 1], false, AtOnce),
        ] {
            let scenario = Scenario {
                storage: storage(),
                first: A,
                wants,
                rounds,
                runs,
                forgettable: 255,
                crashes,
                planning,
            };
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
