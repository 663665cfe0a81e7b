//! Repair of the index: it is made again from the packs. With it the small objects of prunes and
//! checks are written anew where they cannot be read.

use crate::format::{self, Index};
use crate::model::{Monitor, PackId, SessionId};
use crate::ops::portion::Portion;
use crate::repo::{RepoError, Repository, Writer};
use crate::storage::{Folder, StorageError};
use std::collections::HashSet;
use std::sync::Arc;

/// What a repair of the index did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IndexRepair {
    /// Packs that no readable index object named, and that are in the index now.
    pub packs_added: u64,
    /// Objects that did not open, and are gone or written anew: of the index, announcements of
    /// sessions that are decided, and marks.
    pub objects_removed: Vec<String>,
    /// Packs whose own table does not open.
    pub unreadable_packs: Vec<String>,
}

/// Brings every pack with a readable table into the index, and removes index objects that do
/// not open. Safe beside writers and prunes.
pub fn repair_index(
    repository: &Arc<Repository>,
    writer: &Writer,
    monitor: &Arc<dyn Monitor>,
) -> Result<IndexRepair, RepoError> {
    let id = repository.announce_repair(writer)?;
    let repaired = reindex(repository, id, monitor.as_ref())
        .and_then(|repair| mend_small_objects(repository, id, repair));
    repository.remove_announcements(id)?;
    repaired
}

fn reindex(
    repository: &Repository,
    session: SessionId,
    monitor: &dyn Monitor,
) -> Result<IndexRepair, RepoError> {
    let (catalog, unreadable) = repository.catalog_of_readable(&HashSet::new())?;
    let known: HashSet<PackId> = catalog.index().packs().iter().map(|pack| pack.id).collect();
    let mut unknown: Vec<_> =
        catalog.listed().iter().filter(|(id, _)| !known.contains(*id)).collect();
    unknown.sort_by_key(|(id, _)| **id);
    let mut repair = IndexRepair::default();
    let mut portion = Portion::default();
    for (id, listed) in unknown {
        if monitor.stopped() {
            return Err(RepoError::Stopped);
        }
        match repository.read_pack_table(id, listed.size) {
            Ok(pack) => {
                repair.packs_added += 1;
                if let Some(packs) = portion.push(pack) {
                    repository.put_index(&Index { session, packs })?;
                }
            }
            Err(RepoError::Storage(StorageError::Absent { .. })) => {}
            Err(error) if error.is_damage() => {
                repair.unreadable_packs.push(format::pack_name(id));
            }
            Err(error) => return Err(error),
        }
    }
    if let Some(packs) = portion.finish() {
        repository.put_index(&Index { session, packs })?;
    }
    for (name, _) in unreadable {
        if let Ok(object) = name.parse() {
            repository.storage().delete(&object)?;
            repair.objects_removed.push(name);
        }
    }
    Ok(repair)
}

/// Marks of damage, steps of prunes that are at their end, announcements of decided sessions.
fn mend_small_objects(
    repository: &Repository,
    session: SessionId,
    mut repair: IndexRepair,
) -> Result<IndexRepair, RepoError> {
    repair.objects_removed.extend(repository.mend_marks(session)?);
    let decided: HashSet<SessionId> = repository.ledger()?.all_decided().collect();
    for (name, _) in repository.unreadable_objects()? {
        let Ok(object) = name.parse::<crate::storage::ObjectName>() else { continue };
        let owner = object.rest().split('/').next().and_then(|id| id.parse::<SessionId>().ok());
        match object.folder() {
            Folder::Damaged => {
                let Ok(pack) = object.last().parse::<PackId>() else { continue };
                repository.unmark_damaged(&pack)?;
                repository.mark_damaged(&pack, "its mark could not be read")?;
            }
            Folder::Sessions if owner.is_some_and(|owner| decided.contains(&owner)) => {
                repository.storage().delete(&object)?;
            }
            _ => continue,
        }
        repair.objects_removed.push(name);
    }
    Ok(repair)
}
