//! What differs between two states of a collection. Pieces that both have are looked into only
//! where others say something of a key, and each piece is read once at most.

use super::RepoError;
use super::document_layer::Layer;
use super::document_pieces::DocumentPiece;
use super::document_reader::Pieces;
use super::reader::BlobReader;
use crate::format::ChildPiece;
use crate::model::{BlobId, DocumentTree};
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

/// A document that differs; one side at least is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentDifference {
    pub old: Option<Vec<u8>>,
    pub new: Option<Vec<u8>>,
}

/// The documents that differ, in the order of their keys. Memory: a piece of each tree.
pub struct DocumentDifferences<'a> {
    reader: &'a BlobReader,
    places: Vec<Place<'a>>,
    /// The places of each side: the base, then overlays, the oldest first.
    old: Vec<usize>,
    new: Vec<usize>,
    /// The part that is open: keys after the one, up to the other.
    after: Vec<u8>,
    last: Vec<u8>,
    ready: VecDeque<DocumentDifference>,
}

/// A tree of one side, or of both.
struct Place<'a> {
    pieces: Pieces<'a>,
    is_base: bool,
    /// Both sides have this very tree.
    is_shared: bool,
    /// The tree of the other side that may have the same pieces.
    pair: Option<usize>,
    /// Its piece in the part that is open.
    here: Option<DocumentPiece>,
    /// What was read last.
    read: Option<(ChildPiece, Arc<Layer>)>,
}

impl BlobReader {
    /// Compares two trees. After an error nothing more comes.
    pub fn document_differences(
        &self,
        old: &DocumentTree,
        new: &DocumentTree,
    ) -> Result<DocumentDifferences<'_>, RepoError> {
        let mut differences = DocumentDifferences {
            reader: self,
            places: Vec::new(),
            old: Vec::new(),
            new: Vec::new(),
            after: Vec::new(),
            last: Vec::new(),
            ready: VecDeque::new(),
        };
        for (one, other) in in_place_of(old.base.as_slice(), new.base.as_slice()) {
            differences.place(one, other, true)?;
        }
        for (one, other) in in_place_of(&old.overlays, &new.overlays) {
            differences.place(one, other, false)?;
        }
        Ok(differences)
    }
}

/// Which tree of the one side stands in the place of which of the other: the same ones, and
/// between them one after the other. All are named, each side in its order.
fn in_place_of(old: &[BlobId], new: &[BlobId]) -> Vec<(Option<BlobId>, Option<BlobId>)> {
    let (mut old, mut new) = (VecDeque::from(old.to_vec()), VecDeque::from(new.to_vec()));
    let mut pairs = Vec::new();
    while let (Some(one), Some(other)) = (old.front().copied(), new.front().copied()) {
        let is_same = one == other;
        let old_comes = !is_same && old.contains(&other);
        let new_comes = !is_same && !old_comes && new.contains(&one);
        let one = if new_comes { None } else { old.pop_front() };
        let other = if old_comes { None } else { new.pop_front() };
        pairs.push((one, other));
    }
    pairs.extend(old.into_iter().map(|one| (Some(one), None)));
    pairs.extend(new.into_iter().map(|other| (None, Some(other))));
    pairs
}

impl<'a> DocumentDifferences<'a> {
    fn place(
        &mut self,
        old: Option<BlobId>,
        new: Option<BlobId>,
        is_base: bool,
    ) -> Result<(), RepoError> {
        let is_shared = old == new;
        let (reader, first) = (self.reader, self.places.len());
        let mut add = |root: Option<BlobId>, pair: Option<usize>| -> Result<(), RepoError> {
            let Some(root) = root else { return Ok(()) };
            let pieces = Pieces::new(reader, &root)?;
            let (here, read) = (None, None);
            self.places.push(Place { pieces, is_base, is_shared, pair, here, read });
            Ok(())
        };
        let is_paired = old.is_some() && new.is_some() && !is_shared;
        add(old, is_paired.then_some(first + 1))?;
        if !is_shared {
            add(new, is_paired.then_some(first))?;
        }
        self.old.extend(old.map(|_| first));
        let second = if is_shared || old.is_none() { first } else { first + 1 };
        self.new.extend(new.map(|_| second));
        Ok(())
    }

    fn try_next(&mut self) -> Result<Option<DocumentDifference>, RepoError> {
        loop {
            if let Some(difference) = self.ready.pop_front() {
                return Ok(Some(difference));
            }
            if !self.open()? {
                return Ok(None);
            }
            self.compare()?;
        }
    }

