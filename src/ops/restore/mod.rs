//! Restore: a snapshot's entries go into a target.

mod content;
mod databases;
mod jobs;
mod select;
mod walk;

pub use databases::{
    CollectionReport, DatabaseRestoreError, DatabaseRestoreOptions, DatabaseRestoreReport, Rename,
    restore_databases,
};
pub use select::Wanted;

use super::Tally;
use crate::files::{FilesTarget, PathFilter, TargetOptions};
use crate::model::{
    Counter, Directory, EntryPath, Kind, Monitor, Snapshot, Stage, Target, TargetError,
};
use crate::repo::{BlobReader, RepoError, Repository};
use content::{Blamed, Content};
use jobs::Work;
use std::path::PathBuf;
use std::sync::Arc;
use walk::{Pass, Walk};

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

/// What to restore, and how.
#[derive(Debug, Clone)]
pub struct RestoreOptions {
    /// Paths in the snapshot (`files/srv/bot`); none means everything.
    pub paths: Vec<EntryPath>,
    /// Applied to paths without `files/`.
    pub filter: PathFilter,
    /// A folder; it is made if it is not there.
    pub target: PathBuf,
    pub conflict: Conflict,
    /// Removes what the snapshot does not have from the directories that are restored.
    pub delete: bool,
    /// Compares and counts, and changes nothing.
    pub dry_run: bool,
    /// Reads everything back from the target afterwards.
    pub verify: bool,
    /// Restores numbers of owners, whatever their names are here.
    pub numeric_ids: bool,
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

/// What a restore did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RestoreReport {
    pub created: u64,
    pub replaced: u64,
    pub metadata_changed: u64,
    pub same: u64,
    pub skipped: u64,
    pub deleted: u64,
    /// Entries that could not be restored; each was reported as a problem.
    pub failed: u64,
    /// Bytes of files that were written (or would be).
    pub bytes: u64,
    /// Entries that were read back and are what they should be.
    pub verified: u64,
    /// Whether anything in the snapshot was selected.
    pub matched: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    #[error(transparent)]
    Repo(#[from] RepoError),
    #[error("the target cannot be used: {0}")]
    Target(#[from] TargetError),
}

/// Hears of every step, from any thread.
pub type StepSink<'a> = &'a (dyn Fn(RestoreStep<'_>) + Sync);

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
    let reader = BlobReader::new(Arc::clone(repository))?;
    let target_options = TargetOptions { numeric_ids: options.numeric_ids };
    let as_monitor = Arc::clone(&tally) as Arc<dyn Monitor>;
    let mut target: Option<Box<dyn Target>> = match options.dry_run && !options.target.exists() {
        true => None,
        false => Some(Box::new(FilesTarget::new(&options.target, target_options, as_monitor)?)),
    };
    let report = restore_into(&reader, snapshot, options, &mut target, steps, &tally)?;
    if report.failed > 0 && !repository.is_live(snapshot.id)? {
        return Err(RepoError::Forgotten(snapshot.id).into());
    }
    Ok(report)
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
    let repository = reader.repository();
    let marks = !options.dry_run && !blamed.is_empty();
    if marks && repository.is_live(snapshot.id).unwrap_or(false) {
        blamed.mark(repository);
    }
    restored
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
    let Some(root) = files_root(reader, snapshot)? else { return Ok(RestoreReport::default()) };
    tally.expect(Counter::BytesRestored, snapshot.summary.bytes);
    let content = Content::new(reader, blamed);
    let work = Work::new(options, &content, steps, tally.as_ref());
    let passes = match (options.dry_run, options.verify) {
        (true, _) => &[Pass::Compare][..],
        (false, false) => &[Pass::Write, Pass::Finish],
        (false, true) => &[Pass::Write, Pass::Finish, Pass::Verify],
    };
    for pass in passes {
        tally.stage(if *pass == Pass::Verify { Stage::Verifying } else { Stage::Restoring });
        let wanted = Wanted::new(&options.paths, &options.filter);
        let workers = reader.repository().workers();
        std::thread::scope(|scope| {
            let pool = jobs::Pool::start(scope, workers, &work);
            Walk::new(reader, *pass, wanted, target, &work, &pool, blamed).run(root)
        })?;
    }
    if let Some(target) = target.as_mut().filter(|_| !options.dry_run) {
        target.sync()?;
    }
    Ok(work.report())
}

fn files_root(
    reader: &BlobReader,
    snapshot: &Snapshot,
) -> Result<Option<crate::model::BlobId>, RepoError> {
    match reader.find_entry(&snapshot.tree, super::backup::FILES)?.map(|entry| entry.kind) {
        Some(Kind::Directory(Directory { tree, .. })) => Ok(tree),
        _ => Ok(None),
    }
}
