//! Collections and documents that lie.

use super::{
    Attack,
    Outcome::{Named, Restored, Vast},
    attack,
};
use crate::hostile::forge::{Forge, Id, chunk_list, entry, folder};
use crate::hostile::value::{Value, array, bin, map, repeated, uint};
use snapstore::codec::{DocumentBuilder, Elements, document_key};

pub fn attacks() -> Vec<Attack> {
    [documents_within(), order(), bounds(), trees()].into_iter().flatten().collect()
}

fn documents_within() -> Vec<Attack> {
    vec![
        attack("a document 10,000 deep", Restored, |forge| {
            documents(forge, &[nested(10_000, 0x03)], 1)
        }),
        attack("a document 3 million deep", Restored, |forge| {
            documents(forge, &[nested(1_800_000, 0x04)], 1)
        }),
        attack("an _id that is 10,000 deep", Named("deep"), deep_id),
        attack("a document of 2^31", Named("not as long as it says"), |forge| {
            let bytes = [&i32::MAX.to_le_bytes()[..], &[0; 60]].concat();
            documents_with(forge, &[bytes], &[key(1)], 1)
        }),
        attack("a document of -1", Named("not as long as it says"), |forge| {
            documents_with(forge, &[vec![255; 60]], &[key(1)], 1)
        }),
        attack("a string of 2^31 in a document", Restored, |forge| {
            let mut bytes = DocumentBuilder::new().int32("_id", 1).string("a", "text").finish();
            let at = bytes.len() - 10;
            bytes[at..at + 4].copy_from_slice(&i32::MAX.to_le_bytes());
            documents(forge, &[bytes], 1)
        }),
        attack("a document within that ends before it begins", Restored, |forge| {
            let mut bytes = nested(2, 0x03);
            let at = bytes.len() - 14;
            bytes[at..at + 4].copy_from_slice(&(-5_i32).to_le_bytes());
            documents(forge, &[bytes], 1)
        }),
    ]
}

fn order() -> Vec<Attack> {
    vec![
        attack("documents out of order", Named("its keys do not ascend"), |forge| {
            documents_with(forge, &[document(2), document(1)], &[key(2)], 2)
        }),
        attack("a document twice", Named("its keys do not ascend"), |forge| {
            documents_with(forge, &[document(1), document(1)], &[key(1)], 2)
        }),
        attack("documents without an _id", Named("_id"), |forge| {
            let bytes = DocumentBuilder::new().string("a", "b").finish();
            documents_with(forge, &[bytes], &[key(1)], 1)
        }),
        attack("a collection that lies over itself", Named("2 documents were found"), over_itself),
    ]
}

/// Lists that say of leaves, or entries that say of lists, what is not so.
fn bounds() -> Vec<Attack> {
    vec![
        attack(
            "a count of 2^63",
            Named("it has 1 documents, and the list above says 9223"),
            |forge| documents(forge, &[document(1)], 1 << 63),
        ),
        attack("a count of 0", Named("it has 1 documents, and the list above says 0"), |forge| {
            documents(forge, &[document(1)], 0)
        }),
        attack(
            "counts that are together above 2^64",
            Named("more documents than there"),
            |forge| {
                let leaves = [leaf(forge, &[document(1)]), leaf(forge, &[document(2)])];
                let tree = tree(forge, &[key(1), key(2)], &leaves, 1 << 63);
                collection(forge, &[("D", bin(&tree)), ("F", uint(2)), ("B", uint(46))]);
            },
        ),
        attack(
            "an entry that counts more",
            Named("it counts 1 documents, and the entry"),
            |forge| {
                let leaf = leaf(forge, &[document(1)]);
                let tree = tree(forge, &[key(1)], &[leaf], 1);
                collection(forge, &[("D", bin(&tree)), ("F", uint(7)), ("B", uint(23))]);
            },
        ),
        attack("an entry that counts and has nothing", Named("and has none"), |forge| {
            collection(forge, &[("F", uint(7)), ("B", uint(23))]);
        }),
        attack("an entry of other bytes", Named("23 bytes of documents were found"), |forge| {
            let leaf = leaf(forge, &[document(1)]);
            let tree = tree(forge, &[key(1)], &[leaf], 1);
            collection(forge, &[("D", bin(&tree)), ("F", uint(1)), ("B", uint(22))]);
        }),
        attack("a leaf that goes on behind its end", Named("not between the keys"), |forge| {
            documents_with(forge, &[document(1), document(3)], &[key(2)], 2)
        }),
        attack("a leaf that begins before its begin", Named("not between the keys"), |forge| {
            let leaves = [leaf(forge, &[document(5)]), leaf(forge, &[document(3), document(9)])];
            let lists: Vec<Value> = [(5, &leaves[0], 1), (9, &leaves[1], 2)]
                .map(|(last, id, count)| child(&key(last), id, count))
                .to_vec();
            let tree = forge.tree(&map(&[("l", uint(1)), ("c", array(&lists))]));
            collection(forge, &[("D", bin(&tree)), ("F", uint(3)), ("B", uint(69))]);
        }),
        attack("lists that lie over each other", Named("not between the keys"), |forge| {
            two_lists(forge, (&[1, 5], 5, 2), (&[3, 9], 9, 2))
        }),
        attack("a list that ends before its end", Named("not between the keys"), |forge| {
            two_lists(forge, (&[1, 4], 5, 2), (&[6, 9], 9, 2))
        }),
        attack("a list that counts more", Named("it counts 2 documents, and the list"), |forge| {
            two_lists(forge, (&[1, 5], 5, 2), (&[6, 9], 9, 3))
        }),
    ]
}

