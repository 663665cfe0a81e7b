//! Writes collections: documents in the order of their keys are cut into leaves, and the leaves
//! become a tree.

use super::RepoError;
use super::repository::Repository;
use super::tree_levels::TreeLevels;
use super::tree_writer::TreeSink;
use crate::format::{ChildPiece, DocumentLeaf};
use crate::model::{BlobId, ChunkTree};

/// A leaf below this many bytes of documents is not cut, unless a large document follows.
const LEAST_LEAF: usize = 64 * 1024;
/// A leaf is cut when it has this many bytes, wherever it is.
const LARGEST_LEAF: usize = 1 << 20;
/// A document above this is no part of a leaf: it is kept in chunks, like a file.
const LARGEST_INLINE: usize = 1 << 20;

/// A key that does not come after the one before: nothing was added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the documents do not come in the order of their keys")]
pub struct OutOfOrder;

/// What becomes one child in the tree's lowest list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CutDocuments {
    /// `plain` is the content of a data blob.
    Leaf { last: Vec<u8>, count: u64, plain: Vec<u8> },
    /// One document, to be cut into chunks.
    Large { key: Vec<u8>, document: Vec<u8> },
}

/// Cuts documents into leaves. Memory: one leaf.
pub struct LeafCutter<'a> {
    repository: &'a Repository,
    leaf: DocumentLeaf,
    /// What the leaf has, in bytes.
    size: usize,
    count: u64,
    last: Option<Vec<u8>>,
}

impl<'a> LeafCutter<'a> {
    pub fn new(repository: &'a Repository) -> Self {
        Self { repository, leaf: DocumentLeaf::default(), size: 0, count: 0, last: None }
    }

    /// Adds a document; its key must come after all before. What is complete with that goes to
    /// `cut`: nothing, a leaf, or a leaf and a large document.
    pub fn push(
        &mut self,
        key: Vec<u8>,
        document: &[u8],
        cut: &mut Vec<CutDocuments>,
    ) -> Result<(), OutOfOrder> {
        self.is_next(&key)?;
        if document.len() > LARGEST_INLINE {
            cut.extend(self.end());
            cut.push(CutDocuments::Large { key: key.clone(), document: document.to_vec() });
            self.last = Some(key);
            return Ok(());
        }
        self.leaf.documents.extend_from_slice(document);
        self.added(key, document.len(), cut);
        Ok(())
    }

    /// Adds a key that is deleted: in overlays only.
    pub fn delete(&mut self, key: Vec<u8>, cut: &mut Vec<CutDocuments>) -> Result<(), OutOfOrder> {
        self.is_next(&key)?;
        self.leaf.deleted.push(key.clone());
        let size = key.len();
        self.added(key, size, cut);
        Ok(())
    }

    fn is_next(&self, key: &[u8]) -> Result<(), OutOfOrder> {
        match self.last.as_ref().is_some_and(|last| last.as_slice() >= key) {
            true => Err(OutOfOrder),
            false => Ok(()),
        }
    }

    fn added(&mut self, key: Vec<u8>, size: usize, cut: &mut Vec<CutDocuments>) {
        self.count += 1;
        self.size += size;
        let cutter = self.repository.collection_cutter();
        let ends = self.size >= LARGEST_LEAF
            || self.size >= LEAST_LEAF && cutter.ends_after_size(0, &key, size);
        self.last = Some(key);
        if ends {
            cut.extend(self.end());
        }
    }

    /// The leaf that is open, if it has anything.
    pub fn end(&mut self) -> Option<CutDocuments> {
        let leaf = std::mem::take(&mut self.leaf);
        self.size = 0;
        let count = std::mem::take(&mut self.count);
        let last = self.last.clone().unwrap_or_default();
        (count > 0).then(|| CutDocuments::Leaf { last, count, plain: leaf.encode() })
    }
}

/// The tree above leaves that are stored. Memory: one piece a level.
#[derive(Default)]
pub struct DocumentTreeWriter(TreeLevels);

impl DocumentTreeWriter {
    pub fn new() -> Self {
        Self::default()
    }

    /// The next leaf, by the blob that it was stored as.
    pub fn leaf(
        &mut self,
        last: Vec<u8>,
        count: u64,
        id: BlobId,
        sink: &mut TreeSink<'_>,
    ) -> Result<(), RepoError> {
        let chunks = ChunkTree::default();
        self.0.add(ChildPiece { last, id, entries: count, chunks }, sink)
    }

    /// The next document, by the chunks that it was stored as.
    pub fn large(
        &mut self,
        key: Vec<u8>,
        chunks: ChunkTree,
        sink: &mut TreeSink<'_>,
    ) -> Result<(), RepoError> {
        let id = BlobId::new([0; BlobId::LENGTH]);
        self.0.add(ChildPiece { last: key, id, entries: 1, chunks }, sink)
    }

    /// The next piece, as another tree has it.
    pub fn kept(&mut self, child: ChildPiece, sink: &mut TreeSink<'_>) -> Result<(), RepoError> {
        self.0.add(child, sink)
    }

    /// The root, which is a list always; `None` for a collection without documents.
    pub fn finish(self, sink: &mut TreeSink<'_>) -> Result<Option<BlobId>, RepoError> {
        self.0.finish(true, sink)
    }
}
