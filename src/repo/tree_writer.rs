//! Writes trees: entries in order, cut into pieces by their names, pieces of pieces, one root.

use super::RepoError;
use super::repository::Repository;
use super::scratch::BlobSink;
use super::tree_levels::TreeLevels;
use crate::codec::{BlobClass, Compressor};
use crate::format::{ChildPiece, ChunkList, Piece, encode_entry};
use crate::model::{BlobId, ChunkRef, ChunkTree, Entry};

/// A piece below this many bytes is not cut.
const LEAST_PIECE: usize = 16 * 1024;
/// A piece is cut when it has this many bytes, wherever it is.
const LARGEST_PIECE: usize = 512 * 1024;

/// The tree of one directory, being written. Memory: one piece a level.
#[derive(Default)]
pub struct TreeWriter {
    leaf: Vec<u8>,
    count: usize,
    last: Vec<u8>,
    levels: TreeLevels,
}

/// What a tree is written with: a session, or what stands for one, and a compressor.
pub struct TreeSink<'a> {
    pub session: &'a dyn BlobSink,
    pub compressor: &'a mut Compressor,
}

impl TreeSink<'_> {
    pub(super) fn save(&mut self, plain: &[u8]) -> Result<BlobId, RepoError> {
        self.session.save(BlobClass::Tree, plain, self.compressor)
    }

    pub(super) fn ends_after(&self, level: u8, key: &[u8], size: usize) -> bool {
        let repository: &Repository = self.session.repository();
        size >= LARGEST_PIECE
            || size >= LEAST_PIECE && repository.directory_cutter().ends_after(level, key)
    }
}

impl TreeWriter {
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an entry; its name must come after all before.
    pub fn push(&mut self, entry: &Entry, sink: &mut TreeSink<'_>) -> Result<(), RepoError> {
        self.leaf.extend_from_slice(&encode_entry(entry));
        self.count += 1;
        self.last.clear();
        self.last.extend_from_slice(entry.name.bytes());
        match sink.ends_after(0, &self.last, self.leaf.len()) {
            true => self.close_leaf(sink),
            false => Ok(()),
        }
    }

    fn close_leaf(&mut self, sink: &mut TreeSink<'_>) -> Result<(), RepoError> {
        let id = sink.save(&Piece::encode_entries(self.count, &self.leaf))?;
        let (last, entries) = (self.last.clone(), self.count as u64);
        self.leaf.clear();
        self.count = 0;
        self.levels.add(ChildPiece { last, id, entries, chunks: ChunkTree::default() }, sink)
    }

    /// Closes what is open, level by level, until one piece is left: the root.
    pub fn finish(mut self, sink: &mut TreeSink<'_>) -> Result<BlobId, RepoError> {
        if self.count > 0 && !self.levels.is_empty() {
            self.close_leaf(sink)?;
        }
        match self.levels.finish(false, sink)? {
            Some(root) => Ok(root),
            None => sink.save(&Piece::encode_entries(self.count, &self.leaf)),
        }
    }
}

/// The chunks of one file, being gathered; more than [`ChunkTree::WIDEST`] become lists.
#[derive(Default)]
pub struct ChunkTreeWriter {
    /// Nodes of depth n that are not in a list yet.
    levels: Vec<Vec<ChunkRef>>,
}

impl ChunkTreeWriter {
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the next chunk of the file.
    pub fn push(&mut self, chunk: ChunkRef, sink: &mut TreeSink<'_>) -> Result<(), RepoError> {
        let mut node = chunk;
        for depth in 0.. {
            if self.levels.len() == depth {
                self.levels.push(Vec::new());
            }
            let level = &mut self.levels[depth];
            if level.len() < ChunkTree::WIDEST {
                level.push(node);
                return Ok(());
            }
            let full = std::mem::replace(level, vec![node]);
            node = save_list(depth as u8, full, sink)?;
        }
        Ok(())
    }

    /// The whole file.
    pub fn finish(mut self, sink: &mut TreeSink<'_>) -> Result<ChunkTree, RepoError> {
        let Some(mut nodes) = self.levels.pop() else { return Ok(ChunkTree::default()) };
        let top = self.levels.len();
        // What is left below becomes one list each, put after what came before it.
        let mut carried: Option<ChunkRef> = None;
        for (depth, mut left) in self.levels.drain(..).enumerate() {
            left.extend(carried.take());
            carried = Some(save_list(depth as u8, left, sink)?);
        }
        nodes.extend(carried);
        Ok(ChunkTree { depth: top as u8, nodes })
    }
}

fn save_list(
    depth: u8,
    nodes: Vec<ChunkRef>,
    sink: &mut TreeSink<'_>,
) -> Result<ChunkRef, RepoError> {
    let length = nodes.iter().map(|node| node.length).sum();
    let id = sink.save(&ChunkList::encode(&ChunkTree { depth, nodes }))?;
    Ok(ChunkRef { id, length })
}
