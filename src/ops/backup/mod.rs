//! Backup: sources become a snapshot.

pub(super) mod assemble;
mod comparison;
mod databases;
mod files;
pub(super) mod pool;
pub(super) mod previous;
mod problems;
mod read_file;
mod repeated;
mod stream;

pub use databases::{DatabaseReport, DatabaseSource, DatabasesBackup, MONGODB};
pub use files::{FilesBackup, backup, backup_files};
pub use stream::{StreamBackup, StreamError, StreamInput, backup_stream};

use super::Tally;
use crate::format::SessionKind;
use crate::model::{
    BlobId, Counter, EntryName, EntryPath, FileTime, Host, Metadata, Monitor, Problem, ProblemKind,
    SessionId, Snapshot, SnapshotKind, SnapshotSource, Source, SourceError, Stage, Summary,
};
use crate::repo::{BlobReader, RepoError, Repository, Session, Writer};
use assemble::Assembler;
use comparison::Comparison;
use databases::SavedDatabases;
pub(super) use databases::{
    DatabaseSaver, database_place, is_of_databases, place_of, server_place,
};
use jiff::Timestamp;
use pool::{Helping, Pool};
use previous::{PreviousTree, Reuse};
use repeated::{above, last_of, repeated};
use std::sync::Arc;

/// How often a backup that was shut out by a prune begins again.
const FENCED_ATTEMPTS: usize = 3;

/// What a snapshot says of itself, beside its content.
#[derive(Debug, Clone)]
pub struct BackupOptions {
    pub writer: Writer,
    pub host: Host,
    /// Sorted.
    pub tags: Vec<String>,
    pub begun: Timestamp,
    pub kind: SnapshotKind,
    /// Reads everything and counts what would be stored, and stores nothing.
    pub dry_run: bool,
    /// Commits nothing if each source is as the last snapshot has it, itself and all below it.
    /// (What lies above a source may have changed.)
    pub skip_if_unchanged: bool,
    /// The program and its version.
    pub program: String,
}

/// What a backup did.
#[derive(Debug, Clone)]
pub struct BackupReport {
    /// `None` for a dry run, and where nothing had changed and that was to be skipped.
    pub snapshot: Option<Snapshot>,
    pub summary: Summary,
    pub unchanged: bool,
    pub files_new: u64,
    pub files_changed: u64,
    pub files_unchanged: u64,
    /// Those of all three that were read, for nothing told that they are unchanged.
    pub files_read: u64,
    /// By rules, a directory with all below it counted as one.
    pub left_out: u64,
    pub directories_new: u64,
    pub directories_changed: u64,
    pub directories_unchanged: u64,
    pub blobs_new: u64,
    /// Plain bytes of new blobs.
    pub bytes_new: u64,
    /// Bytes added to the repository.
    pub bytes_stored: u64,
    pub bytes_processed: u64,
    /// Entries that could not be read, or that changed each time they were read.
    pub problems: u64,
    /// Files that grew while they were read.
    pub grown: u64,
    pub databases: Vec<DatabaseReport>,
}

/// Why a backup failed.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error(transparent)]
    Repo(#[from] RepoError),
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error(transparent)]
    Mongo(#[from] crate::mongo::MongoError),
    #[error(transparent)]
    Rules(#[from] crate::files::RuleError),
    #[error(transparent)]
    Stream(#[from] StreamError),
}

/// Hears which paths were not read steadily.
pub type WalkEnded<'a> = Box<dyn FnMut(&[EntryPath]) + 'a>;

/// One source of a backup, ready to be walked.
pub struct Prepared<'a> {
    pub source: Box<dyn Source + 'a>,
    /// How it appears in the snapshot.
    pub sources: Vec<SnapshotSource>,
    /// Databases that come into the same snapshot; their moment is when the walk has ended.
    pub databases: DatabasesBackup,
    /// The snapshot whose entries the source may say are unchanged.
    pub recorded: Option<SessionId>,
    /// Called when the walk has ended, with the paths (below the source's root) that the next
    /// backup must read again. More of them may follow before the commit.
    pub ended: WalkEnded<'a>,
    /// Called with the snapshot that has what was walked: the new one when it is committed, or
    /// the last where nothing had changed and none was.
    pub committed: Box<dyn FnMut(SessionId) + 'a>,
}

/// Backs up what `prepare` makes: it is called again if the session was shut out meanwhile, or
/// if what the last snapshot should have is not there; `true` then asks for a source that reads
/// everything.
pub fn backup_source<'a>(
    repository: &Arc<Repository>,
    options: &BackupOptions,
    prepare: &mut dyn FnMut(bool, Arc<dyn Monitor>) -> Result<Prepared<'a>, BackupError>,
    monitor: Arc<dyn Monitor>,
) -> Result<BackupReport, BackupError> {
    let mut read_everything = false;
    let mut attempt = 1;
    loop {
        let tally = Tally::new(Arc::clone(&monitor));
        let prepared = prepare(read_everything, Arc::clone(&tally) as Arc<dyn Monitor>)?;
        match attempt_backup(repository, options, prepared, &tally) {
            Err(BackupError::Repo(RepoError::Fenced { .. })) if attempt < FENCED_ATTEMPTS => {}
            Err(BackupError::Repo(error)) if error.is_damage() && !read_everything => {
                read_everything = true;
                let what = "the last snapshot".to_string();
                let why = format!("it cannot be used, so everything is read again: {error}");
                monitor.problem(Problem { kind: ProblemKind::Note, what, why });
                // What is to blame must not be relied on the second time either.
                repository.mark_blamed(&error)?;
            }
            done => return done,
        }
        attempt += 1;
    }
}

