//! Inputs that somebody thought of.

use super::keep;
use snapstore::codec::{DocumentBuilder, ElementType, JsonTape, read_extended_json};
use snapstore::format::{
    ChildPiece, Damaged, DocumentLeaf, LogPlace, Piece, PruneMark, SegmentHeader, Segments,
};
use snapstore::model::{BlobId, ClusterTime, PackId, SessionId};

pub fn write() {
    texts("address", &ADDRESSES);
    texts("time_expression", &TIMES);
    texts("extended_json", &JSON);
    texts("json_backup", &BACKUPS);
    texts("ignore_patterns", &PATTERNS);
    texts("settings", &SETTINGS);
    let template = snapstore::settings::config::filled_template(&[
        ("host", vec!["bot".to_owned()]),
        ("keep-daily", vec!["7".to_owned()]),
    ]);
    keep("settings", "template", template.as_bytes());
    texts("query", &QUERIES);
    documents();
    objects();
    payloads();
    bombs();
}

fn texts(target: &str, texts: &[&str]) {
    for (number, text) in texts.iter().enumerate() {
        keep(target, &format!("text-{number:02}"), text.as_bytes());
    }
}

const ADDRESSES: [&str; 10] = [
    "mongodb://user123:pass123@host:27017,other/bot?authSource=admin",
    "mongodb://user123:pass%2F123@host/bot",
    "mongodb+srv://user123:pass123@cluster.example.net/",
    "mongodb://user123:pass/123@host/bot",
    "mongodb://user123:pass?123456@host",
    "mongodb://user123:pass/123456@host",
    "mongodb://%2Ftmp%2Fmongodb-27017.sock/bot",
    "mongodb://[::1]:27017/bot%20cotizaciones",
    "s3:https://key:secret@host/bucket",
    "/srv/repository",
];

const TIMES: [&str; 34] = [
    "latest",
    "now",
    "today",
    "yesterday 02:00",
    "3 days ago",
    "1 month ago 23:59:60",
    "24 hours ago",
    "last week",
    "last month",
    "last monday 02:00",
    "monday",
    "fri 12:00",
    "02:00:07.250",
    "2025-11-28",
    "2025-11-28T02:00",
    "2025-11-28 02:00:07.25Z",
    "2025-11-28T02:00[Europe/Madrid]",
    "2025-10-26T02:30+01:00[Europe/Madrid]",
    "2025-11-28T02:00:00-00:00",
    "9999-12-31T23:59:59.999999999Z",
    "-009999-01-01",
    "0000-01-01",
    "1y6m",
    "14d",
    "2y5m7d3h",
    "4294967295h",
    "unlimited",
    "-1",
    "host,paths,tags",
    "1.5GiB",
    "1/7",
    "2.5%",
    "1h30m",
    "99999999999999999999 years ago",
];

