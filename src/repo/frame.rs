//! Small blobs are compressed and sealed together, as frames: what is alike in them is stored once,
//! and they cost one key and one tag together.

use super::RepoError;
use super::packer::SealedFrame;
use super::repository::Repository;
use crate::codec::{BlobClass, Compressor};
use crate::format::{self, Frame, IndexedPack, PackedBlob};
use crate::model::BlobId;

/// Bytes; no frame of small blobs needs more to be full.
const LARGEST_FULL: usize = 1 << 20;
/// What a frame of several blobs is sealed for: what is in it is proved by their ids.
const CONTEXT: [u8; 32] = [0; 32];

/// With so many bytes a frame is full, where packs are to have `pack_size`: many go into a pack.
pub(super) fn frame_size(pack_size: u32) -> usize {
    (pack_size as usize / 16).min(LARGEST_FULL)
}

/// Whether a blob goes into a frame with others; larger ones are frames by themselves.
pub(super) fn is_small(frame_size: usize, class: BlobClass, plain: &[u8]) -> bool {
    class == BlobClass::Data && (1..=frame_size / 2).contains(&plain.len())
}

/// Is given a blob with its plain bytes, or none if it is not what its id says; tells whether to go
/// on.
type BlobVisitor<'a> = dyn FnMut(&PackedBlob, Option<&[u8]>) -> Result<bool, RepoError> + 'a;

/// Small blobs of a session that wait for others.
#[derive(Default)]
pub(super) struct OpenFrame {
    blobs: Vec<(BlobId, u32)>,
    plain: Vec<u8>,
}

impl OpenFrame {
    /// Adds a small blob, and takes all out once it is full.
    pub(super) fn push(&mut self, frame_size: usize, id: BlobId, plain: &[u8]) -> Option<Self> {
        if self.plain.capacity() == 0 {
            self.plain.reserve_exact(frame_size + frame_size / 2);
        }
        self.plain.extend_from_slice(plain);
        self.blobs.push((id, plain.len() as u32));
        (self.plain.len() >= frame_size).then(|| std::mem::take(self))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.blobs.is_empty()
    }

    /// At least one blob.
    pub(super) fn seal(
        self,
        repository: &Repository,
        class: BlobClass,
        compressor: &mut Compressor,
    ) -> Result<SealedFrame, RepoError> {
        let context = match self.blobs.as_slice() {
            [(id, _)] => id.bytes(),
            _ => &CONTEXT,
        };
        let (sealer, entropy) = (&repository.sealer, repository.entropy());
        let bytes = sealer.seal(class.class(), context, &self.plain, compressor, entropy)?;
        Ok(SealedFrame { blobs: self.blobs, bytes })
    }
}

impl Repository {
    /// Opens a frame of several blobs, which are still to be proved.
    pub(super) fn open_frame(
        &self,
        class: BlobClass,
        frame: Frame,
        sealed: &mut [u8],
    ) -> Result<Vec<u8>, String> {
        let limit = (frame.plain as usize).min(format::LARGEST_BLOB);
        let opened = self.with_decompressor(|decompressor| {
            self.sealer.open(class.class(), &CONTEXT, sealed, limit, decompressor)
        });
        let plain = opened.map_err(|e| e.to_string())?.map_err(|error| error.to_string())?;
        match plain.len() == frame.plain as usize {
            true => Ok(plain),
            false => Err("its length is not what the table says".to_string()),
        }
    }

    /// A blob out of its opened frame, proved to be it.
    pub(super) fn blob_in<'a>(
        &self,
        class: BlobClass,
        blob: &PackedBlob,
        opened: &'a [u8],
    ) -> Result<&'a [u8], String> {
        match blob.place.of(opened) {
            Some(plain) if self.identify(class, plain) == blob.id => Ok(plain),
            _ => Err("its content is not what its id says".to_string()),
        }
    }

    /// Opens all blobs of a pack that was read whole, where it lies: afterwards its bytes are not
    /// what they were. Whether `visit` came to the last one.
    pub fn each_blob(
        &self,
        pack: &IndexedPack,
        bytes: &mut [u8],
        visit: &mut BlobVisitor<'_>,
    ) -> Result<bool, RepoError> {
        for blobs in pack.table.frames() {
            let opened = self.frame_of(pack.class, blobs, bytes);
            for blob in blobs {
                let plain = opened.as_deref().and_then(|opened| match blob.place.is_alone() {
                    true => Some(opened),
                    false => self.blob_in(pack.class, blob, opened).ok(),
                });
                if !visit(blob, plain)? {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// The plain bytes of a frame; one that is a blob is proved to be it.
    fn frame_of(
        &self,
        class: BlobClass,
        blobs: &[PackedBlob],
        bytes: &mut [u8],
    ) -> Option<Vec<u8>> {
        let first = blobs.first()?;
        let Frame { offset, stored, .. } = first.place.frame;
        let end = (offset as usize).checked_add(stored as usize)?;
        let sealed = bytes.get_mut(offset as usize..end)?;
        self.open_frame_of(class, first, sealed).ok()
    }

    /// Opens the frame that begins with this blob, which is proved where it is all of it.
    pub(super) fn open_frame_of(
        &self,
        class: BlobClass,
        first: &PackedBlob,
        sealed: &mut [u8],
    ) -> Result<Vec<u8>, String> {
        if !first.place.is_alone() {
            return self.open_frame(class, first.place.frame, sealed);
        }
        let opened = self.open_blob(class, &first.id, sealed)?;
        match opened.len() == first.place.plain as usize {
            true => Ok(opened),
            false => Err("its length is not what the table says".to_string()),
        }
    }
}
