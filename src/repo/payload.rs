//! Blobs on their way to another repository: opened with the keys of one, proved to be what their
//! id says, and sealed with the keys of the other, without being compressed again.

use super::RepoError;
use super::reader::BlobReader;
use super::session::Session;
use crate::codec::{BlobClass, Compression, Compressor, Payload};
use crate::format;
use crate::model::BlobId;

/// A blob of another repository, open.
pub struct OpenBlob {
    plain: Vec<u8>,
    payload: Payload,
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
        self.read_by(id, &|sealed| self.open_for_copy(class, id, sealed))
    }

    fn open_for_copy(
        &self,
        class: BlobClass,
        id: &BlobId,
        sealed: &[u8],
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
        Ok(OpenBlob { plain, payload, settled })
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
        if !blob.settled && repository.config().compression != Compression::None {
            return self.save(class, &blob.plain, compressor);
        }
        let id = repository.identify(class, &blob.plain);
        self.save_sealed(class, id, blob.plain.len(), &mut || {
            let (sealer, entropy) = (&repository.sealer, repository.entropy());
            Ok(sealer.seal_payload(class.class(), id.bytes(), &blob.payload, entropy)?)
        })?;
        Ok(id)
    }
}
