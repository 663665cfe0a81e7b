//! Which documents are wanted.

use super::fields::MatchKey;
use crate::codec::Elements;
use crate::mongo::Query;
use std::collections::BTreeSet;

/// Documents by their ids and by a filter, which must both fit; none named are all.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Keys of ids.
    ids: BTreeSet<Vec<u8>>,
    query: Option<Query>,
}

impl Selection {
    pub fn new(query: Option<Query>) -> Self {
        Self { ids: BTreeSet::new(), query }
    }

    /// One more id that is wanted, as `{_id: value}`; false if that is none.
    pub fn add_id(&mut self, id: &[u8]) -> bool {
        let Ok(key) = MatchKey::Id.of(id) else { return false };
        self.ids.insert(key);
        true
    }

    /// Whether all documents are wanted.
    pub fn is_all(&self) -> bool {
        self.ids.is_empty() && self.query.is_none()
    }

    /// The keys that ids must be of; `None` if any may be wanted.
    pub fn ids(&self) -> Option<&BTreeSet<Vec<u8>>> {
        Some(&self.ids).filter(|ids| !ids.is_empty())
    }

    pub fn wants(&self, document: &[u8]) -> bool {
        let is_named = || MatchKey::Id.of(document).is_ok_and(|key| self.ids.contains(&key));
        let fits = |query: &Query| Elements::new(document).is_ok() && query.fits(document);
        (self.ids.is_empty() || is_named()) && self.query.as_ref().is_none_or(fits)
    }
}
