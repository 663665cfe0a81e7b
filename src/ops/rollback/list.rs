//! Which restores in place there were.

use super::super::restore::{DatabaseRollback, Journal, RestoreError};
use super::InPlaceOptions;
use crate::model::{Directory, InPlace, Kind, SessionId, Snapshot};
use crate::ops::restore::ABSENT;
use crate::repo::{BlobReader, Ledger, Repository};
use std::collections::HashSet;
use std::sync::Arc;

/// A restore in place, or a rollback.
#[derive(Debug, Clone)]
pub struct InPlaceRun {
    /// Taken before it.
    pub safety: Snapshot,
    pub origin: InPlace,
    /// Things that it replaced, deleted, or gave other metadata.
    pub replaced: u64,
    /// Things that it made.
    pub created: u64,
    /// A later rollback has undone it.
    pub is_undone: bool,
    /// It has not come to its end: it was killed, or is under way.
    pub is_unfinished: bool,
    /// It was run again, and the safety snapshot of that run has all that this one has.
    pub is_continued: bool,
}

/// The restores in place and rollbacks of this host, oldest first. Reads a piece or two of each.
pub fn list_in_place(
    repository: &Arc<Repository>,
    ledger: &Ledger,
    place: &InPlaceOptions,
) -> Result<Vec<InPlaceRun>, RestoreError> {
    let unfinished = Journal::new(&place.journal).unfinished();
    let own = |snapshot: &&Snapshot| snapshot.host.name == place.host.name;
    let mut found: Vec<(&Snapshot, InPlace)> = ledger
        .live
        .iter()
        .filter(own)
        .filter_map(|snapshot| Some((snapshot, snapshot.in_place?)))
        .collect();
    found.sort_by_key(|(snapshot, _)| (snapshot.begun, snapshot.sequence));
    let undone = undone(&found, &unfinished);
    let continued: HashSet<SessionId> =
        found.iter().filter_map(|(_, origin)| origin.continues).collect();
    let reader = BlobReader::new(Arc::clone(repository))?;
    found
        .into_iter()
        .map(|(safety, origin)| {
            Ok(InPlaceRun {
                safety: safety.clone(),
                origin,
                replaced: safety.summary.files,
                created: created(&reader, safety)?,
                is_undone: undone.contains(&safety.id),
                is_unfinished: unfinished.contains(&safety.id),
                is_continued: continued.contains(&safety.id),
            })
        })
        .collect()
}

/// The newest restore that a rollback undoes if none is named: not one that is undone already,
/// and no rollback.
pub fn newest_to_undo(runs: &[InPlaceRun]) -> Option<&InPlaceRun> {
    let fits = |run: &&InPlaceRun| !run.origin.is_rollback && !run.is_undone && !run.is_continued;
    runs.iter().rev().find(fits)
}

/// A rollback undoes what it is of, also another rollback: then what that had undone is in force
/// again. One that did not come to its end undoes nothing yet.
fn undone(found: &[(&Snapshot, InPlace)], unfinished: &HashSet<SessionId>) -> HashSet<SessionId> {
    let mut undone = HashSet::new();
    for (snapshot, origin) in found {
        if !origin.is_rollback || unfinished.contains(&snapshot.id) {
            continue;
        }
        undone.insert(origin.from);
        let of = found.iter().find(|(snapshot, _)| snapshot.id == origin.from);
        if let Some((_, InPlace { from, is_rollback: true, .. })) = of {
            undone.remove(from);
        }
    }
    undone
}

fn created(reader: &BlobReader, safety: &Snapshot) -> Result<u64, RestoreError> {
    let absent = reader.find_entry(&safety.tree, ABSENT)?;
    let listed = match absent.map(|entry| entry.kind) {
        Some(Kind::Directory(Directory { summary, .. })) => summary.files,
        _ => 0,
    };
    // Of databases everything that is written is listed there, also what was there.
    let was_there = match DatabaseRollback::is_of_databases(safety) {
        true => safety.summary.files,
        false => 0,
    };
    Ok(listed.saturating_sub(was_there))
}
