//! `snapshots/<s>`: how session s ended: a snapshot, or a tombstone.

use super::cluster_time::{packed_or_none, unpacked_or_none};
use super::record::{self, Bytes, Fixed, Item, TimeRecord, record};
use super::{FormatError, LARGEST_BLOB};
use crate::model::{
    BlobId, EntryPath, Host, InPlace, SessionId, Snapshot, SnapshotHash, SnapshotKind,
    SnapshotSource, SourceDatabase, Summary,
};

const WHAT: &str = "snapshot";
const TOMBSTONE: u8 = 2;

/// What lies at `snapshots/<s>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Commit {
    Snapshot(Box<Snapshot>),
    /// Session s was taken for dead and shut out, by this session.
    Tombstone {
        by: SessionId,
    },
}

record! {
    SnapshotRecord {
        "v" => version: u32,
        "k" => kind: u8,
        "b" => begun: TimeRecord,
        "t" => taken: TimeRecord,
        "h" => host: String,
        "u" => user: String,
        "U" => uid: u32,
        "G" => gid: u32,
        "s" => sources: Vec<SourceRecord>,
        "g" => tags: Vec<Item<String>>,
        "r" => tree: Fixed<32>,
        "F" => files: u64,
        "D" => directories: u64,
        "B" => bytes: u64,
        "x" => problems: u64,
        "w" => writer: Fixed<16>,
        "q" => sequence: u64,
        "P" => previous: Option<Fixed<32>>,
        "p" => parent: Option<Fixed<16>>,
        "o" => original: Option<Fixed<16>>,
        "m" => program: String,
        "R" => in_place: Option<InPlaceRecord>,
    }
}

record! {
    InPlaceRecord {
        "s" => from: Fixed<16>,
        "k" => kind: u8,
        "c" => continues: Option<Fixed<16>>,
    }
}

record! {
    SourceRecord {
        "a" => address: Bytes,
        "p" => path: Bytes,
        "t" => as_of: TimeRecord,
        "u" => is_partial: bool,
        "m" => moment: u64,
        "w" => whole_from: u64,
        "e" => is_with_all: bool,
    }
}

impl Commit {
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Commit::Snapshot(snapshot) => record::encode(&SnapshotRecord::from(snapshot.as_ref())),
            Commit::Tombstone { by } => record::encode(&SnapshotRecord {
                kind: TOMBSTONE,
                writer: (*by.bytes()).into(),
                ..SnapshotRecord::default()
            }),
        }
    }

    /// `id` is from the object's name. In a tombstone, key `w` is the session that put it.
    pub fn decode(id: SessionId, bytes: &[u8]) -> Result<Self, FormatError> {
        if bytes.len() > LARGEST_BLOB {
            return Err(FormatError::malformed(WHAT, "it is longer than its spare copy can be"));
        }
        let record: SnapshotRecord = record::decode(WHAT, bytes)?;
        record::readable(record.version)?;
        let kind = match record.kind {
            0 => SnapshotKind::Backup,
            1 => SnapshotKind::Safety,
            TOMBSTONE => {
                return Ok(Self::Tombstone { by: SessionId::new(record.writer.into_array()) });
            }
            other => return Err(FormatError::malformed(WHAT, format!("kind {other} is unknown"))),
        };
        Ok(Self::Snapshot(Box::new(record.snapshot(id, kind)?)))
    }
}

impl From<&Snapshot> for SnapshotRecord {
    fn from(snapshot: &Snapshot) -> Self {
        Self {
            version: 0,
            kind: snapshot.kind as u8,
            begun: snapshot.begun.into(),
            taken: snapshot.taken.into(),
            host: snapshot.host.name.clone(),
            user: snapshot.host.user.clone(),
            uid: snapshot.host.uid,
            gid: snapshot.host.gid,
            sources: snapshot.sources.iter().map(SourceRecord::from).collect(),
            tags: snapshot.tags.iter().cloned().map(Item).collect(),
            tree: (*snapshot.tree.bytes()).into(),
            files: snapshot.summary.files,
            directories: snapshot.summary.directories,
            bytes: snapshot.summary.bytes,
            problems: snapshot.problems,
            writer: snapshot.writer.into(),
            sequence: snapshot.sequence,
            previous: snapshot.previous.map(|hash| (*hash.bytes()).into()),
            parent: snapshot.parent.map(|id| (*id.bytes()).into()),
            original: snapshot.original.map(|id| (*id.bytes()).into()),
            program: snapshot.program.clone(),
            in_place: snapshot.in_place.map(InPlaceRecord::from),
        }
    }
}

impl SnapshotRecord {
    fn snapshot(self, id: SessionId, kind: SnapshotKind) -> Result<Snapshot, FormatError> {
        let sources: Result<Vec<_>, _> =
            self.sources.into_iter().map(SnapshotSource::try_from).collect();
        Ok(Snapshot {
            id,
            kind,
            begun: self.begun.timestamp(WHAT)?,
            taken: self.taken.timestamp(WHAT)?,
            host: Host { name: self.host, user: self.user, uid: self.uid, gid: self.gid },
            sources: sources?,
            tags: self.tags.into_iter().map(|tag| tag.0).collect(),
            tree: BlobId::new(self.tree.into_array()),
            summary: Summary {
                files: self.files,
                directories: self.directories,
                bytes: self.bytes,
            },
            problems: self.problems,
            writer: self.writer.into_array(),
            sequence: self.sequence,
            previous: self.previous.map(|hash| SnapshotHash::new(hash.into_array())),
            parent: self.parent.map(|id| SessionId::new(id.into_array())),
            original: self.original.map(|id| SessionId::new(id.into_array())),
            program: self.program,
            in_place: self.in_place.map(InPlaceRecord::in_place).transpose()?,
        })
    }
}

impl From<InPlace> for InPlaceRecord {
    fn from(in_place: InPlace) -> Self {
        Self {
            from: (*in_place.from.bytes()).into(),
            kind: u8::from(in_place.is_rollback),
            continues: in_place.continues.map(|id| (*id.bytes()).into()),
        }
    }
}

impl InPlaceRecord {
    fn in_place(self) -> Result<InPlace, FormatError> {
        let is_rollback = match self.kind {
            0 => false,
            1 => true,
            other => {
                let why = format!("kind {other} of a restore is unknown");
                return Err(FormatError::malformed(WHAT, why));
            }
        };
        Ok(InPlace {
            from: SessionId::new(self.from.into_array()),
            is_rollback,
            continues: self.continues.map(|id| SessionId::new(id.into_array())),
        })
    }
}

impl From<&SnapshotSource> for SourceRecord {
    fn from(source: &SnapshotSource) -> Self {
        let database = source.database();
        Self {
            address: source.address.clone().into(),
            path: source.path.bytes().to_vec().into(),
            as_of: source.as_of.into(),
            is_partial: database.is_partial,
            moment: packed_or_none(database.moment),
            whole_from: packed_or_none(database.whole_from),
            is_with_all: database.is_with_all,
        }
    }
}

impl TryFrom<SourceRecord> for SnapshotSource {
    type Error = FormatError;

    fn try_from(record: SourceRecord) -> Result<Self, FormatError> {
        let path =
            EntryPath::parse(&record.path).map_err(|error| FormatError::malformed(WHAT, error))?;
        let as_of = record.as_of.timestamp(WHAT)?;
        let database = SourceDatabase {
            is_partial: record.is_partial,
            is_with_all: record.is_with_all,
            moment: unpacked_or_none(record.moment),
            whole_from: unpacked_or_none(record.whole_from),
        };
        Ok(Self::new(record.address.into_vec(), path, as_of).with_database(database))
    }
}
