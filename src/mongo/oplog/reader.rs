//! Reads the log.

use super::entry::Entry;
use crate::codec::{DocumentBuilder, ElementType};
use crate::model::ClusterTime;
use crate::mongo::connection::raw;
use crate::mongo::reply::CursorReply;
use crate::mongo::{Connection, MongoError};
use futures_util::StreamExt;
use std::time::Duration;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinHandle;

pub(super) const WHAT: &str = "the log of changes";
const DATABASE: &str = "local";

/// Entries of the log, in order. Memory: three answers of the server, of at most 16 MiB each.
pub struct LogReader {
    answers: Receiver<Result<Vec<u8>, MongoError>>,
    task: JoinHandle<()>,
}

impl Connection {
    /// The entry at exactly this moment; `None` if the log has none, or goes not so far back, or
    /// there is no log that may be read.
    pub fn log_entry(&self, at: ClusterTime) -> Result<Option<Vec<u8>>, MongoError> {
        let command = find(at, at).int32("limit", 1).boolean("singleBatch", true);
        match self.list(DATABASE, WHAT, majority(command, at)) {
            Ok((entries, _)) => Ok(entries.into_iter().next()),
            Err(error) if error.is_passing() => Err(error),
            Err(_) => Ok(None),
        }
    }

    /// The entry at exactly this moment, as a majority has it that has `seen` another one; `None`
    /// only if there is none.
    pub fn find_log_entry(
        &self,
        at: ClusterTime,
        seen: ClusterTime,
    ) -> Result<Option<Vec<u8>>, MongoError> {
        let command = find(at, at).int32("limit", 1).boolean("singleBatch", true);
        let (entries, _) = self.list(DATABASE, WHAT, majority(command, seen))?;
        Ok(entries.into_iter().next())
    }

    /// Reads the entries from one moment to another, both of them included, as soon as a majority
    /// has them.
    pub fn read_log(&self, from: ClusterTime, to: ClusterTime) -> LogReader {
        let (answers, task) = listen(self, majority(find(from, to), to), None);
        LogReader { answers, task }
    }
}

/// What a cursor of the log gives, and the task that asks for it. With a pace, answers without
/// entries are left out, and after each other one it waits so long.
pub(super) fn listen(
    connection: &Connection,
    command: DocumentBuilder,
    pace: Option<Duration>,
) -> (Receiver<Result<Vec<u8>, MongoError>>, JoinHandle<()>) {
    let (sender, answers) = channel(1);
    let listening = connection.clone();
    let task = connection.runtime.spawn(async move {
        if let Err(error) = run(&listening, command, pace, &sender).await {
            // Nobody may be there to hear it.
            let _ = sender.send(Err(error)).await;
        }
    });
    (answers, task)
}

impl Connection {
    /// Asks whoever keeps the log to keep at once what there is, by a note in the log itself.
    pub fn ask_to_keep_log(&self) -> Result<(), MongoError> {
        let data = DocumentBuilder::new().string("snap", "close").finish();
        let note = DocumentBuilder::new().int32("appendOplogNote", 1).document("data", &data);
        self.run("admin", "a note in the log of changes", note).map(drop)
    }
}

impl LogReader {
    /// The next entries: an answer, to be given to [`LogReader::entries`]. `None` at the end.
    pub fn next_answer(&mut self) -> Result<Option<Vec<u8>>, MongoError> {
        self.answers.blocking_recv().transpose()
    }

    /// The raw entries of an answer.
    pub fn entries(
        answer: &[u8],
    ) -> Result<impl Iterator<Item = Result<&[u8], MongoError>>, MongoError> {
        Ok(CursorReply::read(WHAT, answer)?.documents(WHAT))
    }
}

impl Drop for LogReader {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// An entry that was read.
pub(super) fn decoded(raw: &[u8]) -> Result<Entry<'_>, MongoError> {
    Entry::read(raw).map_err(|error| MongoError::answer(WHAT, error))
}

fn find(from: ClusterTime, to: ClusterTime) -> DocumentBuilder {
    let range = DocumentBuilder::new().timestamp("$gte", from.seconds, from.increment).timestamp(
        "$lte",
        to.seconds,
        to.increment,
    );
    let filter = DocumentBuilder::new().document("ts", &range.finish());
    DocumentBuilder::new().string("find", "oplog.rs").document("filter", &filter.finish())
}

/// Only what a majority has, which no election takes back.
pub(super) fn majority(command: DocumentBuilder, after: ClusterTime) -> DocumentBuilder {
    let ClusterTime { seconds, increment } = after;
    let concern = DocumentBuilder::new().string("level", "majority").timestamp(
        "afterClusterTime",
        seconds,
        increment,
    );
    command.raw(ElementType::Document, "readConcern", &concern.finish())
}

async fn run(
    connection: &Connection,
    command: DocumentBuilder,
    pace: Option<Duration>,
    sender: &Sender<Result<Vec<u8>, MongoError>>,
) -> Result<(), MongoError> {
    let failed = |error| MongoError::of_command(WHAT, &error);
    let database = connection.client.database(DATABASE);
    let command = raw(WHAT, command)?;
    let mut cursor = database.run_raw_cursor_command(command).batch().await.map_err(failed)?;
    while let Some(answer) = cursor.next().await {
        let answer = answer.map_err(failed)?.as_raw_document().as_bytes().to_vec();
        if pace.is_some() && CursorReply::read(WHAT, &answer)?.documents(WHAT).next().is_none() {
            continue;
        }
        if sender.send(Ok(answer)).await.is_err() {
            return Ok(());
        }
        if let Some(pace) = pace {
            tokio::time::sleep(pace).await;
        }
    }
    Ok(())
}
