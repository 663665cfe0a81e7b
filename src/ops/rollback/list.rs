//! Which restores in place there were.

use super::super::restore::{DatabaseRollback, Journal, RestoreError};
use super::InPlaceOptions;
use crate::model::{Directory, EntryPath, InPlace, Kind, SessionId, Snapshot};
use crate::ops::restore::ABSENT;
use crate::repo::{BlobReader, Ledger, Repository};
use std::collections::HashSet;
use std::sync::Arc;

/// A restore in place, or a rollback: of the databases of a server, or of files, or of several of
/// these, one after the other.
#[derive(Debug, Clone)]
pub struct InPlaceRun {
    /// In the order in which they were done; the first one names the run.
    first: InPlacePart,
    others: Vec<InPlacePart>,
    /// A later rollback has undone it.
    pub is_undone: bool,
}

/// What was restored or rolled back with one safety snapshot.
#[derive(Debug, Clone)]
pub struct InPlacePart {
    /// Taken before it.
    pub safety: Snapshot,
    pub origin: InPlace,
    /// Things that it replaced, deleted, or gave other metadata.
    pub replaced: u64,
    /// Things that it made.
    pub created: u64,
    /// It has not come to its end: it was killed, or is under way.
    pub is_unfinished: bool,
    /// It was run again, and the safety snapshot of that run has all that this one has.
    pub is_continued: bool,
}

impl InPlaceRun {
    /// Names the run.
    pub fn safety(&self) -> &Snapshot {
        &self.first.safety
    }

    pub fn is_rollback(&self) -> bool {
        self.first.origin.is_rollback
    }

    /// The snapshot that was restored, or the first safety snapshot of the run that was undone.
    pub fn from(&self) -> SessionId {
        self.first.origin.from
    }

    /// At least one, in the order in which they were done.
    pub fn parts(&self) -> impl Iterator<Item = &InPlacePart> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// It has not come to its end: it was killed, or is under way.
    pub fn is_unfinished(&self) -> bool {
        self.parts().any(|part| part.is_unfinished)
    }

    /// It was run again, and the safety snapshots of that run have all that its own have.
    pub fn is_continued(&self) -> bool {
        self.parts().all(|part| part.is_continued)
    }

    /// Whether both may have changed the same things.
    fn meets(&self, other: &Self) -> bool {
        let meets = |part: &InPlacePart| other.parts().any(|one| meet(&part.safety, &one.safety));
        self.parts().any(meets)
    }

    /// Whether another part belongs to it: one command begins all its parts at one moment, and
    /// they are of one snapshot, or undo parts of one run.
    fn has(&self, part: &InPlacePart, undone: Option<&Self>) -> bool {
        let (own, other) = (self.first.origin, part.origin);
        let is_same = match undone {
            Some(undone) => undone.parts().any(|undone| undone.safety.id == own.from),
            None => own.from == other.from,
        };
        let is_beside = self.parts().all(|one| !meet(&one.safety, &part.safety));
        self.safety().begun == part.safety.begun
            && own.is_rollback == other.is_rollback
            && is_same
            && is_beside
    }
}

/// Whether two safety snapshots may be of the same things.
fn meet(one: &Snapshot, other: &Snapshot) -> bool {
    let paths = |snapshot: &Snapshot| -> Vec<EntryPath> {
        snapshot.sources.iter().map(|source| source.path.clone()).collect()
    };
    let others = paths(other);
    paths(one)
        .iter()
        .any(|path| others.iter().any(|other| path.starts_with(other) || other.starts_with(path)))
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
    let continued: HashSet<SessionId> =
        found.iter().filter_map(|(_, origin)| origin.continues).collect();
    let reader = BlobReader::new(Arc::clone(repository))?;
    let mut runs: Vec<InPlaceRun> = Vec::new();
    for (safety, origin) in &found {
        let part = InPlacePart {
            safety: (*safety).clone(),
            origin: *origin,
            replaced: safety.summary.files,
            created: created(&reader, safety)?,
            is_unfinished: unfinished.contains(&safety.id),
            is_continued: continued.contains(&safety.id),
        };
        let is_of = |run: &&InPlaceRun| run.parts().any(|one| one.safety.id == origin.from);
        let undone = runs.iter().rev().find(is_of).filter(|_| origin.is_rollback).cloned();
        let before = left_over(&mut runs, &part);
        match runs.iter_mut().find(|run| run.has(&part, undone.as_ref())) {
            Some(run) => run.others.push(part),
            None => runs.push(InPlaceRun { first: part, others: Vec::new(), is_undone: false }),
        }
        runs.last_mut().into_iter().for_each(|run| run.others.extend(before.clone()));
    }
    let undone = Undone::new(&found, &unfinished);
    runs.iter_mut().for_each(|run| run.is_undone = undone.has(run));
    Ok(runs)
}

