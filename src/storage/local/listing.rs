//! Walking the folders: for objects, and for what interrupted writers left.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use rustix::fs::{AtFlags, FileType, Stat, statat};
use rustix::io::Errno;

use super::folders::{joined, names};
use super::{LocalStorage, NO_SESSION};
use crate::model::FileTime;
use crate::storage::{Folder, Listed, ObjectName};

/// After this time a temporary file of no session is nobody's.
const LEFT_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// A folder of so few names is listed whole: who was asked to stop still tidies up.
pub(super) const NEVER_STOPPED: usize = 5_000;

impl LocalStorage {
    /// The objects among the first so many names, and whether those were all.
    pub(super) fn list_objects(
        &self,
        folder: Folder,
        most: usize,
    ) -> io::Result<(Vec<Listed>, bool)> {
        let mut listed = Vec::new();
        // Folders count as one name each.
        let (levels, mut is_whole) = self.levels_below(folder, most)?;
        let mut left = most.saturating_sub(if folder.levels() == 0 { 0 } else { levels.len() });
        for below in levels {
            let path = joined(folder.word(), &below);
            let (names, is_all) = self.each_file(&path, left, |entry, _, metadata| {
                let name = ObjectName::new(folder, &joined(&below, entry));
                listed.extend(name.ok().map(|name| Listed {
                    name,
                    size: u64::try_from(metadata.st_size).unwrap_or(0),
                    stored: modified(metadata).timestamp(),
                }));
                Ok(())
            })?;
            left = left.saturating_sub(names);
            is_whole &= is_all;
        }
        Ok((listed, is_whole))
    }

    pub(super) fn sweep_temporaries(&self, finished: &dyn Fn(&str) -> bool) -> io::Result<()> {
        for folder in Folder::ALL {
            for below in self.levels_below(folder, folder.most_names())?.0 {
                self.each_file(
                    &joined(folder.word(), &below),
                    folder.most_names(),
                    |entry, folder, metadata| match writer(entry) {
                        Some(NO_SESSION) if is_old(metadata) => remove(folder, entry),
                        Some(session) if is_session(session) && finished(session) => {
                            remove(folder, entry)
                        }
                        _ => Ok(()),
                    },
                )?;
            }
        }
        Ok(())
    }

    /// The folders, relative to `folder`, that objects lie in, among the first so many names, and
    /// whether those were all.
    fn levels_below(&self, folder: Folder, most: usize) -> io::Result<(Vec<String>, bool)> {
        if folder.levels() == 0 {
            return Ok((vec![String::new()], true));
        }
        let Some(opened) = present(self.place.folders.open(folder.word()))? else {
            return Ok((Vec::new(), true));
        };
        let (mut below, is_whole) = first_names(&opened, most)?;
        // Nothing else is looked into: a `lost+found` could not be read.
        below.retain(|name| ObjectName::new(folder, &joined(name, "0")).is_ok());
        Ok((below, is_whole))
    }

    /// Calls `visit` with the name, the folder and the metadata of every file in a folder, of
    /// `most` names at most. How many names those were, and whether they were all.
    fn each_file(
        &self,
        path: &str,
        most: usize,
        mut visit: impl FnMut(&str, &OwnedFd, &Stat) -> io::Result<()>,
    ) -> io::Result<(usize, bool)> {
        let Some(folder) = present(self.place.folders.open(path))? else { return Ok((0, true)) };
        let (entries, is_whole) = first_names(&folder, most)?;
        let count = entries.len();
        for (number, entry) in entries.into_iter().enumerate() {
            let is_asked = || self.stop.as_ref().is_some_and(|stop| stop.load(Ordering::Relaxed));
            if number >= NEVER_STOPPED && is_asked() {
                return Err(io::Error::other("stopped"));
            }
            match statat(&folder, &entry, AtFlags::empty()) {
                Ok(metadata) if is_file(&metadata) => visit(&entry, &folder, &metadata)?,
                // Deleted meanwhile, or a link to nowhere.
                Ok(_) | Err(Errno::NOENT) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
        Ok((count, is_whole))
    }
}

/// So many names, and whether there are no more.
fn first_names(folder: &OwnedFd, most: usize) -> io::Result<(Vec<String>, bool)> {
    let mut first = names(folder, most.saturating_add(1))?;
    let is_whole = first.len() <= most;
    first.truncate(most);
    Ok((first, is_whole))
}

/// A folder that is missing, or no folder, has nothing in it.
fn present(folder: io::Result<OwnedFd>) -> io::Result<Option<OwnedFd>> {
    match folder {
        Ok(folder) => Ok(Some(folder)),
        Err(why) => match why.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Ok(None),
            _ => Err(why),
        },
    }
}

/// Whose temporary file this is.
fn writer(entry: &str) -> Option<&str> {
    let (writer, number) = entry.strip_prefix('.')?.strip_suffix(".tmp")?.split_once('-')?;
    number.bytes().all(|byte| byte.is_ascii_digit()).then_some(writer)
}

impl LocalStorage {
    /// Whether a file of this name is one that a write left which did not come to its end.
    pub fn is_temporary(name: &str) -> bool {
        writer(name).is_some_and(|writer| writer == NO_SESSION || is_session(writer))
    }
}

fn is_session(writer: &str) -> bool {
    writer.parse::<crate::model::SessionId>().is_ok()
}

fn remove(folder: &OwnedFd, entry: &str) -> io::Result<()> {
    match rustix::fs::unlinkat(folder, entry, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

fn is_file(metadata: &Stat) -> bool {
    FileType::from_raw_mode(metadata.st_mode) == FileType::RegularFile
}

fn is_old(metadata: &Stat) -> bool {
    let seconds = u64::try_from(metadata.st_mtime).unwrap_or(0);
    let modified = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
    modified.is_some_and(|time| time.elapsed().is_ok_and(|age| age > LEFT_AFTER))
}

fn modified(metadata: &Stat) -> FileTime {
    let nanoseconds = u32::try_from(metadata.st_mtime_nsec).unwrap_or(0);
    FileTime::new(metadata.st_mtime, nanoseconds).unwrap_or_default()
}
