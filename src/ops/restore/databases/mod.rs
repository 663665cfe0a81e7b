//! Databases go back into a server.

mod collection;
mod expiry;
mod rename;

pub use rename::Rename;

use super::content::Blamed;
use crate::model::{
    Collection, Directory, Entry, Kind, Monitor, Problem, ProblemKind, Snapshot, Stage,
    unescape_name,
};
use crate::mongo::{Connection, MongoError};
use crate::ops::backup::MONGODB;
use crate::repo::{BlobReader, RepoError, Repository};
use collection::CollectionRestore;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What to restore, and how.
#[derive(Debug, Clone, Default)]
pub struct DatabaseRestoreOptions {
    /// Only these databases, if there are any.
    pub databases: Vec<String>,
    /// Only these collections and views (`name` or `database.name`), if there are any.
    pub collections: Vec<String>,
    /// The first one that fits a name counts.
    pub renames: Vec<Rename>,
    /// Puts the one database that is restored under this name.
    pub into: Option<String>,
    /// Makes indexes and options that let documents expire even where some would at once.
    pub expire_at_once: bool,
}

/// What became of one collection or view.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CollectionReport {
    /// `database.collection`, in the snapshot.
    pub from: String,
    /// In the server.
    pub to: String,
    pub is_view: bool,
    /// It was there already, or something was.
    pub was_there: bool,
    pub inserted: u64,
    /// Documents whose `_id` was there already, and which stayed.
    pub present: u64,
    /// Documents that are not there now.
    pub failed: u64,
    /// Bytes of the documents that were given to the server.
    pub bytes: u64,
    pub indexes: u64,
    /// What was not done so that documents do not expire at once: commands for mongosh.
    pub held_back: Vec<String>,
}

/// What a restore of databases did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DatabaseRestoreReport {
    pub collections: Vec<CollectionReport>,
    /// Collections, indexes and documents that could not be restored; each was told, documents
    /// up to a few of each collection.
    pub failed: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum DatabaseRestoreError {
    #[error(transparent)]
    Repo(#[from] RepoError),
    #[error(transparent)]
    Mongo(#[from] MongoError),
    #[error("two collections would both become {0}")]
    SameTarget(String),
    #[error("the address names the database {0}, and several would go into it")]
    SeveralInto(String),
}

/// One collection or view of the snapshot that is wanted.
struct Planned {
    database: String,
    name: String,
    to_database: String,
    to_name: String,
    content: PlannedContent,
}

enum PlannedContent {
    Collection(Box<Collection>),
    View { options: Vec<u8> },
}

/// Restores databases of a snapshot into a server. Documents whose `_id` is there already stay
/// as they are. The time is what decides which documents would expire at once.
pub fn restore_databases(
    repository: &Arc<Repository>,
    snapshot: &Snapshot,
    connection: &Connection,
    options: &DatabaseRestoreOptions,
    monitor: &dyn Monitor,
) -> Result<DatabaseRestoreReport, DatabaseRestoreError> {
    monitor.stage(Stage::Indexing);
    let reader = BlobReader::new(Arc::clone(repository))?;
    let planned = plan(&reader, snapshot, options)?;
    monitor.stage(Stage::Restoring);
    let blamed = Blamed::default();
    let mut restored = Ok(DatabaseRestoreReport::default());
    // Views last: servers look at what they are made of.
    let (views, collections): (Vec<_>, Vec<_>) =
        planned.iter().partition(|planned| matches!(planned.content, PlannedContent::View { .. }));
    for planned in collections.into_iter().chain(views) {
        let Ok(report) = &mut restored else { break };
        let restore = CollectionRestore {
            reader: &reader,
            connection,
            planned,
            options,
            monitor,
            blamed: &blamed,
        };
        match restore.run() {
            Ok((collection, failed)) => {
                report.collections.push(collection);
                report.failed += failed;
            }
            Err(error) => restored = Err(error),
        }
    }
    if !blamed.is_empty() && repository.is_live(snapshot.id).unwrap_or(false) {
        blamed.mark(repository);
    }
    restored
}

fn plan(
    reader: &BlobReader,
    snapshot: &Snapshot,
    options: &DatabaseRestoreOptions,
) -> Result<Vec<Planned>, DatabaseRestoreError> {
    let mut planned = Vec::new();
    let servers = match directory(reader.find_entry(&snapshot.tree, MONGODB)?.as_ref()) {
        Some(tree) => reader.entries(&tree)?.collect::<Result<Vec<_>, _>>()?,
        None => Vec::new(),
    };
    for server in &servers {
        let Some(databases) = directory(Some(server)) else { continue };
        for database in reader.entries(&databases)? {
            let database = database?;
            let Some(name) = unescape_name(&database.name) else { continue };
            let wanted = options.databases.is_empty() || options.databases.contains(&name);
            let Some(collections) = directory(Some(&database)).filter(|_| wanted) else { continue };
            for entry in reader.entries(&collections)? {
                planned.extend(planned_entry(&name, entry?, options));
            }
        }
    }
    check_targets(&planned, options)?;
    Ok(planned)
}

fn planned_entry(
    database: &str,
    entry: Entry,
    options: &DatabaseRestoreOptions,
) -> Option<Planned> {
    let name = unescape_name(&entry.name)?;
    let whole = format!("{database}.{name}");
    let is_named = |wanted: &String| *wanted == name || *wanted == whole;
    if !(options.collections.is_empty() || options.collections.iter().any(is_named)) {
        return None;
    }
    let content = match entry.kind {
        Kind::Collection(collection) => PlannedContent::Collection(collection),
        Kind::View { options } => PlannedContent::View { options },
        _ => return None,
    };
    let renamed = options.renames.iter().find_map(|rename| rename.apply(&whole));
    let renamed = renamed.as_deref().and_then(|renamed| renamed.split_once('.'));
    let (to_database, to_name) = match (renamed, &options.into) {
        (Some((database, name)), _) => (database.to_string(), name.to_string()),
        (None, Some(database)) => (database.clone(), name.clone()),
        (None, None) => (database.to_string(), name.clone()),
    };
    Some(Planned { database: database.to_string(), name, to_database, to_name, content })
}

fn directory(entry: Option<&Entry>) -> Option<crate::model::BlobId> {
    match entry.map(|entry| &entry.kind) {
        Some(Kind::Directory(Directory { tree, .. })) => *tree,
        _ => None,
    }
}

/// No two collections become one.
fn check_targets(
    planned: &[Planned],
    options: &DatabaseRestoreOptions,
) -> Result<(), DatabaseRestoreError> {
    let mut targets = BTreeMap::new();
    for planned in planned {
        let target = planned.to();
        let before = targets.insert(target.clone(), &planned.database);
        match (before, &options.into) {
            (None, _) => {}
            (Some(before), Some(into)) if *before != planned.database => {
                return Err(DatabaseRestoreError::SeveralInto(into.clone()));
            }
            (Some(_), _) => return Err(DatabaseRestoreError::SameTarget(target)),
        }
    }
    Ok(())
}

impl Planned {
    fn from(&self) -> String {
        format!("{}.{}", self.database, self.name)
    }

    fn to(&self) -> String {
        format!("{}.{}", self.to_database, self.to_name)
    }
}

fn tell(monitor: &dyn Monitor, what: String, why: String) {
    monitor.problem(Problem { kind: ProblemKind::Unrestored, what, why });
}
