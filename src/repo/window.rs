//! A part of a piece of a tree, in memory. Walks hold one piece for each directory that they are
//! in: where those are more, or larger, than they ever are, a part of each has to do.

use super::RepoError;
use super::reader::BlobReader;
use crate::format::{ChildPiece, Piece, PieceItems};
use crate::model::{AttributeValue, BlobId, ChunkRef, ChunkTree, Entry, Extent, Kind};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes that the walks of one reader hold whole pieces in.
const MOST_HELD: usize = 96 << 20;
/// Bytes of each part beyond that.
const LEAST_HELD: usize = 2 << 10;

/// Bytes that all walks of a reader hold, about.
#[derive(Default)]
pub(super) struct Held(AtomicUsize);

/// The items of a piece, in order. Where memory is scarce the piece is read again for every few.
pub struct Window<'a, T: Item> {
    reader: &'a BlobReader,
    piece: BlobId,
    items: VecDeque<T>,
    /// How many were taken out of the piece so far, and how many it has.
    taken: usize,
    all: usize,
    held: usize,
}

/// What a piece consists of.
pub trait Item: Sized {
    fn of(items: PieceItems) -> Vec<Self>;
    /// Bytes in memory, about.
    fn size(&self) -> usize;
}

impl<'a, T: Item> Window<'a, T> {
    /// Of what was read of this piece.
    pub fn new(reader: &'a BlobReader, piece: BlobId, items: PieceItems) -> Self {
        let mut window = Self { reader, piece, items: VecDeque::new(), taken: 0, all: 0, held: 0 };
        let items = T::of(items);
        window.all = items.len();
        window.fill(items);
        window
    }

    fn fill(&mut self, items: Vec<T>) {
        self.release();
        let held = self.reader.held.0.load(Ordering::Relaxed);
        let mut size = 0;
        for item in items.into_iter().skip(self.taken) {
            let larger = size + item.size();
            if size > 0 && larger > LEAST_HELD && held.saturating_add(larger) > MOST_HELD {
                break;
            }
            size = larger;
            self.items.push_back(item);
        }
        self.taken += self.items.len();
        self.held = size;
        self.reader.held.0.fetch_add(size, Ordering::Relaxed);
    }

    fn release(&mut self) {
        self.reader.held.0.fetch_sub(self.held, Ordering::Relaxed);
        self.held = 0;
    }

    /// The next one. After an error there is none.
    pub fn take_next(&mut self) -> Result<Option<T>, RepoError> {
        self.peek()?;
        Ok(self.items.pop_front())
    }

    /// The next one, which stays the next.
    pub fn peek(&mut self) -> Result<Option<&T>, RepoError> {
        if self.items.is_empty() && self.taken < self.all {
            match self.reader.piece(&self.piece) {
                Ok(Piece { items, .. }) => self.fill(T::of(items)),
                Err(error) => {
                    self.taken = self.all;
                    return Err(error);
                }
            }
        }
        Ok(self.items.front())
    }
}

impl<T: Item> Drop for Window<'_, T> {
    fn drop(&mut self) {
        self.release();
    }
}

impl Item for ChildPiece {
    fn of(items: PieceItems) -> Vec<Self> {
        match items {
            PieceItems::Children(children) => children,
            PieceItems::Entries(_) => Vec::new(),
        }
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.last.len() + nodes(&self.chunks)
    }
}

impl Item for Entry {
    fn of(items: PieceItems) -> Vec<Self> {
        match items {
            PieceItems::Entries(entries) => entries,
            PieceItems::Children(_) => Vec::new(),
        }
    }

    fn size(&self) -> usize {
        let kind = match &self.kind {
            Kind::File(file) => nodes(&file.chunks) + file.holes.len() * size_of::<Extent>(),
            Kind::Symlink { target } => target.len(),
            Kind::Collection(collection) => {
                let indexes: usize = collection.indexes.iter().map(|index| index.len() + 32).sum();
                collection.options.len() + indexes
            }
            Kind::View { options } => options.len(),
            _ => 0,
        };
        let metadata = &self.metadata;
        let attributes = metadata.attributes.iter().map(|attribute| {
            let value = match &attribute.value {
                AttributeValue::Inline(value) => value.len(),
                AttributeValue::Chunks(chunks) => nodes(chunks),
            };
            96 + attribute.name.len() + value
        });
        let names = metadata.user_name.len() + metadata.group_name.len() + self.name.bytes().len();
        let group = self.link_group.as_ref().map_or(0, |path| path.bytes().len());
        size_of::<Self>() + kind + attributes.sum::<usize>() + names + group
    }
}

fn nodes(chunks: &ChunkTree) -> usize {
    chunks.nodes.len() * size_of::<ChunkRef>()
}
