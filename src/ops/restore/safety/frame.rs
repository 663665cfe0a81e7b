//! The directories that the walk is in.

use super::absent::AbsentDirectory;
use super::names::Names;
use crate::files::Selection;
use crate::model::{Entry, EntryName, Metadata};

/// A directory, and what is known of it.
pub struct Frame<'a> {
    pub name: Option<EntryName>,
    pub names: Names<'a>,
    /// The directory as it is wanted.
    pub wanted: Option<Entry>,
    /// The directory as it was before an earlier run.
    pub before: Option<Metadata>,
    pub selection: Selection,
    pub ground: Ground,
    pub is_whole: bool,
    /// All that is there is to be stored.
    pub is_everything: bool,
    /// It was not there: it is not, or an earlier run has made it.
    pub is_made: bool,
    pub is_announced: bool,
    pub absent: Option<AbsentDirectory>,
}

/// What a directory stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ground {
    /// It is there.
    Live,
    /// It is not there.
    Absent,
    /// An earlier run has removed it.
    Carried,
}

impl<'a> Frame<'a> {
    pub fn new(
        name: Option<EntryName>,
        names: Names<'a>,
        ground: Ground,
        selection: Selection,
    ) -> Self {
        Self {
            name,
            names,
            wanted: None,
            before: None,
            selection,
            ground,
            is_whole: false,
            is_everything: false,
            is_made: false,
            is_announced: false,
            absent: None,
        }
    }
}
