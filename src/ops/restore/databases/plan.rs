//! Which collections of a snapshot are wanted, and where they go.

use super::{DatabaseRestoreError, DatabaseRestoreOptions};
use crate::model::{
    BlobId, Collection, CollectionKind, Directory, Entry, EntryPath, Kind, Snapshot, unescape_name,
};
use crate::ops::backup::MONGODB;
use crate::repo::{BlobReader, RepoError};
use std::collections::BTreeMap;

/// One collection or view of the snapshot that is wanted.
pub struct Planned {
    /// Its server's, in the snapshot.
    pub server: String,
    pub database: String,
    pub name: String,
    pub to_database: String,
    pub to_name: String,
    pub content: PlannedContent,
}

pub enum PlannedContent {
    Collection(Box<Collection>),
    View { options: Vec<u8> },
}

/// Everything that is wanted; no two go to the same place.
pub fn plan(
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
        let Some(server_name) = unescape_name(&server.name) else { continue };
        let path = of_server(server)?;
        for database in reader.entries(&databases)? {
            let database = database?;
            let Some(name) = unescape_name(&database.name) else { continue };
            let whole = format!("{server_name}/{name}");
            let is_named = |wanted: &String| *wanted == name || *wanted == whole;
            let wanted = options.databases.is_empty() || options.databases.iter().any(is_named);
            let Some(collections) = directory(Some(&database)).filter(|_| wanted) else { continue };
            let path = path.join(&database.name);
            for entry in reader.entries(&collections)? {
                let entry = entry?;
                if options.wants(&path.join(&entry.name)) {
                    planned.extend(planned_entry((&server_name, &name), entry, options));
                }
            }
        }
    }
    check_targets(&planned, options)?;
    Ok(planned)
}

/// `mongodb/rs0`.
fn of_server(server: &Entry) -> Result<EntryPath, RepoError> {
    let path = EntryPath::parse(MONGODB);
    let path = path.map_err(|error| RepoError::Earlier(error.to_string()))?;
    Ok(path.join(&server.name))
}

impl DatabaseRestoreOptions {
    fn wants(&self, path: &EntryPath) -> bool {
        self.places.is_empty() || self.places.iter().any(|place| path.starts_with(place))
    }
}

fn planned_entry(
    (server, database): (&str, &str),
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
    let (server, database) = (server.to_string(), database.to_string());
    Some(Planned { server, database, name, to_database, to_name, content })
}

fn directory(entry: Option<&Entry>) -> Option<BlobId> {
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
    pub fn from(&self) -> String {
        format!("{}.{}", self.database, self.name)
    }

    pub fn to(&self) -> String {
        format!("{}.{}", self.to_database, self.to_name)
    }

    /// The collection that the documents go to: those of a time series into its buckets.
    pub fn data_name(&self, collection: &Collection) -> String {
        match collection.kind {
            CollectionKind::Ordinary => self.to_name.clone(),
            CollectionKind::TimeSeries => format!("system.buckets.{}", self.to_name),
        }
    }
}