/// Two lists of leaves of one document each, with what the root says of them: last key and count.
fn two_lists(forge: &mut Forge, one: (&[i32], i32, u64), other: (&[i32], i32, u64)) {
    let mut lists = Vec::new();
    for (ids, last, count) in [one, other] {
        let leaves: Vec<Id> = ids.iter().map(|id| leaf(forge, &[document(*id)])).collect();
        let lasts: Vec<Vec<u8>> = ids.iter().map(|id| key(*id)).collect();
        let list = tree(forge, &lasts, &leaves, 1);
        lists.push(child(&key(last), &list, count));
    }
    let root = forge.tree(&map(&[("l", uint(2)), ("c", array(&lists))]));
    let count = one.2 + other.2;
    collection(forge, &[("D", bin(&root)), ("F", uint(count)), ("B", uint(23 * count))]);
}

fn trees() -> Vec<Attack> {
    vec![
        attack("nine overlays", Named("more overlays than there may be"), |forge| {
            let leaf = leaf(forge, &[document(1)]);
            let tree = tree(forge, &[key(1)], &[leaf], 1);
            let overlays = array(&vec![bin(&tree); 9]);
            collection(forge, &[("D", bin(&tree)), ("F", uint(1)), ("V", overlays)]);
        }),
        attack("four million keys that are deleted", Named("more than it may"), |forge| {
            let deleted = forge.data(&map(&[("x", repeated(&bin(b""), 3_000_000))]));
            let base = leaf(forge, &[document(1)]);
            let base = tree(forge, &[key(1)], &[base], 1);
            let overlay = tree(forge, &[key(9)], &[deleted], 1);
            let overlays = array(&[bin(&overlay)]);
            collection(forge, &[("D", bin(&base)), ("F", uint(1)), ("V", overlays)]);
        }),
        attack("16 levels of wide lists of documents", Vast, tall),
        attack("a large document of 2^60 bytes", Named("bot"), large),
        attack("a stream that is no documents", Named("bot"), |forge| {
            let id = forge.data(&[255; 100]);
            let chunks = chunk_list(&[(id, 100)]);
            let more = [("c", chunks), ("F", uint(3)), ("B", uint(100)), ("W", vec![0xc3])];
            collection_of(forge, &more, &DocumentBuilder::new().finish(), b"evil");
        }),
        attack("options that are no document", Named("tree"), |forge| {
            collection_of(forge, &[("F", uint(3))], &[9; 9], b"evil");
        }),
        attack("a collection that is called ../../outside", Restored, |forge| {
            let leaf = leaf(forge, &[document(1)]);
            let tree = tree(forge, &[key(1)], &[leaf], 1);
            let more = [("D", bin(&tree)), ("F", uint(1)), ("B", uint(23))];
            collection_of(
                forge,
                &more,
                &DocumentBuilder::new().finish(),
                b"..%2F..%2Foutside%2Fplanted",
            );
        }),
        attack("a hundred thousand indexes", Restored, |forge| {
            let leaf = leaf(forge, &[document(1)]);
            let tree = tree(forge, &[key(1)], &[leaf], 1);
            let index = DocumentBuilder::new().string("name", "a").finish();
            let indexes = repeated(&bin(&index), 100_000);
            let more = [("D", bin(&tree)), ("F", uint(1)), ("B", uint(23)), ("I", indexes)];
            collection_of(forge, &more, &DocumentBuilder::new().finish(), b"evil");
        }),
    ]
}

fn document(id: i32) -> Vec<u8> {
    DocumentBuilder::new().int32("_id", id).string("a", "b").finish()
}

/// A document in a document, so deep; its `_id` is 1.
fn nested(depth: usize, kind: u8) -> Vec<u8> {
    // Opening: length, type, name; closing: a zero.
    let total = 5 + depth * 8 + 9;
    let mut bytes = Vec::with_capacity(total);
    bytes.extend_from_slice(&i32::try_from(total).unwrap().to_le_bytes());
    bytes.extend_from_slice(b"\x10_id\0\x01\0\0\0");
    for level in 0..depth {
        bytes.extend_from_slice(&[kind, b'0', 0]);
        bytes.extend_from_slice(&i32::try_from(5 + (depth - 1 - level) * 8).unwrap().to_le_bytes());
    }
    bytes.extend(vec![0; depth + 1]);
    bytes
}

