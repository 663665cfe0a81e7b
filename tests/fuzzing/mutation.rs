//! Makes wrong inputs out of right ones.

use crate::support::Chance;

/// Inputs do not grow beyond this, in bytes.
const LONGEST: usize = 64 * 1024;

/// Pieces of what is read, in all its languages.
const WORDS: [&[u8]; 42] = [
    b"\xff\xff\xff\xff",
    b"\xff\xff\xff\xff\xff\xff\xff\xff",
    b"\xff\xff\xff\x7f",
    b"\0\0\0\x80",
    b"\0\0\0\0",
    b"\xdd\xff\xff\xff\xff",
    b"\xdf\xff\xff\xff\xff",
    b"\xc6\xff\xff\xff\xff",
    b"\x80",
    b"\x90",
    b"\xc0",
    b"\x0a\0",
    b"\x03_id\0\x05\0\0\0\0",
    b"\x02_id\0\x02\0\0\0a\0",
    b"$",
    b"{\"$date\": ",
    b"{\"$numberDouble\": \"1e308\"}",
    b"{\"$dbPointer\": {\"$ref\": \"a\", \"$id\": ",
    b"\"\\udcff\"",
    b"\"\\ud800\\udc00\"",
    b"1e999",
    b"-0",
    b"{\"a\": [",
    b"]}",
    b"profile.",
    b"[profile.x]\n",
    b"inherit = [\"default\"]\n",
    b" = ",
    b"\"\"\"",
    b"99999999999999999999",
    b" ago",
    b"yesterday ",
    b"9999-12-31",
    b"-009999-01-01",
    b"[Europe/Madrid]",
    b"1y2m3w4d5h",
    b"**/",
    b"[!a-\\]",
    b"mongodb://",
    b"user123:pass123@",
    b"%2F",
    b"\n!",
];

/// One of the corpus, changed once or more often.
pub fn mutated(corpus: &[Vec<u8>], chance: &mut Chance) -> Vec<u8> {
    let mut bytes = chance.of(corpus).clone();
    for _ in 0..=chance.below(4) {
        change(&mut bytes, corpus, chance);
        bytes.truncate(LONGEST);
    }
    bytes
}

fn change(bytes: &mut Vec<u8>, corpus: &[Vec<u8>], chance: &mut Chance) {
    let at = chance.below(bytes.len() as u64 + 1) as usize;
    let rest = (bytes.len() - at) as u64;
    match chance.below(13) {
        0 => flip(bytes, at, chance),
        1 => set(bytes, at, chance),
        2 => bytes.truncate(at),
        3 => {
            let other = chance.of(corpus);
            let from = chance.below(other.len() as u64 + 1) as usize;
            bytes.truncate(at);
            bytes.extend_from_slice(&other[from..]);
        }
        4 => insert(bytes, at, word(chance)),
        5 => overwrite(bytes, at, word(chance)),
        6 => {
            let end = at + chance.below(rest + 1) as usize;
            bytes.drain(at..end);
        }
        7 => repeat(bytes, at, chance),
        8 => nest(bytes, at, chance),
        9 => {
            let length = (chance.below(300) as u32).to_le_bytes();
            overwrite(bytes, at, &length);
        }
        10 => {
            let more = chance.below(17);
            let more = chance.bytes(more);
            insert(bytes, at, &more);
        }
        11 => move_part(bytes, at, chance),
        _ => count(bytes, at, chance),
    }
}

fn word(chance: &mut Chance) -> &'static [u8] {
    let words: &[&[u8]] = &WORDS;
    chance.of::<&[u8]>(words)
}

fn flip(bytes: &mut [u8], at: usize, chance: &mut Chance) {
    if let Some(byte) = bytes.get_mut(at) {
        *byte ^= 1 << chance.below(8);
    }
}

