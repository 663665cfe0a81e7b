//! The session of an import.

use super::gather::{Gathered, Gatherer};
use super::{
    Content, ImportError, ImportOptions, ImportReport, Importable, ImportedDatabase, Verdict,
    archive,
};
use crate::format::SessionKind;
use crate::model::{
    BlobId, Counter, EntryName, EntryPath, Kind, Monitor, Snapshot, SnapshotKind, SnapshotSource,
    Stage, Summary, escape_name,
};
use crate::ops::Tally;
use crate::ops::backup::assemble::Assembler;
use crate::ops::backup::files_metadata;
use crate::repo::{RepoError, Repository, Session};
use jiff::Timestamp;
use std::sync::Arc;

/// How often an import that was shut out by a prune begins again.
const FENCED_ATTEMPTS: usize = 3;

/// Makes a snapshot of a backup; of one that is broken nothing is committed. A backup that was
/// imported before, under the same name of host and server, is found to be there. Memory: 64 MiB
/// of documents, and the largest one.
pub fn import(
    repository: &Arc<Repository>,
    importable: &Importable,
    options: &ImportOptions,
    monitor: &Arc<dyn Monitor>,
) -> Result<ImportReport, ImportError> {
    let mut attempt = 1;
    loop {
        let tally = Tally::new(Arc::clone(monitor));
        match attempt_once(repository, importable, options, &tally) {
            Err(ImportError::Repo(RepoError::Fenced { .. })) if attempt < FENCED_ATTEMPTS => {}
            done => return done,
        }
        attempt += 1;
    }
}

fn attempt_once(
    repository: &Arc<Repository>,
    importable: &Importable,
    options: &ImportOptions,
    tally: &Arc<Tally>,
) -> Result<ImportReport, ImportError> {
    let begun = match options.begun {
        Some(begun) => begun,
        None => importable.begun(options)?,
    };
    tally.stage(Stage::Indexing);
    let monitor = Arc::clone(tally) as Arc<dyn Monitor>;
    let session = Session::begin(repository, SessionKind::Backup, &options.writer, monitor)?;
    let report = run(&session, importable, options, begun, tally);
    if report.is_err() {
        session.give_up();
    }
    report
}

impl Importable {
    /// When it was made: what it says, else when its newest file was written.
    fn begun(&self, options: &ImportOptions) -> Result<Timestamp, ImportError> {
        match &self.content {
            Content::Dump(dump) => Ok(dump.modified),
            Content::Archive => super::dump::modified(&self.path),
            Content::Team(survey) => survey.begun(&self.path, &options.now),
        }
    }

    fn read(
        &self,
        options: &ImportOptions,
        gatherer: &mut Gatherer<'_>,
    ) -> Result<Verdict, ImportError> {
        let database = options.database.as_deref();
        match &self.content {
            Content::Dump(dump) => dump.read(database, gatherer).map(|()| Verdict::None),
            Content::Archive => {
                archive::read(&self.path, database, gatherer).map(|()| Verdict::None)
            }
            Content::Team(survey) => survey.read(&self.path, database, gatherer),
        }
    }
}

fn run(
    session: &Session,
    importable: &Importable,
    options: &ImportOptions,
    begun: Timestamp,
    tally: &Arc<Tally>,
) -> Result<ImportReport, ImportError> {
    tally.stage(Stage::Reading);
    let mut gatherer = Gatherer::new(session, options, &importable.path, tally.as_ref())?;
    let checksums = importable.read(options, &mut gatherer)?;
    let gathered = gatherer.finish();
    if gathered.is_empty() {
        return Err(ImportError::Nothing(importable.path.clone()));
    }
    let (tree, summary) = assemble(session, options, &gathered, tally)?;
    tally.stage(Stage::Committing);
    let sources = sources(options, &gathered, begun);
    let there = already_there(session, options, begun, tree)?;
    let snapshot = match (options.dry_run, &there) {
        (false, None) => {
            let snapshot = snapshot(session, options, sources, begun, (tree, summary))?;
            session.commit(&snapshot)?;
            session.repository().remember_snapshot(&snapshot);
            Some(snapshot)
        }
        _ => {
            session.flush()?;
            session.end()?;
            None
        }
    };
    Ok(ImportReport {
        was_there: there.is_some(),
        snapshot: snapshot.or(there),
        begun,
        databases: gathered.into_values().map(|(name, entries)| count(name, &entries)).collect(),
        checksums,
        bytes_stored: tally.count(Counter::BytesStored),
    })
}

/// The tree of all databases.
fn assemble(
    session: &Session,
    options: &ImportOptions,
    gathered: &Gathered,
    tally: &Arc<Tally>,
) -> Result<(BlobId, Summary), ImportError> {
    let mut assembler = Assembler::new(session, tally.as_ref(), None, None, false)?;
    for name in place(options) {
        assembler.enter(name);
    }
    for (name, (_, entries)) in gathered {
        assembler.enter(name.clone());
        entries.values().try_for_each(|entry| assembler.add(entry))?;
        assembler.end_source(files_metadata())?;
    }
    for _ in place(options) {
        assembler.end_source(files_metadata())?;
    }
    let (tree, summary, _) = assembler.finish()?;
    Ok((tree, summary))
}

/// The names above the databases.
fn place(options: &ImportOptions) -> Vec<EntryName> {
    ["mongodb", &options.server_name]
        .into_iter()
        .filter_map(|name| escape_name(name).ok())
        .collect()
}

fn sources(options: &ImportOptions, gathered: &Gathered, begun: Timestamp) -> Vec<SnapshotSource> {
    let source = |(name, (database, _)): (&EntryName, &(String, _))| {
        let mut path = EntryPath::root();
        place(options).iter().chain([name]).for_each(|part| path.push(part));
        let address = format!("mongodb://{}/{database}", options.server_name).into_bytes();
        SnapshotSource::new(address, path, begun)
    };
    gathered.iter().map(source).collect()
}

fn already_there(
    session: &Session,
    options: &ImportOptions,
    begun: Timestamp,
    tree: BlobId,
) -> Result<Option<Snapshot>, RepoError> {
    let mut live = session.repository().ledger()?.live;
    live.retain(|snapshot| {
        snapshot.begun == begun
            && snapshot.tree == tree
            && snapshot.host.name == options.host.name
            && snapshot.kind == SnapshotKind::Backup
    });
    Ok(live.pop())
}

fn snapshot(
    session: &Session,
    options: &ImportOptions,
    sources: Vec<SnapshotSource>,
    begun: Timestamp,
    (tree, summary): (BlobId, Summary),
) -> Result<Snapshot, RepoError> {
    let link = session.repository().next_link()?;
    Ok(Snapshot {
        id: session.id(),
        kind: SnapshotKind::Backup,
        begun,
        taken: begun,
        host: options.host.clone(),
        sources,
        tags: options.tags.clone(),
        tree,
        summary,
        problems: 0,
        writer: link.writer,
        sequence: link.sequence,
        previous: link.previous,
        parent: None,
        original: None,
        program: options.program.clone(),
        in_place: None,
    })
}

fn count(
    name: String,
    entries: &std::collections::BTreeMap<EntryName, crate::model::Entry>,
) -> ImportedDatabase {
    let mut report = ImportedDatabase { name, ..ImportedDatabase::default() };
    for entry in entries.values() {
        if let Kind::Collection(collection) = &entry.kind {
            report.collections += 1;
            report.documents += collection.count;
            report.bytes += collection.size;
        }
    }
    report
}
