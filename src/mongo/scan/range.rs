//! Reads one part with one cursor; where the connection breaks, it goes on behind the last
//! document that was delivered.

use super::plan::{Part, id_of};
use super::{Batch, ScanOptions};
use crate::codec::{DocumentBuilder, ElementType};
use crate::mongo::connection::{at_moment, raw};
use crate::mongo::reply::CursorReply;
use crate::mongo::{Connection, MongoError};
use futures_util::StreamExt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::sync::mpsc::Sender;

/// Waits before an attempt after one that brought nothing. Each attempt looks for a server as long
/// as the address says, so that all together outlast an election.
const WAITS_MILLISECONDS: [u64; 4] = [250, 1000, 3000, 6000];

pub struct RangeReader {
    pub connection: Connection,
    pub options: Arc<ScanOptions>,
    pub what: Arc<str>,
    pub batch_size: i32,
    pub part: Part,
}

/// Where answers go, with the room that they may take.
struct Outlet {
    sender: Sender<Result<Batch, MongoError>>,
    budget: Arc<Semaphore>,
    largest: usize,
}

/// Why a cursor ended before its end.
enum Ended {
    Failed(MongoError),
    /// Nobody takes answers any more.
    Unwanted,
}

impl From<MongoError> for Ended {
    fn from(error: MongoError) -> Self {
        Self::Failed(error)
    }
}

/// How far a part was read: the last document's `{_id: value}`, and its key.
type Delivered = Option<(Vec<u8>, Vec<u8>)>;

impl RangeReader {
    pub async fn run(
        self,
        sender: Sender<Result<Batch, MongoError>>,
        budget: Arc<Semaphore>,
        largest: usize,
    ) {
        let outlet = Outlet { sender, budget, largest };
        let (mut delivered, mut failures) = (None, 0);
        loop {
            let before = delivered.clone();
            let error = match self.read(&mut delivered, &outlet).await {
                Ok(()) | Err(Ended::Unwanted) => return,
                Err(Ended::Failed(error)) => error,
            };
            failures = if before == delivered { failures + 1 } else { 1 };
            let can_go_on = delivered.is_none() || matches!(self.part, Part::Range { .. });
            let wait = WAITS_MILLISECONDS.get(failures - 1);
            match wait.filter(|_| can_go_on && error.is_passing()) {
                Some(wait) => tokio::time::sleep(Duration::from_millis(*wait)).await,
                None => {
                    // Nobody may be there to hear it.
                    let _ = outlet.sender.send(Err(error)).await;
                    return;
                }
            }
        }
    }

    /// From behind what was delivered to the end.
    async fn read(&self, delivered: &mut Delivered, outlet: &Outlet) -> Result<(), Ended> {
        let what = &*self.what;
        let failed = |error| MongoError::of_command(what, &error);
        let database = self.connection.client.database(&self.options.database);
        let command = raw(what, self.command(delivered))?;
        let cursor = database.run_raw_cursor_command(command).batch_size(self.batch_size as u32);
        let mut cursor = cursor.batch().await.map_err(failed)?;
        let mut is_first = true;
        let mut behind = delivered.as_ref().map(|(_, key)| key.clone());
        while let Some(answer) = cursor.next().await {
            let answer = answer.map_err(failed)?;
            let reply = answer.as_raw_document().as_bytes();
            if std::mem::take(&mut is_first) {
                self.is_of_the_moment(reply)?;
            }
            let (reply, last) = self.trimmed(reply, behind.take())?;
            if let Some(last) = last {
                outlet.send(&self.what, reply).await?;
                // Where a part cannot be gone on with, it is enough that there was something.
                *delivered = Some(last);
            }
        }
        Ok(())
    }

    /// A find on a collection that was dropped or renamed answers ok, and empty: only the moment
    /// is missing.
    fn is_of_the_moment(&self, reply: &[u8]) -> Result<(), MongoError> {
        let Some(at) = self.options.at else { return Ok(()) };
        match CursorReply::read(&self.what, reply)?.at_cluster_time == Some(at) {
            true => Ok(()),
            false => Err(MongoError::Absent { what: self.what.to_string() }),
        }
    }

    /// The answer without a first document that was delivered before, and its last document's id;
    /// `None` if nothing is left.
    fn trimmed(
        &self,
        reply: &[u8],
        behind: Option<Vec<u8>>,
    ) -> Result<(Vec<u8>, Delivered), MongoError> {
        let what = &*self.what;
        let documents = CursorReply::read(what, reply)?.documents(what);
        let documents: Vec<&[u8]> = documents.collect::<Result<_, _>>()?;
        let ids = |document: &&[u8]| id_of(what, document);
        let is_again = match (&behind, documents.first()) {
            (Some(key), Some(first)) => ids(first)?.1 == *key,
            _ => false,
        };
        let left = &documents[usize::from(is_again)..];
        let last = match (left.last(), &self.part) {
            (None, _) => None,
            (Some(last), Part::Range { .. }) => Some(ids(last)?),
            (Some(_), _) => Some((Vec::new(), Vec::new())),
        };
        match is_again {
            false => Ok((reply.to_vec(), last)),
            true => {
                let batch = DocumentBuilder::new().documents("nextBatch", left.iter().copied());
                let cursor = DocumentBuilder::new().document("cursor", &batch.finish());
                Ok((cursor.finish(), last))
            }
        }
    }

    fn command(&self, delivered: &Delivered) -> DocumentBuilder {
        let by_id = || DocumentBuilder::new().int32("_id", 1).finish();
        let find = DocumentBuilder::new()
            .string("find", &self.options.name)
            .int32("batchSize", self.batch_size);
        let command = match &self.part {
            Part::Natural => find,
            Part::Sorted => {
                let simple = DocumentBuilder::new().string("locale", "simple").finish();
                find.document("sort", &by_id())
                    .document("collation", &simple)
                    .boolean("allowDiskUse", true)
            }
            Part::MaxKey => {
                let filter = DocumentBuilder::new().raw(ElementType::MaxKey, "_id", &[]).finish();
                find.document("filter", &filter).document("hint", &by_id())
            }
            Part::Range { from, to } => {
                let least = DocumentBuilder::new().raw(ElementType::MinKey, "_id", &[]).finish();
                let from = delivered.as_ref().map(|(id, _)| id).or(from.as_ref());
                let range = find.document("hint", &by_id()).document("min", from.unwrap_or(&least));
                match to {
                    Some(to) => range.document("max", to),
                    None => range,
                }
            }
        };
        at_moment(command.boolean("noCursorTimeout", true), self.options.at)
    }
}

impl Outlet {
    /// Waits until there is room. An answer larger than all room takes all of it.
    async fn send(&self, what: &Arc<str>, reply: Vec<u8>) -> Result<(), Ended> {
        let room = (reply.len() / 1024 + 1).min(self.largest) as u32;
        let budget = Arc::clone(&self.budget);
        let waiting = budget.acquire_many_owned(room).await.map_err(|_| Ended::Unwanted)?;
        let batch = Batch { what: Arc::clone(what), reply, _waiting: Some(waiting) };
        self.sender.send(Ok(batch)).await.map_err(|_| Ended::Unwanted)
    }
}
