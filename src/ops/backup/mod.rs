//! Backup: sources become a snapshot.

mod assemble;
mod databases;
mod files;
mod pool;
mod previous;
mod problems;
mod read_file;

pub use databases::{DatabaseReport, DatabaseSource, DatabasesBackup, MONGODB};
pub use files::{FilesBackup, backup, backup_files};

use super::Tally;
use crate::format::SessionKind;
use crate::model::{
    BlobId, Counter, Directory, EntryName, EntryPath, FileTime, Host, Kind, Metadata, Monitor,
    Problem, ProblemKind, SessionId, Snapshot, SnapshotKind, SnapshotSource, Source, SourceError,
    Stage, Summary,
};
use crate::repo::{BlobReader, RepoError, Repository, Session, Writer};
use assemble::Assembler;
use databases::{DatabaseSaver, SavedDatabases};
use jiff::Timestamp;
use pool::{Helping, Pool};
use previous::{PreviousTree, Reuse};
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
    /// Commits nothing if the tree is that of the last snapshot of these sources.
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
    /// backup must read again.
    pub ended: WalkEnded<'a>,
    /// Called when the snapshot is committed.
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
    tally.stage(Stage::Reading);
    let walked = walk(session, prepared, parent.as_ref(), tally)?;
    tally.stage(Stage::Committing);
    let unchanged = parent.as_ref().is_some_and(|parent| parent.tree == walked.tree);
    let skips = unchanged && options.skip_if_unchanged && still_live(repository, parent.as_ref())?;
    let mut report = report(&walked, unchanged, tally);
    prepared.sources.extend(walked.databases.sources.iter().cloned());
    if !(options.dry_run || skips) {
        let snapshot = snapshot(session, options, prepared, parent.as_ref(), &walked, &report)?;
        session.commit(&snapshot)?;
        (prepared.committed)(session.id());
        repository.remember_snapshot(&snapshot);
        report.snapshot = Some(snapshot);
    } else {
        session.flush()?;
        session.end()?;
    }
    report.bytes_stored = tally.count(Counter::BytesStored);
    Ok(report)
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

fn still_live(repository: &Repository, parent: Option<&Snapshot>) -> Result<bool, RepoError> {
    parent.map_or(Ok(false), |parent| repository.is_live(parent.id))
}

fn walk(
    session: &Session,
    prepared: &mut Prepared<'_>,
    parent: Option<&Snapshot>,
    monitor: &dyn Monitor,
) -> Result<Walked, BackupError> {
    let repository = session.repository();
    let unread = match parent {
        Some(parent) => session.may_reuse_unread(parent.id)?,
        None => false,
    };
    let reader = BlobReader::sharing(Arc::clone(repository), session.catalog_shared());
    let files = match parent {
        Some(parent) => files_tree(&reader, parent)?,
        None => None,
    };
    let previous = |root: BlobId| PreviousTree::new(&reader, root);
    let mut reuse = match files {
        Some(_) if unread => Reuse::Everything,
        Some(root) => Reuse::Checked { previous: previous(root), reader: &reader, session },
        None => Reuse::Nothing,
    };
    let assembler = Assembler::new(session, monitor, parent.map(|p| previous(p.tree)), unread)?;
    let helping = Helping::new(repository.workers(), monitor);
    let (walked, unsteady) =
        std::thread::scope(|scope| run(scope, session, prepared, &mut reuse, assembler, &helping))?;
    (prepared.ended)(&unsteady);
    Ok(walked)
}

/// The tree of `files/` in a snapshot.
fn files_tree(reader: &BlobReader, snapshot: &Snapshot) -> Result<Option<BlobId>, RepoError> {
    match reader.find_entry(&snapshot.tree, FILES)?.map(|entry| entry.kind) {
        Some(Kind::Directory(Directory { tree, .. })) => Ok(tree),
        _ => Ok(None),
    }
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
        assembler.enter(constant_name(FILES));
        while let Some(step) = prepared.source.next(reuse)? {
            assembler.step(step, &mut pool)?;
            session.sign_of_life()?;
            helping.check()?;
        }
        assembler.end_source(no_metadata())?;
    }
    let saver = DatabaseSaver::new(session, helping)?;
    let databases = saver.save(&prepared.databases, &mut assembler)?;
    let (tree, summary, unsteady) = assembler.finish()?;
    Ok((Walked { tree, summary, databases }, unsteady))
}

fn constant_name(name: &'static [u8]) -> EntryName {
    // tidy: only constants come here, and they are valid names
    EntryName::new(name).unwrap_or_else(|_| unreachable!("a constant is a name"))
}

/// `files/` is no directory of any machine, and `mongodb/` no directory at all: always the same.
fn no_metadata() -> Metadata {
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
        directories_changed: tally.count(Counter::DirectoriesChanged),
        directories_unchanged: tally.count(Counter::DirectoriesUnchanged),
        blobs_new: tally.count(Counter::BlobsNew),
        bytes_new: tally.count(Counter::BytesNew),
        bytes_stored: 0,
        bytes_processed: tally.count(Counter::BytesProcessed),
        problems: tally.problems(ProblemKind::Unreadable) + tally.problems(ProblemKind::Torn),
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
    })
}
