//! Restore: a snapshot's entries go into a target.

mod content;
mod continuation;
mod databases;
mod directories;
mod guard;
mod in_place;
mod jobs;
mod journal;
mod options;
mod plan;
mod safety;
mod select;
mod walk;
mod witness;

pub use continuation::end_parts;
pub use databases::{
    CollectionComparison, CollectionReport, DatabaseRestore, DatabaseRestoreError,
    DatabaseRestoreOptions, DatabaseRestoreReport, DatabaseRollback, DatabaseRollbackReport,
    DocumentConflict, DumpedCollection, DumpedDatabases, FieldPath, MatchKey, NamespaceRollback,
    Outcome, Rename, Samples, Selection, Validation, buckets_name, file_name,
    restore_databases_into_folder,
};
pub use in_place::{InPlaceOptions, InPlaceReport, plan_in_place, restore_in_place};
pub use options::{
    Conflict, RestoreAction, RestoreOptions, RestoreReport, RestoreStep, Root, StepSink,
};
pub use plan::RestorePlan;
pub use select::Wanted;

use super::backup::files_tree;
use content::{Blamed, Content};
pub(super) use continuation::{Identity, Runs};
pub(super) use directories::DirectoryRule;
use guard::Guard;
pub(super) use guard::{SafetyTrees, safety_trees};
pub(super) use in_place::{Change, perform};
use jobs::Work;
pub(super) use journal::Journal;
use walk::{Pass, Start, Walk};
use witness::Witnesses;

use super::Tally;
use crate::files::{FilesTarget, TargetOptions};
use crate::model::{BlobId, Counter, EntryPath, Monitor, Snapshot, Stage, Target, TargetError};
use crate::repo::{BlobReader, RepoError, Repository};
use std::sync::Arc;

/// Where a safety snapshot keeps what was not there, beside `files`; it comes before that.
pub const ABSENT: &[u8] = b"absent";

