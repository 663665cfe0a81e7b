//! Content for targets, from the repository.

use crate::codec::BlobClass;
use crate::model::{ChunkTree, ContentSource, Monitor, PackId, TargetError};
use crate::repo::{BlobReader, RepoError, Repository};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Reads chunks through a [`BlobReader`] until the user asks to stop, and notes packs that turn
/// out damaged.
pub struct Content<'a> {
    reader: &'a BlobReader,
    blamed: &'a Blamed,
    monitor: &'a dyn Monitor,
}

/// Packs that a restore found damaged or missing.
#[derive(Default)]
pub struct Blamed(Mutex<BTreeMap<PackId, String>>);

impl Blamed {
    pub fn note(&self, error: &RepoError) {
        if let Some(pack) = error.blamed() {
            self.lock().entry(pack).or_insert_with(|| error.to_string());
        }
    }

    pub fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// Marks them, so that the next backup that still has the content stores it again. Where the
    /// repository cannot be written they stay unmarked.
    pub fn mark(&self, repository: &Repository) {
        for (pack, why) in self.lock().iter() {
            let _ = repository.mark_damaged(pack, why);
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<PackId, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Either side may fail while content flows.
enum Failure {
    Repo(RepoError),
    Target(TargetError),
}

impl From<RepoError> for Failure {
    fn from(error: RepoError) -> Self {
        Self::Repo(error)
    }
}

impl<'a> Content<'a> {
    pub fn new(reader: &'a BlobReader, blamed: &'a Blamed, monitor: &'a dyn Monitor) -> Self {
        Self { reader, blamed, monitor }
    }
}

impl ContentSource for Content<'_> {
    fn read(
        &self,
        tree: &ChunkTree,
        sink: &mut dyn FnMut(&[u8]) -> Result<(), TargetError>,
    ) -> Result<(), TargetError> {
        let result = self.reader.each_chunk(tree, &mut |chunk| {
            if self.monitor.stopped() {
                return Err(Failure::Target(TargetError::Stopped));
            }
            let plain = self.reader.read(BlobClass::Data, &chunk.id)?;
            if plain.len() as u64 != chunk.length {
                return Err(Failure::Target(TargetError::Content(format!(
                    "chunk {} is {} bytes long instead of {}",
                    chunk.id,
                    plain.len(),
                    chunk.length
                ))));
            }
            sink(&plain).map_err(Failure::Target)
        });
        result.map_err(|failure| match failure {
            Failure::Target(error) => error,
            Failure::Repo(error) => {
                self.blamed.note(&error);
                TargetError::Content(error.to_string())
            }
        })
    }
}
