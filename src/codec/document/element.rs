//! The elements of a document, as slices of its bytes.

use super::DocumentError;

/// The types of BSON 1.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ElementType {
    Double,
    String,
    Document,
    Array,
    Binary,
    Undefined,
    ObjectId,
    Boolean,
    DateTime,
    Null,
    RegularExpression,
    DbPointer,
    Code,
    Symbol,
    CodeWithScope,
    Int32,
    Timestamp,
    Int64,
    Decimal128,
    MinKey,
    MaxKey,
}

impl ElementType {
    /// The byte that stands for the type.
    pub fn tag(self) -> u8 {
        match self {
            Self::Double => 0x01,
            Self::String => 0x02,
            Self::Document => 0x03,
            Self::Array => 0x04,
            Self::Binary => 0x05,
            Self::Undefined => 0x06,
            Self::ObjectId => 0x07,
            Self::Boolean => 0x08,
            Self::DateTime => 0x09,
            Self::Null => 0x0a,
            Self::RegularExpression => 0x0b,
            Self::DbPointer => 0x0c,
            Self::Code => 0x0d,
            Self::Symbol => 0x0e,
            Self::CodeWithScope => 0x0f,
            Self::Int32 => 0x10,
            Self::Timestamp => 0x11,
            Self::Int64 => 0x12,
            Self::Decimal128 => 0x13,
            Self::MinKey => 0xff,
            Self::MaxKey => 0x7f,
        }
    }

    fn of(tag: u8) -> Option<Self> {
        Some(match tag {
            0x01 => Self::Double,
            0x02 => Self::String,
            0x03 => Self::Document,
            0x04 => Self::Array,
            0x05 => Self::Binary,
            0x06 => Self::Undefined,
            0x07 => Self::ObjectId,
            0x08 => Self::Boolean,
            0x09 => Self::DateTime,
            0x0a => Self::Null,
            0x0b => Self::RegularExpression,
            0x0c => Self::DbPointer,
            0x0d => Self::Code,
            0x0e => Self::Symbol,
            0x0f => Self::CodeWithScope,
            0x10 => Self::Int32,
            0x11 => Self::Timestamp,
            0x12 => Self::Int64,
            0x13 => Self::Decimal128,
            0xff => Self::MinKey,
            0x7f => Self::MaxKey,
            _ => return None,
        })
    }
}

/// One element. Names and values are as they came: also names that are not UTF-8, also twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Element<'a> {
    pub kind: ElementType,
    /// Without its final NUL.
    pub name: &'a [u8],
    /// With the lengths that belong to it.
    pub value: &'a [u8],
}

/// The elements of one document or array, in order. After an error nothing more comes.
#[derive(Debug, Clone)]
pub struct Elements<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Elements<'a> {
    /// `bytes` must be the whole document and nothing else.
    pub fn new(bytes: &'a [u8]) -> Result<Self, DocumentError> {
        let length = read_length(bytes, 0)?;
        match bytes.last() {
            _ if length != bytes.len() || length < 5 => Err(DocumentError::Outside { at: 0 }),
            Some(0) => Ok(Self { bytes, at: 4 }),
            _ => Err(DocumentError::NotEnded { at: length - 1 }),
        }
    }

    /// The first element of this name.
    pub fn find(mut self, name: &[u8]) -> Result<Option<Element<'a>>, DocumentError> {
        self.find_map(|element| match element {
            Ok(element) if element.name != name => None,
            other => Some(other),
        })
        .transpose()
    }

    /// Everything but the last byte, which ends the document.
    fn body(&self) -> &'a [u8] {
        &self.bytes[..self.bytes.len() - 1]
    }

    fn element(&mut self) -> Result<Element<'a>, DocumentError> {
        let (start, body) = (self.at, self.body());
        let tag = body[start];
        let kind = ElementType::of(tag).ok_or(DocumentError::UnknownType { tag, at: start })?;
        let name_end = end_of_text(body, start + 1)?;
        let value_start = name_end + 1;
        let value_end = end_of_value(kind, body, value_start)?;
        self.at = value_end;
        let name = &body[start + 1..name_end];
        Ok(Element { kind, name, value: &body[value_start..value_end] })
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Result<Element<'a>, DocumentError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.body().len() {
            return None;
        }
        let element = self.element();
        if element.is_err() {
            self.at = self.bytes.len();
        }
        Some(element)
    }
}

/// The signed 32-bit length at `at`, as a length.
fn read_length(bytes: &[u8], at: usize) -> Result<usize, DocumentError> {
    let field = bytes.get(at..).and_then(<[u8]>::first_chunk::<4>);
    let length = field.and_then(|field| usize::try_from(i32::from_le_bytes(*field)).ok());
    length.ok_or(DocumentError::Outside { at })
}

/// Where the NUL is that ends the text at `start`.
fn end_of_text(bytes: &[u8], start: usize) -> Result<usize, DocumentError> {
    let rest = bytes.get(start..).unwrap_or_default();
    let length = rest.iter().position(|byte| *byte == 0);
    length.map(|length| start + length).ok_or(DocumentError::NotEnded { at: start })
}

