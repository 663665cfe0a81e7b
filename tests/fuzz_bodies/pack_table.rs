//! The table and the footer of a pack.

use super::reading::comes_back;
use snapstore::format::{FOOTER_LENGTH, LARGEST_BLOB, PackFooter, PackTable};

pub fn body(bytes: &[u8]) {
    if let Some(table) = comes_back(bytes, PackTable::decode, PackTable::encode) {
        let mut offset = 0;
        for blob in &table.blobs {
            assert_eq!(blob.offset, offset, "blobs lie end to end");
            assert!(blob.plain as usize <= LARGEST_BLOB);
            offset += blob.stored;
        }
    }
    if let Some(footer) = bytes.last_chunk::<FOOTER_LENGTH>() {
        let decode = |bytes: &[u8]| PackFooter::decode(bytes.first_chunk().expect("a footer"));
        comes_back(footer, decode, |footer: &PackFooter| footer.encode().to_vec());
    }
}
