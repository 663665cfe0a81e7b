//! The upper levels of a tree that is being written: lists of pieces, cut as pieces are.

use super::RepoError;
use super::tree_writer::TreeSink;
use crate::format::{ChildPiece, Piece};
use crate::model::{BlobId, ChunkTree};

/// More levels than a directory of all files in the world needs.
const MOST_LEVELS: usize = 16;

/// Takes the pieces of level 0 in order. Memory: one piece a level.
#[derive(Default)]
pub struct TreeLevels {
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

impl TreeLevels {
    pub fn is_empty(&self) -> bool {
        self.levels.is_empty()
    }

    /// Adds a piece of level 0.
    pub fn add(&mut self, child: ChildPiece, sink: &mut TreeSink<'_>) -> Result<(), RepoError> {
        self.add_at(0, child, sink)
    }

    /// Adds a piece to the list above it, which may be full then, and so on upwards.
    fn add_at(
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
            open.size += child.last.len() + 48 + 48 * child.chunks.nodes.len();
            let ends = sink.ends_after(level as u8 + 1, &child.last, open.size);
            open.children.push(child);
            if !ends {
                return Ok(());
            }
            child = close(open, level, sink)?;
            open.closed = true;
            level += 1;
        }
        Ok(())
    }

    /// Closes what is open, level by level, until one piece is left: the root; `None` if there
    /// was none at all. `with_list` demands a list also above a single piece of level 0.
    pub fn finish(
        mut self,
        with_list: bool,
        sink: &mut TreeSink<'_>,
    ) -> Result<Option<BlobId>, RepoError> {
        let mut level = 0;
        while level < self.levels.len() {
            let is_top = level + 1 == self.levels.len();
            let open = &mut self.levels[level];
            match open.children.as_slice() {
                // One piece that nothing stands beside needs no list.
                [only] if is_top && !open.closed && (level > 0 || !with_list) => {
                    return Ok(Some(only.id));
                }
                [] => {}
                _ => {
                    let child = close(open, level, sink)?;
                    if is_top && !self.levels[level].closed {
                        return Ok(Some(child.id));
                    }
                    self.add_at(level + 1, child, sink)?;
                }
            }
            level += 1;
        }
        Ok(None)
    }
}

fn close(
    open: &mut OpenLevel,
    level: usize,
    sink: &mut TreeSink<'_>,
) -> Result<ChildPiece, RepoError> {
    let children = std::mem::take(&mut open.children);
    open.size = 0;
    let id = sink.save(&Piece::encode_children(level as u8 + 1, &children))?;
    let entries = children.iter().map(|child| child.entries).sum();
    let last = children.last().map(|child| child.last.clone()).unwrap_or_default();
    Ok(ChildPiece { last, id, entries, chunks: ChunkTree::default() })
}
