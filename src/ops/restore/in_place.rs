//! Restore in place: what is about to be replaced is kept in a safety snapshot first.

use super::continuation::{Identity, Runs};
use super::journal::Journal;
use super::safety::{self, Request, Safety};
use super::{
    Blamed, Content, DirectoryRule, Pass, RestoreError, RestoreOptions, RestorePlan, RestoreReport,
    SafetyTrees, Start, StepSink, Work, mark_blamed, pass_through, safety_trees,
};
use crate::files::{FilesTarget, Rules};
use crate::model::{
    Counter, EntryPath, Host, InPlace, Monitor, Snapshot, SnapshotSource, Stage, Target,
};
use crate::ops::Tally;
use crate::ops::backup::files_tree;
use crate::repo::{BlobReader, RepoError, Repository, Writer};
use jiff::Timestamp;
use std::path::PathBuf;
use std::sync::Arc;

/// What a restore in place needs beside the options of every restore, whose target is the root
/// of the machine's files, with whole paths.
#[derive(Debug, Clone)]
pub struct InPlaceOptions {
    pub writer: Writer,
    pub host: Host,
    pub begun: Timestamp,
    /// The program and its version.
    pub program: String,
    /// A local folder for notes of what is under way, of this repository only.
    pub journal: PathBuf,
    /// Absolute paths without links that are never touched: the repository, its cache.
    pub spared: Vec<PathBuf>,
    /// What backups leave out: it is not deleted for not being in the snapshot.
    pub left_out: Option<Rules>,
    /// What is restored or rolled back is a part of something larger, whose other parts follow:
    /// if they are cut off, the next run goes on with this one, too. [`end_parts`] ends that.
    pub more_follows: bool,
}

/// What a restore in place did.
#[derive(Debug, Clone)]
pub struct InPlaceReport {
    /// `None` if there was nothing to do.
    pub safety: Option<Snapshot>,
    pub report: RestoreReport,
}

/// A change of the machine's files from the trees of a snapshot.
pub struct Change<'a> {
    pub reader: &'a BlobReader,
    pub snapshot: &'a Snapshot,
    /// What is to be there.
    pub wanted: crate::model::BlobId,
    /// What is not to be there: the list of what was absent, in a rollback.
    pub unwanted: Option<crate::model::BlobId>,
    /// In a rollback: the files of the snapshot that was restored, if it is there still. What
    /// was the same then is left alone.
    pub restored: Option<crate::model::BlobId>,
    pub options: &'a RestoreOptions,
    pub place: &'a InPlaceOptions,
    pub directories: DirectoryRule,
}

/// What each strategy would do. Compares, and changes nothing; `steps` hears of what
/// `options.conflict` would do.
pub fn plan_in_place(
    repository: &Arc<Repository>,
    snapshot: &Snapshot,
    options: &RestoreOptions,
    place: &InPlaceOptions,
    steps: StepSink<'_>,
    monitor: Arc<dyn Monitor>,
) -> Result<RestorePlan, RestoreError> {
    let tally = Tally::new(monitor);
    tally.stage(Stage::Planning);
    let reader = BlobReader::new(Arc::clone(repository))?;
    let change = change(&reader, snapshot, options, place)?;
    change.map_or(Ok(RestorePlan::default()), |change| change.plan(steps, &tally))
}

/// Puts files of a snapshot back where they came from. Nothing is changed before a safety
/// snapshot of all that will be is committed, and nothing that it does not hold.
pub fn restore_in_place(
    repository: &Arc<Repository>,
    snapshot: &Snapshot,
    options: &RestoreOptions,
    place: &InPlaceOptions,
    steps: StepSink<'_>,
    monitor: Arc<dyn Monitor>,
) -> Result<InPlaceReport, RestoreError> {
    let tally = Tally::new(Arc::clone(&monitor));
    tally.stage(Stage::Indexing);
    let reader = BlobReader::new(Arc::clone(repository))?;
    let Some(change) = change(&reader, snapshot, options, place)? else {
        return Ok(InPlaceReport { safety: None, report: RestoreReport::default() });
    };
    let origin = InPlace { from: snapshot.id, is_rollback: false, continues: None };
    perform(&change, origin, steps, &tally, &mut |_, _| Ok((0, 0)))
}

fn change<'a>(
    reader: &'a BlobReader,
    snapshot: &'a Snapshot,
    options: &'a RestoreOptions,
    place: &'a InPlaceOptions,
) -> Result<Option<Change<'a>>, RepoError> {
    let directories = DirectoryRule::Asked;
    Ok(files_tree(reader, &snapshot.tree)?.map(|wanted| Change {
        reader,
        snapshot,
        wanted,
        unwanted: None,
        restored: None,
        options,
        place,
        directories,
    }))
}

