//! Where several given paths lie below one root.

use crate::model::{EntryName, EntryPath};
use std::collections::BTreeMap;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// A path that was given, and where it is in the snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceRoot {
    pub given: PathBuf,
    /// The real path, without the leading slash.
    pub path: EntryPath,
}

impl SourceRoot {
    /// Resolves links; fails if nothing is there.
    pub(super) fn resolve(given: &Path) -> io::Result<Self> {
        let real = std::fs::canonicalize(given)?;
        let path = EntryPath::parse_lenient(real.as_os_str().as_bytes());
        Ok(Self { given: given.to_owned(), path: path.map_err(io::Error::other)? })
    }
}

/// The tree that the given paths and their ancestors make.
pub(super) struct Plan {
    nodes: Vec<PlanNode>,
}

#[derive(Default)]
struct PlanNode {
    children: BTreeMap<EntryName, PlanIndex>,
    /// A path that was given ends here.
    given: bool,
}

/// Names a node of a [`Plan`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PlanIndex(usize);

impl Plan {
    pub const ROOT: PlanIndex = PlanIndex(0);

    pub fn new(roots: &[SourceRoot]) -> Self {
        let mut plan = Self { nodes: vec![PlanNode::default()] };
        for root in roots {
            plan.add(&root.path);
        }
        plan
    }

    fn add(&mut self, path: &EntryPath) {
        let mut index = Self::ROOT.0;
        for name in path.names() {
            let next = PlanIndex(self.nodes.len());
            let PlanIndex(child) = *self.nodes[index].children.entry(name).or_insert(next);
            if child == next.0 {
                self.nodes.push(PlanNode::default());
            }
            index = child;
        }
        self.nodes[index].given = true;
    }

    /// Whether the path was given itself.
    pub fn is_given(&self, index: PlanIndex) -> bool {
        self.nodes.get(index.0).is_some_and(|node| node.given)
    }

    pub fn child(&self, index: PlanIndex, name: &[u8]) -> Option<PlanIndex> {
        self.nodes.get(index.0)?.children.get(name).copied()
    }

    /// The children that are, or lead to, given paths; ascending.
    pub fn children(&self, index: PlanIndex) -> impl Iterator<Item = &EntryName> {
        self.nodes.get(index.0).into_iter().flat_map(|node| node.children.keys())
    }
}
