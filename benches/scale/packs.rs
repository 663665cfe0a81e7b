//! Packs without data, and the index of them.

use crate::BLOB;
use snapstore::codec::BlobClass;
use snapstore::format::{Index, IndexedPack, PackTable, PackedBlob, Place, pack_name};
use snapstore::model::{BlobId, PackId, SessionId};
use snapstore::repo::{RepoError, Repository};
use std::fs::{File, create_dir_all};
use std::io;
use std::path::{Path, PathBuf};

/// Packs of a large repository have 64 MiB.
const BLOBS_A_PACK: usize = 128;
/// As a backup puts them.
const PACKS_AN_INDEX: usize = 16;

pub struct Packs {
    folder: PathBuf,
    session: SessionId,
    table: PackTable,
    packs: Vec<IndexedPack>,
    pub count: u64,
    pub indexes: u64,
}

impl Packs {
    pub fn new(folder: &Path, session: SessionId) -> Self {
        let (table, packs) = (PackTable::default(), Vec::new());
        Self { folder: folder.to_owned(), session, table, packs, count: 0, indexes: 0 }
    }

    pub fn push(&mut self, id: BlobId, repository: &Repository) -> Result<(), RepoError> {
        let offset = self.table.blobs.len() as u32 * BLOB;
        self.table.blobs.push(PackedBlob { id, place: Place::alone(offset, BLOB, BLOB) });
        if self.table.blobs.len() == BLOBS_A_PACK {
            self.close_pack()?;
        }
        if self.packs.len() == PACKS_AN_INDEX {
            self.put_index(repository)?;
        }
        Ok(())
    }

    pub fn finish(&mut self, repository: &Repository) -> Result<(), RepoError> {
        self.close_pack()?;
        self.put_index(repository)
    }

    fn close_pack(&mut self) -> Result<(), RepoError> {
        if self.table.blobs.is_empty() {
            return Ok(());
        }
        let table = std::mem::take(&mut self.table);
        let id = PackId::new(*blake3::hash(&self.count.to_le_bytes()).as_bytes());
        let size = table.blobs.len() as u32 * BLOB;
        let name = self.folder.join(pack_name(&id));
        let local = |cause| RepoError::Local { what: name.display().to_string(), cause };
        make_hollow(&name, size.into()).map_err(local)?;
        let (session, class) = (self.session, BlobClass::Data);
        self.packs.push(IndexedPack { id, session, class, size, table });
        self.count += 1;
        Ok(())
    }

    fn put_index(&mut self, repository: &Repository) -> Result<(), RepoError> {
        let packs = std::mem::take(&mut self.packs);
        if !packs.is_empty() {
            repository.put_index(&Index { session: self.session, packs })?;
            self.indexes += 1;
        }
        Ok(())
    }
}

/// A file of zeros that takes no space.
fn make_hollow(path: &Path, size: u64) -> io::Result<()> {
    path.parent().map_or(Ok(()), create_dir_all)?;
    File::create_new(path)?.set_len(size)
}
