//! The pieces of one tree of documents: its leaves and large documents, in order.

use super::RepoError;
use super::reader::BlobReader;
use crate::format::{ChildPiece, PieceItems};
use crate::model::BlobId;

/// A leaf, or a large document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentPiece {
    /// The last key of the piece before; empty for the first.
    pub after: Vec<u8>,
    pub child: ChildPiece,
}

/// The pieces of one tree. Memory: one list a level.
pub struct DocumentPieces<'a> {
    reader: &'a BlobReader,
    /// Pieces still to come, the next one last; with the level that each must have.
    pending: Vec<(u8, ChildPiece)>,
    last: Vec<u8>,
}

impl BlobReader {
    /// The pieces of the tree of documents with this root.
    pub fn document_pieces(&self, root: &BlobId) -> Result<DocumentPieces<'_>, RepoError> {
        let mut pieces = DocumentPieces { reader: self, pending: Vec::new(), last: Vec::new() };
        pieces.expand(root, None)?;
        Ok(pieces)
    }
}

impl DocumentPieces<'_> {
    /// Passes over what ends before a key. Of lists it reads those on the way to that key.
    pub fn seek(&mut self, key: &[u8]) -> Result<(), RepoError> {
        while let Some((level, child)) =
            self.pending.pop_if(|(level, child)| *level > 0 || child.last.as_slice() < key)
        {
            match child.last.as_slice() < key {
                true => drop(self.pass(child.last)?),
                false => self.expand(&child.id, Some(level))?,
            }
        }
        Ok(())
    }

    /// The last key of the pieces so far.
    pub(super) fn passed(&self) -> &[u8] {
        &self.last
    }

    /// Goes behind a piece that ends with this key; returns where the one before it ended.
    fn pass(&mut self, last: Vec<u8>) -> Result<Vec<u8>, RepoError> {
        if last <= self.last {
            self.pending.clear();
            let why = "the keys of its pieces are not ascending".to_string();
            return Err(RepoError::Damaged { name: "a collection".to_string(), why });
        }
        Ok(std::mem::replace(&mut self.last, last))
    }

    fn expand(&mut self, id: &BlobId, level: Option<u8>) -> Result<(), RepoError> {
        let piece = self.reader.piece(id)?;
        let damaged = |why: &str| {
            Err(RepoError::Damaged { name: format!("tree blob {id}"), why: why.to_string() })
        };
        if level.is_some_and(|level| level != piece.level) {
            return damaged("its level is another than the one above says");
        }
        match piece.items {
            PieceItems::Entries(_) => damaged("it holds entries, and stands for a collection"),
            PieceItems::Children(children) => {
                let below = piece.level - 1;
                self.pending.extend(children.into_iter().rev().map(|child| (below, child)));
                Ok(())
            }
        }
    }

    fn try_next(&mut self) -> Result<Option<DocumentPiece>, RepoError> {
        while let Some((level, child)) = self.pending.pop() {
            if level > 0 {
                self.expand(&child.id, Some(level))?;
                continue;
            }
            let after = self.pass(child.last.clone())?;
            return Ok(Some(DocumentPiece { after, child }));
        }
        Ok(None)
    }
}

impl Iterator for DocumentPieces<'_> {
    type Item = Result<DocumentPiece, RepoError>;

    /// After an error, where a piece cannot be read, those that come after it may still be asked
    /// for.
    fn next(&mut self) -> Option<Self::Item> {
        self.try_next().transpose()
    }
}

impl DocumentPiece {
    /// Whether a key would be in it.
    pub fn covers(&self, key: &[u8]) -> bool {
        let last = self.child.last.as_slice();
        self.after.as_slice() < key && (key == last || key < last && !self.is_large())
    }

    /// Whether it is one document, kept in chunks.
    pub fn is_large(&self) -> bool {
        !self.child.chunks.nodes.is_empty()
    }
}
