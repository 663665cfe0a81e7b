//! Walks a tree of a snapshot in the order of its paths, without recursion.

use crate::cli::error::Failure;
use crate::model::{BlobId, Directory, Entry, EntryName, EntryPath, Kind};
use crate::repo::{BlobReader, TreeEntries};

/// So many directories are kept open; those further up are found again when the walk is back.
const OPEN: usize = 64;

/// A directory that is being walked.
struct Level<'a> {
    tree: BlobId,
    /// `None`: to be opened again, after `last`.
    entries: Option<TreeEntries<'a>>,
    last: Option<EntryName>,
}

/// Calls `visit` with every entry of the tree, and of those below it if `recursive`. Memory does
/// not grow with the number of entries.
pub fn walk(
    reader: &BlobReader,
    path: &EntryPath,
    tree: BlobId,
    recursive: bool,
    visit: &mut dyn FnMut(&EntryPath, &Entry) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut path = path.clone();
    let mut levels = vec![Level { tree, entries: None, last: None }];
    while let Some(level) = levels.last_mut() {
        let Some(entry) = level.next(reader)? else {
            levels.pop();
            if !levels.is_empty() {
                path.pop();
            }
            continue;
        };
        path.push(&entry.name);
        visit(&path, &entry)?;
        match entry.kind {
            Kind::Directory(Directory { tree: Some(tree), .. }) if recursive => {
                let far = levels.len().checked_sub(OPEN).and_then(|far| levels.get_mut(far));
                if let Some(far) = far {
                    far.entries = None;
                }
                levels.push(Level { tree, entries: None, last: None });
            }
            _ => path.pop(),
        }
    }
    Ok(())
}

impl<'a> Level<'a> {
    fn next(&mut self, reader: &'a BlobReader) -> Result<Option<Entry>, Failure> {
        let entries = match &mut self.entries {
            Some(entries) => entries,
            None => self.entries.insert(reader.entries(&self.tree)?),
        };
        for entry in entries {
            let entry = entry?;
            // Opened again: what was visited before is passed over.
            if self.last.as_ref().is_none_or(|last| *last < entry.name) {
                self.last = Some(entry.name.clone());
                return Ok(Some(entry));
            }
        }
        Ok(None)
    }
}
