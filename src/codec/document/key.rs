//! The canonical key of a document: bytes made of its `_id` that order as the server orders ids,
//! and are the same for ids that the server takes for the same.
//!
//! The order is the server's comparison of BSON values without a collation: first by kind, then
//! within the kind; documents element by element (kind, name, value); a binary by length, subtype,
//! bytes. `docs/format.md` gives the bytes, and a test holds them against a real server.

use super::DocumentError;
use super::element::{Element, ElementType, Elements};
use super::number::{write_decimal128, write_double, write_integer};

/// The server allows 200.
const DEEPEST: usize = 250;

/// What ends the elements of a document: less than any kind.
const END: u8 = 0;

/// Makes the key of a value. Costs about as much as copying it.
pub fn document_key(id: &Element<'_>) -> Result<Vec<u8>, DocumentError> {
    let mut key = Vec::with_capacity(id.value.len() + 2);
    let mut open: Vec<Open<'_>> = Vec::new();
    open.extend(write(id, &mut key)?);
    while let Some(innermost) = open.last_mut() {
        match innermost.elements.next().transpose()? {
            None => {
                key.push(END);
                open.pop();
            }
            Some(element) => {
                key.push(rank(element.kind));
                if innermost.has_names {
                    write_text(element.name, &mut key);
                }
                let inner = write_value(&element, &mut key)?;
                open.extend(inner);
            }
        }
        if open.len() > DEEPEST {
            return Err(DocumentError::TooDeep { limit: DEEPEST });
        }
    }
    Ok(key)
}

/// A document or array whose elements are being written.
struct Open<'a> {
    elements: Elements<'a>,
    has_names: bool,
}

/// The place of a type in the order of kinds; types that compare with each other share it.
fn rank(kind: ElementType) -> u8 {
    match kind {
        ElementType::MinKey => 10,
        ElementType::Undefined => 15,
        ElementType::Null => 20,
        ElementType::Double | ElementType::Int32 | ElementType::Int64 | ElementType::Decimal128 => {
            30
        }
        ElementType::String | ElementType::Symbol => 60,
        ElementType::Document => 70,
        ElementType::Array => 80,
        ElementType::Binary => 90,
        ElementType::ObjectId => 100,
        ElementType::Boolean => 110,
        ElementType::DateTime => 120,
        ElementType::Timestamp => 130,
        ElementType::RegularExpression => 140,
        ElementType::DbPointer => 150,
        ElementType::Code => 160,
        ElementType::CodeWithScope => 170,
        ElementType::MaxKey => 240,
    }
}

fn write<'a>(element: &Element<'a>, key: &mut Vec<u8>) -> Result<Option<Open<'a>>, DocumentError> {
    key.push(rank(element.kind));
    write_value(element, key)
}

/// Writes a value without its rank. One that holds others is returned, to be gone through.
fn write_value<'a>(
    element: &Element<'a>,
    key: &mut Vec<u8>,
) -> Result<Option<Open<'a>>, DocumentError> {
    match element.kind {
        ElementType::MinKey | ElementType::MaxKey | ElementType::Null | ElementType::Undefined => {}
        ElementType::Double => write_double(f64::from_le_bytes(element.fixed()?), key),
        ElementType::Int32 => write_integer(i32::from_le_bytes(element.fixed()?).into(), key),
        ElementType::Int64 => write_integer(i64::from_le_bytes(element.fixed()?), key),
        ElementType::Decimal128 => write_decimal128(element.fixed()?, key),
        ElementType::String | ElementType::Symbol | ElementType::Code => {
            write_text(element.text().unwrap_or_default(), key);
        }
        ElementType::Document | ElementType::Array => {
            let has_names = element.kind == ElementType::Document;
            return Ok(Some(Open { elements: Elements::new(element.value)?, has_names }));
        }
        ElementType::CodeWithScope => return write_code_with_scope(element.value, key).map(Some),
        ElementType::Binary => write_binary(element.value, key),
        ElementType::ObjectId | ElementType::Boolean => key.extend_from_slice(element.value),
        ElementType::DateTime => {
            let milliseconds = i64::from_le_bytes(element.fixed()?);
            key.extend_from_slice(&(milliseconds as u64 ^ 1 << 63).to_be_bytes());
        }
        ElementType::Timestamp => {
            key.extend_from_slice(&u64::from_le_bytes(element.fixed()?).to_be_bytes());
        }
        // Pattern and options, each with its NUL, which neither can hold.
        ElementType::RegularExpression => key.extend_from_slice(element.value),
        ElementType::DbPointer => {
            let length = element.value.len() as u32;
            key.extend_from_slice(&length.to_be_bytes());
            key.extend_from_slice(element.value);
        }
    }
    Ok(None)
}

