//! Finds documents by key.

use super::RepoError;
use super::document_layer;
use super::document_reader::{DocumentPart, DocumentParts};
use super::reader::BlobReader;
use crate::model::{Collection, Documents};
use std::collections::BTreeSet;

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

    /// The document that has this key, in a collection that is sorted. Reads the lists on the way
    /// there, and one piece of each tree at most.
    pub fn find_document(
        &self,
        collection: &Collection,
        key: &[u8],
    ) -> Result<Option<Vec<u8>>, RepoError> {
        let Some(parts) = self.parts_of(collection)? else { return Ok(None) };
        let keys = BTreeSet::from([key.to_vec()]);
        match parts.only(Some(&keys)).next().transpose()? {
            Some(part) => self.document_in(&part, key),
            None => Ok(None),
        }
    }

    fn document_in(&self, part: &DocumentPart, key: &[u8]) -> Result<Option<Vec<u8>>, RepoError> {
        let base = part.base.iter().map(|piece| (piece, true));
        let overlays = part.overlays.iter().map(|piece| (piece, false));
        let pieces: Vec<_> = base.chain(overlays).filter(|(piece, _)| piece.covers(key)).collect();
        for (piece, is_base) in pieces.into_iter().rev() {
            if let Some(found) = self.layer(piece, is_base)?.find(key) {
                return Ok(found.map(<[u8]>::to_vec));
            }
        }
        Ok(None)
    }
}

/// The key of a document; `None` if it has no usable `_id`.
pub fn key_of(document: &[u8]) -> Option<Vec<u8>> {
    document_layer::key_of(document).ok()
}
