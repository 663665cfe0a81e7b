//! Documents as extended JSON.

use super::super::{DocumentError, Element, ElementType, Elements};
use crate::codec::json::{encode_base64, write_json_string};
use jiff::Timestamp;

/// Which of the two forms.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ExtendedJson {
    /// Every type comes back as it was.
    #[default]
    Canonical,
    /// Numbers and dates as people write them: whether a number was 32 or 64 bits wide is lost.
    Relaxed,
}

/// The milliseconds of years that relaxed dates are written out in: 1970 to 9999.
const WRITTEN_OUT: std::ops::Range<i64> = 0..253_402_300_800_000;

/// A document or array that is being written.
struct Open<'a> {
    elements: Elements<'a>,
    is_array: bool,
    is_first: bool,
    /// What follows its own end, of one that stands in a wrapper.
    end: &'static [u8],
}

/// Appends a document. Names that come twice are written twice; bytes that are not UTF-8 as lone
/// surrogates `\udc80` to `\udcff`, which reading turns back.
pub fn write_extended_json(
    document: &[u8],
    form: ExtendedJson,
    out: &mut Vec<u8>,
) -> Result<(), DocumentError> {
    out.push(b'{');
    let elements = Elements::new(document)?;
    run(Open { elements, is_array: false, is_first: true, end: b"" }, form, out)
}

/// Appends the value of an element.
pub fn write_extended_value(
    element: &Element<'_>,
    form: ExtendedJson,
    out: &mut Vec<u8>,
) -> Result<(), DocumentError> {
    match value(element, form, out)? {
        Some(open) => run(open, form, out),
        None => Ok(()),
    }
}

fn run(outermost: Open<'_>, form: ExtendedJson, out: &mut Vec<u8>) -> Result<(), DocumentError> {
    let mut open = vec![outermost];
    while let Some(innermost) = open.last_mut() {
        let Some(element) = innermost.elements.next().transpose()? else {
            out.push(if innermost.is_array { b']' } else { b'}' });
            out.extend_from_slice(innermost.end);
            open.pop();
            continue;
        };
        if !std::mem::take(&mut innermost.is_first) {
            out.extend_from_slice(b", ");
        }
        if !innermost.is_array {
            write_json_string(element.name, false, out);
            out.extend_from_slice(b": ");
        }
        open.extend(value(&element, form, out)?);
    }
    Ok(())
}

