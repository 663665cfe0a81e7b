//! Snapshots for tests, of which only what matters is said.

use crate::model::{
    BlobId, EntryPath, Host, SessionId, Snapshot, SnapshotKind, SnapshotSource, Summary,
};
use jiff::Timestamp;

pub(crate) struct Example(Snapshot);

impl Example {
    /// A backup of `/srv` on host `bot` without tags, taken as it began.
    pub(crate) fn at(id: u8, begun: &str) -> Self {
        let begun: Timestamp = begun.parse().unwrap();
        let snapshot = Snapshot {
            id: SessionId::new([id; 16]),
            kind: SnapshotKind::Backup,
            begun,
            taken: begun,
            host: Host { name: "bot".to_owned(), ..Host::default() },
            sources: Vec::new(),
            tags: Vec::new(),
            tree: BlobId::new([0; 32]),
            summary: Summary::default(),
            problems: 0,
            writer: [0; 16],
            sequence: 0,
            previous: None,
            parent: None,
            original: None,
            program: String::new(),
            in_place: None,
        };
        Self(snapshot).paths(&["/srv"])
    }

    pub(crate) fn host(mut self, name: &str) -> Self {
        self.0.host.name = name.to_owned();
        self
    }

    pub(crate) fn paths(mut self, paths: &[&str]) -> Self {
        let source = |path: &&str| {
            let address = path.as_bytes().to_vec();
            let path = EntryPath::parse_lenient(path.as_bytes()).unwrap();
            SnapshotSource::new(address, path, self.0.taken)
        };
        self.0.sources = paths.iter().map(source).collect();
        self
    }

    pub(crate) fn tags(mut self, tags: &[&str]) -> Self {
        self.0.tags = tags.iter().map(|tag| tag.to_string()).collect();
        self
    }

    pub(crate) fn taken(mut self, taken: &str) -> Self {
        self.0.taken = taken.parse().unwrap();
        self
    }

    pub(crate) fn safety(mut self) -> Self {
        self.0.kind = SnapshotKind::Safety;
        self
    }

    pub(crate) fn make(self) -> Snapshot {
        self.0
    }
}