fn key_of(document: &[u8]) -> Vec<u8> {
    document_key(&Elements::new(document).unwrap().find(b"_id").unwrap().unwrap()).unwrap()
}

fn key(id: i32) -> Vec<u8> {
    key_of(&document(id))
}

fn leaf(forge: &mut Forge, documents: &[Vec<u8>]) -> Id {
    forge.data(&map(&[("b", bin(&documents.concat()))]))
}

fn child(last: &[u8], id: &Id, count: u64) -> Value {
    let count = if count == 0 { None } else { Some(("e", uint(count))) };
    let pairs: Vec<_> = [("k", bin(last)), ("i", bin(id))].into_iter().chain(count).collect();
    map(&pairs)
}

fn tree(forge: &mut Forge, lasts: &[Vec<u8>], leaves: &[Id], count: u64) -> Id {
    let children = lasts.iter().zip(leaves).map(|(last, id)| child(last, id, count));
    let children: Vec<Value> = children.collect();
    forge.tree(&map(&[("l", uint(1)), ("c", array(&children))]))
}

/// A collection of one leaf with these, whose counts say `count`.
fn documents(forge: &mut Forge, documents: &[Vec<u8>], count: u64) {
    let last = key_of(documents.last().unwrap());
    documents_with(forge, documents, &[last], count);
}

fn documents_with(forge: &mut Forge, documents: &[Vec<u8>], lasts: &[Vec<u8>], count: u64) {
    let size: usize = documents.iter().map(Vec::len).sum();
    let leaf = leaf(forge, documents);
    let tree = tree(forge, lasts, &[leaf], count);
    collection(forge, &[("D", bin(&tree)), ("F", uint(count)), ("B", uint(size as u64))]);
}

fn collection(forge: &mut Forge, more: &[(&str, Value)]) {
    let more: Vec<_> = more.iter().filter(|(_, value)| value != &[0]).cloned().collect();
    collection_of(forge, &more, &DocumentBuilder::new().finish(), b"evil");
}

/// `c` and `D` come before the options, and the others behind them.
fn collection_of(forge: &mut Forge, more: &[(&str, Value)], options: &[u8], name: &[u8]) {
    let is_before = |(key, _): &&(&str, Value)| ["c", "D", "F", "B"].contains(key);
    let mut pairs: Vec<_> = more.iter().filter(is_before).cloned().collect();
    pairs.push(("O", bin(options)));
    pairs.extend(more.iter().filter(|pair| !is_before(pair)).cloned());
    let database = forge.directory(&[entry(name, 7, 0, &pairs)]);
    let server = forge.directory(&[folder("bot", database)]);
    let servers = forge.directory(&[folder("rs0", server)]);
    let root = forge.directory(&[folder("mongodb", servers)]);
    forge.commit_database(root);
}

fn deep_id(forge: &mut Forge) {
    let inner = nested(10_000, 0x03);
    let length = i32::try_from(4 + 1 + 4 + inner.len() + 1).unwrap();
    let bytes = [&length.to_le_bytes()[..], b"\x03_id\0", &inner, &[0]].concat();
    // No such key can be told.
    documents_with(forge, &[bytes], &[key(1)], 1);
}

/// Base and overlays are one tree.
fn over_itself(forge: &mut Forge) {
    let leaf = leaf(forge, &[document(1), document(2)]);
    let tree = tree(forge, &[key(2)], &[leaf], 2);
    let overlays = array(&vec![bin(&tree); 8]);
    collection(forge, &[("D", bin(&tree)), ("F", uint(3)), ("V", overlays)]);
}

fn large(forge: &mut Forge) {
    let id = forge.data(b"no document");
    let chunks = chunk_list(&[(id, 1 << 60)]);
    let child = map(&[("k", bin(&key(1))), ("e", uint(1)), ("c", chunks)]);
    let tree = forge.tree(&map(&[("l", uint(1)), ("c", array(&[child]))]));
    collection(forge, &[("D", bin(&tree)), ("F", uint(1)), ("B", uint(1 << 60))]);
}

/// The first piece of each level leads to the next one down; the others lead nowhere.
fn tall(forge: &mut Forge) {
    let mut below = leaf(forge, &[document(0)]);
    for level in 1..=16_u64 {
        let child = |number: i32| {
            let id = if number == 0 { below } else { [number as u8 | 1; 32] };
            // Below the first of each level lie all that the level below has.
            let count = if number == 0 { 1 + (level - 1) * 249_999 } else { 1 };
            let last = match (level, number) {
                (1, number) => number,
                (level, number) => 249_999 * (level as i32 - 1) + number,
            };
            child(&key(last), &id, count)
        };
        let children: Vec<_> = (0..250_000).map(child).collect();
        below = forge.tree(&map(&[("l", uint(level)), ("c", array(&children))]));
    }
    let count = 1 + 16 * 249_999;
    collection(forge, &[("D", bin(&below)), ("F", uint(count)), ("B", uint(23 * count))]);
}
