//! Documents, updates and differences that chance makes up: few names and many types, so that they
//! meet.

use crate::support::Chance;
use bson::oid::ObjectId;
use bson::spec::BinarySubtype;
use bson::{Binary, Bson, DateTime, Document, JavaScriptCodeWithScope, Regex, Timestamp, doc};

/// Also those that mean something in differences.
const NAMES: [&str; 14] =
    ["a", "b", "d", "i", "l", "s", "u", "u0", "s1", "0", "1", "ü", "x y", "n"];
const DEEPEST: u32 = 4;

fn name(chance: &mut Chance) -> String {
    (*chance.of(&NAMES)).to_string()
}

pub fn value(chance: &mut Chance, depth: u32) -> Bson {
    let number = chance.below(1000) as i32;
    match chance.below(if depth < DEEPEST { 27 } else { 19 }) {
        0 => Bson::Null,
        1 => Bson::Boolean(number % 2 == 0),
        2 | 3 => Bson::Int32(number),
        4 => Bson::Int64(i64::from(number) << 33),
        5 => Bson::Double(f64::from(number) / 7.0),
        6 => Bson::Double(*chance.of(&[f64::NAN, f64::INFINITY, -0.0])),
        7 => Bson::String("text\0 ü".repeat(number as usize % 30)),
        8 => Bson::String(String::new()),
        9 => Bson::ObjectId(ObjectId::from_bytes([number as u8; 12])),
        10 => Bson::DateTime(DateTime::from_millis(i64::from(number) * -1000)),
        // One of 0 is the server's time, where it is the first level's.
        11 => Bson::Timestamp(Timestamp { time: 1, increment: number as u32 }),
        12 => Bson::Decimal128(format!("{number}.50").parse().unwrap()),
        13 => {
            let subtype = *chance.of(&[BinarySubtype::Generic, BinarySubtype::Uuid]);
            Bson::Binary(Binary { subtype, bytes: vec![number as u8; 16] })
        }
        14 => Bson::RegularExpression(Regex {
            pattern: "^x".try_into().unwrap(),
            options: "i".try_into().unwrap(),
        }),
        15 => Bson::JavaScriptCode("f()".into()),
        16 => Bson::JavaScriptCodeWithScope(JavaScriptCodeWithScope {
            code: "g()".into(),
            scope: doc! { "a": number },
        }),
        17 => Bson::MinKey,
        18 => Bson::MaxKey,
        19..=22 => {
            let length = chance.below(6);
            Bson::Array((0..length).map(|_| value(chance, depth + 1)).collect())
        }
        _ => Bson::Document(fields(chance, depth + 1)),
    }
}

fn fields(chance: &mut Chance, depth: u32) -> Document {
    let count = chance.below(7);
    (0..count).map(|_| (name(chance), value(chance, depth))).collect()
}

pub fn document(chance: &mut Chance, id: i32) -> Document {
    let mut document = doc! { "_id": id };
    document.extend(fields(chance, 0));
    // What makes a difference shorter than a replacement.
    document.insert("long", "text ".repeat(40));
    document
}

/// The document with little changed in it.
pub fn changed(chance: &mut Chance, before: &Document, depth: u32) -> Document {
    let mut after = Document::new();
    for (name, old) in before {
        match (chance.below(8), old) {
            _ if name == "_id" || name == "long" => drop(after.insert(name.clone(), old.clone())),
            (0, _) => {}
            (1, _) => drop(after.insert(name.clone(), value(chance, depth))),
            (_, Bson::Document(inner)) if chance.below(2) == 0 => {
                after.insert(name.clone(), changed(chance, inner, depth + 1));
            }
            (_, Bson::Array(inner)) if chance.below(2) == 0 => {
                after.insert(name.clone(), changed_array(chance, inner, depth + 1));
            }
            _ => drop(after.insert(name.clone(), old.clone())),
        }
    }
    for _ in 0..chance.below(3) {
        after.insert(name(chance), value(chance, depth));
    }
    after
}

