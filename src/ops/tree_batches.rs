//! Trees are read many at a time where there are several workers.

use crate::format::{LARGEST_BLOB, Piece};
use crate::model::BlobId;
use crate::repo::{BlobIndex, BlobReader, RepoError};
use rayon::prelude::*;

/// Trees are read together until they are so long, in plain bytes, or so many.
const BYTES_AT_ONCE: u64 = 8 << 20;
const TREES_AT_ONCE: usize = 64;

/// What is read together.
pub struct Batch<T> {
    pub trees: Vec<T>,
    bytes: u64,
}

impl<T> Batch<T> {
    pub fn new() -> Self {
        Self { trees: Vec::new(), bytes: 0 }
    }

    pub fn is_full(&self) -> bool {
        self.trees.len() >= TREES_AT_ONCE || self.bytes >= BYTES_AT_ONCE
    }
}

/// Reads batches; one for any number of them.
pub struct TreeBatches<'a> {
    reader: &'a BlobReader,
    index: &'a BlobIndex,
    /// `None`: everything in order on the caller's thread.
    pool: Option<rayon::ThreadPool>,
}

impl<'a> TreeBatches<'a> {
    /// `index` says how long trees are; it may be older than what the reader has.
    pub fn new(reader: &'a BlobReader, index: &'a BlobIndex) -> Result<Self, RepoError> {
        let pool = match reader.repository().workers() {
            1 => None,
            workers => {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(workers).build();
                Some(pool.map_err(|error| RepoError::Earlier(error.to_string()))?)
            }
        };
        Ok(Self { reader, index, pool })
    }

    pub fn index(&self) -> &'a BlobIndex {
        self.index
    }

    pub fn reader(&self) -> &'a BlobReader {
        self.reader
    }

    /// Adds what needs the tree `id`.
    pub fn push<T>(&self, batch: &mut Batch<T>, id: &BlobId, tree: T) {
        batch.bytes += self.promised(id);
        batch.trees.push(tree);
    }

    /// How long a tree is in plain bytes, as the index says.
    fn promised(&self, id: &BlobId) -> u64 {
        self.index.find(id).next().map_or(LARGEST_BLOB as u64, |at| u64::from(at.place.plain))
    }

    /// What `read` makes of each, in their order.
    pub fn read<T: Sync, R: Send>(
        &self,
        batch: &Batch<T>,
        read: impl Fn(&T) -> R + Send + Sync,
    ) -> Vec<R> {
        match &self.pool {
            Some(pool) if batch.trees.len() > 1 => {
                pool.install(|| batch.trees.par_iter().map(read).collect())
            }
            _ => batch.trees.iter().map(read).collect(),
        }
    }

    /// A piece; `None` where it is longer than the index says: only one of those may be in memory
    /// at a time.
    pub fn piece(&self, id: &BlobId) -> Result<Option<Piece>, RepoError> {
        self.reader.piece_within(id, self.promised(id))
    }
}
