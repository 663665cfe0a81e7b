//! Reads blobs. Announces nothing; when a blob cannot be had, index and listing are read again if
//! they have changed, for a prune may have moved it; then packs that no index names are looked
//! into.

use super::RepoError;
use super::catalog::Catalog;
use super::document_layer::LayerCache;
use super::frame_cache::FrameCache;
use super::packer::SealedFrame;
use super::repository::{Repository, object_name};
use super::window::Held;
use crate::codec::BlobClass;
use crate::format::{self, ChunkList, Frame, PackedBlob, Piece, Place};
use crate::model::{BlobId, ChunkTree, PackId};
use crate::storage::StorageError;
use std::sync::{Arc, PoisonError, RwLock};

/// How often index and listing are read again for one blob.
const MOST_LOOKS: usize = 5;

/// Reads blobs of a repository by id. Shared by all threads.
pub struct BlobReader {
    repository: Arc<Repository>,
    catalog: RwLock<Arc<Catalog>>,
    frames: FrameCache,
    pub(super) layers: LayerCache,
    /// By walks of trees.
    pub(super) held: Held,
}

impl BlobReader {
    pub fn new(repository: Arc<Repository>) -> Result<Self, RepoError> {
        let catalog = repository.catalog_for_reading()?;
        Ok(Self::with_catalog(repository, catalog))
    }

    /// The same for those who only read blobs: it begins with the index as the local cache has it,
    /// and looks again where a blob cannot be had by that. Opens at once, however many blobs there
    /// are; its catalog is not to be relied on.
    pub fn for_reading(repository: Arc<Repository>) -> Result<Self, RepoError> {
        match repository.believed_catalog()? {
            Some(catalog) => Ok(Self::with_catalog(repository, catalog)),
            None => Self::new(repository),
        }
    }

    pub fn with_catalog(repository: Arc<Repository>, catalog: Catalog) -> Self {
        Self::sharing(repository, Arc::new(catalog))
    }

    /// A reader that begins with a catalog that somebody else has too.
    pub fn sharing(repository: Arc<Repository>, catalog: Arc<Catalog>) -> Self {
        let (layers, held) = (LayerCache::default(), Held::default());
        let frames = FrameCache::default();
        Self { repository, catalog: RwLock::new(catalog), frames, layers, held }
    }

    pub fn repository(&self) -> &Arc<Repository> {
        &self.repository
    }

