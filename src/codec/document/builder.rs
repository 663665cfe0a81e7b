//! Writes documents element by element, also with values taken raw from others.

use super::{Element, ElementType};

/// A document that is being written. Names must not hold NULs; what follows one is cut off.
#[derive(Debug, Clone)]
pub struct DocumentBuilder {
    bytes: Vec<u8>,
}

impl Default for DocumentBuilder {
    fn default() -> Self {
        Self { bytes: vec![0; 4] }
    }
}

impl DocumentBuilder {
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an element with the raw bytes of its value.
    pub fn raw(mut self, kind: ElementType, name: impl AsRef<[u8]>, value: &[u8]) -> Self {
        self.bytes.push(kind.tag());
        let name = name.as_ref().split(|byte| *byte == 0).next().unwrap_or_default();
        self.bytes.extend_from_slice(name);
        self.bytes.push(0);
        self.bytes.extend_from_slice(value);
        self
    }

    /// Adds a copy of an element.
    pub fn element(self, element: &Element<'_>) -> Self {
        self.raw(element.kind, element.name, element.value)
    }

    /// Adds an element's value under another name.
    pub fn named(self, name: impl AsRef<[u8]>, element: &Element<'_>) -> Self {
        self.raw(element.kind, name, element.value)
    }

    pub fn document(self, name: impl AsRef<[u8]>, document: &[u8]) -> Self {
        self.raw(ElementType::Document, name, document)
    }

    /// Adds an array of documents.
    pub fn documents<'a>(
        self,
        name: impl AsRef<[u8]>,
        documents: impl IntoIterator<Item = &'a [u8]>,
    ) -> Self {
        let array = documents
            .into_iter()
            .enumerate()
            .fold(Self::new(), |array, (at, document)| array.document(at.to_string(), document));
        self.raw(ElementType::Array, name, &array.finish())
    }

    pub fn string(self, name: impl AsRef<[u8]>, text: &str) -> Self {
        let length = u32::try_from(text.len() + 1).unwrap_or(u32::MAX);
        let value = [&length.to_le_bytes()[..], text.as_bytes(), &[0]].concat();
        self.raw(ElementType::String, name, &value)
    }

    pub fn int32(self, name: impl AsRef<[u8]>, number: i32) -> Self {
        self.raw(ElementType::Int32, name, &number.to_le_bytes())
    }

    pub fn boolean(self, name: impl AsRef<[u8]>, truth: bool) -> Self {
        self.raw(ElementType::Boolean, name, &[u8::from(truth)])
    }

    /// Milliseconds since 1970.
    pub fn date(self, name: impl AsRef<[u8]>, milliseconds: i64) -> Self {
        self.raw(ElementType::DateTime, name, &milliseconds.to_le_bytes())
    }

    pub fn timestamp(self, name: impl AsRef<[u8]>, seconds: u32, increment: u32) -> Self {
        let value = u64::from(seconds) << 32 | u64::from(increment);
        self.raw(ElementType::Timestamp, name, &value.to_le_bytes())
    }

    /// The document's bytes.
    pub fn finish(mut self) -> Vec<u8> {
        self.bytes.push(0);
        let length = u32::try_from(self.bytes.len()).unwrap_or(u32::MAX);
        if let Some(field) = self.bytes.first_chunk_mut() {
            *field = length.to_le_bytes();
        }
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::super::Elements;
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        let inner = DocumentBuilder::new().boolean("t", true).finish();
        let bytes = DocumentBuilder::new()
            .int32("n", -1)
            .string("s\0cut", "text")
            .documents("a", [&inner[..], &inner])
            .timestamp("when", 2, 1)
            .finish();
        let elements: Vec<_> = Elements::new(&bytes).unwrap().map(Result::unwrap).collect();
        let names: Vec<_> = elements.iter().map(|element| element.name).collect();
        assert_eq!(names, [&b"n"[..], b"s", b"a", b"when"]);
        assert_eq!(elements[0].value, (-1_i32).to_le_bytes());
        assert_eq!(elements[1].text(), Some(&b"text"[..]));
        let array: Vec<_> = elements[2].elements().unwrap().unwrap().map(Result::unwrap).collect();
        assert_eq!((array.len(), array[1].name, array[1].value), (2, &b"1"[..], &inner[..]));
        assert_eq!(elements[3].value, [1, 0, 0, 0, 2, 0, 0, 0]);
    }
}
