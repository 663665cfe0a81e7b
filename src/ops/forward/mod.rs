//! Databases as they were between two snapshots: a snapshot is rolled forward by the log of
//! changes. What comes out is again a snapshot, though none of the repository's: the blobs that it
//! has beside those of its base lie in a file of this process alone, and everything that reads
//! snapshots can read it.
//!
//! Two passes: the log is read once, decides which collections there are and under which names,
//! and leaves the changes of documents sorted by collection, key and order, in files if they are
//! many; then each document that was changed is found, changed, and written once. Memory: some
//! 150 MiB, whatever was changed.

mod applying;
mod catalog;
mod choose;
mod commands;
mod entries;
mod error;
mod growing;
mod natural;
mod options;
mod proof;
mod reading;
mod shelf;
mod step;
mod steps;
mod tree;
mod until;

pub use choose::{Choice, ChosenBase, Unreachable, choose_base};
pub use entries::{ChangeEntries, ChangeLog, ChangeLogError, KeptLog, ServerLog};
pub use error::ForwardError;
pub use proof::{LogProof, LogProofOutcome, prove_log};
pub use reading::LastChange;
pub use until::Until;

use super::backup::{database_place, server_place};
use super::nameless::nameless;
use crate::model::{
    ClusterTime, Entry, EntryName, Kind, Monitor, Snapshot, SnapshotSource, Stage, unescape_name,
};
use crate::repo::{BesideRepository, BlobReader, BlobSink, Repository};
use applying::Applying;
use catalog::Catalog;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use steps::Steps;

/// What to roll forward.
pub struct ForwardRequest<'a> {
    pub repository: &'a Arc<Repository>,
    /// The snapshot that has the databases.
    pub base: &'a Snapshot,
    /// The snapshot that everything else is taken from.
    pub rest: &'a Snapshot,
    /// The logs of the servers, by the names that those have in the snapshot. The databases of
    /// other servers stay as they are in the base.
    pub logs: &'a BTreeMap<String, Box<dyn ChangeLog + 'a>>,
    pub until: Until,
    /// A folder for files.
    pub scratch: &'a Path,
}

/// What came of it.
#[derive(Debug, Clone)]
pub struct Forward {
    /// As `rest`, with another tree; not in the repository.
    pub snapshot: Snapshot,
    /// The last change that is in it, of those of the databases that it has.
    pub last: Option<LastChange>,
    /// Changes of documents.
    pub changes: u64,
    /// Collections that were changed, and that the base has left out.
    pub left_out: Vec<String>,
    /// Databases that are as they are in the base: nobody keeps their log.
    pub unchanged: Vec<String>,
}

/// The entries of a database, by name.
type Database = BTreeMap<EntryName, Entry>;

/// The databases of each server, by name.
type Servers = BTreeMap<EntryName, BTreeMap<EntryName, Database>>;

/// Rolls the databases of a snapshot forward.
pub fn roll_forward(
    request: &ForwardRequest<'_>,
    monitor: &dyn Monitor,
) -> Result<Forward, ForwardError> {
    monitor.stage(Stage::Reading);
    let reader = BlobReader::for_reading(Arc::clone(request.repository))?;
    let file = nameless(request.scratch).map_err(|cause| {
        let place = request.scratch.to_path_buf();
        super::sorter::SorterError { place, cause }
    })?;
    let beside = BesideRepository::new(request.repository, file);
    let rolling = Rolling { request, reader: &reader, sink: &beside, monitor };
    let mut forward = Forward {
        snapshot: request.rest.clone(),
        last: None,
        changes: 0,
        left_out: Vec::new(),
        unchanged: Vec::new(),
    };
    let mut servers = BTreeMap::new();
    for (name, databases) in rolling.servers()? {
        servers.insert(name.clone(), rolling.server(&name, databases, &mut forward)?);
    }
    rolling.sources(&servers, &mut forward);
    forward.snapshot.tree = rolling.root(servers)?;
    Ok(forward)
}

struct Rolling<'a> {
    request: &'a ForwardRequest<'a>,
    reader: &'a BlobReader,
    sink: &'a dyn BlobSink,
    monitor: &'a dyn Monitor,
}

