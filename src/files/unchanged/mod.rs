//! The unchanged-cache: what a source's last backup saw, so that the next one reads only what
//! is new. It may be deleted at any time, and what is damaged in it counts as absent.
//!
//! An entry is unchanged if kind, size, mtime, ctime and inode (and, of one with several links,
//! the path that its group is named by) are what they were, and if its times were at least two
//! seconds before the backup that recorded it.

mod reader;
mod record;
mod writer;

pub(super) use reader::Children;
pub(super) use record::{Fingerprint, PathKey, group_mark};
pub(super) use writer::DirectoryRecord;
pub use writer::Recording;

use crate::model::SessionId;
use reader::Reader;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The cache file of one set of sources.
#[derive(Debug)]
pub struct UnchangedCache {
    path: PathBuf,
    source_set: [u8; 32],
    reader: Option<Arc<Reader>>,
}

impl UnchangedCache {
    /// What `folder` has for `sources`, in whatever order they are given; the folder must exist.
    /// Reads the table of directories, not the whole file.
    pub fn open(folder: &Path, sources: &[PathBuf]) -> Self {
        let source_set = source_set(sources);
        let name = crate::model::SnapshotHash::new(source_set).hex();
        let path = folder.join(format!("unchanged-{}", &name[..16]));
        writer::remove_leftovers(&path);
        let reader = Reader::open(&path, &source_set).ok().flatten();
        Self { path, source_set, reader }
    }

    /// The snapshot that has what is recorded here; the one to take unchanged entries from.
    pub fn snapshot(&self) -> Option<SessionId> {
        self.reader.as_ref().map(|reader| reader.snapshot)
    }

    /// Takes everything as new, for the snapshot is not there or not to be used.
    pub fn disregard(&mut self) {
        self.reader = None;
    }

    pub(super) fn children(&self, directory: PathKey) -> Option<Children> {
        Children::new(self.reader.as_ref()?, directory)
    }

    /// Begins the next recording.
    pub(super) fn record(&self) -> io::Result<Recording> {
        Recording::new(self.path.clone(), self.source_set)
    }
}

fn source_set(sources: &[PathBuf]) -> [u8; 32] {
    let mut paths: Vec<_> = sources.iter().map(|path| path.as_os_str().as_bytes()).collect();
    paths.sort_unstable();
    paths.dedup();
    let mut hasher = blake3::Hasher::new();
    for path in paths {
        hasher.update(path).update(&[0]);
    }
    *hasher.finalize().as_bytes()
}

#[cfg(test)]
mod tests;