fn set(bytes: &mut [u8], at: usize, chance: &mut Chance) {
    if let Some(byte) = bytes.get_mut(at) {
        *byte = match chance.below(3) {
            0 => *chance.of(&[0, 1, 0x7f, 0x80, 0xff, b'"', b'\n']),
            1 => byte.wrapping_add(1),
            _ => chance.next() as u8,
        };
    }
}

fn insert(bytes: &mut Vec<u8>, at: usize, part: &[u8]) {
    bytes.splice(at..at, part.iter().copied());
}

fn overwrite(bytes: &mut [u8], at: usize, part: &[u8]) {
    let room = &mut bytes[at..];
    let length = room.len().min(part.len());
    room[..length].copy_from_slice(&part[..length]);
}

/// A part, very often.
fn repeat(bytes: &mut Vec<u8>, at: usize, chance: &mut Chance) {
    let rest = (bytes.len() - at) as u64;
    let length = chance.below(rest.min(40) + 1) as usize;
    let times = 1 << chance.below(13);
    let part = bytes[at..at + length].repeat(times.min(LONGEST / length.max(1)));
    insert(bytes, at, &part);
}

/// Something in itself, very deep.
fn nest(bytes: &mut Vec<u8>, at: usize, chance: &mut Chance) {
    let depth = 1 << chance.below(13);
    let (opening, closing): (&[u8], &[u8]) = *chance.of(&[
        (&b"["[..], &b"]"[..]),
        (b"{\"a\":", b"}"),
        (b"{\"$not\":", b"}"),
        (b"{\"$or\":[", b"]}"),
        (b"(", b")"),
        (b"a.", b""),
        (b"a={", b"}"),
        (b"\x91", b""),
        (b"\x81\xa1a", b""),
        (b"\x81", b""),
    ]);
    if chance.below(3) == 0 {
        return nest_document(bytes, depth.min(400), chance);
    }
    insert(bytes, at, &opening.repeat(depth));
    let behind = (at + opening.len() * depth) as u64;
    let end = behind + chance.below(bytes.len() as u64 - behind + 1);
    insert(bytes, end as usize, &closing.repeat(depth));
}

/// A document in a document, with lengths that are right.
fn nest_document(bytes: &mut Vec<u8>, depth: usize, chance: &mut Chance) {
    let kind = *chance.of(b"\x03\x04");
    let name = chance.of(&["0", "a", "_id", "o", "$and", "applyOps"]).as_bytes();
    for _ in 0..depth {
        let length = bytes.len() + name.len() + 7;
        let head = [&(length as u32).to_le_bytes()[..], &[kind], name, &[0]].concat();
        insert(bytes, 0, &head);
        bytes.push(0);
    }
}

fn move_part(bytes: &mut Vec<u8>, at: usize, chance: &mut Chance) {
    let end = at + chance.below((bytes.len() - at) as u64 + 1) as usize;
    let part: Vec<u8> = bytes.drain(at..end).collect();
    let to = chance.below(bytes.len() as u64 + 1) as usize;
    insert(bytes, to, &part);
}

/// A length before a part, in one of the ways in which lengths are written.
fn count(bytes: &mut Vec<u8>, at: usize, chance: &mut Chance) {
    let wide = chance.next() as u32 >> chance.below(32);
    let head = *chance.of(b"\xdc\xdd\xde\xdf\xc4\xc6\xd9\xdb");
    let length = [&[head][..], &wide.to_be_bytes()].concat();
    match chance.below(2) {
        0 => overwrite(bytes, at, &length),
        _ => insert(bytes, at, &wide.to_le_bytes()),
    }
}

#[test]
fn the_same_seed_makes_the_same() {
    let corpus = [b"first of two".to_vec(), Vec::new()];
    let all = |seed: u64| mutated(&corpus, &mut Chance::new(seed));
    assert!((1..3000).all(|seed| all(seed) == all(seed)));
    assert!((1..100).filter(|seed| all(*seed) == corpus[0]).count() < 30);
}
