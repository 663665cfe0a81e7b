//! Which files need blobs that cannot be had.

use crate::format::PieceItems;
use crate::model::{BlobId, ChunkTree, Directory, Entry, EntryPath, Kind, Monitor, Snapshot};
use crate::ops::backup::shown;
use crate::repo::{BlobReader, RepoError};
use std::collections::{BTreeMap, HashSet};

/// At most so many files are named for a blob.
const NAMED: usize = 10;

/// Files that need a blob.
#[derive(Debug, Clone, Default)]
pub struct Files {
    pub named: Vec<String>,
    pub more: u64,
}

/// Walks the snapshots, newest first, and looks for `bad` blobs. Each tree is looked into once
/// for each path that it is met at first. Costs nothing where nothing is bad.
pub fn files(
    reader: &BlobReader,
    snapshots: &[Snapshot],
    bad: &HashSet<BlobId>,
    monitor: &dyn Monitor,
) -> Result<BTreeMap<BlobId, Files>, RepoError> {
    let mut touched = BTreeMap::new();
    if bad.is_empty() {
        return Ok(touched);
    }
    let mut seen: HashSet<BlobId> = HashSet::new();
    for snapshot in snapshots.iter().rev() {
        let mut pending = vec![(snapshot.tree, EntryPath::root())];
        while let Some((id, path)) = pending.pop() {
            if monitor.stopped() {
                return Err(RepoError::Stopped);
            }
            if bad.contains(&id) {
                note(&mut touched, id, snapshot, &path);
            }
            if !seen.insert(id) {
                continue;
            }
            let Ok(piece) = reader.piece(&id) else { continue };
            match piece.items {
                PieceItems::Children(children) => {
                    pending.extend(children.into_iter().map(|child| (child.id, path.clone())));
                }
                PieceItems::Entries(entries) => {
                    for entry in &entries {
                        look(reader, entry, &path, snapshot, bad, &mut pending, &mut touched);
                    }
                }
            }
        }
    }
    Ok(touched)
}

fn look(
    reader: &BlobReader,
    entry: &Entry,
    path: &EntryPath,
    snapshot: &Snapshot,
    bad: &HashSet<BlobId>,
    pending: &mut Vec<(BlobId, EntryPath)>,
    touched: &mut BTreeMap<BlobId, Files>,
) {
    match &entry.kind {
        Kind::Directory(Directory { tree: Some(tree), .. }) => {
            pending.push((*tree, path.join(&entry.name)));
        }
        Kind::File(file) => {
            for id in bad_chunks(reader, &file.chunks, bad) {
                note(touched, id, snapshot, &path.join(&entry.name));
            }
        }
        _ => {}
    }
}

fn bad_chunks(reader: &BlobReader, chunks: &ChunkTree, bad: &HashSet<BlobId>) -> Vec<BlobId> {
    let mut found = Vec::new();
    let mut lists = vec![chunks.clone()];
    while let Some(list) = lists.pop() {
        for node in &list.nodes {
            if bad.contains(&node.id) {
                found.push(node.id);
            } else if list.depth > 0
                && let Ok(below) = reader.chunk_list(&node.id, node.length)
                && below.depth < list.depth
            {
                lists.push(below);
            }
        }
    }
    found
}

fn note(touched: &mut BTreeMap<BlobId, Files>, id: BlobId, snapshot: &Snapshot, path: &EntryPath) {
    let files = touched.entry(id).or_default();
    match files.named.len() < NAMED {
        true => files.named.push(format!("{}:{}", snapshot.id.short(), shown(path))),
        false => files.more += 1,
    }
}
