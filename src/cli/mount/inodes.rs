//! What the kernel knows by number: from a lookup until it is forgotten.
//!
//! Numbers are made from names, so that one that was forgotten comes back as it was; all names of
//! a hard-link group have the same.

use super::layout::Folder;
use crate::model::{Entry, Snapshot};
use crate::ops::view::{Place, Root, View};
use crate::repo::RepoError;
use jiff::Timestamp;
use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// The number of the mounted folder itself.
pub const TOP: u64 = 1;

/// Something that has a number.
#[derive(Debug, Clone)]
pub enum Node {
    Folder(Folder),
    /// With when it was made.
    Link(Arc<str>, Timestamp),
    Snapshot(Arc<SnapshotNode>),
    Stored {
        place: Place,
        of: Arc<SnapshotNode>,
    },
}

/// A snapshot in one of the folders.
#[derive(Debug)]
pub struct SnapshotNode {
    pub number: u64,
    pub snapshot: Arc<Snapshot>,
    root: OnceLock<Root>,
}

impl SnapshotNode {
    pub fn new(number: u64, snapshot: Arc<Snapshot>) -> Self {
        Self { number, snapshot, root: OnceLock::new() }
    }

    /// Where its files begin; looked up when it is first asked for.
    pub fn root(&self, view: &View) -> Result<Root, RepoError> {
        if let Some(root) = self.root.get() {
            return Ok(*root);
        }
        let root = view.root(&self.snapshot)?;
        Ok(*self.root.get_or_init(|| root))
    }
}

impl Node {
    /// Whether both are the same thing, or names of one.
    fn is(&self, other: &Self, linked: bool) -> bool {
        match (self, other) {
            (Self::Folder(one), Self::Folder(other)) => one == other,
            (Self::Link(one, _), Self::Link(other, _)) => one == other,
            (Self::Snapshot(one), Self::Snapshot(other)) => one.snapshot.id == other.snapshot.id,
            (Self::Stored { place: one, of }, Self::Stored { place: other, of: others }) => {
                of.number == others.number && (linked || one == other)
            }
            _ => false,
        }
    }
}

/// All that the kernel knows. Memory: about a hundred bytes each.
pub struct Inodes(Mutex<HashMap<u64, Known>>);

struct Known {
    node: Node,
    lookups: u64,
}

impl Inodes {
    pub fn new() -> Self {
        let top = Known { node: Node::Folder(Folder::Top), lookups: 1 };
        Self(Mutex::new(HashMap::from([(TOP, top)])))
    }

    pub fn get(&self, number: u64) -> Option<Node> {
        self.lock().get(&number).map(|known| known.node.clone())
    }

    /// Notes a lookup; returns the number under which the node is known. That is `number`, but
    /// for the rare case that something else has it.
    pub fn remember(&self, mut number: u64, node: Node, linked: bool) -> u64 {
        let mut table = self.lock();
        loop {
            match table.entry(number) {
                Slot::Vacant(slot) => {
                    slot.insert(Known { node, lookups: 1 });
                    return number;
                }
                Slot::Occupied(mut slot) if slot.get().node.is(&node, linked) => {
                    let known = slot.get_mut();
                    known.lookups = known.lookups.saturating_add(1);
                    return number;
                }
                Slot::Occupied(_) => number = number.wrapping_add(1).max(TOP + 1),
            }
        }
    }

    /// Takes back `lookups` of the lookups.
    pub fn forget(&self, number: u64, lookups: u64) {
        let mut table = self.lock();
        if let Slot::Occupied(mut slot) = table.entry(number) {
            let known = slot.get_mut();
            known.lookups = known.lookups.saturating_sub(lookups);
            if known.lookups == 0 && number != TOP {
                slot.remove();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The number of a name in a directory.
pub fn number_of(directory: u64, name: &[u8]) -> u64 {
    hash(b"name", directory, name)
}

/// The number of an entry of a directory of a snapshot.
pub fn number_of_entry(directory: u64, entry: &Entry, of: &SnapshotNode) -> u64 {
    match &entry.link_group {
        Some(group) => hash(b"link", of.number, group.bytes()),
        None => number_of(directory, entry.name.bytes()),
    }
}

fn hash(kind: &[u8; 4], number: u64, name: &[u8]) -> u64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(kind).update(&number.to_le_bytes()).update(name);
    let mut bytes = [0; 8];
    hasher.finalize_xof().fill(&mut bytes);
    u64::from_le_bytes(bytes).max(TOP + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(target: &str) -> Node {
        Node::Link(target.into(), Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn what_is_forgotten_as_often_as_it_was_looked_up_is_gone() {
        let inodes = Inodes::new();
        assert_eq!(inodes.remember(7, link("a"), false), 7);
        assert_eq!(inodes.remember(7, link("a"), false), 7);
        inodes.forget(7, 1);
        assert!(inodes.get(7).is_some());
        inodes.forget(7, 1);
        assert!(inodes.get(7).is_none());
        inodes.forget(TOP, 100);
        assert!(inodes.get(TOP).is_some());
    }

    #[test]
    fn two_things_never_share_a_number() {
        let inodes = Inodes::new();
        assert_eq!(inodes.remember(7, link("a"), false), 7);
        assert_eq!(inodes.remember(7, link("b"), false), 8);
        assert_eq!(inodes.remember(u64::MAX, link("c"), false), u64::MAX);
        assert_eq!(inodes.remember(u64::MAX, link("d"), false), TOP + 1);
    }

    #[test]
    fn numbers_come_from_names() {
        assert_eq!(number_of(1, b"a"), number_of(1, b"a"));
        assert_ne!(number_of(1, b"a"), number_of(2, b"a"));
        assert_ne!(number_of(1, b"a"), number_of(1, b"b"));
    }
}