    pub fn catalog(&self) -> Arc<Catalog> {
        Arc::clone(&self.catalog.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The plain bytes of a blob, proved to be it.
    pub fn read(&self, class: BlobClass, id: &BlobId) -> Result<Vec<u8>, RepoError> {
        match self.repository.read_beside(class, id)? {
            Some(plain) => Ok(plain),
            None => self.read_by(id, &|pack, place| {
                self.read_at(class, pack, &PackedBlob { id: *id, place })
            }),
        }
    }

    /// What `read` makes of a place where the blob lies; where that is damage the next one is tried.
    pub(super) fn read_by<T>(
        &self,
        id: &BlobId,
        read: &dyn Fn(&PackId, Place) -> Result<T, RepoError>,
    ) -> Result<T, RepoError> {
        let mut looks = 0;
        loop {
            let catalog = self.catalog();
            match self.read_from(&catalog, id, read) {
                Err(error) if error.is_damage() => {
                    looks += 1;
                    if looks > MOST_LOOKS || !self.look_again(&catalog)? {
                        return Err(error);
                    }
                }
                done => return done,
            }
        }
    }

    /// Whether some pack that is there has the blob, as far as index and listing tell.
    pub fn finds(&self, id: &BlobId) -> Result<bool, RepoError> {
        for _ in 0..MOST_LOOKS {
            let catalog = self.catalog();
            if !catalog.locate(id).is_empty() {
                return Ok(true);
            }
            if !self.look_again(&catalog)? {
                return Ok(false);
            }
        }
        Ok(false)
    }

    /// Whether there is more to know than `known`: another thread has looked, the index has
    /// changed, or there are packs that no index names.
    fn look_again(&self, known: &Arc<Catalog>) -> Result<bool, RepoError> {
        if !Arc::ptr_eq(known, &self.catalog()) {
            return Ok(true);
        }
        let catalog = match self.repository.list_index()? == known.sources() {
            _ if known.is_believed() => self.repository.catalog_for_reading()?,
            true if known.is_complete() => return Ok(false),
            true => self.repository.completed(known)?,
            false => self.repository.catalog_for_reading()?,
        };
        *self.catalog.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(catalog);
        Ok(true)
    }

    /// Tries every place that the catalog names.
    fn read_from<T>(
        &self,
        catalog: &Catalog,
        id: &BlobId,
        read: &dyn Fn(&PackId, Place) -> Result<T, RepoError>,
    ) -> Result<T, RepoError> {
        let mut failure = RepoError::MissingBlob { id: *id, pack: catalog.last_place(id) };
        for (pack, at) in catalog.locate(id) {
            match read(&pack, at.place) {
                Err(error) if error.is_damage() => failure = error,
                Err(RepoError::Storage(StorageError::Absent { .. })) => {}
                done => return done,
            }
        }
        Err(failure)
    }

    /// A frame as it is stored. One that the medium, which may still give out others, does not is
    /// damaged.
    pub(super) fn fetch(
        &self,
        pack: &PackId,
        id: &BlobId,
        frame: Frame,
    ) -> Result<Vec<u8>, RepoError> {
        let name = object_name(&format::pack_name(pack))?;
        let (offset, length) = (u64::from(frame.offset), frame.stored as usize);
        match self.repository.storage.get_range(&name, offset, length) {
            Err(StorageError::TooShort { .. }) => {
                Err(damaged(pack, id, "the pack is cut short".to_string()))
            }
            Err(StorageError::Failed { why, .. }) => {
                Err(damaged(pack, id, format!("it cannot be read: {why}")))
            }
            other => Ok(other?),
        }
    }

    /// The plain bytes of a blob of this pack, proved to be it.
    pub fn read_at(
        &self,
        class: BlobClass,
        pack: &PackId,
        blob: &PackedBlob,
    ) -> Result<Vec<u8>, RepoError> {
        let why = |why| damaged(pack, &blob.id, why);
        let frame = blob.place.frame;
        if blob.place.is_alone() {
            let mut sealed = self.fetch(pack, &blob.id, frame)?;
            return self.repository.open_blob(class, &blob.id, &mut sealed).map_err(why);
        }
        let opened = self.frames.get(pack, frame, &|| {
            let mut sealed = self.fetch(pack, &blob.id, frame)?;
            self.repository.open_frame(class, frame, &mut sealed).map_err(why)
        })?;
        Ok(self.repository.blob_in(class, blob, &opened).map_err(why)?.to_vec())
    }

    /// A frame of this pack as it is stored, after proof that its blobs open and are what their ids
    /// say: for copying.
    pub fn read_sealed(
        &self,
        pack: &PackId,
        class: BlobClass,
        blobs: &[PackedBlob],
    ) -> Result<SealedFrame, RepoError> {
        let Some(first) = blobs.first() else {
            return Ok(SealedFrame { blobs: Vec::new(), bytes: Vec::new() });
        };
        let (repository, frame) = (&self.repository, first.place.frame);
        let bytes = self.fetch(pack, &first.id, frame)?;
        let why = |why| damaged(pack, &first.id, why);
        let opened = repository.open_frame_of(class, first, &mut bytes.clone()).map_err(why)?;
        for blob in blobs.iter().filter(|blob| !blob.place.is_alone()) {
            let proved = repository.blob_in(class, blob, &opened);
            proved.map_err(|why| damaged(pack, &blob.id, why))?;
        }
        let blobs = blobs.iter().map(|blob| (blob.id, blob.place.plain)).collect();
        Ok(SealedFrame { blobs, bytes })
    }

    /// A piece of a tree.
    pub fn piece(&self, id: &BlobId) -> Result<Piece, RepoError> {
        let plain = self.read(BlobClass::Tree, id)?;
        self.decoded(id, &plain)
    }

    /// The same if it has no more than so many plain bytes.
    pub fn piece_within(&self, id: &BlobId, most: u64) -> Result<Option<Piece>, RepoError> {
        let plain = self.read(BlobClass::Tree, id)?;
        (plain.len() as u64 <= most).then(|| self.decoded(id, &plain)).transpose()
    }

    fn decoded(&self, id: &BlobId, plain: &[u8]) -> Result<Piece, RepoError> {
        Piece::decode(plain).map_err(|error| self.malformed(id, error))
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

fn damaged(pack: &PackId, id: &BlobId, why: String) -> RepoError {
    RepoError::DamagedBlob { id: *id, pack: *pack, why }
}
