//! What a restore found as it was to be, and left alone: its safety snapshot has it only for the
//! sake of its hard links.

use crate::model::{BlobId, Entry, EntryPath, Kind};
use crate::ops::backup::previous::PreviousTree;
use crate::repo::{BlobReader, RepoError};

/// The files of the snapshot that was restored: asked in the order of a walk over the safety
/// snapshot that was taken before.
pub struct Witnesses<'a>(PreviousTree<'a>);

impl<'a> Witnesses<'a> {
    pub fn new(reader: &'a BlobReader, restored: BlobId) -> Self {
        Self(PreviousTree::new(reader, restored))
    }

    /// Whether `entry` of the safety snapshot is what was restored.
    pub fn has(&mut self, directory: &EntryPath, entry: &Entry) -> Result<bool, RepoError> {
        if matches!(entry.kind, Kind::Directory(_)) {
            return Ok(false);
        }
        let restored = self.0.find(directory, &entry.name)?;
        Ok(restored.is_some_and(|restored| {
            has_same_content(&restored, entry) && restored.metadata == entry.metadata
        }))
    }
}

/// Whether only metadata can differ.
fn has_same_content(one: &Entry, other: &Entry) -> bool {
    match (&one.kind, &other.kind) {
        (Kind::File(one), Kind::File(other)) => one.hash == other.hash && one.size == other.size,
        (one, other) => one == other,
    }
}
