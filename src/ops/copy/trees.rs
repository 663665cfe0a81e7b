//! Trees, from the leaves to the root: each blob with the ids that the other repository has.
//! Pieces and lists keep their cuts. So one that was cut with the same chunk key is, byte for
//! byte, what a backup into the other repository would have made.

use super::CopyError;
use super::known::Ids;
use super::node::Node;
use crate::codec::{BlobClass, Compressor};
use crate::model::{BlobId, Monitor};
use crate::ops::live::LiveBlobs;
use crate::repo::{BlobIndex, BlobReader, RepoError, Session};

/// Stores trees in the other repository.
pub struct TreeCopy<'a> {
    pub reader: &'a BlobReader,
    pub session: &'a Session,
    pub index: &'a BlobIndex,
    pub ids: &'a Ids,
    /// Trees that need not be looked into: their ids are known, and they are there.
    pub done: LiveBlobs,
    pub compressor: Compressor,
    pub monitor: &'a dyn Monitor,
}

impl TreeCopy<'_> {
    /// Stores the tree and all below; the ids of all data must be known. Returns its id there.
    /// Each blob is read once, or twice if it has others below it; memory: ids of what waits.
    pub fn run(mut self, root: BlobId) -> Result<BlobId, CopyError> {
        let mut stack = vec![Node::Piece(root)];
        while let Some(node) = stack.last().copied() {
            if self.done.contains(self.index, &node.id()) {
                stack.pop();
                continue;
            }
            if self.monitor.stopped() {
                return Err(CopyError::Source(RepoError::Stopped));
            }
            let content = node.read(self.reader).map_err(CopyError::Source)?;
            let mut below = content.links().trees;
            below.retain(|node| !self.done.contains(self.index, &node.id()));
            if below.is_empty() {
                let translated = content.translated(&|id| self.ids.get(id)).ok_or_else(unknown)?;
                self.save(&node, &translated.encode()).map_err(CopyError::Target)?;
                stack.pop();
            } else {
                stack.extend(below);
            }
        }
        self.ids.get(&root).ok_or_else(unknown)
    }

    fn save(&mut self, node: &Node, plain: &[u8]) -> Result<(), RepoError> {
        self.session.sign_of_life()?;
        let id = self.session.save(BlobClass::Tree, plain, &mut self.compressor)?;
        self.ids.set(&node.id(), id);
        self.done.mark(self.index, &node.id());
        Ok(())
    }
}

fn unknown() -> CopyError {
    CopyError::Source(RepoError::Earlier("a blob was not copied before its tree".to_string()))
}
