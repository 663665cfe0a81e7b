//! Entries with names, sizes and kinds that lead elsewhere.

use super::{
    Attack,
    Outcome::{Endless, Named, Restored},
    attack,
};
use crate::hostile::forge::{Forge, chunk_list, entry, file, folder, link};
use crate::hostile::value::{Value, array, bin, map, repeated, uint};

pub fn attacks() -> Vec<Attack> {
    [names(), links(), sizes(), rest()].into_iter().flatten().collect()
}

fn names() -> Vec<Attack> {
    vec![
        attack("a name ..", Named("names another directory"), |forge| named(forge, b"..")),
        attack("a name .", Named("names another directory"), |forge| named(forge, b".")),
        attack("a name /", Named("contains a slash"), |forge| named(forge, b"/")),
        attack("a name a/b", Named("contains a slash"), |forge| named(forge, b"a/b")),
        attack("a name ../../outside", Named("contains a slash"), |forge| {
            named(forge, b"../../outside/planted")
        }),
        attack("a name /etc/planted", Named("contains a slash"), |forge| {
            named(forge, b"/tmp/planted")
        }),
        attack("no name", Named("it is empty"), |forge| named(forge, b"")),
        attack("a name with NUL", Named("contains a NUL byte"), |forge| named(forge, b"a\0b")),
        attack("a name of 1 MiB", Named("it is too long"), |forge| {
            named(forge, &vec![b'a'; 1 << 20])
        }),
        attack("a name of 4,000 bytes", Restored, |forge| named(forge, &vec![b'a'; 4000])),
        attack("names that control a terminal", Restored, |forge| {
            named(forge, b"\x1b]0;owned\x07\x1b[2J\r\n")
        }),
        attack("a name twice", Named("not ascending"), |forge| {
            put(forge, &[link("a", b"/etc"), link("a", b"b")])
        }),
        attack("a link, and a folder of the same name", Named("not ascending"), |forge| {
            let below = forge.directory(&[link("planted", b"x")]);
            put(forge, &[link("a", b"../../outside"), folder("a", below)])
        }),
        attack("a link in one piece, a folder in the next", Named("ascending"), two_pieces),
    ]
}

fn links() -> Vec<Attack> {
    vec![
        attack("a link, and a file of a group behind it", Restored, behind_a_link),
        attack("a group outside the target", Restored, |forge| {
            group(forge, b"files/../../outside/kept")
        }),
        attack("a group at an absolute path", Restored, |forge| group(forge, b"/etc/passwd")),
        attack("a group of what is not there", Restored, |forge| group(forge, b"files/evil/zzz")),
        attack("a group that is a folder", Restored, |forge| group(forge, b"files/evil")),
    ]
}

fn sizes() -> Vec<Attack> {
    vec![
        attack("a size of 2^63", Named("not as long as its data"), |forge| size(forge, 1 << 63)),
        attack("a size of 2^64 - 1", Named("not as long as its data"), |forge| {
            size(forge, u64::MAX)
        }),
        attack("a size that is too small", Named("not as long as its data"), |forge| {
            size(forge, 3)
        }),
        attack("a hole of 2^62", Endless, |forge| hole(forge, 1 << 62)),
        attack("a hole of 2^63", Endless, |forge| hole(forge, (1 << 63) - 4096)),
        attack("a hole of 2^64 - 4096", Endless, |forge| hole(forge, u64::MAX - 4095)),
        attack("holes that overlap", Named("its holes overlap"), |forge| {
            let holes = array(&[array(&[uint(0), uint(8192)]), array(&[uint(4096), uint(8192)])]);
            put(forge, &[entry("f", 0, 0o644, &[("z", uint(16384)), ("H", holes)])])
        }),
        attack("chunks of 2^63 that say they are short", Restored, chunk_lengths),
        attack("a list of chunks that lies", Restored, lists),
        attack("a list of chunks of 2^60 bytes", Endless, list_of_lists),
    ]
}

fn rest() -> Vec<Attack> {
    vec![
        attack("an attribute of 2^40 bytes", Restored, attribute),
        attack("100,000 attributes", Restored, |forge| {
            let attribute =
                |n: u32| map(&[("n", bin(format!("user.{n}").as_bytes())), ("v", bin(b"x"))]);
            let attributes: Vec<Value> = (0..100_000).map(attribute).collect();
            put(forge, &[entry("f", 0, 0o644, &[("x", array(&attributes))])])
        }),
        attack("an attribute without a name", Named("an attribute has no name"), |forge| {
            put(forge, &[entry("f", 0, 0o644, &[("x", repeated(&[0x80], 1))])])
        }),
        attack("devices, setuid, every mode", Restored, kinds),
        attack("a kind of 99", Named("kind 99 is unknown"), |forge| {
            put(forge, &[entry("f", 99, 0o644, &[])])
        }),
        attack("a link without a target", Named("no target"), |forge| {
            put(forge, &[entry("f", 2, 0o777, &[])])
        }),
        attack("a link of 1 MiB", Restored, |forge| put(forge, &[link("f", &vec![b'x'; 1 << 20])])),
        attack("a file for a root", Named("tree"), |forge| {
            let id = forge.data(b"no folder");
            forge.commit(id);
        }),
    ]
}

