//! Databases come into a snapshot, below `mongodb/`.

mod collection;
mod compare;
mod from_log;
mod growing;
mod later;
mod place;
mod previous;
mod renewal;

use super::assemble::Assembler;
use super::pool::Helping;
use super::read_file::Reader;
use super::{BackupError, constant_name, files_metadata};
use crate::model::{
    ClusterTime, Collection, Consistency, Counter, Entry, EntryName, Kind, Metadata, Problem,
    ProblemKind, SnapshotSource, SourceDatabase, escape_name,
};
use crate::mongo::{Catalog, Connection, MongoError, Namespace, NamespaceKind, ServerKind};
use crate::repo::{BlobReader, RepoError, Session};
use jiff::Timestamp;
pub use place::{database_place, is_of_databases, place_of, server_place};
use previous::Previous;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Where databases lie in a snapshot.
pub const MONGODB: &[u8] = b"mongodb";

/// Databases to back up.
#[derive(Clone, Default)]
pub struct DatabasesBackup {
    pub sources: Vec<DatabaseSource>,
    /// Collections of which not all documents were read since then are read whole, though the
    /// server's log tells what changed: to prove that. `None`: none are.
    pub proved_since: Option<Timestamp>,
    /// Nothing of the last snapshots is relied on.
    pub read_everything: bool,
}

/// One database, or all of a server.
#[derive(Clone)]
pub struct DatabaseSource {
    pub connection: Connection,
    /// `None` takes all.
    pub database: Option<String>,
    /// Only these, if there are any.
    pub collections: Vec<String>,
    pub excluded: Vec<String>,
    /// In place of the server's own name.
    pub server_name: Option<String>,
}

/// What was saved of one database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseReport {
    pub name: String,
    pub collections: u64,
    pub documents: u64,
    /// Bytes of its documents.
    pub bytes: u64,
    /// The moment that it was saved at; `None` if it was read while others wrote.
    pub moment: Option<ClusterTime>,
    /// Collections that could only be read at a later moment.
    pub later: u64,
    /// Collections that were read while others wrote.
    pub fuzzy: u64,
}

/// What the databases added to a snapshot.
#[derive(Debug, Default)]
pub struct SavedDatabases {
    pub sources: Vec<SnapshotSource>,
    pub reports: Vec<DatabaseReport>,
}

/// Saves databases through a session.
pub struct DatabaseSaver<'a> {
    session: &'a Session,
    helping: &'a Helping<'a>,
    reader: Reader<'a>,
    /// Reads what snapshots have.
    known: Arc<BlobReader>,
    proved_since: Option<Timestamp>,
    /// The names of all collections that were there and asked for.
    met: BTreeSet<String>,
    saved: SavedDatabases,
}

/// What went wrong with a collection.
enum SaveFailure {
    Mongo(MongoError),
    Repo(RepoError),
    /// Its documents have no keys, or come in another order.
    NoOrder,
}

impl From<MongoError> for SaveFailure {
    fn from(error: MongoError) -> Self {
        Self::Mongo(error)
    }
}

impl From<RepoError> for SaveFailure {
    fn from(error: RepoError) -> Self {
        Self::Repo(error)
    }
}

/// A database of a server that is being saved.
struct Saving<'a> {
    source: &'a DatabaseSource,
    database: &'a str,
    /// `None` reads what is there while others write.
    at: Option<ClusterTime>,
    /// BLAKE3 of the log's entry at that moment.
    log_entry: Option<[u8; 32]>,
    previous: &'a Previous,
}

/// The databases of one server, by their names in the tree.
type ServerDatabases<'a> = BTreeMap<EntryName, (&'a DatabaseSource, String)>;

impl<'a> DatabaseSaver<'a> {
    pub fn new(session: &'a Session, helping: &'a Helping<'a>) -> Result<Self, RepoError> {
        let repository = Arc::clone(session.repository());
        let known = BlobReader::sharing(repository, session.catalog_shared());
        Ok(Self {
            session,
            helping,
            reader: Reader::new(session)?,
            known: Arc::new(known),
            proved_since: None,
            met: BTreeSet::new(),
            saved: SavedDatabases::default(),
        })
    }

    /// Saves all of them. Collections that cannot be read are problems; a server that cannot be
    /// reached ends the backup.
    pub fn save(
        mut self,
        databases: &DatabasesBackup,
        assembler: &mut Assembler<'_>,
    ) -> Result<SavedDatabases, BackupError> {
        if databases.sources.is_empty() {
            return Ok(self.saved);
        }
        self.proved_since = databases.proved_since;
        assembler.enter(constant_name(MONGODB));
        for (name, of_server) in by_server(databases)? {
            assembler.enter(name.clone());
            let previous = match databases.read_everything {
                true => Previous::default(),
                false => self.previous(&name)?,
            };
            self.server(&name, of_server, previous, assembler)?;
            assembler.end_source(files_metadata())?;
        }
        assembler.end_source(files_metadata())?;
        self.tell_not_met(databases);
        Ok(self.saved)
    }

