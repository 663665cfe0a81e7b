//! What differs between two states of a collection.

use super::sought::id_of;
use crate::model::{Collection, DocumentTree, Documents};
use crate::repo::{BlobReader, RepoError};

/// How many documents differ.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DocumentCounts {
    pub added: u64,
    pub removed: u64,
    pub changed: u64,
}

/// A document that differs; one side at least is there.
#[derive(Debug, Clone, Copy)]
pub struct DocumentChange<'a> {
    pub old: Option<&'a [u8]>,
    pub new: Option<&'a [u8]>,
}

impl DocumentChange<'_> {
    /// `{"_id": …}`.
    pub fn id(&self) -> Vec<u8> {
        id_of(self.new.or(self.old).unwrap_or_default())
    }
}

/// Calls `sink` with every document that differs, in the order of their keys; `false` from it
/// ends the walk. `None` where documents have no order of keys and cannot be compared. Pieces that
/// both collections have are read only where a change lies over them. Memory: a piece of each
/// tree.
pub fn diff_documents(
    reader: &BlobReader,
    old: Option<&Collection>,
    new: Option<&Collection>,
    sink: &mut dyn FnMut(DocumentChange<'_>) -> bool,
) -> Result<Option<DocumentCounts>, RepoError> {
    let (Some(old), Some(new)) = (tree(old), tree(new)) else { return Ok(None) };
    let mut counts = DocumentCounts::default();
    for difference in reader.document_differences(&old, &new)? {
        let difference = difference?;
        match (&difference.old, &difference.new) {
            (Some(_), Some(_)) => counts.changed += 1,
            (Some(_), None) => counts.removed += 1,
            _ => counts.added += 1,
        }
        let (old, new) = (difference.old.as_deref(), difference.new.as_deref());
        if !sink(DocumentChange { old, new }) {
            break;
        }
    }
    Ok(Some(counts))
}

/// The trees of a side, none where it is not there; `None` for a stream.
fn tree(side: Option<&Collection>) -> Option<DocumentTree> {
    match side.map(|side| &side.content) {
        Some(Documents::Tree(tree)) => Some(tree.clone()),
        Some(Documents::Stream(_)) => None,
        None => Some(DocumentTree::default()),
    }
}
