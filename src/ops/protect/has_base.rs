//! Whether a snapshot is a base of a window.

use crate::model::{ClusterTime, EntryPath, Kind, Snapshot, SnapshotKind};
use crate::repo::{BlobReader, RepoError, Repository};
use std::sync::Arc;

/// Whether one of the snapshots has the database at this path as it was at a moment or later.
pub fn has_base(
    repository: &Arc<Repository>,
    live: &[Snapshot],
    path: &EntryPath,
    first: ClusterTime,
) -> Result<bool, RepoError> {
    let mut same_second = Vec::new();
    for snapshot in live.iter().filter(|snapshot| snapshot.kind == SnapshotKind::Backup) {
        let mut whole = snapshot.sources.iter().filter(|source| !source.is_partial);
        let source = whole.find(|source| source.path == *path);
        match source.map(|source| source.as_of.cmp(&first.timestamp())) {
            Some(std::cmp::Ordering::Greater) => return Ok(true),
            Some(std::cmp::Ordering::Equal) => same_second.push(snapshot),
            _ => {}
        }
    }
    if same_second.is_empty() {
        return Ok(false);
    }
    // Snapshots say the second; what is in them says more.
    let reader = BlobReader::new(Arc::clone(repository))?;
    for snapshot in same_second {
        match moment(&reader, snapshot, path) {
            Ok(moment) if moment >= Some(first) => return Ok(true),
            Err(error) if !error.is_damage() => return Err(error),
            _ => {}
        }
    }
    Ok(false)
}

/// The oldest moment of the collections of a database.
fn moment(
    reader: &BlobReader,
    snapshot: &Snapshot,
    path: &EntryPath,
) -> Result<Option<ClusterTime>, RepoError> {
    let database = reader.find_path(&snapshot.tree, path)?;
    let Some(tree) = database.and_then(|entry| entry.tree()) else { return Ok(None) };
    let mut oldest = None;
    for entry in reader.entries(&tree)? {
        if let Kind::Collection(collection) = entry?.kind {
            let moments = [oldest, collection.moment].into_iter().flatten();
            oldest = moments.min();
        }
    }
    Ok(oldest)
}
