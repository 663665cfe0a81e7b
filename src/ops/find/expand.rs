//! From what was found in pieces to paths, with the snapshots that have each version.

use super::survey::{Found, Item, Key, Node};
use super::{FindError, FindReport, SnapshotSet};
use crate::model::{EntryName, EntryPath};
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

/// One path, and all that was there.
pub struct Match<'a> {
    /// `files/srv/bot`.
    pub path: &'a EntryPath,
    /// By the first snapshot that has each.
    pub versions: &'a [Version],
}

/// The same thing in one or more snapshots.
pub struct Version {
    pub found: Rc<Found>,
    pub snapshots: SnapshotSet,
}

/// Pieces, each with the snapshots that have it at some place.
type Pieces = BTreeMap<Key, SnapshotSet>;

/// What all snapshots have under one name.
#[derive(Default)]
struct Named {
    versions: Vec<Version>,
    below: Pieces,
}

/// Calls `sink` with each path, in the order of a walk.
pub fn expand(
    nodes: &HashMap<Key, Node>,
    roots: Pieces,
    sink: &mut dyn FnMut(&Match<'_>) -> bool,
) -> Result<FindReport, FindError> {
    let mut report = FindReport::default();
    let mut path = EntryPath::root();
    path.push(&super::super::backup::files_name());
    let mut directories = vec![names(nodes, roots).into_iter()];
    while let Some(directory) = directories.last_mut() {
        let Some((name, mut named)) = directory.next() else {
            directories.pop();
            path.pop();
            continue;
        };
        path.push(&name);
        if !named.versions.is_empty() {
            named.versions.sort_by_key(|version| version.snapshots.first());
            report.paths += 1;
            report.versions += named.versions.len() as u64;
            if !sink(&Match { path: &path, versions: &named.versions }) {
                return Err(FindError::Stopped);
            }
        }
        match named.below.is_empty() {
            true => path.pop(),
            false => directories.push(names(nodes, named.below).into_iter()),
        }
    }
    Ok(report)
}

/// The names in a directory, of which snapshots have these root pieces.
fn names(nodes: &HashMap<Key, Node>, roots: Pieces) -> BTreeMap<EntryName, Named> {
    let mut names = BTreeMap::new();
    for (key, snapshots) in leaves(nodes, roots) {
        if let Some(Node::Entries(items)) = nodes.get(&key) {
            items.iter().for_each(|item| add(&mut names, item, &snapshots));
        }
    }
    names
}

/// The pieces with entries that are below these. A piece that several have comes once.
fn leaves(nodes: &HashMap<Key, Node>, mut round: Pieces) -> Pieces {
    let mut leaves = Pieces::new();
    while !round.is_empty() {
        let mut next = Pieces::new();
        for (key, snapshots) in round {
            match nodes.get(&key) {
                Some(Node::Pieces(keys)) => {
                    for key in keys {
                        next.entry(*key).or_default().add(&snapshots);
                    }
                }
                Some(Node::Entries(_)) => leaves.entry(key).or_default().add(&snapshots),
                None => {}
            }
        }
        round = next;
    }
    leaves
}

fn add(names: &mut BTreeMap<EntryName, Named>, item: &Item, snapshots: &SnapshotSet) {
    let named = names.entry(item.name.clone()).or_default();
    if let Some(found) = &item.found {
        let same = |version: &&mut Version| version.found.version == found.version;
        match named.versions.iter_mut().find(same) {
            Some(version) => version.snapshots.add(snapshots),
            None => named
                .versions
                .push(Version { found: Rc::clone(found), snapshots: snapshots.clone() }),
        }
    }
    if let Some(below) = item.below {
        named.below.entry(below).or_default().add(snapshots);
    }
}
