//! The safety snapshot of databases: collections as they are before a restore writes into them,
//! whole, and beside them, below `absent`, what is about to be put there.

use super::plan::{Planned, PlannedContent};
use super::{DatabaseRestoreError, MatchKey};
use crate::format::SessionKind;
use crate::model::{
    Attribute, AttributeValue, Directory, DocumentTree, Documents, Entry, EntryName, EntryPath,
    InPlace, Kind, Metadata, Monitor, Problem, ProblemKind, Snapshot, SnapshotSource, Stage,
    Summary, escape_name,
};
use crate::mongo::{Connection, MongoError};
use crate::ops::Tally;
use crate::ops::backup::assemble::Assembler;
use crate::ops::backup::pool::{Helping, Pool};
use crate::ops::backup::{DatabaseSaver, DatabaseSource, DatabasesBackup, MONGODB, files_metadata};
use crate::ops::copy::walk_entry;
use crate::ops::live::LiveBlobs;
use crate::ops::restore::safety::safety_snapshot;
use crate::ops::restore::{ABSENT, Identity, InPlaceOptions, Journal, Runs};
use crate::repo::{BlobReader, RepoError, Repository, Session, TreeSink, TreeWriter};
use std::collections::BTreeMap;
use std::sync::Arc;

/// On an entry below `absent`: the fields by which documents were matched.
pub const KEY: &[u8] = b"snap.key";
/// How often one that was shut out by a prune begins again.
const FENCED_ATTEMPTS: usize = 3;

/// What a safety snapshot is taken for.
pub struct Request<'a> {
    pub repository: &'a Arc<Repository>,
    pub connection: &'a Connection,
    pub place: &'a InPlaceOptions,
    /// What is put back.
    pub from: &'a Snapshot,
    pub is_rollback: bool,
    pub key: &'a MatchKey,
    pub touched: &'a [Touched],
}

/// A collection or view that is about to be written.
#[derive(Debug, Clone)]
pub struct Touched {
    pub database: String,
    pub name: String,
    pub is_there: bool,
    /// What is about to be put there; `None` if it is only taken away.
    pub made: Option<Kind>,
}

impl Touched {
    pub fn new(planned: &Planned, is_there: bool) -> Self {
        let made = match &planned.content {
            PlannedContent::Collection(collection) => Kind::Collection(collection.clone()),
            PlannedContent::View { options } => Kind::View { options: options.clone() },
        };
        let (database, name) = (planned.to_database.clone(), planned.to_name.clone());
        Self { database, name, is_there, made: Some(made) }
    }

    /// Where it lies in a safety snapshot.
    fn path(&self, connection: &Connection) -> Result<Vec<EntryName>, MongoError> {
        let names = [connection.name(), &self.database, &self.name];
        let unusable = |error: crate::model::InvalidName| MongoError::Refused(error.to_string());
        names.into_iter().map(|name| escape_name(name).map_err(unusable)).collect()
    }
}

/// Takes the safety snapshot, and then does `work`; that says whether it did all that it was to
/// do. When `work` is called the snapshot is committed, and durable.
pub fn guard<T>(
    request: &Request<'_>,
    monitor: &Arc<dyn Monitor>,
    work: impl FnOnce() -> Result<(bool, T), DatabaseRestoreError>,
) -> Result<(Snapshot, T), DatabaseRestoreError> {
    let journal = Journal::new(&request.place.journal);
    let mut origin =
        InPlace { from: request.from.id, is_rollback: request.is_rollback, continues: None };
    let paths = sources(request)?.into_iter().map(|source| source.path.clone()).collect();
    let identity = Identity::new(origin, paths);
    let runs = Runs::new(request.repository, &journal, &request.place.host)?;
    origin.continues = runs.to_continue(&identity).map(|earlier| earlier.id);
    let safety = take(request, origin, &journal, monitor)?;
    runs.close_others(&identity);
    let (is_whole, done) = work()?;
    match is_whole {
        true if request.place.more_follows => {}
        true => {
            journal.end(safety.id);
            runs.end(&identity);
        }
        // It was not cut off: what is there now is what it has left there.
        false => journal.close(safety.id),
    }
    Ok((safety, done))
}

/// The run that `safety` was taken before was undone: its notes end.
pub fn undone(request: &Request<'_>, safety: &Snapshot) -> Result<(), RepoError> {
    let journal = Journal::new(&request.place.journal);
    let runs = Runs::new(request.repository, &journal, &request.place.host)?;
    journal.end(safety.id);
    Identity::of(safety).iter().for_each(|undone| runs.end(undone));
    Ok(())
}

