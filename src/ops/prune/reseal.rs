//! By how much frames shrink or grow of which a prune keeps only a part: that depends on what is
//! in them, so some are read, and sealed as the prune will.

use super::survey::{Inventory, PackUse, Uses};
use crate::codec::BlobClass;
use crate::format::{Frame, PackedBlob};
use crate::ops::live::LiveBlobs;
use crate::repo::{FrameMeasure, Location, RepoError};
use crate::storage::StorageError;
use std::collections::{HashMap, HashSet};

/// Plain bytes of frames that are read at most; of more than these some are read, from all over.
const MOST_READ: u64 = 64 << 20;

/// A frame that is to be rewritten.
struct Use {
    frame: Frame,
    /// Plain bytes of it that are needed, and their share of what is stored.
    plain: u32,
    share: u64,
}

/// The frames of several blobs in the packs that are rewritten, by pack in the order in which they
/// are copied, and by offset.
pub struct Frames<'a> {
    packs: &'a [PackUse],
    order: HashMap<u32, usize>,
    uses: HashMap<(usize, u32), Use>,
}

impl<'a> Frames<'a> {
    pub fn new(packs: &'a [PackUse]) -> Self {
        let numbered = packs.iter().enumerate();
        let order = numbered.filter_map(|(order, pack)| Some((pack.number?, order))).collect();
        Self { packs, order, uses: HashMap::new() }
    }

    /// The pack in which a blob is counted, if that is rewritten. Notes that the blob is needed.
    pub fn need(&mut self, at: &Location) -> Option<&'a PackUse> {
        let order = *self.order.get(&at.pack)?;
        let place = at.place;
        if !place.is_alone() {
            let new = || Use { frame: place.frame, plain: 0, share: 0 };
            let of_frame = self.uses.entry((order, place.frame.offset)).or_insert_with(new);
            of_frame.plain = of_frame.plain.saturating_add(place.plain);
            of_frame.share += u64::from(place.share());
        }
        self.packs.get(order)
    }

    /// Bytes by which what is written is more than the shares of its blobs; exact where the frames
    /// come to few bytes. Costs reading them.
    pub fn resealed(
        self,
        inventory: &Inventory,
        live: &LiveBlobs,
        uses: &Uses,
    ) -> Result<i64, RepoError> {
        let partials = self.partials();
        let all = || partials.iter().flat_map(|(_, frames)| frames);
        let shares: u64 = all().map(|partial| partial.share).sum();
        let plain: u64 = all().map(|partial| u64::from(partial.frame.plain)).sum();
        let step = plain.div_ceil(MOST_READ).max(1) as usize;
        let sample = Sample { inventory, live, uses, step };
        let (sampled, sealed) = sample.measure(&partials)?;
        if sampled == 0 {
            return Ok(0);
        }
        let expected = u128::from(sealed) * u128::from(shares) / u128::from(sampled);
        Ok(i64::try_from(expected).unwrap_or(i64::MAX).saturating_sub_unsigned(shares))
    }

    /// Those of which only a part is needed.
    fn partials(self) -> Partials<'a> {
        let is_partial = |(_, of_frame): &(_, Use)| of_frame.plain < of_frame.frame.plain;
        let mut sorted: Vec<_> = self.uses.into_iter().filter(is_partial).collect();
        sorted.sort_by_key(|(at, _)| *at);
        let mut by_pack: Partials<'a> = self.packs.iter().map(|pack| (pack, vec![])).collect();
        for ((order, _), partial) in sorted {
            by_pack[order].1.push(partial);
        }
        by_pack
    }
}

/// By pack, in the order in which they are copied.
type Partials<'a> = Vec<(&'a PackUse, Vec<Use>)>;

/// Which frames are read: each one after so many.
struct Sample<'a> {
    inventory: &'a Inventory,
    live: &'a LiveBlobs,
    uses: &'a Uses,
    step: usize,
}

impl Sample<'_> {
    /// Shares of what was read, and what it takes as it will be sealed. What is damaged or gone is
    /// left out, as the prune leaves it.
    fn measure(&self, partials: &Partials<'_>) -> Result<(u64, u64), RepoError> {
        let repository = self.inventory.reader.repository();
        let mut measure = FrameMeasure::new(repository)?;
        let (mut shares, mut passed) = (0, 0);
        for (pack, frames) in partials {
            let from = passed;
            passed += frames.len();
            let number = |place: usize| (from + place).is_multiple_of(self.step);
            let frames = frames.iter().enumerate().filter(|(place, _)| number(*place));
            let chosen: HashSet<u32> = frames.map(|(_, partial)| partial.frame.offset).collect();
            if !chosen.is_empty() {
                shares += self.measure_pack(pack, &chosen, &mut measure)?;
            }
        }
        Ok((shares, measure.finish()?))
    }

    fn measure_pack(
        &self,
        pack: &PackUse,
        chosen: &HashSet<u32>,
        measure: &mut FrameMeasure<'_>,
    ) -> Result<u64, RepoError> {
        let Inventory { reader, catalog, .. } = self.inventory;
        let Some(pack_table) = readable(reader.repository().read_pack_table(&pack.id, pack.size))?
        else {
            return Ok(0);
        };
        let mut shares = 0;
        let is_wanted = |blob: &&PackedBlob| {
            let is_home = self.uses.is_home(catalog.index(), self.live, &blob.id, pack.number);
            chosen.contains(&blob.place.frame.offset) && is_home
        };
        for blob in pack_table.table.blobs.iter().filter(is_wanted) {
            if let Some(plain) = readable(reader.read_at(BlobClass::Data, &pack.id, blob))? {
                measure.add(blob.id, &plain)?;
                shares += u64::from(blob.place.share());
            }
        }
        Ok(shares)
    }
}

/// None of what is damaged or gone.
fn readable<T>(read: Result<T, RepoError>) -> Result<Option<T>, RepoError> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(RepoError::Storage(StorageError::Absent { .. })) => Ok(None),
        Err(error) if error.is_damage() => Ok(None),
        Err(error) => Err(error),
    }
}
