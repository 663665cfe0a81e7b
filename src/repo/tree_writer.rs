//! Writes trees: entries in order, cut into pieces by their names, pieces of pieces, one root.

use super::RepoError;
use super::repository::Repository;
use super::session::Session;
use crate::codec::{BlobClass, Compressor};
use crate::format::{ChildPiece, ChunkList, Piece, encode_entry};
use crate::model::{BlobId, ChunkRef, ChunkTree, Entry};

/// A piece below this many bytes is not cut.
const LEAST_PIECE: usize = 16 * 1024;
/// A piece is cut when it has this many bytes, wherever it is.
const LARGEST_PIECE: usize = 512 * 1024;
/// More levels than a directory of all files in the world needs.
const MOST_LEVELS: usize = 16;

/// The tree of one directory, being written. Memory: one piece a level.
#[derive(Default)]
pub struct TreeWriter {
    leaf: Vec<u8>,
    count: usize,
    last: Vec<u8>,
    /// Children that the open piece of level n + 1 has so far.
    levels: Vec<OpenLevel>,
}

#[derive(Default)]
struct OpenLevel {
    children: Vec<ChildPiece>,
    size: usize,
    /// A piece of this level was closed before: so there is a level above.
    closed: bool,
}

/// What a tree is written with: a session and a compressor.
pub struct TreeSink<'a> {
    pub session: &'a Session,
    pub compressor: &'a mut Compressor,
}

impl TreeSink<'_> {
    fn save(&mut self, plain: &[u8]) -> Result<BlobId, RepoError> {
        self.session.save(BlobClass::Tree, plain, self.compressor)
    }

    fn ends_after(&self, level: u8, key: &[u8], size: usize) -> bool {
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
        let child = ChildPiece { last: self.last.clone(), id, entries: self.count as u64 };
        self.leaf.clear();
        self.count = 0;
        self.add_child(0, child, sink)
    }

    /// Adds a piece to the list above it, which may be full then, and so on upwards.
    fn add_child(
        &mut self,
        mut level: usize,
        mut child: ChildPiece,
        sink: &mut TreeSink<'_>,
    ) -> Result<(), RepoError> {
        while level < MOST_LEVELS {
            if self.levels.len() == level {
                self.levels.push(OpenLevel::default());
            }
            let open = &mut self.levels[level];
            open.size += child.last.len() + 48;
            let ends = sink.ends_after(level as u8 + 1, &child.last, open.size);
            open.children.push(child);
            if !ends {
                return Ok(());
            }
            child = close_level(open, level, sink)?;
            open.closed = true;
            level += 1;
        }
        Ok(())
    }

    /// Closes what is open, level by level, until one piece is left: the root.
    pub fn finish(mut self, sink: &mut TreeSink<'_>) -> Result<BlobId, RepoError> {
        if self.levels.is_empty() {
            return sink.save(&Piece::encode_entries(self.count, &self.leaf));
        }
        if self.count > 0 {
            self.close_leaf(sink)?;
        }
        let mut level = 0;
        loop {
            let is_top = level + 1 == self.levels.len();
            let open = &mut self.levels[level];
            match open.children.as_slice() {
                // One piece that nothing stands beside needs no list.
                [only] if is_top && !open.closed => return Ok(only.id),
                [] => {}
                _ => {
                    let child = close_level(open, level, sink)?;
                    if is_top && !self.levels[level].closed {
                        return Ok(child.id);
                    }
                    self.add_child(level + 1, child, sink)?;
                }
            }
            level += 1;
        }
    }
}

fn close_level(
    open: &mut OpenLevel,
    level: usize,
    sink: &mut TreeSink<'_>,
) -> Result<ChildPiece, RepoError> {
    let children = std::mem::take(&mut open.children);
    open.size = 0;
    let id = sink.save(&Piece::encode_children(level as u8 + 1, &children))?;
    let entries = children.iter().map(|child| child.entries).sum();
    let last = children.last().map(|child| child.last.clone()).unwrap_or_default();
    Ok(ChildPiece { last, id, entries })
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
