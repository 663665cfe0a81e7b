//! The canonical key of a document orders as the server's index of `_id`, and is the same where
//! the server takes ids for the same.

use crate::support::{Chance, Mongod, Role};
use bson::spec::BinarySubtype;
use bson::{Binary, Bson, DateTime, Decimal128, Document, Timestamp, doc, oid::ObjectId};
use snapstore::codec::{Elements, document_key};
use std::collections::BTreeSet;

fn number(chance: &mut Chance) -> Bson {
    let whole = chance.below(7) as i64 - 3;
    let large = *chance.of(&[1 << 53, (1 << 53) + 1, i64::MAX, i64::MIN, 1 << 62, -(1 << 53) - 1]);
    let texts = [
        "0.1",
        "1E-6176",
        "9.999999999999999999999999999999999E+6144",
        "-0",
        "1.0",
        "2.50",
        "9007199254740993",
        "9223372036854775807",
        "NaN",
        "Infinity",
        "-Infinity",
        "1E+300",
        "0E+10",
    ];
    match chance.below(8) {
        0 => Bson::Int32(whole as i32),
        1 => Bson::Int64(whole),
        2 => Bson::Double(whole as f64),
        3 => Bson::Int64(large),
        4 => Bson::Double(large as f64),
        5 => Bson::Double(*chance.of(&[
            0.1,
            -0.0,
            f64::NAN,
            f64::MAX,
            f64::MIN_POSITIVE,
            5e-324,
            f64::INFINITY,
            -2.5,
            1e300,
        ])),
        6 => Bson::Double(f64::from_bits(chance.below(u64::MAX))),
        _ => Bson::Decimal128(chance.of(&texts).parse::<Decimal128>().unwrap()),
    }
}

fn value(chance: &mut Chance, depth: u64, in_document: bool) -> Bson {
    let texts = ["", "a", "a\0", "a\0b", "aa", "ab", "b", "ä", "\u{10ffff}"];
    match chance.below(if depth == 0 { 12 } else { 16 }) {
        0..=3 => number(chance),
        4 => Bson::String((*chance.of(&texts)).to_string()),
        5 => Bson::Binary(Binary {
            subtype: *chance.of(&[
                BinarySubtype::Generic,
                BinarySubtype::Md5,
                BinarySubtype::UserDefined(0xff),
            ]),
            bytes: vec![chance.below(3) as u8; chance.below(4) as usize],
        }),
        6 => Bson::DateTime(DateTime::from_millis(chance.below(5) as i64 - 2)),
        7 => Bson::Timestamp(Timestamp {
            time: *chance.of(&[0, 1, u32::MAX]),
            increment: *chance.of(&[1, 2, u32::MAX]),
        }),
        8 => Bson::Boolean(chance.below(2) == 0),
        9 => Bson::ObjectId(ObjectId::from_bytes([chance.below(3) as u8; 12])),
        10 => (*chance.of(&[Bson::Null, Bson::MinKey, Bson::MaxKey])).clone(),
        11 => Bson::JavaScriptCode((*chance.of(&texts)).to_string()),
        12 if in_document => {
            let count = chance.below(3);
            Bson::Array((0..count).map(|_| value(chance, depth - 1, true)).collect())
        }
        _ => {
            let count = chance.below(4);
            let fields = (0..count).map(|_| {
                let name = *chance.of(&["a", "b", "", "ab"]);
                (name.to_string(), value(chance, depth - 1, true))
            });
            Bson::Document(fields.collect())
        }
    }
}

fn key_of(document: &Document) -> Vec<u8> {
    let bytes = bson::RawDocumentBuf::try_from(document).unwrap().into_bytes();
    let id = Elements::new(&bytes).unwrap().find(b"_id").unwrap().unwrap();
    document_key(&id).unwrap()
}

#[test]
fn keys_order_like_the_index_of_a_server() {
    let Some(server) = Mongod::start(Role::Standalone) else { return };
    let mut chance = Chance::new(0x5eed);
    let documents: Vec<Document> =
        (0..6000).map(|_| doc! { "_id": value(&mut chance, 2, false) }).collect();
    let insert = doc! { "insert": "ids", "ordered": false, "documents": documents.clone() };
    let answer = server.try_run("keys", insert).unwrap();
    let refused = answer.get_array("writeErrors").unwrap();
    let is_double = |error: &Bson| error.as_document().unwrap().get_i32("code").unwrap() == 11_000;
    assert!(refused.iter().all(is_double), "{refused:?}");

    let find = doc! { "find": "ids", "hint": { "_id": 1 }, "batchSize": 10_000 };
    let found = server.batch("keys", find);
    let keys: Vec<Vec<u8>> = found.iter().map(key_of).collect();
    for (pair, ids) in keys.windows(2).zip(found.windows(2)) {
        assert!(pair[0] < pair[1], "{} comes before {}", ids[0], ids[1]);
    }
    // The server took every key once, and each of ours is one of those.
    let there: BTreeSet<&Vec<u8>> = keys.iter().collect();
    assert!(documents.iter().all(|document| there.contains(&key_of(document))));
    assert!(found.len() > 1000, "{} ids", found.len());
}
