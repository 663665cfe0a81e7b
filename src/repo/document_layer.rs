//! Pieces of documents taken apart: what each key has, in a base or in an overlay.

use super::RepoError;
use super::document_pieces::DocumentPiece;
use super::reader::BlobReader;
use crate::codec::{BlobClass, Elements, document_key};
use crate::format::{DocumentLeaf, LARGEST_DOCUMENT, documents};
use crate::model::{BlobId, ChunkTree};
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

/// Pieces that are kept taken apart, in bytes. An overlay's leaf lies over many of the base.
const KEPT_BYTES: usize = 24 << 20;

/// A piece taken apart.
pub struct Layer {
    bytes: Vec<u8>,
    /// By key, ascending: where the document lies, or `None` where it is deleted.
    entries: Vec<(Vec<u8>, Option<Range<usize>>)>,
}

impl Layer {
    /// Keys after `after` up to `last`, with their documents; without one where it is deleted.
    pub fn within<'a>(
        &'a self,
        after: &[u8],
        last: &[u8],
    ) -> impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)> + use<'a> {
        let start = self.entries.partition_point(|(key, _)| key.as_slice() <= after);
        let end = self.entries.partition_point(|(key, _)| key.as_slice() <= last);
        let entries = self.entries.get(start..end).unwrap_or_default();
        entries.iter().map(|(key, range)| {
            (key.as_slice(), range.as_ref().and_then(|range| self.bytes.get(range.clone())))
        })
    }

    /// The document of a key, or that it is deleted; `None` if nothing is said of it.
    pub fn find(&self, key: &[u8]) -> Option<Option<&[u8]>> {
        let at = self.entries.binary_search_by(|(other, _)| other.as_slice().cmp(key)).ok()?;
        let (_, range) = self.entries.get(at)?;
        Some(range.as_ref().and_then(|range| self.bytes.get(range.clone())))
    }

    fn new(leaf: DocumentLeaf) -> Result<Self, String> {
        let mut entries = Vec::new();
        let mut at = 0;
        for document in documents(&leaf.documents) {
            let document = document.map_err(|error| error.to_string())?;
            entries.push((key_of(document)?, Some(at..at + document.len())));
            at += document.len();
        }
        let ascends = |one: &(Vec<u8>, _), other: &(Vec<u8>, _)| one.0 < other.0;
        if !entries.is_sorted_by(ascends) {
            return Err("its keys do not ascend".to_string());
        }
        if !leaf.deleted.is_empty() {
            entries.extend(leaf.deleted.into_iter().map(|key| (key, None)));
            entries.sort_by(|one, other| one.0.cmp(&other.0));
            if !entries.is_sorted_by(ascends) {
                return Err("a key that is deleted has a document".to_string());
            }
        }
        Ok(Self { bytes: leaf.documents, entries })
    }

    /// That it is the piece that the list above names.
    fn prove(&self, piece: &DocumentPiece, is_base: bool) -> Result<(), String> {
        let ends = (self.entries.first(), self.entries.last());
        let (Some((first, _)), Some((last, _))) = ends else { return Err("it is empty".into()) };
        let DocumentPiece { after, child } = piece;
        if is_base && self.entries.iter().any(|(_, document)| document.is_none()) {
            return Err("it is one of an overlay".to_string());
        }
        if first <= after || *last != child.last {
            return Err("it is not between the keys that the list above says".to_string());
        }
        match self.entries.len() as u64 == child.entries {
            true => Ok(()),
            false => Err(format!(
                "it has {} documents, and the list above says {}",
                self.entries.len(),
                child.entries
            )),
        }
    }

    fn size(&self) -> usize {
        let keys: usize = self.entries.iter().map(|(key, _)| key.len() + 48).sum();
        self.bytes.len() + keys
    }
}

/// The layers that were asked for last, the newest last.
#[derive(Default)]
pub struct LayerCache(Mutex<VecDeque<(BlobId, Arc<Layer>)>>);

