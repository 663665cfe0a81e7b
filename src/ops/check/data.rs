//! Every byte: packs are read whole, compared with their names, and every blob in them is opened.

use super::{Findings, ReadData};
use crate::codec::BlobClass;
use crate::format::{self, PackedBlob};
use crate::model::{BlobId, Counter, Monitor, PackId};
use crate::repo::{BlobReader, ListedPack, RepoError};
use crate::storage::StorageError;
use rayon::prelude::*;

/// How much was read.
#[derive(Default)]
pub struct Read {
    pub packs: u64,
    pub bytes: u64,
}

/// Reads the chosen packs on all workers; each takes memory for one pack.
pub fn read(
    reader: &BlobReader,
    which: ReadData,
    findings: &mut Findings,
    monitor: &dyn Monitor,
) -> Result<Read, RepoError> {
    let packs = chosen(reader, which);
    let total = packs.iter().map(|(_, listed)| listed.size).sum();
    monitor.expect(Counter::BytesChecked, total);
    let one = |(id, listed): &(PackId, ListedPack)| {
        if monitor.stopped() {
            return Err(RepoError::Stopped);
        }
        let found = read_pack(reader, id, *listed)?;
        monitor.add(Counter::PacksChecked, 1);
        monitor.add(Counter::BytesChecked, listed.size);
        Ok((*id, found))
    };
    let results: Vec<Result<(PackId, Option<BadPack>), RepoError>> =
        match reader.repository().workers() {
            1 => packs.iter().map(one).collect(),
            workers => on_threads(workers, || packs.par_iter().map(one).collect())?,
        };
    for result in results {
        let (id, Some(bad)) = result? else { continue };
        let object = format::pack_name(&id);
        findings.blobs.extend(bad.blobs.into_iter().map(|blob| (blob, object.clone())));
        findings.packs.insert(id, bad.why);
    }
    Ok(Read { packs: packs.len() as u64, bytes: total })
}

fn on_threads<T: Send>(workers: usize, work: impl FnOnce() -> T + Send) -> Result<T, RepoError> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(workers).build();
    let pool = pool.map_err(|error| RepoError::Earlier(error.to_string()))?;
    Ok(pool.install(work))
}

/// Sorted by id, so that `Part` and plain runs read in the same order.
fn chosen(reader: &BlobReader, which: ReadData) -> Vec<(PackId, ListedPack)> {
    let catalog = reader.catalog();
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
            take_random(reader, &mut packs, (total as f64 * percent / 100.0) as u64);
        }
        ReadData::Bytes(bytes) => take_random(reader, &mut packs, bytes),
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
fn take_random(reader: &BlobReader, packs: &mut Vec<(PackId, ListedPack)>, bytes: u64) {
    let salt: [u8; 32] = reader.repository().entropy().bytes();
    packs.sort_by_cached_key(|(id, _)| *blake3::keyed_hash(&salt, id.bytes()).as_bytes());
    let mut taken = 0;
    packs.retain(|(_, listed)| {
        let keeps = taken == 0 || taken < bytes;
        taken += if keeps { listed.size } else { 0 };
        keeps
    });
}

/// What is wrong with a pack.
struct BadPack {
    why: String,
    blobs: Vec<BlobId>,
}

fn read_pack(
    reader: &BlobReader,
    id: &PackId,
    listed: ListedPack,
) -> Result<Option<BadPack>, RepoError> {
    let repository = reader.repository();
    let Some(bytes) = repository.read_pack(id)? else {
        // Deleted by a prune after it was listed: not needed, or moved.
        return Ok(None);
    };
    let whole = blake3::hash(&bytes).as_bytes() == id.bytes();
    let blobs = match repository.blobs_of_pack(id, listed.size) {
        Err(RepoError::Storage(StorageError::Absent { .. })) => return Ok(None),
        blobs => blobs?,
    };
    let (table_opens, known) = match blobs {
        Some(known) => (true, Some(known)),
        None => (false, indexed(reader, id)?),
    };
    let Some((class, blobs)) = known else {
        let why = "its table does not open, and no index knows it".to_string();
        return Ok(Some(BadPack { why, blobs: Vec::new() }));
    };
    let opens = |blob: &PackedBlob| {
        let range =
            blob.offset as usize..(blob.offset as usize).saturating_add(blob.stored as usize);
        bytes.get(range).is_some_and(|sealed| {
            let plain = repository.open_blob(class, &blob.id, sealed);
            plain.is_ok_and(|plain| plain.len() == blob.plain as usize)
        })
    };
    let bad: Vec<BlobId> = blobs.iter().filter(|blob| !opens(blob)).map(|blob| blob.id).collect();
    let why = match (whole, bad.len()) {
        (_, 0) if !table_opens => "its table does not open".to_string(),
        (true, 0) => return Ok(None),
        (true, count) => format!("{count} of its {} blobs do not open", blobs.len()),
        (false, 0) => "it was changed, but every blob in it still opens".to_string(),
        (false, count) => {
            format!("it was changed: {count} of its {} blobs do not open", blobs.len())
        }
    };
    Ok(Some(BadPack { why, blobs: bad }))
}

/// The blobs of a pack as the index has them.
fn indexed(reader: &BlobReader, id: &PackId) -> Result<Option<Known>, RepoError> {
    let repository = reader.repository();
    for index in repository.list_index()? {
        let Ok(index) = repository.get_index(&index) else { continue };
        if let Some(pack) = index.packs.into_iter().find(|pack| pack.id == *id) {
            return Ok(Some((pack.class, pack.table.blobs)));
        }
    }
    Ok(None)
}

type Known = (BlobClass, Vec<PackedBlob>);
