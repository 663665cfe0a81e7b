//! Marks of damage, `damaged/<pack id>`: what is marked is not relied on, so that the next backup
//! that still has the data stores it again.

use super::RepoError;
use super::repository::{Repository, object_name};
use crate::codec::Class;
use crate::format::{self, Damaged};
use crate::model::PackId;
use crate::storage::Folder;
use std::collections::HashSet;

/// What is marked where blobs are missing and nobody knows from which pack: while any mark is
/// there, every blob is looked up before it is relied on.
pub const UNKNOWN_PACK: PackId = PackId::new([0; PackId::LENGTH]);

impl RepoError {
    /// What is to be marked after this error, if anything.
    pub fn blamed(&self) -> Option<PackId> {
        match self {
            Self::MissingBlob { pack, .. } => Some(pack.unwrap_or(UNKNOWN_PACK)),
            other => other.pack(),
        }
    }
}

impl Repository {
    /// Packs that were found damaged or missing. An object that does not open counts too: a
    /// wrong guess costs work, never data.
    pub fn damaged_packs(&self) -> Result<HashSet<PackId>, RepoError> {
        let listed = self.storage.list(Folder::Damaged)?;
        Ok(listed.iter().filter_map(|listed| listed.name.last().parse().ok()).collect())
    }

    /// Marks a pack, so that the next backup that still has its content stores it again. One
    /// that is marked keeps its mark.
    pub fn mark_damaged(&self, pack: &PackId, why: &str) -> Result<(), RepoError> {
        let name = object_name(&format::damaged_name(pack))?;
        let why: String = why.chars().take(500).collect();
        let damaged = Damaged { why, when: self.clock().now() };
        self.put_object(Class::Damaged, &name, &damaged.encode())?;
        Ok(())
    }

    /// Marks what an error of reading a blob lays the blame on; nothing for other errors.
    pub fn mark_blamed(&self, error: &RepoError) -> Result<(), RepoError> {
        match error.blamed() {
            Some(pack) => self.mark_damaged(&pack, &error.to_string()),
            None => Ok(()),
        }
    }

    /// Takes the mark off again: the pack is gone, or whole.
    pub fn unmark_damaged(&self, pack: &PackId) -> Result<(), RepoError> {
        Ok(self.storage.delete(&object_name(&format::damaged_name(pack))?)?)
    }
}
