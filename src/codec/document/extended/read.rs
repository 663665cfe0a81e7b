//! Documents from extended JSON, in any of its forms.

use super::super::ElementType;
use super::wrapper::{string, wrapped_value};
use crate::codec::json::{JsonError, JsonTape, JsonToken};

/// Why a text is no document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ExtendedJsonError {
    #[error(transparent)]
    Json(#[from] JsonError),
    #[error("it is JSON, but no object")]
    NotAnObject,
    #[error("a name in it holds a NUL")]
    NulInName,
    #[error("it is longer than 2 GiB")]
    TooLong,
}

/// A document or array that is being made.
struct Open {
    from: usize,
    /// Names and places of values still to come, the next one last.
    left: Vec<(Vec<u8>, usize)>,
    /// Of a scope: where the code begins that it belongs to.
    code_from: Option<usize>,
}

/// The document that a tape's object at a place stands for. Plain numbers become the smallest of
/// `int32`, `int64` and `double` that holds them. `old_regex`: see the type wrappers.
pub fn read_extended_json(
    tape: &JsonTape<'_>,
    place: usize,
    old_regex: bool,
) -> Result<Vec<u8>, ExtendedJsonError> {
    if !matches!(tape.token(place), Some(JsonToken::Object { .. })) {
        return Err(ExtendedJsonError::NotAnObject);
    }
    let mut bytes = Vec::new();
    let first = Open::of(tape, place, &mut bytes);
    run(tape, first, old_regex, &mut bytes)?;
    match i32::try_from(bytes.len()) {
        Ok(_) => Ok(bytes),
        Err(_) => Err(ExtendedJsonError::TooLong),
    }
}

/// A document with the value at a place as its only element, which has the name.
pub fn read_extended_value(
    name: &str,
    tape: &JsonTape<'_>,
    place: usize,
) -> Result<Vec<u8>, ExtendedJsonError> {
    let mut bytes = vec![0; 4];
    let left = vec![(name.as_bytes().to_vec(), place)];
    let first = Open { from: 0, left, code_from: None };
    run(tape, first, true, &mut bytes)?;
    Ok(bytes)
}

impl Open {
    fn of(tape: &JsonTape<'_>, place: usize, bytes: &mut Vec<u8>) -> Self {
        let from = bytes.len();
        bytes.extend_from_slice(&[0; 4]);
        let mut left: Vec<_> = match tape.token(place) {
            Some(JsonToken::Object { .. }) => tape.members(place).collect(),
            _ => {
                let numbered = tape.inside(place).enumerate();
                numbered.map(|(at, value)| (at.to_string().into_bytes(), value)).collect()
            }
        };
        left.reverse();
        Self { from, left, code_from: None }
    }
}

fn run(
    tape: &JsonTape<'_>,
    first: Open,
    old_regex: bool,
    bytes: &mut Vec<u8>,
) -> Result<(), ExtendedJsonError> {
    let mut open = vec![first];
    while let Some(innermost) = open.last_mut() {
        let Some((name, place)) = innermost.left.pop() else {
            bytes.push(0);
            put_length(bytes, innermost.from);
            if let Some(from) = innermost.code_from {
                put_length(bytes, from);
            }
            open.pop();
            continue;
        };
        if name.contains(&0) {
            return Err(ExtendedJsonError::NulInName);
        }
        open.extend(element(tape, &name, place, old_regex, bytes));
    }
    Ok(())
}

fn put_length(bytes: &mut [u8], from: usize) {
    let length = u32::try_from(bytes.len() - from).unwrap_or(u32::MAX);
    if let Some(field) = bytes.get_mut(from..).and_then(<[u8]>::first_chunk_mut) {
        *field = length.to_le_bytes();
    }
}

