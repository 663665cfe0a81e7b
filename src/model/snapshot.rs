//! A snapshot: what was taken, when, by whom.

use super::{BlobId, EntryPath, SessionId, SnapshotHash, Summary};
use jiff::Timestamp;

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
    /// Bytes in memory, about.
    pub fn memory(&self) -> usize {
        let source = |source: &SnapshotSource| {
            size_of::<SnapshotSource>() + source.address.len() + source.path.bytes().len()
        };
        let sources: usize = self.sources.iter().map(source).sum();
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

/// One source of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotSource {
    /// As people know it: `/srv/bot`, `mongodb://host/db` without credentials. Bytes, for names
    /// that are not UTF-8.
    pub address: Vec<u8>,
    /// Where it lies in the snapshot: `files/srv/bot`.
    pub path: EntryPath,
    /// The moment that its content stands for.
    pub as_of: Timestamp,
}

/// What a snapshot is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum SnapshotKind {
    #[default]
    Backup,
    /// Taken of what a restore replaced: `rollback` uses it, everything else passes over it.
    Safety,
}
