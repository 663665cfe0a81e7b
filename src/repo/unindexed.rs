//! Packs that no index names: of writers under way or killed, or because an index object was
//! lost. Their own tables say what is in them, so that a reader still finds it.

use super::RepoError;
use super::blob_index::{BlobIndex, Lines, Merge, PackEntry, sort};
use super::catalog::{Catalog, until_whole};
use super::repository::Repository;
use crate::format::Index;
use crate::model::{PackId, SessionId};
use crate::storage::StorageError;
use std::collections::HashSet;
use std::sync::Arc;

/// What lies in packs that no index names.
pub(super) struct Unindexed {
    /// Made of the tables of those that have a readable one.
    pub index: BlobIndex,
    /// The others, with the reason; sorted.
    pub unreadable: Vec<(PackId, String)>,
}

impl Repository {
    /// The catalog for those who only read: index objects that do not open are done without, and
    /// packs that no other names are looked into.
    pub fn catalog_for_reading(&self) -> Result<Catalog, RepoError> {
        match self.catalog(&HashSet::new()) {
            Err(error) if error.is_damage() => {
                self.completed(&self.catalog_of_readable(&HashSet::new())?.0)
            }
            other => other,
        }
    }

    /// The catalog of those index objects that open, and the names of the others, with the
    /// reason. `barred` packs are counted, but not reusable.
    pub fn catalog_of_readable(
        &self,
        barred: &HashSet<PackId>,
    ) -> Result<(Catalog, Vec<(String, String)>), RepoError> {
        let (index, unreadable) = until_whole(|| self.merged(self.list_index()?, true))?;
        Ok((self.catalog_of(index, barred)?, unreadable))
    }

    /// The same catalog with the packs in it that no index names. Costs two small reads each.
    pub fn completed(&self, catalog: &Catalog) -> Result<Catalog, RepoError> {
        let indexed: HashSet<PackId> = catalog.index().packs().iter().map(|pack| pack.id).collect();
        let mut others: Vec<_> =
            catalog.listed().iter().filter(|(id, _)| !indexed.contains(id)).collect();
        others.sort_by_key(|(id, _)| **id);
        let (mut merge, mut lines, mut unreadable) = (Merge::default(), Vec::new(), Vec::new());
        for (id, listed) in others {
            match self.read_pack_table(id, listed.size) {
                Ok(pack) => {
                    let index = Index { session: SessionId::new([0; 16]), packs: vec![pack] };
                    merge.add(&index, &mut |line| {
                        lines.push(*line);
                        Ok::<(), RepoError>(())
                    })?;
                }
                Err(RepoError::Storage(StorageError::Absent { .. })) => {}
                Err(error) if error.is_damage() => unreadable.push((*id, error.why())),
                Err(error) => return Err(error),
            }
        }
        sort(&mut lines);
        let lines = Lines::Memory(lines);
        let index = BlobIndex { sources: Vec::new(), packs: merge.packs, lines };
        Ok(catalog.with(Arc::new(Unindexed { index, unreadable })))
    }
}

impl Catalog {
    /// Packs in storage that no index names, and whose own table can be read. Empty before
    /// [`Repository::completed`].
    pub fn unindexed(&self) -> &[PackEntry] {
        self.unindexed.as_ref().map_or(&[], |unindexed| unindexed.index.packs())
    }

    /// Packs that an index names, whether or not they are there, and those that none does.
    pub fn all_packs(&self) -> impl Iterator<Item = &PackEntry> {
        self.index().packs().iter().chain(self.unindexed())
    }

    /// Packs that no index names, and whose own table cannot be read; with the reason.
    pub fn unreadable(&self) -> &[(PackId, String)] {
        self.unindexed.as_ref().map_or(&[], |unindexed| &unindexed.unreadable)
    }
}