impl Change<'_> {
    /// What each strategy would do with what is wanted.
    pub fn plan(
        &self,
        steps: StepSink<'_>,
        tally: &Arc<Tally>,
    ) -> Result<RestorePlan, RestoreError> {
        let blamed = Blamed::default();
        let content = Content::new(self.reader, &blamed, tally.as_ref());
        let work = Work::new(self.options, self.directories, &content, steps, tally.as_ref());
        let mut target = Some(Box::new(self.target(true, tally)?) as Box<dyn Target>);
        let start = Start::whole(self.wanted);
        let spared = self.spared();
        pass_through(
            self.reader,
            Pass::Compare,
            &start,
            &mut target,
            &work,
            None,
            &spared,
            &blamed,
            self.restored,
        )?;
        Ok(work.plan())
    }

    /// The machine's files.
    pub fn target(&self, look_only: bool, tally: &Arc<Tally>) -> Result<FilesTarget, RestoreError> {
        let monitor = Arc::clone(tally) as Arc<dyn Monitor>;
        let target_options = self.options.target_options(look_only);
        let target = FilesTarget::new(&self.options.target, target_options, monitor)?;
        Ok(target.sparing(self.place.left_out.clone()))
    }

    /// What is spared, below the target.
    pub fn spared(&self) -> Vec<EntryPath> {
        use std::os::unix::ffi::OsStrExt;
        let spared = self.place.spared.iter();
        let spared = spared.filter_map(|path| path.strip_prefix(&self.options.target).ok());
        spared.filter_map(|path| EntryPath::parse(path.as_os_str().as_bytes()).ok()).collect()
    }
}

/// Removes what is not wanted, given the machine's files and the safety snapshot; returns how
/// many things that were, and how many could not be removed.
pub type Removing<'a> =
    &'a mut dyn FnMut(&mut dyn Target, SafetyTrees) -> Result<(u64, u64), RestoreError>;

/// Takes the safety snapshot and makes the change.
pub fn perform(
    change: &Change<'_>,
    origin: InPlace,
    steps: StepSink<'_>,
    tally: &Arc<Tally>,
    remove: Removing<'_>,
) -> Result<InPlaceReport, RestoreError> {
    let journal = Journal::new(&change.place.journal);
    let paths = asked(change).into_iter().map(|source| source.path.clone()).collect();
    let identity = Identity::new(origin, paths);
    let runs = Runs::new(change.reader.repository(), &journal, &change.place.host)?;
    let earlier = runs.to_continue(&identity);
    let origin = InPlace { continues: earlier.map(|earlier| earlier.id), ..origin };
    let request = Request { change, origin, earlier, journal: &journal };
    let Safety { snapshot, report: foreseen } = safety::take(&request, tally)?;
    let Some(safety) = snapshot else {
        if foreseen.failed == 0 {
            runs.end(&identity);
        }
        return Ok(InPlaceReport { safety: None, report: foreseen });
    };
    runs.close_others(&identity);
    let report = carry_out(change, &safety, foreseen, steps, tally, remove)?;
    if report.failed == 0 {
        journal.end(safety.id);
        runs.end(&identity);
    } else {
        // It was not cut off: what is there now is what it has left there.
        journal.close(safety.id);
    }
    Ok(InPlaceReport { safety: Some(safety), report })
}

/// The paths that are put back, as sources of the safety snapshot.
pub fn asked(change: &Change<'_>) -> Vec<SnapshotSource> {
    let as_of = change.place.begun;
    let source = |path: &EntryPath| SnapshotSource::new(address(path), path.clone(), as_of);
    change.options.paths.iter().map(source).collect()
}

/// `/srv/bot` for `files/srv/bot`.
fn address(path: &EntryPath) -> Vec<u8> {
    let mut address = Vec::new();
    for name in path.names().skip(1) {
        address.push(b'/');
        address.extend_from_slice(name.bytes());
    }
    if address.is_empty() { b"/".to_vec() } else { address }
}

fn carry_out(
    change: &Change<'_>,
    safety: &Snapshot,
    foreseen: RestoreReport,
    steps: StepSink<'_>,
    tally: &Arc<Tally>,
    remove: Removing<'_>,
) -> Result<RestoreReport, RestoreError> {
    let reader = BlobReader::new(Arc::clone(change.reader.repository()))?;
    let Some(trees) = safety_trees(&reader, &safety.tree)? else { return Ok(foreseen) };
    let blamed = Blamed::default();
    let content = Content::new(&reader, &blamed, tally.as_ref());
    tally.stage(Stage::Restoring);
    tally.expect(Counter::BytesRestored, foreseen.bytes);
    let work = Work::new(change.options, change.directories, &content, steps, tally.as_ref());
    let mut target = Some(Box::new(change.target(false, tally)?) as Box<dyn Target>);
    let (deleted, left) = match target.as_mut() {
        Some(target) => remove(target.as_mut(), trees)?,
        None => (0, 0),
    };
    let start = Start::whole(change.wanted);
    let spared = change.spared();
    let mut pass = |pass| {
        let safety = Some(trees);
        pass_through(&reader, pass, &start, &mut target, &work, safety, &spared, &blamed, None)
    };
    pass(Pass::Write)?;
    pass(Pass::Finish)?;
    if change.options.verify {
        tally.stage(Stage::Verifying);
        pass(Pass::Verify)?;
    }
    if let Some(target) = target.as_mut() {
        target.sync()?;
    }
    mark_blamed(&reader, change.snapshot, false, &blamed);
    let mut report = work.report();
    (report.same, report.skipped, report.matched) =
        (foreseen.same, foreseen.skipped, foreseen.matched);
    report.deleted += deleted;
    report.failed += foreseen.failed + left;
    report.count_unrestored(tally);
    Ok(report)
}
