//! Two trees side by side, name by name.

use crate::format::{ChildPiece, PieceItems};
use crate::model::{BlobId, Entry, EntryName};
use crate::repo::{BlobReader, RepoError};
use std::collections::VecDeque;

/// What two trees have under one name; one of them at least is there.
pub struct Pair {
    pub old: Option<Entry>,
    pub new: Option<Entry>,
}

/// The entries of two trees in order. Pieces that both have are passed over unread. Memory: one
/// piece a level of each.
pub struct PairedEntries<'a> {
    old: Side<'a>,
    new: Side<'a>,
}

/// One tree, as far as it was read.
struct Side<'a> {
    reader: &'a BlobReader,
    entries: VecDeque<Entry>,
    /// Pieces still to come, the next one last; with the level that each must have.
    pieces: Vec<(Option<u8>, ChildPiece)>,
    last: Option<EntryName>,
}

impl<'a> PairedEntries<'a> {
    /// `None` stands for a tree without entries.
    pub fn new(
        old: (&'a BlobReader, Option<BlobId>),
        new: (&'a BlobReader, Option<BlobId>),
    ) -> Self {
        Self { old: Side::new(old.0, old.1), new: Side::new(new.0, new.1) }
    }

    /// The next name; `None` at the end.
    pub fn next(&mut self) -> Result<Option<Pair>, RepoError> {
        self.align()?;
        self.old.fill()?;
        self.new.fill()?;
        let (old, new) = match (self.old.entries.front(), self.new.entries.front()) {
            (None, None) => return Ok(None),
            (Some(old), Some(new)) => (old.name <= new.name, new.name <= old.name),
            (old, new) => (old.is_some(), new.is_some()),
        };
        let old = if old { self.old.take()? } else { None };
        let new = if new { self.new.take()? } else { None };
        Ok(Some(Pair { old, new }))
    }

    /// Where both are at the beginning of a piece: drops what is equal, and opens what differs,
    /// higher levels first, so that equal pieces below meet.
    fn align(&mut self) -> Result<(), RepoError> {
        while self.old.entries.is_empty() && self.new.entries.is_empty() {
            let (Some((old_level, old)), Some((new_level, new))) =
                (self.old.pieces.last(), self.new.pieces.last())
            else {
                return Ok(());
            };
            if old.id == new.id {
                self.old.pieces.pop();
                self.new.pieces.pop();
                continue;
            }
            // A root's level is not known before it is read.
            let height = |level: &Option<u8>| level.unwrap_or(u8::MAX);
            let (old, new) = (height(old_level), height(new_level));
            if old >= new {
                self.old.open_next()?;
            }
            if new >= old {
                self.new.open_next()?;
            }
        }
        Ok(())
    }
}

impl<'a> Side<'a> {
    fn new(reader: &'a BlobReader, root: Option<BlobId>) -> Self {
        let piece = |id| (None, ChildPiece::of(id, Vec::new(), 0));
        let pieces = root.map(piece).into_iter().collect();
        Self { reader, entries: VecDeque::new(), pieces, last: None }
    }

    /// Reads on until there is an entry, or none is left.
    fn fill(&mut self) -> Result<(), RepoError> {
        while self.entries.is_empty() && !self.pieces.is_empty() {
            self.open_next()?;
        }
        Ok(())
    }

    fn open_next(&mut self) -> Result<(), RepoError> {
        let Some((level, child)) = self.pieces.pop() else { return Ok(()) };
        let piece = self.reader.piece(&child.id)?;
        if level.is_some_and(|level| level != piece.level) {
            return Err(malformed(&child.id, "its level is another than the one above says"));
        }
        match piece.items {
            PieceItems::Entries(entries) => self.entries.extend(entries),
            PieceItems::Children(children) => {
                let below = piece.level.saturating_sub(1);
                self.pieces.extend(children.into_iter().rev().map(|child| (Some(below), child)));
            }
        }
        Ok(())
    }

    fn take(&mut self) -> Result<Option<Entry>, RepoError> {
        let Some(entry) = self.entries.pop_front() else { return Ok(None) };
        if self.last.as_ref().is_some_and(|last| *last >= entry.name) {
            let why = "the names of its pieces are not ascending".to_owned();
            return Err(RepoError::Damaged { name: "a tree".to_owned(), why });
        }
        self.last = Some(entry.name.clone());
        Ok(Some(entry))
    }
}

fn malformed(id: &BlobId, why: &str) -> RepoError {
    RepoError::Damaged { name: format!("tree blob {id}"), why: why.to_owned() }
}
