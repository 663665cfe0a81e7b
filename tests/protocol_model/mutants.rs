//! The protocol with one thing wrong.

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
    /// P6 uses the index as it was before P5.
    OldIndexInP6,
    /// What P6 copies does not come into the index.
    UnindexedCopy,
    /// A commit replaces a tombstone.
    UnconditionalCommit,
    TombstonesRemoved,
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
    /// Harmless: P2 believes index lines without a listing.
    UnlistedInP2,
    /// Harmless: P2 condemns packs of undecided sessions too.
    UndecidedCondemned,
}
