//! A database with everything that is odd.

use crate::support::Mongod;
use bson::oid::ObjectId;
use bson::spec::BinarySubtype;
use bson::{Binary, Bson, DateTime, Decimal128, Document, Regex, Timestamp, doc};
use snapstore::codec::{DocumentBuilder, ElementType};

/// The largest document that a server takes.
const LARGEST: usize = 16 << 20;
/// Ids of nested documents, and how many levels they have; a server takes 180.
const DEEP: [(i32, usize); 2] = [(3, 100), (4, 170)];

/// Makes the same documents each time, but for the buckets of `series`, which get ids of their own.
pub fn fill(server: &Mongod, database: &str) {
    kinds(server, database);
    raw(server, database);
    large(server, database);
    collections(server, database);
    indexes(server, database);
    many(server, database);
}

fn decimal(text: &str) -> Bson {
    Bson::Decimal128(text.parse::<Decimal128>().unwrap())
}

fn binary(subtype: BinarySubtype, bytes: &[u8]) -> Bson {
    Bson::Binary(Binary { subtype, bytes: bytes.to_vec() })
}

/// Values of every type that can be an `_id`, and of all others as fields.
fn values() -> Vec<Bson> {
    vec![
        Bson::MinKey,
        Bson::Null,
        Bson::Double(f64::NAN),
        Bson::Double(f64::NEG_INFINITY),
        Bson::Double(-1.5),
        Bson::Int32(0),
        Bson::Int64(1 << 60),
        Bson::Double(0.1),
        decimal("0.1"),
        decimal("1E+6000"),
        Bson::String(String::new()),
        Bson::String("größe\0".to_string()),
        Bson::Symbol("symbol".to_string()),
        Bson::Document(doc! {}),
        Bson::Document(doc! { "a": 1, "b": { "c": [1, 2.5, "x"] } }),
        binary(BinarySubtype::Generic, b"\0\xff"),
        binary(BinarySubtype::Uuid, &[7; 16]),
        binary(BinarySubtype::UserDefined(0x80), b""),
        Bson::ObjectId(ObjectId::from_bytes([9; 12])),
        Bson::Boolean(false),
        Bson::Boolean(true),
        Bson::DateTime(DateTime::from_millis(-1)),
        Bson::DateTime(DateTime::MAX),
        Bson::Timestamp(Timestamp { time: 0, increment: 0 }),
        Bson::Timestamp(Timestamp { time: u32::MAX, increment: 1 }),
        Bson::JavaScriptCode("return 1".to_string()),
        Bson::JavaScriptCodeWithScope(bson::JavaScriptCodeWithScope {
            code: "return a".to_string(),
            scope: doc! { "a": 1 },
        }),
        Bson::MaxKey,
    ]
}

fn kinds(server: &Mongod, database: &str) {
    let documents: Vec<Document> = values().into_iter().map(|id| doc! { "_id": id }).collect();
    server.run(database, doc! { "insert": "ids", "documents": documents });
    let mut all = doc! { "_id": "all" };
    for (at, value) in values().into_iter().enumerate() {
        all.insert(format!("v{at}"), value);
    }
    all.insert("array", values());
    all.insert("undefined", Bson::Undefined);
    all.insert(
        "regex",
        Bson::RegularExpression(Regex {
            pattern: bson::raw::CString::try_from("^a.*").unwrap(),
            options: bson::raw::CString::try_from("im").unwrap(),
        }),
    );
    server.run(database, doc! { "insert": "kinds", "documents": [all] });
    // Equal to a server, and another value in each.
    for (name, id) in [
        ("one_int", Bson::Int32(1)),
        ("one_long", Bson::Int64(1)),
        ("one_double", Bson::Double(1.0)),
        ("one_decimal", decimal("1.00")),
        ("minus_zero", Bson::Double(-0.0)),
    ] {
        server.run(database, doc! { "insert": name, "documents": [{ "_id": id }] });
    }
}