#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    #[error(transparent)]
    Repo(#[from] RepoError),
    #[error("the target cannot be used: {0}")]
    Target(#[from] TargetError),
    /// In place, and nothing was changed; what was in the way was reported.
    #[error("{0} things that are about to be replaced cannot be read whole")]
    Unsaved(u64),
}

/// Restores files of a snapshot below a folder.
pub fn restore(
    repository: &Arc<Repository>,
    snapshot: &Snapshot,
    options: &RestoreOptions,
    steps: StepSink<'_>,
    monitor: Arc<dyn Monitor>,
) -> Result<RestoreReport, RestoreError> {
    let tally = Tally::new(monitor);
    tally.stage(Stage::Indexing);
    let reader = BlobReader::for_reading(Arc::clone(repository))?;
    let as_monitor = Arc::clone(&tally) as Arc<dyn Monitor>;
    let mut target: Option<Box<dyn Target>> = match options.dry_run && !options.target.exists() {
        true => None,
        false => {
            let target_options = options.target_options(options.dry_run);
            Some(Box::new(FilesTarget::new(&options.target, target_options, as_monitor)?))
        }
    };
    let report = restore_into(&reader, snapshot, options, &mut target, steps, &tally)?;
    if report.failed > 0 && !repository.is_live(snapshot.id)? {
        return Err(RepoError::Forgotten(snapshot.id).into());
    }
    Ok(report)
}

impl RestoreOptions {
    fn target_options(&self, look_only: bool) -> TargetOptions {
        let (numeric_ids, no_ownership) = (self.numeric_ids, self.no_ownership);
        TargetOptions { numeric_ids, no_ownership, look_only }
    }
}

/// Restores into any target; `None` stands for one that is empty. Packs that turn out damaged are
/// marked, unless it is a dry run, or the snapshot was forgotten and may well lack something.
pub fn restore_into(
    reader: &BlobReader,
    snapshot: &Snapshot,
    options: &RestoreOptions,
    target: &mut Option<Box<dyn Target>>,
    steps: StepSink<'_>,
    tally: &Arc<Tally>,
) -> Result<RestoreReport, RestoreError> {
    let blamed = Blamed::default();
    let restored = restore_blaming(reader, snapshot, options, target, steps, tally, &blamed);
    if let Err(RestoreError::Repo(error)) = &restored {
        blamed.note(error);
    }
    mark_blamed(reader, snapshot, options.dry_run, &blamed);
    restored
}

pub(super) fn mark_blamed(
    reader: &BlobReader,
    snapshot: &Snapshot,
    dry_run: bool,
    blamed: &Blamed,
) {
    let repository = reader.repository();
    let marks = !dry_run && !blamed.is_empty();
    if marks && repository.is_live(snapshot.id).unwrap_or(false) {
        blamed.mark(repository);
    }
}

fn restore_blaming(
    reader: &BlobReader,
    snapshot: &Snapshot,
    options: &RestoreOptions,
    target: &mut Option<Box<dyn Target>>,
    steps: StepSink<'_>,
    tally: &Arc<Tally>,
    blamed: &Blamed,
) -> Result<RestoreReport, RestoreError> {
    let Some(start) = start(reader, snapshot, &options.root)? else {
        return Ok(RestoreReport::default());
    };
    tally.expect(Counter::BytesRestored, snapshot.summary.bytes);
    let content = Content::new(reader, blamed, tally.as_ref());
    let work = Work::new(options, DirectoryRule::All, &content, steps, tally.as_ref());
    let passes = match (options.dry_run, options.verify) {
        (true, _) => &[Pass::Compare][..],
        (false, false) => &[Pass::Write, Pass::Finish],
        (false, true) => &[Pass::Write, Pass::Finish, Pass::Verify],
    };
    for pass in passes {
        tally.stage(if *pass == Pass::Verify { Stage::Verifying } else { Stage::Restoring });
        pass_through(reader, *pass, &start, target, &work, None, &[], blamed, None)?;
    }
    if let Some(target) = target.as_mut().filter(|_| !options.dry_run) {
        target.sync()?;
    }
    let mut report = work.report();
    report.count_unrestored(tally);
    Ok(report)
}

/// One walk, with its workers.
#[allow(clippy::too_many_arguments)]
pub(super) fn pass_through(
    reader: &BlobReader,
    pass: Pass,
    start: &Start,
    target: &mut Option<Box<dyn Target>>,
    work: &Work<'_>,
    safety: Option<SafetyTrees>,
    spared: &[EntryPath],
    blamed: &Blamed,
    restored: Option<BlobId>,
) -> Result<(), RestoreError> {
    let wanted = Wanted::new(&work.options.paths, &work.options.filter);
    let workers = reader.repository().workers();
    if let (Pass::Finish, Some(target)) = (pass, target.as_mut()) {
        target.all_were_entered();
    }
    std::thread::scope(|scope| {
        let pool = jobs::Pool::start(scope, workers, work);
        let guard = safety.map(|trees| Guard::new(reader, trees));
        let walk = Walk::new(reader, pass, wanted, target, work, &pool, blamed);
        let witnesses = restored.map(|tree| Witnesses::new(reader, tree));
        walk.guarded(guard, spared).leaving(witnesses).run(start)
    })
}

/// Where a walk begins; `None` if the snapshot has nothing there.
fn start(
    reader: &BlobReader,
    snapshot: &Snapshot,
    root: &Root,
) -> Result<Option<Start>, RepoError> {
    let find = |path: &EntryPath| reader.find_path(&snapshot.tree, path);
    Ok(match root {
        Root::Whole => files_tree(reader, &snapshot.tree)?.map(Start::whole),
        Root::Folder(path) => {
            let tree = find(path)?.and_then(|entry| entry.tree());
            tree.map(|tree| Start::folder(tree, path))
        }
        Root::One(path, name) => find(path)?.map(|entry| Start::one(entry, path, name)),
    })
}
