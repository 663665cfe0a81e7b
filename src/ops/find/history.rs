//! The history of one path.

use super::super::diff::{Modifier, compare};
use super::FindError;
use crate::model::{Directory, Entry, EntryPath, Kind, Monitor, Snapshot};
use crate::repo::BlobReader;

/// A time in which nothing changed.
#[derive(Debug, Clone)]
pub struct HistoryLine {
    /// Numbers of the first and the last snapshot.
    pub first: usize,
    pub last: usize,
    /// `None` if it was not there.
    pub entry: Option<Entry>,
    pub step: HistoryStep,
}

/// What began a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HistoryStep {
    /// It is there for the first time.
    New,
    /// It is there again, as it was before.
    Back,
    /// It was not there, after it had been.
    Absent,
    Changed(Modifier),
}

/// The history of a path in snapshots from old to new, each with the places where it may be.
/// Snapshots before the first that has it make no line. Costs a read a level for each snapshot
/// whose tree is another than that of the one before.
pub fn history(
    reader: &BlobReader,
    snapshots: &[(&Snapshot, Vec<EntryPath>)],
    monitor: &dyn Monitor,
) -> Result<Vec<HistoryLine>, FindError> {
    let mut lines: Vec<HistoryLine> = Vec::new();
    // What was last seen of it.
    let mut seen: Option<Entry> = None;
    for (number, (snapshot, places)) in snapshots.iter().enumerate() {
        if monitor.stopped() {
            return Err(FindError::Stopped);
        }
        let before = number.checked_sub(1).and_then(|before| snapshots.get(before));
        let is_same = before.is_some_and(|(before, _)| before.tree == snapshot.tree);
        let entry = match (is_same, lines.last()) {
            (true, last) => last.and_then(|line| line.entry.clone()),
            (false, _) => look_up(reader, snapshot, places)?,
        };
        let step = match (lines.last(), &entry, &seen) {
            (None, None, _) => None,
            (None, Some(_), _) => Some(HistoryStep::New),
            (Some(HistoryLine { entry: None, .. }), None, _) => None,
            (Some(_), None, _) => Some(HistoryStep::Absent),
            (Some(last), Some(now), Some(then)) => match change(reader, then, now) {
                Some(modifier) => Some(HistoryStep::Changed(modifier)),
                None if last.entry.is_none() => Some(HistoryStep::Back),
                None => None,
            },
            (Some(_), Some(_), None) => Some(HistoryStep::New),
        };
        if let Some(entry) = &entry {
            seen = Some(entry.clone());
        }
        match (step, lines.last_mut()) {
            (Some(step), _) => lines.push(HistoryLine { first: number, last: number, entry, step }),
            (None, Some(line)) => line.last = number,
            (None, None) => {}
        }
    }
    Ok(lines)
}

fn look_up(
    reader: &BlobReader,
    snapshot: &Snapshot,
    places: &[EntryPath],
) -> Result<Option<Entry>, FindError> {
    for place in places {
        if let Some(entry) = reader.find_path(&snapshot.tree, place)? {
            return Ok(Some(entry));
        }
    }
    Ok(None)
}

/// Of a directory, what is below it counts as its content.
fn change(reader: &BlobReader, old: &Entry, new: &Entry) -> Option<Modifier> {
    match (&old.kind, &new.kind) {
        (
            Kind::Directory(Directory { tree: old, .. }),
            Kind::Directory(Directory { tree: new, .. }),
        ) if old != new => Some(Modifier::Content),
        _ => compare((reader, old), (reader, new)),
    }
}
