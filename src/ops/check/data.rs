//! Every byte: packs are read whole, compared with their names, and every blob in them is opened.

use super::ReadData;
use super::findings::Findings;
use crate::codec::BlobClass;
use crate::format::{IndexedPack, PackedBlob, pack_name};
use crate::model::{BlobId, Counter, Entropy, Monitor, PackId, SessionId, Snapshot, SnapshotHash};
use crate::ops::live::LiveBlobs;
use crate::repo::{BlobReader, Catalog, Ledger, ListedPack, RepoError, snapshot_hash};
use rayon::prelude::*;
use std::collections::{HashMap, HashSet};

/// How much was read.
pub struct Read {
    pub packs: u64,
    pub bytes: u64,
}

/// What is read with.
pub struct Reading<'a> {
    pub reader: &'a BlobReader,
    pub catalog: &'a Catalog,
    /// By the index of `catalog`.
    pub needed: &'a LiveBlobs,
}

/// What became of a pack.
enum Outcome {
    /// It is what its name says; with snapshots that it has spare copies of, and that are not
    /// there themselves.
    Whole(Vec<Snapshot>),
    /// It is not: what is in it, the index knows.
    Changed,
    /// Deleted by a prune after it was listed: not needed, or moved.
    Gone,
}

/// What is wrong with a pack.
struct BadPack {
    why: String,
    blobs: Vec<BlobId>,
}

type Pack = (PackId, ListedPack);

impl Reading<'_> {
    /// Reads the chosen packs on all workers; each takes memory for one pack. Those that are not
    /// whole are read a second time, by what the index says is in them.
    pub fn run(
        &self,
        which: ReadData,
        ledger: &Ledger,
        findings: &mut Findings,
        monitor: &dyn Monitor,
    ) -> Result<Read, RepoError> {
        let packs = chosen(self.catalog, which, self.reader.repository().entropy());
        let bytes = packs.iter().map(|(_, listed)| listed.size).sum();
        monitor.expect(Counter::BytesChecked, bytes);
        let known = ledger.hashes();
        let read = self.each(&packs, &|(id, listed)| {
            if monitor.stopped() {
                return Err(RepoError::Stopped);
            }
            let outcome = self.read_pack(id, *listed, &known)?;
            monitor.add(Counter::PacksChecked, 1);
            monitor.add(Counter::BytesChecked, listed.size);
            Ok(outcome)
        })?;
        let (mut changed, mut strays) = (Vec::new(), Vec::new());
        for (pack, outcome) in packs.iter().zip(read) {
            findings.read.insert(pack.0);
            match outcome {
                Outcome::Whole(found) => {
                    findings.whole.insert(pack.0);
                    strays.extend(found);
                }
                Outcome::Changed => changed.push(*pack),
                Outcome::Gone => {}
            }
        }
        self.name_strays(&strays, findings)?;
        self.blame(&changed, findings)?;
        Ok(Read { packs: packs.len() as u64, bytes })
    }

    /// Those that are still not known: others may have committed and forgotten meanwhile.
    fn name_strays(&self, strays: &[Snapshot], findings: &mut Findings) -> Result<(), RepoError> {
        if strays.is_empty() {
            return Ok(());
        }
        let known = self.reader.repository().ledger()?.hashes();
        let unknown = strays.iter().filter(|stray| !known.contains(&snapshot_hash(stray)));
        unknown.for_each(|stray| findings.stray(stray));
        Ok(())
    }

    /// In order with one worker, so that whole runs are the same each time.
    fn each<T: Send>(
        &self,
        packs: &[Pack],
        work: &(dyn Fn(&Pack) -> Result<T, RepoError> + Sync),
    ) -> Result<Vec<T>, RepoError> {
        match self.reader.repository().workers() {
            1 => packs.iter().map(work).collect(),
            workers => on_threads(workers, || packs.par_iter().map(work).collect())?,
        }
    }

    fn read_pack(
        &self,
        id: &PackId,
        listed: ListedPack,
        known: &HashSet<SnapshotHash>,
    ) -> Result<Outcome, RepoError> {
        let repository = self.reader.repository();
        let bytes = match repository.read_pack(id) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Ok(Outcome::Gone),
            Err(error) if error.is_damage() => return Ok(Outcome::Changed),
            Err(error) => return Err(error),
        };
        if blake3::hash(&bytes).as_bytes() != id.bytes() {
            return Ok(Outcome::Changed);
        }
        let Some(pack) = repository.open_pack_table(id, &bytes)? else {
            return Ok(Outcome::Changed);
        };
        let mut strays = Vec::new();
        for blob in &pack.table.blobs {
            let Some(plain) = self.open(pack.class, blob, &bytes) else {
                return Ok(Outcome::Changed);
            };
            // One that its own pack points to belongs to the pack's session, and is known by it.
            if pack.class == BlobClass::Tree && pack.table.payload != Some(blob.id) {
                let stray = repository.payload(SessionId::new([0; 16]), &plain);
                strays.extend(stray.filter(|stray| !known.contains(&snapshot_hash(stray))));
            }
        }
        debug_assert_eq!(bytes.len() as u64, listed.size);
        Ok(Outcome::Whole(strays))
    }

    fn open(&self, class: BlobClass, blob: &PackedBlob, bytes: &[u8]) -> Option<Vec<u8>> {
        let start = blob.offset as usize;
        let sealed = bytes.get(start..start.saturating_add(blob.stored as usize))?;
        let plain = self.reader.repository().open_blob(class, &blob.id, sealed).ok()?;
        (plain.len() == blob.plain as usize).then_some(plain)
    }

    /// Which blobs of changed packs are lost, and which of them are needed and nowhere else.
    fn blame(&self, changed: &[Pack], findings: &mut Findings) -> Result<(), RepoError> {
        if changed.is_empty() {
            return Ok(());
        }
        let ids: HashSet<PackId> = changed.iter().map(|(id, _)| *id).collect();
        let tables = self.reader.repository().indexed_packs(&ids)?;
        let bad = self.each(changed, &|(id, _)| self.read_changed(id, &tables))?;
        let bad: Vec<(PackId, BadPack)> = ids_of(changed).zip(bad).collect();
        let places: HashSet<(PackId, BlobId)> =
            bad.iter().flat_map(|(id, bad)| bad.blobs.iter().map(|blob| (*id, *blob))).collect();
        let elsewhere = |blob: &BlobId| {
            self.catalog.locate(blob).iter().any(|(pack, _)| !places.contains(&(*pack, *blob)))
        };
        for (id, bad) in bad {
            let lost = bad.blobs.iter().filter(|blob| self.is_needed(blob) && !elsewhere(blob));
            findings.blobs.extend(lost.map(|blob| (*blob, pack_name(&id))));
            let why = match findings.packs.get(&id) {
                Some(size) if size.contains("instead of") => format!("{size}; {}", bad.why),
                _ => bad.why,
            };
            findings.packs.insert(id, why);
        }
        Ok(())
    }

    fn is_needed(&self, id: &BlobId) -> bool {
        let lines = self.catalog.index().lines_of(id);
        match lines.is_empty() {
            true => self.needed.missing().contains(id),
            false => self.needed.is_marked(lines.start),
        }
    }

    fn read_changed(
        &self,
        id: &PackId,
        tables: &HashMap<PackId, IndexedPack>,
    ) -> Result<BadPack, RepoError> {
        let repository = self.reader.repository();
        let (bytes, unread) = match repository.read_pack(id) {
            Ok(bytes) => (bytes.unwrap_or_default(), None),
            Err(error) if error.is_damage() => (Vec::new(), Some(error.why())),
            Err(error) => return Err(error),
        };
        let own = repository.open_pack_table(id, &bytes)?;
        let opens = if own.is_some() { "" } else { ", and its own table does not open" };
        let Some(pack) = tables.get(id).or(own.as_ref()) else {
            let why = "its table does not open, and no index names it".to_string();
            return Ok(BadPack { why, blobs: Vec::new() });
        };
        let blobs = &pack.table.blobs;
        let is_bad = |blob: &&PackedBlob| self.open(pack.class, blob, &bytes).is_none();
        let bad: Vec<BlobId> = blobs.iter().filter(is_bad).map(|blob| blob.id).collect();
        let why = match (unread, bad.len()) {
            (Some(why), _) => why,
            (None, 0) => format!("it was changed, but every blob in it still opens{opens}"),
            (None, count) => {
                format!("it was changed: {count} of its {} blobs do not open{opens}", blobs.len())
            }
        };
        Ok(BadPack { why, blobs: bad })
    }
}

