//! Gathers sealed frames into packs.

use super::RepoError;
use super::repository::{Repository, object_name};
use crate::codec::{BlobClass, Class};
use crate::format::{self, Frame, IndexedPack, PackFooter, PackTable, PackedBlob, Place};
use crate::model::{BlobId, PackId, SessionId};
use crate::storage::{ObjectName, StorageError};
use std::ops::Range;

/// Blobs that were sealed together, on their way into a pack.
pub struct SealedFrame {
    /// At least one, with its plain length; several are none of them empty.
    pub blobs: Vec<(BlobId, u32)>,
    pub bytes: Vec<u8>,
}

impl SealedFrame {
    /// One blob that was sealed by itself.
    pub fn alone(id: BlobId, plain: u32, bytes: Vec<u8>) -> Self {
        Self { blobs: vec![(id, plain)], bytes }
    }
}

/// A frame among the bytes of an open pack.
struct Gathered {
    blobs: Vec<(BlobId, u32)>,
    at: Range<usize>,
}

impl Gathered {
    /// The lines of its blobs, if it lies there; `None` if that is beyond 4 GiB.
    fn lines(&self, offset: usize) -> Option<Vec<PackedBlob>> {
        let plain = self.blobs.iter().try_fold(0_u32, |sum, (_, plain)| sum.checked_add(*plain))?;
        let stored = u32::try_from(self.at.len()).ok()?;
        let frame = Frame { offset: u32::try_from(offset).ok()?, stored, plain };
        let mut start = 0;
        let line = |(id, plain): &(BlobId, u32)| {
            let place = Place { frame, start, plain: *plain };
            start += plain;
            PackedBlob { id: *id, place }
        };
        Some(self.blobs.iter().map(line).collect())
    }
}

/// Frames that will be one pack.
pub struct OpenPack {
    class: BlobClass,
    frames: Vec<Gathered>,
    payload: Option<BlobId>,
    /// All frames, as they came.
    bytes: Vec<u8>,
}

/// A pack as it is stored, and its line in the index.
pub struct FinishedPack {
    pub bytes: Vec<u8>,
    pub indexed: IndexedPack,
}

impl OpenPack {
    pub fn new(class: BlobClass) -> Self {
        Self::in_buffer(class, Vec::new())
    }

    /// Gathers in a buffer that was used before, whose content goes.
    pub fn in_buffer(class: BlobClass, mut bytes: Vec<u8>) -> Self {
        bytes.clear();
        Self { class, frames: Vec::new(), payload: None, bytes }
    }

    pub fn push(&mut self, SealedFrame { blobs, bytes }: SealedFrame) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&bytes);
        self.frames.push(Gathered { blobs, at: start..self.bytes.len() });
    }

    /// Names the blob that is the spare copy of a snapshot's payload.
    pub fn set_payload(&mut self, id: BlobId) {
        self.payload = Some(id);
    }

    /// Bytes so far.
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Shuffles, so that the order of chunk sizes tells nothing, and lays everything out in a
    /// buffer, which may have been used before. Returns also the one that it gathered in.
    pub fn finish(
        mut self,
        repository: &Repository,
        session: SessionId,
        mut bytes: Vec<u8>,
    ) -> Result<(FinishedPack, Vec<u8>), RepoError> {
        shuffle(&mut self.frames, repository);
        let count = self.frames.iter().map(|frame| frame.blobs.len()).sum();
        bytes.clear();
        bytes.reserve(self.bytes.len() + count * 48 + 512);
        let mut table = PackTable { blobs: Vec::with_capacity(count), payload: self.payload };
        for frame in self.frames {
            let lines = frame.lines(bytes.len());
            let too_large = || RepoError::Earlier("a pack grew beyond 4 GiB".to_string());
            table.blobs.extend(lines.ok_or_else(too_large)?);
            bytes.extend_from_slice(&self.bytes[frame.at]);
        }
        let sealed = repository.seal_object(Class::PackTable, &[0; 32], &table.encode())?;
        bytes.extend_from_slice(&sealed);
        let length = sealed.len() as u32;
        let footer = PackFooter { class: self.class, session, table: length, parity: 0 };
        bytes.extend_from_slice(&footer.encode());
        let id = PackId::new(*blake3::Hasher::new().update_rayon(&bytes).finalize().as_bytes());
        let size = bytes.len() as u32;
        let indexed = IndexedPack { id, session, class: self.class, size, table };
        Ok((FinishedPack { bytes, indexed }, self.bytes))
    }
}

