//! Two trees side by side, name by name.

use crate::model::{BlobId, Entry};
use crate::repo::{BlobReader, RepoError, TreeEntries};

/// What two trees have under one name; one of them at least is there.
pub struct Pair {
    pub old: Option<Entry>,
    pub new: Option<Entry>,
}

/// The entries of two trees in order. Pieces that both have are passed over unread. Memory: one
/// piece a level of each, or less where many trees are read at once.
pub struct PairedEntries<'a> {
    old: TreeEntries<'a>,
    new: TreeEntries<'a>,
}

impl<'a> PairedEntries<'a> {
    /// `None` stands for a tree without entries.
    pub fn new(
        old: (&'a BlobReader, Option<BlobId>),
        new: (&'a BlobReader, Option<BlobId>),
    ) -> Self {
        Self { old: TreeEntries::new(old.0, old.1), new: TreeEntries::new(new.0, new.1) }
    }

    /// The next name; `None` at the end.
    pub fn next(&mut self) -> Result<Option<Pair>, RepoError> {
        self.align()?;
        let (old, new) = match (self.old.peek()?, self.new.peek()?) {
            (None, None) => return Ok(None),
            (Some(old), Some(new)) => (old.name <= new.name, new.name <= old.name),
            (old, new) => (old.is_some(), new.is_some()),
        };
        let old = if old { self.old.next().transpose()? } else { None };
        let new = if new { self.new.next().transpose()? } else { None };
        Ok(Some(Pair { old, new }))
    }

    /// Where both are at the beginning of a piece: drops what is equal, and opens what differs,
    /// higher levels first, so that equal pieces below meet.
    fn align(&mut self) -> Result<(), RepoError> {
        while let (Some((old, old_level)), Some((new, new_level))) =
            (self.old.next_piece()?, self.new.next_piece()?)
        {
            if old == new {
                self.old.pass_over();
                self.new.pass_over();
                continue;
            }
            // A root's level is not known before it is read.
            let height = |level: Option<u8>| level.unwrap_or(u8::MAX);
            let (old, new) = (height(old_level), height(new_level));
            if old >= new {
                self.old.open_piece()?;
            }
            if new >= old {
                self.new.open_piece()?;
            }
        }
        Ok(())
    }
}
