//! Content for targets, from the repository.

use crate::codec::BlobClass;
use crate::model::{ChunkTree, ContentSource, TargetError};
use crate::repo::{BlobReader, RepoError};

/// Reads chunks through a [`BlobReader`], and names packs that turn out damaged.
pub struct Content<'a> {
    reader: &'a BlobReader,
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
    pub fn new(reader: &'a BlobReader) -> Self {
        Self { reader }
    }

    /// The next backup that still has the content stores it again. Where the repository cannot
    /// be written it stays unnamed.
    fn note_damage(&self, error: &RepoError) {
        if let RepoError::DamagedBlob { pack, why, .. } = error {
            let _ = self.reader.repository().mark_damaged(pack, why);
        }
    }
}

impl ContentSource for Content<'_> {
    fn read(
        &self,
        tree: &ChunkTree,
        sink: &mut dyn FnMut(&[u8]) -> Result<(), TargetError>,
    ) -> Result<(), TargetError> {
        let result = self.reader.each_chunk(tree, &mut |chunk| {
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
                self.note_damage(&error);
                TargetError::Content(error.to_string())
            }
        })
    }
}