fn changed_array(chance: &mut Chance, before: &[Bson], depth: u32) -> Vec<Bson> {
    let mut after: Vec<Bson> = before.to_vec();
    for element in &mut after {
        *element = match (chance.below(6), &*element) {
            (0, _) => value(chance, depth),
            (_, Bson::Document(inner)) => changed(chance, inner, depth + 1).into(),
            (_, Bson::Array(inner)) => changed_array(chance, inner, depth + 1).into(),
            (_, same) => same.clone(),
        };
    }
    after.truncate(chance.below(8) as usize);
    for _ in 0..chance.below(3) {
        after.push(value(chance, depth));
    }
    after
}

fn path(chance: &mut Chance) -> String {
    let names: Vec<String> = (0..=chance.below(3)).map(|_| name(chance)).collect();
    names.join(".")
}

/// Operators as clients send them; the server refuses some.
pub fn operators(chance: &mut Chance) -> Document {
    let mut operators = Document::new();
    for _ in 0..=chance.below(3) {
        let (path, some) = (path(chance), value(chance, 2));
        let number = chance.below(9) as i32;
        let (operator, argument) = match chance.below(14) {
            0..=4 => ("$set", some),
            5 => ("$unset", Bson::Int32(1)),
            6 => ("$inc", Bson::Int32(number)),
            7 => ("$mul", Bson::Double(1.5)),
            8 => ("$rename", Bson::String(self::path(chance))),
            9 => ("$addToSet", some),
            10 => {
                let each = vec![some, Bson::Int32(number)];
                let slice = number - 4;
                ("$push", doc! { "$each": each, "$position": number % 3, "$slice": slice }.into())
            }
            11 => ("$pop", Bson::Int32(if number < 4 { 1 } else { -1 })),
            12 => ("$pull", some),
            _ => ("$push", some),
        };
        let of_operator = operators.entry(operator.to_string()).or_insert(doc! {}.into());
        of_operator.as_document_mut().unwrap().insert(path, argument);
    }
    operators
}

/// A difference that mostly fits the document.
pub fn difference(chance: &mut Chance, before: &Document, depth: u32) -> Document {
    let (mut gone, mut changed, mut added) = (doc! {}, doc! {}, doc! {});
    let mut inside = Document::new();
    for (name, old) in before.iter().filter(|(name, _)| *name != "_id") {
        match (chance.below(10), old) {
            (0, _) => drop(gone.insert(name.clone(), false)),
            (1, _) => drop(changed.insert(name.clone(), value(chance, depth))),
            (2, _) => drop(added.insert(name.clone(), value(chance, depth))),
            (3 | 4, Bson::Document(inner)) => {
                let difference = difference(chance, inner, depth + 1);
                inside.insert(format!("s{name}"), difference);
            }
            (3 | 4, Bson::Array(inner)) => {
                inside.insert(format!("s{name}"), array_difference(chance, inner, depth + 1));
            }
            (5, _) if chance.below(20) == 0 => {
                inside.insert(format!("s{name}"), doc! { "d": { "a": false } });
            }
            _ => {}
        }
    }
    for more in [&mut changed, &mut added] {
        let name = name(chance);
        if !before.contains_key(&name) && chance.below(3) == 0 {
            more.insert(name, value(chance, depth));
        }
    }
    let mut difference = Document::new();
    for (section, fields) in [("d", gone), ("u", changed), ("i", added)] {
        if !fields.is_empty() {
            difference.insert(section, fields);
        }
    }
    difference.extend(inside);
    // One of nothing is none to the server.
    if difference.is_empty() {
        difference.insert("u", doc! { "n": 1 });
    }
    difference
}

fn array_difference(chance: &mut Chance, before: &[Bson], depth: u32) -> Document {
    let mut difference = doc! { "a": true };
    let mut length = before.len() as u64 + chance.below(4);
    if chance.below(3) == 0 {
        length = chance.below(length + 1);
        difference.insert("l", length as i32);
    }
    for index in 0..length {
        match (chance.below(4), before.get(index as usize)) {
            (0, _) => drop(difference.insert(format!("u{index}"), value(chance, depth))),
            (1, Some(Bson::Document(inner))) => {
                let inner = self::difference(chance, inner, depth + 1);
                difference.insert(format!("s{index}"), inner);
            }
            (1, Some(Bson::Array(inner))) => {
                let inner = array_difference(chance, inner, depth + 1);
                difference.insert(format!("s{index}"), inner);
            }
            _ => {}
        }
    }
    if difference.len() == 1 {
        difference.insert("l", length as i32);
    }
    difference
}
