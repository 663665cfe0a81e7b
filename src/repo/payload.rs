//! Blobs on their way to another repository: opened with the keys of one, proved to be what their
//! id says, and sealed with the keys of the other, without being compressed again.

use super::RepoError;
use super::packer::SealedFrame;
use super::reader::BlobReader;
use super::session::Session;
use crate::codec::{BlobClass, Compression, Compressor, Payload};
use crate::format::{self, PackedBlob};
use crate::model::BlobId;

/// A blob of another repository, open.
pub struct OpenBlob {
    plain: Vec<u8>,
    /// As it was sealed; `None` where it was sealed with others.
    payload: Option<Payload>,
    /// Compressing it (again) would save nothing.
    settled: bool,
}

impl OpenBlob {
    pub fn plain(&self) -> &[u8] {
        &self.plain
    }
}

impl BlobReader {
    /// A blob, proved to be it, to be stored in another repository. Takes the plain and the
    /// stored length in memory.
    pub fn read_for_copy(&self, class: BlobClass, id: &BlobId) -> Result<OpenBlob, RepoError> {
        self.read_by(id, &|pack, place| {
            if !place.is_alone() {
                let plain = self.read_at(class, pack, &PackedBlob { id: *id, place })?;
                return Ok(OpenBlob { plain, payload: None, settled: false });
            }
            let sealed = self.fetch(pack, id, place.frame)?;
            let damaged = |why| RepoError::DamagedBlob { id: *id, pack: *pack, why };
            self.open_for_copy(class, id, sealed).map_err(damaged)
        })
    }

    fn open_for_copy(
        &self,
        class: BlobClass,
        id: &BlobId,
        sealed: Vec<u8>,
    ) -> Result<OpenBlob, String> {
        let repository = self.repository();
        let payload = repository.sealer.open_payload(class.class(), id.bytes(), sealed);
        let payload = payload.map_err(|error| error.to_string())?;
        let unpacked = repository
            .with_decompressor(|decompressor| payload.unpack(format::LARGEST_BLOB, decompressor));
        let plain = unpacked.map_err(|e| e.to_string())?.map_err(|error| error.to_string())?;
        if repository.identify(class, &plain) != *id {
            return Err("its content is not what its id says".to_string());
        }
        let tried = repository.config().compression != Compression::None;
        let settled = payload.is_compressed() || tried;
        Ok(OpenBlob { plain, payload: Some(payload), settled })
    }
}

impl Session {
    /// Stores a blob of another repository unless it is there. Returns the id that it has here.
    pub fn save_copied(
        &self,
        class: BlobClass,
        blob: &OpenBlob,
        compressor: &mut Compressor,
    ) -> Result<BlobId, RepoError> {
        let repository = self.repository();
        let packed = blob.settled || repository.config().compression == Compression::None;
        let Some(payload) = blob.payload.as_ref().filter(|_| packed) else {
            return self.save(class, &blob.plain, compressor);
        };
        let id = repository.identify(class, &blob.plain);
        if self.claim(&id, blob.plain.len()) {
            let (sealer, entropy) = (&repository.sealer, repository.entropy());
            let bytes = sealer.seal_payload(class.class(), id.bytes(), payload, entropy)?;
            self.add_sealed(class, SealedFrame::alone(id, blob.plain.len() as u32, bytes))?;
        }
        Ok(id)
    }
}
