//! P2: what is in the repository, and what of it is needed.

use crate::codec::BlobClass;
use crate::model::{BlobId, Monitor, PackId, SessionId};
use crate::ops::live::LiveBlobs;
use crate::repo::{
    BlobIndex, BlobReader, Catalog, Ledger, ListedPack, RepoError, Repository, Undecided,
};
use crate::storage::StorageError;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// An orphan whose footer does not open belongs to nobody who still lives after a day.
const UNREADABLE_AFTER_SECONDS: i64 = 24 * 3600;

/// What one pack holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackUse {
    pub id: PackId,
    /// Number in the index; `None` for an orphan.
    pub number: Option<u32>,
    pub class: BlobClass,
    /// Bytes of the whole pack; 0 if it is gone.
    pub size: u64,
    /// Blobs in it, and their bytes as stored.
    pub blobs: u64,
    pub stored: u64,
    /// Bytes of blobs that are needed and counted here.
    pub live: u64,
    /// How many those are; of a pack that is gone, those that no other pack has.
    pub live_blobs: u64,
    pub is_damaged: bool,
    /// It is named by the index and not there any more.
    pub is_gone: bool,
}

impl PackUse {
    /// Gone, and needed.
    fn is_lost(&self) -> bool {
        self.is_gone && self.live_blobs > 0
    }
}

/// What is in the repository at one time.
pub struct Inventory {
    pub reader: BlobReader,
    /// What lines and pack numbers here are of: the reader may have read the index again.
    pub catalog: Arc<Catalog>,
    pub ledger: Ledger,
    /// Packs that are marked as damaged.
    pub damaged: HashSet<PackId>,
    /// Packs that there were before the index was read.
    before: HashMap<PackId, ListedPack>,
    undecided: HashSet<SessionId>,
}

/// The use of packs.
pub struct Uses {
    /// Every indexed pack, by its number.
    pub indexed: Vec<PackUse>,
    /// Those that may go, sorted by id: orphans are among them, packs of undecided sessions and
    /// lost ones not.
    pub free: Vec<PackUse>,
    /// Bytes of packs that belong to sessions under way.
    pub bytes_under_way: u64,
}

impl Inventory {
    /// Reads everything in the order that the protocol demands. Sessions that `is_dead` says are
    /// dead are taken for decided.
    pub fn take(
        repository: &Arc<Repository>,
        is_dead: &dyn Fn(&Undecided) -> bool,
    ) -> Result<Self, RepoError> {
        let before = repository.list_packs()?;
        let catalog = repository.catalog_uncached(&HashSet::new())?;
        let undecided = repository.undecided()?;
        let undecided = undecided.iter().filter(|session| !is_dead(session));
        let undecided = undecided.map(|session| session.id).collect();
        let damaged = repository.damaged_packs()?;
        let ledger = repository.ledger()?;
        stop_at_unreadable(&ledger)?;
        let reader = BlobReader::with_catalog(Arc::clone(repository), catalog);
        let catalog = reader.catalog();
        Ok(Self { reader, catalog, ledger, damaged, before, undecided })
    }

    /// What packs are used for, if `live` is what is needed.
    pub fn uses(&self, live: &LiveBlobs) -> Result<Uses, RepoError> {
        let indexed = pack_uses(&self.catalog, live, &self.damaged);
        let mut free = indexed.clone();
        let mut bytes_under_way = 0;
        free.retain(|pack| {
            let number = pack.number.unwrap_or_default() as usize;
            let session = self.catalog.index().packs()[number].session;
            let under_way = self.undecided.contains(&session);
            bytes_under_way += if under_way { pack.size } else { 0 };
            !under_way && !pack.is_lost()
        });
        free.extend(orphans(self, live.missing())?);
        free.sort_by_key(|pack| pack.id);
        Ok(Uses { indexed, free, bytes_under_way })
    }
}

impl Uses {
    /// Whether a blob of this pack is needed, and counted there.
    pub fn is_home(
        &self,
        index: &BlobIndex,
        live: &LiveBlobs,
        id: &BlobId,
        pack: Option<u32>,
    ) -> bool {
        let lines = index.lines_of(id);
        !lines.is_empty()
            && live.is_marked(lines.start)
            && home(index, lines, &self.indexed).map(|at| at.pack) == pack
    }
}

/// The whole repository at one time.
pub struct Survey {
    pub inventory: Inventory,
    pub live: LiveBlobs,
    pub uses: Uses,
}

impl Survey {
    /// Packs that are gone, and that snapshots need.
    pub fn lost(&self) -> impl Iterator<Item = PackId> + '_ {
        self.uses.indexed.iter().filter(|pack| pack.is_lost()).map(|pack| pack.id)
    }

    pub fn catalog(&self) -> &Catalog {
        &self.inventory.catalog
    }

    pub fn reader(&self) -> &BlobReader {
        &self.inventory.reader
    }
}

