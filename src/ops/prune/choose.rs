//! Which packs go, and which are written anew without what is dead in them. Pure.

use super::survey::PackUse;
use crate::codec::BlobClass;
use std::cmp::Reverse;

/// How hard a prune tries.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Thrift {
    /// Dead bytes that may stay in packs with live blobs, as a part of the live bytes.
    pub tolerated: f64,
    /// Packs smaller than this are put together when there are many; at most a quarter of what
    /// packs are to have, so that what is put together is small no more.
    pub small: u64,
    /// False: only packs without live blobs go (a full disk has no room for new packs).
    pub rewrite: bool,
}

/// So many small packs of a class are put together.
const MANY: usize = 10;

/// What is to be done with packs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choice {
    /// No live blobs (or gone): condemned as they are.
    pub dead: Vec<PackUse>,
    /// Their live blobs are copied, then they are condemned.
    pub rewritten: Vec<PackUse>,
    /// Dead bytes in the packs that stay.
    pub left: u64,
}

/// Chooses; `packs` are sorted, so the choice is always the same.
pub fn choose(packs: &[PackUse], thrift: Thrift) -> Choice {
    let mut choice = Choice::default();
    let (dead, mut used): (Vec<PackUse>, Vec<PackUse>) =
        packs.iter().cloned().partition(|pack| pack.live_blobs == 0);
    choice.dead = dead;
    let live: u64 = used.iter().map(|pack| pack.live).sum();
    choice.left = used.iter().map(waste).sum();
    if !thrift.rewrite {
        return choice;
    }
    let tolerated = (live as f64 * thrift.tolerated) as u64;
    used.sort_by_key(|pack| (Reverse(waste_in_a_thousand(pack)), pack.id));
    let many = [BlobClass::Data, BlobClass::Tree]
        .map(|class| used.iter().filter(|pack| is_small(pack, class, thrift)).count() >= MANY);
    for pack in used {
        let small = many[0] && is_small(&pack, BlobClass::Data, thrift)
            || many[1] && is_small(&pack, BlobClass::Tree, thrift);
        if pack.is_damaged || small || choice.left > tolerated && waste_in_a_thousand(&pack) > 0 {
            choice.left -= waste(&pack);
            choice.rewritten.push(pack);
        }
    }
    choice
}

fn is_small(pack: &PackUse, class: BlobClass, thrift: Thrift) -> bool {
    pack.class == class && pack.size < thrift.small
}

/// Bytes of dead blobs, with the pack's own table.
fn waste(pack: &PackUse) -> u64 {
    // A table line and an index line for each live blob belong to it; so does a little more.
    let own = 200 + pack.live_blobs * 40;
    pack.size.saturating_sub(pack.live).saturating_sub(own)
}

fn waste_in_a_thousand(pack: &PackUse) -> u64 {
    waste(pack) * 1000 / pack.size.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::PackId;

    fn pack(number: u8, size: u64, live: u64) -> PackUse {
        PackUse {
            id: PackId::new([number; 32]),
            number: Some(0),
            class: BlobClass::Data,
            size,
            blobs: 1,
            stored: size,
            live,
            live_blobs: u64::from(live > 0),
            is_damaged: false,
            is_gone: false,
        }
    }

    const THRIFT: Thrift = Thrift { tolerated: 0.05, small: 100, rewrite: true };

    fn numbers(packs: &[PackUse]) -> Vec<u8> {
        packs.iter().map(|pack| pack.id.bytes()[0]).collect()
    }

    #[test]
    fn packs_without_live_blobs_go() {
        let choice = choose(&[pack(1, 10_000, 0), pack(2, 10_000, 9_760)], THRIFT);
        assert_eq!(numbers(&choice.dead), [1]);
        assert!(choice.rewritten.is_empty());
    }

    #[test]
    fn the_emptiest_are_rewritten_until_little_is_left() {
        let packs = [pack(1, 100_000, 97_000), pack(2, 100_000, 20_000), pack(3, 100_000, 90_000)];
        let choice = choose(&packs, THRIFT);
        assert_eq!(numbers(&choice.rewritten), [2, 3]);
        assert_eq!(choice.left, 2_760);
    }

    #[test]
    fn a_full_disk_rewrites_nothing() {
        let thrift = Thrift { rewrite: false, ..THRIFT };
        let choice = choose(&[pack(1, 100_000, 10), pack(2, 100_000, 0)], thrift);
        assert_eq!((numbers(&choice.dead), choice.rewritten.len()), (vec![2], 0));
    }

    #[test]
    fn packs_that_are_as_small_as_they_are_to_be_stay() {
        let packs: Vec<_> = (0..20).map(|number| pack(number, 90, 80)).collect();
        assert!(choose(&packs, THRIFT.for_packs_of(90)).rewritten.is_empty());
        assert_eq!(choose(&packs, THRIFT.for_packs_of(400)).rewritten.len(), 20);
    }

    #[test]
    fn many_small_packs_are_put_together() {
        let few: Vec<_> = (0..9).map(|number| pack(number, 90, 80)).collect();
        assert!(choose(&few, THRIFT).rewritten.is_empty());
        let many: Vec<_> = (0..10).map(|number| pack(number, 90, 80)).collect();
        assert_eq!(choose(&many, THRIFT).rewritten.len(), 10);
    }
}
