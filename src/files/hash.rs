//! The file hash: what a file's content is known by, holes included but not read.

use crate::model::{ContentHash, Extent, data_extents};

/// Computes a file's [`ContentHash`]: BLAKE3 over the data bytes in order, then, for each data
/// extent, its offset and its length as little-endian `u64`. A terabyte of hole costs nothing.
/// How far a hole at the end reaches is not in it: compare the size too.
#[derive(Debug, Clone, Default)]
pub struct FileHasher {
    state: blake3::Hasher,
}

impl FileHasher {
    pub fn new() -> Self {
        Self::default()
    }

    /// The next data bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.state.update(bytes);
    }

    /// The hash of a file of `size` bytes whose data, outside `holes`, was all passed in.
    pub fn finish(mut self, size: u64, holes: &[Extent]) -> ContentHash {
        for extent in data_extents(size, holes) {
            self.state.update(&extent.offset.to_le_bytes());
            self.state.update(&extent.length.to_le_bytes());
        }
        ContentHash::new(*self.state.finalize().as_bytes())
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