fn raw_document() -> Vec<u8> {
    DocumentBuilder::new()
        .int32("_id", 1)
        .int32("twice", 1)
        .int32("twice", 2)
        .raw(ElementType::String, b"\xff\xfe", b"\x03\0\0\0\xc3\x28\0")
        .int32("", 3)
        .int32("a.b", 4)
        .int32("$c", 5)
        .finish()
}

/// An empty timestamp on the top, in a document that is odd.
fn stamped_document() -> Vec<u8> {
    DocumentBuilder::new().int32("_id", 2).int32("z", 1).int32("a", 2).finish()
}

/// A document in a document, so many times; arrays in turns.
fn deep_document(id: i32, depth: usize) -> Vec<u8> {
    let mut inner = DocumentBuilder::new().int32("0", 1).finish();
    for level in 0..depth - 2 {
        let kind = if level % 2 == 0 { ElementType::Document } else { ElementType::Array };
        inner = DocumentBuilder::new().raw(kind, "0", &inner).finish();
    }
    DocumentBuilder::new().int32("_id", id).document("deep", &inner).finish()
}

fn raw(server: &Mongod, database: &str) {
    for (id, depth) in DEEP {
        server.insert_raw(database, "raw", &deep_document(id, depth));
    }
    server.insert_raw(database, "raw", &raw_document());
    server.insert_raw(database, "raw", &stamped_document());
    let empty = doc! { "$set": { "t": Timestamp { time: 0, increment: 0 } } };
    server.run(database, doc! { "update": "raw", "updates": [{ "q": { "_id": 2 }, "u": empty }] });
}

/// The bytes themselves, where a hash of the documents would not tell.
pub fn has_kept_bytes(server: &Mongod, database: &str) {
    let stamped = DocumentBuilder::new()
        .int32("_id", 2)
        .int32("z", 1)
        .int32("a", 2)
        .timestamp("t", 0, 0)
        .finish();
    let mut expected = vec![raw_document(), stamped];
    expected.extend(DEEP.map(|(id, depth)| deep_document(id, depth)));
    expected.sort();
    let mut found = bytes_of(server, database, "raw");
    found.retain(|document| document.windows(6).all(|bytes| bytes != b"before"));
    assert_eq!(found, expected);
}

/// The bytes of all documents of a collection, sorted.
pub fn bytes_of(server: &Mongod, database: &str, name: &str) -> Vec<Vec<u8>> {
    use futures_util::StreamExt;
    let mut found = Vec::new();
    server.runtime().block_on(async {
        let database = server.client().database(database);
        let find = database.run_cursor_command(doc! { "find": name });
        let mut cursor = find.batch().await.unwrap();
        while let Some(batch) = cursor.next().await {
            let batch = batch.unwrap();
            let documents = batch.doc_slices().unwrap().into_iter();
            found.extend(
                documents.map(|one| one.unwrap().as_document().unwrap().as_bytes().to_vec()),
            );
        }
    });
    found.sort();
    found
}

fn large(server: &Mongod, database: &str) {
    let of_size = |id: i32, size: usize| {
        let around = DocumentBuilder::new().int32("_id", id).string("s", "").finish().len();
        let text: String =
            (0..size - around).map(|at| char::from(b'a' + (at % 23) as u8)).collect();
        DocumentBuilder::new().int32("_id", id).string("s", &text).finish()
    };
    for (id, size) in [(1, LARGEST), (2, 1 << 20), (3, (1 << 20) + 1), (4, 3 << 20)] {
        server.insert_raw(database, "large", &of_size(id, size));
    }
    assert_eq!(of_size(1, LARGEST).len(), LARGEST);
}

