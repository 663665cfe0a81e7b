//! Finds what is there for documents of a snapshot.

use super::conflict::{Decision, DocumentConflict, with_id_of};
use super::fields::{MatchKey, only_id};
use crate::mongo::{Connection, MongoError};
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

/// Documents that are looked up with one question.
const MOST_TOGETHER: usize = 1000;
/// Their bytes.
const BYTES_TOGETHER: usize = 8 << 20;
/// Keys that are remembered, 16 bytes each, to find those that come twice.
const MOST_KEYS: usize = 4_000_000;

/// What is there for one document of the snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pair {
    Missing,
    /// But for the `_id`, where another field is the key.
    Identical {
        /// `{_id: value}` of the one that is there.
        id: Vec<u8>,
    },
    Differs {
        id: Vec<u8>,
        /// One for each strategy.
        decisions: Vec<Decision>,
    },
    /// It has no match that could be told, and is left out.
    Unusable(String),
}

/// Where documents are looked up, and how.
pub struct Pairing<'a> {
    pub connection: &'a Connection,
    pub database: &'a str,
    pub name: &'a str,
    pub key: &'a MatchKey,
    pub conflicts: &'a [DocumentConflict],
    /// Documents are buckets, which are not taken apart.
    pub is_series: bool,
    seen: Mutex<HashSet<[u8; 16]>>,
}

/// Hears of each document that is there for one of the snapshot, perhaps twice: the number of
/// that one, and the one that is there.
pub type Hearing<'a> = &'a mut dyn FnMut(usize, &[u8]);

impl<'a> Pairing<'a> {
    pub fn new(
        connection: &'a Connection,
        (database, name): (&'a str, &'a str),
        key: &'a MatchKey,
        conflicts: &'a [DocumentConflict],
        is_series: bool,
    ) -> Self {
        Self { connection, database, name, key, conflicts, is_series, seen: Mutex::default() }
    }

    /// One for each of the documents, in their order.
    pub fn pairs(&self, documents: &[&[u8]], hear: Hearing<'_>) -> Result<Vec<Pair>, MongoError> {
        let mut pairs = vec![Pair::Missing; documents.len()];
        let mut wanted: HashMap<Vec<u8>, usize> = HashMap::with_capacity(documents.len());
        let mut values = Vec::with_capacity(documents.len());
        for (at, document) in documents.iter().enumerate() {
            let key = self.key.of(document).and_then(|key| self.first_time(&key).map(|()| key));
            match (key, self.key.first(document)) {
                (Ok(key), Some(value)) => {
                    wanted.insert(key, at);
                    values.push(value);
                }
                (Err(why), _) => pairs[at] = Pair::Unusable(why),
                (Ok(_), None) => pairs[at] = Pair::Unusable("it has no key".to_string()),
            }
        }
        let field = self.key.first_name().as_bytes();
        if !values.is_empty() {
            self.connection.each_with(self.database, self.name, field, &values, &mut |live| {
                let at = self.key.of(live).ok().and_then(|key| wanted.get(&key).copied());
                let Some(at) = at else { return };
                pairs[at] = self.pair(&pairs[at], documents[at], live);
                hear(at, live);
            })?;
        }
        match self.key {
            MatchKey::Id => {}
            MatchKey::Fields(_) => self.taken_ids(documents, &mut pairs)?,
        }
        Ok(pairs)
    }

    /// A field may come twice in the snapshot where an `_id` cannot.
    fn first_time(&self, key: &[u8]) -> Result<(), String> {
        if *self.key == MatchKey::Id {
            return Ok(());
        }
        let hash = blake3::hash(key);
        let hash = hash.as_bytes().first_chunk().copied().unwrap_or_default();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        match (seen.len() < MOST_KEYS, seen.insert(hash)) {
            (_, false) => Err("another document of the snapshot has the same key".to_string()),
            (true, true) => Ok(()),
            (false, true) => {
                Err(format!("more than {MOST_KEYS} documents can only be matched by their _id"))
            }
        }
    }

    fn pair(&self, before: &Pair, document: &[u8], live: &[u8]) -> Pair {
        let id = only_id(live);
        match before {
            Pair::Unusable(_) => return before.clone(),
            // Where a connection breaks the same one may be shown again.
            Pair::Identical { id: before } | Pair::Differs { id: before, .. } if *before != id => {
                let why = "several documents that are there have its key";
                return Pair::Unusable(why.to_string());
            }
            _ => {}
        }
        let document = match only_id(document) == id {
            true => Cow::Borrowed(document),
            false => Cow::Owned(with_id_of(document, live)),
        };
        if *document == *live {
            return Pair::Identical { id };
        }
        let decide = |conflict: &DocumentConflict| match conflict.fits_time_series() {
            false if self.is_series => {
                let why = format!("{} is not for time series", conflict.name());
                Decision::Impossible(why)
            }
            _ => conflict.decide(&document, live),
        };
        Pair::Differs { id, decisions: self.conflicts.iter().map(decide).collect() }
    }

    /// Documents without a match by their fields, whose `_id` another one has.
    fn taken_ids(&self, documents: &[&[u8]], pairs: &mut [Pair]) -> Result<(), MongoError> {
        let missing = pairs.iter().enumerate().filter(|(_, pair)| **pair == Pair::Missing);
        let mut wanted: HashMap<Vec<u8>, usize> = HashMap::new();
        let mut ids = Vec::new();
        for (at, _) in missing {
            let Ok(key) = MatchKey::Id.of(documents[at]) else { continue };
            wanted.insert(key, at);
            ids.push(only_id(documents[at]));
        }
        if ids.is_empty() {
            return Ok(());
        }
        self.connection.each_by_id(self.database, self.name, &ids, &mut |live| {
            let at = MatchKey::Id.of(live).ok().and_then(|key| wanted.get(&key).copied());
            if let Some(at) = at {
                let why = "a document that is there has its _id, and another key".to_string();
                pairs[at] = Pair::Unusable(why);
            }
        })
    }
}

/// Documents that are looked up together.
pub fn together<'a, 'b>(documents: &'b [&'a [u8]]) -> impl Iterator<Item = &'b [&'a [u8]]> {
    let mut rest = documents;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fits = rest.iter().take(MOST_TOGETHER).take_while(|document| {
            bytes += document.len();
            bytes <= BYTES_TOGETHER
        });
        let count = fits.count().max(1).min(rest.len());
        let (batch, behind) = rest.split_at(count);
        rest = behind;
        (count > 0).then_some(batch)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_have_bounds_and_lose_nothing() {
        let large = vec![0; BYTES_TOGETHER + 1];
        let small = vec![0; 10];
        let documents: Vec<&[u8]> = vec![&large, &small, &small];
        let sizes: Vec<usize> = together(&documents).map(<[_]>::len).collect();
        assert_eq!(sizes, [1, 2]);
        let many: Vec<&[u8]> = vec![&small; 2500];
        assert_eq!(together(&many).map(<[_]>::len).collect::<Vec<_>>(), [1000, 1000, 500]);
        assert_eq!(together(&[]).count(), 0);
    }
}
