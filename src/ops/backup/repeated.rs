//! Whether a backup found what the last snapshot has.

use super::BackupOptions;
use crate::model::{BlobId, EntryPath, Snapshot, SnapshotKind, SnapshotSource};
use crate::repo::{BlobReader, RepoError, Repository, Session};
use std::collections::BTreeSet;
use std::sync::Arc;

/// `last`, if it is of these sources, and each of them is in the new tree as it is there: itself
/// and all below it, whatever has changed above. The new tree is stored first, to be read.
pub fn repeated(
    session: &Session,
    sources: &[SnapshotSource],
    last: Option<Snapshot>,
    tree: BlobId,
) -> Result<Option<Snapshot>, RepoError> {
    let paths = paths(sources);
    let Some(last) = last.filter(|last| self::paths(&last.sources) == paths) else {
        return Ok(None);
    };
    let is_same = last.tree == tree || has_same(session, &paths, last.tree, tree)?;
    Ok(is_same.then_some(last))
}

fn paths(sources: &[SnapshotSource]) -> BTreeSet<EntryPath> {
    sources.iter().map(|source| source.path.clone()).collect()
}

/// The newest snapshot of these sources and this host. Reads all snapshots.
pub fn last_of(
    repository: &Repository,
    options: &BackupOptions,
    sources: &[SnapshotSource],
) -> Result<Option<Snapshot>, RepoError> {
    let paths = paths(sources);
    let live = repository.ledger()?.live;
    let is_of_same = |snapshot: &Snapshot| {
        snapshot.kind == SnapshotKind::Backup
            && snapshot.host.name == options.host.name
            && self::paths(&snapshot.sources) == paths
    };
    Ok(live.into_iter().rfind(is_of_same))
}

/// The directories that lead to the sources.
pub fn above(sources: &[SnapshotSource]) -> Vec<EntryPath> {
    let mut above = BTreeSet::new();
    for source in sources {
        let mut path = source.path.clone();
        path.pop();
        while !path.is_root() {
            above.insert(path.clone());
            path.pop();
        }
    }
    above.into_iter().collect()
}

fn has_same(
    session: &Session,
    paths: &BTreeSet<EntryPath>,
    last: BlobId,
    tree: BlobId,
) -> Result<bool, RepoError> {
    session.flush()?;
    let reader = BlobReader::new(Arc::clone(session.repository()))?;
    for path in paths {
        let found = reader.find_path(&tree, path)?;
        if found.is_none() || found != reader.find_path(&last, path)? {
            return Ok(false);
        }
    }
    Ok(true)
}
