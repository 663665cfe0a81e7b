//! Hard links: which paths are one inode.

use super::super::stat::Identity;
use super::super::stat::Stat;
use crate::model::EntryPath;
use std::collections::HashMap;

/// Inodes with several links, of which not all were met yet.
#[derive(Default)]
pub(in crate::files) struct LinkGroups {
    met: HashMap<Identity, Group>,
}

struct Group {
    first: EntryPath,
    /// Links that were not met yet.
    missing: u32,
}

impl LinkGroups {
    /// The first path at which the inode was met, perhaps `path` itself; `None` if it has only
    /// one link. An inode is forgotten once all its links were met.
    pub fn group(&mut self, stat: &Stat, path: impl FnOnce() -> EntryPath) -> Option<EntryPath> {
        if stat.links < 2 {
            return None;
        }
        let missing = stat.links;
        let new = || Group { first: path(), missing };
        let group = self.met.entry(stat.identity).or_insert_with(new);
        group.missing = group.missing.saturating_sub(1);
        let first = group.first.clone();
        if group.missing == 0 {
            self.met.remove(&stat.identity);
        }
        Some(first)
    }
}
