//! Change logs that lie.

use super::{
    Attack,
    Outcome::{Named, Restored},
    attack,
};
use crate::hostile::forge::{Forge, link};
use crate::hostile::value::{array, array_head, bin, map, repeated, text, uint};
use snapstore::codec::Class;
use snapstore::format::segment_name;
use snapstore::model::StreamId;

pub fn attacks() -> Vec<Attack> {
    vec![
        attack("a log of 60 MiB of entries", Named("too much"), |forge| {
            segments(forge, (1, 1), &[("h", array(&[header(1)])), ("e", bin(&[0; 60 << 20]))])
        }),
        attack("a log of forty million headers", Named("more than it may"), |forge| {
            segments(forge, (1, 1), &[("h", repeated(&map(&[]), 40_000_000))])
        }),
        attack("a log that announces and does not come", Named("log/"), |forge| {
            let record = [&[0x81, 0xa1, b'h'][..], &array_head(u32::MAX as usize)].concat();
            good(forge);
            forge.put(Class::LogSegment, &name(1, 1), &record);
        }),
        attack("a log whose entry is longer than all", Named("log/"), |forge| {
            let entry = [&i32::MAX.to_le_bytes()[..], &[0; 60]].concat();
            segments(forge, (1, 1), &[("h", array(&[header_of(1, &entry)])), ("e", bin(&entry))])
        }),
        attack("a log of a window that began in the future", Named("log/"), |forge| {
            segments(forge, (1, 1), &[("h", array(&[map(&[("n", uint(1)), ("r", uint(9))])]))])
        }),
        attack("a log of all numbers there are", Restored, |forge| {
            segments(forge, (1, u64::MAX), &[("h", array(&[header(1)]))])
        }),
        attack("two thousand streams of nonsense", Named("log/"), |forge| {
            good(forge);
            for number in 0..2_000_u16 {
                let mut stream = [7; 16];
                stream[..2].copy_from_slice(&number.to_le_bytes());
                let name = segment_name(&StreamId::new(stream), 1, 1);
                forge.put_raw(&name, b"nonsense");
            }
        }),
        attack("a log with a name of nothing", Restored, |forge| {
            good(forge);
            forge.put_raw("log/x/1-1", b"nonsense");
        }),
    ]
}

fn header(number: u64) -> Vec<u8> {
    header_of(number, b"")
}

fn header_of(number: u64, entries: &[u8]) -> Vec<u8> {
    let hash = bin(blake3::hash(entries).as_bytes());
    let count = if entries.is_empty() { vec![] } else { vec![("S", uint(1)), ("k", uint(1))] };
    let mut fields = vec![("n", uint(number)), ("r", uint(number)), ("s", text("rs0"))];
    fields.extend(count);
    if !entries.is_empty() {
        fields.push(("z", uint(entries.len() as u64)));
    }
    fields.push(("x", hash));
    map(&fields)
}

fn name(first: u64, last: u64) -> String {
    segment_name(&StreamId::new([7; 16]), first, last)
}

fn segments(forge: &mut Forge, (first, last): (u64, u64), record: &[(&str, Vec<u8>)]) {
    good(forge);
    forge.put(Class::LogSegment, &name(first, last), &map(record));
}

fn good(forge: &mut Forge) {
    let evil = forge.directory(&[link("good", b"all is well")]);
    forge.commit_evil(evil);
}
