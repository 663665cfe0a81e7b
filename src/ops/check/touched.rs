//! Which files need blobs that cannot be had.

use super::documents;
use crate::format::{ChildPiece, PieceItems};
use crate::model::{
    AttributeValue, BlobId, ChunkTree, Directory, Documents, Entry, EntryPath, Kind, Monitor,
    SessionId, Snapshot,
};
use crate::ops::backup::shown;
use crate::repo::{BlobReader, RepoError};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

/// At most so many files are named for an object.
const NAMED: usize = 10;

/// What waits to be looked at is no more, about: no folder that snap writes comes near. Where it
/// would be more, a part of a piece is taken, and the piece is read again for the rest.
const MOST_PENDING: usize = 1 << 21;

/// Files that an object's damage touches.
#[derive(Debug, Clone, Default)]
pub struct Files {
    pub named: Vec<String>,
    pub more: u64,
    /// All snapshots that need something of it, the newest first.
    pub snapshots: Vec<SessionId>,
}

/// Walks the snapshots, newest first, and looks for `bad` blobs, which are given with the object
/// to blame. Each tree is looked into once, so that what lies in a directory that did not change
/// is named of the newest snapshot only. Costs nothing where nothing is bad; else memory grows
/// with the number of trees.
pub fn files(
    reader: &BlobReader,
    snapshots: &[Snapshot],
    bad: &BTreeMap<BlobId, String>,
    monitor: &dyn Monitor,
) -> Result<BTreeMap<String, Files>, RepoError> {
    let mut search = Search {
        reader,
        bad,
        touched: BTreeMap::new(),
        pending: Vec::new(),
        above: HashMap::new(),
        met: BTreeMap::new(),
    };
    if bad.is_empty() {
        return Ok(search.touched);
    }
    let mut seen: HashSet<BlobId> = HashSet::new();
    for snapshot in snapshots.iter().rev() {
        let path = Arc::new(EntryPath::root());
        search.pending.push(Pending { id: snapshot.tree, path, from: 0 });
        while let Some(next) = search.pending.pop() {
            if monitor.stopped() {
                return Err(RepoError::Stopped);
            }
            if next.from > 0 || seen.insert(next.id) {
                search.piece(&next, snapshot)?;
            }
        }
    }
    search.name_snapshots(snapshots);
    Ok(search.touched)
}

/// A piece to be looked into.
struct Pending {
    id: BlobId,
    path: Arc<EntryPath>,
    /// Its items before this one were looked at.
    from: usize,
}

struct Search<'a> {
    reader: &'a BlobReader,
    bad: &'a BTreeMap<BlobId, String>,
    touched: BTreeMap<String, Files>,
    pending: Vec<Pending>,
    /// The trees that name a tree.
    above: HashMap<BlobId, Vec<BlobId>>,
    /// The trees in which an object to blame was met.
    met: BTreeMap<String, HashSet<BlobId>>,
}