fn take(
    request: &Request<'_>,
    origin: InPlace,
    journal: &Journal,
    monitor: &Arc<dyn Monitor>,
) -> Result<Snapshot, DatabaseRestoreError> {
    let mut attempt = 1;
    loop {
        match attempt_once(request, origin, journal, monitor) {
            Err(DatabaseRestoreError::Repo(RepoError::Fenced { .. }))
                if attempt < FENCED_ATTEMPTS => {}
            done => return done,
        }
        attempt += 1;
    }
}

/// The collections and views that are written, as sources of the safety snapshot.
pub fn sources(request: &Request<'_>) -> Result<Vec<SnapshotSource>, MongoError> {
    let server = request.connection.address();
    let source = |touched: &Touched| {
        let mut path = EntryPath::root();
        path.push(&constant_name(MONGODB)?);
        touched.path(request.connection)?.iter().for_each(|name| path.push(name));
        let (hosts, database) = (server.hosts(), &touched.database);
        let address = format!("mongodb://{hosts}/{database}.{}", touched.name).into_bytes();
        Ok(SnapshotSource::new(address, path, request.place.begun))
    };
    request.touched.iter().map(source).collect()
}

fn attempt_once(
    request: &Request<'_>,
    origin: InPlace,
    journal: &Journal,
    monitor: &Arc<dyn Monitor>,
) -> Result<Snapshot, DatabaseRestoreError> {
    let tally = Tally::new(Arc::clone(monitor));
    tally.stage(Stage::Reading);
    let writer = &request.place.writer;
    let as_monitor = Arc::clone(&tally) as Arc<dyn Monitor>;
    let session = Session::begin(request.repository, SessionKind::Backup, writer, as_monitor)?;
    let taken = run(&session, request, origin, &tally);
    let committed = taken.and_then(|snapshot| {
        journal.begin(session.id());
        session.commit(&snapshot)?;
        Ok(snapshot)
    });
    match &committed {
        Ok(snapshot) => request.repository.remember_snapshot(snapshot),
        // What was committed although the storage reports an error is one that was cut off.
        Err(_) if session.give_up() => journal.end(session.id()),
        Err(_) => {}
    }
    committed
}

/// Saves everything; the snapshot that is to be committed.
fn run(
    session: &Session,
    request: &Request<'_>,
    origin: InPlace,
    tally: &Arc<Tally>,
) -> Result<Snapshot, DatabaseRestoreError> {
    let repository = session.repository();
    let absent = absent(session, request, tally)?;
    let helping = Helping::new(repository.workers(), tally.as_ref());
    let mut assembler = Assembler::new(session, tally.as_ref(), None, None, false)?;
    let (tree, summary) = std::thread::scope(|scope| {
        let _pool = Pool::start(scope, repository.workers(), session, &helping)?;
        assembler.beside(&absent)?;
        let saver = DatabaseSaver::new(session, &helping)?;
        saver.save(&there(request), &mut assembler).map_err(Box::new)?;
        let (tree, summary, _) = assembler.finish()?;
        Ok::<_, DatabaseRestoreError>((tree, summary))
    })?;
    let unread = tally.problems(ProblemKind::Unreadable) + tally.problems(ProblemKind::Torn);
    if unread > 0 {
        return Err(DatabaseRestoreError::Unsaved(unread));
    }
    tally.stage(Stage::Committing);
    let sources = sources(request)?;
    Ok(safety_snapshot(session, request.place, origin, sources, (tree, summary))?)
}

/// What is there of all that is touched, as sources of a backup.
fn there(request: &Request<'_>) -> DatabasesBackup {
    let mut databases: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for touched in request.touched.iter().filter(|touched| touched.is_there) {
        databases.entry(&touched.database).or_default().push(touched.name.clone());
    }
    let source = |(database, collections): (&str, Vec<String>)| DatabaseSource {
        connection: request.connection.clone(),
        database: Some(database.to_string()),
        collections,
        excluded: Vec::new(),
        server_name: None,
    };
    DatabasesBackup {
        sources: databases.into_iter().map(source).collect(),
        ..DatabasesBackup::default()
    }
}

