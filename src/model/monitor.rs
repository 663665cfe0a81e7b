//! How the core reports: counters, stages and problems that do not end a run.

/// Receives what a verb has to say while it runs. All methods are cheap and may be called from
/// any thread.
pub trait Monitor: Send + Sync {
    /// A new stage of the verb begins.
    fn stage(&self, _stage: Stage) {}

    /// `amount` more of `counter`.
    fn add(&self, _counter: Counter, _amount: u64) {}

    /// How much of `counter` there will be in all, as far as is known now.
    fn expect(&self, _counter: Counter, _total: u64) {}

    /// What is being worked on, for people to look at.
    fn current(&self, _name: &dyn std::fmt::Display) {}

    /// What a backup does with an entry. Making text of `path` costs more than not to.
    fn entry(&self, _fate: Fate, _path: &dyn std::fmt::Display) {}

    /// Something went wrong that does not end the run.
    fn problem(&self, _problem: Problem) {}

    /// Whether the user asked to stop: verbs look at it between steps and end cleanly.
    fn stopped(&self) -> bool {
        false
    }
}

/// A monitor that keeps everything to itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Monitor for Silent {}

/// What a verb is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    Opening,
    Indexing,
    Reading,
    Committing,
    Planning,
    Restoring,
    Verifying,
    Copying,
    Checking,
    ReadingData,
    Marking,
    Waiting,
    Rewriting,
    Deleting,
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Counter {
    FilesNew,
    FilesChanged,
    FilesUnchanged,
    /// Files (of any kind) that were looked into, whatever was found.
    FilesRead,
    /// What rules left out, a directory with all below it counted as one.
    EntriesLeftOut,
    DirectoriesNew,
    DirectoriesChanged,
    DirectoriesUnchanged,
    /// Plain bytes of files that were read or taken as unchanged.
    BytesProcessed,
    /// Entries processed, of any kind.
    EntriesProcessed,
    /// Blobs that the repository did not have.
    BlobsNew,
    /// Their plain bytes.
    BytesNew,
    /// Their bytes as stored, with packs' own tables.
    BytesStored,
    EntriesRestored,
    EntriesSkipped,
    BytesRestored,
    PacksChecked,
    BytesChecked,
    SnapshotsChecked,
    SnapshotsCopied,
    PacksDeleted,
    BytesDeleted,
    BytesRewritten,
}

/// What becomes of an entry of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fate {
    New,
    Changed,
    Unchanged,
    /// By rules, with all below it.
    LeftOut,
}

/// Something that went wrong with one thing, while the run goes on.
#[derive(Debug, Clone)]
pub struct Problem {
    pub kind: ProblemKind,
    /// The path or object concerned, readable.
    pub what: String,
    /// What happened, one sentence without a full stop.
    pub why: String,
}

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProblemKind {
    /// Part of the source could not be read: the snapshot lacks it (exit 3).
    Unreadable,
    /// A file was written to while it was read, three times: kept, flagged (exit 3).
    Torn,
    /// A file grew while it was read: kept at the length it had.
    Grew,
    /// Part could not be restored (exit 1).
    Unrestored,
    /// The repository is damaged (exit 4).
    Damage,
    /// Worth knowing, nothing is wrong with the result.
    Note,
}
