//! Live blobs are copied out of packs that go, after proof that they open: frames as they are, or
//! what is needed of them sealed anew.

use super::steps::Condemned;
use super::survey::{PackUse, Survey, stop_at_unreadable};
use crate::codec::Compressor;
use crate::format::{IndexedPack, PackedBlob};
use crate::model::{BlobId, Counter, Monitor, PackId};
use crate::ops::live::LiveBlobs;
use crate::repo::{BlobReader, Catalog, RepoError, Repository, Session};
use crate::storage::StorageError;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// P2: copies the live blobs of packs that are worth it. Returns the packs of which all that is
/// live was copied; one that cannot be read whole stays as it is.
pub fn rewrite(
    survey: &Survey,
    packs: &[PackUse],
    session: &Session,
    monitor: &dyn Monitor,
) -> Result<Vec<PackId>, RepoError> {
    let next = AtomicUsize::new(0);
    let work = || rewrite_next(survey, packs, &next, session, monitor);
    let workers = survey.reader().repository().workers();
    let mut rewritten = std::thread::scope(|scope| {
        // One works right here: a world that is simulated has one thread.
        let others: Vec<_> = (1..workers).map(|_| scope.spawn(work)).collect();
        let mut done = work();
        for other in others {
            let panicked = |_| Err(RepoError::Earlier("a thread of the prune failed".to_string()));
            let more = other.join().unwrap_or_else(panicked);
            done = done.and_then(|done| Ok([done, more?].concat()));
        }
        done
    })?;
    rewritten.sort_unstable();
    Ok(rewritten)
}

/// Takes one pack after the other that nobody else has taken; after an error there is no next one.
fn rewrite_next(
    survey: &Survey,
    packs: &[PackUse],
    next: &AtomicUsize,
    session: &Session,
    monitor: &dyn Monitor,
) -> Result<Vec<PackId>, RepoError> {
    let (catalog, reader) = (survey.catalog(), survey.reader());
    let mut copying = Copying::new(reader, session, monitor)?;
    let mut rewritten = Vec::new();
    while let Some(pack) = packs.get(next.fetch_add(1, Ordering::Relaxed)) {
        let is_home =
            |id: &BlobId| survey.uses.is_home(catalog.index(), &survey.live, id, pack.number);
        let table = reader.repository().read_pack_table(&pack.id, pack.size);
        match table.and_then(|table| copying.copy(&table, &is_home)) {
            Ok(()) => rewritten.push(pack.id),
            Err(error) if error.is_damage() => {}
            Err(error) => {
                next.store(packs.len(), Ordering::Relaxed);
                return Err(error);
            }
        }
    }
    Ok(rewritten)
}

/// Where blobs are copied from and to.
struct Copying<'a> {
    reader: &'a BlobReader,
    session: &'a Session,
    monitor: &'a dyn Monitor,
    compressor: Compressor,
}

impl<'a> Copying<'a> {
    fn new(
        reader: &'a BlobReader,
        session: &'a Session,
        monitor: &'a dyn Monitor,
    ) -> Result<Self, RepoError> {
        let compressor = reader.repository().compressor()?;
        Ok(Self { reader, session, monitor, compressor })
    }

    /// Copies the wanted blobs of a pack.
    fn copy(
        &mut self,
        pack: &IndexedPack,
        wanted: &dyn Fn(&BlobId) -> bool,
    ) -> Result<(), RepoError> {
        pack.table.frames().try_for_each(|blobs| {
            let chosen: Vec<PackedBlob> =
                blobs.iter().filter(|blob| wanted(&blob.id)).copied().collect();
            match chosen.len() == blobs.len() {
                true => self.copy_frame(pack, blobs),
                false => chosen.iter().try_for_each(|blob| self.copy_blob(pack, blob)),
            }
        })
    }

    /// As it is.
    fn copy_frame(&self, pack: &IndexedPack, blobs: &[PackedBlob]) -> Result<(), RepoError> {
        self.stop()?;
        let frame = self.reader.read_sealed(&pack.id, pack.class, blobs)?;
        self.monitor.add(Counter::BytesRewritten, frame.bytes.len() as u64);
        self.session.add_sealed(pack.class, frame)
    }

    /// One that is alone as it is, one of several sealed anew, with others that are copied so.
    fn copy_blob(&mut self, pack: &IndexedPack, blob: &PackedBlob) -> Result<(), RepoError> {
        if blob.place.is_alone() {
            return self.copy_frame(pack, std::slice::from_ref(blob));
        }
        self.stop()?;
        let plain = self.reader.read_at(pack.class, &pack.id, blob)?;
        self.monitor.add(Counter::BytesRewritten, u64::from(blob.place.share()));
        self.session.add_plain(pack.class, blob.id, &plain, &mut self.compressor)
    }

    fn stop(&self) -> Result<(), RepoError> {
        if self.monitor.stopped() { Err(RepoError::Stopped) } else { Ok(()) }
    }
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
    let mut copying = Copying::new(&reader, session, monitor)?;
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
        copy_readable(&mut copying, &table, &wanted, &mut copied)?;
    }
    Ok(missing.len() as u64)
}

/// A damaged blob is lost already, unless another pack has it too; the others of its pack are not.
fn copy_readable(
    copying: &mut Copying<'_>,
    pack: &IndexedPack,
    wanted: &dyn Fn(&BlobId) -> bool,
    copied: &mut HashSet<BlobId>,
) -> Result<(), RepoError> {
    for blob in pack.table.blobs.iter().filter(|blob| wanted(&blob.id)) {
        if copied.contains(&blob.id) {
            continue;
        }
        match copying.copy_blob(pack, blob) {
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
