//! Where the browser gets what it shows.

use crate::cli::place::is_of_database;
use crate::model::{BlobId, Entry, EntryPath, Kind, Snapshot};
use crate::ops::view::{FileContent, Root, View};
use crate::ops::{FILES, MONGODB, is_fuzzy};
use crate::repo::RepoError;
use std::sync::Arc;

/// Snapshots to look into. What cannot be read is an error that people can read.
pub trait Contents {
    fn root(&self, snapshot: &Snapshot) -> Result<Root, String>;

    /// Where that lies in the snapshot: files are shown without `files`, databases without
    /// `mongodb`, but both with these where there are both.
    fn root_path(&self, snapshot: &Snapshot) -> EntryPath {
        root_path(snapshot)
    }

    /// How many entries a directory has.
    fn length(&self, of: &Snapshot, tree: &BlobId) -> Result<u64, String>;

    /// At most `count` entries of a directory, beginning with number `first`.
    fn entries(
        &self,
        of: &Snapshot,
        tree: &BlobId,
        first: u64,
        count: u64,
    ) -> Result<Vec<Arc<Entry>>, String>;

    /// The entry at a path below `/`.
    fn find(&self, of: &Snapshot, path: &EntryPath) -> Result<Option<Arc<Entry>>, String>;

    /// Whether others may have written to a collection while it was read. What cannot be read is
    /// told when it is looked into.
    fn is_fuzzy(&self, _of: &Snapshot) -> bool {
        false
    }

    /// Up to `length` bytes of a file from `offset`; fewer only at its end.
    fn read(
        &self,
        of: &Snapshot,
        entry: &Entry,
        offset: u64,
        length: usize,
    ) -> Result<Vec<u8>, String>;
}

impl Contents for View {
    fn root(&self, snapshot: &Snapshot) -> Result<Root, String> {
        let root = View::root(self, snapshot).and_then(|root| {
            let path = root_path(snapshot);
            match path.names().next() {
                None => Ok(Root { tree: Some(snapshot.tree), ..root }),
                Some(name) if name.bytes() == MONGODB => {
                    let databases = View::find(self, &snapshot.tree, MONGODB)?;
                    Ok(Root { tree: databases.and_then(|(_, entry)| entry.tree()), ..root })
                }
                Some(_) => Ok(root),
            }
        });
        told(self, snapshot, root)
    }

    fn length(&self, of: &Snapshot, tree: &BlobId) -> Result<u64, String> {
        told(self, of, View::length(self, tree))
    }

    fn entries(
        &self,
        of: &Snapshot,
        tree: &BlobId,
        first: u64,
        count: u64,
    ) -> Result<Vec<Arc<Entry>>, String> {
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        let (mut entries, mut index) = (Vec::new(), first);
        while let Some(page) = told(self, of, self.page(tree, index))? {
            let wanted = count.saturating_sub(entries.len());
            entries.extend(page.since(index).take(wanted).map(|(_, entry)| Arc::clone(entry)));
            if entries.len() >= count {
                break;
            }
            index = page.end();
        }
        Ok(entries)
    }

    fn find(&self, of: &Snapshot, path: &EntryPath) -> Result<Option<Arc<Entry>>, String> {
        let root = Contents::root(self, of)?;
        let found = told(self, of, self.find_path(&root, path))?;
        Ok(found.map(|(_, entry)| entry))
    }

    fn is_fuzzy(&self, of: &Snapshot) -> bool {
        let whole = Root { snapshot: of.id, tree: Some(of.tree), entries: 0 };
        let databases = of.sources.iter().filter(|source| is_of_database(&source.path));
        let found = databases.filter_map(|source| self.find_path(&whole, &source.path).ok()?);
        let mut trees = found.filter_map(|(_, database)| database.tree());
        trees.any(|tree| has_fuzzy(self, &tree).unwrap_or_default())
    }

    fn read(
        &self,
        of: &Snapshot,
        entry: &Entry,
        offset: u64,
        length: usize,
    ) -> Result<Vec<u8>, String> {
        match &entry.kind {
            Kind::File(file) => {
                told(self, of, View::read(self, &FileContent::new(file), offset, length))
            }
            _ => Err("it is no file".to_owned()),
        }
    }
}

/// Whether a database has a collection that is fuzzy.
fn has_fuzzy(view: &View, database: &BlobId) -> Result<bool, RepoError> {
    let mut index = 0;
    while let Some(page) = view.page(database, index)? {
        if page.entries.iter().any(|entry| is_fuzzy(&entry.kind)) {
            return Ok(true);
        }
        index = page.end();
    }
    Ok(false)
}

/// Where what is shown lies in the snapshot; the root, where that is files and databases.
pub fn root_path(snapshot: &Snapshot) -> EntryPath {
    let mut of_databases = snapshot.sources.iter().map(|source| is_of_database(&source.path));
    let first = of_databases.next().unwrap_or(false);
    let name = match (first, of_databases.all(|other| other == first)) {
        (_, false) => return EntryPath::root(),
        (true, true) => MONGODB,
        (false, true) => FILES,
    };
    EntryPath::parse(name).unwrap_or_default()
}

/// A path below the root that is shown, of one that lies in the snapshot.
pub fn shown_path(root: &EntryPath, path: &EntryPath) -> EntryPath {
    let mut shown = EntryPath::root();
    path.names().skip(root.depth()).for_each(|name| shown.push(&name));
    shown
}

/// The path in the snapshot of one below the root that is shown.
pub fn whole_path(root: &EntryPath, path: &EntryPath) -> EntryPath {
    let mut whole = root.clone();
    path.names().for_each(|name| whole.push(&name));
    whole
}

/// Damage is marked when it is met.
fn told<T>(view: &View, of: &Snapshot, result: Result<T, RepoError>) -> Result<T, String> {
    result.map_err(|error| {
        view.blame(&error, of.id);
        error.to_string()
    })
}
