//! Live blobs are copied out of packs that go: sealed as they are, after proof that they open.

use super::steps::Condemned;
use super::survey::{PackUse, Survey, home, stop_at_unreadable};
use crate::format::{IndexedPack, PackedBlob};
use crate::model::{BlobId, Counter, Monitor, PackId};
use crate::ops::live::LiveBlobs;
use crate::repo::{BlobReader, Catalog, RepoError, Repository, SealedBlob, Session};
use crate::storage::StorageError;
use std::collections::HashSet;
use std::sync::Arc;

/// P2: copies the live blobs of packs that are worth it. Returns the packs of which all that is
/// live was copied; one that cannot be read whole stays as it is.
pub fn rewrite(
    survey: &Survey,
    packs: &[PackUse],
    session: &Session,
    monitor: &dyn Monitor,
) -> Result<Vec<PackId>, RepoError> {
    let (catalog, reader) = (survey.catalog(), survey.reader());
    let repository = reader.repository();
    let mut rewritten = Vec::new();
    for pack in packs {
        let is_home = |id: &BlobId| {
            let lines = catalog.index().lines_of(id);
            !lines.is_empty()
                && survey.live.is_marked(lines.start)
                && home(catalog.index(), lines, &survey.uses.indexed).map(|at| at.pack)
                    == pack.number
        };
        let copied = repository
            .read_pack_table(&pack.id, pack.size)
            .and_then(|table| copy_blobs(reader, &table, session, monitor, &is_home));
        match copied {
            Ok(()) => rewritten.push(pack.id),
            Err(error) if error.is_damage() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(rewritten)
}

fn copy_blobs(
    reader: &BlobReader,
    pack: &IndexedPack,
    session: &Session,
    monitor: &dyn Monitor,
    wanted: &dyn Fn(&BlobId) -> bool,
) -> Result<(), RepoError> {
    let mut wanted = pack.table.blobs.iter().filter(|blob| wanted(&blob.id));
    wanted.try_for_each(|blob| copy_blob(reader, pack, blob, session, monitor))
}

fn copy_blob(
    reader: &BlobReader,
    pack: &IndexedPack,
    blob: &PackedBlob,
    session: &Session,
    monitor: &dyn Monitor,
) -> Result<(), RepoError> {
    if monitor.stopped() {
        return Err(RepoError::Stopped);
    }
    let bytes = reader.read_sealed_at(&pack.id, pack.class, blob)?;
    monitor.add(Counter::BytesRewritten, bytes.len() as u64);
    session.add_sealed(pack.class, SealedBlob { id: blob.id, bytes, plain: blob.plain })
}

/// P6: snapshots are listed again, and every live blob that now lies only in condemned packs is
/// copied. Returns how many needed blobs are in no pack at all.
pub fn rescue(
    repository: &Arc<Repository>,
    condemned: &Condemned,
    session: &Session,
    monitor: &dyn Monitor,
) -> Result<u64, RepoError> {
    let ledger = repository.ledger()?;
    stop_at_unreadable(&ledger)?;
    let damaged = repository.damaged_packs()?;
    let catalog = repository.catalog_uncached(&damaged)?;
    let reader = BlobReader::with_catalog(Arc::clone(repository), catalog);
    let catalog = reader.catalog();
    let live = LiveBlobs::of_snapshots(&reader, catalog.index(), &ledger.live, monitor)?;
    let mut missing = live.missing().clone();
    let mut copied: HashSet<BlobId> = HashSet::new();
    for id in condemned.iter() {
        let Some(listed) = catalog.listed().get(id) else { continue };
        let table = match repository.read_pack_table(id, listed.size) {
            Ok(table) => table,
            // Another prune put the final mark and deletes; it has copied what is needed.
            Err(RepoError::Storage(StorageError::Absent { .. })) => continue,
            Err(error) if error.is_damage() => continue,
            Err(error) => return Err(error),
        };
        let wanted =
            |blob: &BlobId| is_needed(&catalog, &live, blob) && !is_safe(&catalog, condemned, blob);
        for blob in &table.table.blobs {
            missing.remove(&blob.id);
        }
        copy_readable(&reader, &table, session, monitor, &wanted, &mut copied)?;
    }
    Ok(missing.len() as u64)
}

/// A damaged blob is lost already, unless another pack has it too; the others of its pack are not.
fn copy_readable(
    reader: &BlobReader,
    pack: &IndexedPack,
    session: &Session,
    monitor: &dyn Monitor,
    wanted: &dyn Fn(&BlobId) -> bool,
    copied: &mut HashSet<BlobId>,
) -> Result<(), RepoError> {
    for blob in pack.table.blobs.iter().filter(|blob| wanted(&blob.id)) {
        if copied.contains(&blob.id) {
            continue;
        }
        match copy_blob(reader, pack, blob, session, monitor) {
            Ok(()) => {
                copied.insert(blob.id);
            }
            Err(error) if error.is_damage() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn is_needed(catalog: &Catalog, live: &LiveBlobs, id: &BlobId) -> bool {
    let lines = catalog.index().lines_of(id);
    match lines.is_empty() {
        true => live.missing().contains(id),
        false => live.is_marked(lines.start),
    }
}

/// Whether a pack that stays, and is not named damaged, has the blob.
fn is_safe(catalog: &Catalog, condemned: &Condemned, id: &BlobId) -> bool {
    let sound = |number| catalog.is_reusable_pack(number);
    catalog.locate(id).iter().any(|(pack, at)| sound(at.pack) && !condemned.contains(pack))
}
