//! Finds documents by key.

use super::RepoError;
use super::document_layer::{self, Layer};
use super::document_reader::{DocumentPart, DocumentParts, Pieces};
use super::reader::BlobReader;
use crate::format::ChildPiece;
use crate::model::{Collection, DocumentTree, Documents};
use std::collections::BTreeSet;
use std::sync::Arc;

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

/// Finds documents whose keys ascend: each piece is read once at most, and only where a key would
/// be in it. Memory: a list a level and a piece of each tree.
pub struct DocumentFinder<'a> {
    reader: &'a BlobReader,
    /// The newest overlay first, the base last.
    trees: Vec<Sought<'a>>,
}

struct Sought<'a> {
    pieces: Pieces<'a>,
    is_base: bool,
    /// What was read last.
    read: Option<(ChildPiece, Arc<Layer>)>,
}

impl<'a> DocumentFinder<'a> {
    pub fn new(reader: &'a BlobReader, tree: &DocumentTree) -> Result<Self, RepoError> {
        let overlays = tree.overlays.iter().rev().map(|root| (root, false));
        let all = overlays.chain(tree.base.iter().map(|root| (root, true)));
        let sought = |(root, is_base)| {
            Ok(Sought { pieces: Pieces::new(reader, root)?, is_base, read: None })
        };
        Ok(Self { reader, trees: all.map(sought).collect::<Result<_, RepoError>>()? })
    }

    /// The document of a key, which must come after all that were asked for before.
    pub fn find(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>, RepoError> {
        for tree in &mut self.trees {
            tree.pieces.seek(key)?;
            let Some(piece) = tree.pieces.next.as_ref().filter(|piece| piece.covers(key)) else {
                continue;
            };
            let read = tree.read.take().filter(|(child, _)| *child == piece.child);
            let (child, layer) = match read {
                Some(read) => read,
                None => (piece.child.clone(), self.reader.layer(piece, tree.is_base)?),
            };
            let found = layer.find(key).map(|found| found.map(<[u8]>::to_vec));
            tree.read = Some((child, layer));
            if let Some(found) = found {
                return Ok(found);
            }
        }
        Ok(None)
    }
}

/// The key of a document; `None` if it has no usable `_id`.
pub fn key_of(document: &[u8]) -> Option<Vec<u8>> {
    document_layer::key_of(document).ok()
}