/// Appends an element, or the beginning of one that holds others.
fn element(
    tape: &JsonTape<'_>,
    name: &[u8],
    place: usize,
    old_regex: bool,
    bytes: &mut Vec<u8>,
) -> Option<Open> {
    let mut begin = |kind: ElementType| {
        bytes.push(kind.tag());
        bytes.extend_from_slice(name);
        bytes.push(0);
    };
    match tape.token(place)? {
        JsonToken::Null => begin(ElementType::Null),
        JsonToken::Boolean(truth) => {
            begin(ElementType::Boolean);
            bytes.push(u8::from(*truth));
        }
        JsonToken::String(_) => {
            begin(ElementType::String);
            bytes.extend(string(&tape.string(place).unwrap_or_default()));
        }
        JsonToken::Number(_) => {
            let (kind, value) = number(tape.written(place));
            begin(kind);
            bytes.extend(value);
        }
        JsonToken::Array { .. } => {
            begin(ElementType::Array);
            return Some(Open::of(tape, place, bytes));
        }
        JsonToken::Object { .. } => {
            if let Some((kind, value)) = wrapped_value(tape, place, old_regex) {
                begin(kind);
                bytes.extend(value);
                return None;
            }
            if let Some((code, scope)) = code_with_scope(tape, place) {
                begin(ElementType::CodeWithScope);
                let from = bytes.len();
                bytes.extend_from_slice(&[0; 4]);
                bytes.extend(string(&code));
                return Some(Open { code_from: Some(from), ..Open::of(tape, scope, bytes) });
            }
            begin(ElementType::Document);
            return Some(Open::of(tape, place, bytes));
        }
    }
    None
}

/// The code, and the place of the scope.
fn code_with_scope(tape: &JsonTape<'_>, place: usize) -> Option<(Vec<u8>, usize)> {
    if tape.members(place).count() != 2 {
        return None;
    }
    let scope = tape.member(place, "$scope")?;
    let is_object = matches!(tape.token(scope)?, JsonToken::Object { .. });
    Some((tape.string(tape.member(place, "$code")?)?, scope)).filter(|_| is_object)
}

