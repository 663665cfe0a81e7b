//! What a blob costs beside itself: its lines in the table of its pack and in the index.

use super::Blobs;
use crate::repo::{Catalog, RepoError, Repository};
use crate::storage::Folder;

/// Bytes of tables and index, by the blob.
#[derive(Debug, Clone, Copy, Default)]
pub struct Overhead {
    bytes: u64,
    lines: u64,
}

impl Overhead {
    /// Costs a listing of the index, and a look at each line.
    pub fn of(repository: &Repository, catalog: &Catalog) -> Result<Self, RepoError> {
        let index = catalog.index();
        let packs: u64 = index.packs().iter().map(|pack| u64::from(pack.size)).sum();
        let blobs: u64 = index.iter().map(|(_, at)| u64::from(at.place.share())).sum();
        let tables = packs.saturating_sub(blobs);
        let listed = repository.storage().list(Folder::Index)?;
        let bytes = tables + listed.iter().map(|listed| listed.size).sum::<u64>();
        Ok(Self { bytes, lines: index.len() as u64 })
    }

    /// The blobs with what they cost beside themselves.
    pub fn added_to(self, blobs: Blobs) -> Blobs {
        let share = u128::from(self.bytes) * u128::from(blobs.count);
        let share = share.checked_div(u128::from(self.lines)).unwrap_or(0);
        let share = u64::try_from(share).unwrap_or(u64::MAX);
        Blobs { stored: blobs.stored.saturating_add(share), ..blobs }
    }
}
