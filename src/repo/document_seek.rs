//! Finds documents by key, and passes over what two collections have in common.

use super::RepoError;
use super::document_layer;
use super::document_pieces::DocumentPiece;
use super::document_reader::{DocumentPart, DocumentParts};
use super::reader::BlobReader;
use crate::format::documents;
use crate::model::{Collection, Documents};

impl BlobReader {
    /// The parts of a collection whose documents are sorted by key; none if there are no
    /// documents, or they are a stream.
    pub fn parts_of(
        &self,
        collection: &Collection,
    ) -> Result<Option<DocumentParts<'_>>, RepoError> {
        match &collection.content {
            Documents::Tree(tree) => self.document_parts(tree).map(Some),
            Documents::Stream(_) => Ok(None),
        }
    }

    /// The document that has this key, in a collection that is sorted. Reads the lists of its
    /// tree up to there, and one part.
    pub fn find_document(
        &self,
        collection: &Collection,
        key: &[u8],
    ) -> Result<Option<Vec<u8>>, RepoError> {
        let Some(parts) = self.parts_of(collection)? else { return Ok(None) };
        for part in parts {
            let part = part?;
            if part.is_behind(key) {
                return Ok(None);
            }
            if part.covers(key) {
                return self.document_in(&part, key);
            }
        }
        Ok(None)
    }

    fn document_in(&self, part: &DocumentPart, key: &[u8]) -> Result<Option<Vec<u8>>, RepoError> {
        let bytes = self.documents(part)?;
        let mut whole = documents(&bytes).map_while(Result::ok);
        Ok(whole.find(|document| key_of(document).as_deref() == Some(key)).map(<[u8]>::to_vec))
    }
}

/// The key of a document; `None` if it has no usable `_id`.
pub fn key_of(document: &[u8]) -> Option<Vec<u8>> {
    document_layer::key_of(document).ok()
}

impl DocumentPart {
    /// The last key that it may have.
    pub fn last_key(&self) -> &[u8] {
        self.bounds().1
    }

    /// Whether a document with this key would be in it.
    pub fn covers(&self, key: &[u8]) -> bool {
        let (after, last) = self.bounds();
        after < key && key <= last
    }

    /// Whether all its keys come after this one.
    pub fn is_behind(&self, key: &[u8]) -> bool {
        key <= self.bounds().0
    }

    /// Whether both have the same documents for certain, without reading them.
    pub fn holds_same(&self, other: &Self) -> bool {
        let children = |part: &Self| {
            let pieces = part.base.iter().chain(&part.overlays);
            pieces.map(|piece| piece.child.clone()).collect::<Vec<_>>()
        };
        let same_bounds = self.bounds() == other.bounds();
        self.base.is_some() == other.base.is_some()
            && (same_bounds || self.is_whole_piece() && other.is_whole_piece())
            && children(self) == children(other)
    }

    /// Whether it is all of a piece, and nothing was laid over that.
    fn is_whole_piece(&self) -> bool {
        let is_whole = |base: &DocumentPiece| {
            self.bounds() == (base.after.as_slice(), base.child.last.as_slice())
        };
        self.overlays.is_empty() && self.base.as_ref().is_some_and(is_whole)
    }
}
