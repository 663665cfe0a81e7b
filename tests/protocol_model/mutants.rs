//! The protocol with one thing wrong.

use super::model::Model;
use super::scenario::{A, B, Planning, Scenario};
use super::{bad_end, loss};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutant {
    /// No session is announced.
    WithoutW1,
    /// A writer believes index lines without a listing.
    WithoutW4,
    /// Prune waits for nobody.
    WithoutP5,
    /// P6 knows only the snapshots that P2, or an adopter's P4, listed.
    WithoutP6Listing,
    WithoutP6Copy,
    /// P6 believes index lines without a listing.
    UnlistedInP6,
    /// What P6 copies does not come into the index.
    UnindexedCopy,
    /// P6 asks only the index what condemned packs hold, not the packs themselves.
    IndexOnlyInP6,
    /// P6 takes blobs in damaged packs for safe.
    DamagedInP6,
    /// A commit replaces a tombstone.
    UnconditionalCommit,
    TombstonesRemoved,
    /// A mark is removed when it is done, so that its number is used again.
    MarksRemoved,
    W2AfterW4,
    /// W2 takes a mark with `.final` for closed.
    FinalCloses,
    UnreadBesideMark,
    /// What is reused unread is looked up before W2.
    ParentBeforeW2,
    /// A fenced writer commits under a new session without looking again.
    FencedTrustsItself,
    /// Prune leaves open marks to others, and makes the next.
    AdoptsNothing,
    /// The number of the mark is the next when it is put, not when P1 found no open one.
    NumberAtP3,
    P4BeforeP3,
    /// P8 deletes old index objects before it puts the new one.
    OldIndexFirst,
    /// `.done` is there before anything is deleted.
    DoneBeforeP8,
    /// Leaves things behind: only P5 fences.
    FencesInP5Only,
    /// Leaves things behind: P2 passes over index lines whose pack is gone.
    GoneNotCondemned,
    /// A writer relies on packs marked damaged.
    IgnoresDamage,
    /// Snapshots are relied on unread while a pack is marked damaged.
    UnreadBesideDamage,
    /// P6 knows only the damage that P2 knew.
    OldDamageInP6,
    /// A copy relies on what it committed before, forgotten or not.
    CopyTrustsItself,
    /// A repair of the index lists packs before it reads the index, and replaces all that it read.
    RepairListsFirst,
    /// A repair of a snapshot commits it without looking whether all of it is there to stay.
    RepairBlindly,
    /// Harmless: P2 believes index lines without a listing.
    UnlistedInP2,
    /// Harmless: P2 condemns packs of undecided sessions too.
    UndecidedCondemned,
    /// Harmless: P6 uses the index as it was before P5, and copies more.
    OldIndexInP6,
}

/// In which scenario each loses a blob that the protocol keeps.
fn deadly() -> Vec<(Mutant, Scenario)> {
    use Mutant::*;
    let one = Scenario::new([A, 0], [1, 0]);
    let one_fenced = one.rounds(2);
    let two_alike = Scenario::new([A, A], [1, 0]);
    let two_prunes = Scenario::new([A, 0], [1, 1]);
    let two_from_nothing = Scenario::new([A, A], [2, 0]).rounds(2).empty();
    let slow = Scenario::new([A | B, 0], [1, 1]).rounds(2).empty().listing_slowly();
    let damaged = Scenario::new([B, 0], [1, 0]).with_damaged_pack().planning(Planning::Anything);
    vec![
        (WithoutW1, one),
        (WithoutW4, two_prunes),
        (WithoutP5, one),
        (WithoutP6Listing, one),
        (WithoutP6Copy, one),
        (UnlistedInP6, two_from_nothing),
        (UnindexedCopy, one),
        (IndexOnlyInP6, slow),
        (DamagedInP6, damaged),
        (UnconditionalCommit, one),
        (TombstonesRemoved, one),
        (MarksRemoved, two_prunes),
        (W2AfterW4, one),
        (FinalCloses, one),
        (UnreadBesideMark, two_alike),
        (ParentBeforeW2, two_alike),
        (FencedTrustsItself, one_fenced),
        (AdoptsNothing, two_prunes),
        (NumberAtP3, two_prunes),
        (P4BeforeP3, one),
        (OldIndexFirst, one),
        (DoneBeforeP8, one),
        (IgnoresDamage, one.with_accidents(1)),
        (UnreadBesideDamage, one.with_accidents(1)),
        (OldDamageInP6, Scenario::new([A, A], [1, 0]).with_accidents(1)),
        (CopyTrustsItself, Scenario::new([A, A], [1, 0]).in_a_row()),
        (RepairListsFirst, one.with_repair()),
        (RepairBlindly, Scenario::new([0, A], [1, 0]).with_repairer()),
    ]
}

#[test]
fn every_mutant_loses_a_blob() {
    for (mutant, scenario) in deadly() {
        assert_eq!(loss(Model::new(scenario)), None, "{scenario:?}");
        assert!(loss(Model { scenario, mutant: Some(mutant) }).is_some(), "{mutant:?} is safe");
    }
}

#[test]
fn untidy_mutants_leave_something_behind() {
    let two_prunes = Scenario::new([A, 0], [1, 1]);
    for mutant in [Mutant::FencesInP5Only, Mutant::GoneNotCondemned] {
        assert_eq!(loss(Model { scenario: two_prunes, mutant: Some(mutant) }), None, "{mutant:?}");
        assert!(
            bad_end(Model { scenario: two_prunes, mutant: Some(mutant) }).is_some(),
            "{mutant:?}"
        );
    }
}

/// Rules that only save work.
#[test]
fn harmless_mutants_lose_nothing() {
    for mutant in [Mutant::UnlistedInP2, Mutant::UndecidedCondemned, Mutant::OldIndexInP6] {
        for scenario in [
            Scenario::new([A, B], [2, 0]).rounds(2),
            Scenario::new([A, 0], [1, 1]),
            Scenario::new([A, A], [2, 0]).rounds(2).empty(),
        ] {
            assert_eq!(loss(Model { scenario, mutant: Some(mutant) }), None, "{mutant:?}");
        }
    }
}
