//! A tree of documents by the ranges of its base: what a backup needs to change it in parts.

use super::RepoError;
use super::document_layer::Layer;
use super::document_pieces::DocumentPiece;
use super::document_reader::DocumentPart;
use super::reader::BlobReader;
use crate::model::DocumentTree;
use std::collections::BTreeMap;
use std::sync::Arc;

/// More than any key: the first byte of one is at most 240.
const BEHIND_ALL: u8 = 0xff;

/// The ranges of the pieces of a base, and the open one behind them, with the pieces of overlays
/// over each. Memory: some 200 bytes for each piece, which usually has 64 KiB or more.
pub struct DocumentRanges {
    base: Vec<DocumentPiece>,
    overlays: Vec<Vec<DocumentPiece>>,
    /// Of each range, how many entries overlays have there, about.
    laid_over: Vec<u64>,
}

/// A key with its document, or without one where it is deleted.
pub type DocumentChange = (Vec<u8>, Option<Vec<u8>>);

impl BlobReader {
    /// Reads the lists of all its trees.
    pub fn document_ranges(&self, tree: &DocumentTree) -> Result<DocumentRanges, RepoError> {
        let pieces = |root| self.document_pieces(root)?.collect::<Result<Vec<_>, _>>();
        let base = tree.base.as_ref().map(pieces).transpose()?.unwrap_or_default();
        let overlays = tree.overlays.iter().map(pieces).collect::<Result<Vec<_>, _>>()?;
        let laid_over = laid_over(&base, &overlays);
        Ok(DocumentRanges { base, overlays, laid_over })
    }

    /// What the trees of a part say of each key in it, ascending. Memory: all of it.
    pub fn document_changes(&self, part: &DocumentPart) -> Result<Vec<DocumentChange>, RepoError> {
        let layers = self.layers_of(part)?;
        let mut changes = BTreeMap::new();
        for layer in &layers {
            changes.extend(within(layer, part));
        }
        let owned =
            |(key, document): (&[u8], Option<&[u8]>)| (key.to_vec(), document.map(<[u8]>::to_vec));
        Ok(changes.into_iter().map(owned).collect())
    }
}

fn within<'a>(
    layer: &'a Arc<Layer>,
    part: &DocumentPart,
) -> impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)> + use<'a> {
    let (after, last) = part.bounds();
    layer.within(after, last)
}

impl DocumentRanges {
    /// How many ranges there are: the last is the open one.
    pub fn count(&self) -> usize {
        self.base.len() + 1
    }

    /// The range that a key lies in.
    pub fn of(&self, key: &[u8]) -> usize {
        self.base.partition_point(|piece| piece.child.last.as_slice() < key)
    }

    /// The piece of the base; the open range has none.
    pub fn base(&self, range: usize) -> Option<&DocumentPiece> {
        self.base.get(range)
    }

    /// What its keys lie after, and its last.
    pub fn bounds(&self, range: usize) -> (&[u8], &[u8]) {
        let before = range.checked_sub(1).and_then(|before| self.base.get(before));
        let after = before.map(|piece| piece.child.last.as_slice()).unwrap_or_default();
        let last = self.base.get(range).map(|piece| piece.child.last.as_slice());
        (after, last.unwrap_or(&[BEHIND_ALL]))
    }

    /// How many entries overlays have there, about.
    pub fn laid_over(&self, range: usize) -> u64 {
        self.laid_over.get(range).copied().unwrap_or(0)
    }

    /// All that its trees have there. (Its size is not bounded by a piece of each tree.)
    pub fn part(&self, range: usize) -> DocumentPart {
        let (after, last) = self.bounds(range);
        let overlays = self.overlays.iter().flat_map(|overlay| {
            let first = overlay.partition_point(|piece| piece.child.last.as_slice() <= after);
            let there = overlay.get(first..).unwrap_or_default().iter();
            there
                .take_while(|piece| piece.after.as_slice() < last)
                .filter(|piece| !piece.is_large() || piece.child.last.as_slice() <= last)
        });
        let base = self.base.get(range).cloned();
        DocumentPart::new(after, last, base, overlays.cloned().collect())
    }

    /// Whether there is a document with this key. Reads a piece of each tree.
    pub fn has(&self, key: &[u8], reader: &BlobReader) -> Result<bool, RepoError> {
        let part = self.part(self.of(key));
        let layers = reader.layers_of(&part)?;
        let found = layers.iter().rev().find_map(|layer| layer.find(key));
        Ok(found.flatten().is_some())
    }

    /// The pieces of each overlay, the oldest first.
    pub fn overlays(&self) -> &[Vec<DocumentPiece>] {
        &self.overlays
    }
}

/// Divides the entries of each piece of an overlay among the ranges below it.
fn laid_over(base: &[DocumentPiece], overlays: &[Vec<DocumentPiece>]) -> Vec<u64> {
    let mut laid_over = vec![0_u64; base.len() + 1];
    for piece in overlays.iter().flatten() {
        let after = if piece.is_large() { &piece.child.last } else { &piece.after };
        let first = match piece.is_large() {
            true => base.partition_point(|below| below.child.last < *after),
            false => base.partition_point(|below| below.child.last <= *after),
        };
        let last = base.partition_point(|below| below.child.last < piece.child.last);
        let below = base.get(first..=last.min(base.len().saturating_sub(1))).unwrap_or_default();
        let all: u64 = below.iter().map(|piece| piece.child.entries).sum();
        for (at, share) in below.iter().enumerate() {
            let entries = u128::from(piece.child.entries) * u128::from(share.child.entries);
            laid_over[first + at] += entries.div_ceil(u128::from(all.max(1))) as u64;
        }
        if last == base.len() {
            laid_over[last] += 1;
        }
    }
    laid_over
}