fn collections(server: &Mongod, database: &str) {
    let run = |command: Document| drop(server.run(database, command));
    let insert = |name: &str, documents: Vec<Document>| {
        drop(server.run(database, doc! { "insert": name, "documents": documents }));
    };
    run(doc! { "create": "empty" });
    run(doc! { "create": "capped", "capped": true, "size": 100_000, "max": 50 });
    insert("capped", (0..80).map(|n| doc! { "_id": (n * 37) % 101, "n": n }).collect());
    run(doc! { "create": "validated", "validationLevel": "moderate" });
    insert("validated", vec![doc! { "_id": 1, "a": -1 }]);
    run(doc! { "collMod": "validated", "validator": { "a": { "$gt": 0 } } });
    run(doc! { "create": "clustered", "clusteredIndex": { "key": { "_id": 1 }, "unique": true } });
    insert("clustered", values().into_iter().map(|id| doc! { "_id": id }).collect());
    run(doc! { "create": "collated", "collation": { "locale": "de", "strength": 1 } });
    insert("collated", ["b", "A", "ä1", "B1", "z", "Ö"].map(|id| doc! { "_id": id }).to_vec());
    let series = doc! { "timeField": "t", "metaField": "m", "granularity": "minutes" };
    run(doc! { "create": "series", "timeseries": series, "expireAfterSeconds": 1_000_000_000 });
    let measured = |n: i64| {
        let t = DateTime::from_millis(1_700_000_000_000 + n * 7_000_000);
        doc! { "t": t, "m": n % 3, "v": n as f64 / 3.0 }
    };
    insert("series", (0..500).map(measured).collect());
    run(doc! { "create": "view", "viewOn": "ids", "pipeline": [{ "$match": { "_id": 1 } }] });
    run(doc! { "create": "view of view", "viewOn": "view", "pipeline": [] });
    let locale = doc! { "locale": "de", "strength": 1 };
    run(
        doc! { "create": "collated view", "viewOn": "collated", "pipeline": [], "collation": locale },
    );
    for name in ["a/b", "100%", "größe", "fs.files", "fs.chunks", "system.js"] {
        insert(name, vec![doc! { "_id": name }]);
    }
}

fn indexes(server: &Mongod, database: &str) {
    let point = doc! { "type": "Point", "coordinates": [1.5, 2.5] };
    let document = doc! { "_id": 1, "a": 1, "b": [1, 2], "text": "some words", "where": point,
    "seen": DateTime::from_millis(1_700_000_000_000), "c": { "d": 1 } };
    server.run(database, doc! { "insert": "indexed", "documents": [document] });
    let indexes = [
        doc! { "key": { "a": 1, "b": -1 }, "name": "compound" },
        doc! { "key": { "a": 1 }, "name": "unique", "unique": true },
        doc! { "key": { "b": 1 }, "name": "partial", "partialFilterExpression": { "a": { "$gt": 5 } } },
        doc! { "key": { "b": 1 }, "name": "sparse", "sparse": true, "hidden": true },
        doc! { "key": { "text": "text" }, "name": "text", "default_language": "spanish" },
        doc! { "key": { "where": "2dsphere" }, "name": "sphere" },
        doc! { "key": { "where.coordinates": "2d" }, "name": "flat", "bits": 20 },
        doc! { "key": { "a": "hashed" }, "name": "hashed" },
        doc! { "key": { "c.$**": 1 }, "name": "wildcard" },
        doc! { "key": { "seen": 1 }, "name": "ttl", "expireAfterSeconds": 1_000_000_000 },
        doc! { "key": { "text": 1 }, "name": "collated", "collation": { "locale": "fr" } },
    ];
    server.run(database, doc! { "createIndexes": "indexed", "indexes": indexes.to_vec() });
    let on_series = doc! { "key": { "m": 1, "t": -1 }, "name": "m_1_t_-1" };
    server.run(database, doc! { "createIndexes": "series", "indexes": [on_series] });
    let simple = doc! { "key": { "a": 1 }, "name": "simple", "collation": { "locale": "simple" } };
    server.run(database, doc! { "createIndexes": "collated", "indexes": [simple] });
}

/// Enough for several leaves.
fn many(server: &Mongod, database: &str) {
    let text = "Buenos días, ¿en qué puedo ayudarle? ".repeat(5);
    for part in 0..8 {
        let documents = (0..2500).map(|n| {
            let n = part * 2500 + n;
            doc! { "_id": (n * 7919) % 20_011, "text": &text, "price": decimal(&format!("{n}.50")) }
        });
        let documents: Vec<Document> = documents.collect();
        server.run(database, doc! { "insert": "many", "documents": documents });
    }
}
