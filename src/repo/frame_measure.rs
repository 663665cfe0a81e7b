//! What blobs will take that are gathered into frames, without keeping them.

use super::RepoError;
use super::frame::{OpenFrame, frame_size, is_small};
use super::repository::Repository;
use crate::codec::{BlobClass, Compressor};
use crate::model::BlobId;

/// Gathers data blobs as a session does; memory: one frame.
pub struct FrameMeasure<'a> {
    repository: &'a Repository,
    compressor: Compressor,
    frame_size: usize,
    open: OpenFrame,
    sealed: u64,
}

impl<'a> FrameMeasure<'a> {
    pub fn new(repository: &'a Repository) -> Result<Self, RepoError> {
        Ok(Self {
            repository,
            compressor: repository.compressor()?,
            frame_size: frame_size(repository.config().pack_size),
            open: OpenFrame::default(),
            sealed: 0,
        })
    }

    /// Adds a blob; a full frame is compressed and sealed, which is what this costs.
    pub fn add(&mut self, id: BlobId, plain: &[u8]) -> Result<(), RepoError> {
        if !is_small(self.frame_size, BlobClass::Data, plain) {
            let mut alone = OpenFrame::default();
            alone.push(self.frame_size, id, plain);
            return self.seal(alone);
        }
        let full = self.open.push(self.frame_size, id, plain);
        full.map_or(Ok(()), |frame| self.seal(frame))
    }

    /// Bytes of all frames as they would be stored.
    pub fn finish(mut self) -> Result<u64, RepoError> {
        let last = std::mem::take(&mut self.open);
        if !last.is_empty() {
            self.seal(last)?;
        }
        Ok(self.sealed)
    }

    fn seal(&mut self, frame: OpenFrame) -> Result<(), RepoError> {
        let sealed = frame.seal(self.repository, BlobClass::Data, &mut self.compressor)?;
        self.sealed += sealed.bytes.len() as u64;
        Ok(())
    }
}
