//! Which blobs are needed: everything that can be reached from a set of snapshots.

use super::reach::{Reach, Visitor};
use crate::model::{BlobId, Monitor, SessionId, Snapshot};
use crate::repo::{BlobIndex, BlobReader, RepoError};
use std::collections::HashSet;

/// The blobs that snapshots need, as marks on the lines of an index: one bit a line.
#[derive(Clone)]
pub struct LiveBlobs {
    /// The first line of each blob that is needed.
    marked: Vec<u64>,
    /// Needed, and in no line.
    missing: HashSet<BlobId>,
}

impl LiveBlobs {
    pub fn new(index: &BlobIndex) -> Self {
        Self { marked: vec![0; index.len().div_ceil(64)], missing: HashSet::new() }
    }

    /// Whether the blob whose first line is `line` is needed.
    pub fn is_marked(&self, line: usize) -> bool {
        self.marked.get(line / 64).is_some_and(|word| word >> (line % 64) & 1 == 1)
    }

    /// Whether the blob is needed.
    pub fn contains(&self, index: &BlobIndex, id: &BlobId) -> bool {
        let lines = index.lines_of(id);
        if lines.is_empty() { self.missing.contains(id) } else { self.is_marked(lines.start) }
    }

    /// Needed blobs that no index line names.
    pub fn missing(&self) -> &HashSet<BlobId> {
        &self.missing
    }

    /// Marks a blob; false if it was marked before.
    pub fn mark(&mut self, index: &BlobIndex, id: &BlobId) -> bool {
        let lines = index.lines_of(id);
        if lines.is_empty() {
            return self.missing.insert(*id);
        }
        let (word, bit) = (lines.start / 64, 1 << (lines.start % 64));
        let is_new = self.marked[word] & bit == 0;
        self.marked[word] |= bit;
        is_new
    }

    /// Marks everything that `snapshots` need. Each tree is read once, however many snapshots
    /// have it. A tree that cannot be read is an error: below it all is unknown. But a snapshot
    /// that was forgotten meanwhile needs nothing.
    pub fn of_snapshots(
        reader: &BlobReader,
        index: &BlobIndex,
        snapshots: &[Snapshot],
        monitor: &dyn Monitor,
    ) -> Result<Self, RepoError> {
        let (_, all) = Self::without_and_with(reader, index, snapshots, &HashSet::new(), monitor)?;
        Ok(all)
    }

    /// What `snapshots` need without those of `others`, and with them. Costs one walk.
    pub fn without_and_with(
        reader: &BlobReader,
        index: &BlobIndex,
        snapshots: &[Snapshot],
        others: &HashSet<SessionId>,
        monitor: &dyn Monitor,
    ) -> Result<(Self, Self), RepoError> {
        let reach = Reach::new(reader, index, monitor)?;
        of_those_there(reader, snapshots, |snapshots| {
            let (other, kept): (Vec<&Snapshot>, Vec<&Snapshot>) =
                snapshots.iter().partition(|snapshot| others.contains(&snapshot.id));
            let mut live = Self::new(index);
            live.mark_snapshots(&reach, &kept)?;
            let without = live.clone();
            live.mark_snapshots(&reach, &other)?;
            Ok((without, live))
        })
    }

    fn mark_snapshots(&mut self, reach: &Reach<'_>, snapshots: &[&Snapshot]) -> Result<(), Broken> {
        for snapshot in snapshots {
            let payload = reach.reader().repository().payload_id(snapshot);
            self.mark(reach.index(), &payload);
            let mut marking = Marking { live: self, index: reach.index() };
            reach.walk(snapshot.tree, (), &mut marking).map_err(|error| (snapshot.id, error))?;
        }
        Ok(())
    }
}

/// Marks what a walk meets.
struct Marking<'a> {
    live: &'a mut LiveBlobs,
    index: &'a BlobIndex,
}

impl Visitor for Marking<'_> {
    type Place = ();

    fn blob(&mut self, id: &BlobId, (): ()) -> bool {
        self.live.mark(self.index, id)
    }
}

/// Of which snapshot something cannot be read, and why.
pub type Broken = (SessionId, RepoError);

/// Has `work` read snapshots; again from the start without one that is damaged because it was
/// forgotten meanwhile.
pub fn of_those_there<T>(
    reader: &BlobReader,
    snapshots: &[Snapshot],
    mut work: impl FnMut(&[&Snapshot]) -> Result<T, Broken>,
) -> Result<T, RepoError> {
    let mut snapshots: Vec<&Snapshot> = snapshots.iter().collect();
    loop {
        match work(&snapshots) {
            Ok(done) => return Ok(done),
            Err((id, error)) if error.is_damage() && !reader.repository().is_live(id)? => {
                snapshots.retain(|snapshot| snapshot.id != id);
            }
            Err((_, error)) => return Err(error),
        }
    }
}
