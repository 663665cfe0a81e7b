//! A walk over everything that a tree reaches: trees, lists of chunks, chunks. Trees are read
//! many at a time where there are several workers.

use super::tree_batches::{Batch, TreeBatches};
use crate::format::{ChildPiece, Piece, PieceItems};
use crate::model::{AttributeValue, BlobId, ChunkTree, Directory, Documents, Entry, Kind, Monitor};
use crate::repo::{BlobIndex, BlobReader, RepoError};

/// Who is told what a walk meets.
pub trait Visitor {
    /// What is known of where something lies: a snapshot, say, or a folder.
    type Place: Copy + Send + Sync;

    /// A blob was met; whether it is new to the visitor.
    fn blob(&mut self, id: &BlobId, place: Self::Place) -> bool;

    /// Whether a directory is looked into, where its tree is new to the visitor or not. Who
    /// always does sees each entry of a snapshot, and takes as long as a listing of it.
    fn looks_into(&self, is_new: bool) -> bool {
        is_new
    }

    /// An entry was met in a directory that lies at `place`: where what belongs to it lies.
    fn entry(&mut self, _entry: &Entry, place: Self::Place) -> Self::Place {
        place
    }

    /// The blobs that an entry itself names were met; `is_new`: one of them was.
    fn entry_done(&mut self, _entry: &Entry, _place: Self::Place, _is_new: bool) {}
}

/// Something still to be read.
enum Pending<P> {
    Piece {
        id: BlobId,
        place: P,
    },
    /// A list of pieces of a collection.
    Documents {
        id: BlobId,
        place: P,
    },
    List {
        id: BlobId,
        length: u64,
        depth: u8,
        place: P,
    },
}

/// What was read.
enum Looked {
    Piece(PieceItems),
    Documents(Piece),
    List(ChunkTree),
    /// A piece that is longer than the index says: only one of those is in memory at a time.
    Longer,
}

impl<P: Copy> Pending<P> {
    fn id(&self) -> &BlobId {
        let (Pending::Piece { id, .. } | Pending::Documents { id, .. } | Pending::List { id, .. }) =
            self;
        id
    }

    fn place(&self) -> P {
        let (Pending::Piece { place, .. }
        | Pending::Documents { place, .. }
        | Pending::List { place, .. }) = self;
        *place
    }

    fn read(&self, trees: &TreeBatches<'_>) -> Result<Looked, RepoError> {
        let reader = trees.reader();
        match self {
            Pending::Piece { id, .. } => {
                Ok(trees.piece(id)?.map_or(Looked::Longer, |piece| Looked::Piece(piece.items)))
            }
            Pending::Documents { id, .. } => Ok(Looked::Documents(reader.piece(id)?)),
            Pending::List { id, length, depth, .. } => {
                let list = reader.chunk_list(id, *length)?;
                match list.depth.checked_add(1) == Some(*depth) {
                    true => Ok(Looked::List(list)),
                    false => Err(RepoError::Damaged {
                        name: format!("tree blob {id}"),
                        why: "its depth is another".to_string(),
                    }),
                }
            }
        }
    }
}

/// What walks need; one for any number of them.
pub struct Reach<'a> {
    trees: TreeBatches<'a>,
    monitor: &'a dyn Monitor,
}

impl<'a> Reach<'a> {
    /// `index` says how long trees are; it may be older than what the reader has.
    pub fn new(
        reader: &'a BlobReader,
        index: &'a BlobIndex,
        monitor: &'a dyn Monitor,
    ) -> Result<Self, RepoError> {
        Ok(Self { trees: TreeBatches::new(reader, index)?, monitor })
    }

