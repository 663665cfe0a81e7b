//! Transactions that are under way at a place in the log.

use super::starts::Starts;
use super::{Entry, Role, Unfollowed};
use crate::codec::{DocumentBuilder, Elements};
use crate::model::ClusterTime;
use crate::mongo::reply::cluster_time;
use crate::mongo::{Connection, MongoError};
use std::collections::HashMap;

const WHAT: &str = "the list of transactions";

/// Transactions of which a part was seen, and no end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OpenTransactions {
    /// The first part of each, by its last one.
    first: HashMap<ClusterTime, ClusterTime>,
}

impl OpenTransactions {
    /// To be told every entry, in order.
    pub fn see(&mut self, entry: &Entry<'_>) {
        // A write that may be tried again names the one before it, which is complete.
        if entry.role == Role::Alone {
            return;
        }
        let known = entry.previous.map(|before| self.first.remove(&before).unwrap_or(before));
        if let Role::Part { .. } = entry.role {
            self.first.insert(entry.at, known.unwrap_or(entry.at));
        }
    }

    /// The first part of the oldest one.
    pub fn oldest(&self) -> Option<ClusterTime> {
        self.first.values().min().copied()
    }
}

impl Connection {
    /// The first part of the oldest transaction of several entries that is under way, as the
    /// server's own members find it when they begin to follow (`config.transactions`). One that
    /// begins while this is asked may not be told: ask for the newest entry before and after.
    pub fn oldest_open_transaction(&self) -> Result<Option<ClusterTime>, MongoError> {
        let states = DocumentBuilder::new().string("0", "prepared").string("1", "inProgress");
        let states =
            DocumentBuilder::new().raw(crate::codec::ElementType::Array, "$in", &states.finish());
        let filter = DocumentBuilder::new().document("state", &states.finish()).finish();
        let concern = DocumentBuilder::new().string("level", "majority").finish();
        let command = DocumentBuilder::new()
            .string("find", "transactions")
            .document("filter", &filter)
            .document("readConcern", &concern);
        let (found, _) = self.list("config", WHAT, command)?;
        let mut oldest = None;
        for transaction in &found {
            let time = start_of(transaction).map_err(|error| MongoError::answer(WHAT, error))?;
            oldest = [oldest, time].into_iter().flatten().min();
        }
        Ok(oldest)
    }

    /// Why the log of this server does not tell all that was written since an entry of this time
    /// (milliseconds since 1970) and term.
    pub fn interruption(
        &self,
        wall: Option<i64>,
        is_same_term: bool,
    ) -> Result<Option<Unfollowed>, MongoError> {
        let starts: Starts = self.starts()?;
        Ok(starts.interruption(wall, is_same_term))
    }
}

/// `startOpTime.ts`.
fn start_of(transaction: &[u8]) -> Result<Option<ClusterTime>, crate::codec::DocumentError> {
    let start = Elements::new(transaction)?.find(b"startOpTime")?;
    match start.as_ref().and_then(|start| start.elements()) {
        Some(inside) => Ok(inside?.find(b"ts")?.as_ref().and_then(cluster_time)),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(increment: u32) -> ClusterTime {
        ClusterTime { seconds: 5, increment }
    }

    /// An entry of `applyOps` with these flags after a part of it, or of a command.
    fn entry(time: u32, previous: u32, object: DocumentBuilder) -> Vec<u8> {
        let before = DocumentBuilder::new().timestamp("ts", u32::from(previous > 0) * 5, previous);
        DocumentBuilder::new()
            .string("op", "c")
            .string("ns", "admin.$cmd")
            .document("o", &object.finish())
            .timestamp("ts", 5, time)
            .document("prevOpTime", &before.finish())
            .finish()
    }

    fn apply(flag: &str) -> DocumentBuilder {
        DocumentBuilder::new().documents("applyOps", []).boolean(flag, true)
    }

    #[test]
    fn a_transaction_is_open_from_its_first_part_to_its_end() {
        let mut open = OpenTransactions::default();
        let mut see = |raw: Vec<u8>, oldest: Option<u32>| {
            open.see(&Entry::read(&raw).unwrap());
            assert_eq!(open.oldest(), oldest.map(at));
        };
        see(entry(1, 0, apply("partialTxn")), Some(1));
        see(entry(2, 0, apply("prepare")), Some(1));
        see(entry(3, 1, apply("partialTxn")), Some(1));
        see(entry(4, 3, apply("count")), Some(2));
        see(entry(5, 0, apply("count")), Some(2));
        see(entry(6, 2, DocumentBuilder::new().int32("commitTransaction", 1)), None);
        see(entry(7, 0, apply("prepare")), Some(7));
        see(entry(8, 7, DocumentBuilder::new().int32("abortTransaction", 1)), None);
    }
}
