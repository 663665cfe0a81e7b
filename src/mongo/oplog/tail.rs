//! Reads the log as it grows.

use super::reader::{DATABASE, WHAT, majority};
use crate::codec::DocumentBuilder;
use crate::model::ClusterTime;
use crate::mongo::connection::raw;
use crate::mongo::reply::CursorReply;
use crate::mongo::{Connection, MongoError};
use futures_util::StreamExt;
use std::time::Duration;
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::mpsc::{Receiver, Sender, channel};
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
        let (sender, answers) = channel(1);
        let range = DocumentBuilder::new().timestamp("$gte", from.seconds, from.increment);
        let filter = DocumentBuilder::new().document("ts", &range.finish());
        let command = DocumentBuilder::new()
            .string("find", "oplog.rs")
            .document("filter", &filter.finish())
            .boolean("tailable", true)
            .boolean("awaitData", true);
        let command = majority(command, from);
        let connection = self.clone();
        let task = self.runtime.spawn(async move {
            if let Err(error) = run(&connection, command, pace, &sender).await {
                // Nobody may be there to hear it.
                let _ = sender.send(Err(error)).await;
            }
        });
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

async fn run(
    connection: &Connection,
    command: DocumentBuilder,
    pace: Duration,
    sender: &Sender<Result<Vec<u8>, MongoError>>,
) -> Result<(), MongoError> {
    let failed = |error| MongoError::of_command(WHAT, &error);
    let database = connection.client.database(DATABASE);
    let command = raw(WHAT, command)?;
    let mut cursor = database.run_raw_cursor_command(command).batch().await.map_err(failed)?;
    while let Some(answer) = cursor.next().await {
        let answer = answer.map_err(failed)?.as_raw_document().as_bytes().to_vec();
        if CursorReply::read(WHAT, &answer)?.documents(WHAT).next().is_none() {
            continue;
        }
        if sender.send(Ok(answer)).await.is_err() {
            return Ok(());
        }
        tokio::time::sleep(pace).await;
    }
    Ok(())
}