impl Search<'_> {
    fn piece(&mut self, next: &Pending, snapshot: &Snapshot) -> Result<(), RepoError> {
        let Pending { id, path, from } = next;
        if let Some(object) = self.bad.get(id) {
            let directory = format!("{}/", directory(path));
            self.note(object, snapshot, id, &directory);
            return Ok(());
        }
        let piece = match self.reader.piece(id) {
            Err(error) if error.is_damage() => return Ok(()),
            piece => piece?,
        };
        let most = (MOST_PENDING.saturating_sub(self.pending.len()) / 16).max(1);
        let all = match &piece.items {
            PieceItems::Children(children) => children.len(),
            PieceItems::Entries(entries) => entries.len(),
        };
        let end = from.saturating_add(most).min(all);
        if end < all {
            self.pending.push(Pending { id: *id, path: Arc::clone(path), from: end });
        }
        let part = *from..end;
        match piece.items {
            PieceItems::Children(children) => {
                for child in children.get(part).unwrap_or_default().iter().rev() {
                    self.below(*id, child.id, Arc::clone(path));
                }
            }
            PieceItems::Entries(entries) => {
                for entry in entries.get(part).unwrap_or_default() {
                    self.entry(entry, id, path, snapshot)?;
                }
            }
        }
        Ok(())
    }

    fn entry(
        &mut self,
        entry: &Entry,
        tree: &BlobId,
        directory: &EntryPath,
        snapshot: &Snapshot,
    ) -> Result<(), RepoError> {
        let mut objects = BTreeSet::new();
        for attribute in &entry.metadata.attributes {
            if let AttributeValue::Chunks(chunks) = &attribute.value {
                self.blame(chunks, &mut objects)?;
            }
        }
        match &entry.kind {
            Kind::Directory(Directory { tree: Some(below), .. }) => {
                self.below(*tree, *below, Arc::new(directory.join(&entry.name)));
            }
            Kind::File(file) => self.blame(&file.chunks, &mut objects)?,
            Kind::Collection(collection) => match &collection.content {
                Documents::Tree(documents) => {
                    let path = directory.join(&entry.name);
                    for root in documents.roots() {
                        self.documents(root, tree, &path, snapshot)?;
                    }
                }
                Documents::Stream(chunks) => self.blame(chunks, &mut objects)?,
            },
            _ => {}
        }
        if !objects.is_empty() {
            let path = shown(&directory.join(&entry.name));
            objects.into_iter().for_each(|object| self.note(object, snapshot, tree, &path));
        }
        Ok(())
    }

    /// Names the documents of a tree that are hit; all of the collection, if it is the root.
    fn documents(
        &mut self,
        root: BlobId,
        tree: &BlobId,
        path: &EntryPath,
        snapshot: &Snapshot,
    ) -> Result<(), RepoError> {
        let (reader, bad, path) = (self.reader, self.bad, shown(path));
        if let Some(object) = bad.get(&root) {
            self.note(object, snapshot, tree, &path);
            return Ok(());
        }
        let blame = |child: &ChildPiece| {
            let mut objects = BTreeSet::new();
            self.blame(&child.chunks, &mut objects).map(|()| objects)
        };
        for lost in documents::lost(reader, root, bad, &blame)? {
            self.note(lost.object, snapshot, tree, &format!("{path}: {lost}"));
        }
        Ok(())
    }

    /// The objects whose damage touches content.
    fn blame<'a>(
        &self,
        content: &ChunkTree,
        objects: &mut BTreeSet<&'a String>,
    ) -> Result<(), RepoError>
    where
        Self: 'a,
    {
        let (mut lists, mut seen) = (vec![content.clone()], HashSet::new());
        while let Some(list) = lists.pop() {
            for node in &list.nodes {
                if let Some(object) = self.bad.get(&node.id) {
                    objects.insert(object);
                } else if list.depth > 0 && seen.insert(node.id) {
                    match self.reader.chunk_list(&node.id, node.length) {
                        Ok(below) if below.depth < list.depth => lists.push(below),
                        Err(error) if !error.is_damage() => return Err(error),
                        _ => {}
                    }
                }
            }
        }
        Ok(())
    }

    fn below(&mut self, above: BlobId, tree: BlobId, path: Arc<EntryPath>) {
        let known = self.above.entry(tree).or_default();
        if known.last() != Some(&above) {
            known.push(above);
        }
        self.pending.push(Pending { id: tree, path, from: 0 });
    }

    /// From where an object was met up to the roots.
    fn name_snapshots(&mut self, snapshots: &[Snapshot]) {
        for (object, met) in std::mem::take(&mut self.met) {
            let (mut reached, mut pending) = (met.clone(), Vec::from_iter(met));
            while let Some(tree) = pending.pop() {
                let above = self.above.get(&tree).into_iter().flatten();
                pending.extend(above.filter(|above| reached.insert(**above)));
            }
            let touched = snapshots.iter().rev().filter(|one| reached.contains(&one.tree));
            self.touched.entry(object).or_default().snapshots = touched.map(|one| one.id).collect();
        }
    }

    fn note(&mut self, object: &str, snapshot: &Snapshot, tree: &BlobId, path: &str) {
        self.met.entry(object.to_string()).or_default().insert(*tree);
        let files = self.touched.entry(object.to_string()).or_default();
        match files.named.len() < NAMED {
            true => files.named.push(format!("{}:{path}", snapshot.id.short())),
            false => files.more += 1,
        }
    }
}

/// A directory as people know it, without a slash at its end; empty for the root.
fn directory(path: &EntryPath) -> String {
    match path.depth() {
        // The root of a snapshot, and `files`, which is that of a file system.
        0 | 1 => String::new(),
        _ => shown(path),
    }
}
