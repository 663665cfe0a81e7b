//! Diff: what differs between two snapshots, or between a snapshot and the folders that it came
//! from. Only what differs is walked.

mod change;
mod layout;
mod live;
mod paired;
mod text;

pub use change::{Change, Modifier, Statistics, Sums};
pub use layout::LiveContent;
pub use live::{LiveDiff, LiveReport, diff_live, live_path};
pub use text::{LARGEST_TEXT, TextDifference, live_text, text_difference, text_of};

use super::tree_cursor::OPEN_DIRECTORIES;
use super::walk_tree::walk_tree;
use crate::model::{BlobId, Collection, Directory, Entry, EntryName, EntryPath, Kind, Monitor};
use crate::repo::{BlobReader, RepoError};
pub(super) use change::compare;
use paired::{Pair, PairedEntries};

#[derive(Debug, thiserror::Error)]
pub enum DiffError {
    #[error(transparent)]
    Repo(#[from] RepoError),
    #[error(transparent)]
    Source(#[from] crate::model::SourceError),
    #[error(transparent)]
    Rules(#[from] crate::files::RuleError),
    #[error("cannot read {what}: {cause}")]
    Live { what: String, cause: std::io::Error },
    /// Whoever listens does not any more.
    #[error("stopped")]
    Stopped,
}

/// Something in a snapshot, as one side of a comparison.
#[derive(Clone, Copy)]
pub struct DiffSide<'a> {
    pub path: &'a EntryPath,
    pub entry: &'a Entry,
}

/// Hears of each difference; `false` ends the diff with [`DiffError::Stopped`].
pub type ChangeSink<'a> = &'a mut dyn FnMut(Change<'_>) -> bool;

/// What differs between two files or two folders, in order of path. Trees of one id are not
/// looked into.
pub fn diff(
    reader: &BlobReader,
    old: DiffSide<'_>,
    new: DiffSide<'_>,
    sink: ChangeSink<'_>,
    monitor: &dyn Monitor,
) -> Result<Statistics, DiffError> {
    let mut report = Report { sink, statistics: Statistics::default() };
    let walk = Walk { reader, old: old.path.clone(), new: new.path.clone(), monitor };
    walk.run(&old, &new, &mut report)?;
    Ok(report.statistics)
}

/// Passes differences on, and sums them.
struct Report<'a> {
    sink: ChangeSink<'a>,
    statistics: Statistics,
}

impl Report<'_> {
    fn tell(
        &mut self,
        modifier: Modifier,
        path: &EntryPath,
        old: Option<&Kind>,
        new: Option<&Kind>,
    ) -> Result<(), DiffError> {
        let is_directory = matches!(new.or(old), Some(Kind::Directory(_)));
        let (old, new) = (collection(old), collection(new));
        let collections = (old.is_some() || new.is_some()).then_some((old, new));
        match (self.sink)(Change { modifier, path, is_directory, collections }) {
            true => Ok(()),
            false => Err(DiffError::Stopped),
        }
    }

    fn one_sided(
        &mut self,
        modifier: Modifier,
        path: &EntryPath,
        kind: &Kind,
    ) -> Result<(), DiffError> {
        match modifier {
            Modifier::Added => {
                self.statistics.added.add(kind);
                self.tell(modifier, path, None, Some(kind))
            }
            _ => {
                self.statistics.removed.add(kind);
                self.tell(modifier, path, Some(kind), None)
            }
        }
    }

    fn both(
        &mut self,
        modifier: Modifier,
        path: &EntryPath,
        old: &Kind,
        new: &Kind,
    ) -> Result<(), DiffError> {
        let statistics = &mut self.statistics;
        match modifier {
            Modifier::Type => {
                statistics.removed.add(old);
                statistics.added.add(new);
            }
            Modifier::Metadata => statistics.changed_metadata += 1,
            _ => {
                statistics.changed_files += 1;
                statistics.removed.add_bytes(old);
                statistics.added.add_bytes(new);
            }
        }
        self.tell(modifier, path, Some(old), Some(new))
    }

    /// Everything below a directory that only one side has.
    fn all_below(
        &mut self,
        reader: &BlobReader,
        modifier: Modifier,
        path: &EntryPath,
        kind: &Kind,
        monitor: &dyn Monitor,
    ) -> Result<(), DiffError> {
        let Kind::Directory(Directory { tree: Some(tree), .. }) = kind else { return Ok(()) };
        walk_tree(reader, path, *tree, &mut |path, entry| {
            if monitor.stopped() {
                return Err(DiffError::Stopped);
            }
            self.one_sided(modifier, path, &entry.kind).map(|()| true)
        })
    }
}

fn collection(kind: Option<&Kind>) -> Option<&Collection> {
    match kind {
        Some(Kind::Collection(collection)) => Some(collection),
        _ => None,
    }
}

/// A comparison of two places in snapshots.
struct Walk<'a> {
    reader: &'a BlobReader,
    old: EntryPath,
    new: EntryPath,
    monitor: &'a dyn Monitor,
}

