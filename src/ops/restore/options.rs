//! What is asked of a restore, and what it says of itself.

use crate::files::PathFilter;
use crate::model::{EntryName, EntryPath, ProblemKind};
use crate::ops::Tally;
use std::path::PathBuf;

/// What happens to things that are in the way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Conflict {
    /// They stay.
    #[default]
    Skip,
    /// They are replaced.
    Overwrite,
    /// They are replaced if they were modified before what the snapshot has.
    Newest,
}

/// What of the snapshot becomes what in the target.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Root {
    /// Whole paths: `/srv/bot` of the snapshot is `srv/bot` in the target.
    #[default]
    Whole,
    /// What is in this folder of the snapshot (`files/srv/bot`) is what is in the target.
    Folder(EntryPath),
    /// This one thing of the snapshot, under another name in the target.
    One(EntryPath, EntryName),
}

/// What to restore, and how.
#[derive(Debug, Clone)]
pub struct RestoreOptions {
    /// Paths in the snapshot (`files/srv/bot`); none means everything. Only with [`Root::Whole`].
    pub paths: Vec<EntryPath>,
    pub root: Root,
    /// Applied to paths without `files/`.
    pub filter: PathFilter,
    /// A folder; it is made if it is not there. `/` for a restore in place.
    pub target: PathBuf,
    pub conflict: Conflict,
    /// Removes what the snapshot does not have from the directories that are restored.
    pub delete: bool,
    /// Compares and counts, and changes nothing. (In place: see `plan_in_place`.)
    pub dry_run: bool,
    /// Reads everything back from the target afterwards.
    pub verify: bool,
    /// Restores numbers of owners, whatever their names are here.
    pub numeric_ids: bool,
    /// Owners and groups are not restored.
    pub no_ownership: bool,
}

/// One thing that a restore does (or, in a dry run, would do).
#[derive(Debug, Clone, Copy)]
pub struct RestoreStep<'a> {
    pub action: RestoreAction,
    /// Below the target.
    pub path: &'a EntryPath,
    pub size: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RestoreAction {
    Create,
    Replace,
    /// Only metadata differs.
    Metadata,
    Same,
    /// Something else is there, and stays.
    Skip,
    Delete,
}

/// Hears of every step, from any thread.
pub type StepSink<'a> = &'a (dyn Fn(RestoreStep<'_>) + Sync);

/// What a restore did, or would do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RestoreReport {
    pub created: u64,
    pub replaced: u64,
    pub metadata_changed: u64,
    pub same: u64,
    pub skipped: u64,
    /// A directory with all below it counts as one.
    pub deleted: u64,
    /// What `delete` spared, for backups leave it out; counted likewise.
    pub spared: u64,
    /// Entries that could not be restored, and parts of entries (an attribute, a link); each was
    /// reported as a problem.
    pub failed: u64,
    /// Entries that were read back and found right.
    pub verified: u64,
    /// Bytes of files that were written.
    pub bytes: u64,
    /// Whether the snapshot has anything of what was asked for.
    pub matched: bool,
}

impl RestoreReport {
    /// Counts one thing of `size` bytes.
    pub fn count(&mut self, action: RestoreAction, size: u64) {
        match action {
            RestoreAction::Create => self.created += 1,
            RestoreAction::Replace => self.replaced += 1,
            RestoreAction::Metadata => self.metadata_changed += 1,
            RestoreAction::Same => self.same += 1,
            RestoreAction::Skip => self.skipped += 1,
            RestoreAction::Delete => self.deleted += 1,
        }
        if matches!(action, RestoreAction::Create | RestoreAction::Replace) {
            self.bytes += size;
        }
    }

    /// The target reports by itself that a part of an entry could not be restored.
    pub(super) fn count_unrestored(&mut self, tally: &Tally) {
        self.failed = self.failed.max(tally.problems(ProblemKind::Unrestored));
    }

    /// Whether anything was, or would be, changed.
    pub fn changes(&self) -> bool {
        self.created + self.replaced + self.metadata_changed + self.deleted > 0
    }
}
