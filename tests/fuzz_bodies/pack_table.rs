//! The table and the footer of a pack.

use super::reading::comes_back;
use snapstore::format::{FOOTER_LENGTH, LARGEST_BLOB, PackFooter, PackTable};

pub fn body(bytes: &[u8]) {
    if let Some(table) = comes_back(bytes, PackTable::decode, PackTable::encode) {
        let mut offset = 0;
        for blobs in table.frames() {
            let (frame, mut start) = (blobs[0].place.frame, 0);
            assert_eq!(frame.offset, offset, "frames lie end to end");
            for blob in blobs {
                assert_eq!(blob.place.start, start, "blobs lie end to end");
                start += blob.place.plain;
            }
            assert_eq!(frame.plain, start);
            assert!(frame.plain as usize <= LARGEST_BLOB);
            offset += frame.stored;
        }
    }
    if let Some(footer) = bytes.last_chunk::<FOOTER_LENGTH>() {
        let decode = |bytes: &[u8]| PackFooter::decode(bytes.first_chunk().expect("a footer"));
        comes_back(footer, decode, |footer: &PackFooter| footer.encode().to_vec());
    }
}
