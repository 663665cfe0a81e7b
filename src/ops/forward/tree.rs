//! The tree of a snapshot whose databases were rolled forward.

use super::applying::series_name;
use super::catalog::{Catalog, Uuid};
use super::error::ForwardError;
use super::{Database, Forward, Rolling};
use crate::model::{
    BlobId, ClusterTime, Collection, Directory, Entry, EntryName, Kind, Metadata, Summary,
    escape_name, unescape_name,
};
use crate::ops::backup::{MONGODB, files_metadata};
use crate::repo::{RepoError, TreeSink, TreeWriter};
use std::collections::{BTreeMap, HashMap};

/// What there is in the databases that were rolled forward.
pub fn databases(
    rolled: &[EntryName],
    catalog: &Catalog,
    mut collections: HashMap<Uuid, Collection>,
) -> Result<BTreeMap<EntryName, Database>, ForwardError> {
    let mut databases: BTreeMap<EntryName, Database> =
        rolled.iter().map(|name| (name.clone(), Database::new())).collect();
    for (uuid, followed) in &catalog.collections {
        let Some(collection) = collections.remove(uuid) else { continue };
        let Some(entries) = databases.get_mut(&escaped(&followed.database)?) else { continue };
        let name = series_name(followed)?.unwrap_or(&followed.name);
        let kind = Kind::Collection(Box::new(collection));
        if entries.insert(escaped(name)?, entry(escaped(name)?, kind)).is_some() {
            return Err(ForwardError::Hole {
                what: format!("{}.{name}", followed.database),
                at: ClusterTime::default(),
                why: "is there twice".to_string(),
            });
        }
    }
    for (place, entries) in &mut databases {
        let Some(database) = unescape_name(place) else { continue };
        let views = catalog.views(&database);
        for (name, options) in views.map_err(|fault| fault.at(ClusterTime::default(), None))? {
            let name = escaped(&name)?;
            entries.insert(name.clone(), entry(name, Kind::View { options }));
        }
    }
    Ok(databases)
}

fn escaped(name: &str) -> Result<EntryName, ForwardError> {
    escape_name(name).map_err(|error| {
        let why = error.to_string();
        RepoError::Damaged { name: format!("the name {name:?}"), why }.into()
    })
}

fn entry(name: EntryName, kind: Kind) -> Entry {
    Entry { name, kind, metadata: Metadata::default(), link_group: None }
}

impl Rolling<'_> {
    /// The servers of the base, with what is in their databases.
    pub(super) fn servers(
        &self,
    ) -> Result<BTreeMap<EntryName, BTreeMap<EntryName, Database>>, ForwardError> {
        let all = self.reader.find_entry(&self.request.base.tree, MONGODB)?;
        let mut servers = BTreeMap::new();
        for server in self.inside(all.as_ref())? {
            let mut databases = BTreeMap::new();
            for database in self.inside(Some(&server))? {
                let entries = self.inside(Some(&database))?;
                let entries = entries.into_iter().map(|entry| (entry.name.clone(), entry));
                databases.insert(database.name.clone(), entries.collect());
            }
            servers.insert(server.name.clone(), databases);
        }
        Ok(servers)
    }

    fn inside(&self, directory: Option<&Entry>) -> Result<Vec<Entry>, RepoError> {
        match directory.and_then(Entry::tree) {
            Some(tree) => self.reader.entries(&tree)?.collect(),
            None => Ok(Vec::new()),
        }
    }

    /// Writes the tree: these databases, and what else the other snapshot has.
    pub(super) fn root(
        &self,
        servers: BTreeMap<EntryName, BTreeMap<EntryName, Database>>,
    ) -> Result<BlobId, ForwardError> {
        let mut places = Vec::new();
        for (server, databases) in servers {
            let mut directories = Vec::new();
            for (name, entries) in databases {
                directories.push(self.directory(name, entries.into_values().collect())?);
            }
            places.push(self.directory(server, directories)?);
        }
        let mongodb = EntryName::new(MONGODB).map_err(|error| RepoError::Damaged {
            name: "a name".to_string(),
            why: error.to_string(),
        })?;
        let mongodb = self.directory(mongodb, places)?;
        let mut root = BTreeMap::new();
        for entry in self.reader.entries(&self.request.rest.tree)? {
            let entry = entry?;
            root.insert(entry.name.clone(), entry);
        }
        root.insert(mongodb.name.clone(), mongodb);
        Ok(self.write(root.into_values())?.0)
    }

    fn directory(&self, name: EntryName, entries: Vec<Entry>) -> Result<Entry, RepoError> {
        let (tree, summary) = self.write(entries.into_iter())?;
        let kind = Kind::Directory(Directory { tree: Some(tree), summary });
        Ok(Entry { name, kind, metadata: files_metadata(), link_group: None })
    }

    fn write(&self, entries: impl Iterator<Item = Entry>) -> Result<(BlobId, Summary), RepoError> {
        let mut compressor = self.sink.repository().compressor()?;
        let mut sink = TreeSink { session: self.sink, compressor: &mut compressor };
        let (mut tree, mut summary) = (TreeWriter::new(), Summary::default());
        for entry in entries {
            summary = summary.with(&entry.kind);
            tree.push(&entry, &mut sink)?;
        }
        Ok((tree.finish(&mut sink)?, summary))
    }

    /// Says of when each source is.
    pub(super) fn sources(&self, forward: &mut Forward) {
        let is_database = |path: &crate::model::EntryPath| {
            path.names().next().is_some_and(|name| name.bytes() == MONGODB)
        };
        let sources = &mut forward.snapshot.sources;
        sources.retain(|source| !is_database(&source.path));
        for source in self.request.base.sources.iter().filter(|source| is_database(&source.path)) {
            let mut source = source.clone();
            let name = source.path.names().last().as_ref().and_then(unescape_name);
            if !name.is_some_and(|name| forward.unchanged.contains(&name)) {
                source.as_of = self.request.until.timestamp();
            }
            sources.push(source);
        }
        let latest = sources.iter().map(|source| source.as_of).max();
        forward.snapshot.taken = latest.unwrap_or(forward.snapshot.taken);
    }
}
