//! A collection's trees made new in parts: what changed little goes into an overlay, and a range
//! of the base that changed much is written again.

use super::growing::Growing;
use super::{DatabaseSaver, SaveFailure};
use crate::model::{BlobId, DocumentTree};
use crate::repo::{DocumentPiece, DocumentRanges, Session};
use std::sync::Arc;

/// A range is written again when more than one in so many of its documents have changed since
/// its piece was written.
const REWRITTEN_FROM: u64 = 4;
/// What is added behind the last piece becomes a piece, however small. So many smaller than this
/// are written again as one.
const MOST_CRUMBS: usize = 8;
const CRUMB_BYTES: u64 = 32 * 1024;

/// The trees of a collection, on their way from what they were to what they will be. Ranges come
/// in order: each is kept, or written again.
pub struct Renewal<'a> {
    old: &'a DocumentTree,
    ranges: &'a DocumentRanges,
    base: Growing<'a>,
    overlay: Growing<'a>,
    /// What overlays say of these ranges counts no more.
    rewritten: Vec<usize>,
    /// From here to the open range there is too little in each.
    crumbs_from: usize,
}

impl<'a> Renewal<'a> {
    /// `average` is the size of a document, in bytes.
    pub fn new(
        session: &'a Session,
        old: &'a DocumentTree,
        ranges: &'a DocumentRanges,
        average: u64,
    ) -> Self {
        let (base, overlay) = (Growing::new(session), Growing::new(session));
        let crumbs_from = crumbs_from(ranges, average);
        Self { old, ranges, base, overlay, rewritten: Vec::new(), crumbs_from }
    }

    /// Whether a range in which so many keys change is to be written again.
    pub fn is_rewritten(&self, range: usize, changes: u64) -> bool {
        let below = self.ranges.base(range).map_or(0, |piece| piece.child.entries);
        let all = changes.saturating_add(self.ranges.laid_over(range));
        let is_crumb = (self.crumbs_from..self.ranges.count() - 1).contains(&range);
        is_crumb || changes > 0 && all.saturating_mul(REWRITTEN_FROM) > below
    }

    /// The range keeps its piece.
    pub fn keep(&mut self, range: usize, saver: &mut DatabaseSaver<'_>) -> Result<(), SaveFailure> {
        match self.ranges.base(range) {
            Some(piece) => Ok(self.base.keep(piece.child.clone(), saver)?),
            None => Ok(()),
        }
    }

    /// A change in a range that keeps its piece.
    pub fn change(
        &mut self,
        key: Vec<u8>,
        document: Option<&[u8]>,
        saver: &mut DatabaseSaver<'_>,
    ) -> Result<(), SaveFailure> {
        self.overlay.add(key, document, saver)
    }

    /// From here on all documents of the range come.
    pub fn rewrite(&mut self, range: usize) {
        self.rewritten.push(range);
    }

    /// A document of the range that is written again.
    pub fn document(
        &mut self,
        key: Vec<u8>,
        document: &[u8],
        saver: &mut DatabaseSaver<'_>,
    ) -> Result<(), SaveFailure> {
        self.base.add(key, Some(document), saver)
    }

    /// The trees as they are now.
    pub fn finish(self, saver: &mut DatabaseSaver<'_>) -> Result<DocumentTree, SaveFailure> {
        if self.rewritten.is_empty() && self.overlay.is_empty() {
            return Ok(self.old.clone());
        }
        let base = match self.rewritten.is_empty() {
            true => self.old.base,
            false => self.base.finish(saver)?,
        };
        let new = self.overlay.finish(saver)?;
        let dropped = Dropped { ranges: self.ranges, rewritten: &self.rewritten };
        let old: Vec<_> = self.old.overlays.iter().zip(self.ranges.overlays()).collect();
        let apart = if new.is_some() { apart(self.ranges.overlays()) } else { old.len() };
        let (old, together) = old.split_at(apart.min(old.len()));
        let mut overlays = Vec::new();
        for (root, pieces) in old {
            overlays.extend(dropped.remaining(**root, pieces, saver)?);
        }
        let together = together.iter().map(|(root, _)| **root).collect();
        overlays.extend(dropped.together(together, saver)?);
        overlays.extend(new);
        Ok(DocumentTree { base, overlays })
    }
}

