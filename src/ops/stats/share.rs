//! What each snapshot takes: what it brought, and what only it has.

use super::Blobs;
use super::overhead::Overhead;
use crate::model::{BlobId, Monitor, SessionId, Snapshot};
use crate::ops::live::{Broken, of_those_there};
use crate::ops::reach::{Reach, Visitor};
use crate::repo::{BlobIndex, BlobReader, RepoError};
use crate::storage::Folder;
use std::collections::{HashMap, HashSet};

/// One snapshot's part of what is stored; with its part of tables and index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotShare {
    pub snapshot: Snapshot,
    /// What no earlier snapshot that is still there has.
    pub added: Blobs,
    /// What no other snapshot has: about what forgetting it alone would free. Of small blobs that
    /// are stored together each has a part by its length, however well it compresses.
    pub only: Blobs,
}

/// The shares of all these snapshots, which come in order of `begun`. Each tree is read twice at
/// most; memory: four bytes a blob.
pub fn share_by_snapshot(
    reader: &BlobReader,
    snapshots: &[Snapshot],
    monitor: &dyn Monitor,
) -> Result<Vec<SnapshotShare>, RepoError> {
    let catalog = reader.catalog();
    let overhead = Overhead::of(reader.repository(), &catalog)?;
    let commits = commit_sizes(reader)?;
    let reach = Reach::new(reader, catalog.index(), monitor)?;
    let shares = of_those_there(reader, snapshots, |snapshots| owned(&reach, snapshots))?;
    let complete = |(snapshot, added, only): (Snapshot, Blobs, Blobs)| {
        let commit = commits.get(&snapshot.id).copied().unwrap_or_default();
        let with_commit = |blobs: Blobs| {
            let blobs = overhead.added_to(blobs);
            Blobs { stored: blobs.stored.saturating_add(commit), ..blobs }
        };
        SnapshotShare { added: with_commit(added), only: with_commit(only), snapshot }
    };
    Ok(shares.into_iter().map(complete).collect())
}

fn commit_sizes(reader: &BlobReader) -> Result<HashMap<SessionId, u64>, RepoError> {
    let listed = reader.repository().storage().list(Folder::Snapshots)?;
    let sized = |name: &str, size: u64| Some((name.parse().ok()?, size));
    Ok(listed.iter().filter_map(|listed| sized(listed.name.last(), listed.size)).collect())
}

fn owned(
    reach: &Reach<'_>,
    snapshots: &[&Snapshot],
) -> Result<Vec<(Snapshot, Blobs, Blobs)>, Broken> {
    let mut owners = Owners::new(reach.index(), snapshots.len());
    for (number, snapshot) in (1..).zip(snapshots) {
        owners.blob(&reach.reader().repository().payload_id(snapshot), number);
        let walked = reach.walk(snapshot.tree, number, &mut owners);
        walked.map_err(|error| (snapshot.id, error))?;
    }
    let blobs = owners.added.into_iter().zip(owners.only);
    let with_snapshot = |(snapshot, (added, only)): (&&Snapshot, (Blobs, Blobs))| {
        ((*snapshot).clone(), added, only)
    };
    Ok(snapshots.iter().zip(blobs).map(with_snapshot).collect())
}

/// Who brought each blob, and whether others have it too.
struct Owners<'a> {
    index: &'a BlobIndex,
    /// By line: the number of the first snapshot, from 1; with [`SHARED`] if others have it.
    owner: Vec<u32>,
    missing: HashSet<BlobId>,
    added: Vec<Blobs>,
    only: Vec<Blobs>,
}

const SHARED: u32 = 1 << 31;

impl<'a> Owners<'a> {
    fn new(index: &'a BlobIndex, snapshots: usize) -> Self {
        let blobs = vec![Blobs::default(); snapshots];
        let owner = vec![0; index.len()];
        Self { index, owner, missing: HashSet::new(), added: blobs.clone(), only: blobs }
    }
}

impl Visitor for Owners<'_> {
    /// The number of the snapshot.
    type Place = u32;

    /// What is met a second time by another snapshot is looked into once more: all below is
    /// shared then.
    fn blob(&mut self, id: &BlobId, number: u32) -> bool {
        let first = self.index.lines_of(id).next();
        let found = first.and_then(|line| Some((line, self.index.location(line)?)));
        let Some((line, at)) = found else { return self.missing.insert(*id) };
        let place = |number: u32| (number as usize).saturating_sub(1);
        match self.owner[line] {
            0 => {
                self.owner[line] = number;
                self.added[place(number)].add(at);
                self.only[place(number)].add(at);
                true
            }
            owner if owner == number || owner & SHARED != 0 => false,
            owner => {
                self.owner[line] = owner | SHARED;
                self.only[place(owner)].take_away(at);
                true
            }
        }
    }
}
