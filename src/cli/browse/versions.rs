//! One path through the snapshots.

use super::contents::{Contents, shown_path, whole_path};
use super::cursor::Cursor;
use crate::cli::text::time;
use crate::model::{Entry, EntryPath, Kind, Snapshot};
use crate::policy::format_size;
use jiff::tz::TimeZone;
use std::sync::Arc;

/// So many snapshots are looked into, the newest first.
const MOST_SNAPSHOTS: usize = 500;

/// What several snapshots, one after the other, have alike.
pub struct Version {
    /// The newest of them.
    pub snapshot: Arc<Snapshot>,
    /// `None`: they do not have it.
    pub entry: Option<Arc<Entry>>,
    snapshots: u64,
}

pub struct Versions {
    /// As it is shown.
    pub path: EntryPath,
    /// In the snapshots.
    pub whole_path: EntryPath,
    pub versions: Vec<Version>,
    pub cursor: Cursor,
    /// Whether there are older snapshots that were not looked into.
    pub is_cut: bool,
}

impl Versions {
    /// `snapshots` are newest first; the path lies below `root` of a snapshot.
    pub fn of(
        contents: &dyn Contents,
        snapshots: &[Arc<Snapshot>],
        (root, path): (EntryPath, EntryPath),
    ) -> Result<Self, String> {
        let whole = whole_path(&root, &path);
        let mut versions: Vec<Version> = Vec::new();
        for snapshot in snapshots.iter().take(MOST_SNAPSHOTS) {
            let root = contents.root_path(snapshot);
            let entry = match whole.starts_with(&root) {
                true => contents.find(snapshot, &shown_path(&root, &whole))?,
                false => None,
            };
            match versions.last_mut() {
                Some(last) if last.entry == entry => {
                    last.snapshots = last.snapshots.saturating_add(1);
                }
                _ => versions.push(Version { snapshot: Arc::clone(snapshot), entry, snapshots: 1 }),
            }
        }
        let cursor = Cursor::new(versions.len() as u64);
        Ok(Self {
            path,
            whole_path: whole,
            versions,
            cursor,
            is_cut: snapshots.len() > MOST_SNAPSHOTS,
        })
    }

    pub fn chosen(&self) -> Option<&Version> {
        self.versions.get(usize::try_from(self.cursor.at).ok()?)
    }
}

impl Version {
    pub fn line(&self, zone: &TimeZone) -> String {
        let begun = time(self.snapshot.begun, zone);
        let what = match &self.entry {
            None => "not there".to_owned(),
            Some(entry) => {
                let size = match &entry.kind {
                    Kind::File(file) => format_size(file.size),
                    Kind::Directory(directory) => format_size(directory.summary.bytes),
                    kind => kind.word().to_owned(),
                };
                let modified = time(entry.metadata.modified.timestamp(), zone);
                format!("{size:>11}  of {modified}")
            }
        };
        let more = match self.snapshots {
            0 | 1 => String::new(),
            more => format!("  ({more} snapshots)"),
        };
        format!("{begun}  {}  {what}{more}", self.snapshot.id.short())
    }
}
