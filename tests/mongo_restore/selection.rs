//! Only some documents are wanted: a filter has the meaning that the server gives it.

use super::{all, insert, lines, of_type};
use crate::support::{Mongod, Role, World};
use bson::oid::ObjectId;
use bson::{Bson, Decimal128, Document, Regex, Timestamp, doc};
use snapstore::mongo::Query;
use std::collections::BTreeSet;

/// Values of every kind that could be taken for another.
fn values() -> Vec<Bson> {
    let regex = Bson::RegularExpression(Regex {
        pattern: "a".try_into().unwrap(),
        options: "".try_into().unwrap(),
    });
    vec![
        Bson::Null,
        Bson::Undefined,
        Bson::Int32(1),
        Bson::Int64(2),
        Bson::Double(1.0),
        Bson::Double(2.5),
        Bson::Double(f64::NAN),
        Bson::Decimal128("2.50".parse::<Decimal128>().unwrap()),
        Bson::String("a".into()),
        Bson::String("Abc\nb".into()),
        Bson::Symbol("a".into()),
        Bson::Boolean(true),
        Bson::Boolean(false),
        Bson::DateTime(bson::DateTime::from_millis(5)),
        Bson::Timestamp(Timestamp { time: 1, increment: 1 }),
        Bson::ObjectId(ObjectId::from_bytes([1; 12])),
        regex,
        Bson::Document(doc! {}),
        Bson::Document(doc! { "b": 1 }),
        Bson::Document(doc! { "b": Bson::Null }),
        Bson::Document(doc! { "b": [1, "a"] }),
        Bson::Document(doc! { "0": { "b": 1 } }),
        Bson::Document(doc! { "b": { "c": 1 } }),
        Bson::Array(vec![]),
        Bson::Array(vec![Bson::Null]),
        Bson::Array(vec![1.into(), 2.into()]),
        Bson::Array(vec!["a".into(), "x".into()]),
        Bson::Array(vec![Bson::Array(vec![1.into()])]),
        Bson::Array(vec![doc! { "b": 1 }.into(), doc! { "b": 2 }.into()]),
        Bson::Array(vec![doc! { "b": 1 }.into(), 7.into()]),
        Bson::Array(vec![doc! { "b": [1, 2] }.into(), doc! {}.into()]),
        Bson::Array(vec![doc! { "b": { "c": 1 } }.into()]),
    ]
}

fn filters() -> Vec<Document> {
    let mut filters = Vec::new();
    for value in values() {
        if matches!(value, Bson::Undefined) {
            continue;
        }
        for path in ["a", "a.b", "a.0", "a.0.b", "a.b.c"] {
            filters.push(doc! { path: value.clone() });
            let is_regex = matches!(value, Bson::RegularExpression(_));
            let orders = ["$gt", "$gte", "$lt", "$lte", "$eq", "$ne"];
            for order in orders.iter().filter(|_| !is_regex) {
                filters.push(doc! { path: { *order: value.clone() } });
            }
            filters.push(doc! { path: { "$in": [value.clone(), 2] } });
            filters.push(doc! { path: { "$nin": [value.clone(), "x"] } });
            if !is_regex {
                filters.push(doc! { path: { "$not": { "$gte": value.clone() } } });
            }
        }
    }
    for path in ["a", "a.b", "a.0", "a.0.b", "a.b.c", "gone"] {
        for exists in [Bson::Boolean(true), Bson::Boolean(false), Bson::Int32(0)] {
            filters.push(doc! { path: { "$exists": exists } });
        }
        for (pattern, options) in [("^A", "i"), ("^b", "m"), ("A.*b$", "s"), ("a x", "x")] {
            filters.push(doc! { path: { "$regex": pattern, "$options": options } });
        }
        let both = [doc! { path: 1 }, doc! { path: { "$gt": 1 } }];
        filters.push(doc! { "$or": both.to_vec() });
        filters.push(doc! { "$and": both.to_vec() });
        filters.push(doc! { "$nor": both.to_vec() });
        filters.push(doc! { path: { "$gt": 0, "$lt": 2 } });
    }
    filters
}

