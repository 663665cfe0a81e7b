//! What differs between two states of a collection: two walks in step, which pass over the parts
//! that both have.

use super::sought::id_of;
use crate::format::documents;
use crate::model::{Collection, Documents};
use crate::repo::{BlobReader, DocumentPart, DocumentParts, RepoError, key_of};
use std::collections::VecDeque;

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
/// ends the walk. `None` where documents have no order of keys and cannot be compared. Parts that
/// both collections have are not read. Memory: one part of each.
pub fn diff_documents(
    reader: &BlobReader,
    old: Option<&Collection>,
    new: Option<&Collection>,
    sink: &mut dyn FnMut(DocumentChange<'_>) -> bool,
) -> Result<Option<DocumentCounts>, RepoError> {
    let is_stream = |side: Option<&Collection>| {
        side.is_some_and(|side| matches!(side.content, Documents::Stream(_)))
    };
    if is_stream(old) || is_stream(new) {
        return Ok(None);
    }
    let (mut old, mut new) = (Side::new(reader, old)?, Side::new(reader, new)?);
    let mut counts = DocumentCounts::default();
    while let Some((old, new)) = next(&mut old, &mut new)? {
        match (&old, &new) {
            (Some(old), Some(new)) if old == new => continue,
            (Some(_), Some(_)) => counts.changed += 1,
            (Some(_), None) => counts.removed += 1,
            _ => counts.added += 1,
        }
        if !sink(DocumentChange { old: old.as_deref(), new: new.as_deref() }) {
            break;
        }
    }
    Ok(Some(counts))
}

/// One collection, as far as it was read.
struct Side<'a> {
    reader: &'a BlobReader,
    parts: Option<DocumentParts<'a>>,
    /// The next part, not read yet.
    next: Option<DocumentPart>,
    /// Keys and documents of the part that was read last.
    read: VecDeque<(Vec<u8>, Vec<u8>)>,
}

impl<'a> Side<'a> {
    fn new(reader: &'a BlobReader, collection: Option<&Collection>) -> Result<Self, RepoError> {
        let parts = match collection {
            Some(collection) => reader.parts_of(collection)?,
            None => None,
        };
        let mut side = Self { reader, parts, next: None, read: VecDeque::new() };
        side.advance()?;
        Ok(side)
    }

    fn advance(&mut self) -> Result<(), RepoError> {
        self.next = self.parts.as_mut().and_then(Iterator::next).transpose()?;
        Ok(())
    }

    /// Reads the next part.
    fn fill(&mut self) -> Result<(), RepoError> {
        let Some(part) = self.next.take() else { return Ok(()) };
        let bytes = self.reader.documents(&part)?;
        for document in documents(&bytes) {
            let damaged = |why: String| RepoError::Damaged { name: "a collection".into(), why };
            let document = document.map_err(|error| damaged(error.to_string()))?;
            let key = key_of(document).ok_or_else(|| damaged("a document has no _id".into()))?;
            self.read.push_back((key, document.to_vec()));
        }
        self.advance()
    }

    fn key(&self) -> Option<&[u8]> {
        self.read.front().map(|(key, _)| key.as_slice())
    }

    /// Whether what was not read yet may hold the key, or keys before it.
    fn may_reach(&self, key: &[u8]) -> bool {
        self.read.is_empty() && self.next.as_ref().is_some_and(|part| !part.is_behind(key))
    }

    fn take(&mut self) -> Option<Vec<u8>> {
        self.read.pop_front().map(|(_, document)| document)
    }
}

type Pair = (Option<Vec<u8>>, Option<Vec<u8>>);

/// What both have under the next key that is not passed over.
fn next(old: &mut Side<'_>, new: &mut Side<'_>) -> Result<Option<Pair>, RepoError> {
    loop {
        if old.read.is_empty() && new.read.is_empty() {
            match pass_over(old, new)? {
                true => continue,
                false => return Ok(None),
            }
        }
        match (old.key(), new.key()) {
            (Some(key), None) if new.may_reach(key) => new.fill()?,
            (None, Some(key)) if old.may_reach(key) => old.fill()?,
            (Some(one), Some(other)) if one == other => {
                return Ok(Some((old.take(), new.take())));
            }
            (Some(one), other) if other.is_none_or(|other| one < other) => {
                return Ok(Some((old.take(), None)));
            }
            _ => return Ok(Some((None, new.take()))),
        }
    }
}

/// Where both are at the beginning of a part: passes over one that both have, or reads the one
/// that ends first. False at the end of both.
fn pass_over(old: &mut Side<'_>, new: &mut Side<'_>) -> Result<bool, RepoError> {
    match (&old.next, &new.next) {
        (None, None) => return Ok(false),
        (Some(one), Some(other)) if one.holds_same(other) => {
            old.advance()?;
            new.advance()?;
        }
        (Some(one), Some(other)) if one.last_key() > other.last_key() => new.fill()?,
        (Some(_), _) => old.fill()?,
        (None, Some(_)) => new.fill()?,
    }
    Ok(true)
}
