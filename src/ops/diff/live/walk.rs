//! The walk through live folders, with the snapshot's beside it.

use super::super::super::tree_cursor::{OPEN_DIRECTORIES, TreeCursor};
use super::super::change::compare;
use super::super::{DiffError, Modifier, Report};
use super::content::live_file;
use super::unread::Unread;
use super::{LiveDiff, LiveReport, live_path};
use crate::files::FilesSource;
use crate::model::{
    Counter, Directory, Entry, EntryName, EntryPath, Kind, Metadata, Origin, Recorded, Source, Step,
};
use crate::repo::BlobReader;
use std::io;
use std::sync::Arc;

/// Everything is looked at.
struct Nothing;

impl Recorded for Nothing {
    fn reusable(&mut self, _directory: &EntryPath, _name: &EntryName) -> bool {
        false
    }
}

/// A live directory that is being walked, and what the snapshot has in it.
pub struct Level<'a> {
    pub cursor: TreeCursor<'a>,
    /// The directory, if the snapshot has one there.
    pub entry: Option<Entry>,
}

/// How a path lies to the roots.
#[derive(PartialEq)]
enum Position {
    /// It is one, or below one.
    Inside,
    /// It leads to one.
    Above,
    Outside,
}

/// The live walk beside the snapshot's.
pub struct LiveWalk<'a, 'b> {
    reader: &'a BlobReader,
    options: &'b LiveDiff<'b>,
    unread: Arc<Unread>,
    /// Of the directory last entered.
    path: EntryPath,
    levels: Vec<Level<'a>>,
    report: Report<'b>,
}

impl<'a, 'b> LiveWalk<'a, 'b> {
    /// `root` is the root of all files.
    pub fn new(
        reader: &'a BlobReader,
        options: &'b LiveDiff<'b>,
        unread: Arc<Unread>,
        root: Level<'a>,
        report: Report<'b>,
    ) -> Self {
        let mut path = EntryPath::root();
        path.push(&super::super::super::backup::files_name());
        Self { reader, options, unread, path, levels: vec![root], report }
    }

    /// Without a source nothing live is there.
    pub fn run(mut self, source: Option<FilesSource>) -> Result<LiveReport, DiffError> {
        if let Some(mut source) = source {
            while let Some(step) = source.next(&mut Nothing)? {
                if self.unread.inner().stopped() {
                    return Err(DiffError::Stopped);
                }
                match step {
                    Step::Enter { name } => self.enter(&name)?,
                    Step::Entry { name, origin } => self.entry(&name, origin)?,
                    Step::Leave { metadata, .. } => self.leave(metadata)?,
                }
            }
        }
        self.removed_before(None)?;
        Ok(LiveReport { statistics: self.report.statistics, unread: self.unread.count() })
    }

    fn position(&self, path: &EntryPath) -> Position {
        match () {
            () if self.options.roots.iter().any(|root| path.starts_with(root)) => Position::Inside,
            () if self.options.roots.iter().any(|root| root.starts_with(path)) => Position::Above,
            () => Position::Outside,
        }
    }

    /// What the snapshot has under the next live name, after all that comes before it was
    /// reported as removed.
    fn recorded(&mut self, name: &EntryName) -> Result<Option<Entry>, DiffError> {
        self.removed_before(Some(name))?;
        let Some(level) = self.levels.last_mut() else { return Ok(None) };
        match level.cursor.peek()?.is_some_and(|entry| entry.name == *name) {
            true => Ok(level.cursor.next()?),
            false => Ok(None),
        }
    }

    fn removed_before(&mut self, name: Option<&EntryName>) -> Result<(), DiffError> {
        while let Some(level) = self.levels.last_mut() {
            let Some(next) = level.cursor.peek()? else { break };
            if name.is_some_and(|name| next.name >= *name) {
                break;
            }
            if let Some(entry) = level.cursor.next()? {
                self.removed(&entry)?;
            }
        }
        Ok(())
    }

    fn removed(&mut self, entry: &Entry) -> Result<(), DiffError> {
        let path = self.path.join(&entry.name);
        match self.position(&path) {
            Position::Outside => Ok(()),
            // Left out by a pattern, or not readable.
            Position::Inside if !is_gone(&path) => Ok(()),
            Position::Inside => self.removed_with_all(&path, entry),
            Position::Above => {
                let roots = self.options.roots;
                for root in roots.iter().filter(|root| root.starts_with(&path)) {
                    if let Some(entry) = self.below(&path, entry, root)? {
                        self.removed_with_all(root, &entry)?;
                    }
                }
                Ok(())
            }
        }
    }