/// What is there, and what of it is needed.
pub fn survey(repository: &Arc<Repository>, monitor: &dyn Monitor) -> Result<Survey, RepoError> {
    let inventory = Inventory::take(repository, &|_| false)?;
    let (reader, index) = (&inventory.reader, inventory.catalog.index());
    let live = LiveBlobs::of_snapshots(reader, index, &inventory.ledger.live, monitor)?;
    let uses = inventory.uses(&live)?;
    Ok(Survey { inventory, live, uses })
}

/// What cannot be read might need anything.
pub fn stop_at_unreadable(ledger: &Ledger) -> Result<(), RepoError> {
    match ledger.unreadable.first() {
        None => Ok(()),
        Some((name, error)) => Err(RepoError::Damaged { name: name.to_string(), why: error.why() }),
    }
}

/// Counts each needed blob in one pack: the first that is there and not damaged.
fn pack_uses(catalog: &Catalog, live: &LiveBlobs, damaged: &HashSet<PackId>) -> Vec<PackUse> {
    let index = catalog.index();
    let mut uses: Vec<PackUse> = index
        .packs()
        .iter()
        .zip(0..)
        .map(|(pack, number)| PackUse {
            id: pack.id,
            number: Some(number),
            class: pack.class,
            size: catalog.listed().get(&pack.id).map_or(0, |listed| listed.size),
            blobs: 0,
            stored: 0,
            live: 0,
            live_blobs: 0,
            is_damaged: damaged.contains(&pack.id),
            is_gone: !catalog.is_counted(number),
        })
        .collect();
    for (_, at) in index.iter() {
        if let Some(pack) = uses.get_mut(at.pack as usize) {
            pack.blobs += 1;
            pack.stored += u64::from(at.place.share());
        }
    }
    for (lines, _) in needed(index, live) {
        match home(index, lines.clone(), &uses) {
            Some(at) => {
                let pack = &mut uses[at.pack as usize];
                pack.live += u64::from(at.place.share());
                pack.live_blobs += 1;
            }
            // Lost. As long as the index names where it was, check does, and a backup heals it.
            None => lines.filter_map(|line| index.location(line)).for_each(|at| {
                uses[at.pack as usize].live_blobs += 1;
            }),
        }
    }
    uses
}

/// The lines of every needed blob, with its cut id.
pub fn needed<'a>(
    index: &'a BlobIndex,
    live: &'a LiveBlobs,
) -> impl Iterator<Item = (std::ops::Range<usize>, [u8; 24])> + 'a {
    let mut previous = None;
    let mut first = 0;
    let starts = index.iter().enumerate().filter_map(move |(line, (id, _))| {
        if previous != Some(id) {
            (previous, first) = (Some(id), line);
        }
        (first == line && live.is_marked(line)).then_some((line, id))
    });
    starts.map(|(line, id)| (line..line + index.count_from(line), id))
}

/// The place where a needed blob is counted.
pub fn home(
    index: &BlobIndex,
    lines: std::ops::Range<usize>,
    uses: &[PackUse],
) -> Option<crate::repo::Location> {
    let places = || lines.clone().filter_map(|line| index.location(line));
    let use_of = |at: &crate::repo::Location| uses.get(at.pack as usize);
    places()
        .find(|at| use_of(at).is_some_and(|pack| !pack.is_gone && !pack.is_damaged))
        .or_else(|| places().find(|at| use_of(at).is_some_and(|pack| !pack.is_gone)))
}

/// Packs that no index object names: of writers that ended before they came to it. One with a
/// blob of `missing` is no orphan: its writer came to its end after the index was read.
fn orphans(inventory: &Inventory, missing: &HashSet<BlobId>) -> Result<Vec<PackUse>, RepoError> {
    let Inventory { reader, catalog, before, undecided, .. } = inventory;
    let repository = reader.repository();
    let indexed: HashSet<PackId> = catalog.index().packs().iter().map(|pack| pack.id).collect();
    let mut found: Vec<_> = before.iter().filter(|(id, _)| !indexed.contains(id)).collect();
    found.sort_by_key(|(id, _)| **id);
    let mut orphans = Vec::new();
    for (id, listed) in found {
        let class = match repository.read_pack_table(id, listed.size) {
            Ok(pack) if undecided.contains(&pack.session) => continue,
            Ok(pack) if pack.table.blobs.iter().any(|blob| missing.contains(&blob.id)) => continue,
            Ok(pack) => pack.class,
            Err(RepoError::Storage(StorageError::Absent { .. })) => continue,
            // What cannot be read may be what is missing.
            Err(error) if error.is_damage() && !missing.is_empty() => continue,
            Err(error) if error.is_damage() => {
                let age = repository.clock().now().as_second() - listed.stored.as_second();
                if age < UNREADABLE_AFTER_SECONDS {
                    continue;
                }
                BlobClass::Data
            }
            Err(error) => return Err(error),
        };
        orphans.push(orphan(id, class, listed.size));
    }
    Ok(orphans)
}

fn orphan(id: &PackId, class: BlobClass, size: u64) -> PackUse {
    PackUse {
        id: *id,
        number: None,
        class,
        size,
        blobs: 0,
        stored: 0,
        live: 0,
        live_blobs: 0,
        is_damaged: false,
        is_gone: false,
    }
}
