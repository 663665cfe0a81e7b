//! An index object.

use super::reading::comes_back;
use snapstore::format::Index;

pub fn body(bytes: &[u8]) {
    if let Some(index) = comes_back(bytes, Index::decode, Index::encode) {
        let blobs: usize = index.packs.iter().map(|pack| pack.table.blobs.len()).sum();
        assert!(blobs * 40 <= bytes.len(), "a blob takes a line");
    }
}
