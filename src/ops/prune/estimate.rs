//! How large what a prune writes will be: tables of packs and index objects are made as it will
//! make them, and measured. Only ids that are not known yet are made up.

use super::choose::Choice;
use super::reseal::Frames;
use super::steps::MANY_INDEXES;
use super::survey::{Inventory, Uses, home, needed};
use crate::codec::{BlobClass, Class, Compression, Compressor, Sealer};
use crate::format::{
    FOOTER_LENGTH, Forgotten, Index, IndexedPack, PackTable, PackedBlob, PruneMark,
};
use crate::model::{BlobId, IndexId, PackId, SessionId, Snapshot};
use crate::ops::live::LiveBlobs;
use crate::ops::portion::Portion;
use crate::repo::{Location, RepoError, Repository, snapshot_hash};
use crate::storage::{Folder, StorageError};
use std::collections::{BTreeMap, HashSet};

/// Measures what is sealed.
struct Measure(Compressor);

impl Measure {
    fn new(repository: &Repository) -> Result<Self, RepoError> {
        Ok(Self(Compressor::new(match repository.config().compression {
            Compression::None => Compression::None,
            // Whatever level blobs have.
            Compression::Zstd(_) => Compression::Zstd(3),
        })?))
    }

    fn sealed(&mut self, class: Class, plain: &[u8]) -> Result<u64, RepoError> {
        let length = self.0.compress(plain)?.map_or(plain.len(), <[u8]>::len);
        Ok((Sealer::overhead(class) + length) as u64)
    }

    /// Bytes of an index object of these packs; none of none.
    fn index(&mut self, packs: Option<Vec<IndexedPack>>) -> Result<u64, RepoError> {
        let Some(packs) = packs else { return Ok(0) };
        let index = Index { session: own_session(), packs };
        self.sealed(Class::Index, &index.encode())
    }
}

/// Stands for that of the prune.
fn own_session() -> SessionId {
    SessionId::new(made_up(b"session"))
}

/// Bytes that do not compress.
fn made_up<const N: usize>(seed: &[u8]) -> [u8; N] {
    let mut bytes = [0; N];
    blake3::Hasher::new().update(seed).finalize_xof().fill(&mut bytes);
    bytes
}

/// The packs that a rewriting writes.
#[derive(Default)]
pub struct Written {
    pub packs: Vec<IndexedPack>,
    /// Bytes of all of them.
    pub bytes: u64,
}

/// What is written for the packs that are rewritten.
pub fn written(
    inventory: &Inventory,
    live: &LiveBlobs,
    uses: &Uses,
    choice: &Choice,
) -> Result<Written, RepoError> {
    let index = inventory.catalog.index();
    let repository = inventory.reader.repository();
    let mut writing = Writing {
        measure: Measure::new(repository)?,
        pack_size: u64::from(repository.config().pack_size),
        data: Open::default(),
        tree: Open::default(),
        written: Written::default(),
    };
    if choice.rewritten.is_empty() {
        return Ok(writing.written);
    }
    let mut frames = Frames::new(&choice.rewritten);
    for (lines, id) in needed(index, live) {
        let Some(at) = home(index, lines, &uses.indexed) else { continue };
        if let Some(pack) = frames.need(&at) {
            writing.add(pack.class, &id, at)?;
        }
    }
    writing.close(BlobClass::Data)?;
    writing.close(BlobClass::Tree)?;
    let Written { packs, bytes } = writing.written;
    let bytes = bytes.saturating_add_signed(frames.resealed(inventory, live, uses)?);
    Ok(Written { packs, bytes })
}

/// A pack that is not full.
#[derive(Default)]
struct Open {
    table: PackTable,
    bytes: u64,
}

struct Writing {
    measure: Measure,
    pack_size: u64,
    data: Open,
    tree: Open,
    written: Written,
}

impl Writing {
    fn open(&mut self, class: BlobClass) -> &mut Open {
        match class {
            BlobClass::Data => &mut self.data,
            BlobClass::Tree => &mut self.tree,
        }
    }

    fn add(&mut self, class: BlobClass, cut: &[u8; 24], at: Location) -> Result<(), RepoError> {
        // The index does not keep the rest of it.
        let mut id: [u8; 32] = made_up(cut);
        id[..24].copy_from_slice(cut);
        let open = self.open(class);
        open.table.blobs.push(PackedBlob { id: BlobId::new(id), place: at.place });
        open.bytes += u64::from(at.place.share());
        match open.bytes >= self.pack_size {
            true => self.close(class),
            false => Ok(()),
        }
    }

