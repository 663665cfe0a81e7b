//! Which databases of a snapshot were read while others wrote.

use super::backup::MONGODB;
use crate::model::{BlobId, Consistency, EntryPath, Kind, Snapshot};
use crate::repo::{BlobReader, RepoError};

/// How many collections of a snapshot are fuzzy. Reads the folders of its databases; of a
/// snapshot without databases nothing.
pub fn fuzzy_collections(reader: &BlobReader, snapshot: &Snapshot) -> Result<u64, RepoError> {
    let mut fuzzy = 0;
    for source in &snapshot.sources {
        if let Some(tree) = tree_of_database(reader, snapshot, &source.path)? {
            for entry in reader.entries(&tree)? {
                fuzzy += u64::from(is_fuzzy(&entry?.kind));
            }
        }
    }
    Ok(fuzzy)
}

pub fn is_fuzzy(kind: &Kind) -> bool {
    matches!(kind, Kind::Collection(collection) if collection.consistency == Consistency::Fuzzy)
}

fn tree_of_database(
    reader: &BlobReader,
    snapshot: &Snapshot,
    path: &EntryPath,
) -> Result<Option<BlobId>, RepoError> {
    match path.names().next() {
        Some(first) if first.bytes() == MONGODB => {
            Ok(reader.find_path(&snapshot.tree, path)?.and_then(|entry| entry.tree()))
        }
        _ => Ok(None),
    }
}
