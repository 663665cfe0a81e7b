//! What a prune has freed: what went, less what was written in its place.

use crate::model::IndexId;
use crate::repo::{RepoError, Repository};
use crate::storage::Folder;
use std::collections::{HashMap, HashSet};

/// Index, snapshots and marks as a prune found them. Packs are counted where they are deleted.
#[derive(Default)]
pub struct Balance {
    /// Bytes by name; `None` before the prune has begun.
    before: Option<Sizes>,
    /// Index objects that the prune wrote.
    own: HashSet<IndexId>,
}

struct Sizes {
    index: HashMap<String, u64>,
    snapshots: HashMap<String, u64>,
    marks: HashMap<String, u64>,
}

impl Balance {
    /// To be called before anything is deleted; again is fine.
    pub fn begin(&mut self, repository: &Repository) -> Result<(), RepoError> {
        if self.before.is_none() {
            self.before = Some(Sizes::of(repository)?);
        }
        Ok(())
    }

    /// Names an index object that the prune wrote; again is fine.
    pub fn own_index(&mut self, id: IndexId) {
        self.own.insert(id);
    }

    /// Bytes freed, where packs of so many bytes were deleted and written.
    pub fn freed(
        &self,
        repository: &Repository,
        packs_deleted: u64,
        packs_written: u64,
    ) -> Result<u64, RepoError> {
        let Some(before) = &self.before else { return Ok(0) };
        let after = Sizes::of(repository)?;
        let own = self.own.iter().map(IndexId::hex).filter(|name| !before.index.contains_key(name));
        let written: u64 = own.filter_map(|name| after.index.get(&name)).sum();
        let marks = gone(&after.marks, &before.marks);
        let gone = gone(&before.index, &after.index) + gone(&before.snapshots, &after.snapshots);
        Ok((packs_deleted + gone).saturating_sub(packs_written + written + marks))
    }
}

impl Sizes {
    fn of(repository: &Repository) -> Result<Self, RepoError> {
        Ok(Self {
            index: sizes(repository, Folder::Index)?,
            snapshots: sizes(repository, Folder::Snapshots)?,
            marks: sizes(repository, Folder::Prune)?,
        })
    }
}

fn sizes(repository: &Repository, folder: Folder) -> Result<HashMap<String, u64>, RepoError> {
    let listed = repository.storage().list(folder)?.into_iter();
    Ok(listed.map(|listed| (listed.name.last().to_string(), listed.size)).collect())
}

/// Bytes of what is in the first and not in the second.
fn gone(before: &HashMap<String, u64>, after: &HashMap<String, u64>) -> u64 {
    before.iter().filter(|(name, _)| !after.contains_key(*name)).map(|(_, size)| size).sum()
}
