//! One open repository.

use super::RepoError;
use super::scratch::Scratch;
use super::witness::Memory;
use crate::codec::{
    BlobClass, Chunker, Class, Compression, Compressor, Decompressor, PieceCutter, Sealer,
    identify, object_context,
};
use crate::format::{self, RepositoryConfig};
use crate::model::{BlobId, Clock, Entropy, KeyId, RepositoryId};
use crate::storage::{ObjectName, Put, Storage, StorageError};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// One key in this power of two ends a piece of a directory.
const DIRECTORY_CUT_BITS: u32 = 9;
/// One document of a KiB in this power of two ends a piece of a collection.
const COLLECTION_CUT_BITS: u32 = 8;

/// What a repository needs of the world around it.
#[derive(Clone)]
pub struct Surroundings {
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
    /// Where local copies are kept; `None` keeps none.
    pub cache: Option<PathBuf>,
    /// Threads for work in parallel; 1 means everything in order on the caller's thread.
    pub workers: usize,
}

/// An open repository: storage, keys, settings. Cheap to share between threads.
pub struct Repository {
    pub(super) storage: Arc<dyn Storage>,
    pub(super) sealer: Sealer,
    pub(super) config: RepositoryConfig,
    pub(super) surroundings: Surroundings,
    chunker: Chunker,
    directory_cutter: PieceCutter,
    collection_cutter: PieceCutter,
    decompressors: Mutex<Vec<Decompressor>>,
    /// What is wrong with the settings: object and reason. `config` is a stand-in then.
    pub(super) settings_damage: Option<(String, String)>,
    /// The slot that gave the keys.
    pub(super) key: Option<KeyId>,
    pub(super) memory: Mutex<Memory>,
    /// Blobs that only this process has.
    pub(super) scratch: OnceLock<Scratch>,
}

impl Repository {
    pub(super) fn new(
        storage: Arc<dyn Storage>,
        sealer: Sealer,
        config: RepositoryConfig,
        surroundings: Surroundings,
    ) -> Self {
        let chunk_key = &sealer.ring().chunk_key;
        let chunker = Chunker::new(chunk_key, config.chunks);
        let directory_cutter = PieceCutter::new(chunk_key, DIRECTORY_CUT_BITS);
        let collection_cutter = PieceCutter::new(chunk_key, COLLECTION_CUT_BITS);
        let decompressors = Mutex::new(Vec::new());
        let settings_damage = None;
        Self {
            storage,
            sealer,
            config,
            surroundings,
            chunker,
            directory_cutter,
            collection_cutter,
            decompressors,
            settings_damage,
            key: None,
            memory: Mutex::default(),
            scratch: OnceLock::new(),
        }
    }

    pub fn id(&self) -> RepositoryId {
        self.sealer.repository()
    }

    pub fn config(&self) -> &RepositoryConfig {
        &self.config
    }

    pub fn chunker(&self) -> &Chunker {
        &self.chunker
    }

    /// Whether this one cuts files and trees where `other` does: then equal files make equal
    /// chunks in both.
    pub fn cuts_like(&self, other: &Repository) -> bool {
        self.sealer.ring().chunk_key == other.sealer.ring().chunk_key
            && self.config.chunks == other.config.chunks
    }

    pub(super) fn collection_cutter(&self) -> &PieceCutter {
        &self.collection_cutter
    }

    pub(super) fn directory_cutter(&self) -> &PieceCutter {
        &self.directory_cutter
    }

    pub fn storage(&self) -> &Arc<dyn Storage> {
        &self.storage
    }

    pub fn clock(&self) -> &dyn Clock {
        self.surroundings.clock.as_ref()
    }

    pub fn entropy(&self) -> &dyn Entropy {
        self.surroundings.entropy.as_ref()
    }

    pub fn workers(&self) -> usize {
        self.surroundings.workers.max(1)
    }

    /// The local folder of this repository, if any is kept.
    pub fn cache(&self) -> Option<PathBuf> {
        self.surroundings.cache.as_ref().map(|cache| cache.join(self.id().hex()))
    }

    /// A compressor with the repository's setting; one a worker.
    pub fn compressor(&self) -> Result<Compressor, RepoError> {
        Ok(Compressor::new(self.config.compression)?)
    }

