//! Small objects: what sessions, forget, prune and damage leave behind.

use super::reading::comes_back;
use snapstore::format::{Announcement, Damaged, Forgotten, PruneMark};

pub fn body(bytes: &[u8]) {
    comes_back(bytes, Announcement::decode, Announcement::encode);
    comes_back(bytes, Forgotten::decode, Forgotten::encode);
    comes_back(bytes, Damaged::decode, Damaged::encode);
    if let Some(mark) = comes_back(bytes, PruneMark::decode, PruneMark::encode) {
        assert!(mark.condemned.is_sorted_by(|one, other| one < other));
    }
}
