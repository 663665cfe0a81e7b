//! A leaf of a collection's tree: documents end to end, as the content of a data blob.

use super::FormatError;
use super::record::{self, Bytes, record};

const WHAT: &str = "piece of a collection";

/// The server's own bound for what it stores (16 MiB), and what it adds to it inside.
pub const LARGEST_DOCUMENT: usize = (16 << 20) + (16 << 10);

/// The documents of a leaf.
pub struct DocumentLeaf;

record! {
    LeafRecord {
        "v" => version: u32,
        "b" => documents: Bytes,
        "x" => deleted: Vec<Bytes>,
    }
}

impl DocumentLeaf {
    /// `documents` are BSON, end to end, in the order of their keys.
    pub fn encode(documents: Vec<u8>) -> Vec<u8> {
        record::encode(&LeafRecord { documents: documents.into(), ..LeafRecord::default() })
    }

    /// The documents end to end: [`documents`] takes them apart.
    pub fn decode(bytes: &[u8]) -> Result<Vec<u8>, FormatError> {
        let record: LeafRecord = record::decode(WHAT, bytes)?;
        record::readable(record.version)?;
        match record.deleted.is_empty() {
            true => Ok(record.documents.into_vec()),
            false => Err(FormatError::malformed(WHAT, "it is one of an overlay")),
        }
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
        let leaf = DocumentLeaf::encode([&EMPTY[..], &NULL].concat());
        let bytes = DocumentLeaf::decode(&leaf).unwrap();
        let apart: Vec<&[u8]> = documents(&bytes).map(Result::unwrap).collect();
        assert_eq!(apart, [&EMPTY[..], &NULL]);
    }

    #[test]
    fn lengths_that_lie_are_refused() {
        for bytes in [&[4, 0, 0, 0][..], &[9, 0, 0, 0, 0], &[255; 8], &[5, 0, 0], &[0; 5]] {
            assert!(documents(bytes).last().unwrap().is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn a_leaf_of_an_overlay_is_refused() {
        let record = LeafRecord { deleted: vec![vec![1].into()], ..LeafRecord::default() };
        assert!(DocumentLeaf::decode(&record::encode(&record)).is_err());
    }
}
