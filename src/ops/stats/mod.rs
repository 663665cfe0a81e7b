//! Statistics: how much is restored, how much of it is different, how much is stored; and who
//! takes it. Memory: some bytes a blob at most; each tree is read once or twice, however many
//! snapshots have it.

mod content;
mod group;
mod growth;
mod overhead;
mod repository;
mod share;

pub use content::{Content, content_of, content_of_entries};
pub use group::{Grouping, Share, ShareName, share_of_entries, share_of_snapshots};
pub use growth::{Growth, GrowthPeriod, Unit, growth};
pub use repository::{RepositoryStats, repository_stats};
pub use share::{SnapshotShare, share_by_snapshot};

use crate::repo::Location;

/// Distinct blobs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Blobs {
    pub count: u64,
    /// Bytes before compression.
    pub plain: u64,
    /// Bytes as stored.
    pub stored: u64,
}

impl Blobs {
    fn add(&mut self, at: Location) {
        self.count += 1;
        self.plain += u64::from(at.place.plain);
        self.stored += u64::from(at.place.share());
    }

    fn take_away(&mut self, at: Location) {
        self.count = self.count.saturating_sub(1);
        self.plain = self.plain.saturating_sub(u64::from(at.place.plain));
        self.stored = self.stored.saturating_sub(u64::from(at.place.share()));
    }

    pub fn with(self, other: Self) -> Self {
        Self {
            count: self.count + other.count,
            plain: self.plain + other.plain,
            stored: self.stored + other.stored,
        }
    }
}
