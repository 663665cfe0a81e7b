//! All documents of a collection, in the order of their keys where that is possible, read by
//! several sessions at once.

mod plan;
mod range;

use super::reply::CursorReply;
use super::{Connection, MongoError, Order};
use crate::model::ClusterTime;
use plan::{Part, parts};
use range::RangeReader;
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::sync::mpsc::{Receiver, channel};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;

/// Answers that wait to be taken, all sessions together, in KiB. (Each session may hold one more,
/// of at most 16 MiB.)
const WAITING_KIB: usize = 48 * 1024;
/// Of one answer, about: large enough for the network, small beside the memory that is allowed.
const ANSWER_BYTES: u64 = 4 << 20;

/// What is read, and how.
#[derive(Debug, Clone)]
pub struct ScanOptions {
    pub database: String,
    /// The collection that holds the documents.
    pub name: String,
    pub order: Order,
    /// `None` reads what is there while others write.
    pub at: Option<ClusterTime>,
    /// Cursors open at one time.
    pub sessions: usize,
}

/// An answer of the server with some documents.
pub struct Batch {
    what: Arc<str>,
    reply: Vec<u8>,
    _waiting: Option<OwnedSemaphorePermit>,
}

impl Batch {
    /// The documents, as the server sent them.
    pub fn documents(&self) -> Result<impl Iterator<Item = Result<&[u8], MongoError>>, MongoError> {
        Ok(CursorReply::read(&self.what, &self.reply)?.documents(&self.what))
    }
}

/// The documents of one collection, being read.
pub struct Scan {
    connection: Connection,
    options: Arc<ScanOptions>,
    what: Arc<str>,
    batch_size: i32,
    /// Parts that nobody reads yet.
    waiting: VecDeque<Part>,
    /// Parts that are read, in order.
    reading: VecDeque<Reading>,
}

struct Reading {
    batches: Receiver<Result<Batch, MongoError>>,
    task: JoinHandle<()>,
}

impl Connection {
    /// Starts to read a collection. What goes wrong later comes with [`Scan::next_batch`].
    pub fn scan(&self, options: ScanOptions) -> Result<Scan, MongoError> {
        let what: Arc<str> = format!("{}.{}", options.database, options.name).into();
        let (waiting, average) = parts(self, &options)?;
        let batch_size = (ANSWER_BYTES / average.max(1)).clamp(1, 20_000) as i32;
        let (connection, options) = (self.clone(), Arc::new(options));
        let reading = VecDeque::new();
        Ok(Scan { connection, options, what, batch_size, waiting: waiting.into(), reading })
    }
}

impl Scan {
    /// The next documents in order; `None` at the end. After an error nothing more is to be
    /// asked.
    pub fn next_batch(&mut self) -> Result<Option<Batch>, MongoError> {
        loop {
            while self.reading.len() < self.options.sessions.max(1) {
                let Some(part) = self.waiting.pop_front() else { break };
                let reading = self.start(part);
                self.reading.push_back(reading);
            }
            let Some(first) = self.reading.front_mut() else { return Ok(None) };
            match first.batches.blocking_recv() {
                Some(batch) => return batch.map(Some),
                None => drop(self.reading.pop_front()),
            }
        }
    }

    fn start(&self, part: Part) -> Reading {
        let (sender, batches) = channel(1024);
        let share = WAITING_KIB / self.options.sessions.max(1);
        let budget = Arc::new(Semaphore::new(share));
        let reader = RangeReader {
            connection: self.connection.clone(),
            options: Arc::clone(&self.options),
            what: Arc::clone(&self.what),
            batch_size: self.batch_size,
            part,
        };
        let task = self.connection.runtime.spawn(reader.run(sender, budget, share));
        Reading { batches, task }
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.task.abort();
    }
}
