//! Repair: an index is made again from the packs, lost or unreadable commits from their spare
//! copies. Everything that is found stays; nothing is guessed.

use crate::format::{Index, IndexedPack, SessionKind};
use crate::model::{Monitor, PackId, SessionId, Snapshot};
use crate::repo::{BlobReader, RepoError, Repository, Session, Writer, snapshot_hash};
use crate::storage::{Folder, StorageError};
use std::collections::HashSet;
use std::sync::Arc;

/// What a repair of the index did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IndexRepair {
    /// Packs that no readable index object named, and that are in the index now.
    pub packs_added: u64,
    /// Index objects that did not open, and are gone.
    pub objects_removed: Vec<String>,
    /// Packs whose own table does not open.
    pub unreadable_packs: Vec<String>,
}

/// Packs in one new index object.
const PORTION: usize = 256;

/// Brings every pack with a readable table into the index, and removes index objects that do
/// not open. Safe beside writers and prunes.
pub fn repair_index(
    repository: &Arc<Repository>,
    writer: &Writer,
    monitor: &Arc<dyn Monitor>,
) -> Result<IndexRepair, RepoError> {
    let id = repository.announce_repair(writer)?;
    let repaired = reindex(repository, id, monitor.as_ref());
    repository.remove_announcements(id)?;
    repaired
}

fn reindex(
    repository: &Repository,
    session: SessionId,
    monitor: &dyn Monitor,
) -> Result<IndexRepair, RepoError> {
    let (catalog, unreadable) = repository.catalog_of_readable()?;
    let known: HashSet<PackId> = catalog.index().packs().iter().map(|pack| pack.id).collect();
    let mut unknown: Vec<_> =
        catalog.listed().iter().filter(|(id, _)| !known.contains(*id)).collect();
    unknown.sort_by_key(|(id, _)| **id);
    let mut repair = IndexRepair::default();
    let mut packs: Vec<IndexedPack> = Vec::new();
    for (id, listed) in unknown {
        if monitor.stopped() {
            return Err(RepoError::Stopped);
        }
        match repository.read_pack_table(id, listed.size) {
            Ok(pack) => packs.push(pack),
            Err(RepoError::Storage(StorageError::Absent { .. })) => {}
            Err(error) if error.is_damage() => {
                repair.unreadable_packs.push(crate::format::pack_name(id));
            }
            Err(error) => return Err(error),
        }
    }
    repair.packs_added = packs.len() as u64;
    for portion in packs.chunks(PORTION) {
        repository.put_index(&Index { session, packs: portion.to_vec() })?;
    }
    for (name, _) in unreadable {
        if let Ok(object) = name.parse() {
            repository.storage().delete(&object)?;
            repair.objects_removed.push(name);
        }
    }
    Ok(repair)
}

/// What a repair of snapshots did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SnapshotRepair {
    /// Old and new id of each snapshot that was committed again.
    pub restored: Vec<(SessionId, SessionId)>,
    /// `forgotten/s` objects that did not open and were written anew.
    pub forgotten_again: Vec<SessionId>,
    /// Objects for which no spare copy was found, with the reason.
    pub hopeless: Vec<(String, String)>,
}

/// Commits again what was lost: snapshots whose commit does not open or is gone, from the spare
/// copy in their tree pack, each under a new session; then the old one is forgotten.
pub fn repair_snapshots(
    repository: &Arc<Repository>,
    writer: &Writer,
    monitor: &Arc<dyn Monitor>,
) -> Result<SnapshotRepair, RepoError> {
    let reader = BlobReader::new(Arc::clone(repository))?;
    let mut repair = SnapshotRepair::default();
    let ledger = repository.ledger()?;
    let mut lost = repository.lost_commits(&reader.catalog())?;
    for (name, error) in &ledger.unreadable {
        let Ok(id) = name.last().parse::<SessionId>() else { continue };
        match name.folder() {
            Folder::Snapshots if !ledger.forgotten.contains(&id) => lost.push(id),
            Folder::Snapshots => repository.storage().delete(name)?,
            _ => match repository.find_payload(&reader, id)? {
                Some(snapshot) => {
                    repository.storage().delete(name)?;
                    repository.forget(&snapshot)?;
                    repair.forgotten_again.push(id);
                }
                None => repair.hopeless.push((name.to_string(), error.to_string())),
            },
        }
    }
    for id in lost {
        let name = crate::format::snapshot_name(&id);
        match repository.find_payload(&reader, id)? {
            Some(snapshot) => {
                let new = commit_again(repository, writer, &snapshot, monitor)?;
                repository.forget(&snapshot)?;
                if let Ok(object) = name.parse() {
                    repository.storage().delete(&object)?;
                }
                repair.restored.push((id, new));
            }
            None => {
                let why = "no spare copy of it was found in any pack".to_string();
                repair.hopeless.push((name, why));
            }
        }
    }
    Ok(repair)
}

/// The same content and times under a new session.
fn commit_again(
    repository: &Arc<Repository>,
    writer: &Writer,
    old: &Snapshot,
    monitor: &Arc<dyn Monitor>,
) -> Result<SessionId, RepoError> {
    let session = Session::begin(repository, SessionKind::Repair, writer, Arc::clone(monitor))?;
    let link = repository.next_link()?;
    let snapshot = Snapshot {
        id: session.id(),
        writer: link.writer,
        sequence: link.sequence,
        previous: link.previous,
        original: Some(old.original.unwrap_or(old.id)),
        ..old.clone()
    };
    session.commit(&snapshot)?;
    repository.remember_snapshot(&snapshot);
    debug_assert_ne!(snapshot_hash(&snapshot), snapshot_hash(old));
    Ok(session.id())
}
