//! The protocol with one thing wrong.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutant {
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
}
