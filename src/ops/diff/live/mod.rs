//! A snapshot and the live folders that it came from.

mod content;
mod unread;
mod walk;

use super::super::tree_cursor::TreeCursor;
use super::{ChangeSink, DiffError, Report, Statistics};
use crate::files::{FilesSource, RuleSettings, Rules, SourceOptions};
use crate::model::{BlobId, EntryPath, Monitor, Stage};
use crate::ops::backup::files_tree;
use crate::repo::BlobReader;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::sync::Arc;
use unread::Unread;
use walk::{Level, LiveWalk};

/// What to compare, and how.
pub struct LiveDiff<'a> {
    /// What of the snapshot is compared: `files/srv/bot`.
    pub roots: &'a [EntryPath],
    /// What of the live folders is passed over.
    pub rules: &'a RuleSettings,
    pub one_file_system: bool,
    /// Reads files of equal size and time, too.
    pub content: bool,
}

/// What a comparison with live folders found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LiveReport {
    pub statistics: Statistics,
    /// Things that could not be read; each was reported as a problem.
    pub unread: u64,
}

/// What differs between a snapshot, whose root directory is `tree`, and the live files. A file
/// of the same size and time is taken as the same, unless it is to be read; one of the same size
/// and another time is read.
pub fn diff_live(
    reader: &BlobReader,
    tree: BlobId,
    options: &LiveDiff<'_>,
    sink: ChangeSink<'_>,
    monitor: Arc<dyn Monitor>,
) -> Result<LiveReport, DiffError> {
    monitor.stage(Stage::Reading);
    let unread = Arc::new(Unread::new(Arc::clone(&monitor)));
    let there: Vec<PathBuf> = options
        .roots
        .iter()
        .map(live_path)
        .filter(|path| std::fs::symlink_metadata(path).is_ok())
        .collect();
    let rules = Rules::new(options.rules)?;
    let begun = reader.repository().clock().now();
    let source_options = SourceOptions { begun, one_file_system: options.one_file_system };
    let source = match there.is_empty() {
        true => None,
        false => {
            let monitor = Arc::clone(&unread) as Arc<dyn Monitor>;
            Some(FilesSource::new(&there, rules, None, source_options, monitor)?)
        }
    };
    let root = Level { cursor: TreeCursor::new(reader, files_tree(reader, &tree)?), entry: None };
    let report = Report { sink, statistics: Statistics::default() };
    LiveWalk::new(reader, options, unread, root, report).run(source)
}

/// `/srv/bot` for `files/srv/bot`.
pub fn live_path(path: &EntryPath) -> PathBuf {
    let mut live = PathBuf::from("/");
    path.names().skip(1).for_each(|name| live.push(OsString::from_vec(name.bytes().to_vec())));
    live
}