/// Writes a value, or the beginning of one that holds others.
fn value<'a>(
    element: &Element<'a>,
    form: ExtendedJson,
    out: &mut Vec<u8>,
) -> Result<Option<Open<'a>>, DocumentError> {
    let is_relaxed = form == ExtendedJson::Relaxed;
    match element.kind {
        ElementType::Document => {
            out.push(b'{');
            let elements = Elements::new(element.value)?;
            return Ok(Some(Open { elements, is_array: false, is_first: true, end: b"" }));
        }
        ElementType::Array => {
            out.push(b'[');
            let elements = Elements::new(element.value)?;
            return Ok(Some(Open { elements, is_array: true, is_first: true, end: b"" }));
        }
        ElementType::CodeWithScope => return code_with_scope(element.value, out).map(Some),
        ElementType::Double => double(f64::from_le_bytes(element.fixed()?), is_relaxed, out),
        ElementType::Int32 => {
            number("$numberInt", i32::from_le_bytes(element.fixed()?).into(), is_relaxed, out);
        }
        ElementType::Int64 => {
            number("$numberLong", i64::from_le_bytes(element.fixed()?), is_relaxed, out);
        }
        ElementType::Decimal128 => {
            let decimal = bson::Decimal128::from_bytes(element.fixed()?);
            wrapped("$numberDecimal", &decimal.to_string(), out);
        }
        ElementType::String => write_json_string(element.text().unwrap_or_default(), false, out),
        ElementType::Symbol => text("$symbol", element.text().unwrap_or_default(), out),
        ElementType::Code => text("$code", element.text().unwrap_or_default(), out),
        ElementType::Boolean => {
            out.extend_from_slice(if element.value == [0] { b"false" } else { b"true" });
        }
        ElementType::Null => out.extend_from_slice(b"null"),
        ElementType::Undefined => out.extend_from_slice(br#"{"$undefined": true}"#),
        ElementType::MinKey => out.extend_from_slice(br#"{"$minKey": 1}"#),
        ElementType::MaxKey => out.extend_from_slice(br#"{"$maxKey": 1}"#),
        ElementType::ObjectId => wrapped("$oid", &hexadecimal(element.value), out),
        ElementType::DateTime => date(i64::from_le_bytes(element.fixed()?), is_relaxed, out),
        ElementType::Timestamp => {
            let bits = u64::from_le_bytes(element.fixed()?);
            let (seconds, increment) = (bits >> 32, bits & u64::from(u32::MAX));
            let text = format!(r#"{{"$timestamp": {{"t": {seconds}, "i": {increment}}}}}"#);
            out.extend_from_slice(text.as_bytes());
        }
        ElementType::Binary => binary(element.value, out),
        ElementType::RegularExpression => regular_expression(element.value, out),
        ElementType::DbPointer => pointer(element.value, out),
    }
    Ok(None)
}

fn wrapped(name: &str, value: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(format!(r#"{{"{name}": "{value}"}}"#).as_bytes());
}

fn text(name: &str, value: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(format!(r#"{{"{name}": "#).as_bytes());
    write_json_string(value, false, out);
    out.push(b'}');
}

fn number(name: &str, number: i64, is_relaxed: bool, out: &mut Vec<u8>) {
    match is_relaxed {
        true => out.extend_from_slice(number.to_string().as_bytes()),
        false => wrapped(name, &number.to_string(), out),
    }
}

fn double(number: f64, is_relaxed: bool, out: &mut Vec<u8>) {
    let text = match number {
        number if number.is_nan() => "NaN".to_string(),
        f64::INFINITY => "Infinity".to_string(),
        f64::NEG_INFINITY => "-Infinity".to_string(),
        number => format!("{number:?}"),
    };
    match is_relaxed && number.is_finite() {
        true => out.extend_from_slice(text.as_bytes()),
        false => wrapped("$numberDouble", &text, out),
    }
}

fn date(milliseconds: i64, is_relaxed: bool, out: &mut Vec<u8>) {
    let moment = Timestamp::from_millisecond(milliseconds);
    match moment {
        Ok(moment) if is_relaxed && WRITTEN_OUT.contains(&milliseconds) => {
            wrapped("$date", &moment.to_string(), out);
        }
        _ => {
            let text = format!(r#"{{"$date": {{"$numberLong": "{milliseconds}"}}}}"#);
            out.extend_from_slice(text.as_bytes());
        }
    }
}

fn binary(value: &[u8], out: &mut Vec<u8>) {
    let subtype = value.get(4).copied().unwrap_or_default();
    let bytes = encode_base64(value.get(5..).unwrap_or_default());
    let text = format!(r#"{{"$binary": {{"base64": "{bytes}", "subType": "{subtype:02x}"}}}}"#);
    out.extend_from_slice(text.as_bytes());
}

fn regular_expression(value: &[u8], out: &mut Vec<u8>) {
    let mut parts = value.split(|byte| *byte == 0);
    out.extend_from_slice(br#"{"$regularExpression": {"pattern": "#);
    write_json_string(parts.next().unwrap_or_default(), false, out);
    out.extend_from_slice(br#", "options": "#);
    write_json_string(parts.next().unwrap_or_default(), false, out);
    out.extend_from_slice(b"}}");
}

fn pointer(value: &[u8], out: &mut Vec<u8>) {
    let (name, id) = value.split_at(value.len().saturating_sub(12));
    out.extend_from_slice(br#"{"$dbPointer": {"$ref": "#);
    let name = name.get(4..name.len().saturating_sub(1)).unwrap_or_default();
    write_json_string(name, false, out);
    out.extend_from_slice(br#", "$id": "#);
    wrapped("$oid", &hexadecimal(id), out);
    out.extend_from_slice(b"}}");
}

fn code_with_scope<'a>(value: &'a [u8], out: &mut Vec<u8>) -> Result<Open<'a>, DocumentError> {
    let outside = DocumentError::Outside { at: 0 };
    let field = value.get(4..).and_then(<[u8]>::first_chunk::<4>).ok_or(outside)?;
    let length = usize::try_from(i32::from_le_bytes(*field)).map_err(|_| outside)?;
    let (code, scope) = value.split_at_checked(length.saturating_add(8)).ok_or(outside)?;
    out.extend_from_slice(br#"{"$code": "#);
    let code = code.get(8..code.len().saturating_sub(1)).ok_or(outside)?;
    write_json_string(code, false, out);
    out.extend_from_slice(br#", "$scope": {"#);
    Ok(Open { elements: Elements::new(scope)?, is_array: false, is_first: true, end: b"}" })
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
