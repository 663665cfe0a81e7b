//! Directories: entries by name, and by place. A place is the entry's number in its directory:
//! pieces know how many entries are below them, so that one piece a level is read.

use super::{Root, View};
use crate::format::{ChildPiece, Piece, PieceItems};
use crate::model::{
    AttributeValue, BlobId, ChunkTree, Documents, Entry, EntryPath, Kind, Snapshot,
};
use crate::ops::FILES;
use crate::repo::RepoError;
use std::mem::size_of;
use std::sync::Arc;

/// Part of a tree, or of a list of chunks, as it is kept.
pub(super) enum Part {
    Entries(Arc<[Arc<Entry>]>),
    Children { level: u8, children: Vec<ChildPiece> },
    Chunks(ChunkTree),
}

/// Where an entry lies: it can be found again by this alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Place {
    /// The root piece of its directory.
    pub tree: BlobId,
    /// Its number there.
    pub index: u64,
}

/// Entries of a directory that follow each other.
pub struct Page {
    /// The number of the first.
    pub first: u64,
    pub entries: Arc<[Arc<Entry>]>,
}

impl Page {
    /// The entries from number `index` on, each with its number.
    pub fn since(&self, index: u64) -> impl Iterator<Item = (u64, &Arc<Entry>)> {
        let skipped = usize::try_from(index.saturating_sub(self.first)).unwrap_or(usize::MAX);
        (self.first..).zip(self.entries.iter()).skip(skipped)
    }

    /// The number after the last.
    pub fn end(&self) -> u64 {
        self.first.saturating_add(self.entries.len() as u64)
    }
}

impl View {
    /// Where the files of a snapshot begin.
    pub fn root(&self, snapshot: &Snapshot) -> Result<Root, RepoError> {
        let files = self.find(&snapshot.tree, FILES)?;
        let tree = files.and_then(|(_, entry)| entry.tree());
        let entries = snapshot.summary.files.saturating_add(snapshot.summary.directories);
        Ok(Root { snapshot: snapshot.id, tree, entries })
    }

    /// The entry of this name in a directory.
    pub fn find(
        &self,
        tree: &BlobId,
        name: &[u8],
    ) -> Result<Option<(Place, Arc<Entry>)>, RepoError> {
        let mut before = 0_u64;
        let mut step = Step::root(tree);
        loop {
            match self.part(&step)?.as_ref() {
                Part::Entries(entries) => {
                    let at = entries.binary_search_by(|entry| entry.name.bytes().cmp(name));
                    return Ok(at.ok().and_then(|at| {
                        let index = before.saturating_add(at as u64);
                        Some((Place { tree: *tree, index }, Arc::clone(entries.get(at)?)))
                    }));
                }
                Part::Children { level, children } => {
                    let at = children.partition_point(|child| child.last.as_slice() < name);
                    let Some(child) = children.get(at) else { return Ok(None) };
                    let passed = children.iter().take(at).map(|child| child.entries);
                    before = passed.fold(before, u64::saturating_add);
                    step = Step::below(*level, child);
                }
                Part::Chunks(_) => return Err(step.malformed("it is no piece")),
            }
        }
    }

    /// The entry at a path below `/`; the root itself has no entry.
    pub fn find_path(
        &self,
        root: &Root,
        path: &EntryPath,
    ) -> Result<Option<(Place, Arc<Entry>)>, RepoError> {
        let (mut tree, mut found) = (root.tree, None);
        for name in path.names() {
            let Some(directory) = tree else { return Ok(None) };
            found = self.find(&directory, name.bytes())?;
            tree = found.as_ref().and_then(|(_, entry)| entry.tree());
        }
        Ok(found)
    }

    /// The piece of a directory that holds the entry of this number; `None` after the last.
    pub fn page(&self, tree: &BlobId, index: u64) -> Result<Option<Page>, RepoError> {
        let mut first = 0_u64;
        let mut step = Step::root(tree);
        loop {
            match self.part(&step)?.as_ref() {
                Part::Entries(entries) => {
                    let page = Page { first, entries: Arc::clone(entries) };
                    return Ok((index < page.end()).then_some(page));
                }
                Part::Children { level, children } => {
                    let Some((child, start)) = holding(children, first, index) else {
                        return Ok(None);
                    };
                    first = start;
                    step = Step::below(*level, child);
                }
                Part::Chunks(_) => return Err(step.malformed("it is no piece")),
            }
        }
    }

    /// The entry at a place.
    pub fn at(&self, place: &Place) -> Result<Option<Arc<Entry>>, RepoError> {
        let page = self.page(&place.tree, place.index)?;
        Ok(page.and_then(|page| Some(Arc::clone(page.since(place.index).next()?.1))))
    }

    /// How many entries a directory has.
    pub fn length(&self, tree: &BlobId) -> Result<u64, RepoError> {
        let step = Step::root(tree);
        match self.part(&step)?.as_ref() {
            Part::Entries(entries) => Ok(entries.len() as u64),
            Part::Children { children, .. } => {
                Ok(children.iter().map(|child| child.entries).fold(0, u64::saturating_add))
            }
            Part::Chunks(_) => Err(step.malformed("it is no piece")),
        }
    }