fn number(text: &[u8]) -> (ElementType, Vec<u8>) {
    let text = std::str::from_utf8(text).unwrap_or_default();
    let whole = text.parse::<i64>().ok().filter(|number| *number != 0 || text == "0");
    match whole {
        Some(number) => match i32::try_from(number) {
            Ok(number) => (ElementType::Int32, number.to_le_bytes().to_vec()),
            Err(_) => (ElementType::Int64, number.to_le_bytes().to_vec()),
        },
        None => {
            let number = match text {
                "NaN" => f64::NAN,
                text => text.parse().unwrap_or(f64::NAN),
            };
            (ElementType::Double, number.to_le_bytes().to_vec())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::{DocumentBuilder, Elements};
    use super::super::{ExtendedJson, write_extended_json};
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Vec<u8> {
        read_extended_json(&JsonTape::parse(text.as_bytes()).unwrap(), 0, true).unwrap()
    }

    fn written(document: &[u8], form: ExtendedJson) -> String {
        let mut out = Vec::new();
        write_extended_json(document, form, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    /// Every type, in its canonical form.
    const EVERY_TYPE: &str = concat!(
        r#"{"oid": {"$oid": "0123456789abcdef01234567"}, "symbol": {"$symbol": "s"}, "#,
        r#""string": "é\"\u0001", "int": {"$numberInt": "-5"}, "long": {"$numberLong": "5"}, "#,
        r#""double": {"$numberDouble": "-1.5"}, "whole": {"$numberDouble": "1.0"}, "#,
        r#""nan": {"$numberDouble": "NaN"}, "infinity": {"$numberDouble": "-Infinity"}, "#,
        r#""decimal": {"$numberDecimal": "1234.50"}, "least": {"$numberDecimal": "-1E-6176"}, "#,
        r#""binary": {"$binary": {"base64": "AQI=", "subType": "80"}}, "#,
        r#""code": {"$code": "f()"}, "scoped": {"$code": "g()", "$scope": {"a": {"b": null}}}, "#,
        r#""document": {"a": [true, false, {}]}, "date": {"$date": {"$numberLong": "-1"}}, "#,
        r#""timestamp": {"$timestamp": {"t": 4294967295, "i": 1}}, "#,
        r#""regex": {"$regularExpression": {"pattern": "^\\d", "options": "im"}}, "#,
        r#""pointer": {"$dbPointer": {"$ref": "a.b", "$id": {"$oid": "0123456789abcdef01234567"}}}, "#,
        r#""min": {"$minKey": 1}, "max": {"$maxKey": 1}, "undefined": {"$undefined": true}, "#,
        r#""ref": {"$ref": "c", "$id": {"$numberInt": "1"}}, "null": null, "null": null}"#
    );

    #[test]
    fn every_type_comes_back() {
        let document = read(EVERY_TYPE);
        assert!(Elements::new(&document).unwrap().all(|element| element.is_ok()));
        assert_eq!(written(&document, ExtendedJson::Canonical), EVERY_TYPE);
    }

    #[test]
    fn relaxed_is_as_people_write() {
        let text = r#"{"n": 1, "long": 5000000000, "x": 1.5, "d": {"$date": "2025-11-28T02:00:00.5Z"}, "old": {"$date": {"$numberLong": "-1"}}}"#;
        assert_eq!(written(&read(text), ExtendedJson::Relaxed), text);
    }

    #[test]
    fn older_forms_are_read() {
        for (old, new) in [
            (
                r#"{"$binary": "AQI=", "$type": "00"}"#,
                r#"{"$binary": {"base64": "AQI=", "subType": "00"}}"#,
            ),
            (r#"{"$date": 1000}"#, r#"{"$date": {"$numberLong": "1000"}}"#),
            (r#"{"$date": "1970-01-01T00:00:01+00:00"}"#, r#"{"$date": {"$numberLong": "1000"}}"#),
            (r#"{"$date": "1970-01-01T00:00:01.000"}"#, r#"{"$date": {"$numberLong": "1000"}}"#),
            (
                r#"{"$regex": "a", "$options": "mi"}"#,
                r#"{"$regularExpression": {"pattern": "a", "options": "im"}}"#,
            ),
            (
                r#"{"$uuid": "00112233-4455-6677-8899-aabbccddeeff"}"#,
                r#"{"$binary": {"base64": "ABEiM0RVZneImaq7zN3u/w==", "subType": "04"}}"#,
            ),
        ] {
            let new = format!(r#"{{"v": {new}}}"#);
            assert_eq!(written(&read(&format!(r#"{{"v": {old}}}"#)), ExtendedJson::Canonical), new);
        }
        for kept in [
            r#"{"v": {"$oid": "12"}, "w": {"$gt": {"$numberInt": "1"}}}"#,
            r#"{"v": {"$dbPointer": {"$ref": "c", "$id": {"$symbol": "1234567"}}}}"#,
            // Not as a server writes it, but as it was.
            r#"{"v": {"$regularExpression": {"pattern": "a", "options": "mi"}}}"#,
        ] {
            assert_eq!(written(&read(kept), ExtendedJson::Canonical), kept);
        }
    }

    #[test]
    fn bytes_that_are_no_text_come_back() {
        let document = DocumentBuilder::new().boolean(b"\xff\xc3", true).finish();
        assert_eq!(written(&document, ExtendedJson::Canonical), r#"{"\udcff\udcc3": true}"#);
        assert_eq!(read(&written(&document, ExtendedJson::Canonical)), document);
    }

    proptest! {
        #[test]
        fn any_numbers_come_back(int: i32, long: i64, bits: u64) {
            let double = f64::from_bits(bits);
            let document = DocumentBuilder::new()
                .int32("int", int)
                .raw(ElementType::Int64, "long", &long.to_le_bytes())
                .date("date", long)
                .raw(ElementType::Double, "double", &double.to_le_bytes())
                .finish();
            let again = read(&written(&document, ExtendedJson::Canonical));
            if double.is_nan() {
                prop_assert_eq!(again.len(), document.len());
            } else {
                prop_assert_eq!(again, document);
            }
        }
    }
}