    pub fn index(&self) -> &'a BlobIndex {
        self.trees.index()
    }

    pub fn reader(&self) -> &'a BlobReader {
        self.trees.reader()
    }

    /// Tells the visitor of the tree with this root piece and of everything below it. What it
    /// meets does not depend on the number of workers, nor does the order. A tree that cannot be
    /// read is an error: below it all is unknown.
    pub fn walk<V: Visitor>(
        &self,
        root: BlobId,
        place: V::Place,
        visitor: &mut V,
    ) -> Result<(), RepoError> {
        let mut walk = Walk { visitor, pending: Vec::new() };
        walk.piece(root, place);
        self.read_all(&mut walk)
    }

    /// The same of one entry, which lies at `place`.
    pub fn walk_entry<V: Visitor>(
        &self,
        entry: &Entry,
        place: V::Place,
        visitor: &mut V,
    ) -> Result<(), RepoError> {
        let mut walk = Walk { visitor, pending: Vec::new() };
        walk.entry(entry, place);
        self.read_all(&mut walk)
    }

    fn read_all<V: Visitor>(&self, walk: &mut Walk<'_, V>) -> Result<(), RepoError> {
        loop {
            if self.monitor.stopped() {
                return Err(RepoError::Stopped);
            }
            let batch = self.next_batch(&mut walk.pending);
            if batch.trees.is_empty() {
                return Ok(());
            }
            let looked = self.trees.read(&batch, |pending| pending.read(&self.trees));
            for (pending, looked) in batch.trees.iter().zip(looked) {
                match looked? {
                    Looked::Piece(items) => walk.piece_items(items, pending.place()),
                    Looked::Documents(piece) => {
                        walk.documents(pending.id(), &piece, pending.place())?
                    }
                    Looked::Longer => {
                        let piece = self.reader().piece(pending.id())?;
                        walk.piece_items(piece.items, pending.place());
                    }
                    Looked::List(list) => {
                        walk.chunks(&list, pending.place());
                    }
                }
            }
        }
    }

    /// The last ones: so a walk goes down before it goes on, and little is pending.
    fn next_batch<P: Copy>(&self, pending: &mut Vec<Pending<P>>) -> Batch<Pending<P>> {
        let mut batch = Batch::new();
        while !batch.is_full()
            && let Some(next) = pending.pop()
        {
            let id = *next.id();
            self.trees.push(&mut batch, &id, next);
        }
        batch
    }
}

struct Walk<'a, V: Visitor> {
    visitor: &'a mut V,
    pending: Vec<Pending<V::Place>>,
}

impl<V: Visitor> Walk<'_, V> {
    fn piece_items(&mut self, items: PieceItems, place: V::Place) {
        match items {
            PieceItems::Entries(entries) => {
                entries.iter().for_each(|entry| self.entry(entry, place));
            }
            PieceItems::Children(children) => {
                for child in children.iter().rev() {
                    self.piece(child.id, place);
                }
            }
        }
    }

    fn piece(&mut self, id: BlobId, place: V::Place) -> bool {
        let is_new = self.visitor.blob(&id, place);
        if self.visitor.looks_into(is_new) {
            self.pending.push(Pending::Piece { id, place });
        }
        is_new
    }

    fn entry(&mut self, entry: &Entry, place: V::Place) {
        let place = self.visitor.entry(entry, place);
        let mut is_new = false;
        match &entry.kind {
            Kind::Directory(Directory { tree: Some(tree), .. }) => {
                is_new |= self.piece(*tree, place);
            }
            Kind::File(file) => is_new |= self.chunks(&file.chunks, place),
            Kind::Collection(collection) => match &collection.content {
                Documents::Tree(tree) => {
                    for root in tree.roots() {
                        is_new |= self.document_list(root, place);
                    }
                }
                Documents::Stream(chunks) => is_new |= self.chunks(chunks, place),
            },
            Kind::Directory(_) | Kind::View { .. } | Kind::Symlink { .. } => {}
            Kind::CharacterDevice { .. } | Kind::BlockDevice { .. } | Kind::Fifo | Kind::Socket => {
            }
        }
        for attribute in &entry.metadata.attributes {
            if let AttributeValue::Chunks(chunks) = &attribute.value {
                is_new |= self.chunks(chunks, place);
            }
        }
        self.visitor.entry_done(entry, place, is_new);
    }

    fn document_list(&mut self, id: BlobId, place: V::Place) -> bool {
        let is_new = self.visitor.blob(&id, place);
        if is_new {
            self.pending.push(Pending::Documents { id, place });
        }
        is_new
    }

    /// The leaves are data, and are not looked into: the lowest list names all that is needed.
    fn documents(&mut self, id: &BlobId, piece: &Piece, place: V::Place) -> Result<(), RepoError> {
        for child in collection_pieces(id, piece)?.iter().rev() {
            match (piece.level, child.chunks.nodes.is_empty()) {
                (1, true) => {
                    self.visitor.blob(&child.id, place);
                }
                (1, false) => {
                    self.chunks(&child.chunks, place);
                }
                _ => {
                    self.document_list(child.id, place);
                }
            }
        }
        Ok(())
    }

    /// Whether one of them is new.
    fn chunks(&mut self, chunks: &ChunkTree, place: V::Place) -> bool {
        let mut any_new = false;
        for node in &chunks.nodes {
            let is_new = self.visitor.blob(&node.id, place);
            any_new |= is_new;
            if is_new && chunks.depth > 0 {
                let (id, length, depth) = (node.id, node.length, chunks.depth);
                self.pending.push(Pending::List { id, length, depth, place });
            }
        }
        any_new
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
