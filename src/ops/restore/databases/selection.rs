//! Which documents are wanted.

use super::fields::MatchKey;
use std::collections::BTreeSet;

/// Documents by their ids; none named are all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Keys of ids.
    ids: BTreeSet<Vec<u8>>,
}

impl Selection {
    /// Whether all documents are wanted.
    pub fn is_all(&self) -> bool {
        self.ids.is_empty()
    }

    pub fn wants(&self, document: &[u8]) -> bool {
        self.is_all() || MatchKey::Id.of(document).is_ok_and(|key| self.ids.contains(&key))
    }
}
