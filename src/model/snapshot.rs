//! A snapshot: what was taken, when, by whom.

use super::{BlobId, ClusterTime, EntryPath, SessionId, SnapshotHash, Summary};
use jiff::Timestamp;
use std::collections::HashSet;
use std::ops::Deref;
use std::sync::Arc;

/// One moment of one or more sources. Immutable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The session that committed it.
    pub id: SessionId,
    pub kind: SnapshotKind,
    /// When the backup began: the time by which snapshots are chosen, listed and kept.
    pub begun: Timestamp,
    /// The latest of the sources' `as_of`.
    pub taken: Timestamp,
    pub host: Host,
    /// As given on the command line or in the profile, absolute.
    pub sources: Vec<SnapshotSource>,
    /// Sorted, no doubles.
    pub tags: Vec<String>,
    /// The root piece of the root directory.
    pub tree: BlobId,
    pub summary: Summary,
    /// Sources, or parts of them, that could not be read whole.
    pub problems: u64,
    /// The chain of this writer's snapshots: a gap shows one that was hidden or lost.
    pub writer: [u8; 16],
    pub sequence: u64,
    pub previous: Option<SnapshotHash>,
    /// The snapshot whose unread entries were taken over.
    pub parent: Option<SessionId>,
    /// The snapshot that this one succeeds (tags changed, or committed again by a repair).
    pub original: Option<SessionId>,
    /// The program that made it, `snap 0.1.0`.
    pub program: String,
    /// Of a safety snapshot: what it was taken before.
    pub in_place: Option<InPlace>,
}

impl Snapshot {
    /// Bytes in memory, about, without the places of its sources.
    fn memory(&self) -> usize {
        let databases = self.sources.iter().filter(|source| source.database.is_some()).count();
        let sources = size_of_val(self.sources.as_slice())
            + databases.saturating_mul(size_of::<SourceDatabase>() + 16);
        let tags: usize = self.tags.iter().map(|tag| size_of::<String>() + tag.len()).sum();
        let host = self.host.name.len() + self.host.user.len();
        size_of::<Self>() + sources + tags + host + self.program.len()
    }
}

/// The restore or rollback that a safety snapshot was taken before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InPlace {
    /// The snapshot that was put back; of a rollback, the safety snapshot.
    pub from: SessionId,
    pub is_rollback: bool,
    /// The safety snapshot of an earlier run of the same that did not come to its end: what that
    /// had changed already is here as it was before.
    pub continues: Option<SessionId>,
}

/// Who made a snapshot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Host {
    pub name: String,
    pub user: String,
    pub uid: u32,
    pub gid: u32,
}

/// One source of a snapshot. Where it is, which its place says, is the same in snapshot after
/// snapshot, and held once for all that share it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotSource {
    place: Arc<SourcePlace>,
    /// The moment that its content stands for.
    pub as_of: Timestamp,
    database: Option<Box<SourceDatabase>>,
}

/// What is known of a source that is a database.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SourceDatabase {
    /// Not all that is there was asked for: some collections.
    pub is_partial: bool,
    /// All databases of its server were asked for: one that the snapshot does not have was not
    /// there.
    pub is_with_all: bool,
    /// The moment that its collections were listed at, and read at but for those that say
    /// otherwise. `None` if it was read while others wrote.
    pub moment: Option<ClusterTime>,
    /// Collections may be missing that were dropped while it was read, though they were there at
    /// its moment. From here on nothing is missing.
    pub whole_from: Option<ClusterTime>,
}

/// Where a source is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SourcePlace {
    /// As people know it: `/srv/bot`, `mongodb://host/db` without credentials. Bytes, for names
    /// that are not UTF-8.
    pub address: Vec<u8>,
    /// Where it lies in the snapshot: `files/srv/bot`.
    pub path: EntryPath,
}

impl SnapshotSource {
    pub fn new(address: Vec<u8>, path: EntryPath, as_of: Timestamp) -> Self {
        let place = Arc::new(SourcePlace { address, path });
        Self { place, as_of, database: None }
    }

    pub fn with_database(mut self, database: SourceDatabase) -> Self {
        let is_told = database != SourceDatabase::default();
        self.database = is_told.then(|| Box::new(database));
        self
    }

    /// What is known of it as a database; nothing of files.
    pub fn database(&self) -> SourceDatabase {
        self.database.as_deref().copied().unwrap_or_default()
    }
}

impl Deref for SnapshotSource {
    type Target = SourcePlace;

    fn deref(&self) -> &SourcePlace {
        &self.place
    }
}

/// The places of the sources of many snapshots, each once.
#[derive(Default)]
pub struct SourcePlaces(HashSet<Arc<SourcePlace>>);

impl SourcePlaces {
    /// Has the sources of a snapshot share their places with those before. Returns the bytes that
    /// the snapshot takes in memory, about, with places that nobody had before.
    pub fn share(&mut self, snapshot: &mut Snapshot) -> usize {
        let mut bytes = snapshot.memory();
        for source in &mut snapshot.sources {
            match self.0.get(&source.place) {
                Some(place) => source.place = Arc::clone(place),
                None => {
                    let SourcePlace { address, path } = source.place.as_ref();
                    bytes += size_of::<SourcePlace>() + 64 + address.len() + path.bytes().len();
                    self.0.insert(Arc::clone(&source.place));
                }
            }
        }
        bytes
    }
}

/// What a snapshot is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum SnapshotKind {
    #[default]
    Backup,
    /// Taken of what a restore replaced: `rollback` uses it, everything else passes over it.
    Safety,
}