/// What goes over from the run that `part` goes on with: parts of it with nothing left to be done,
/// which no part of the later run goes on with.
fn left_over(runs: &mut [InPlaceRun], part: &InPlacePart) -> Vec<InPlacePart> {
    let is_of =
        |run: &&mut InPlaceRun| run.parts().any(|one| Some(one.safety.id) == part.origin.continues);
    let Some(run) = runs.iter_mut().rev().find(is_of) else { return Vec::new() };
    let mut over = Vec::new();
    for one in std::iter::once(&mut run.first).chain(&mut run.others) {
        if !one.is_continued {
            over.push(one.clone());
            one.is_continued = true;
        }
    }
    over
}

/// The restores that a rollback may undo if none is named, the newest first: none that is undone
/// already, no rollback, and none before which an older one was undone since, which would do that
/// one again.
pub fn to_undo(runs: &[InPlaceRun]) -> impl Iterator<Item = &InPlaceRun> {
    let fits = |run: &InPlaceRun| !run.is_rollback() && !run.is_undone && !run.is_continued();
    let fitting = move |number: &usize| fits(&runs[*number]) && !is_passed_over(runs, *number);
    (0..runs.len()).rev().filter(fitting).map(|number| &runs[number])
}

/// Whether one of the same places that is older was undone later.
fn is_passed_over(runs: &[InPlaceRun], number: usize) -> bool {
    let (earlier, rest) = runs.split_at(number);
    let Some((run, later)) = rest.split_first() else { return false };
    let is_undone_by = |earlier: &InPlaceRun, rollback: &InPlaceRun| {
        earlier.parts().any(|part| part.safety.id == rollback.from())
    };
    let in_force = |later: &&InPlaceRun| later.is_rollback() && !later.is_undone;
    later.iter().filter(in_force).any(|rollback| {
        earlier.iter().any(|earlier| is_undone_by(earlier, rollback) && earlier.meets(run))
    })
}

/// What was undone, by the safety snapshots.
#[derive(Default)]
struct Undone {
    parts: HashSet<SessionId>,
    /// A rollback of them did not come to its end.
    half: HashSet<SessionId>,
}

impl Undone {
    /// A rollback undoes what it is of, also another rollback: then what that had undone is in
    /// force again. One that did not come to its end undoes nothing yet.
    fn new(found: &[(&Snapshot, InPlace)], unfinished: &HashSet<SessionId>) -> Self {
        let mut undone = Self::default();
        for (snapshot, origin) in found.iter().filter(|(_, origin)| origin.is_rollback) {
            if unfinished.contains(&snapshot.id) {
                undone.half.insert(origin.from);
                continue;
            }
            undone.half.remove(&origin.from);
            undone.parts.insert(origin.from);
            let of = found.iter().find(|(snapshot, _)| snapshot.id == origin.from);
            if let Some((_, InPlace { from, is_rollback: true, .. })) = of {
                undone.parts.remove(from);
            }
        }
        undone
    }

    /// Where a part had nothing to undo, nothing says of it that it was undone.
    fn has(&self, run: &InPlaceRun) -> bool {
        run.parts().any(|part| self.parts.contains(&part.safety.id))
            && !run.parts().any(|part| self.half.contains(&part.safety.id))
    }
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
