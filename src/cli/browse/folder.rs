//! A folder of a snapshot, of which only what is on the screen is read.

use super::contents::Contents;
use super::cursor::Cursor;
use super::describe::shown_name;
use crate::model::{BlobId, Directory, Entry, EntryPath, Kind, Snapshot};
use std::sync::Arc;

/// At most so many names are found by a filter.
const MOST_FOUND: usize = 100_000;

/// A filter looks through so many names at a time.
const STEP: u64 = 1024;

pub struct Folder {
    pub snapshot: Arc<Snapshot>,
    /// Below `/`.
    pub path: EntryPath,
    tree: Option<BlobId>,
    pub cursor: Cursor,
    pub filter: String,
    /// The numbers of the entries that the filter lets pass.
    found: Option<Vec<u64>>,
}

impl Folder {
    /// The root of a snapshot.
    pub fn root(contents: &dyn Contents, snapshot: &Arc<Snapshot>) -> Result<Self, String> {
        let tree = contents.root(snapshot)?.tree;
        Self::open(contents, snapshot, EntryPath::root(), tree)
    }

    /// A directory in this one.
    pub fn enter(&self, contents: &dyn Contents, entry: &Entry) -> Result<Self, String> {
        match &entry.kind {
            Kind::Directory(Directory { tree, .. }) => {
                Self::open(contents, &self.snapshot, self.path.join(&entry.name), *tree)
            }
            _ => Err(format!("{} is no folder", entry.name)),
        }
    }

    fn open(
        contents: &dyn Contents,
        snapshot: &Arc<Snapshot>,
        path: EntryPath,
        tree: Option<BlobId>,
    ) -> Result<Self, String> {
        let length = match &tree {
            Some(tree) => contents.length(snapshot, tree)?,
            None => 0,
        };
        Ok(Self {
            snapshot: Arc::clone(snapshot),
            path,
            tree,
            cursor: Cursor::new(length),
            filter: String::new(),
            found: None,
        })
    }

    /// The entries of the rows from `first` on.
    pub fn rows(
        &self,
        contents: &dyn Contents,
        first: u64,
        count: u64,
    ) -> Result<Vec<Arc<Entry>>, String> {
        let Some(tree) = &self.tree else { return Ok(Vec::new()) };
        let Some(found) = &self.found else {
            return contents.entries(&self.snapshot, tree, first, count);
        };
        let first = usize::try_from(first).unwrap_or(usize::MAX);
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        let mut rows = Vec::new();
        for index in found.iter().skip(first).take(count) {
            rows.extend(contents.entries(&self.snapshot, tree, *index, 1)?);
        }
        Ok(rows)
    }

    /// The entry of the chosen row.
    pub fn chosen(&self, contents: &dyn Contents) -> Result<Option<Arc<Entry>>, String> {
        Ok(self.rows(contents, self.cursor.at, 1)?.pop())
    }

    /// Shows only names that have `text` in them, in any case; all again for an empty one.
    pub fn set_filter(&mut self, contents: &dyn Contents, text: &str) -> Result<(), String> {
        self.filter = text.to_owned();
        let Some(tree) = &self.tree else { return Ok(()) };
        let all = contents.length(&self.snapshot, tree)?;
        if text.is_empty() {
            self.found = None;
            self.cursor = Cursor::new(all);
            return Ok(());
        }
        let wanted = text.to_lowercase();
        let (mut found, mut index) = (Vec::new(), 0);
        while index < all && found.len() < MOST_FOUND {
            let entries = contents.entries(&self.snapshot, tree, index, STEP)?;
            for (at, entry) in (index..).zip(&entries) {
                if shown_name(entry).to_lowercase().contains(&wanted) {
                    found.push(at);
                }
            }
            match entries.len() {
                0 => break,
                read => index = index.saturating_add(read as u64),
            }
        }
        self.cursor = Cursor::new(found.len() as u64);
        self.found = Some(found);
        Ok(())
    }

    /// Whether it has fewer names than that, whatever the filter lets pass.
    pub fn is_shorter_than(&self, contents: &dyn Contents, names: u64) -> bool {
        match &self.tree {
            Some(tree) => contents.length(&self.snapshot, tree).is_ok_and(|length| length < names),
            None => true,
        }
    }

    /// Chooses the entry of this name, if it is shown.
    pub fn choose(&mut self, contents: &dyn Contents, name: &[u8]) -> Result<(), String> {
        let (mut row, mut length) = (0, STEP);
        while length > 0 {
            let entries = self.rows(contents, row, STEP)?;
            length = entries.len() as u64;
            if let Some(at) = entries.iter().position(|entry| entry.name.bytes() == name) {
                self.cursor.at = row.saturating_add(at as u64);
                return Ok(());
            }
            row = row.saturating_add(length);
        }
        Ok(())
    }
}