fn end_of_value(kind: ElementType, body: &[u8], start: usize) -> Result<usize, DocumentError> {
    let length = match kind {
        ElementType::Undefined | ElementType::Null | ElementType::MinKey | ElementType::MaxKey => 0,
        ElementType::Boolean => 1,
        ElementType::Int32 => 4,
        ElementType::Double
        | ElementType::DateTime
        | ElementType::Timestamp
        | ElementType::Int64 => 8,
        ElementType::ObjectId => 12,
        ElementType::Decimal128 => 16,
        ElementType::String | ElementType::Code | ElementType::Symbol => string(body, start)?,
        ElementType::DbPointer => string(body, start)? + 12,
        ElementType::Binary => read_length(body, start)?.saturating_add(5),
        ElementType::Document | ElementType::Array => {
            at_least(read_length(body, start)?, 5, start)?
        }
        ElementType::CodeWithScope => at_least(read_length(body, start)?, 14, start)?,
        ElementType::RegularExpression => {
            let options = end_of_text(body, start)? + 1;
            end_of_text(body, options)? + 1 - start
        }
    };
    let end = start.saturating_add(length);
    if end > body.len() { Err(DocumentError::Outside { at: start }) } else { Ok(end) }
}

fn at_least(length: usize, least: usize, at: usize) -> Result<usize, DocumentError> {
    if length < least { Err(DocumentError::Outside { at }) } else { Ok(length) }
}

/// The bytes that a string takes, its length and its final NUL included.
fn string(body: &[u8], start: usize) -> Result<usize, DocumentError> {
    let length = at_least(read_length(body, start)?, 1, start)?;
    let last = start.saturating_add(3).saturating_add(length);
    match body.get(last) {
        Some(0) => Ok(length + 4),
        Some(_) => Err(DocumentError::NotEnded { at: last }),
        None => Err(DocumentError::Outside { at: start }),
    }
}

impl<'a> Element<'a> {
    /// The bytes of a string, code or symbol.
    pub fn text(&self) -> Option<&'a [u8]> {
        match self.kind {
            ElementType::String | ElementType::Code | ElementType::Symbol => {
                self.value.get(4..self.value.len().saturating_sub(1))
            }
            _ => None,
        }
    }

    /// The elements of a document or array.
    pub fn elements(&self) -> Option<Result<Elements<'a>, DocumentError>> {
        match self.kind {
            ElementType::Document | ElementType::Array => Some(Elements::new(self.value)),
            _ => None,
        }
    }

    /// The number of an `int32`, an `int64`, or a whole `double`, which are all the same to a
    /// server.
    pub fn integer(&self) -> Option<i64> {
        match self.kind {
            ElementType::Int32 => Some(i32::from_le_bytes(self.fixed().ok()?).into()),
            ElementType::Int64 => Some(i64::from_le_bytes(self.fixed().ok()?)),
            ElementType::Double => {
                let number = f64::from_le_bytes(self.fixed().ok()?);
                let is_whole = number.fract() == 0.0 && number.abs() < 9e15;
                is_whole.then_some(number as i64)
            }
            _ => None,
        }
    }

    /// Whether it stands for true: `true`, or a number that is not 0.
    pub fn is_true(&self) -> bool {
        match self.kind {
            ElementType::Boolean => self.value == [1],
            _ => self.integer().is_some_and(|number| number != 0),
        }
    }

    /// A value of fixed length.
    pub(super) fn fixed<const N: usize>(&self) -> Result<[u8; N], DocumentError> {
        self.value.first_chunk().copied().ok_or(DocumentError::Outside { at: 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(body: &[u8]) -> Vec<u8> {
        let length = body.len() as u32 + 5;
        [&length.to_le_bytes()[..], body, &[0]].concat()
    }

    fn read(bytes: &[u8]) -> Result<Vec<(ElementType, Vec<u8>, usize)>, DocumentError> {
        let owned =
            |element: Element<'_>| (element.kind, element.name.to_vec(), element.value.len());
        Elements::new(bytes)?.map(|element| element.map(owned)).collect()
    }

    #[test]
    fn elements_come_in_order_also_twice_and_with_names_in_no_encoding() {
        let body = b"\x10a\0\x01\0\0\0\x02\xff\0\x02\0\0\0x\0\x10a\0\x02\0\0\0\x0a\0";
        let expected = vec![
            (ElementType::Int32, b"a".to_vec(), 4),
            (ElementType::String, b"\xff".to_vec(), 6),
            (ElementType::Int32, b"a".to_vec(), 4),
            (ElementType::Null, b"".to_vec(), 0),
        ];
        assert_eq!(read(&document(body)).unwrap(), expected);
        let bytes = document(body);
        let first = Elements::new(&bytes).unwrap().find(b"a").unwrap().unwrap();
        assert_eq!(first.value, [1, 0, 0, 0]);
        assert_eq!(Elements::new(&bytes).unwrap().find(b"b").unwrap(), None);
    }

    #[test]
    fn lengths_that_lie_are_refused() {
        for body in [
            &b"\x02a\0\xff\xff\xff\x7fx\0"[..],
            b"\x02a\0\0\0\0\0",
            b"\x02a\0\x02\0\0\0xy",
            b"\x03a\0\x04\0\0\0\0",
            b"\x05a\0\xff\xff\xff\xff\0",
            b"\x0ba\0x",
            b"\x01a\0\0\0",
            b"\x77a\0",
            b"\x10a",
        ] {
            assert!(read(&document(body)).is_err(), "{body:?}");
        }
        assert!(Elements::new(&[6, 0, 0, 0, 0]).is_err());
        assert!(Elements::new(&[5, 0, 0, 0, 1]).is_err());
        assert!(Elements::new(&[]).is_err());
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_come_to_an_end(bytes: Vec<u8>) {
            let _ = read(&bytes);
            let _ = read(&document(&bytes));
        }
    }
}
