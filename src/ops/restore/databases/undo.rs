//! Undoes a restore of databases, from the safety snapshot that it took.
//!
//! That holds each collection as it was, and, below `absent`, what was put there. A document that
//! both have, and that differed, comes back as it was; one that only the latter has was made, and
//! goes; any other is not of the restore, and stays. (Where documents were matched by other fields, and where it is a
//! rollback that is undone, any may have been changed, and all come back.) What was not there is
//! dropped.

use super::collection::{CollectionRestore, Progress};
use super::fields::only_id;
use super::ordered::SavedDocuments;
use super::pairs::{Pair, Pairing};
use super::plan::{Planned, PlannedContent};
use super::put::Putting;
use super::safety::{KEY, Request, Touched, guard, undone};
use super::{Blamed, DatabaseRestoreError, DatabaseRestoreOptions, DocumentConflict, MatchKey};
use crate::codec::Elements;
use crate::model::{
    BlobId, Collection, CollectionKind, DocumentTree, Documents, Entry, Kind, Monitor, Snapshot,
    Stage, unescape_name,
};
use crate::mongo::{Connection, Namespace, Place};
use crate::ops::backup::{MONGODB, is_of_databases};
use crate::ops::restore::{ABSENT, InPlaceOptions};
use crate::repo::{BlobReader, RepoError, Repository};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Documents that are handled together.
const TOGETHER: usize = 500;
const BYTES_TOGETHER: usize = 8 << 20;

/// What a rollback does with one collection or view.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NamespaceRollback {
    /// `database.collection`.
    pub name: String,
    /// It was not there before the restore, and goes.
    pub dropped: bool,
    /// It was another one before, or has gone since: it comes back whole.
    pub whole: bool,
    /// Documents that come back as they were.
    pub restored: u64,
    /// Documents that the restore had made.
    pub deleted: u64,
}

/// What a rollback did, or would do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DatabaseRollbackReport {
    pub namespaces: Vec<NamespaceRollback>,
    /// Things that failed; each was told.
    pub failed: u64,
    pub safety: Option<Snapshot>,
}

/// One collection or view that the restore has touched.
struct Undoing {
    database: String,
    name: String,
    before: Option<Entry>,
    made: Option<Entry>,
}

/// A rollback that can be looked at, and done.
pub struct DatabaseRollback<'a> {
    reader: BlobReader,
    connection: &'a Connection,
    safety: &'a Snapshot,
    undoing: Vec<Undoing>,
}

/// Whether to change anything.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pass {
    Look,
    Write,
}

impl<'a> DatabaseRollback<'a> {
    /// Whether a safety snapshot is one of databases.
    pub fn is_of_databases(safety: &Snapshot) -> bool {
        safety.sources.first().is_some_and(|source| is_of_databases(&source.path))
    }

    /// Finds what is to be undone. Where the run was continued by others of the same, their
    /// first one knows what was before.
    pub fn new(
        repository: &Arc<Repository>,
        connection: &'a Connection,
        safety: &'a Snapshot,
    ) -> Result<Self, DatabaseRestoreError> {
        let reader = BlobReader::new(Arc::clone(repository))?;
        let live = repository.ledger()?.live;
        let mut first = safety;
        while let Some(earlier) = first.in_place.and_then(|origin| origin.continues) {
            match live.iter().find(|snapshot| snapshot.id == earlier && snapshot.id != first.id) {
                Some(snapshot) if snapshot.begun <= first.begun => first = snapshot,
                _ => break,
            }
        }
        let mut found = BTreeMap::new();
        let absent = reader.find_entry(&first.tree, ABSENT)?.and_then(|entry| entry.tree());
        for (root, is_before) in [(Some(first.tree), true), (absent, false)] {
            let Some(root) = root else { continue };
            collect(&reader, &root, connection, is_before, &mut found)?;
        }
        let undoing = found.into_iter().map(|((database, name), (before, made))| Undoing {
            database,
            name,
            before,
            made,
        });
        let undoing = undoing.collect();
        Ok(Self { reader, connection, safety, undoing })
    }

    /// What it would do. Changes nothing.
    pub fn plan(
        &self,
        monitor: &dyn Monitor,
    ) -> Result<DatabaseRollbackReport, DatabaseRestoreError> {
        monitor.stage(Stage::Planning);
        self.each(Pass::Look, monitor)
    }

