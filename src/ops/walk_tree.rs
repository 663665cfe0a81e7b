//! Walks a tree of a snapshot in the order of its paths, without recursion.

use super::tree_cursor::{OPEN_DIRECTORIES, TreeCursor};
use crate::model::{BlobId, Directory, Entry, EntryPath, Kind};
use crate::repo::{BlobReader, RepoError};

/// Calls `visit` with every entry of the tree and its path, which begins with `path`; what is
/// below a directory comes next where `visit` says so. Memory does not grow with the number of
/// entries.
pub fn walk_tree<E: From<RepoError>>(
    reader: &BlobReader,
    path: &EntryPath,
    tree: BlobId,
    visit: &mut dyn FnMut(&EntryPath, &Entry) -> Result<bool, E>,
) -> Result<(), E> {
    let mut path = path.clone();
    let mut levels = vec![TreeCursor::new(reader, Some(tree))];
    while let Some(level) = levels.last_mut() {
        let Some(entry) = level.next()? else {
            levels.pop();
            if !levels.is_empty() {
                path.pop();
            }
            continue;
        };
        path.push(&entry.name);
        let goes_below = visit(&path, &entry)?;
        match entry.kind {
            Kind::Directory(Directory { tree: Some(tree), .. }) if goes_below => {
                let far = levels.len().checked_sub(OPEN_DIRECTORIES);
                if let Some(far) = far.and_then(|far| levels.get_mut(far)) {
                    far.close();
                }
                levels.push(TreeCursor::new(reader, Some(tree)));
            }
            _ => path.pop(),
        }
    }
    Ok(())
}
