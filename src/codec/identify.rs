//! Names from content, all by BLAKE3 (<https://github.com/BLAKE3-team/BLAKE3-specs>).

use super::Secret;
use crate::model::{BlobId, ContentHash, Extent, data_extents};

/// The id of a blob: BLAKE3 keyed with the id key of its class.
pub fn identify(id_key: &Secret, plain: &[u8]) -> BlobId {
    BlobId::new(*blake3::keyed_hash(id_key.bytes(), plain).as_bytes())
}

/// The sealing context of an object with a name: BLAKE3 of the full name.
pub fn object_context(name: &str) -> [u8; 32] {
    *blake3::hash(name.as_bytes()).as_bytes()
}

/// The hash of a whole file: BLAKE3 over its data bytes in order, then for each data extent its
/// offset and its length, 64 bits little-endian each. A terabyte of hole costs nothing. How far a
/// hole at the end reaches is not in it: compare the size too.
#[derive(Debug, Clone, Default)]
pub struct FileHasher(blake3::Hasher);

impl FileHasher {
    pub fn new() -> Self {
        Self::default()
    }

    /// The next data bytes.
    pub fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    /// The hash of a file of `size` bytes whose data, outside `holes`, was all passed in.
    pub fn finish(mut self, size: u64, holes: &[Extent]) -> ContentHash {
        for extent in data_extents(size, holes) {
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
        self.hash(level, key) & ((1 << self.bits) - 1) == 0
    }

    /// The same for entries whose sizes differ widely: a larger one is as many times as likely to
    /// end a piece, one time in `2^(bits + 10)` for each of its bytes (its size rounded down to a
    /// power of two, so that a change of the size seldom matters).
    pub fn ends_after_size(&self, level: u8, key: &[u8], size: usize) -> bool {
        let weight = u32::BITS - 1 - (size as u32).max(1).leading_zeros();
        let bits = (self.bits + 10).saturating_sub(weight);
        self.hash(level, key) & ((1 << bits) - 1) == 0
    }

    fn hash(&self, level: u8, key: &[u8]) -> u64 {
        let mut hasher = blake3::Hasher::new_keyed(self.key.bytes());
        hasher.update(b"piece").update(&[level]).update(key);
        let mut first = [0; 8];
        hasher.finalize_xof().fill(&mut first);
        u64::from_le_bytes(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(data: &[u8], size: u64, holes: &[Extent]) -> ContentHash {
        let mut hasher = FileHasher::new();
        hasher.update(data);
        hasher.finish(size, holes)
    }

    #[test]
    fn where_the_data_lies_counts() {
        let data = [7; 4096];
        let first = hash(&data, 8192, &[Extent { offset: 4096, length: 4096 }]);
        let second = hash(&data, 8192, &[Extent { offset: 0, length: 4096 }]);
        assert_ne!(first, second);
    }

    #[test]
    fn the_definition_is_kept() {
        let mut bytes = b"data".to_vec();
        bytes.extend_from_slice(&0_u64.to_le_bytes());
        bytes.extend_from_slice(&4_u64.to_le_bytes());
        assert_eq!(hash(b"data", 4, &[]).bytes(), blake3::hash(&bytes).as_bytes());
        assert_eq!(hash(b"", 0, &[]).bytes(), blake3::hash(b"").as_bytes());
    }
}