/// What the walk made.
struct Walked {
    tree: BlobId,
    summary: Summary,
    databases: SavedDatabases,
}

fn attempt_backup(
    repository: &Arc<Repository>,
    options: &BackupOptions,
    mut prepared: Prepared<'_>,
    tally: &Arc<Tally>,
) -> Result<BackupReport, BackupError> {
    tally.stage(Stage::Indexing);
    let monitor = Arc::clone(tally) as Arc<dyn Monitor>;
    let session =
        Session::begin(repository, SessionKind::Backup, &options.writer, Arc::clone(&monitor))?;
    let report = run_session(&session, options, &mut prepared, tally);
    if report.is_err() {
        session.give_up();
    }
    report
}

/// From the walk to the end of a session.
fn run_session(
    session: &Session,
    options: &BackupOptions,
    prepared: &mut Prepared<'_>,
    tally: &Tally,
) -> Result<BackupReport, BackupError> {
    let repository = session.repository();
    let parent = match prepared.recorded {
        Some(parent) => live_parent(repository, parent)?,
        None => None,
    };
    let last = match &parent {
        Some(parent) => Some(parent.clone()),
        // It is only compared with: without it everything counts as new.
        None => last_of(repository, options, &prepared.sources).unwrap_or_default(),
    };
    tally.stage(Stage::Reading);
    let walked = walk(session, prepared, parent.as_ref(), last.as_ref(), tally)?;
    tally.stage(Stage::Committing);
    prepared.sources.extend(walked.databases.sources.iter().cloned());
    let is_same_tree = last.as_ref().is_some_and(|last| last.tree == walked.tree);
    let repeated = match options.skip_if_unchanged && !options.dry_run {
        true => repeated(session, &prepared.sources, last, walked.tree)?,
        false => None,
    };
    let mut report = report(&walked, is_same_tree || repeated.is_some(), tally);
    let kept = match repeated {
        Some(last) => repository.is_live(last.id)?.then_some(last),
        None => None,
    };
    if !options.dry_run && kept.is_none() {
        let snapshot = snapshot(session, options, prepared, parent.as_ref(), &walked, &report)?;
        session.commit(&snapshot)?;
        (prepared.committed)(session.id());
        repository.remember_snapshot(&snapshot);
        report.snapshot = Some(snapshot);
    } else {
        session.flush()?;
        session.end()?;
    }
    if let Some(last) = kept {
        remember(prepared, &last, walked.tree);
    }
    report.bytes_stored = tally.count(Counter::BytesStored);
    Ok(report)
}

/// The next backup need not read what the last snapshot was just found to have.
fn remember(prepared: &mut Prepared<'_>, last: &Snapshot, tree: BlobId) {
    if last.tree != tree {
        (prepared.ended)(&above(&prepared.sources));
    }
    (prepared.committed)(last.id);
}

fn live_parent(repository: &Repository, id: SessionId) -> Result<Option<Snapshot>, RepoError> {
    match repository.read_commit(id) {
        Ok(crate::format::Commit::Snapshot(snapshot)) => Ok(Some(*snapshot)),
        Ok(_) => Ok(None),
        Err(RepoError::Storage(crate::storage::StorageError::Absent { .. })) => Ok(None),
        Err(error) if error.is_damage() => Ok(None),
        Err(error) => Err(error),
    }
}

fn walk(
    session: &Session,
    prepared: &mut Prepared<'_>,
    parent: Option<&Snapshot>,
    last: Option<&Snapshot>,
    monitor: &dyn Monitor,
) -> Result<Walked, BackupError> {
    let repository = session.repository();
    let unread = match parent {
        Some(parent) => session.may_reuse_unread(parent.id)?,
        None => false,
    };
    let reader = BlobReader::sharing(Arc::clone(repository), session.catalog_shared());
    let files = match parent {
        Some(parent) => files_tree(&reader, &parent.tree)?,
        None => None,
    };
    let previous = |root: BlobId| PreviousTree::new(&reader, root);
    let mut reuse = match files {
        Some(_) if unread => Reuse::Everything,
        Some(root) => Reuse::Checked { previous: previous(root), reader: &reader, session },
        None => Reuse::Nothing,
    };
    let comparison = Comparison::new(last.map(|last| previous(last.tree)));
    let recorded = parent.map(|parent| previous(parent.tree));
    let assembler = Assembler::new(session, monitor, recorded, Some(comparison), unread)?;
    let helping = Helping::new(repository.workers(), monitor);
    let (walked, unsteady) =
        std::thread::scope(|scope| run(scope, session, prepared, &mut reuse, assembler, &helping))?;
    (prepared.ended)(&unsteady);
    Ok(walked)
}

