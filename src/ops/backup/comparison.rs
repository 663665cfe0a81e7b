//! Whether what was read now is what the last snapshot has.

use super::previous::PreviousTree;
use crate::model::{Entry, EntryPath};

/// How an entry that was read differs from the last snapshot's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Difference {
    New,
    /// There was something else of this name.
    Changed,
    /// It was read, and everything about it is equal.
    Nothing,
}

/// The last snapshot of the sources, to count by; nothing is taken over from it.
pub struct Comparison<'a> {
    last: Option<PreviousTree<'a>>,
}

impl<'a> Comparison<'a> {
    pub fn new(last: Option<PreviousTree<'a>>) -> Self {
        Self { last }
    }

    /// Entries must come in walk order, a directory after what is in it. `known` says whether the
    /// last snapshot had something of this name, for where that cannot be read.
    pub fn difference(&mut self, directory: &EntryPath, entry: &Entry, known: bool) -> Difference {
        let found = match &mut self.last {
            Some(last) => last.find(directory, &entry.name),
            None => return if known { Difference::Changed } else { Difference::New },
        };
        match found {
            Ok(Some(last)) if last == *entry => Difference::Nothing,
            Ok(Some(_)) => Difference::Changed,
            Ok(None) => Difference::New,
            Err(_) => {
                // A count is not worth a backup: what is damaged there is not relied upon.
                self.last = None;
                self.difference(directory, entry, known)
            }
        }
    }
}
