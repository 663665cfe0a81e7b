//! Documents in the order of their keys, one after the other: of a tree, beside those that are
//! there, or beside those of another tree.

use super::DatabaseRestoreError;
use super::fields::{MatchKey, only_id, shown_id};
use crate::format::documents;
use crate::model::{DocumentTree, Documents};
use crate::mongo::{Connection, Order, ScanOptions};
use crate::repo::{BlobReader, DocumentParts, RepoError};
use std::collections::VecDeque;

/// A document with its key.
pub type Keyed = (Vec<u8>, Vec<u8>);

/// The documents of a tree in the order of their keys. Takes a leaf at a time.
pub struct SavedDocuments<'a> {
    reader: &'a BlobReader,
    parts: DocumentParts<'a>,
    ready: VecDeque<Keyed>,
}

impl<'a> SavedDocuments<'a> {
    pub fn new(reader: &'a BlobReader, tree: &DocumentTree) -> Result<Self, RepoError> {
        Ok(Self { reader, parts: reader.document_parts(tree)?, ready: VecDeque::new() })
    }

    pub fn next(&mut self) -> Result<Option<Keyed>, RepoError> {
        loop {
            if let Some(keyed) = self.ready.pop_front() {
                return Ok(Some(keyed));
            }
            let Some(part) = self.parts.next() else { return Ok(None) };
            let bytes = self.reader.documents(&part?)?;
            for document in documents(&bytes) {
                let document = document.map_err(|error| damaged(error.to_string()))?;
                let key = MatchKey::Id.of(document).map_err(damaged)?;
                self.ready.push_back((key, document.to_vec()));
            }
        }
    }
}

fn damaged(why: String) -> RepoError {
    RepoError::Damaged { name: "a collection".to_string(), why }
}

/// The first few ids that are there, and that the snapshot does not have.
pub fn extras(
    reader: &BlobReader,
    connection: &Connection,
    (database, name): (&str, &str),
    order: Order,
    content: &Documents,
    most: usize,
) -> Result<Vec<String>, DatabaseRestoreError> {
    let Documents::Tree(tree) = content else { return Ok(Vec::new()) };
    let mut saved = SavedDocuments::new(reader, tree)?;
    let mut next = saved.next()?;
    let (database, name) = (database.to_string(), name.to_string());
    let mut scan = connection.scan(ScanOptions { database, name, order, at: None, sessions: 1 })?;
    let mut extras = Vec::new();
    while let Some(batch) = scan.next_batch()? {
        for document in batch.documents()? {
            let document = document?;
            let Ok(key) = MatchKey::Id.of(document) else { continue };
            while next.as_ref().is_some_and(|(saved, _)| *saved < key) {
                next = saved.next()?;
            }
            if next.as_ref().is_some_and(|(saved, _)| *saved == key) {
                continue;
            }
            extras.push(shown_id(&only_id(document)));
            if extras.len() == most {
                return Ok(extras);
            }
        }
    }
    Ok(extras)
}