    /// Undoes the restore. It takes a safety snapshot itself.
    pub fn run(
        &self,
        place: &InPlaceOptions,
        monitor: &Arc<dyn Monitor>,
    ) -> Result<DatabaseRollbackReport, DatabaseRestoreError> {
        let mut touched = Vec::new();
        for Undoing { database, name, before, .. } in &self.undoing {
            let is_there = self.connection.place(database, name)? != Place::Free;
            let made = before.as_ref().map(|before| before.kind.clone());
            let (database, name) = (database.clone(), name.clone());
            touched.push(Touched { database, name, is_there, made });
        }
        let request = Request {
            repository: self.reader.repository(),
            connection: self.connection,
            place,
            from: self.safety,
            is_rollback: true,
            key: &self.key(),
            touched: &touched,
        };
        let (safety, report) = guard(&request, monitor, || {
            monitor.stage(Stage::Restoring);
            let report = self.each(Pass::Write, monitor.as_ref())?;
            Ok((report.failed == 0, report))
        })?;
        undone(&request, self.safety)?;
        Ok(DatabaseRollbackReport { safety: Some(safety), ..report })
    }

    /// By what documents were matched.
    fn key(&self) -> MatchKey {
        let attributes = self.undoing.iter().filter_map(|undoing| undoing.made.as_ref());
        let mut attributes = attributes.flat_map(|made| &made.metadata.attributes);
        match attributes.any(|attribute| attribute.name == KEY) {
            // Which fields they were is not important any more.
            true => MatchKey::Fields(Vec::new()),
            false => MatchKey::Id,
        }
    }

    /// Whether any document may have been changed or taken away.
    fn is_any(&self) -> bool {
        let is_rollback = self.safety.in_place.is_some_and(|origin| origin.is_rollback);
        is_rollback || self.key() != MatchKey::Id
    }

    fn each(
        &self,
        pass: Pass,
        monitor: &dyn Monitor,
    ) -> Result<DatabaseRollbackReport, DatabaseRestoreError> {
        let mut report = DatabaseRollbackReport::default();
        let mut catalogs: BTreeMap<&str, Vec<Namespace>> = BTreeMap::new();
        // Views last: servers look at what they are made of.
        let is_view = |undoing: &&Undoing| {
            matches!(&undoing.before, Some(Entry { kind: Kind::View { .. }, .. }))
        };
        let (views, others): (Vec<_>, Vec<_>) = self.undoing.iter().partition(is_view);
        for undoing in others.into_iter().chain(views) {
            let catalog = match catalogs.get(undoing.database.as_str()) {
                Some(catalog) => catalog,
                None => {
                    let catalog = self.connection.catalog(&undoing.database, None)?.namespaces;
                    catalogs.entry(&undoing.database).or_insert(catalog)
                }
            };
            let there = catalog.iter().find(|namespace| namespace.name == undoing.name);
            let one = One { rollback: self, undoing, there, pass, monitor };
            let (namespace, failed) = one.run()?;
            report.namespaces.push(namespace);
            report.failed += failed;
        }
        Ok(report)
    }
}

/// By database and name: as it was, and what was put there.
type Found = BTreeMap<(String, String), (Option<Entry>, Option<Entry>)>;

/// Finds the collections below `mongodb/<server>` of a tree.
fn collect(
    reader: &BlobReader,
    root: &BlobId,
    connection: &Connection,
    is_before: bool,
    found: &mut Found,
) -> Result<(), DatabaseRestoreError> {
    let tree = |entry: Option<&Entry>| entry.and_then(Entry::tree);
    let Some(servers) = tree(reader.find_entry(root, MONGODB)?.as_ref()) else { return Ok(()) };
    for server in reader.entries(&servers)? {
        let server = server?;
        let of = unescape_name(&server.name).unwrap_or_default();
        if of != connection.name() {
            let is = connection.name().to_string();
            return Err(DatabaseRestoreError::OtherServer { of, is });
        }
        let Some(databases) = tree(Some(&server)) else { continue };
        for database in reader.entries(&databases)? {
            let database = database?;
            let Some(collections) = tree(Some(&database)) else { continue };
            let Some(database) = unescape_name(&database.name) else { continue };
            for entry in reader.entries(&collections)? {
                let entry = entry?;
                let Some(name) = unescape_name(&entry.name) else { continue };
                let both = found.entry((database.clone(), name)).or_default();
                let side = if is_before { &mut both.0 } else { &mut both.1 };
                *side = Some(entry);
            }
        }
    }
    Ok(())
}