    /// A collection that is asked for by name and is nowhere is most likely a misspelt one.
    fn tell_not_met(&self, databases: &DatabasesBackup) {
        let named = databases.sources.iter().flat_map(|source| &source.collections);
        for name in
            named.collect::<BTreeSet<_>>().into_iter().filter(|name| !self.met.contains(*name))
        {
            self.tell(ProblemKind::Unreadable, name.clone(), "there is no such collection");
        }
    }

    fn server(
        &mut self,
        server: &EntryName,
        mut databases: ServerDatabases<'_>,
        mut previous: Previous,
        assembler: &mut Assembler<'_>,
    ) -> Result<(), BackupError> {
        let Some((source, _)) = databases.values().next() else { return Ok(()) };
        let at = source.connection.moment()?;
        if at.is_none() {
            self.tell_fuzzy(&source.connection);
        }
        previous.follow(&source.connection, at)?;
        self.add_new(&mut databases, at)?;
        for (name, (source, database)) in databases {
            let (log_entry, previous) = (previous.log_entry, &previous);
            let saving = Saving { source, database: &database, at, log_entry, previous };
            assembler.enter(name.clone());
            let whole_from = self.database(&saving, assembler)?;
            assembler.end_source(files_metadata())?;
            let as_of = at.map_or_else(|| self.now(), ClusterTime::timestamp);
            let path = database_place(server, &name);
            let address = shown(&source.connection, &database).into_bytes();
            let saved = SnapshotSource::new(address, path, as_of).with_database(SourceDatabase {
                is_partial: source.is_partial(),
                is_with_all: source.database.is_none(),
                moment: at,
                whole_from,
            });
            self.saved.sources.push(saved);
        }
        Ok(())
    }

    /// Databases that were made between the list of them and the moment.
    fn add_new(
        &self,
        databases: &mut ServerDatabases<'_>,
        at: Option<ClusterTime>,
    ) -> Result<(), MongoError> {
        let whole = databases.values().map(|(source, _)| *source);
        let Some(source) = whole.into_iter().find(|source| source.database.is_none()) else {
            return Ok(());
        };
        for name in source.connection.databases()? {
            let place = name_of(&name)?;
            if !databases.contains_key(&place) && !source.connection.catalog(&name, at)?.is_empty()
            {
                databases.insert(place, (source, name));
            }
        }
        Ok(())
    }

    fn now(&self) -> Timestamp {
        self.session.repository().clock().now()
    }

    fn tell_fuzzy(&self, connection: &Connection) {
        let why = match &connection.server().kind {
            ServerKind::Standalone => {
                "a standalone server keeps no history: its documents are read while others write, \
                 and the snapshot is marked fuzzy. As a replica set of one member it can be saved \
                 at one moment: stop it, start it with `--replSet rs0`, and once run `mongosh \
                 --eval 'rs.initiate()'`"
            }
            _ => {
                "a server before 5.0 cannot be read at one moment: its documents are read while \
                 others write, and the snapshot is marked fuzzy"
            }
        };
        self.tell(ProblemKind::Note, connection.address().to_string(), why);
    }

    fn tell(&self, kind: ProblemKind, what: String, why: &str) {
        self.helping.monitor().problem(Problem { kind, what, why: why.to_string() });
    }

    /// Returns the moment from which on it is whole, if that is not the one that it was read at.
    fn database(
        &mut self,
        saving: &Saving<'_>,
        assembler: &mut Assembler<'_>,
    ) -> Result<Option<ClusterTime>, BackupError> {
        let Saving { source, database, at, .. } = *saving;
        let catalog = source.connection.catalog(database, at)?;
        let listed_late = self.listed_late(saving, &catalog)?;
        if catalog.is_empty() && source.database.is_some() {
            let why = "there is no such database, or nothing is in it";
            self.tell(ProblemKind::Unreadable, shown(&source.connection, database), why);
        }
        let wanted =
            catalog.namespaces.into_iter().filter(|namespace| source.wants(&namespace.name));
        let wanted: Vec<_> = wanted.collect();
        self.met.extend(wanted.iter().map(|namespace| namespace.name.clone()));
        let (entries, whole_from) = self.entries(saving, wanted)?;
        let mut report = DatabaseReport {
            name: database.to_string(),
            collections: 0,
            documents: 0,
            bytes: 0,
            moment: at,
            later: 0,
            fuzzy: 0,
        };
        for entry in entries.values() {
            report.count(entry);
            assembler.add(entry)?;
        }
        self.saved.reports.push(report);
        Ok(whole_from.max(listed_late))
    }

    /// Where a server cannot tell what there was at the moment: when it had told what there is.
    fn listed_late(
        &self,
        saving: &Saving<'_>,
        catalog: &Catalog,
    ) -> Result<Option<ClusterTime>, MongoError> {
        match saving.at.is_none() || catalog.is_of_moment {
            true => Ok(None),
            false => saving.source.connection.moment(),
        }
    }

