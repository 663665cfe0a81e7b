//! The documents of one collection that were touched since a moment.

use std::collections::BTreeMap;

/// Touched documents by their canonical keys.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Touched {
    pub ids: BTreeMap<Vec<u8>, TouchedId>,
    bytes: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TouchedId {
    /// `{_id: value}`, of the values that have this key the one that was met first.
    pub id: Vec<u8>,
    /// Whether there was such a document at the beginning; `None` where the log does not tell.
    pub was_there: Option<bool>,
}

/// What a key takes beside its bytes, about.
const KEY_BYTES: usize = 96;

impl Touched {
    /// Adds a document; if it was touched before, that counts. Returns the bytes that were added.
    pub(super) fn add(&mut self, key: Vec<u8>, touched: TouchedId) -> usize {
        let cost = key.len() + touched.id.len() + KEY_BYTES;
        match self.ids.entry(key) {
            std::collections::btree_map::Entry::Occupied(_) => 0,
            std::collections::btree_map::Entry::Vacant(vacant) => {
                vacant.insert(touched);
                self.bytes += cost;
                cost
            }
        }
    }

    /// What all take in memory, about.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

/// Why it is not known what was touched: the collection has to be read whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unfollowed {
    #[error("the server's log does not reach back to the last snapshot")]
    TooShort,
    /// What it wrote then is in no log.
    #[error("the server was started outside its replica set since the last snapshot")]
    StartedAlone,
    #[error(
        "there was an election since the last snapshot, and the server does not tell how it was \
         started before"
    )]
    UnknownStarts,
    #[error("the server's log has something that is not understood")]
    NotUnderstood,
    #[error("more was changed than can be kept in memory")]
    TooMuch,
}
