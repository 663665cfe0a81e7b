//! Reads the log as it grows.

use super::reader::{listen, majority};
use crate::codec::DocumentBuilder;
use crate::model::ClusterTime;
use crate::mongo::{Connection, MongoError};
use std::time::Duration;
use tokio::sync::mpsc::Receiver;
use tokio::sync::mpsc::error::TryRecvError;
use tokio::task::JoinHandle;

/// The log from a moment on. Memory: three answers of the server, of at most 16 MiB each: while
/// nobody takes them nothing more is asked for, and what is not read yet stays on the server.
pub struct LogTail {
    answers: Receiver<Result<Vec<u8>, MongoError>>,
    task: JoinHandle<()>,
    connection: Connection,
}

/// What came.
#[derive(Debug)]
pub enum Tailed {
    /// To be given to [`super::LogReader::entries`]: at least one.
    Answer(Vec<u8>),
    /// Nothing within the time.
    Nothing,
    /// The server has no entry at the beginning, or not any more.
    Ended,
}

impl Connection {
    /// Reads the entries from a moment on, that of it included, as soon as a majority has them.
    /// After an answer it waits for `pace`: a thousand writes a second come in a few answers then.
    pub fn tail_log(&self, from: ClusterTime, pace: Duration) -> LogTail {
        let range = DocumentBuilder::new().timestamp("$gte", from.seconds, from.increment);
        let filter = DocumentBuilder::new().document("ts", &range.finish());
        let command = DocumentBuilder::new()
            .string("find", "oplog.rs")
            .document("filter", &filter.finish())
            .boolean("tailable", true)
            .boolean("awaitData", true);
        let (answers, task) = listen(self, majority(command, from), Some(pace));
        LogTail { answers, task, connection: self.clone() }
    }
}

impl LogTail {
    /// The next entries, if they come within `patience`.
    pub fn next(&mut self, patience: Duration) -> Result<Tailed, MongoError> {
        match self.answers.try_recv() {
            Ok(answer) => return Ok(Tailed::Answer(answer?)),
            Err(TryRecvError::Disconnected) => return Ok(Tailed::Ended),
            Err(TryRecvError::Empty) => {}
        }
        let answers = &mut self.answers;
        let waited = self
            .connection
            .runtime
            .block_on(async { tokio::time::timeout(patience, answers.recv()).await });
        match waited {
            Err(_) => Ok(Tailed::Nothing),
            Ok(None) => Ok(Tailed::Ended),
            Ok(Some(answer)) => Ok(Tailed::Answer(answer?)),
        }
    }
}

impl Drop for LogTail {
    fn drop(&mut self) {
        self.task.abort();
    }
}