/// `absent/mongodb/<server>/<database>/<collection>`: what is about to be put there.
fn absent(
    session: &Session,
    request: &Request<'_>,
    tally: &Arc<Tally>,
) -> Result<Entry, DatabaseRestoreError> {
    let mut databases: BTreeMap<EntryName, BTreeMap<EntryName, Entry>> = BTreeMap::new();
    // What only this process has must come into the repository with it.
    let is_kept =
        session.may_reuse_unread(request.from.id)? && !session.repository().has_blobs_beside();
    for touched in request.touched {
        let Some(kind) = touched.made.clone() else { continue };
        let [_, database, name] = <[EntryName; 3]>::try_from(touched.path(request.connection)?)
            .map_err(|_| MongoError::Refused("a name is missing".to_string()))?;
        let metadata = Metadata { attributes: key_attribute(request.key), ..Metadata::default() };
        let mut entry = Entry { name: name.clone(), kind, metadata, link_group: None };
        if !is_kept {
            entry = certain(session, entry, touched, tally)?;
        }
        databases.entry(database).or_default().insert(name, entry);
    }
    let mut compressor = session.repository().compressor()?;
    let mut directory = |name: EntryName, entries: Vec<Entry>| {
        directory(name, &entries, &mut TreeSink { session, compressor: &mut compressor })
    };
    let mut entries = Vec::new();
    for (name, collections) in databases {
        entries.push(directory(name, collections.into_values().collect())?);
    }
    let unusable = |error: crate::model::InvalidName| MongoError::Refused(error.to_string());
    let server = escape_name(request.connection.name()).map_err(unusable)?;
    let server = directory(server, entries)?;
    let all = directory(constant_name(MONGODB)?, vec![server])?;
    Ok(directory(constant_name(ABSENT)?, vec![all])?)
}

/// The entry, which is of another snapshot, where it is not certain that the repository keeps what
/// that one holds (design §5): what may go is stored again. Of what is damaged nothing is kept.
fn certain(
    session: &Session,
    entry: Entry,
    touched: &Touched,
    tally: &Arc<Tally>,
) -> Result<Entry, RepoError> {
    let catalog = session.catalog_shared();
    let reader = BlobReader::sharing(Arc::clone(session.repository()), Arc::clone(&catalog));
    let mut seen = LiveBlobs::new(catalog.index());
    let mut compressor = session.repository().compressor()?;
    let (index, monitor) = (catalog.index(), tally.as_ref());
    let stored = walk_entry(&reader, index, &mut seen, &entry, monitor, &mut |class, id| {
        session.sign_of_life()?;
        match session.has(id) {
            true => Ok(()),
            false => session.save(class, &reader.read(class, id)?, &mut compressor).map(drop),
        }
    });
    match stored {
        Err(error) if error.is_damage() => {
            let why = format!(
                "a part of what is put there is damaged: a rollback will bring back what was \
                 there, and leave what was added ({error})"
            );
            let what = format!("{}.{}", touched.database, touched.name);
            tally.problem(Problem { kind: ProblemKind::Note, what, why });
            Ok(without_content(entry))
        }
        stored => stored.map(|()| entry),
    }
}

/// The same collection without its documents: any that was there may have been changed.
fn without_content(mut entry: Entry) -> Entry {
    if let Kind::Collection(collection) = &mut entry.kind {
        collection.content = Documents::Tree(DocumentTree::default());
        entry.metadata.attributes = key_attribute(&MatchKey::Fields(Vec::new()));
    }
    entry
}

fn key_attribute(key: &MatchKey) -> Vec<Attribute> {
    match key {
        MatchKey::Id => Vec::new(),
        MatchKey::Fields(fields) => {
            let names: Vec<&str> = fields.iter().map(super::FieldPath::text).collect();
            let value = AttributeValue::Inline(names.join(",").into_bytes());
            vec![Attribute { name: KEY.to_vec(), value }]
        }
    }
}

fn directory(
    name: EntryName,
    entries: &[Entry],
    sink: &mut TreeSink<'_>,
) -> Result<Entry, RepoError> {
    let (mut tree, mut summary) = (TreeWriter::new(), Summary::default());
    for entry in entries {
        summary = summary.with(&entry.kind);
        tree.push(entry, sink)?;
    }
    let kind = Kind::Directory(Directory { tree: Some(tree.finish(sink)?), summary });
    Ok(Entry { name, kind, metadata: files_metadata(), link_group: None })
}

fn constant_name(name: &'static [u8]) -> Result<EntryName, MongoError> {
    EntryName::new(name).map_err(|error| MongoError::Refused(error.to_string()))
}
