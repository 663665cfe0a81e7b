//! Rollback: undoes a restore in place, from the safety snapshot that it took.

mod list;
mod removal;

pub use list::{InPlacePart, InPlaceRun, list_in_place, to_undo};

use super::backup::files_tree;
use super::restore::{
    Change, DirectoryRule, Identity, Journal, RestoreError, Runs, SafetyTrees, perform,
    safety_trees,
};
use super::{
    Conflict, InPlaceOptions, InPlaceReport, RestoreOptions, RestoreReport, StepSink, Tally,
};
use crate::files::PathFilter;
use crate::model::{InPlace, Monitor, Snapshot, Stage, Target};
use crate::repo::{BlobReader, RepoError, Repository};
use removal::{Removal, Removed};
use std::path::PathBuf;
use std::sync::Arc;

/// What a rollback would do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RollbackPlan {
    pub report: RestoreReport,
    /// Of what would be deleted: files that were changed after the restore had made them.
    pub changed: u64,
}

/// What undoing `safety` would do. Changes nothing.
pub fn plan_rollback(
    repository: &Arc<Repository>,
    safety: &Snapshot,
    place: &InPlaceOptions,
    steps: StepSink<'_>,
    monitor: Arc<dyn Monitor>,
) -> Result<RollbackPlan, RestoreError> {
    let tally = Tally::new(monitor);
    tally.stage(Stage::Planning);
    let reader = BlobReader::new(Arc::clone(repository))?;
    let options = options(safety)?;
    let Some(trees) = safety_trees(&reader, &safety.tree)? else {
        return Ok(RollbackPlan::default());
    };
    let change = change(&reader, safety, trees, &options, place)?;
    let mut report = change.plan(steps, &tally)?.overwrite;
    let mut removed = Removed::default();
    if let Some(absent) = trees.absent {
        let mut target = change.target(true, &tally)?;
        let target: &mut dyn Target = &mut target;
        let removal = Removal::new(&reader, trees.files, None, target, steps, tally.as_ref());
        removed = removal.run(absent)?;
    }
    report.deleted += removed.things;
    report.failed += removed.failed;
    Ok(RollbackPlan { report, changed: removed.changed })
}

/// Makes everything that the restore has changed what it was before: what was replaced or deleted
/// comes back, what was made goes. It takes a safety snapshot itself.
pub fn rollback(
    repository: &Arc<Repository>,
    safety: &Snapshot,
    place: &InPlaceOptions,
    steps: StepSink<'_>,
    monitor: Arc<dyn Monitor>,
) -> Result<InPlaceReport, RestoreError> {
    let tally = Tally::new(monitor);
    tally.stage(Stage::Indexing);
    let reader = BlobReader::new(Arc::clone(repository))?;
    let options = options(safety)?;
    let Some(trees) = safety_trees(&reader, &safety.tree)? else {
        return Ok(InPlaceReport { safety: None, report: RestoreReport::default() });
    };
    let change = change(&reader, safety, trees, &options, place)?;
    let origin = InPlace { from: safety.id, is_rollback: true, continues: None };
    let mut remove = |target: &mut dyn Target, held: SafetyTrees| {
        let Some(absent) = trees.absent else { return Ok((0, 0)) };
        // It holds what is there now, and was made after this reader was.
        let fresh = BlobReader::new(Arc::clone(repository))?;
        let monitor = tally.as_ref();
        let removal = Removal::new(&fresh, trees.files, Some(held), target, steps, monitor);
        let removed = removal.run(absent)?;
        Ok((removed.things, removed.failed))
    };
    let journal = Journal::new(&place.journal);
    let runs = Runs::new(repository, &journal, &place.host)?;
    let done = perform(&change, origin, steps, &tally, &mut remove)?;
    if done.report.failed == 0 {
        journal.end(safety.id);
        Identity::of(safety).iter().for_each(|undone| runs.end(undone));
    }
    Ok(done)
}

fn change<'a>(
    reader: &'a BlobReader,
    snapshot: &'a Snapshot,
    trees: SafetyTrees,
    options: &'a RestoreOptions,
    place: &'a InPlaceOptions,
) -> Result<Change<'a>, RepoError> {
    let directories = DirectoryRule::AskedAndParents;
    let (wanted, unwanted) = (trees.files, trees.absent);
    let from = snapshot.in_place.map(|origin| origin.from);
    let live = reader.repository().ledger()?.live;
    let from = live.iter().find(|other| Some(other.id) == from);
    let restored = match from {
        Some(from) => files_tree(reader, &from.tree)?,
        None => None,
    };
    Ok(Change { reader, snapshot, wanted, unwanted, restored, options, place, directories })
}

fn options(safety: &Snapshot) -> Result<RestoreOptions, RepoError> {
    let filter =
        PathFilter::new(&[], &[]).map_err(|error| RepoError::Earlier(error.to_string()))?;
    Ok(RestoreOptions {
        paths: safety.sources.iter().map(|source| source.path.clone()).collect(),
        root: super::Root::Whole,
        filter,
        target: PathBuf::from("/"),
        conflict: Conflict::Overwrite,
        delete: false,
        dry_run: false,
        verify: false,
        // It is the same machine.
        numeric_ids: true,
        no_ownership: false,
    })
}
