//! Reads collections in parts, each of which any thread can read. What overlays change is laid
//! over the base here: nobody else sees them.

use super::RepoError;
use super::document_layer::Layer;
use super::document_pieces::{DocumentPiece, DocumentPieces};
use super::reader::BlobReader;
use crate::model::{BlobId, DocumentTree};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// The documents whose keys lie between two: no more than one piece of each tree has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentPart {
    after: Vec<u8>,
    last: Vec<u8>,
    pub(super) base: Option<DocumentPiece>,
    /// Of the overlays that have a piece there, the oldest first.
    pub(super) overlays: Vec<DocumentPiece>,
}

/// The parts of one collection, in order. Memory: one list a level of each of its trees.
pub struct DocumentParts<'a> {
    /// `None` without a base.
    base: Option<Pieces<'a>>,
    overlays: Vec<Pieces<'a>>,
    after: Vec<u8>,
    /// Keys that are sought, those to come; `None` seeks all.
    sought: Option<VecDeque<Vec<u8>>>,
}

/// The pieces of a tree, with the one that is next.
pub(super) struct Pieces<'a> {
    rest: DocumentPieces<'a>,
    pub(super) next: Option<DocumentPiece>,
}

impl<'a> Pieces<'a> {
    pub(super) fn new(reader: &'a BlobReader, root: &BlobId) -> Result<Self, RepoError> {
        Ok(Self { rest: reader.document_pieces(root)?, next: None })
    }
}

impl Pieces<'_> {
    /// Passes over what ends before a key.
    pub(super) fn seek(&mut self, key: &[u8]) -> Result<(), RepoError> {
        self.next.take_if(|next| next.child.last.as_slice() < key);
        if self.next.is_none() {
            self.rest.seek(key)?;
        }
        self.fill()
    }

    /// The last key of the piece before the next one.
    fn passed(&self) -> &[u8] {
        self.next.as_ref().map_or(self.rest.passed(), |next| next.after.as_slice())
    }

    pub(super) fn fill(&mut self) -> Result<(), RepoError> {
        if self.next.is_none() {
            self.next = self.rest.next().transpose()?;
        }
        Ok(())
    }

    /// The piece that has keys up to `last`; a large document has no others than its own.
    pub(super) fn piece(&mut self, last: &[u8]) -> Option<DocumentPiece> {
        let next = self.next.as_ref()?;
        let is_in = !next.is_large() || next.child.last == last;
        let is_in = is_in && next.after.as_slice() < last;
        match next.child.last == last {
            true => self.next.take(),
            false => is_in.then(|| next.clone()),
        }
    }
}

impl BlobReader {
    /// The parts of a collection.
    pub fn document_parts(&self, tree: &DocumentTree) -> Result<DocumentParts<'_>, RepoError> {
        let pieces = |root| Pieces::new(self, root);
        let base = tree.base.as_ref().map(pieces).transpose()?;
        let overlays = tree.overlays.iter().map(pieces).collect::<Result<_, RepoError>>()?;
        Ok(DocumentParts { base, overlays, after: Vec::new(), sought: None })
    }

    /// The documents of a part, end to end, after proof that they are whole and have the keys
    /// that the trees say. Takes up to twice 16 MiB for each tree that has a piece there.
    pub fn documents(&self, part: &DocumentPart) -> Result<Vec<u8>, RepoError> {
        if let (Some(base), true) = (&part.base, part.overlays.is_empty()) {
            let layer = self.layer(base, true)?;
            if part.after == base.after && part.last == base.child.last {
                let whole = |layer: Arc<Layer>| layer.documents().to_vec();
                return Ok(Arc::try_unwrap(layer).map_or_else(whole, Layer::into_documents));
            }
            return Ok(joined(&[layer], part));
        }
        Ok(joined(&self.layers_of(part)?, part))
    }

    /// The pieces of a part taken apart, the base first.
    pub(super) fn layers_of(&self, part: &DocumentPart) -> Result<Vec<Arc<Layer>>, RepoError> {
        let base = part.base.iter().map(|piece| self.layer(piece, true));
        let overlays = part.overlays.iter().map(|piece| self.layer(piece, false));
        base.chain(overlays).collect()
    }
}

/// The documents of all layers, of which later ones count over those before.
fn joined(layers: &[Arc<Layer>], part: &DocumentPart) -> Vec<u8> {
    let mut documents = BTreeMap::new();
    for layer in layers {
        documents.extend(layer.within(&part.after, &part.last));
    }
    let mut bytes = Vec::new();
    documents.into_values().flatten().for_each(|document| bytes.extend_from_slice(document));
    bytes
}

impl DocumentParts<'_> {
    /// Only the parts that may have one of these keys; `None` leaves all of them. Of lists those on
    /// the way there are read.
    pub fn only(mut self, keys: Option<&BTreeSet<Vec<u8>>>) -> Self {
        self.sought = keys.map(|keys| keys.iter().cloned().collect());
        self
    }

    /// Goes to the next key that is sought; false if there is none.
    fn go_to_sought(&mut self) -> Result<bool, RepoError> {
        let Some(sought) = &mut self.sought else { return Ok(true) };
        while sought.pop_front_if(|key| *key <= self.after).is_some() {}
        let Some(key) = sought.front() else { return Ok(false) };
        for pieces in self.base.iter_mut().chain(&mut self.overlays) {
            pieces.seek(key)?;
            if *pieces.passed() > *self.after {
                self.after = pieces.passed().to_vec();
            }
        }
        Ok(true)
    }

    fn try_next(&mut self) -> Result<Option<DocumentPart>, RepoError> {
        match self.go_to_sought() {
            Ok(true) => {}
            Ok(false) => return Ok(None),
            Err(error) => {
                self.sought = Some(VecDeque::new());
                return Err(error);
            }
        }
        for overlay in &mut self.overlays {
            if let Err(error) = overlay.fill() {
                // Without all changes nothing behind is known to be right.
                (self.base, self.overlays) = (None, Vec::new());
                return Err(error);
            }
        }
        if let Some(base) = &mut self.base {
            base.fill()?;
        }
        let all = self.base.iter().chain(&self.overlays);
        let ends = all.filter_map(|pieces| pieces.next.as_ref());
        let Some(last) = ends.map(|next| next.child.last.clone()).min() else { return Ok(None) };
        let base = self.base.as_mut().and_then(|base| base.piece(&last));
        let overlays = self.overlays.iter_mut().filter_map(|overlay| overlay.piece(&last));
        let overlays = overlays.collect();
        let after = std::mem::replace(&mut self.after, last.clone());
        Ok(Some(DocumentPart { after, last, base, overlays }))
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
    pub(super) fn new(
        after: &[u8],
        last: &[u8],
        base: Option<DocumentPiece>,
        overlays: Vec<DocumentPiece>,
    ) -> Self {
        Self { after: after.to_vec(), last: last.to_vec(), base, overlays }
    }

    /// What its keys lie after, and the greatest that there may be.
    pub fn bounds(&self) -> (&[u8], &[u8]) {
        (&self.after, &self.last)
    }

    /// Whether there is more than the base.
    pub fn has_overlays(&self) -> bool {
        !self.overlays.is_empty()
    }

    /// How many documents it has; about, where overlays change it.
    pub fn count(&self) -> u64 {
        let pieces = self.base.iter().chain(&self.overlays);
        pieces.map(|piece| piece.child.entries).next().unwrap_or(0)
    }
}