    /// The entries of a database, and from when on they are all of it. What cannot be read at its
    /// moment is read at a later one.
    fn entries(
        &mut self,
        saving: &Saving<'_>,
        catalog: Vec<Namespace>,
    ) -> Result<(BTreeMap<EntryName, Entry>, Option<ClusterTime>), BackupError> {
        let (mut entries, mut late) = (BTreeMap::new(), Vec::new());
        for namespace in catalog {
            let name = escape_name(&namespace.name).map_err(|error| {
                MongoError::Refused(format!("a collection's name cannot be kept: {error}"))
            })?;
            match self.namespace(saving, &namespace) {
                Ok(kind) => drop(entries.insert(name.clone(), entry(name, kind))),
                Err(SaveFailure::Mongo(error)) if error.is_other_moment() => late.push(namespace),
                Err(failure) => self.unreadable(saving, &namespace, failure)?,
            }
        }
        if saving.at.is_none() {
            late.extend(self.vanished(saving, &mut entries)?);
        }
        let whole_from = self.late(saving, late, &mut entries)?;
        Ok((entries, whole_from))
    }

    fn namespace(
        &mut self,
        saving: &Saving<'_>,
        namespace: &Namespace,
    ) -> Result<Kind, SaveFailure> {
        let what = saving.shown(namespace);
        self.helping.monitor().current(&what);
        self.helping.monitor().add(Counter::EntriesProcessed, 1);
        match namespace.kind {
            NamespaceKind::View => Ok(Kind::View { options: namespace.options.clone() }),
            NamespaceKind::Collection(_) | NamespaceKind::TimeSeries(_) => {
                Ok(Kind::Collection(Box::new(self.collection(saving, namespace)?)))
            }
        }
    }

    /// A collection that cannot be read is missing, and said to be; a server that is gone, or a
    /// repository that fails, ends the backup.
    fn unreadable(
        &self,
        saving: &Saving<'_>,
        namespace: &Namespace,
        failure: SaveFailure,
    ) -> Result<(), BackupError> {
        match failure {
            SaveFailure::Repo(error) => Err(error.into()),
            SaveFailure::Mongo(error) if error.is_passing() => Err(error.into()),
            SaveFailure::Mongo(error) => {
                let what = saving.shown(namespace);
                self.tell(ProblemKind::Unreadable, what, &error.to_string());
                Ok(())
            }
            SaveFailure::NoOrder => Ok(()),
        }
    }
}

impl Saving<'_> {
    fn shown(&self, namespace: &Namespace) -> String {
        format!("{}.{}", self.database, namespace.name)
    }
}

impl DatabaseSource {
    fn is_partial(&self) -> bool {
        !self.collections.is_empty() || !self.excluded.is_empty()
    }

    fn wants(&self, collection: &str) -> bool {
        let is_named = |names: &[String]| names.iter().any(|name| name == collection);
        (self.collections.is_empty() || is_named(&self.collections)) && !is_named(&self.excluded)
    }
}

impl DatabaseReport {
    fn count(&mut self, entry: &Entry) {
        if let Kind::Collection(collection) = &entry.kind {
            let Collection { count, size, consistency, moment, .. } = **collection;
            self.collections += 1;
            self.documents += count;
            self.bytes += size;
            match consistency {
                Consistency::Fuzzy => self.fuzzy += 1,
                Consistency::Exact => self.later += u64::from(moment > self.moment),
            }
        }
    }
}

fn entry(name: EntryName, kind: Kind) -> Entry {
    Entry { name, kind, metadata: Metadata::default(), link_group: None }
}

fn shown(connection: &Connection, database: &str) -> String {
    let address = connection.address();
    match address.database() {
        Some(_) => address.to_string(),
        None => format!("{}/{database}", address.to_string().trim_end_matches('/')),
    }
}

/// Servers by name, and their databases by name.
fn by_server(
    databases: &DatabasesBackup,
) -> Result<BTreeMap<EntryName, ServerDatabases<'_>>, MongoError> {
    let mut servers: BTreeMap<EntryName, ServerDatabases<'_>> = BTreeMap::new();
    for source in &databases.sources {
        let server = source.server_name.as_deref().unwrap_or_else(|| source.connection.name());
        let server = servers.entry(name_of(server)?).or_default();
        let names = match &source.database {
            Some(name) => vec![name.clone()],
            None => source.connection.databases()?,
        };
        for name in names {
            if server.insert(name_of(&name)?, (source, name.clone())).is_some() {
                let why = format!(
                    "the database {name} is named twice, or lies on two servers of \
                     one name: --server-name tells them apart"
                );
                return Err(MongoError::Refused(why));
            }
        }
    }
    Ok(servers)
}

/// The name in the tree.
fn name_of(name: &str) -> Result<EntryName, MongoError> {
    escape_name(name).map_err(|error| MongoError::Refused(error.to_string()))
}

/// How consistent a collection is that was read at this moment.
fn consistency(at: Option<ClusterTime>) -> Consistency {
    if at.is_some() { Consistency::Exact } else { Consistency::Fuzzy }
}
