//! Names from content, all by BLAKE3 (<https://github.com/BLAKE3-team/BLAKE3-specs>).

use super::Secret;
use crate::model::{BlobId, ContentHash, Extent};

/// Above this many bytes BLAKE3's own threads pay (measured; see `docs/performance.md`).
const PARALLEL_FROM: usize = 256 * 1024;

/// The id of a blob: BLAKE3 keyed with the id key of its class.
pub fn identify(id_key: &Secret, plain: &[u8]) -> BlobId {
    BlobId::new(*blake3::keyed_hash(id_key.bytes(), plain).as_bytes())
}

/// The sealing context of an object with a name: BLAKE3 of the full name.
pub fn object_context(name: &str) -> [u8; 32] {
    *blake3::hash(name.as_bytes()).as_bytes()
}

/// The hash of a whole file: BLAKE3 over its data bytes in order, then for each data extent its
/// offset and its length, 64 bits little-endian each. Holes cost nothing.
#[derive(Default)]
pub struct FileHasher(blake3::Hasher);

impl FileHasher {
    pub fn new() -> Self {
        Self::default()
    }

    /// The next data bytes.
    pub fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    /// The next data bytes, with all threads of the current rayon pool where that pays.
    pub fn update_parallel(&mut self, data: &[u8]) {
        if data.len() >= PARALLEL_FROM && rayon::current_num_threads() > 1 {
            self.0.update_rayon(data);
        } else {
            self.0.update(data);
        }
    }

    /// Ends with where the data lies.
    pub fn finish(mut self, extents: impl Iterator<Item = Extent>) -> ContentHash {
        for extent in extents {
            self.0.update(&extent.offset.to_le_bytes());
            self.0.update(&extent.length.to_le_bytes());
        }
        ContentHash::new(*self.0.finalize().as_bytes())
    }
}

/// Decides where lists of entries are cut into pieces: by a keyed hash of the key alone, so that
/// a change of an entry moves no cut, and an inserted one at most its own.
pub struct PieceCutter {
    key: Secret,
    /// One key in `2^bits` ends a piece.
    bits: u32,
}

impl PieceCutter {
    /// `chunk_key` is the repository's; `bits` at most 32.
    pub fn new(chunk_key: &Secret, bits: u32) -> Self {
        Self { key: chunk_key.clone(), bits: bits.min(32) }
    }

    /// Whether a piece of `level` may end after the entry with this key: the lowest bits of the
    /// keyed BLAKE3 of `"piece" || level || key`, its first 8 bytes little-endian, are zero.
    pub fn ends_after(&self, level: u8, key: &[u8]) -> bool {
        let mut hasher = blake3::Hasher::new_keyed(self.key.bytes());
        hasher.update(b"piece").update(&[level]).update(key);
        let mut first = [0; 8];
        hasher.finalize_xof().fill(&mut first);
        u64::from_le_bytes(first) & ((1 << self.bits) - 1) == 0
    }
}
