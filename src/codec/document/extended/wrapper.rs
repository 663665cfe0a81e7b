//! The objects that stand for values of types that JSON does not have.

use super::super::ElementType;
use crate::codec::json::{JsonTape, JsonToken, decode_base64};
use jiff::Timestamp;

/// The value that an object stands for; `None` if it is a document like any other. `old_regex`
/// also takes `{"$regex", "$options"}`, which in a filter is an operator.
pub fn wrapped_value(
    tape: &JsonTape<'_>,
    place: usize,
    old_regex: bool,
) -> Option<(ElementType, Vec<u8>)> {
    let mut members = tape.members(place);
    let (name, value) = members.next()?;
    let second = members.next();
    if members.next().is_some() || name.first() != Some(&b'$') {
        return None;
    }
    let Some((second_name, second)) = second else { return single(tape, &name, value) };
    let pair = |one: &str, other: &str| match (&name[..], &second_name[..]) {
        (a, b) if a == one.as_bytes() && b == other.as_bytes() => Some((value, second)),
        (a, b) if a == other.as_bytes() && b == one.as_bytes() => Some((second, value)),
        _ => None,
    };
    if let Some((pattern, options)) = pair("$regex", "$options").filter(|_| old_regex) {
        // The server keeps options in the order of the alphabet.
        let mut options = tape.string(options)?;
        options.sort_unstable();
        return regular_expression(&tape.string(pattern)?, &options);
    }
    // As it was written before 2: `{"$binary": "…", "$type": "00"}`.
    let (bytes, subtype) = pair("$binary", "$type")?;
    binary(&tape.string(bytes)?, &tape.string(subtype)?)
}

fn single(tape: &JsonTape<'_>, name: &[u8], value: usize) -> Option<(ElementType, Vec<u8>)> {
    let text = || String::from_utf8(tape.string(value)?).ok();
    Some(match name {
        b"$oid" => {
            let id = hexadecimal(&text()?).filter(|id| id.len() == 12)?;
            (ElementType::ObjectId, id)
        }
        b"$numberInt" => (ElementType::Int32, text()?.parse::<i32>().ok()?.to_le_bytes().to_vec()),
        b"$numberLong" => (ElementType::Int64, long(tape, value)?.to_le_bytes().to_vec()),
        b"$numberDouble" => (ElementType::Double, double(&text()?)?.to_le_bytes().to_vec()),
        b"$numberDecimal" => {
            let decimal: bson::Decimal128 = text()?.parse().ok()?;
            (ElementType::Decimal128, decimal.bytes().to_vec())
        }
        b"$date" => (ElementType::DateTime, date(tape, value)?.to_le_bytes().to_vec()),
        b"$binary" => {
            let bytes = tape.string(tape.member(value, "base64")?)?;
            return binary(&bytes, &tape.string(tape.member(value, "subType")?)?);
        }
        b"$uuid" => {
            let bytes = hexadecimal(&text()?.replace('-', "")).filter(|uuid| uuid.len() == 16)?;
            (ElementType::Binary, [&16_u32.to_le_bytes()[..], &[4], &bytes].concat())
        }
        b"$regularExpression" => {
            let pattern = tape.string(tape.member(value, "pattern")?)?;
            return regular_expression(&pattern, &tape.string(tape.member(value, "options")?)?);
        }
        b"$timestamp" => {
            let part = |name: &str| -> Option<u32> {
                std::str::from_utf8(tape.written(tape.member(value, name)?)).ok()?.parse().ok()
            };
            let bits = u64::from(part("t")?) << 32 | u64::from(part("i")?);
            (ElementType::Timestamp, bits.to_le_bytes().to_vec())
        }
        b"$symbol" => (ElementType::Symbol, string(&tape.string(value)?)),
        b"$code" => (ElementType::Code, string(&tape.string(value)?)),
        b"$dbPointer" => {
            let id = tape.member(value, "$id")?;
            let is_id = |(kind, _): &(ElementType, _)| *kind == ElementType::ObjectId;
            let (_, id) = wrapped_value(tape, id, false).filter(is_id)?;
            let name = string(&tape.string(tape.member(value, "$ref")?)?);
            (ElementType::DbPointer, [name, id].concat())
        }
        b"$minKey" => (ElementType::MinKey, one(tape, value)?),
        b"$maxKey" => (ElementType::MaxKey, one(tape, value)?),
        b"$undefined" => match tape.token(value)? {
            JsonToken::Boolean(true) => (ElementType::Undefined, Vec::new()),
            _ => return None,
        },
        _ => return None,
    })
}

/// The value of a string, code or symbol.
pub fn string(text: &[u8]) -> Vec<u8> {
    let length = u32::try_from(text.len() + 1).unwrap_or(u32::MAX);
    [&length.to_le_bytes()[..], text, &[0]].concat()
}

fn one(tape: &JsonTape<'_>, value: usize) -> Option<Vec<u8>> {
    (tape.written(value) == b"1").then(Vec::new)
}

fn long(tape: &JsonTape<'_>, value: usize) -> Option<i64> {
    String::from_utf8(tape.string(value)?).ok()?.parse().ok()
}

fn double(text: &str) -> Option<f64> {
    match text {
        "NaN" => Some(f64::NAN),
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        text => text.parse().ok().filter(|number: &f64| number.is_finite()),
    }
}

/// Milliseconds: of `{"$numberLong"}`, a written date, or a bare number.
fn date(tape: &JsonTape<'_>, value: usize) -> Option<i64> {
    match tape.token(value)? {
        JsonToken::Object { .. } => long(tape, tape.member(value, "$numberLong")?),
        JsonToken::String(_) => {
            let text = String::from_utf8(tape.string(value)?).ok()?;
            let moment = text.parse::<Timestamp>().or_else(|_| {
                // Dates of databases are in UTC, also where a program does not say so.
                let local = text.parse::<jiff::civil::DateTime>()?;
                local.to_zoned(jiff::tz::TimeZone::UTC).map(|zoned| zoned.timestamp())
            });
            Some(moment.ok()?.as_millisecond())
        }
        _ => std::str::from_utf8(tape.written(value)).ok()?.parse().ok(),
    }
}

fn binary(base64: &[u8], subtype: &[u8]) -> Option<(ElementType, Vec<u8>)> {
    let bytes = decode_base64(base64)?;
    let subtype = u8::from_str_radix(std::str::from_utf8(subtype).ok()?, 16).ok()?;
    let length = u32::try_from(bytes.len()).ok()?;
    Some((ElementType::Binary, [&length.to_le_bytes()[..], &[subtype], &bytes].concat()))
}

fn regular_expression(pattern: &[u8], options: &[u8]) -> Option<(ElementType, Vec<u8>)> {
    if pattern.contains(&0) || options.contains(&0) {
        return None;
    }
    Some((ElementType::RegularExpression, [pattern, &[0], options, &[0]].concat()))
}

fn hexadecimal(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2).map(|pair| {
        let pair = std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2)?;
        u8::from_str_radix(pair, 16).ok()
    });
    pairs.collect()
}
