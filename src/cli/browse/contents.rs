//! Where the browser gets what it shows.

use crate::model::{BlobId, Entry, EntryPath, Kind, Snapshot};
use crate::ops::MONGODB;
use crate::ops::view::{FileContent, Root, View};
use crate::repo::RepoError;
use std::sync::Arc;

/// Snapshots to look into. What cannot be read is an error that people can read.
pub trait Contents {
    fn root(&self, snapshot: &Snapshot) -> Result<Root, String>;

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
        told(
            self,
            snapshot,
            View::root(self, snapshot).and_then(|root| with_databases(self, snapshot, root)),
        )
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

/// A snapshot without files begins at its databases.
fn with_databases(view: &View, snapshot: &Snapshot, root: Root) -> Result<Root, RepoError> {
    if root.tree.is_some() {
        return Ok(root);
    }
    let databases = view.find(&snapshot.tree, MONGODB)?;
    Ok(Root { tree: databases.and_then(|(_, entry)| entry.tree()), ..root })
}

/// Damage is marked when it is met.
fn told<T>(view: &View, of: &Snapshot, result: Result<T, RepoError>) -> Result<T, String> {
    result.map_err(|error| {
        view.blame(&error, of.id);
        error.to_string()
    })
}