fn put(forge: &mut Forge, entries: &[Value]) {
    let evil = forge.directory(entries);
    forge.commit_evil(evil);
}

/// A file, and a folder with a file, of that name.
fn named(forge: &mut Forge, name: &[u8]) {
    let id = forge.data(b"planted");
    let inner = forge.directory(&[file("planted", 7, &[(id, 7)])]);
    let deeper = forge.directory(&[folder(name, inner)]);
    put(forge, &[file(name, 7, &[(id, 7)]), folder("z", deeper)]);
}

fn two_pieces(forge: &mut Forge) {
    let planted = forge.directory(&[link("planted", b"x")]);
    let first = forge.directory(&[link("a", b"../../../outside")]);
    let second = forge.directory(&[folder("a", planted)]);
    let child = |last: &[u8], id| map(&[("k", bin(last)), ("i", bin(id)), ("e", uint(1))]);
    let children = array(&[child(b"a", &first), child(b"b", &second)]);
    let evil = forge.tree(&map(&[("l", uint(1)), ("c", children)]));
    forge.commit_evil(evil);
}

/// The group's first path goes through a link that comes before.
fn behind_a_link(forge: &mut Forge) {
    let id = forge.data(b"planted");
    let member = entry(
        "b",
        0,
        0o644,
        &[("L", bin(b"files/evil/a/kept")), ("z", uint(7)), ("c", chunk_list(&[(id, 7)]))],
    );
    put(forge, &[link("a", b"../../../outside"), member]);
}

fn group(forge: &mut Forge, first: &[u8]) {
    let id = forge.data(b"planted");
    let more = [("L", bin(first)), ("z", uint(7)), ("c", chunk_list(&[(id, 7)]))];
    put(forge, &[entry("a", 0, 0o666, &more), entry("b", 0, 0o666, &more)]);
}

fn size(forge: &mut Forge, size: u64) {
    let id = forge.data(b"planted");
    put(forge, &[file("f", size, &[(id, 7)])]);
}

fn hole(forge: &mut Forge, length: u64) {
    let holes = array(&[array(&[uint(0), uint(length)])]);
    let evil = entry("f", 0, 0o644, &[("z", uint(length)), ("H", holes)]);
    put(forge, &[evil, link("g", b"whole")]);
}

/// Two chunks whose lengths sum up to 0, if nobody looks.
fn chunk_lengths(forge: &mut Forge) {
    let id = forge.data(b"planted");
    put(forge, &[file("f", 1 << 63, &[(id, 1 << 63)])]);
}

fn lists(forge: &mut Forge) {
    let id = forge.data(b"planted");
    let list = forge.tree(&map(&[("c", chunk_list(&[(id, 7)]))]));
    let deep = |depth: u64| {
        let more = [("z", uint(70)), ("d", uint(depth)), ("c", chunk_list(&[(list, 70)]))];
        entry(format!("f{depth}"), 0, 0o644, &more)
    };
    put(forge, &[deep(1), deep(2), deep(6)]);
}

/// Six levels of a thousand times the same.
fn list_of_lists(forge: &mut Forge) {
    let bytes = vec![0; 1 << 20];
    let (mut id, mut length) = (forge.data(&bytes), 1_u64 << 20);
    for depth in 0..5_u64 {
        let mut pairs = vec![("c", chunk_list(&vec![(id, length); 256]))];
        if depth > 0 {
            pairs.insert(0, ("d", uint(depth)));
        }
        id = forge.tree(&map(&pairs));
        length *= 256;
    }
    let more = [("z", uint(length)), ("d", uint(5)), ("c", chunk_list(&[(id, length)]))];
    put(forge, &[entry("f", 0, 0o644, &more), link("g", b"whole")]);
}

fn attribute(forge: &mut Forge) {
    let id = forge.data(&vec![0; 1 << 20]);
    let list = forge.tree(&map(&[("c", chunk_list(&vec![(id, 1 << 20); 1 << 16]))]));
    let chunks = chunk_list(&vec![(list, 1 << 36); 16]);
    let attribute = map(&[("n", bin(b"user.large")), ("d", uint(1)), ("c", chunks)]);
    put(forge, &[entry("f", 0, 0o644, &[("x", array(&[attribute]))]), link("g", b"whole")]);
}

fn kinds(forge: &mut Forge) {
    let id = forge.data(b"#!/bin/sh\n");
    let device = |name, kind| entry(name, kind, 0o666, &[("M", uint(1)), ("i", uint(3))]);
    let program = [("u", uint(0)), ("z", uint(10)), ("c", chunk_list(&[(id, 10)]))];
    put(
        forge,
        &[
            device("block", 4),
            device("character", 3),
            entry("fifo", 5, 0o7777, &[]),
            entry("setuid", 0, 0o7777, &program[1..]),
            entry("socket", 6, 0o7777, &[]),
            entry("zero", 0, 0, &[]),
        ],
    );
}