const JSON: [&str; 8] = [
    concat!(
        r#"{"oid": {"$oid": "0123456789abcdef01234567"}, "symbol": {"$symbol": "s"}, "#,
        r#""int": {"$numberInt": "-5"}, "long": {"$numberLong": "5"}, "text": "é\"\u0001", "#,
        r#""double": {"$numberDouble": "-1.5"}, "decimal": {"$numberDecimal": "1234.50"}, "#,
        r#""binary": {"$binary": {"base64": "AQI=", "subType": "80"}}, "code": {"$code": "f()"}, "#,
        r#""scoped": {"$code": "g()", "$scope": {"a": {"b": null}}}, "list": [true, false, {}], "#,
        r#""date": {"$date": {"$numberLong": "-1"}}, "stamp": {"$timestamp": {"t": 4294967295, "i": 1}}, "#,
        r#""regex": {"$regularExpression": {"pattern": "^\\d", "options": "im"}}, "min": {"$minKey": 1}, "#,
        r#""pointer": {"$dbPointer": {"$ref": "a.b", "$id": {"$oid": "0123456789abcdef01234567"}}}, "#,
        r#""max": {"$maxKey": 1}, "undefined": {"$undefined": true}, "null": null, "null": null}"#
    ),
    r#"{"a": {"$binary": "AQI=", "$type": "00"}, "b": {"$date": 1000}, "c": {"$regex": "a", "$options": "mi"}}"#,
    r#"{"d": {"$date": "1970-01-01T00:00:01+00:00"}, "e": {"$date": "1970-01-01T00:00:01.000"}}"#,
    r#"{"u": {"$uuid": "00112233-4455-6677-8899-aabbccddeeff"}, "bytes": "\udcff\udcc3"}"#,
    r#"[1, -0, 0.0, 1e400, -1.5e-400, NaN, Infinity, -Infinity, 9223372036854775808, 1E5]"#,
    r#"{"$oid": "0123456789abcdef01234567"}"#,
    r#"{"n": {"$numberDecimal": "-1E-6176"}, "m": {"$numberDecimal": "9.999E+6144"}, "x": {"$numberDouble": "-0.0"}}"#,
    r#" {"a": [[[{"b": {"$gt": {"$numberInt": "1"}}}]]], "\ud83d\ude00\ud800": "\/\b\f\n\r\t"} "#,
];

const BACKUPS: [&str; 4] = [
    r#"{"backup_metadata": {"timestamp": "2025-11-28T02:00:00Z", "database": "bot", "collections": ["users"]},
        "collections": {"users": [{"_id": 1, "name": "a"}, {"_id": {"$oid": "0123456789abcdef01234567"}}], "empty": []},
        "checksums": {"users": "sha256:0000000000000000000000000000000000000000000000000000000000000000"}}"#,
    r#"{"collections": {"a/b %": [{"_id": 1}, {"_id": 1, "x": 2}, {"no": "id"}]}, "backup_metadata": {"timestamp": 1764295200}}"#,
    r#"{"checksums": {}, "other": [1, {"a": "}"}], "backup_metadata": {}, "collections": {"x": [{"_id": {"$numberDecimal": "1"}}]}}"#,
    r#"{"backup_metadata": {"timestamp": "20251128_020000"}, "collections": {"$cmd": [], "": [], "system.x": [{}]}}"#,
];

const PATTERNS: [&str; 4] = [
    "# comment\n*.log\n!a.log\n/b/c/\n\\#e !\n",
    "**/[d]\n{x}\n[!a]\n[a-\n\\\n\\[d\\]\n",
    "b/**\n!b/a\na \\ \n*?*\n",
    "/\n!\n!/\n[z-a]\n[]a]\n**\n**/**\n",
];

const SETTINGS: [&str; 4] = [
    "[profile.default]\nrepository = \"/srv/repository\"\nsources = [\"~/bot\", \"mongodb://me:pw@host/bot\"]\n\
     exclude = [\"*.log\", \"!keep.log\"]\nexclude-larger-than = \"1.5G\"\ntags = [\"nightly\"]\n\
     [profile.default.keep]\ndaily = 7\nweekly = \"unlimited\"\nwithin = \"1y6m\"\n",
    "[profile.a]\nhost = \"x\"\n[profile.b]\ninherit = [\"a\", \"c\"]\n[profile.c]\ninherit = [\"b\"]\n",
    "profile = 1\nrepository = 'x'\n[profile.'a,b']\n[profile.ñ]\nhsot = \"\"\"é\\u0000\"\"\"\n",
    "[profile.default]\nkeep-daily = -1\nkeep-last = 0\nkeep-within = \"14d\"\ngroup-by = \"\"\n\
     exclude-if-present = [\"a:b\", \"/\"]\ncheck = { read-data = \"1/7\", max-duration = \"20m\" }\n",
];

