//! The entries of one directory, read on demand: what was read may be let go and is found again.

use crate::model::{BlobId, Entry, EntryName};
use crate::repo::{BlobReader, RepoError, TreeEntries};

/// So many directories of a walk are kept open; those further up are opened again when the walk
/// is back.
pub const OPEN_DIRECTORIES: usize = 64;

/// A place in a directory.
pub struct TreeCursor<'a> {
    reader: &'a BlobReader,
    tree: Option<BlobId>,
    /// `None`: to be opened (again), after `last`.
    entries: Option<TreeEntries<'a>>,
    last: Option<EntryName>,
    peeked: Option<Entry>,
}

impl<'a> TreeCursor<'a> {
    /// `None` stands for a directory without entries.
    pub fn new(reader: &'a BlobReader, tree: Option<BlobId>) -> Self {
        Self { reader, tree, entries: None, last: None, peeked: None }
    }

    /// Lets go of all but the place.
    pub fn close(&mut self) {
        self.entries = None;
    }

    /// The next entry, which stays the next.
    pub fn peek(&mut self) -> Result<Option<&Entry>, RepoError> {
        if self.peeked.is_none() {
            self.peeked = self.read()?;
        }
        Ok(self.peeked.as_ref())
    }

    pub fn next(&mut self) -> Result<Option<Entry>, RepoError> {
        match self.peeked.take() {
            Some(entry) => Ok(Some(entry)),
            None => self.read(),
        }
    }

    fn read(&mut self) -> Result<Option<Entry>, RepoError> {
        let Some(tree) = self.tree else { return Ok(None) };
        let entries = match &mut self.entries {
            Some(entries) => entries,
            None => self.entries.insert(self.reader.entries(&tree)?),
        };
        for entry in entries {
            let entry = entry?;
            // Opened again: what was read before is passed over.
            if self.last.as_ref().is_none_or(|last| *last < entry.name) {
                self.last = Some(entry.name.clone());
                return Ok(Some(entry));
            }
        }
        Ok(None)
    }
}