#[test]
fn a_filter_means_what_it_means_to_the_server() {
    let Some(server) = Mongod::start(Role::Standalone) else { return };
    let mut documents: Vec<Document> = vec![doc! { "_id": 0 }];
    for value in values() {
        documents.push(doc! { "_id": documents.len() as i32, "a": value });
    }
    insert(&server, "q", "q", &documents);
    let raw = |document: &Document| bson::RawDocumentBuf::try_from(document).unwrap().into_bytes();
    let mut wrong = Vec::new();
    for filter in filters() {
        let only = doc! { "_id": 1 };
        let find =
            doc! { "find": "q", "filter": filter.clone(), "projection": only, "batchSize": 1000 };
        let found = server.batch("q", find);
        let found: BTreeSet<i32> = found.iter().map(|one| one.get_i32("_id").unwrap()).collect();
        let query = Query::new(&raw(&filter)).unwrap();
        let fits = documents.iter().filter(|document| query.fits(&raw(document)));
        let fits: BTreeSet<i32> = fits.map(|one| one.get_i32("_id").unwrap()).collect();
        for id in found.symmetric_difference(&fits) {
            let expected = found.contains(id);
            wrong.push(format!("{filter} on {}: {expected}", documents[*id as usize]));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} wrong, such as\n{}",
        wrong.len(),
        wrong[..wrong.len().min(25)].join("\n")
    );
}

#[test]
fn some_documents_are_restored_and_others_left() {
    let Some(server) = Mongod::start(Role::ReplicaSet) else { return };
    let oid = ObjectId::from_bytes([0xab; 12]);
    let documents = [
        doc! { "_id": 1, "state": { "step": 1 } },
        doc! { "_id": "one", "state": { "step": 3 } },
        doc! { "_id": oid, "state": { "step": 5 } },
    ];
    insert(&server, "bot", "s", &documents);
    let world = World::with_repository();
    world.snap(["backup", &server.address("bot")]).success();
    let hex = oid.to_hex();
    let json = format!(r#"{{"$oid": "{hex}"}}"#);
    for (name, more, expected) in [
        ("by_query", vec!["--query", r#"{"state.step": {"$gte": 3}}"#], &documents[1..]),
        ("by_text", vec!["--id", "one"], &documents[1..2]),
        (
            "by_json",
            vec!["--id", &json, "--id", "1"],
            &[documents[0].clone(), documents[2].clone()],
        ),
        ("by_hex", vec!["--id", &hex], &documents[2..]),
        ("by_both", vec!["--id", "one", "--query", r#"{"state.step": 1}"#], &[]),
    ] {
        let to = server.address(name);
        let restore: Vec<&str> =
            ["restore", "latest", "--to", &to].into_iter().chain(more).collect();
        let done = lines(&world, &restore);
        let summary = of_type(&done, "summary")[0];
        assert_eq!(summary["documents_restored"], expected.len(), "{name}: {done:?}");
        assert_eq!(all(&server, name, "s"), expected, "{name}");
        // Others that are there stay, and are not counted.
        insert(&server, name, "s", &[doc! { "_id": "mine" }]);
        let dry: Vec<&str> = restore.iter().copied().chain(["--dry-run"]).collect();
        let told = lines(&world, &dry);
        let comparison = of_type(&told, "comparison")[0];
        assert_eq!(comparison["identical"], expected.len());
        assert!(comparison.get("extra").is_none(), "{told:?}");
    }
    let to = server.address("no");
    let unknown = ["restore", "latest", "--to", &to, "--query", r#"{"a": {"$near": 1}}"#];
    let refused = world.snap(unknown);
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(refused.stderr.contains("$near"), "{refused:?}");
}
