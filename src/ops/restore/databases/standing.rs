//! What is kept in its order, beside what stands there already: a capped collection, or one without
//! usable ids. It may go on from there, or be the same; anything else is left alone.

use super::DatabaseRestoreError;
use super::documents::{DocumentWalk, FirstError, Met};
use crate::model::Collection;
use crate::mongo::{Connection, Order, Scan, ScanOptions};
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// Why a capped collection, or one without usable ids, does not go to where documents are.
pub const OTHERS_THERE: &str = "other documents are there: what is kept in its order goes only into \
                                an empty place, or on from where it broke off; --swap replaces it";

/// How the saved documents compare with those that are there, one after the other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Standing {
    /// From the first on, both have the same.
    pub identical: u64,
    /// Saved ones after those.
    pub missing: u64,
    /// Others that are there after those.
    pub extra: u64,
    pub differs: bool,
}

impl Standing {
    /// Whether all that is there is the begin of what is saved, or goes on after it.
    pub fn fits(&self) -> bool {
        !self.differs && (self.missing == 0 || self.extra == 0)
    }
}

/// Reads both, the snapshot's up to where they differ.
pub fn standing(
    walk: &DocumentWalk<'_>,
    collection: &Collection,
    connection: &Connection,
    (database, name): (&str, &str),
) -> Result<Standing, DatabaseRestoreError> {
    let (database, name) = (database.to_string(), name.to_string());
    let options = ScanOptions { database, name, order: Order::Natural, at: None, sessions: 1 };
    let live = Live { scan: connection.scan(options)?, ready: VecDeque::new() };
    let shared = Mutex::new((live, Standing::default()));
    let failed = FirstError::default();
    let walked = walk.run(collection, &|met| {
        let (live, standing) = &mut *shared.lock().unwrap_or_else(PoisonError::into_inner);
        // What cannot be read compares with nothing.
        let Met::Documents(documents) = met else {
            standing.differs = true;
            return false;
        };
        let compared = documents.iter().try_for_each(|saved| standing.count(saved, live));
        compared.map_err(|error| failed.set(error)).is_ok() && !standing.differs
    });
    let (mut live, mut standing) = shared.into_inner().unwrap_or_else(PoisonError::into_inner);
    if standing.differs {
        return failed.or(Ok(())).map(|()| standing);
    }
    failed.or(walked)?;
    while live.next()?.is_some() {
        standing.extra += 1;
    }
    Ok(standing)
}

impl Standing {
    fn count(&mut self, saved: &[u8], live: &mut Live) -> Result<(), DatabaseRestoreError> {
        match live.next()? {
            Some(there) if there == saved => self.identical += 1,
            Some(_) => self.differs = true,
            None => self.missing += 1,
        }
        Ok(())
    }
}

/// The documents that are there, in their order.
struct Live {
    scan: Scan,
    ready: VecDeque<Vec<u8>>,
}

impl Live {
    fn next(&mut self) -> Result<Option<Vec<u8>>, DatabaseRestoreError> {
        while self.ready.is_empty() {
            let Some(batch) = self.scan.next_batch()? else { return Ok(None) };
            for document in batch.documents()? {
                self.ready.push_back(document?.to_vec());
            }
        }
        Ok(self.ready.pop_front())
    }
}