/// Fisher and Yates.
fn shuffle(frames: &mut [Gathered], repository: &Repository) {
    let mut random = vec![0; frames.len() * 4];
    repository.entropy().fill(&mut random);
    for (last, word) in (1..frames.len()).rev().zip(random.as_chunks::<4>().0) {
        frames.swap(last, u32::from_le_bytes(*word) as usize % (last + 1));
    }
}

impl Repository {
    /// Reads a pack's footer and table from the pack itself. Whatever is wrong with them is
    /// damage.
    pub fn read_pack_table(&self, id: &PackId, size: u64) -> Result<IndexedPack, RepoError> {
        let name = object_name(&format::pack_name(id))?;
        let fetch = |start, length| Ok(self.storage.get_range(&name, start, length)?);
        match self.pack_table(id, &name, size, &fetch) {
            Err(RepoError::Storage(StorageError::TooShort { .. })) => {
                Err(RepoError::damaged(&name, "it is too short"))
            }
            Err(RepoError::Storage(StorageError::Failed { why, .. })) => {
                Err(RepoError::damaged(&name, format!("it cannot be read: {why}")))
            }
            // A footer is not sealed: before a newer snap is called for, the pack is proved.
            Err(error @ RepoError::TooNew { .. }) => match self.is_whole(id)? {
                true => Err(error),
                false => Err(RepoError::damaged(&name, "its footer was changed")),
            },
            other => other,
        }
    }

    /// The same of a pack that was read whole; `None` where its table cannot be read.
    pub fn open_pack_table(
        &self,
        id: &PackId,
        pack: &[u8],
    ) -> Result<Option<IndexedPack>, RepoError> {
        let name = object_name(&format::pack_name(id))?;
        let fetch = |start, length: usize| {
            let start = usize::try_from(start).ok();
            let range = start.and_then(|start| Some(start..start.checked_add(length)?));
            let bytes = range.and_then(|range| pack.get(range));
            bytes.map(<[u8]>::to_vec).ok_or_else(|| RepoError::damaged(&name, "it is too short"))
        };
        match self.pack_table(id, &name, pack.len() as u64, &fetch) {
            Err(RepoError::TooNew { .. }) if blake3::hash(pack).as_bytes() != id.bytes() => {
                Ok(None)
            }
            Err(error) if error.is_damage() => Ok(None),
            table => table.map(Some),
        }
    }

    fn pack_table(
        &self,
        id: &PackId,
        name: &ObjectName,
        size: u64,
        fetch: &dyn Fn(u64, usize) -> Result<Vec<u8>, RepoError>,
    ) -> Result<IndexedPack, RepoError> {
        let footer_length = format::FOOTER_LENGTH as u64;
        let short = || RepoError::damaged(name, "it is too short");
        let start = size.checked_sub(footer_length).ok_or_else(short)?;
        let bytes = fetch(start, format::FOOTER_LENGTH)?;
        let footer = bytes.first_chunk().ok_or_else(short)?;
        let footer = PackFooter::decode(footer).map_err(|error| RepoError::format(name, error))?;
        let after = u64::from(footer.table) + u64::from(footer.parity);
        let table_start = start.checked_sub(after).ok_or_else(short)?;
        if u64::from(footer.table) > format::LARGEST_OBJECT {
            return Err(RepoError::damaged(name, "its table is too long"));
        }
        let sealed = fetch(table_start, footer.table as usize)?;
        let plain = self.open_object(Class::PackTable, name, &[0; 32], &sealed)?;
        let table = PackTable::decode(&plain).map_err(|error| RepoError::format(name, error))?;
        let end = |Frame { offset, stored, .. }| u64::from(offset) + u64::from(stored);
        let blobs_end = table.blobs.last().map_or(0, |blob| end(blob.place.frame));
        if blobs_end != table_start {
            return Err(RepoError::damaged(name, "its table does not describe all of it"));
        }
        let size = u32::try_from(size).map_err(|_| RepoError::damaged(name, "it is too long"))?;
        Ok(IndexedPack { id: *id, session: footer.session, class: footer.class, size, table })
    }

    /// Reads a whole pack and compares it with its name.
    fn is_whole(&self, id: &PackId) -> Result<bool, RepoError> {
        let bytes = self.read_pack(id)?;
        Ok(bytes.is_some_and(|bytes| blake3::hash(&bytes).as_bytes() == id.bytes()))
    }
}
