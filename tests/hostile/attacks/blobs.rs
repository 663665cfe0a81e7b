//! Blobs and packs that are not what they say.

use super::{Attack, Outcome::Named, attack};
use crate::hostile::forge::{Forge, Line, file};
use snapstore::codec::BlobClass::{Data, Tree};
use std::io::Read;

pub fn attacks() -> Vec<Attack> {
    vec![
        attack("a bomb that says it is small", Named("does not open"), small_bomb),
        attack("a bomb that says it is large", Named("more than the 16777216 allowed"), large_bomb),
        attack("a bomb of a folder", Named("not a well-formed"), bomb_of_a_folder),
        attack("an unknown codec", Named("codec 77 is unknown"), unknown_codec),
        attack("another blob's content", Named("not what its id says"), another_content),
        attack("lines that exceed their pack", Named("packs/"), |forge| {
            lines(forge, |lines| lines.iter_mut().for_each(|line| line.stored = 16 << 20))
        }),
        attack("lines that lie behind each other's ends", Named("packs/"), |forge| {
            lines(forge, |lines| lines.iter_mut().for_each(|line| line.stored /= 2))
        }),
        attack("lines of 4 GiB", Named("a blob of it is too large"), |forge| {
            lines(forge, |lines| lines.iter_mut().for_each(|line| line.stored = u32::MAX))
        }),
        attack("lines of nothing", Named("packs/"), |forge| {
            lines(forge, |lines| lines.iter_mut().for_each(|line| line.stored = 0))
        }),
        attack("plain lengths that lie", Named("packs/"), |forge| {
            lines(forge, |lines| lines.iter_mut().for_each(|line| line.plain = 7))
        }),
        attack("lines that stand for each other", Named("packs/"), |forge| {
            lines(forge, |lines| lines.reverse())
        }),
        attack("a million lines for one blob", Named("packs/"), |forge| {
            lines(forge, |lines| {
                let line = lines[0].clone();
                lines.resize(1_000_000, Line { stored: 0, ..line });
            })
        }),
    ]
}

/// Zeros, compressed.
fn zeros(length: u64) -> Vec<u8> {
    zstd::encode_all(std::io::repeat(0).take(length), 1).unwrap()
}

fn payload(codec: u8, length: u32, bytes: &[u8]) -> Vec<u8> {
    [&[codec][..], &length.to_le_bytes(), bytes].concat()
}

fn small_bomb(forge: &mut Forge) {
    let bomb = payload(1, 10, &zeros(2 << 30));
    let id = forge.blob_as(Data, b"0123456789", &bomb, 10);
    let evil = forge.directory(&[file("bomb", 10, &[(id, 10)])]);
    forge.commit_evil(evil);
}

fn large_bomb(forge: &mut Forge) {
    let bomb = payload(1, u32::MAX, &zeros(2 << 30));
    let id = forge.blob_as(Data, b"0123456789", &bomb, 10);
    let evil = forge.directory(&[file("bomb", 10, &[(id, 10)])]);
    forge.commit_evil(evil);
}

fn bomb_of_a_folder(forge: &mut Forge) {
    let id = forge.tree(&vec![0; 16 << 20]);
    forge.commit_evil(id);
}

fn unknown_codec(forge: &mut Forge) {
    let id = forge.blob_as(Data, b"x", &payload(77, 1, b"x"), 1);
    let evil = forge.directory(&[file("file", 1, &[(id, 1)])]);
    forge.commit_evil(evil);
}

fn another_content(forge: &mut Forge) {
    let id = forge.blob_as(Tree, b"a folder that is not", &payload(0, 1, &[0x80]), 1);
    forge.commit_evil(id);
}

fn lines(forge: &mut Forge, lie: impl Fn(&mut Vec<Line>)) {
    let first = forge.data(b"first");
    let second = forge.data(b"second");
    let files = [file("first", 5, &[(first, 5)]), file("second", 6, &[(second, 6)])];
    let evil = forge.directory(&files);
    let evil = forge.directory(&[crate::hostile::forge::folder("evil", evil)]);
    let root = forge.directory(&[crate::hostile::forge::folder("files", evil)]);
    forge.flush_with(&lie);
    forge.commit(root);
}
