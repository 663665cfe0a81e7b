//! Folders whose shape is the attack.

use super::{
    Attack,
    Outcome::{Endless, Named, Vast},
    attack,
};
use crate::hostile::forge::{Forge, Id, entry, folder, link};
use crate::hostile::value::{array, bin, map, repeated, uint};

pub fn attacks() -> Vec<Attack> {
    vec![
        attack("2^40 paths", Endless, two_to_the_fortieth),
        attack("2^40 paths with a file at each end", Endless, many_ends),
        attack("100,000 folders in each other", Endless, deep),
        attack("deep folders that are wide, too", Endless, deep_and_wide),
        attack("16 levels of wide pieces", Vast, tall),
        attack("16 million empty entries", Named("more than it may"), |forge| {
            piece(forge, &map(&[("e", repeated(&[0x80], (16 << 20) - 64))]))
        }),
        attack("16 million empty children", Named("more than it may"), |forge| {
            piece(forge, &map(&[("l", uint(1)), ("c", repeated(&[0x80], (16 << 20) - 64))]))
        }),
        attack("16 million empty attributes", Named("more than it may"), |forge| {
            let evil = map(&[("n", bin(b"a")), ("x", repeated(&[0x80], (16 << 20) - 64))]);
            piece(forge, &map(&[("e", array(&[evil]))]))
        }),
        attack("5 million holes", Named("tree blob"), |forge| {
            let evil = map(&[("n", bin(b"a")), ("H", repeated(&[0x92, 0, 0], 5_000_000))]);
            piece(forge, &map(&[("e", array(&[evil]))]))
        }),
        attack("entries that are announced and do not come", Named("tree blob"), |forge| {
            piece(forge, &[0x81, 0xa1, b'e', 0xdd, 0xff, 0xff, 0xff, 0xff])
        }),
        attack("a name that is announced and does not come", Named("tree blob"), |forge| {
            let name = [0x81, 0xa1, b'n', 0xc6, 0xff, 0xff, 0xff, 0xff, b'a'];
            piece(forge, &map(&[("e", array(&[name.to_vec()]))]))
        }),
        attack("an unknown key 10,000 deep", Named("tree blob"), |forge| {
            let nested = [vec![0x91; 10_000_000], vec![0x80]].concat();
            piece(forge, &map(&[("z", nested)]))
        }),
        attack("a piece of a level that stands for itself", Named("level"), |forge| {
            let leaf = forge.directory(&[link("a", b"b")]);
            let child = map(&[("k", bin(b"a")), ("i", bin(&leaf)), ("e", uint(1))]);
            piece(forge, &map(&[("l", uint(2)), ("c", array(&[child]))]))
        }),
        attack("a level of 200", Named("level"), |forge| {
            let child = map(&[("k", bin(b"a")), ("i", bin(&[1; 32]))]);
            piece(forge, &map(&[("l", uint(200)), ("c", array(&[child]))]))
        }),
    ]
}

fn piece(forge: &mut Forge, record: &[u8]) {
    let id = forge.tree(record);
    forge.commit_evil(id);
}

/// 40 levels, each of which names the next twice.
fn doubled(forge: &mut Forge, mut tree: Id) {
    for _ in 0..40 {
        tree = forge.directory(&[folder("a", tree), folder("b", tree)]);
    }
    forge.commit_evil(tree);
}

fn two_to_the_fortieth(forge: &mut Forge) {
    let leaf = forge.directory(&[]);
    doubled(forge, leaf);
}

fn many_ends(forge: &mut Forge) {
    let leaf = forge.directory(&[link("end", b"nowhere")]);
    doubled(forge, leaf);
}

fn deep(forge: &mut Forge) {
    let mut tree = forge.directory(&[]);
    for _ in 0..100_000 {
        tree = forge.directory(&[folder("d", tree)]);
    }
    forge.commit_evil(tree);
}

/// Each of 150 levels has 8,000 entries that come after the next level.
fn deep_and_wide(forge: &mut Forge) {
    let wide: Vec<_> =
        (0..8_000).map(|number| entry(format!("f{number:05}"), 5, 0o644, &[])).collect();
    let mut tree = forge.directory(&[]);
    for _ in 0..150 {
        let mut entries = vec![folder("d", tree)];
        entries.extend(wide.iter().cloned());
        tree = forge.directory(&entries);
    }
    forge.commit_evil(tree);
}

/// The first piece of each level leads to the next one down; the others lead nowhere.
fn tall(forge: &mut Forge) {
    let mut below = forge.directory(&[link("0", b"0")]);
    for level in 1..=16_u64 {
        let child = |number: u32| {
            let name = format!("{number:08}");
            let id = if number == 0 { below } else { [number as u8 | 1; 32] };
            map(&[("k", bin(name.as_bytes())), ("i", bin(&id)), ("e", uint(1))])
        };
        let children: Vec<_> = (0..250_000).map(child).collect();
        below = forge.tree(&map(&[("l", uint(level)), ("c", array(&children))]));
    }
    forge.commit_evil(below);
}