/// One collection or view of a rollback.
struct One<'a> {
    rollback: &'a DatabaseRollback<'a>,
    undoing: &'a Undoing,
    there: Option<&'a Namespace>,
    pass: Pass,
    monitor: &'a dyn Monitor,
}

type Done = (NamespaceRollback, u64);

impl One<'_> {
    fn run(&self) -> Result<Done, DatabaseRestoreError> {
        let Undoing { database, name, before, .. } = self.undoing;
        let mut done = NamespaceRollback {
            name: format!("{database}.{name}"),
            ..NamespaceRollback::default()
        };
        self.monitor.current(&done.name);
        match before.as_ref().map(|before| &before.kind) {
            Some(Kind::Collection(collection)) => self.collection(collection, done),
            Some(Kind::View { options }) => {
                done.whole = self.there.is_none_or(|there| there.options != *options);
                if self.pass == Pass::Write && done.whole {
                    self.connection().drop_collection(database, name)?;
                    self.connection().create(database, name, options)?;
                }
                Ok((done, 0))
            }
            _ => {
                done.dropped = self.there.is_some();
                if self.pass == Pass::Write {
                    self.connection().drop_collection(database, name)?;
                }
                Ok((done, 0))
            }
        }
    }

    fn connection(&self) -> &Connection {
        self.rollback.connection
    }

    fn collection(
        &self,
        collection: &Collection,
        mut done: NamespaceRollback,
    ) -> Result<Done, DatabaseRestoreError> {
        let is_same = self.there.is_some_and(|there| {
            there.uuid == collection.uuid && matches!(collection.content, Documents::Tree(_))
        });
        if is_same {
            return self.documents(collection, done);
        }
        done.whole = true;
        done.restored = collection.count;
        if self.pass == Pass::Look {
            return Ok((done, 0));
        }
        let Undoing { database, name, .. } = self.undoing;
        if collection.kind == CollectionKind::TimeSeries {
            self.connection().drop_collection(database, name)?;
        }
        let (planned, blamed) = (self.planned(collection), Blamed::default());
        let options = options();
        let (report, failed) = self.restore(&planned, &options, &blamed).run()?;
        done.restored = report.inserted;
        Ok((done, failed))
    }

    fn planned(&self, collection: &Collection) -> Planned {
        let Undoing { database, name, .. } = self.undoing;
        Planned {
            server: self.connection().name().to_string(),
            database: database.clone(),
            name: name.clone(),
            to_database: database.clone(),
            to_name: name.clone(),
            content: PlannedContent::Collection(Box::new(collection.clone())),
        }
    }

    fn restore<'b>(
        &'b self,
        planned: &'b Planned,
        options: &'b DatabaseRestoreOptions,
        blamed: &'b Blamed,
    ) -> CollectionRestore<'b> {
        let (reader, connection) = (&self.rollback.reader, self.connection());
        CollectionRestore { reader, connection, planned, options, monitor: self.monitor, blamed }
    }

    /// Document by document: it is the same collection still.
    fn documents(
        &self,
        before: &Collection,
        mut done: NamespaceRollback,
    ) -> Result<Done, DatabaseRestoreError> {
        let (planned, blamed, options) = (self.planned(before), Blamed::default(), options());
        let restore = self.restore(&planned, &options, &blamed);
        let name = planned.data_name(before);
        let place = (planned.to_database.as_str(), name.as_str());
        let conflicts = std::slice::from_ref(&options.conflict);
        let is_series = before.kind == CollectionKind::TimeSeries;
        let progress = Mutex::new(Progress::default());
        let putting = Putting {
            restore: &restore,
            name: &name,
            pairing: Pairing::new(self.connection(), place, &MatchKey::Id, conflicts, is_series),
            is_plain: false,
            in_order: false,
            progress: &progress,
        };
        let reader = &self.rollback.reader;
        let mut changes = Changes::new(reader, before, self.made(), self.rollback.is_any())?;
        while let Some(Change { back, away }) = changes.next()? {
            let back: Vec<&[u8]> = back.iter().map(Vec::as_slice).collect();
            let pairs = putting.pairing.pairs(&back, &mut |_, _| {})?;
            let differs = |pair: &&Pair| !matches!(pair, Pair::Identical { .. });
            done.restored += pairs.iter().filter(differs).count() as u64;
            let mut there = 0;
            self.connection().each_by_id(place.0, place.1, &away, &mut |_| there += 1)?;
            done.deleted += there;
            if self.pass == Pass::Write {
                putting.put(&back)?;
                self.connection().delete(place.0, place.1, &away)?;
            }
            if self.monitor.stopped() {
                return Err(RepoError::Stopped.into());
            }
        }
        drop(putting);
        if self.pass == Pass::Write {
            self.drop_indexes(before)?;
        }
        let progress = progress.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok((done, progress.failed))
    }

    fn made(&self) -> Option<&Collection> {
        match self.undoing.made.as_ref().map(|made| &made.kind) {
            Some(Kind::Collection(made)) => Some(made),
            _ => None,
        }
    }

    /// Indexes that the restore has made.
    fn drop_indexes(&self, before: &Collection) -> Result<(), DatabaseRestoreError> {
        let Undoing { database, name, .. } = self.undoing;
        let made = self.made().map(|made| &made.indexes).into_iter().flatten();
        let there = self.there.map(|there| &there.indexes).into_iter().flatten();
        let there: Vec<_> = there.filter_map(|index| index_name(index)).collect();
        let before: Vec<_> = before.indexes.iter().filter_map(|index| index_name(index)).collect();
        for made in made.filter_map(|index| index_name(index)) {
            if there.contains(&made) && !before.contains(&made) {
                self.connection().drop_index(database, name, &made)?;
            }
        }
        Ok(())
    }
}