/// Ranges of which overlays say nothing any more.
struct Dropped<'a> {
    ranges: &'a DocumentRanges,
    /// Ascending.
    rewritten: &'a [usize],
}

impl Dropped<'_> {
    /// An overlay without them. Pieces that lie elsewhere stay as they are.
    fn remaining(
        &self,
        root: BlobId,
        pieces: &[DocumentPiece],
        saver: &mut DatabaseSaver<'_>,
    ) -> Result<Option<BlobId>, SaveFailure> {
        if !pieces.iter().any(|piece| self.touches(piece)) {
            return Ok(Some(root));
        }
        let mut remaining = Growing::new(saver.session);
        for piece in pieces {
            if !self.touches(piece) {
                remaining.keep(piece.child.clone(), saver)?;
                continue;
            }
            if self.covers(piece) {
                continue;
            }
            let layer = saver.known.layer(piece, false)?;
            for (key, document) in layer.within(&piece.after, &piece.child.last) {
                if !self.has(key) {
                    remaining.add(key.to_vec(), document, saver)?;
                }
            }
        }
        Ok(remaining.finish(saver)?)
    }

    /// Several overlays as one, without them.
    fn together(
        &self,
        overlays: Vec<BlobId>,
        saver: &mut DatabaseSaver<'_>,
    ) -> Result<Option<BlobId>, SaveFailure> {
        let mut together = Growing::new(saver.session);
        let known = Arc::clone(&saver.known);
        for part in known.document_parts(&DocumentTree { base: None, overlays })? {
            for (key, document) in known.document_changes(&part?)? {
                if !self.has(&key) {
                    together.add(key, document.as_deref(), saver)?;
                }
            }
        }
        Ok(together.finish(saver)?)
    }

    fn has(&self, key: &[u8]) -> bool {
        self.rewritten.binary_search(&self.ranges.of(key)).is_ok()
    }

    /// The ranges that a piece may have keys in: the first and the last.
    fn span(&self, piece: &DocumentPiece) -> (usize, usize) {
        let last = self.ranges.of(&piece.child.last);
        if piece.is_large() {
            return (last, last);
        }
        // Its keys lie after `after`: that may be the last key of its range.
        let first = self.ranges.of(&piece.after);
        let is_behind = self.ranges.bounds(first).1 == piece.after;
        ((first + usize::from(is_behind)).min(last), last)
    }

    fn touches(&self, piece: &DocumentPiece) -> bool {
        let (first, last) = self.span(piece);
        let at = self.rewritten.partition_point(|range| *range < first);
        self.rewritten.get(at).is_some_and(|range| *range <= last)
    }

    fn covers(&self, piece: &DocumentPiece) -> bool {
        let (first, last) = self.span(piece);
        let start = self.rewritten.partition_point(|range| *range < first);
        let end = self.rewritten.partition_point(|range| *range <= last);
        end - start == last - first + 1
    }
}

/// How many of the overlays stay by themselves where there is to be one more: if they are too
/// many, the newest are put together, and with them older ones that are no larger.
fn apart(overlays: &[Vec<DocumentPiece>]) -> usize {
    if overlays.len() < DocumentTree::MOST_OVERLAYS {
        return overlays.len();
    }
    let entries = |pieces: &Vec<DocumentPiece>| -> u64 {
        pieces.iter().map(|piece| piece.child.entries).sum()
    };
    let (mut together, mut size) = (0, 0);
    for entries in overlays.iter().rev().map(entries) {
        if together >= 2 && entries > size {
            break;
        }
        (together, size) = (together + 1, size + entries);
    }
    overlays.len() - together
}

/// The first of the last ranges that have little each, where those are many.
fn crumbs_from(ranges: &DocumentRanges, average: u64) -> usize {
    let open = ranges.count() - 1;
    let is_crumb = |range: &usize| {
        let piece = ranges.base(*range).filter(|piece| !piece.is_large());
        piece.is_some_and(|piece| piece.child.entries.saturating_mul(average) < CRUMB_BYTES)
    };
    match (0..open).rev().take_while(is_crumb).count() {
        crumbs if crumbs >= MOST_CRUMBS => open - crumbs,
        _ => open,
    }
}
