//! The folders of a repository: opened, made when needed, flushed after deletions.

use std::collections::{BTreeSet, HashSet};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::fs::{AtFlags, Dir, Mode, OFlags, mkdirat, openat, unlinkat};
use rustix::io::Errno;

use super::disk::{Disk, sync_folder};

/// Paths are relative to the root and written with `/`; the root itself is the empty path.
pub(super) struct Folders {
    root: OwnedFd,
    /// Those that are durable, as far as this process has seen.
    made: Mutex<HashSet<String>>,
    /// Those in which something was deleted that a power cut could bring back.
    unsynced: Mutex<BTreeSet<String>>,
}

impl Folders {
    pub fn new(root: OwnedFd) -> Self {
        Self { root, made: Mutex::default(), unsynced: Mutex::default() }
    }

    pub fn open(&self, path: &str) -> io::Result<OwnedFd> {
        let path = if path.is_empty() { "." } else { path };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(openat(&self.root, path, flags, Mode::empty())?)
    }

    pub fn open_file(&self, path: &str) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        Ok(File::from(openat(&self.root, path, flags, Mode::empty())?))
    }

    /// Opens a folder to write into; makes it durably, with those above it, where it is missing.
    pub fn open_made(&self, path: &str, disk: &dyn Disk) -> io::Result<OwnedFd> {
        let ends = path.match_indices('/').map(|(end, _)| end).chain([path.len()]);
        for folder in ends.filter_map(|end| path.get(..end)).filter(|folder| !folder.is_empty()) {
            self.make(folder, disk)?;
        }
        self.open(path)
    }

    /// A folder that is there already may be another writer's who has not flushed it yet. So the
    /// one above is flushed all the same, once for all that is in it.
    fn make(&self, folder: &str, disk: &dyn Disk) -> io::Result<()> {
        if lock(&self.made).contains(folder) {
            return Ok(());
        }
        let made = mkdirat(&self.root, folder, Mode::RWXU);
        let path = split(folder).0;
        let above = self.open(path)?;
        let durable = match made {
            Ok(()) => vec![folder.to_string()],
            Err(Errno::EXIST) => {
                names(&above, usize::MAX)?.iter().map(|name| joined(path, name)).collect()
            }
            Err(errno) => return Err(errno.into()),
        };
        sync_folder(disk, &above)?;
        lock(&self.made).extend(durable);
        Ok(())
    }

    /// The folder turned out to be gone.
    pub fn forget(&self, folder: &str) {
        lock(&self.made).remove(folder);
    }

    /// Removes a file, and the folder of a session with its last file.
    pub fn remove_file(&self, path: &str) -> io::Result<()> {
        match unlinkat(&self.root, path, AtFlags::empty()) {
            Ok(()) => {}
            Err(Errno::NOENT) => return Ok(()),
            Err(errno) => return Err(errno.into()),
        }
        let (folder, _) = split(path);
        let changed = match self.remove_session(folder) {
            true => split(folder).0,
            false => folder,
        };
        lock(&self.unsynced).insert(changed.to_string());
        Ok(())
    }

    /// Every session has a folder of its own, and there would be ever more of them.
    fn remove_session(&self, folder: &str) -> bool {
        let removed = folder.starts_with("sessions/")
            && unlinkat(&self.root, folder, AtFlags::REMOVEDIR).is_ok();
        if removed {
            self.forget(folder);
        }
        removed
    }

    /// Makes all deletions durable. The lock is held all the while: who comes second may rely on
    /// it too when this returns.
    pub fn settle(&self, disk: &dyn Disk) -> io::Result<()> {
        let mut unsynced = lock(&self.unsynced);
        while let Some(path) = unsynced.first() {
            match self.open(path) {
                Ok(folder) => sync_folder(disk, &folder)?,
                Err(why) if why.kind() == io::ErrorKind::NotFound => {}
                Err(why) => return Err(why),
            }
            unsynced.pop_first();
        }
        Ok(())
    }
}

/// The folder and the last part of a path.
pub(super) fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

/// The other way round.
pub(super) fn joined(folder: &str, name: &str) -> String {
    match (folder, name) {
        ("", name) => name.to_string(),
        (folder, "") => folder.to_string(),
        (folder, name) => format!("{folder}/{name}"),
    }
}

/// The names in a folder, without `.` and `..` and those that are not UTF-8: none of ours. At most
/// so many, whichever.
pub(super) fn names(folder: &OwnedFd, most: usize) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        if names.len() == most {
            break;
        }
        match entry.file_name().to_str() {
            Ok("." | "..") | Err(_) => {}
            Ok(name) => names.push(name.to_string()),
        }
    }
    Ok(names)
}

/// Neither set is ever half changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
