//! Lets a restore in place change only what its safety snapshot holds, or says was absent.

use crate::model::{BlobId, Entry, EntryName, EntryPath};
use crate::ops::backup::files_tree;
use crate::ops::backup::previous::PreviousTree;
use crate::repo::{BlobReader, RepoError};

/// What the safety snapshot says of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Held {
    /// There is no safety snapshot: it is not a restore in place.
    Free,
    /// Nothing: it is to stay as it is.
    Nothing,
    /// It was not there.
    Absent,
    /// It was this.
    Before(Box<Entry>),
}

impl Held {
    /// What was there and is to be replaced or changed.
    pub fn before(&self) -> Option<&Entry> {
        match self {
            Held::Before(entry) => Some(entry),
            _ => None,
        }
    }
}

/// The trees of a safety snapshot.
#[derive(Debug, Clone, Copy)]
pub struct SafetyTrees {
    pub files: BlobId,
    /// `None`: nothing was absent.
    pub absent: Option<BlobId>,
}

/// Answers in the order of one walk.
pub struct Guard<'a> {
    reader: &'a BlobReader,
    trees: SafetyTrees,
    files: PreviousTree<'a>,
    absent: Option<PreviousTree<'a>>,
}

impl<'a> Guard<'a> {
    pub fn new(reader: &'a BlobReader, trees: SafetyTrees) -> Self {
        let files = PreviousTree::new(reader, trees.files);
        let absent = trees.absent.map(|tree| PreviousTree::new(reader, tree));
        Self { reader, trees, files, absent }
    }

    /// What is said of a name; names must be asked for in walk order.
    pub fn held(&mut self, directory: &EntryPath, name: &EntryName) -> Result<Held, RepoError> {
        if let Some(before) = self.files.find(directory, name)? {
            return Ok(Held::Before(Box::new(before)));
        }
        let absent = match &mut self.absent {
            Some(absent) => absent.find(directory, name)?,
            None => None,
        };
        Ok(if absent.is_some() { Held::Absent } else { Held::Nothing })
    }

    /// Whether what is at `path` is held, in any order. Reads a piece for each name.
    pub fn holds(&self, path: &EntryPath) -> Result<bool, RepoError> {
        Ok(self.reader.find_path(&self.trees.files, path)?.is_some())
    }
}

/// The trees of a snapshot; `None` if it has no files.
pub fn safety_trees(reader: &BlobReader, root: &BlobId) -> Result<Option<SafetyTrees>, RepoError> {
    let absent = reader.find_entry(root, super::ABSENT)?.and_then(|entry| entry.tree());
    Ok(files_tree(reader, root)?.map(|files| SafetyTrees { files, absent }))
}
