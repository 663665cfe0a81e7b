//! What a session has stored, or is about to store.

use super::blob_index::cut;
use crate::model::BlobId;
use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// So much is not in the way of what others claim, and grows by itself.
const PARTS: usize = 8;

/// The blobs that a session need not store again. Ids are cut as in the index. Memory: 30 to 60
/// bytes a blob, and never twice all of it.
#[derive(Default)]
pub(super) struct Claimed {
    parts: [Mutex<HashSet<[u8; 24]>>; PARTS],
}

impl Claimed {
    /// Whether the caller is the first to claim it, and so has to store it.
    pub(super) fn claim(&self, id: &BlobId) -> bool {
        self.part(id).insert(cut(id))
    }

    pub(super) fn contains(&self, id: &BlobId) -> bool {
        self.part(id).contains(&cut(id))
    }

    fn part(&self, id: &BlobId) -> MutexGuard<'_, HashSet<[u8; 24]>> {
        let part = &self.parts[usize::from(id.bytes()[0]) % PARTS];
        part.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_blob_is_claimed_once() {
        let claimed = Claimed::default();
        let ids: Vec<BlobId> = (0..=255).map(|number| BlobId::new([number; 32])).collect();
        assert!(ids.iter().all(|id| !claimed.contains(id) && claimed.claim(id)));
        assert!(ids.iter().all(|id| claimed.contains(id) && !claimed.claim(id)));
    }
}