const QUERIES: [&str; 5] = [
    r#"{"a.b": {"$gt": 4, "$lte": {"$numberLong": "5"}}, "list.1.n": 2, "gone": null}"#,
    r#"{"$or": [{"t": {"$regex": "^TE", "$options": "i"}}, {"a": {"$in": [1, {"$regularExpression": {"pattern": "x", "options": ""}}]}}]}"#,
    r#"{"$nor": [{"a": {"$not": {"$exists": true}}}], "b": {"$nin": []}, "c": {"$ne": {"$numberDouble": "NaN"}}}"#,
    r#"{"$and": [{"a": {"$eq": {"b": [1]}}}], "d": {"$gte": {"$date": "2025-11-28T02:00:00Z"}}}"#,
    r#"{"a": {"$regex": "(?i)(a|b)*\\p{L}{2,9}[^x]$"}}"#,
];

/// Of one document: a replacement, differences, operators.
const UPDATES: [(&str, &str); 6] = [
    ("replacement", r#"{"_id": 1, "b": 3}"#),
    (
        "fields",
        r#"{"$v": 2, "diff": {"d": {"a": false}, "u": {"z": 1}, "i": {"n": 1}, "so": {"u": {"x": 7}}}}"#,
    ),
    (
        "array",
        r#"{"$v": 2, "diff": {"sl": {"a": true, "l": 5, "u0": 4, "s1": {"d": {"x": false}}}}}"#,
    ),
    (
        "bytes",
        r#"{"$v": 2, "diff": {"b": {"c": {"o": 3, "d": {"$binary": {"base64": "eno=", "subType": "00"}}}}}}"#,
    ),
    ("fill", r#"{"$v": 2, "diff": {"sl": {"a": true, "u4000": 4}}}"#),
    (
        "set",
        r#"{"$v": 1, "$set": {"o.x": 5, "l.3.k": 5, "p.q.r": 1}, "$unset": {"a": true, "l.0": true}}"#,
    ),
];

const UPDATED: &str = r#"{"_id": 1, "a": 2, "l": [1, {"x": 1}], "o": {"x": 1, "y": 2},
    "c": {"$binary": {"base64": "YWJjZGVm", "subType": "07"}}}"#;

fn document(text: &str) -> Vec<u8> {
    read_extended_json(&JsonTape::parse(text.as_bytes()).unwrap(), 0, false).unwrap()
}

fn documents() {
    let every = document(JSON[0]);
    keep("document", "every-type", &every);
    let numbers = document(JSON[4].replacen('[', "{\"a\": [", 1).replacen(']', "]}", 1).as_str());
    keep("document", "numbers", &numbers);
    let code = [&b"\x0e\0\0\0\x01\0\0\0\0"[..], b"\x05\0\0\0\0"].concat();
    let scoped = DocumentBuilder::new().raw(ElementType::CodeWithScope, "c", &code).finish();
    keep("document", "scope", &scoped);
    let mut deep = DocumentBuilder::new().finish();
    for _ in 0..260 {
        deep = DocumentBuilder::new().document("a", &deep).finish();
    }
    keep("document", "deep", &deep);
    let filter = document(QUERIES[0]);
    keep(
        "query",
        "filter-and-document",
        &[filter, document(r#"{"a": {"b": 5}, "list": [1, {"n": 2}]}"#)].concat(),
    );
    let one = document(r#"{"_id": 1, "a": 1, "d": {"_id": 1, "x": [1], "e": {"f": 2}}}"#);
    let other = document(r#"{"a": 2, "d": {"x": 2, "e": {"g": 3}}, "_id": 2}"#);
    keep("merge", "two", &[one.clone(), other.clone()].concat());
    keep("merge", "every-type", &[every, other].concat());
    keep("merge", "deep", &[deep.clone(), deep].concat());
    for (name, update) in UPDATES {
        keep("update", name, &[document(UPDATED), document(update)].concat());
    }
    let leaf = DocumentLeaf { documents: one, deleted: vec![vec![30, 1], vec![60, 97, 0]] };
    keep("tree_piece", "leaf", &leaf.encode());
}

fn objects() {
    let children = [[1; 32], [2; 32]].map(BlobId::new).into_iter().zip(1..);
    let children: Vec<ChildPiece> =
        children.map(|(id, last)| ChildPiece::of(id, vec![b'a', last], 7)).collect();
    keep("tree_piece", "children", &Piece::encode_children(1, &children));
    let session = SessionId::new([6; 16]);
    let condemned = vec![PackId::new([1; 32]), PackId::new([2; 32])];
    keep("marks", "prune", &PruneMark { session, condemned }.encode());
    let when = jiff::Timestamp::UNIX_EPOCH;
    keep("marks", "damaged", &Damaged { why: "a byte is another".to_owned(), when }.encode());
    segments();
    keep(
        "configuration",
        "name",
        b"packs/ab/abababababababababababababababababababababababababababababababab",
    );
}

/// Two segments of a change log with an entry each, one after the other.
fn segments() {
    let entry =
        |second| DocumentBuilder::new().string("op", "i").timestamp("ts", second, 1).finish();
    let place = |second| LogPlace {
        at: ClusterTime { seconds: second, increment: 1 },
        term: 1,
        hash: [second as u8; 32],
        wall: 1000,
    };
    let first = SegmentHeader {
        number: 1,
        window: 1,
        server: "rs0".to_owned(),
        databases: vec!["bot".to_owned()],
        begin: place(1),
        end: place(2),
        last_kept: Some(place(2).at),
        seen: 3,
        kept: 1,
        length: entry(2).len() as u64,
        entries_hash: *blake3::hash(&entry(2)).as_bytes(),
        ..SegmentHeader::default()
    };
    let second = SegmentHeader {
        number: 2,
        window: 2,
        gap: Some("the log was too short".to_owned()),
        previous: first.hash(),
        begin: place(5),
        end: place(6),
        oldest_open: Some(place(4).at),
        last_kept: Some(place(6).at),
        entries_hash: *blake3::hash(&entry(6)).as_bytes(),
        ..first.clone()
    };
    let one = Segments { headers: vec![first.clone()], entries: entry(2) };
    keep("segment", "one", &one.encode());
    let entries = [entry(2), entry(6)].concat();
    keep("segment", "gap", &Segments { headers: vec![first, second], entries }.encode());
}

fn payloads() {
    let compressed = snapstore::codec::Compressor::new(snapstore::codec::Compression::Zstd(3))
        .unwrap()
        .compress(&[b'x'; 5000])
        .unwrap()
        .unwrap()
        .to_vec();
    let payload = |codec: u8, length: u32, bytes: &[u8]| {
        [&[codec][..], &length.to_le_bytes(), bytes].concat()
    };
    keep("payload", "plain", &payload(0, 5, b"plain"));
    keep("payload", "compressed", &payload(1, 5000, &compressed));
    keep("payload", "longer-than-said", &payload(1, 4999, &compressed));
    keep("payload", "shorter-than-said", &payload(1, 1 << 20, &compressed));
    keep("payload", "endless", &payload(1, u32::MAX, &compressed));
}

/// Lists of nothings: a byte each, and hundreds in memory.
fn bombs() {
    let list = |name: u8| {
        let count: u16 = 2000;
        let head = [&[0x81, 0xa1, name, 0xdc][..], &count.to_be_bytes()].concat();
        [head, vec![0x80; count.into()]].concat()
    };
    keep("tree_piece", "many-entries", &list(b'e'));
    keep("tree_piece", "many-children", &list(b'c'));
    keep("index", "many-packs", &list(b'p'));
    keep("snapshot", "many-sources", &list(b's'));
    keep("key_slot", "many-epochs", &list(b'e'));
    // In an unknown key, very deep.
    let deep = [&[0x81, 0xa1, b'!'][..], &[0x91; 2000], &[0xc0]].concat();
    for target in ["tree_piece", "index", "snapshot", "marks", "configuration", "pack_table"] {
        keep(target, "deep", &deep);
    }
}
