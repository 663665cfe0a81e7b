//! Removes what a restore in place has made.

use crate::model::{
    BlobId, Directory, Entry, EntryName, EntryPath, Kind, Monitor, Presence, Problem, ProblemKind,
    Target, TargetError,
};
use crate::ops::backup::previous::PreviousTree;
use crate::ops::restore::{RestoreError, SafetyTrees};
use crate::ops::{RestoreAction, RestoreStep, StepSink};
use crate::repo::{BlobReader, RepoError, TreeEntries};

/// What a removal did, or would do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Removed {
    pub things: u64,
    /// Of those, files whose content is not what the restore made.
    pub changed: u64,
    pub failed: u64,
}

/// A walk over the list of what was absent.
pub struct Removal<'a> {
    reader: &'a BlobReader,
    /// What was there: its directories stay.
    there: PreviousTree<'a>,
    /// What may be removed: `None` if nothing is, it is only counted.
    held: Option<PreviousTree<'a>>,
    target: &'a mut dyn Target,
    steps: StepSink<'a>,
    monitor: &'a dyn Monitor,
    open: Vec<OpenDirectory<'a>>,
    path: EntryPath,
    removed: Removed,
}

struct OpenDirectory<'a> {
    name: Option<EntryName>,
    entries: TreeEntries<'a>,
    /// The restore made it, and it goes when it is empty.
    goes: bool,
    /// What was removed of it, or would be.
    removed: usize,
}

impl<'a> Removal<'a> {
    /// `there` are the files of the safety snapshot that is undone; `safety` is the one that was
    /// taken of what is there now.
    pub fn new(
        reader: &'a BlobReader,
        there: BlobId,
        safety: Option<SafetyTrees>,
        target: &'a mut dyn Target,
        steps: StepSink<'a>,
        monitor: &'a dyn Monitor,
    ) -> Self {
        Self {
            reader,
            there: PreviousTree::new(reader, there),
            held: safety.map(|trees| PreviousTree::new(reader, trees.files)),
            target,
            steps,
            monitor,
            open: Vec::new(),
            path: EntryPath::root(),
            removed: Removed::default(),
        }
    }

    pub fn run(mut self, absent: BlobId) -> Result<Removed, RestoreError> {
        let entries = self.reader.entries(&absent)?;
        self.open.push(OpenDirectory { name: None, entries, goes: false, removed: 0 });
        while let Some(top) = self.open.last_mut() {
            if self.monitor.stopped() {
                return Err(RepoError::Stopped.into());
            }
            match top.entries.next().transpose()? {
                Some(entry) => self.visit(&entry)?,
                None => self.leave(),
            }
        }
        Ok(self.removed)
    }

    fn visit(&mut self, entry: &Entry) -> Result<(), RestoreError> {
        let was_there = self.there.find(&self.path, &entry.name)?.is_some();
        let held = match &mut self.held {
            Some(held) => held.find(&self.path, &entry.name)?,
            None => None,
        };
        let handled = match &entry.kind {
            Kind::Directory(Directory { tree: Some(tree), .. }) => {
                self.directory(entry, *tree, was_there, held.as_ref())
            }
            _ if was_there => Ok(()),
            _ => self.remove(entry, held.as_ref()),
        };
        match handled {
            Err(RestoreError::Target(error)) => {
                self.failed(&entry.name, &error);
                Ok(())
            }
            other => other,
        }
    }

    fn directory(
        &mut self,
        entry: &Entry,
        tree: BlobId,
        was_there: bool,
        held: Option<&Entry>,
    ) -> Result<(), RestoreError> {
        match self.target.slot(entry)?.compare()? {
            Presence::Absent => return Ok(()),
            Presence::Differs { .. } if was_there => return Ok(()),
            Presence::Differs { .. } => return self.remove(entry, held),
            Presence::Same | Presence::MetadataDiffers { .. } => {}
        }
        let entries = self.reader.entries(&tree)?;
        self.target.enter(entry, false)?;
        self.path.push(&entry.name);
        self.open.push(OpenDirectory {
            name: Some(entry.name.clone()),
            entries,
            goes: !was_there,
            removed: 0,
        });
        Ok(())
    }

    /// Removes one thing that the restore made, whatever it has become.
    fn remove(&mut self, entry: &Entry, held: Option<&Entry>) -> Result<(), RestoreError> {
        let presence = self.target.slot(entry)?.compare()?;
        if presence == Presence::Absent {
            return Ok(());
        }
        let changed = u64::from(matches!(presence, Presence::Differs { .. }));
        let path = self.path.join(&entry.name);
        if self.held.is_some() {
            let Some(held) = held else { return Err(changed_meanwhile().into()) };
            match self.target.slot(held)?.compare()? {
                Presence::Same | Presence::MetadataDiffers { .. } => {}
                _ => return Err(changed_meanwhile().into()),
            }
            self.target.remove(&entry.name)?;
        }
        self.removed.changed += changed;
        self.is_removed(&path);
        Ok(())
    }

    fn leave(&mut self) {
        let Some(OpenDirectory { name: Some(name), goes, removed, .. }) = self.open.pop() else {
            return;
        };
        let children = self.target.children().map_or(usize::MAX, |children| children.len());
        // Where somebody else has put something, it stays.
        let left = if self.held.is_some() { children } else { children.saturating_sub(removed) };
        self.target.leave();
        let path = self.path.clone();
        self.path.pop();
        if !goes || left > 0 {
            return;
        }
        if self.held.is_some()
            && let Err(error) = self.target.remove(&name)
        {
            return self.failed(&name, &error);
        }
        self.is_removed(&path);
    }

    fn is_removed(&mut self, path: &EntryPath) {
        self.removed.things += 1;
        if let Some(top) = self.open.last_mut() {
            top.removed += 1;
        }
        (self.steps)(RestoreStep { action: RestoreAction::Delete, path, size: 0 });
    }

    fn failed(&mut self, name: &EntryName, error: &TargetError) {
        self.removed.failed += 1;
        let what = format!("/{}", self.path.join(name));
        let why = error.to_string();
        self.monitor.problem(Problem { kind: ProblemKind::Unrestored, what, why });
    }
}

fn changed_meanwhile() -> TargetError {
    TargetError::Refused("it was changed after the safety snapshot was taken, and stays".to_owned())
}
