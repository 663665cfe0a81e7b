//! Goes through all documents of a collection.

use crate::codec::BlobClass;
use crate::format::{LARGEST_DOCUMENT, documents};
use crate::model::{ChunkTree, Collection, Documents};
use crate::repo::{BlobReader, RepoError};

/// Calls `sink` with every document of a collection: in the order of their keys, or the natural
/// one of collections that are kept so. Where they are not as many as the collection says, that is
/// the error at the end. Memory: one part, up to twice 16 MiB.
pub fn each_document<E: From<RepoError>>(
    reader: &BlobReader,
    collection: &Collection,
    sink: &mut dyn FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let (mut count, mut size) = (0_u64, 0_u64);
    let mut counting = |document: &[u8]| {
        (count, size) = (count.saturating_add(1), size.saturating_add(document.len() as u64));
        sink(document)
    };
    match &collection.content {
        Documents::Stream(chunks) => each_of_stream(reader, chunks, &mut counting)?,
        Documents::Tree(_) => each_of_tree(reader, collection, &mut counting)?,
    }
    match collection.miscounted(count, size) {
        Some(why) => Err(damaged(&why).into()),
        None => Ok(()),
    }
}

fn each_of_tree<E: From<RepoError>>(
    reader: &BlobReader,
    collection: &Collection,
    sink: &mut dyn FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    for part in reader.parts_of(collection)?.into_iter().flatten() {
        let bytes = reader.documents(&part?)?;
        for document in documents(&bytes) {
            sink(document.map_err(|error| damaged(&error.to_string()))?)?;
        }
    }
    Ok(())
}

/// Documents lie across the ends of chunks.
fn each_of_stream<E: From<RepoError>>(
    reader: &BlobReader,
    chunks: &ChunkTree,
    sink: &mut dyn FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let mut waiting: Vec<u8> = Vec::new();
    reader.each_chunk(chunks, &mut |chunk| -> Result<(), E> {
        let plain = reader.read(BlobClass::Data, &chunk.id)?;
        waiting.extend_from_slice(&plain);
        let mut taken = 0;
        while let Some(document) = first_document(waiting.get(taken..).unwrap_or_default())? {
            sink(document)?;
            taken += document.len();
        }
        waiting.drain(..taken);
        Ok(())
    })?;
    match waiting.is_empty() {
        true => Ok(()),
        false => Err(damaged("it ends in the middle of a document").into()),
    }
}

/// The first document, if all of it is there.
fn first_document(bytes: &[u8]) -> Result<Option<&[u8]>, RepoError> {
    let Some(field) = bytes.first_chunk::<4>() else { return Ok(None) };
    let length = usize::try_from(i32::from_le_bytes(*field)).unwrap_or(0);
    match (5..=LARGEST_DOCUMENT).contains(&length) {
        true => Ok(bytes.get(..length)),
        false => Err(damaged("what should be a document has no possible length")),
    }
}

fn damaged(why: &str) -> RepoError {
    RepoError::Damaged { name: "a collection".to_string(), why: why.to_string() }
}