impl Rolling<'_> {
    /// One server, whose databases have one log.
    fn server(
        &self,
        server: &EntryName,
        mut databases: BTreeMap<EntryName, Database>,
        forward: &mut Forward,
    ) -> Result<BTreeMap<EntryName, Database>, ForwardError> {
        let log = unescape_name(server).and_then(|server| self.request.logs.get(&server));
        let is_kept = |name: &EntryName| {
            let database = unescape_name(name);
            log.is_some_and(|log| {
                database.is_some_and(|database| is_rolled(log.as_ref(), &database))
            })
        };
        let unchanged = databases.keys().filter(|name| !is_kept(name));
        forward.unchanged.extend(unchanged.filter_map(unescape_name));
        let Some(log) = log else { return Ok(databases) };
        let rolled: Vec<EntryName> =
            databases.keys().filter(|name| is_kept(name)).cloned().collect();
        let mut catalog = Catalog::default();
        for name in &rolled {
            let Some(entries) = databases.remove(name) else { continue };
            self.add((server, name), &entries, &mut catalog)?;
        }
        if let Some(begun) = self.has_all(server).filter(|_| log.has_all()) {
            catalog.takes_new = true;
            catalog.floor = catalog.floor.or(Some(begun));
        }
        let Self { request, reader, sink, monitor } = self;
        let read = reading::read(catalog, log.as_ref(), request.until, request.scratch, *monitor)?;
        let reading::Read { catalog, steps, last, count } = read;
        let applying = Applying {
            reader,
            sink: *sink,
            place: request.scratch,
            until: request.until,
            last: last.as_ref().map(|last| last.at),
            monitor: *monitor,
        };
        let collections = applying.run(&catalog, Steps::new(steps)?)?;
        databases.extend(tree::databases(&catalog, collections)?);
        forward.left_out.extend(catalog.strangers.into_values());
        forward.changes += count;
        if last.as_ref().map(|last| last.at) > forward.last.as_ref().map(|last| last.at) {
            forward.last = last;
        }
        Ok(databases)
    }

    fn add(
        &self,
        (server, name): (&EntryName, &EntryName),
        entries: &Database,
        catalog: &mut Catalog,
    ) -> Result<(), ForwardError> {
        let Some(database) = unescape_name(name) else { return Ok(()) };
        let begun = self.begun(server, name);
        catalog.databases.insert(database.clone());
        for entry in entries.values() {
            let Some(name) = unescape_name(&entry.name) else { continue };
            match &entry.kind {
                Kind::Collection(collection) => {
                    catalog.add((&database, &name), collection.clone(), begun)?;
                }
                Kind::View { options } => {
                    let added = catalog.add_view(&database, &name, options);
                    added.map_err(|fault| fault.at(begun, None))?;
                }
                _ => {}
            }
        }
        catalog.floor = Some(catalog.floor.map_or(begun, |floor| floor.min(begun)));
        Ok(())
    }

    /// When a database was saved, or just before.
    fn begun(&self, server: &EntryName, database: &EntryName) -> ClusterTime {
        let place = database_place(server, database);
        let source = self.request.base.sources.iter().find(|source| source.path == place);
        source.map_or_else(|| second(self.request.base.begun), listed_at)
    }

    /// When the databases of a server were saved, if these are all that it had.
    fn has_all(&self, server: &EntryName) -> Option<ClusterTime> {
        let place = server_place(server);
        let sources = self.request.base.sources.iter();
        let of_server = sources.filter(|source| source.path.starts_with(&place));
        let whole = of_server
            .filter(|source| source.database().is_with_all && !source.database().is_partial);
        whole.map(listed_at).min()
    }
}

/// When a database was listed, or just before.
fn listed_at(source: &SnapshotSource) -> ClusterTime {
    source.database().moment.unwrap_or_else(|| second(source.as_of))
}

/// A second, or just before.
fn second(time: Timestamp) -> ClusterTime {
    ClusterTime { seconds: u32::try_from(time.as_second()).unwrap_or(0), increment: 0 }
}

/// Whether changes of a database are applied.
fn is_rolled(log: &dyn ChangeLog, database: &str) -> bool {
    !is_own_affair(database) && log.has(database)
}

/// Of the server's own affairs the log does not tell all.
pub(super) fn is_own_affair(database: &str) -> bool {
    matches!(database, "admin" | "config" | "local")
}