    fn close(&mut self, class: BlobClass) -> Result<(), RepoError> {
        let Open { mut table, bytes } = std::mem::take(self.open(class));
        if table.blobs.is_empty() {
            return Ok(());
        }
        // In packs they are shuffled; sorted ids would compress better.
        table.blobs.sort_by_cached_key(|blob| made_up::<8>(blob.id.bytes()));
        let sealed = self.measure.sealed(Class::PackTable, &table.encode())?;
        let size = bytes + sealed + FOOTER_LENGTH as u64;
        self.written.bytes += size;
        let id = PackId::new(made_up(&self.written.bytes.to_le_bytes()));
        let size = u32::try_from(size).unwrap_or(u32::MAX);
        let session = own_session();
        self.written.packs.push(IndexedPack { id, session, class, size, table });
        Ok(())
    }
}

/// Bytes of what a prune leaves for ever: its three marks, and a mark for each snapshot that is
/// forgotten first.
pub fn marks(choice: &Choice, forgotten: &[&Snapshot]) -> u64 {
    let condemned = choice.dead.iter().chain(&choice.rewritten).map(|pack| pack.id).collect();
    let mark = |condemned| PruneMark { session: SessionId::new([1; 16]), condemned };
    // Too short to be compressed.
    let sealed = |class: Class, plain: Vec<u8>| (Sealer::overhead(class) + plain.len()) as u64;
    let marks = match choice.dead.is_empty() && choice.rewritten.is_empty() {
        true => 0,
        false => {
            let step = sealed(Class::Prune, mark(Vec::new()).encode());
            sealed(Class::Prune, mark(condemned).encode()) + 2 * step
        }
    };
    let each = |snapshot: &&Snapshot| {
        let (writer, sequence, when) = (snapshot.writer, snapshot.sequence, snapshot.taken);
        let hash = snapshot_hash(snapshot);
        sealed(Class::Forgotten, Forgotten { writer, sequence, hash, when }.encode())
    };
    marks + forgotten.iter().map(each).sum::<u64>()
}

/// By how much the index shrinks (or grows, where packs are rewritten).
pub fn index_freed(
    repository: &Repository,
    choice: &Choice,
    written: Vec<IndexedPack>,
) -> Result<i64, RepoError> {
    let gone: HashSet<PackId> =
        choice.dead.iter().chain(&choice.rewritten).map(|pack| pack.id).collect();
    if gone.is_empty() {
        return Ok(0);
    }
    let mut measure = Measure::new(repository)?;
    let sizes = index_sizes(repository)?;
    // The prune puts those of its own packs first.
    let merges = sizes.len() + usize::from(!written.is_empty()) >= MANY_INDEXES;
    let (mut before, mut after) = (0, 0);
    let mut kept = Portion::default();
    for pack in written {
        after += measure.index(kept.push(pack))?;
    }
    if !merges {
        after += measure.index(std::mem::take(&mut kept).finish())?;
    }
    let mut seen: HashSet<PackId> = HashSet::new();
    for (id, size) in sizes {
        let index = match repository.get_index(&id) {
            Ok(index) => index,
            Err(RepoError::Storage(StorageError::Absent { .. })) => continue,
            Err(error) => return Err(error),
        };
        if merges || index.packs.iter().any(|pack| gone.contains(&pack.id)) {
            before += size;
            let packs = index.packs.into_iter().filter(|pack| !gone.contains(&pack.id));
            for pack in packs.filter(|pack| seen.insert(pack.id)) {
                after += measure.index(kept.push(pack))?;
            }
        }
    }
    after += measure.index(kept.finish())?;
    Ok(i64::try_from(i128::from(before) - i128::from(after)).unwrap_or(0))
}

fn index_sizes(repository: &Repository) -> Result<BTreeMap<IndexId, u64>, RepoError> {
    let listed = repository.storage().list(Folder::Index)?.into_iter();
    let sized = |name: &str, size: u64| name.parse().ok().map(|id: IndexId| (id, size));
    Ok(listed.filter_map(|listed| sized(listed.name.last(), listed.size)).collect())
}