    /// A piece that is what the one above says of it.
    fn part(&self, step: &Step) -> Result<Arc<Part>, RepoError> {
        let part = self.pieces.get(step.id, || {
            let part = Part::from(self.reader.piece(&step.id)?);
            let bytes = part.bytes();
            Ok::<_, RepoError>((Arc::new(part), bytes))
        })?;
        let (level, entries) = match part.as_ref() {
            Part::Entries(entries) => (0, Some(entries.len() as u64)),
            Part::Children { level, .. } => (*level, None),
            Part::Chunks(_) => return Err(step.malformed("it is no piece")),
        };
        match step.expected {
            Some((expected, _)) if level != expected => {
                Err(step.malformed("its level is another than the one above says"))
            }
            Some((_, count)) if entries.is_some_and(|entries| entries != count) => {
                Err(step.malformed("it has not as many entries as the one above says"))
            }
            _ => Ok(part),
        }
    }

    /// A list of chunks, kept beside the pieces.
    pub(super) fn chunk_list(&self, id: &BlobId, length: u64) -> Result<Arc<Part>, RepoError> {
        self.pieces.get(*id, || {
            let part = Part::Chunks(self.reader.chunk_list(id, length)?);
            let bytes = part.bytes();
            Ok((Arc::new(part), bytes))
        })
    }
}

/// The child that holds number `index`, where the first child begins with number `first`; and
/// the number that it begins with.
fn holding(children: &[ChildPiece], first: u64, index: u64) -> Option<(&ChildPiece, u64)> {
    let mut start = first;
    for child in children {
        let end = start.saturating_add(child.entries);
        if index < end {
            return Some((child, start));
        }
        start = end;
    }
    None
}

/// A piece on the way down, with the level and the number of entries that it must have.
struct Step {
    id: BlobId,
    expected: Option<(u8, u64)>,
}

impl Step {
    fn root(id: &BlobId) -> Self {
        Self { id: *id, expected: None }
    }

    fn below(level: u8, child: &ChildPiece) -> Self {
        Self { id: child.id, expected: Some((level.saturating_sub(1), child.entries)) }
    }

    fn malformed(&self, why: &str) -> RepoError {
        RepoError::Damaged { name: format!("tree blob {}", self.id), why: why.to_owned() }
    }
}

impl From<Piece> for Part {
    fn from(piece: Piece) -> Self {
        match piece.items {
            PieceItems::Entries(entries) => {
                Self::Entries(entries.into_iter().map(Arc::new).collect())
            }
            PieceItems::Children(children) => Self::Children { level: piece.level, children },
        }
    }
}

impl Part {
    /// About so much memory.
    fn bytes(&self) -> usize {
        let sum = |sizes: &mut dyn Iterator<Item = usize>| {
            sizes.fold(size_of::<Self>(), usize::saturating_add)
        };
        match self {
            Self::Entries(entries) => sum(&mut entries.iter().map(|entry| entry_bytes(entry))),
            Self::Children { children, .. } => {
                sum(&mut children.iter().map(|child| 80_usize.saturating_add(child.last.len())))
            }
            Self::Chunks(tree) => tree_bytes(tree),
        }
    }
}

fn tree_bytes(tree: &ChunkTree) -> usize {
    tree.nodes.len().saturating_mul(48)
}

fn entry_bytes(entry: &Entry) -> usize {
    let content = match &entry.kind {
        Kind::File(file) => {
            file.holes.len().saturating_mul(16).saturating_add(tree_bytes(&file.chunks))
        }
        Kind::Symlink { target } => target.len(),
        Kind::Collection(collection) => {
            let indexes: usize = collection.indexes.iter().map(Vec::len).sum();
            let content = match &collection.content {
                Documents::Tree(_) => 0,
                Documents::Stream(chunks) => tree_bytes(chunks),
            };
            collection.options.len().saturating_add(indexes).saturating_add(content)
        }
        Kind::View { options } => options.len(),
        _ => 0,
    };
    let attributes = entry.metadata.attributes.iter().map(|attribute| {
        let value = match &attribute.value {
            AttributeValue::Inline(value) => value.len(),
            AttributeValue::Chunks(tree) => tree_bytes(tree),
        };
        value.saturating_add(attribute.name.len()).saturating_add(96)
    });
    let group = entry.link_group.as_ref().map_or(0, |group| group.bytes().len());
    let names = entry.name.bytes().len().saturating_add(group).saturating_add(64);
    attributes
        .fold(content, usize::saturating_add)
        .saturating_add(names)
        .saturating_add(size_of::<Entry>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn child(last: &[u8], entries: u64) -> ChildPiece {
        ChildPiece::of(BlobId::new([1; 32]), last.to_vec(), entries)
    }

    #[test]
    fn the_child_that_holds_a_number_is_found() {
        let children = [child(b"b", 2), child(b"d", 0), child(b"f", 3)];
        let found =
            |index| holding(&children, 10, index).map(|(child, start)| (child.last[0], start));
        assert_eq!(found(10), Some((b'b', 10)));
        assert_eq!(found(11), Some((b'b', 10)));
        assert_eq!(found(12), Some((b'f', 12)));
        assert_eq!(found(14), Some((b'f', 12)));
        assert_eq!(found(15), None);
    }
}