/// Two directories that are being compared.
struct Level<'a> {
    old: Option<BlobId>,
    new: Option<BlobId>,
    /// `None`: to be opened again, after `last`.
    pairs: Option<PairedEntries<'a>>,
    last: Option<EntryName>,
}

impl<'a> Level<'a> {
    /// `None` if there is nothing to compare.
    fn of(old: &Kind, new: &Kind) -> Option<Self> {
        match (old, new) {
            (Kind::Directory(old), Kind::Directory(new)) if old.tree != new.tree => {
                Some(Self { old: old.tree, new: new.tree, pairs: None, last: None })
            }
            _ => None,
        }
    }

    fn next(&mut self, reader: &'a BlobReader) -> Result<Option<Pair>, RepoError> {
        let (old, new) = ((reader, self.old), (reader, self.new));
        let pairs = self.pairs.get_or_insert_with(|| PairedEntries::new(old, new));
        while let Some(pair) = pairs.next()? {
            let name = pair.old.as_ref().or(pair.new.as_ref()).map(|entry| &entry.name);
            // Opened again: what was compared before is passed over.
            if name > self.last.as_ref() {
                self.last = name.cloned();
                return Ok(Some(pair));
            }
        }
        Ok(None)
    }
}

impl Walk<'_> {
    fn run(
        mut self,
        old: &DiffSide<'_>,
        new: &DiffSide<'_>,
        report: &mut Report<'_>,
    ) -> Result<(), DiffError> {
        let first = self.both(old.entry, new.entry, report)?;
        let mut levels: Vec<Level<'_>> = first.into_iter().collect();
        let reader = self.reader;
        while let Some(level) = levels.last_mut() {
            if self.monitor.stopped() {
                return Err(DiffError::Stopped);
            }
            let Some(pair) = level.next(reader)? else {
                levels.pop();
                self.old.pop();
                self.new.pop();
                continue;
            };
            let Some(below) = self.pair(&pair, report)? else { continue };
            let far = levels.len().checked_sub(OPEN_DIRECTORIES);
            if let Some(far) = far.and_then(|far| levels.get_mut(far)) {
                far.pairs = None;
            }
            levels.push(below);
        }
        Ok(())
    }

    /// Compares what lies under one name. Where both are directories that differ, the paths stay
    /// at them, and what is below comes next.
    fn pair<'b>(
        &mut self,
        pair: &Pair,
        report: &mut Report<'_>,
    ) -> Result<Option<Level<'b>>, DiffError> {
        let Some(name) = pair.old.as_ref().or(pair.new.as_ref()).map(|entry| &entry.name) else {
            return Ok(None);
        };
        self.old.push(name);
        self.new.push(name);
        let below = match (&pair.old, &pair.new) {
            (Some(old), Some(new)) => self.both(old, new, report)?,
            (Some(old), None) => {
                self.only(Modifier::Removed, &self.old, &old.kind, report)?;
                None
            }
            (None, Some(new)) => {
                self.only(Modifier::Added, &self.new, &new.kind, report)?;
                None
            }
            (None, None) => None,
        };
        if below.is_none() {
            self.old.pop();
            self.new.pop();
        }
        Ok(below)
    }

    fn both<'b>(
        &self,
        old: &Entry,
        new: &Entry,
        report: &mut Report<'_>,
    ) -> Result<Option<Level<'b>>, DiffError> {
        let modifier = compare((self.reader, old), (self.reader, new));
        if let Some(modifier) = modifier {
            report.both(modifier, &self.new, &old.kind, &new.kind)?;
        }
        if modifier == Some(Modifier::Type) {
            let (reader, monitor) = (self.reader, self.monitor);
            report.all_below(reader, Modifier::Removed, &self.old, &old.kind, monitor)?;
            report.all_below(reader, Modifier::Added, &self.new, &new.kind, monitor)?;
        }
        Ok(Level::of(&old.kind, &new.kind))
    }

    fn only(
        &self,
        modifier: Modifier,
        path: &EntryPath,
        kind: &Kind,
        report: &mut Report<'_>,
    ) -> Result<(), DiffError> {
        report.one_sided(modifier, path, kind)?;
        report.all_below(self.reader, modifier, path, kind, self.monitor)
    }
}
