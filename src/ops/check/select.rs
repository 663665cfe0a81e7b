//! Which packs a check reads, and in which order.

use super::verified::Verified;
use super::{CheckOptions, ReadData};
use crate::model::{Entropy, PackId};
use crate::repo::{Catalog, ListedPack};

pub type Pack = (PackId, ListedPack);

/// The packs to read: those never verified first, then those verified longest ago. Where only a
/// part of them will be, chance decides among equals; else it is their id.
pub fn chosen(
    catalog: &Catalog,
    options: &CheckOptions,
    verified: &Verified,
    entropy: &dyn Entropy,
) -> Vec<Pack> {
    let mut packs: Vec<Pack> = catalog.listed().iter().map(|(id, listed)| (*id, *listed)).collect();
    let total: u64 = packs.iter().map(|(_, listed)| listed.size).sum();
    packs.sort_by_key(|(id, _)| (verified.when(id), *id));
    if let Some(since) = options.verified_since {
        packs.retain(|(id, _)| verified.when(id).is_none_or(|time| time < since));
    }
    match options.read {
        ReadData::None => packs.clear(),
        ReadData::All => {}
        ReadData::Part { number, of } => {
            packs.retain(|(id, _)| in_part(id, of.max(1)) + 1 == number);
        }
        ReadData::Percent(percent) => {
            let bytes = (total as f64 * percent / 100.0) as u64;
            take(entropy, verified, &mut packs, bytes);
        }
        ReadData::Bytes(bytes) => take(entropy, verified, &mut packs, bytes),
    }
    packs
}

/// Spreads ids evenly over `of` parts.
fn in_part(id: &PackId, of: u32) -> u32 {
    let mut first = [0; 4];
    first.copy_from_slice(&id.bytes()[..4]);
    u32::from_be_bytes(first) % of
}

/// Keeps packs until there are `bytes`, one at least.
fn take(entropy: &dyn Entropy, verified: &Verified, packs: &mut Vec<Pack>, bytes: u64) {
    let salt: [u8; 32] = entropy.bytes();
    packs.sort_by_cached_key(|(id, _)| {
        (verified.when(id), *blake3::keyed_hash(&salt, id.bytes()).as_bytes())
    });
    let mut taken = 0;
    packs.retain(|(_, listed)| {
        let keeps = taken == 0 || taken < bytes;
        taken += if keeps { listed.size } else { 0 };
        keeps
    });
}