fn ids_of(packs: &[Pack]) -> impl Iterator<Item = PackId> + '_ {
    packs.iter().map(|(id, _)| *id)
}

fn on_threads<T: Send>(workers: usize, work: impl FnOnce() -> T + Send) -> Result<T, RepoError> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(workers).build();
    let pool = pool.map_err(|error| RepoError::Earlier(error.to_string()))?;
    Ok(pool.install(work))
}

/// Sorted by id, so that `Part` and plain runs read in the same order.
fn chosen(catalog: &Catalog, which: ReadData, entropy: &dyn Entropy) -> Vec<(PackId, ListedPack)> {
    let mut packs: Vec<(PackId, ListedPack)> =
        catalog.listed().iter().map(|(id, listed)| (*id, *listed)).collect();
    packs.sort_by_key(|(id, _)| *id);
    match which {
        ReadData::None => packs.clear(),
        ReadData::All => {}
        ReadData::Part { number, of } => {
            packs.retain(|(id, _)| in_part(id, of.max(1)) + 1 == number);
        }
        ReadData::Percent(percent) => {
            let total: u64 = packs.iter().map(|(_, listed)| listed.size).sum();
            take_random(entropy, &mut packs, (total as f64 * percent / 100.0) as u64);
        }
        ReadData::Bytes(bytes) => take_random(entropy, &mut packs, bytes),
    }
    packs
}

/// Spreads ids evenly over `of` parts.
fn in_part(id: &PackId, of: u32) -> u32 {
    let mut first = [0; 4];
    first.copy_from_slice(&id.bytes()[..4]);
    u32::from_be_bytes(first) % of
}

/// Keeps packs in random order until there are `bytes`, one at least.
fn take_random(entropy: &dyn Entropy, packs: &mut Vec<(PackId, ListedPack)>, bytes: u64) {
    let salt: [u8; 32] = entropy.bytes();
    packs.sort_by_cached_key(|(id, _)| *blake3::keyed_hash(&salt, id.bytes()).as_bytes());
    let mut taken = 0;
    packs.retain(|(_, listed)| {
        let keeps = taken == 0 || taken < bytes;
        taken += if keeps { listed.size } else { 0 };
        keeps
    });
}