/// The tree of `files/` in the root directory of a snapshot.
pub(super) fn files_tree(reader: &BlobReader, root: &BlobId) -> Result<Option<BlobId>, RepoError> {
    Ok(reader.find_entry(root, FILES)?.and_then(|entry| entry.tree()))
}

/// A path in a snapshot as people know it: `/srv/bot` for `files/srv/bot`.
pub fn shown(path: &EntryPath) -> String {
    let text = path.to_string();
    match text.strip_prefix("files") {
        Some(rest) if rest.starts_with('/') => rest.to_string(),
        _ => text,
    }
}

/// Where paths of file systems lie in a snapshot.
pub const FILES: &[u8] = b"files";

/// Drives the walk on this thread, with the workers beside it.
fn run<'scope, 'env: 'scope>(
    scope: &'scope std::thread::Scope<'scope, 'env>,
    session: &'env Session,
    prepared: &mut Prepared<'_>,
    reuse: &mut Reuse<'_>,
    mut assembler: Assembler<'_>,
    helping: &'env Helping<'env>,
) -> Result<(Walked, Vec<EntryPath>), BackupError> {
    let mut pool = Pool::start(scope, session.repository().workers(), session, helping)?;
    let has_files = !prepared.sources.is_empty() || prepared.databases.sources.is_empty();
    if has_files {
        assembler.enter(files_name());
        while let Some(step) = prepared.source.next(reuse)? {
            assembler.step(step, &mut pool)?;
            session.sign_of_life()?;
            helping.check()?;
        }
        assembler.end_source(files_metadata())?;
    }
    let saver = DatabaseSaver::new(session, helping)?;
    let databases = saver.save(&prepared.databases, &mut assembler)?;
    let (tree, summary, unsteady) = assembler.finish()?;
    Ok((Walked { tree, summary, databases }, unsteady))
}

pub(super) fn files_name() -> EntryName {
    constant_name(FILES)
}

pub(super) fn constant_name(name: &'static [u8]) -> EntryName {
    // tidy: only constants come here, and they are valid names
    EntryName::new(name).unwrap_or_else(|_| unreachable!("a constant is a name"))
}

/// `files/` is no directory of any machine, and `mongodb/` no directory at all: always the same.
pub(super) fn files_metadata() -> Metadata {
    Metadata { mode: 0o755, modified: FileTime::default(), ..Metadata::default() }
}

fn report(walked: &Walked, unchanged: bool, tally: &Tally) -> BackupReport {
    BackupReport {
        snapshot: None,
        summary: walked.summary,
        unchanged,
        files_new: tally.count(Counter::FilesNew),
        files_changed: tally.count(Counter::FilesChanged),
        files_unchanged: tally.count(Counter::FilesUnchanged),
        files_read: tally.count(Counter::FilesRead),
        left_out: tally.count(Counter::EntriesLeftOut),
        directories_new: tally.count(Counter::DirectoriesNew),
        directories_changed: tally.count(Counter::DirectoriesChanged),
        directories_unchanged: tally.count(Counter::DirectoriesUnchanged),
        blobs_new: tally.count(Counter::BlobsNew),
        bytes_new: tally.count(Counter::BytesNew),
        bytes_stored: 0,
        bytes_processed: tally.count(Counter::BytesProcessed),
        problems: [ProblemKind::Unreadable, ProblemKind::Torn, ProblemKind::Damage]
            .map(|kind| tally.problems(kind))
            .iter()
            .sum(),
        grown: tally.problems(ProblemKind::Grew),
        databases: walked.databases.reports.clone(),
    }
}

fn snapshot(
    session: &Session,
    options: &BackupOptions,
    prepared: &Prepared<'_>,
    parent: Option<&Snapshot>,
    walked: &Walked,
    report: &BackupReport,
) -> Result<Snapshot, RepoError> {
    let link = session.repository().next_link()?;
    let taken = prepared.sources.iter().map(|source| source.as_of).max();
    Ok(Snapshot {
        id: session.id(),
        kind: options.kind,
        begun: options.begun,
        taken: taken.unwrap_or(options.begun),
        host: options.host.clone(),
        sources: prepared.sources.clone(),
        tags: options.tags.clone(),
        tree: walked.tree,
        summary: walked.summary,
        problems: report.problems,
        writer: link.writer,
        sequence: link.sequence,
        previous: link.previous,
        parent: parent.map(|parent| parent.id),
        original: None,
        program: options.program.clone(),
        in_place: None,
    })
}