/// As it was, whatever is there now.
fn options() -> DatabaseRestoreOptions {
    DatabaseRestoreOptions {
        conflict: DocumentConflict::Overwrite,
        expire_at_once: true,
        swap: true,
        ..DatabaseRestoreOptions::default()
    }
}

fn index_name(index: &[u8]) -> Option<String> {
    let name = Elements::new(index).ok()?.find(b"name").ok()??;
    String::from_utf8(name.text()?.to_vec()).ok()
}

/// Some documents that come back, and ids, `{_id: value}`, of some that go.
#[derive(Default)]
struct Change {
    back: Vec<Vec<u8>>,
    away: Vec<Vec<u8>>,
}

/// Goes through what was there before and what was made, side by side.
struct Changes<'a> {
    before: SavedDocuments<'a>,
    made: SavedDocuments<'a>,
    next_before: Option<(Vec<u8>, Vec<u8>)>,
    next_made: Option<(Vec<u8>, Vec<u8>)>,
    /// Any document may have been changed.
    any: bool,
}

impl<'a> Changes<'a> {
    fn new(
        reader: &'a BlobReader,
        before: &Collection,
        made: Option<&Collection>,
        any: bool,
    ) -> Result<Self, RepoError> {
        let tree = |collection: &Collection| match &collection.content {
            Documents::Tree(tree) => tree.clone(),
            Documents::Stream(_) => DocumentTree::default(),
        };
        let mut before = SavedDocuments::new(reader, &tree(before))?;
        // What was only taken away comes back whole.
        let any = any || made.is_none();
        let mut made = SavedDocuments::new(reader, &made.map(tree).unwrap_or_default())?;
        let (next_before, next_made) = (before.next()?, made.next()?);
        Ok(Self { before, made, next_before, next_made, any })
    }

    fn next(&mut self) -> Result<Option<Change>, RepoError> {
        let (mut change, mut bytes) = (Change::default(), 0);
        while change.back.len() + change.away.len() < TOGETHER && bytes < BYTES_TOGETHER {
            let order = match (&self.next_before, &self.next_made) {
                (None, None) => break,
                (Some(_), None) => std::cmp::Ordering::Less,
                (None, Some(_)) => std::cmp::Ordering::Greater,
                (Some((before, _)), Some((made, _))) => before.cmp(made),
            };
            let made = self.next_made.take_if(|_| order.is_ge());
            let before = self.next_before.take_if(|_| order.is_le());
            if made.is_some() {
                self.next_made = self.made.next()?;
            }
            if before.is_some() {
                self.next_before = self.before.next()?;
            }
            match (before, made) {
                (None, Some((_, made))) => change.away.push(only_id(&made)),
                // It was the same already, and was left alone.
                (Some((_, before)), Some((_, made))) if before == made && !self.any => {}
                (Some((_, before)), made) if self.any || made.is_some() => {
                    bytes += before.len();
                    change.back.push(before);
                }
                _ => {}
            }
        }
        let is_end = self.next_before.is_none() && self.next_made.is_none();
        let is_empty = change.back.is_empty() && change.away.is_empty();
        Ok((!(is_end && is_empty)).then_some(change))
    }
}