    /// The id that `plain` has as a blob.
    pub fn identify(&self, class: BlobClass, plain: &[u8]) -> BlobId {
        identify(self.sealer.ring().id_key(class), plain)
    }

    /// Runs `work` with one of the decompressors that are kept.
    pub(super) fn with_decompressor<T>(
        &self,
        work: impl FnOnce(&mut Decompressor) -> T,
    ) -> Result<T, RepoError> {
        let kept = self.lock_decompressors().pop();
        let mut decompressor = match kept {
            Some(decompressor) => decompressor,
            None => Decompressor::new()?,
        };
        let result = work(&mut decompressor);
        self.lock_decompressors().push(decompressor);
        Ok(result)
    }

    fn lock_decompressors(&self) -> std::sync::MutexGuard<'_, Vec<Decompressor>> {
        self.decompressors.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Seals `plain` as the object of this name and stores it.
    pub(super) fn put_object(
        &self,
        class: Class,
        name: &ObjectName,
        plain: &[u8],
    ) -> Result<Put, RepoError> {
        let sealed = self.seal_object(class, &object_context(&name.to_string()), plain)?;
        Ok(self.storage.put_if_absent(name, &sealed)?)
    }

    pub(super) fn seal_object(
        &self,
        class: Class,
        context: &[u8; 32],
        plain: &[u8],
    ) -> Result<Vec<u8>, RepoError> {
        let mut compressor = match self.config.compression {
            Compression::None => Compressor::new(Compression::None)?,
            Compression::Zstd(_) => Compressor::new(Compression::Zstd(3))?,
        };
        Ok(self.sealer.seal(class, context, plain, &mut compressor, self.entropy())?)
    }

    /// The plain bytes of the object of this name.
    pub(super) fn get_object(&self, class: Class, name: &ObjectName) -> Result<Vec<u8>, RepoError> {
        let sealed = self.get_whole(name, format::LARGEST_OBJECT)?;
        self.open_object(class, name, &object_context(&name.to_string()), &sealed)
    }

    /// An object as it is stored. One longer than any that snap writes is damaged, and so is one
    /// that the medium, which may still give out others, does not.
    pub(super) fn get_whole(&self, name: &ObjectName, limit: u64) -> Result<Vec<u8>, RepoError> {
        match self.storage.get(name, limit) {
            Err(StorageError::TooLarge { size, .. }) => {
                let why =
                    format!("it is {size} bytes long, more than the {limit} that it may have");
                Err(RepoError::damaged(name, why))
            }
            Err(StorageError::Failed { why, .. }) => {
                Err(RepoError::damaged(name, format!("it cannot be read: {why}")))
            }
            other => Ok(other?),
        }
    }

    pub(super) fn open_object(
        &self,
        class: Class,
        name: &ObjectName,
        context: &[u8; 32],
        sealed: &[u8],
    ) -> Result<Vec<u8>, RepoError> {
        let limit = format::LARGEST_OBJECT as usize;
        self.with_decompressor(|decompressor| {
            self.sealer.open(class, context, &mut sealed.to_vec(), limit, decompressor)
        })?
        .map_err(|error| RepoError::open(name, error))
    }

    /// Opens a stored blob and proves that it is `id`.
    pub fn open_blob(
        &self,
        class: BlobClass,
        id: &BlobId,
        sealed: &mut [u8],
    ) -> Result<Vec<u8>, String> {
        let opened = self.with_decompressor(|decompressor| {
            let limit = format::LARGEST_BLOB;
            self.sealer.open(class.class(), id.bytes(), sealed, limit, decompressor)
        });
        let plain = opened.map_err(|e| e.to_string())?.map_err(|error| error.to_string())?;
        match self.identify(class, &plain) == *id {
            true => Ok(plain),
            false => Err("its content is not what its id says".to_string()),
        }
    }
}

/// An object name from one of the functions of `format`, which make only well-formed ones.
pub(super) fn object_name(text: &str) -> Result<ObjectName, RepoError> {
    text.parse().map_err(|error: crate::storage::InvalidObjectName| RepoError::Damaged {
        name: text.to_string(),
        why: error.to_string(),
    })
}
