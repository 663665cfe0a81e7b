//! Which blobs are needed: everything that can be reached from a set of snapshots.

use crate::format::{ChildPiece, Piece, PieceItems};
use crate::model::{
    AttributeValue, BlobId, ChunkTree, Directory, Documents, Entry, Kind, Monitor, Snapshot,
};
use crate::repo::{BlobIndex, BlobReader, RepoError};
use std::collections::HashSet;

/// The blobs that snapshots need, as marks on the lines of an index: one bit a line.
pub struct LiveBlobs {
    /// The first line of each blob that is needed.
    marked: Vec<u64>,
    /// Needed, and in no line.
    missing: HashSet<BlobId>,
}

/// Something still to be looked into.
enum Pending {
    Piece(BlobId),
    /// A list of pieces of a collection.
    Documents(BlobId),
    List {
        id: BlobId,
        length: u64,
        depth: u8,
    },
}

impl LiveBlobs {
    pub fn new(index: &BlobIndex) -> Self {
        Self { marked: vec![0; index.len().div_ceil(64)], missing: HashSet::new() }
    }

    /// Whether the blob whose first line is `line` is needed.
    pub fn is_marked(&self, line: usize) -> bool {
        self.marked.get(line / 64).is_some_and(|word| word >> (line % 64) & 1 == 1)
    }

    /// Needed blobs that no index line names.
    pub fn missing(&self) -> &HashSet<BlobId> {
        &self.missing
    }

    /// Marks a blob; false if it was marked before.
    pub fn mark(&mut self, index: &BlobIndex, id: &BlobId) -> bool {
        let lines = index.lines_of(id);
        if lines.is_empty() {
            return self.missing.insert(*id);
        }
        let (word, bit) = (lines.start / 64, 1 << (lines.start % 64));
        let is_new = self.marked[word] & bit == 0;
        self.marked[word] |= bit;
        is_new
    }

    /// Marks everything that `snapshots` need. Each tree is read once, however many snapshots
    /// have it. A tree that cannot be read is an error: below it all is unknown. But a snapshot
    /// that was forgotten meanwhile needs nothing.
    pub fn of_snapshots(
        reader: &BlobReader,
        index: &BlobIndex,
        snapshots: &[Snapshot],
        monitor: &dyn Monitor,
    ) -> Result<Self, RepoError> {
        let mut snapshots: Vec<&Snapshot> = snapshots.iter().collect();
        loop {
            // From the start, also again: trees that are shared were left half-way.
            let mut live = Self::new(index);
            let failed = snapshots.iter().find_map(|snapshot| {
                let marked = live.mark_snapshot(reader, index, snapshot, monitor);
                marked.err().map(|error| (snapshot.id, error))
            });
            match failed {
                None => return Ok(live),
                Some((id, error)) if error.is_damage() && !reader.repository().is_live(id)? => {
                    snapshots.retain(|snapshot| snapshot.id != id);
                }
                Some((_, error)) => return Err(error),
            }
        }
    }

    fn mark_snapshot(
        &mut self,
        reader: &BlobReader,
        index: &BlobIndex,
        snapshot: &Snapshot,
        monitor: &dyn Monitor,
    ) -> Result<(), RepoError> {
        self.mark(index, &reader.repository().payload_id(snapshot));
        self.mark_tree(reader, index, snapshot.tree, monitor)
    }

    fn mark_tree(
        &mut self,
        reader: &BlobReader,
        index: &BlobIndex,
        root: BlobId,
        monitor: &dyn Monitor,
    ) -> Result<(), RepoError> {
        let mut pending = vec![Pending::Piece(root)];
        while let Some(next) = pending.pop() {
            let (Pending::Piece(id) | Pending::Documents(id) | Pending::List { id, .. }) = &next;
            if !self.mark(index, id) {
                continue;
            }
            if monitor.stopped() {
                return Err(RepoError::Stopped);
            }
            match next {
                Pending::Piece(id) => self.mark_piece(reader, index, &id, &mut pending)?,
                Pending::Documents(id) => self.mark_documents(reader, index, &id, &mut pending)?,
                Pending::List { id, length, depth } => {
                    let list = reader.chunk_list(&id, length)?;
                    if list.depth + 1 != depth {
                        let why = "its depth is another".to_string();
                        return Err(RepoError::Damaged { name: format!("tree blob {id}"), why });
                    }
                    self.mark_chunks(index, &list, &mut pending);
                }
            }
        }
        Ok(())
    }

    fn mark_piece(
        &mut self,
        reader: &BlobReader,
        index: &BlobIndex,
        id: &BlobId,
        pending: &mut Vec<Pending>,
    ) -> Result<(), RepoError> {
        let piece = reader.piece(id)?;
        match piece.items {
            PieceItems::Entries(entries) => {
                entries.iter().for_each(|entry| self.mark_entry(index, entry, pending));
            }
            PieceItems::Children(children) => {
                pending.extend(children.into_iter().map(|child| Pending::Piece(child.id)));
            }
        }
        Ok(())
    }

    /// The leaves are data, and are not looked into: the lowest list names all that is needed.
    fn mark_documents(
        &mut self,
        reader: &BlobReader,
        index: &BlobIndex,
        id: &BlobId,
        pending: &mut Vec<Pending>,
    ) -> Result<(), RepoError> {
        let piece = reader.piece(id)?;
        for child in collection_pieces(id, &piece)? {
            match (piece.level, child.chunks.nodes.is_empty()) {
                (1, true) => {
                    self.mark(index, &child.id);
                }
                (1, false) => self.mark_chunks(index, &child.chunks, pending),
                _ => pending.push(Pending::Documents(child.id)),
            }
        }
        Ok(())
    }

    fn mark_entry(&mut self, index: &BlobIndex, entry: &Entry, pending: &mut Vec<Pending>) {
        match &entry.kind {
            Kind::Directory(Directory { tree: Some(tree), .. }) => {
                pending.push(Pending::Piece(*tree));
            }
            Kind::File(file) => self.mark_chunks(index, &file.chunks, pending),
            Kind::Collection(collection) => match &collection.content {
                Documents::Tree(tree) => pending.extend(tree.map(Pending::Documents)),
                Documents::Stream(chunks) => self.mark_chunks(index, chunks, pending),
            },
            _ => {}
        }
        for attribute in &entry.metadata.attributes {
            if let AttributeValue::Chunks(chunks) = &attribute.value {
                self.mark_chunks(index, chunks, pending);
            }
        }
    }

    fn mark_chunks(&mut self, index: &BlobIndex, chunks: &ChunkTree, pending: &mut Vec<Pending>) {
        for node in &chunks.nodes {
            match chunks.depth {
                0 => {
                    self.mark(index, &node.id);
                }
                depth => pending.push(Pending::List { id: node.id, length: node.length, depth }),
            }
        }
    }
}

/// What a list of pieces of a collection names. Entries have no place there.
pub fn collection_pieces<'a>(id: &BlobId, piece: &'a Piece) -> Result<&'a [ChildPiece], RepoError> {
    match &piece.items {
        PieceItems::Children(children) => Ok(children),
        PieceItems::Entries(_) => Err(RepoError::Damaged {
            name: format!("tree blob {id}"),
            why: "it holds entries, and stands for a collection".to_string(),
        }),
    }
}
