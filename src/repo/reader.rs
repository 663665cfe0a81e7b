//! Reads blobs. Announces nothing; when a pack is gone, index and listing are read again, for a
//! prune may have moved its blobs.

use super::RepoError;
use super::catalog::Catalog;
use super::repository::{Repository, object_name};
use crate::codec::BlobClass;
use crate::format::{self, ChunkList, PackedBlob, Piece};
use crate::model::{BlobId, ChunkTree, PackId};
use crate::storage::StorageError;
use std::collections::HashSet;
use std::sync::{Arc, PoisonError, RwLock};

/// How often index and listing are read again for one blob.
const RETRIES: usize = 3;

/// Reads blobs of a repository by id. Shared by all threads.
pub struct BlobReader {
    repository: Arc<Repository>,
    catalog: RwLock<Arc<Catalog>>,
}

impl BlobReader {
    pub fn new(repository: Arc<Repository>) -> Result<Self, RepoError> {
        let catalog = repository.catalog(&HashSet::new())?;
        Ok(Self::with_catalog(repository, catalog))
    }

    pub fn with_catalog(repository: Arc<Repository>, catalog: Catalog) -> Self {
        Self::sharing(repository, Arc::new(catalog))
    }

    /// A reader that begins with a catalog that somebody else has too.
    pub fn sharing(repository: Arc<Repository>, catalog: Arc<Catalog>) -> Self {
        Self { repository, catalog: RwLock::new(catalog) }
    }

    pub fn repository(&self) -> &Arc<Repository> {
        &self.repository
    }

    pub fn catalog(&self) -> Arc<Catalog> {
        Arc::clone(&self.catalog.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The plain bytes of a blob, proved to be it.
    pub fn read(&self, class: BlobClass, id: &BlobId) -> Result<Vec<u8>, RepoError> {
        let mut failure = None;
        for attempt in 0..RETRIES {
            if attempt > 0 {
                self.refresh()?;
            }
            match self.read_once(class, id) {
                Ok(plain) => return Ok(plain),
                Err(error) if error.is_damage() => failure = Some(error),
                Err(error) => return Err(error),
            }
        }
        Err(failure.unwrap_or(RepoError::MissingBlob { id: *id }))
    }

    fn refresh(&self) -> Result<(), RepoError> {
        let catalog = self.repository.catalog(&HashSet::new())?;
        *self.catalog.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(catalog);
        Ok(())
    }

    /// Tries every place that the index names.
    fn read_once(&self, class: BlobClass, id: &BlobId) -> Result<Vec<u8>, RepoError> {
        let mut failure = RepoError::MissingBlob { id: *id };
        for (pack, at) in self.catalog().locate(id) {
            match self.fetch(&pack, at.offset, at.stored) {
                Ok(sealed) => match self.repository.open_blob(class, id, &sealed) {
                    Ok(plain) => return Ok(plain),
                    Err(why) => failure = RepoError::DamagedBlob { id: *id, pack, why },
                },
                Err(RepoError::Storage(StorageError::TooShort { .. })) => {
                    let why = "the pack is cut short".to_string();
                    failure = RepoError::DamagedBlob { id: *id, pack, why };
                }
                Err(RepoError::Storage(StorageError::Absent { .. })) => {}
                Err(error) => return Err(error),
            }
        }
        Err(failure)
    }

    fn fetch(&self, pack: &PackId, offset: u32, length: u32) -> Result<Vec<u8>, RepoError> {
        let name = object_name(&format::pack_name(pack))?;
        Ok(self.repository.storage.get_range(&name, u64::from(offset), length as usize)?)
    }

    /// A blob of this pack as it is stored, after proof that it opens and is what its id says:
    /// for copying.
    pub fn read_sealed_at(
        &self,
        pack: &PackId,
        class: BlobClass,
        blob: &PackedBlob,
    ) -> Result<Vec<u8>, RepoError> {
        let sealed = self.fetch(pack, blob.offset, blob.stored)?;
        let damaged = |why| RepoError::DamagedBlob { id: blob.id, pack: *pack, why };
        let plain = self.repository.open_blob(class, &blob.id, &sealed).map_err(damaged)?;
        match plain.len() == blob.plain as usize {
            true => Ok(sealed),
            false => Err(damaged("its length is not what the table says".to_string())),
        }
    }

    /// A piece of a tree.
    pub fn piece(&self, id: &BlobId) -> Result<Piece, RepoError> {
        let plain = self.read(BlobClass::Tree, id)?;
        Piece::decode(&plain).map_err(|error| self.malformed(id, error))
    }

    /// A list of chunks; `length` is what the node that names it promises.
    pub fn chunk_list(&self, id: &BlobId, length: u64) -> Result<ChunkTree, RepoError> {
        let plain = self.read(BlobClass::Tree, id)?;
        let list = ChunkList::decode(&plain).map_err(|error| self.malformed(id, error))?;
        match list.length() == Some(length) {
            true => Ok(list),
            false => Err(self.malformed(id, "its chunks are not as long as they should be")),
        }
    }

    fn malformed(&self, id: &BlobId, why: impl ToString) -> RepoError {
        RepoError::Damaged { name: format!("tree blob {id}"), why: why.to_string() }
    }

    /// Calls `visit` with every chunk of `tree` in order, looking into lists. Depth is bounded
    /// by the format, and so is memory.
    pub fn each_chunk<E: From<RepoError>>(
        &self,
        tree: &ChunkTree,
        visit: &mut dyn FnMut(&crate::model::ChunkRef) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut stack = vec![(tree.clone(), 0)];
        while let Some((list, next)) = stack.last_mut() {
            let Some(node) = list.nodes.get(*next).copied() else {
                stack.pop();
                continue;
            };
            *next += 1;
            match list.depth {
                0 => visit(&node)?,
                depth => {
                    let below = self.chunk_list(&node.id, node.length)?;
                    if below.depth != depth - 1 {
                        return Err(self.malformed(&node.id, "its depth is another").into());
                    }
                    stack.push((below, 0));
                }
            }
        }
        Ok(())
    }
}
