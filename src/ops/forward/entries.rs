//! Where the changes come from: the log that is kept in the repository, or that of a server.

use crate::model::ClusterTime;
use crate::mongo::oplog::LogReader;
use crate::mongo::{Connection, MongoError};
use crate::repo::{LogEntries, LogStream, LogWindow, RepoError};
use std::collections::VecDeque;

#[derive(Debug, thiserror::Error)]
pub enum ChangeLogError {
    #[error(transparent)]
    Repo(#[from] RepoError),
    #[error(transparent)]
    Mongo(#[from] MongoError),
}

/// Raw entries of one replica set's log in their order.
pub trait ChangeEntries {
    /// The next entry; `None` at the end of what is known.
    fn next(&mut self) -> Result<Option<Vec<u8>>, ChangeLogError>;
}

/// A log that changes are read from.
pub trait ChangeLog {
    /// The entries after a moment, as far as they are known, and before them at least those parts
    /// of transactions that were open then.
    fn entries(&self, after: ClusterTime) -> Result<Box<dyn ChangeEntries + '_>, ChangeLogError>;

    /// Whether changes of this database are in it.
    fn has(&self, database: &str) -> bool;

    /// Whether changes of all databases are in it, also of those that are made.
    fn has_all(&self) -> bool;
}

/// The log that is kept in the repository: of one stream a window, which has no gap.
pub struct KeptLog<'a> {
    pub stream: &'a LogStream,
    pub window: &'a LogWindow,
}

impl ChangeLog for KeptLog<'_> {
    fn entries(&self, after: ClusterTime) -> Result<Box<dyn ChangeEntries + '_>, ChangeLogError> {
        let after = after.max(self.window.first.at);
        let entries = self.stream.entries(self.window, after, self.window.last.at)?;
        Ok(Box::new(Kept(entries)))
    }

    fn has(&self, database: &str) -> bool {
        self.stream.has(self.stream.server(), database)
    }

    fn has_all(&self) -> bool {
        self.stream.has_all(self.stream.server())
    }
}

struct Kept<'a>(LogEntries<'a>);

impl ChangeEntries for Kept<'_> {
    fn next(&mut self) -> Result<Option<Vec<u8>>, ChangeLogError> {
        Ok(self.0.next().transpose()?)
    }
}

/// A server's own log, as far back as it goes.
pub struct ServerLog<'a> {
    pub connection: &'a Connection,
    /// Where reading begins: at the beginning of the oldest transaction that may count.
    pub from: ClusterTime,
    pub to: ClusterTime,
}

impl ChangeLog for ServerLog<'_> {
    fn entries(&self, _: ClusterTime) -> Result<Box<dyn ChangeEntries + '_>, ChangeLogError> {
        let reader = self.connection.read_log(self.from, self.to);
        Ok(Box::new(OfServer { reader, ready: VecDeque::new() }))
    }

    fn has(&self, _: &str) -> bool {
        true
    }

    fn has_all(&self) -> bool {
        true
    }
}

struct OfServer {
    reader: LogReader,
    ready: VecDeque<Vec<u8>>,
}

impl ChangeEntries for OfServer {
    fn next(&mut self) -> Result<Option<Vec<u8>>, ChangeLogError> {
        while self.ready.is_empty() {
            let Some(answer) = self.reader.next_answer()? else { return Ok(None) };
            for entry in LogReader::entries(&answer)? {
                self.ready.push_back(entry?.to_vec());
            }
        }
        Ok(self.ready.pop_front())
    }
}
