//! Spare copies of snapshots: the payload of each also lies as a blob in its last tree pack, or,
//! after a prune has written that anew, somewhere among the trees.

use crate::codec::BlobClass;
use crate::format::PackedBlob;
use crate::model::{Monitor, SessionId, Snapshot, SnapshotHash};
use crate::repo::{BlobReader, PackEntry, RepoError, snapshot_hash};
use crate::storage::StorageError;
use std::collections::HashSet;

/// What a search among the trees found.
pub struct Spares {
    /// Snapshots whose hash was not known, each once. Their id is not in the payload, and zero.
    pub found: Vec<Snapshot>,
    /// Every tree that there ever was could be read: what was not found is nowhere.
    pub is_complete: bool,
}

/// Reads every tree blob, and looks for payloads whose hash is not `known`. Those that the pack of
/// their own session points to are not looked for: they are found by that.
pub fn search(
    reader: &BlobReader,
    known: &mut HashSet<SnapshotHash>,
    monitor: &dyn Monitor,
) -> Result<Spares, RepoError> {
    let catalog = reader.catalog();
    let mut spares = Spares { found: Vec::new(), is_complete: catalog.unreadable().is_empty() };
    for pack in catalog.all_packs().filter(|pack| pack.class == BlobClass::Tree) {
        if monitor.stopped() {
            return Err(RepoError::Stopped);
        }
        let Some(blobs) = blobs_of(reader, pack)? else {
            spares.is_complete = false;
            continue;
        };
        for blob in blobs.iter().filter(|blob| pack.payload != Some(blob.id)) {
            match reader.read(BlobClass::Tree, &blob.id) {
                Ok(plain) => {
                    let payload = reader.repository().payload(SessionId::new([0; 16]), &plain);
                    let new = payload.filter(|snapshot| known.insert(snapshot_hash(snapshot)));
                    spares.found.extend(new);
                }
                Err(error) if error.is_damage() => spares.is_complete = false,
                Err(error) => return Err(error),
            }
        }
    }
    Ok(spares)
}

/// By the pack's own table; `None` if that cannot be read.
fn blobs_of(reader: &BlobReader, pack: &PackEntry) -> Result<Option<Vec<PackedBlob>>, RepoError> {
    let catalog = reader.catalog();
    let Some(listed) = catalog.listed().get(&pack.id) else { return Ok(None) };
    match reader.repository().read_pack_table(&pack.id, listed.size) {
        Ok(pack) => Ok(Some(pack.table.blobs)),
        Err(error) if error.is_damage() => Ok(None),
        Err(RepoError::Storage(StorageError::Absent { .. })) => Ok(None),
        Err(error) => Err(error),
    }
}
