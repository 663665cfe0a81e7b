//! What a restore of databases did, and what it would do.

use crate::model::Snapshot;
use std::time::Duration;

/// What became of one collection or view.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CollectionReport {
    /// `database.collection`, in the snapshot.
    pub from: String,
    /// In the server.
    pub to: String,
    pub is_view: bool,
    /// It was there already, or something was.
    pub was_there: bool,
    /// It was loaded beside what was there, and has taken its place.
    pub swapped: bool,
    /// A view of another definition was there. (The same one counts as `identical`.)
    pub is_replaced: bool,
    /// Documents that were not there.
    pub inserted: u64,
    pub overwritten: u64,
    pub merged: u64,
    /// Documents that were there and stay as they were.
    pub present: u64,
    /// Of these, those that were looked at and are the same.
    pub identical: u64,
    /// Documents that did not come to be as they should.
    pub failed: u64,
    /// Bytes of the documents that were given to the server.
    pub bytes: u64,
    pub indexes: u64,
    /// What was not done so that documents do not expire at once: commands for mongosh.
    pub held_back: Vec<String>,
    /// Its documents were put there, as far as they could be.
    pub is_restored: bool,
    pub validation: Option<Validation>,
}

/// What was found of a collection after it was restored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Validation {
    /// Why nothing was found.
    pub unread: Option<String>,
    /// Documents that are as the snapshot has them.
    pub identical: u64,
    /// Documents that differ, as the strategy says.
    pub kept: u64,
    pub missing: u64,
    /// Documents that differ, and should not.
    pub differing: u64,
    /// Documents that have no match that could be told.
    pub unusable: u64,
    /// Documents without a field that was required.
    pub lacking: u64,
    /// All that are there, where nothing was before.
    pub there: Option<u64>,
}

/// What a restore of databases did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DatabaseRestoreReport {
    pub collections: Vec<CollectionReport>,
    /// What was there before; `None` where nothing was.
    pub safety: Option<Snapshot>,
    /// How long it took to look at everything again.
    pub validating: Option<Duration>,
    /// Collections, indexes and documents that could not be restored; each was told, documents
    /// up to a few of each collection.
    pub failed: u64,
}

/// How one collection of the snapshot compares with what is there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CollectionComparison {
    pub from: String,
    pub to: String,
    pub is_view: bool,
    /// Something of that name is there.
    pub is_there: bool,
    pub identical: u64,
    pub changed: u64,
    pub missing: u64,
    /// Documents that the snapshot does not have; `None` where only some of its documents are
    /// wanted.
    pub extra: Option<u64>,
    /// Documents that could not be compared, or read.
    pub failed: u64,
    /// Why documents of it cannot be put there at all.
    pub refused: Option<String>,
    pub samples: Samples,
    /// In the order of the strategies that were asked about.
    pub outcomes: Vec<Outcome>,
}

/// A few ids, `{_id: value}` for people.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Samples {
    pub changed: Vec<String>,
    pub missing: Vec<String>,
    pub extra: Vec<String>,
}

/// What a strategy would do with the documents of a collection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Outcome {
    pub inserted: u64,
    pub overwritten: u64,
    pub merged: u64,
    /// Documents that are there and would stay as they are, the same or not.
    pub present: u64,
    pub failed: u64,
}

impl Outcome {
    pub fn with(self, other: Self) -> Self {
        Self {
            inserted: self.inserted + other.inserted,
            overwritten: self.overwritten + other.overwritten,
            merged: self.merged + other.merged,
            present: self.present + other.present,
            failed: self.failed + other.failed,
        }
    }

    /// Whether anything would be written.
    pub fn changes(&self) -> bool {
        self.inserted + self.overwritten + self.merged > 0
    }
}

impl CollectionReport {
    /// The same in the words of a plan.
    pub fn outcome(&self) -> Outcome {
        Outcome {
            inserted: self.inserted,
            overwritten: self.overwritten,
            merged: self.merged,
            present: self.present,
            failed: self.failed,
        }
    }
}