/// Text may hold NULs: each is followed by 0xff, which is more than what can follow an end.
fn write_text(text: &[u8], key: &mut Vec<u8>) {
    for byte in text {
        key.push(*byte);
        if *byte == 0 {
            key.push(0xff);
        }
    }
    key.push(0);
}

/// Length, subtype, bytes.
fn write_binary(value: &[u8], key: &mut Vec<u8>) {
    let (length, rest) = value.split_at(value.len().min(4));
    key.extend(length.iter().rev());
    key.extend_from_slice(rest);
}

fn write_code_with_scope<'a>(
    value: &'a [u8],
    key: &mut Vec<u8>,
) -> Result<Open<'a>, DocumentError> {
    let outside = DocumentError::Outside { at: 0 };
    let field = value.get(4..).and_then(<[u8]>::first_chunk::<4>).ok_or(outside)?;
    let length = usize::try_from(i32::from_le_bytes(*field)).map_err(|_| outside)?;
    let scope = 8_usize.saturating_add(length);
    let (code, scope) = value.split_at_checked(scope).ok_or(outside)?;
    write_text(code.get(8..code.len().saturating_sub(1)).ok_or(outside)?, key);
    Ok(Open { elements: Elements::new(scope)?, has_names: true })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key of the only element of a document.
    fn key(body: &[u8]) -> Vec<u8> {
        let length = body.len() as u32 + 5;
        let bytes = [&length.to_le_bytes()[..], body, &[0]].concat();
        document_key(&Elements::new(&bytes).unwrap().next().unwrap().unwrap()).unwrap()
    }

    #[test]
    fn kinds_are_in_the_order_of_the_server() {
        let ordered: Vec<Vec<u8>> = [
            &b"\xff_\0"[..],
            b"\x06_\0",
            b"\x0a_\0",
            b"\x10_\0\x01\0\0\0",
            b"\x02_\0\x01\0\0\0\0",
            b"\x02_\0\x02\0\0\0a\0",
            b"\x02_\0\x03\0\0\0a\0\0",
            b"\x02_\0\x03\0\0\0aa\0",
            b"\x03_\0\x05\0\0\0\0",
            b"\x04_\0\x05\0\0\0\0",
            b"\x05_\0\x01\0\0\0\xff\xff",
            b"\x05_\0\x02\0\0\0\0\0\0",
            b"\x07_\0aaaaaaaaaaaa",
            b"\x08_\0\0",
            b"\x08_\0\x01",
            b"\x09_\0\xff\xff\xff\xff\xff\xff\xff\xff",
            b"\x09_\0\0\0\0\0\0\0\0\0",
            b"\x11_\0\x01\0\0\0\0\0\0\0",
            b"\x0b_\0a\0i\0",
            b"\x0d_\0\x01\0\0\0\0",
            b"\x0f_\0\x0e\0\0\0\x01\0\0\0\0\x05\0\0\0\0",
            b"\x7f_\0",
        ]
        .into_iter()
        .map(key)
        .collect();
        assert!(ordered.is_sorted_by(|one, other| one < other));
    }

    #[test]
    fn documents_compare_by_kind_name_and_value() {
        let inner = |body: &[u8]| {
            let length = body.len() as u32 + 5;
            key(&[b"\x03_\0", &length.to_le_bytes()[..], body, &[0]].concat())
        };
        let ordered = [
            inner(b""),
            inner(b"\x10a\0\x01\0\0\0"),
            inner(b"\x10a\0\x01\0\0\0\x10b\0\0\0\0\0"),
            inner(b"\x10a\0\x02\0\0\0"),
            inner(b"\x10b\0\x01\0\0\0"),
            inner(b"\x02a\0\x01\0\0\0\0"),
        ];
        assert!(ordered.is_sorted_by(|one, other| one < other));
        assert_eq!(inner(b"\x10a\0\x01\0\0\0"), inner(b"\x12a\0\x01\0\0\0\0\0\0\0"));
    }

    #[test]
    fn depth_has_a_bound() {
        let mut body = Vec::new();
        for _ in 0..1000 {
            let length = body.len() as u32 + 5;
            body = [b"\x03_\0", &length.to_le_bytes()[..], &body, &[0]].concat();
        }
        let length = body.len() as u32 + 5;
        let bytes = [&length.to_le_bytes()[..], &body, &[0]].concat();
        let element = Elements::new(&bytes).unwrap().next().unwrap().unwrap();
        assert_eq!(document_key(&element), Err(DocumentError::TooDeep { limit: DEEPEST }));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_refused_or_have_a_key(body: Vec<u8>) {
            let length = body.len() as u32 + 5;
            let bytes = [&length.to_le_bytes()[..], &body, &[0]].concat();
            for element in Elements::new(&bytes).unwrap().map_while(Result::ok) {
                let _ = document_key(&element);
            }
        }
    }
}
