//! A leaf of a collection's tree: documents end to end, as the content of a data blob.

use super::FormatError;
use super::list::List;
use super::record::{self, Bytes, record};

const WHAT: &str = "piece of a collection";

/// The server's own bound for what it stores (16 MiB), and what it adds to it inside.
pub const LARGEST_DOCUMENT: usize = (16 << 20) + (16 << 10);

/// A leaf: of a base it has documents only, of an overlay also keys that are deleted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DocumentLeaf {
    /// BSON, end to end, in the order of their keys: [`documents`] takes them apart.
    pub documents: Vec<u8>,
    /// Ascending; none is that of a document.
    pub deleted: Vec<Vec<u8>>,
}

record! {
    LeafRecord {
        "v" => version: u32,
        "b" => documents: Bytes,
        "x" => deleted: List<Bytes>,
    }
}

impl DocumentLeaf {
    pub fn encode(self) -> Vec<u8> {
        let deleted = self.deleted.into_iter().map(Bytes::from).collect();
        record::encode(&LeafRecord { version: 0, documents: self.documents.into(), deleted })
    }

    /// The order of the keys is not looked at.
    pub fn decode(bytes: &[u8]) -> Result<Self, FormatError> {
        let record: LeafRecord = record::decode(WHAT, bytes)?;
        record::readable(record.version)?;
        let deleted = record.deleted.into_iter().map(Bytes::into_vec).collect();
        Ok(Self { documents: record.documents.into_vec(), deleted })
    }
}

/// Takes documents apart that lie end to end. Each has the length that it says; what is in it is
/// not looked at. After an error nothing more comes.
pub fn documents(bytes: &[u8]) -> impl Iterator<Item = Result<&[u8], FormatError>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let document = document_length(rest).and_then(|length| rest.split_at_checked(length));
        let Some((document, behind)) = document else {
            rest = &[];
            let why = "a document is not as long as it says";
            return Some(Err(FormatError::malformed(WHAT, why)));
        };
        rest = behind;
        Some(Ok(document))
    })
}

/// The length that a document says it has, if it can have it.
pub(crate) fn document_length(bytes: &[u8]) -> Option<usize> {
    let field = bytes.first_chunk::<4>()?;
    let length = usize::try_from(i32::from_le_bytes(*field)).ok()?;
    (5..=LARGEST_DOCUMENT).contains(&length).then_some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: [u8; 5] = [5, 0, 0, 0, 0];
    const NULL: [u8; 8] = [8, 0, 0, 0, 0x0a, b'a', 0, 0];

    #[test]
    fn documents_come_apart_again() {
        let leaf = DocumentLeaf {
            documents: [&EMPTY[..], &NULL].concat(),
            deleted: vec![vec![1], vec![2]],
        };
        let back = DocumentLeaf::decode(&leaf.clone().encode()).unwrap();
        assert_eq!(back, leaf);
        let apart: Vec<&[u8]> = documents(&back.documents).map(Result::unwrap).collect();
        assert_eq!(apart, [&EMPTY[..], &NULL]);
    }

    #[test]
    fn lengths_that_lie_are_refused() {
        for bytes in [&[4, 0, 0, 0][..], &[9, 0, 0, 0, 0], &[255; 8], &[5, 0, 0], &[0; 5]] {
            assert!(documents(bytes).last().unwrap().is_err(), "{bytes:?}");
        }
    }
}
