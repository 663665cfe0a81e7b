//! Whether a backup found what the last snapshot has.

use super::BackupOptions;
use crate::model::{BlobId, EntryPath, Snapshot, SnapshotKind, SnapshotSource};
use crate::repo::{BlobReader, RepoError, Session};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The last snapshot of these sources, if each of them is in the new tree as it is there: itself
/// and all below it, whatever has changed above. That is `parent`, or else it is looked for. The
/// new tree is stored first, to be read.
pub fn repeated(
    session: &Session,
    options: &BackupOptions,
    sources: &[SnapshotSource],
    parent: Option<&Snapshot>,
    tree: BlobId,
) -> Result<Option<Snapshot>, RepoError> {
    let paths = paths(sources);
    let last = match parent {
        Some(parent) => Some(parent.clone()),
        None => last_of(session, options, &paths)?,
    };
    let Some(last) = last.filter(|last| self::paths(&last.sources) == paths) else {
        return Ok(None);
    };
    let is_same = last.tree == tree || has_same(session, &paths, last.tree, tree)?;
    Ok(is_same.then_some(last))
}

fn paths(sources: &[SnapshotSource]) -> BTreeSet<EntryPath> {
    sources.iter().map(|source| source.path.clone()).collect()
}

/// The newest one of this host.
fn last_of(
    session: &Session,
    options: &BackupOptions,
    paths: &BTreeSet<EntryPath>,
) -> Result<Option<Snapshot>, RepoError> {
    let live = session.repository().ledger()?.live;
    let is_of_same = |snapshot: &Snapshot| {
        snapshot.kind == SnapshotKind::Backup
            && snapshot.host.name == options.host.name
            && self::paths(&snapshot.sources) == *paths
    };
    Ok(live.into_iter().rfind(is_of_same))
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
