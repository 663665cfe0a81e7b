//! Find: where, and in which snapshots, something is.

mod criteria;
mod expand;
mod history;
mod snapshot_set;
mod survey;

pub use criteria::{ContentSought, Criteria, KindSought};
pub use expand::{Match, Version};
pub use history::{HistoryLine, HistoryStep, history};
pub use snapshot_set::SnapshotSet;
pub use survey::Found;

use super::backup::files_tree;
use crate::model::{Monitor, Snapshot, Stage};
use crate::repo::{BlobReader, RepoError};
use std::collections::BTreeMap;
use survey::Survey;

/// More things than this are not kept in memory.
const MOST_FOUND: usize = 500_000;

#[derive(Debug, thiserror::Error)]
pub enum FindError {
    #[error(transparent)]
    Repo(#[from] RepoError),
    /// The live file whose content is looked for.
    #[error("cannot read the file that is looked for: {0}")]
    Live(#[from] std::io::Error),
    #[error("more than {MOST_FOUND} things match")]
    TooMany,
    /// Whoever listens does not any more.
    #[error("stopped")]
    Stopped,
}

/// How much was found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FindReport {
    pub paths: u64,
    pub versions: u64,
    /// Pieces of directories that are damaged; each was reported as a problem, and what is in
    /// them was not found.
    pub unread: u64,
}

/// Calls `sink` with every path in `snapshots` (from old to new) that has matches, in the order
/// of a walk; `false` from it ends the search with [`FindError::Stopped`].
///
/// A piece of a directory is read once, however many snapshots and folders have it. Memory: what
/// matches, up to a bound, and 16 bytes for each piece without matches, up to a million of them.
pub fn find(
    reader: &BlobReader,
    snapshots: &[&Snapshot],
    criteria: &mut Criteria,
    sink: &mut dyn FnMut(&Match<'_>) -> bool,
    monitor: &dyn Monitor,
) -> Result<FindReport, FindError> {
    monitor.stage(Stage::Reading);
    let mut survey = Survey::new(reader, criteria, monitor);
    let mut roots = BTreeMap::new();
    for (number, snapshot) in snapshots.iter().enumerate() {
        let files = match files_tree(reader, &snapshot.tree) {
            Err(error) if error.is_damage() => {
                survey.go_on_without(&error);
                continue;
            }
            files => files?,
        };
        let Some(tree) = files else { continue };
        if let Some(key) = survey.tree(tree)? {
            roots.entry(key).or_insert_with(SnapshotSet::default).insert(number);
        }
    }
    let report = expand::expand(survey.nodes(), roots, sink)?;
    Ok(FindReport { unread: survey.unread(), ..report })
}