    /// The entry at `path`, which lies below that of `ancestor`.
    fn below(
        &self,
        ancestor: &EntryPath,
        entry: &Entry,
        path: &EntryPath,
    ) -> Result<Option<Entry>, DiffError> {
        let Kind::Directory(Directory { tree: Some(tree), .. }) = &entry.kind else {
            return Ok(None);
        };
        let mut rest = EntryPath::root();
        path.names().skip(ancestor.depth()).for_each(|name| rest.push(&name));
        Ok(self.reader.find_path(tree, &rest)?)
    }

    fn removed_with_all(&mut self, path: &EntryPath, entry: &Entry) -> Result<(), DiffError> {
        let (kind, monitor) = (&entry.kind, Arc::clone(self.unread.inner()));
        self.report.one_sided(Modifier::Removed, path, kind)?;
        self.report.all_below(self.reader, Modifier::Removed, path, kind, monitor.as_ref())
    }

    fn enter(&mut self, name: &EntryName) -> Result<(), DiffError> {
        let recorded = self.recorded(name)?;
        self.path.push(name);
        self.unread.inner().current(&self.path);
        let tree = match &recorded {
            Some(Entry { kind: Kind::Directory(Directory { tree, .. }), .. }) => *tree,
            Some(entry) => {
                let (path, new) = (&self.path, live_directory());
                self.report.both(Modifier::Type, path, &entry.kind, &new)?;
                None
            }
            None => {
                if self.position(&self.path) == Position::Inside {
                    self.report.one_sided(Modifier::Added, &self.path, &live_directory())?;
                }
                None
            }
        };
        let entry = recorded.filter(|entry| matches!(entry.kind, Kind::Directory(_)));
        let far = self.levels.len().checked_sub(OPEN_DIRECTORIES);
        if let Some(far) = far.and_then(|far| self.levels.get_mut(far)) {
            far.cursor.close();
        }
        self.levels.push(Level { cursor: TreeCursor::new(self.reader, tree), entry });
        Ok(())
    }

    fn leave(&mut self, metadata: Option<Metadata>) -> Result<(), DiffError> {
        self.removed_before(None)?;
        let level = self.levels.pop();
        let recorded = level.and_then(|level| level.entry);
        if let (Some(old), Some(metadata)) = (recorded, metadata)
            && self.position(&self.path) == Position::Inside
        {
            let kind = live_directory();
            let new = Entry { name: old.name.clone(), kind, metadata, link_group: None };
            self.both(&old, &new)?;
        }
        self.path.pop();
        Ok(())
    }

    fn entry(&mut self, name: &EntryName, origin: Origin) -> Result<(), DiffError> {
        let recorded = self.recorded(name)?;
        self.path.push(name);
        self.unread.inner().add(Counter::EntriesProcessed, 1);
        let live = match origin {
            Origin::Recorded { .. } => None,
            Origin::Complete(fresh) => {
                let (kind, metadata) = (fresh.kind, fresh.metadata);
                Some(Entry { name: name.clone(), kind, metadata, link_group: None })
            }
            Origin::Stream { mut stream, .. } => {
                let (stream, reads_all) = (stream.as_mut(), self.options.content);
                let live =
                    live_file(name, stream, recorded.as_ref(), reads_all, self.unread.as_ref());
                live.map_err(|error| self.unread.note(&self.path, &error)).ok()
            }
        };
        match (recorded, live) {
            (None, Some(live)) if self.position(&self.path) == Position::Inside => {
                self.report.one_sided(Modifier::Added, &self.path, &live.kind)?;
            }
            (_, None) | (None, Some(_)) => {}
            (Some(old), Some(live)) => {
                self.both(&old, &live)?;
                if matches!(old.kind, Kind::Directory(_)) {
                    let (path, monitor) = (self.path.clone(), Arc::clone(self.unread.inner()));
                    let (reader, removed) = (self.reader, Modifier::Removed);
                    let monitor = monitor.as_ref();
                    self.report.all_below(reader, removed, &path, &old.kind, monitor)?;
                }
            }
        }
        self.path.pop();
        Ok(())
    }

    fn both(&mut self, old: &Entry, new: &Entry) -> Result<(), DiffError> {
        match compare((self.reader, old), (self.reader, new)) {
            Some(modifier) => self.report.both(modifier, &self.path, &old.kind, &new.kind),
            None => Ok(()),
        }
    }
}

/// Whether nothing live is there, as far as can be told.
fn is_gone(path: &EntryPath) -> bool {
    match std::fs::symlink_metadata(live_path(path)) {
        Ok(_) => false,
        Err(error) => {
            matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
        }
    }
}

fn live_directory() -> Kind {
    Kind::Directory(Directory { tree: None, summary: Default::default() })
}