impl LayerCache {
    fn get(&self, id: &BlobId) -> Option<Arc<Layer>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().rev().find(|(kept, _)| kept == id).map(|(_, layer)| Arc::clone(layer))
    }

    fn put(&self, id: BlobId, layer: &Arc<Layer>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push_back((id, Arc::clone(layer)));
        let mut size: usize = kept.iter().map(|(_, layer)| layer.size()).sum();
        while size > KEPT_BYTES {
            let Some((_, layer)) = kept.pop_front() else { return };
            size -= layer.size();
        }
    }
}

impl BlobReader {
    /// A piece taken apart, after proof that it is whole and has the keys that the list above
    /// says. Takes up to twice 16 MiB.
    pub fn layer(&self, piece: &DocumentPiece, is_base: bool) -> Result<Arc<Layer>, RepoError> {
        let id = &piece.child.id;
        let is_large = piece.is_large();
        let name = || match is_large {
            true => "a large document".to_string(),
            false => format!("data blob {id}"),
        };
        let damaged = |why| RepoError::Damaged { name: name(), why };
        let kept = if is_large { None } else { self.layers.get(id) };
        if let Some(layer) = kept {
            return layer.prove(piece, is_base).map(|()| layer).map_err(damaged);
        }
        let leaf = match is_large {
            true => DocumentLeaf {
                documents: self.large_document(&piece.child.chunks)?,
                deleted: Vec::new(),
            },
            false => {
                let plain = self.read(BlobClass::Data, id)?;
                DocumentLeaf::decode(&plain).map_err(|error| damaged(error.to_string()))?
            }
        };
        let layer = Layer::new(leaf).and_then(|layer| {
            layer.prove(piece, is_base)?;
            Ok(Arc::new(layer))
        });
        let layer = layer.map_err(damaged)?;
        // Those of a base are seldom asked for twice.
        if !is_large && !is_base {
            self.layers.put(*id, &layer);
        }
        Ok(layer)
    }

    fn large_document(&self, chunks: &ChunkTree) -> Result<Vec<u8>, RepoError> {
        let damaged = |why: &str| RepoError::Damaged {
            name: "a large document".to_string(),
            why: why.to_string(),
        };
        let length = chunks.length().and_then(|length| usize::try_from(length).ok());
        let length = length.filter(|length| *length <= LARGEST_DOCUMENT);
        let length = length.ok_or_else(|| damaged("it is too long"))?;
        let mut bytes = Vec::with_capacity(length);
        self.each_chunk(chunks, &mut |chunk| {
            let plain = self.read(BlobClass::Data, &chunk.id)?;
            if plain.len() as u64 != chunk.length || bytes.len() + plain.len() > length {
                return Err(damaged("a chunk of it has another length"));
            }
            bytes.extend_from_slice(&plain);
            Ok(())
        })?;
        Ok(bytes)
    }
}

/// A leaf that somebody read, before it is compared with the lists that name it.
pub struct LeafProof(Result<Layer, String>);

impl LeafProof {
    /// Of the plain bytes of a data blob. Costs the keys of its documents.
    pub fn new(plain: &[u8]) -> Self {
        let leaf = DocumentLeaf::decode(plain).map_err(|error| error.to_string());
        Self(leaf.and_then(Layer::new))
    }

    /// Why it is not the leaf that stands there in a list.
    pub fn prove(&self, piece: &DocumentPiece, is_base: bool) -> Result<(), String> {
        self.0.as_ref().map_err(String::clone)?.prove(piece, is_base)
    }
}

impl Layer {
    /// Its documents end to end.
    pub(super) fn into_documents(self) -> Vec<u8> {
        self.bytes
    }

    pub(super) fn documents(&self) -> &[u8] {
        &self.bytes
    }
}

/// The canonical key of a document.
pub(super) fn key_of(document: &[u8]) -> Result<Vec<u8>, String> {
    let id = Elements::new(document).and_then(|elements| elements.find(b"_id"));
    match id.map_err(|error| error.to_string())? {
        Some(id) => document_key(&id).map_err(|error| error.to_string()),
        None => Err("a document has no _id".to_string()),
    }
}
