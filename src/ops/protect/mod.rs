//! Protect: the server's log of changes goes into the repository as it is written, so that a
//! database can be restored to any second.
//!
//! What the store or the server cannot take or give for a while waits: nothing more is read then,
//! and the server's own log keeps it. Continuity goes by entries: the first one that is read must
//! be the last one that was archived, byte for byte. Else there is a gap, which is recorded with
//! both ends, and a new base is taken.

mod bases;
mod draft;
mod run;
mod start;
mod store;

use super::backup::{BackupError, BackupOptions};
use crate::format::{LogPlace, SegmentHeader};
use crate::model::{ClusterTime, Monitor, SessionId};
use crate::mongo::{Connection, MongoError};
use crate::repo::{RepoError, Repository};
use jiff::SignedDuration;
use std::sync::Arc;

/// What is protected, and how.
pub struct ProtectOptions {
    /// The name under which snapshots have the server.
    pub server: String,
    /// Sorted, each once; none stands for all.
    pub databases: Vec<String>,
    /// A segment is put so long after its first change.
    pub every: SignedDuration,
    /// Bytes of entries that end a segment before.
    pub segment_bytes: usize,
    /// A segment is put so long after the last one, though nothing was changed.
    pub idle_every: SignedDuration,
    /// So long the store may be away.
    pub store_patience: SignedDuration,
    /// How bases are taken; `begun` does not count.
    pub base: BackupOptions,
    /// Takes none: somebody else does.
    pub without_base: bool,
}

impl ProtectOptions {
    pub const SEGMENT_BYTES: usize = 16 << 20;
    pub const EVERY: SignedDuration = SignedDuration::from_secs(5);
    pub const IDLE_EVERY: SignedDuration = SignedDuration::from_secs(5 * 60);
    pub const STORE_PATIENCE: SignedDuration = SignedDuration::from_secs(60 * 60);
}

/// What happens while it runs.
#[derive(Debug)]
pub enum ProtectEvent<'a> {
    /// From here on entries are read.
    Following {
        from: &'a LogPlace,
        /// The log has something that it goes on after.
        goes_on: bool,
    },
    Put(&'a SegmentHeader),
    Gap {
        from: &'a LogPlace,
        to: &'a LogPlace,
        why: &'a str,
    },
    /// Somebody else put the segment of this number.
    Outrun {
        number: u64,
    },
    ServerAway {
        why: String,
    },
    ServerBack,
    StoreAway {
        why: String,
    },
    StoreBack,
    BaseBegun,
    BaseTaken {
        snapshot: SessionId,
        moment: Option<ClusterTime>,
    },
    BaseFailed {
        why: String,
    },
}

/// Hears what happens, on any thread.
pub trait ProtectWatch: Sync {
    fn happened(&self, event: ProtectEvent<'_>);
    fn stopped(&self) -> bool;
    /// For a base that is taken.
    fn monitor(&self) -> Arc<dyn Monitor>;
}

/// What was done until it was stopped.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProtectReport {
    pub segments: u64,
    /// Entries that were read, and that were kept.
    pub seen: u64,
    pub kept: u64,
    /// Bytes of those kept.
    pub bytes: u64,
    pub gaps: u64,
    pub bases: u64,
    /// How often somebody else was faster.
    pub outrun: u64,
    /// Where the log ends now.
    pub end: Option<LogPlace>,
}

#[derive(Debug, thiserror::Error)]
pub enum ProtectError {
    #[error(transparent)]
    Repo(#[from] RepoError),
    #[error(transparent)]
    Mongo(#[from] MongoError),
    #[error(transparent)]
    Backup(#[from] BackupError),
    #[error("{0} keeps no log of its changes: only replica sets from 5.0 do")]
    NoLog(String),
    /// What is not archived is still in the server's log, as long as that reaches.
    #[error("the store was away for {minutes} minutes: {why}")]
    StoreAway { minutes: i64, why: String },
}

/// Protects until it is told to stop.
pub fn protect(
    repository: &Arc<Repository>,
    connection: &Connection,
    options: &ProtectOptions,
    watch: &dyn ProtectWatch,
) -> Result<ProtectReport, ProtectError> {
    if !connection.server().has_log() {
        return Err(ProtectError::NoLog(connection.address().to_string()));
    }
    std::thread::scope(|scope| {
        let bases = bases::Bases::new(scope, repository, connection, options, watch);
        run::Run::new(repository, connection, options, watch, bases).until_stopped()
    })
}
