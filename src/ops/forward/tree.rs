//! The tree of a snapshot whose databases were rolled forward.

use super::applying::series_name;
use super::catalog::{Catalog, Uuid};
use super::error::ForwardError;
use super::{Database, Forward, Rolling, Servers};
use crate::model::{
    BlobId, ClusterTime, Collection, Directory, Entry, EntryName, EntryPath, Kind, Metadata,
    SnapshotSource, Summary, escape_name, unescape_name,
};
use crate::ops::backup::{MONGODB, database_place, files_metadata, is_of_databases};
use crate::repo::{RepoError, TreeSink, TreeWriter};
use std::collections::{BTreeMap, HashMap};

/// What there is in the databases that were rolled forward.
pub fn databases(
    catalog: &Catalog,
    mut collections: HashMap<Uuid, Collection>,
) -> Result<BTreeMap<EntryName, Database>, ForwardError> {
    let mut databases: BTreeMap<EntryName, Database> = catalog
        .names()
        .map(|name| Ok((escaped(name)?, Database::new())))
        .collect::<Result<_, ForwardError>>()?;
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
    pub(super) fn servers(&self) -> Result<Servers, ForwardError> {
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
    pub(super) fn root(&self, servers: Servers) -> Result<BlobId, ForwardError> {
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
    pub(super) fn sources(&self, servers: &Servers, forward: &mut Forward) {
        let sources = &mut forward.snapshot.sources;
        sources.retain(|source| !is_of_databases(&source.path));
        let base = self.request.base.sources.iter().filter(|source| is_of_databases(&source.path));
        let places = servers.iter().flat_map(|(server, databases)| {
            databases.keys().map(move |name| database_place(server, name))
        });
        let base: Vec<&SnapshotSource> = base.collect();
        for place in places {
            let of_base = base.iter().find(|source| source.path == place);
            let made = || base.iter().find_map(|sibling| beside(sibling, &place));
            let Some(mut source) = of_base.map(|source| (*source).clone()).or_else(made) else {
                continue;
            };
            let name = place.names().last().as_ref().and_then(unescape_name);
            if !name.is_some_and(|name| forward.unchanged.contains(&name)) {
                source.as_of = self.request.until.timestamp();
            }
            sources.push(source);
        }
        let latest = sources.iter().map(|source| source.as_of).max();
        forward.snapshot.taken = latest.unwrap_or(forward.snapshot.taken);
    }
}

/// The source of a database at this path, which was made since; `None` if the other one is not of
/// its server.
fn beside(sibling: &SnapshotSource, place: &EntryPath) -> Option<SnapshotSource> {
    let [sibling_names, names] =
        [&sibling.path, place].map(|path| path.names().collect::<Vec<_>>());
    if sibling_names.get(..2) != names.get(..2) {
        return None;
    }
    let [old, new] = [sibling_names, names].map(|names| names.last().and_then(unescape_name));
    let address = sibling.address.strip_suffix(old?.as_bytes()).unwrap_or(&sibling.address);
    let address = [address, new?.as_bytes()].concat();
    Some(SnapshotSource::new(address, place.clone(), sibling.as_of))
}