    /// Opens the next part; false at the end. Trees that both have end no part.
    fn open(&mut self) -> Result<bool, RepoError> {
        let mut apart: Vec<&mut Place<'a>> =
            self.places.iter_mut().filter(|place| !place.is_shared).collect();
        for place in &mut apart {
            place.pieces.fill()?;
        }
        let ends = apart.iter().filter_map(|place| place.pieces.next.as_ref());
        let Some(last) = ends.map(|next| next.child.last.clone()).min() else { return Ok(false) };
        for place in &mut apart {
            place.here = place.pieces.piece(&last);
        }
        self.after = std::mem::replace(&mut self.last, last);
        Ok(true)
    }

    /// Compares what the sides have under each key of which a piece says something that only one
    /// of them has. All others are the same in both.
    fn compare(&mut self) -> Result<(), RepoError> {
        let old: Vec<usize> = self.old.iter().map(|at| self.standing(*at)).collect();
        let new: Vec<usize> = self.new.iter().map(|at| self.standing(*at)).collect();
        let below = old.iter().zip(&new).take_while(|(one, other)| one == other).count();
        let (below, old) = old.split_at(below);
        let new = new.get(below.len()..).unwrap_or_default();
        for key in self.keys()? {
            let (mut one, mut other) = (self.find(&key, old)?, self.find(&key, new)?);
            if one.is_none() && other.is_none() {
                continue;
            }
            // What says nothing of it leaves it as it is below.
            for side in [&mut one, &mut other] {
                if side.is_none() {
                    *side = self.find(&key, below)?;
                }
            }
            let (old, new) = (one.flatten(), other.flatten());
            if old != new {
                self.ready.push_back(DocumentDifference { old, new });
            }
        }
        Ok(())
    }

    /// The place that is read for this one: the first of two with the same piece.
    fn standing(&self, at: usize) -> usize {
        let pair = self.places.get(at).and_then(|place| place.pair);
        match pair {
            Some(pair) if pair < at && self.child(pair) == self.child(at) => pair,
            _ => at,
        }
    }

    fn child(&self, at: usize) -> Option<&ChildPiece> {
        self.places.get(at)?.here.as_ref().map(|piece| &piece.child)
    }

    /// The keys in pieces that only one side has.
    fn keys(&mut self) -> Result<BTreeSet<Vec<u8>>, RepoError> {
        let mut keys = BTreeSet::new();
        for at in 0..self.places.len() {
            let pair = self.places.get(at).and_then(|place| place.pair);
            let is_same = pair.is_some_and(|pair| self.child(pair) == self.child(at));
            let Some(place) = self.places.get_mut(at).filter(|_| !is_same) else { continue };
            let Some(piece) = place.here.clone() else { continue };
            let layer = place.layer(&piece, self.reader)?;
            let within = layer.within(&self.after, &self.last);
            keys.extend(within.map(|(key, _)| key.to_vec()));
        }
        Ok(keys)
    }

    /// What the newest of these places says of a key that says anything of it.
    fn find(&mut self, key: &[u8], places: &[usize]) -> Result<Option<Option<Vec<u8>>>, RepoError> {
        for at in places.iter().rev() {
            let Some(place) = self.places.get_mut(*at) else { continue };
            let Some(piece) = place.piece(key)? else { continue };
            if let Some(found) = place.layer(&piece, self.reader)?.find(key) {
                return Ok(Some(found.map(<[u8]>::to_vec)));
            }
        }
        Ok(None)
    }
}

impl Place<'_> {
    /// Its piece that would have a key. Of a tree that both have: keys must ascend.
    fn piece(&mut self, key: &[u8]) -> Result<Option<DocumentPiece>, RepoError> {
        if self.is_shared {
            self.pieces.seek(key)?;
        }
        let piece = if self.is_shared { &self.pieces.next } else { &self.here };
        Ok(piece.clone().filter(|piece| piece.covers(key)))
    }

    fn layer(
        &mut self,
        piece: &DocumentPiece,
        reader: &BlobReader,
    ) -> Result<Arc<Layer>, RepoError> {
        if let Some((_, layer)) = self.read.as_ref().filter(|(child, _)| *child == piece.child) {
            return Ok(Arc::clone(layer));
        }
        let layer = reader.layer(piece, self.is_base)?;
        self.read = Some((piece.child.clone(), Arc::clone(&layer)));
        Ok(layer)
    }
}

impl Iterator for DocumentDifferences<'_> {
    type Item = Result<DocumentDifference, RepoError>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.try_next();
        if next.is_err() {
            self.places.clear();
            self.ready.clear();
        }
        next.transpose()
    }
}
