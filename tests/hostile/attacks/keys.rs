//! Key slots, which everybody who can write to the storage can make.

use super::{
    Attack,
    Outcome::{Closed, Restored},
    attack,
};
use crate::hostile::forge::{Forge, link};
use crate::hostile::value::{Value, bin, int, map, text, uint};
use snapstore::storage::Storage;

pub fn attacks() -> Vec<Attack> {
    vec![
        attack("Argon2 of 1 TiB", Closed("keys/"), |forge| {
            only(forge, slot(1 << 30, 1, 1));
        }),
        attack("Argon2 of 4 TiB", Closed("keys/"), |forge| {
            only(forge, slot(u32::MAX.into(), 1, 1));
        }),
        attack("Argon2 of 2^32 passes", Closed("keys/"), |forge| {
            only(forge, slot(8, u32::MAX.into(), 1));
        }),
        attack("Argon2 of 2^32 lanes", Closed("keys/"), |forge| {
            only(forge, slot(8, 1, u32::MAX.into()));
        }),
        attack("Argon2 of nothing", Closed("keys/"), |forge| only(forge, slot(0, 0, 0))),
        attack("a slot of 100 KiB", Closed("it is 102400 bytes long"), |forge| {
            only(forge, vec![0; 100 << 10]);
        }),
        attack("a slot whose head is 4 GiB", Closed("it is too short"), |forge| {
            only(forge, vec![255; 100]);
        }),
        attack("a slot with a label of 60 KiB", Closed("wrong password or key"), |forge| {
            only(forge, head(8, 1, 1, &"a".repeat(60 << 10)));
        }),
        attack("ten more slots that lie", Restored, |forge| {
            good(forge);
            for number in 0..10 {
                put(forge, slot(1 << 30, number, 1));
            }
        }),
        attack("five thousand slots in front that are none", Restored, |forge| {
            good(forge);
            empty(forge, (0..5_000).collect());
        }),
        attack("a hundred thousand slots", Restored, |forge| {
            good(forge);
            empty(forge, (0..100_000).map(|number| u128::MAX - number).collect());
        }),
    ]
}

fn head(memory: u64, passes: u64, lanes: u64, label: &str) -> Value {
    let time = map(&[("s", int(1_764_000_000))]);
    let pairs = [
        ("s", bin(&[7; 16])),
        ("m", uint(memory)),
        ("t", uint(passes)),
        ("p", uint(lanes)),
        ("c", time),
        ("l", text(label)),
    ];
    let head = map(&pairs.into_iter().filter(|(_, value)| value != &[0]).collect::<Vec<_>>());
    [&(head.len() as u32).to_le_bytes()[..], &head, &[1; 200]].concat()
}

fn slot(memory: u64, passes: u64, lanes: u64) -> Value {
    head(memory, passes, lanes, "evil")
}

/// Puts it under the name that it must have.
fn put(forge: &Forge, slot: Value) {
    let length = u32::from_le_bytes(slot[..4].try_into().unwrap()) as usize;
    let hash = blake3::hash(slot.get(4..4 + length).unwrap_or_default());
    forge.put_raw(&format!("keys/{}", &hash.to_hex()[..32]), &slot);
}

/// There is no other.
fn only(forge: &mut Forge, slot: Value) {
    good(forge);
    for listed in forge.storage.list(snapstore::storage::Folder::Keys).unwrap() {
        forge.storage.delete(&listed.name).unwrap();
    }
    put(forge, slot);
}

fn good(forge: &mut Forge) {
    let evil = forge.directory(&[link("good", b"all is well")]);
    forge.commit_evil(evil);
}

/// Slots of these names without content.
fn empty(forge: &Forge, names: Vec<u128>) {
    let folder = std::path::PathBuf::from(forge.storage.address()).join("keys");
    for name in names {
        std::fs::File::create(folder.join(format!("{name:032x}"))).unwrap();
    }
}
