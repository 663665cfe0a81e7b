//! Reads collections in parts, each of which any thread can read.

use super::RepoError;
use super::reader::BlobReader;
use crate::codec::{BlobClass, Elements, document_key};
use crate::format::{ChildPiece, DocumentLeaf, LARGEST_DOCUMENT, PieceItems, documents};
use crate::model::{BlobId, ChunkTree};

/// A leaf of a collection, or a large document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentPart {
    /// The key before its first document's; empty for the first part.
    pub(super) after: Vec<u8>,
    pub(super) child: ChildPiece,
}

/// The parts of one collection, in order. Memory: one piece a level.
pub struct DocumentParts<'a> {
    reader: &'a BlobReader,
    /// Pieces still to come, the next one last; with the level that each must have.
    pending: Vec<(u8, ChildPiece)>,
    last: Vec<u8>,
}

impl BlobReader {
    /// The parts of the collection with this root.
    pub fn document_parts(&self, root: &BlobId) -> Result<DocumentParts<'_>, RepoError> {
        let mut parts = DocumentParts { reader: self, pending: Vec::new(), last: Vec::new() };
        parts.expand(root, None)?;
        Ok(parts)
    }

    /// The documents of a part, end to end, after proof that they are whole and have the keys
    /// that the tree says. Takes up to twice 16 MiB.
    pub fn documents(&self, part: &DocumentPart) -> Result<Vec<u8>, RepoError> {
        let DocumentPart { after, child } = part;
        let (bytes, name) = match child.chunks.nodes.is_empty() {
            true => (self.leaf(&child.id)?, format!("data blob {}", child.id)),
            false => (self.large_document(&child.chunks)?, "a large document".to_string()),
        };
        let proved = prove(&bytes, after, child);
        proved.map(|()| bytes).map_err(|why| RepoError::Damaged { name, why })
    }

    fn leaf(&self, id: &BlobId) -> Result<Vec<u8>, RepoError> {
        let plain = self.read(BlobClass::Data, id)?;
        DocumentLeaf::decode(&plain).map_err(|error| RepoError::Damaged {
            name: format!("data blob {id}"),
            why: error.to_string(),
        })
    }

    fn large_document(&self, chunks: &ChunkTree) -> Result<Vec<u8>, RepoError> {
        let damaged = |why: &str| RepoError::Damaged {
            name: "a large document".to_string(),
            why: why.to_string(),
        };
        let length = chunks.length().and_then(|length| usize::try_from(length).ok());
        let length = length.filter(|length| *length <= LARGEST_DOCUMENT);
        let length = length.ok_or_else(|| damaged("it is too long"))?;
        let mut bytes = Vec::with_capacity(length);
        self.each_chunk(chunks, &mut |chunk| {
            let plain = self.read(BlobClass::Data, &chunk.id)?;
            if plain.len() as u64 != chunk.length || bytes.len() + plain.len() > length {
                return Err(damaged("a chunk of it has another length"));
            }
            bytes.extend_from_slice(&plain);
            Ok(())
        })?;
        Ok(bytes)
    }
}

/// That documents are whole, as many as there should be, and ascend from after `after` to the
/// child's last key.
fn prove(bytes: &[u8], after: &[u8], child: &ChildPiece) -> Result<(), String> {
    let (mut last, mut count) = (after.to_vec(), 0_u64);
    for document in documents(bytes) {
        let document = document.map_err(|error| error.to_string())?;
        let key = key_of(document)?;
        if key <= last {
            return Err("its keys do not ascend".to_string());
        }
        last = key;
        count += 1;
    }
    match last == child.last && count == child.entries {
        true => Ok(()),
        false => Err("it does not end where the piece above says".to_string()),
    }
}

/// The canonical key of a document.
fn key_of(document: &[u8]) -> Result<Vec<u8>, String> {
    let id = Elements::new(document).and_then(|elements| elements.find(b"_id"));
    match id.map_err(|error| error.to_string())? {
        Some(id) => document_key(&id).map_err(|error| error.to_string()),
        None => Err("a document has no _id".to_string()),
    }
}

impl DocumentParts<'_> {
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

    fn try_next(&mut self) -> Result<Option<DocumentPart>, RepoError> {
        while let Some((level, child)) = self.pending.pop() {
            if level > 0 {
                self.expand(&child.id, Some(level))?;
                continue;
            }
            if child.last <= self.last {
                self.pending.clear();
                let why = "the keys of its pieces are not ascending".to_string();
                return Err(RepoError::Damaged { name: "a collection".to_string(), why });
            }
            let after = std::mem::replace(&mut self.last, child.last.clone());
            return Ok(Some(DocumentPart { after, child }));
        }
        Ok(None)
    }
}

impl Iterator for DocumentParts<'_> {
    type Item = Result<DocumentPart, RepoError>;

    /// After an error, where a piece cannot be read, those that come after it may still be asked
    /// for.
    fn next(&mut self) -> Option<Self::Item> {
        self.try_next().transpose()
    }
}

impl DocumentPart {
    /// How many documents it has.
    pub fn count(&self) -> u64 {
        self.child.entries
    }
}
