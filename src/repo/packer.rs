//! Gathers sealed blobs into packs.

use super::RepoError;
use super::repository::{Repository, object_name};
use crate::codec::{BlobClass, Class};
use crate::format::{self, IndexedPack, PackFooter, PackTable, PackedBlob};
use crate::model::{BlobId, PackId, SessionId};
use crate::storage::{ObjectName, StorageError};

/// A sealed blob on its way into a pack.
pub struct SealedBlob {
    pub id: BlobId,
    pub bytes: Vec<u8>,
    /// Length of what was sealed.
    pub plain: u32,
}

/// Blobs that will be one pack.
pub struct OpenPack {
    class: BlobClass,
    blobs: Vec<SealedBlob>,
    payload: Option<BlobId>,
    size: usize,
}

/// A pack as it is stored, and its line in the index.
pub struct FinishedPack {
    pub bytes: Vec<u8>,
    pub indexed: IndexedPack,
}

impl OpenPack {
    pub fn new(class: BlobClass) -> Self {
        Self { class, blobs: Vec::new(), payload: None, size: 0 }
    }

    pub fn push(&mut self, blob: SealedBlob) {
        self.size += blob.bytes.len();
        self.blobs.push(blob);
    }

    /// Names the blob that is the spare copy of a snapshot's payload.
    pub fn set_payload(&mut self, id: BlobId) {
        self.payload = Some(id);
    }

    /// Bytes so far.
    pub fn size(&self) -> usize {
        self.size
    }

    pub fn is_empty(&self) -> bool {
        self.blobs.is_empty()
    }

    /// Shuffles, so that the order of chunk sizes tells nothing, and lays everything out.
    pub fn finish(
        mut self,
        repository: &Repository,
        session: SessionId,
    ) -> Result<FinishedPack, RepoError> {
        shuffle(&mut self.blobs, repository);
        let mut bytes = Vec::with_capacity(self.size + self.blobs.len() * 48 + 512);
        let mut table =
            PackTable { blobs: Vec::with_capacity(self.blobs.len()), payload: self.payload };
        for blob in self.blobs {
            let too_large = |_| RepoError::Earlier("a pack grew beyond 4 GiB".to_string());
            table.blobs.push(PackedBlob {
                id: blob.id,
                offset: u32::try_from(bytes.len()).map_err(too_large)?,
                stored: u32::try_from(blob.bytes.len()).map_err(too_large)?,
                plain: blob.plain,
            });
            bytes.extend_from_slice(&blob.bytes);
        }
        let sealed = repository.seal_object(Class::PackTable, &[0; 32], &table.encode())?;
        bytes.extend_from_slice(&sealed);
        let length = sealed.len() as u32;
        let footer = PackFooter { class: self.class, session, table: length, parity: 0 };
        bytes.extend_from_slice(&footer.encode());
        let id = PackId::new(*blake3::Hasher::new().update_rayon(&bytes).finalize().as_bytes());
        let size = bytes.len() as u32;
        Ok(FinishedPack {
            bytes,
            indexed: IndexedPack { id, session, class: self.class, size, table },
        })
    }
}

/// Fisher and Yates.
fn shuffle(blobs: &mut [SealedBlob], repository: &Repository) {
    let mut random = vec![0; blobs.len() * 4];
    repository.entropy().fill(&mut random);
    for (last, word) in (1..blobs.len()).rev().zip(random.as_chunks::<4>().0) {
        blobs.swap(last, u32::from_le_bytes(*word) as usize % (last + 1));
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
        let blobs_end =
            table.blobs.last().map_or(0, |blob| u64::from(blob.offset) + u64::from(blob.stored));
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
