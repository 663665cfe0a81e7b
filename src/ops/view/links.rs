//! How many names a hard-linked file has. Entries do not say, so the snapshot is walked once.

use super::{Root, View};
use crate::model::{BlobId, Directory, EntryPath, Kind, SessionId};
use crate::repo::RepoError;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};

/// Snapshots with more entries are not walked.
const MOST_ENTRIES: u64 = 300_000;

/// The counts of so many snapshots are kept.
const KEPT: usize = 4;

/// Names of each hard-link group, by the hash of its name.
type Counts = HashMap<u64, u32>;

/// Counts of the snapshots that were asked for last.
#[derive(Default)]
pub struct LinkCounts {
    hasher: RandomState,
    /// The one last used at the end.
    kept: Mutex<Vec<(SessionId, Counts)>>,
}

impl LinkCounts {
    /// The number of names of a group; at least 2.
    pub fn count(&self, view: &View, root: &Root, group: &EntryPath) -> u64 {
        if root.entries > MOST_ENTRIES {
            return 2;
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let counts = match kept.iter().position(|(id, _)| *id == root.snapshot) {
            Some(at) => kept.remove(at),
            None => (root.snapshot, self.walk(view, root)),
        };
        let key = self.hasher.hash_one(group);
        let count = counts.1.get(&key).copied().unwrap_or(0);
        if kept.len() >= KEPT {
            kept.remove(0);
        }
        kept.push(counts);
        u64::from(count).max(2)
    }

    /// Counts what can be read: damage is told where it is looked at.
    fn walk(&self, view: &View, root: &Root) -> Counts {
        let mut counts = Counts::new();
        let mut pending: Vec<BlobId> = root.tree.into_iter().collect();
        let mut visited = 0_u64;
        while let Some(tree) = pending.pop() {
            let _ = self.count_in(view, &tree, &mut counts, &mut pending, &mut visited);
            if visited > MOST_ENTRIES {
                return Counts::new();
            }
        }
        counts
    }

    fn count_in(
        &self,
        view: &View,
        tree: &BlobId,
        counts: &mut Counts,
        pending: &mut Vec<BlobId>,
        visited: &mut u64,
    ) -> Result<(), RepoError> {
        let mut index = 0;
        while let Some(page) = view.page(tree, index)? {
            *visited = visited.saturating_add(page.entries.len() as u64);
            if *visited > MOST_ENTRIES {
                return Ok(());
            }
            for entry in page.entries.iter() {
                if let Some(group) = &entry.link_group {
                    let count = counts.entry(self.hasher.hash_one(group)).or_default();
                    *count = count.saturating_add(1);
                }
                if let Kind::Directory(Directory { tree: Some(tree), .. }) = entry.kind {
                    pending.push(tree);
                }
            }
            index = page.end();
        }
        Ok(())
    }
}
