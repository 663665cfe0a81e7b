//! One durable write: temporary file, flush, rename, flush of the folder.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::Ordering;

use rustix::fs::{AtFlags, Mode, OFlags, fstat, linkat, openat, statat, unlinkat};
use rustix::io::Errno;

use super::LocalStorage;
use super::disk::{sync_folder, unsupported};
use super::error::is_full;
use super::folders::split;
use crate::storage::Put;

/// A file without an object's name yet; removed when dropped, unless it got one.
pub(super) struct Temporary<'a> {
    folder: &'a OwnedFd,
    name: String,
    file: File,
    renamed: bool,
}

impl LocalStorage {
    /// Puts the bytes at `path`, if nothing is there, durably.
    pub(super) fn put(&self, path: &str, bytes: &[u8]) -> io::Result<Put> {
        // The folder of a session can be removed, as empty, by a prune at any time before this
        // write has its temporary file in it.
        const ATTEMPTS: usize = 8;
        self.place.folders.settle(&*self.place.disk)?;
        let mut gone = io::Error::from(Errno::NOENT);
        for _ in 0..ATTEMPTS {
            match self.put_once(path, bytes) {
                Err(why) if why.kind() == io::ErrorKind::NotFound => gone = why,
                result => return result,
            }
            self.place.folders.forget(split(path).0);
        }
        Err(gone)
    }

    fn put_once(&self, path: &str, bytes: &[u8]) -> io::Result<Put> {
        let (folder_path, name) = split(path);
        let folder = self.place.folders.open_made(folder_path, &*self.place.disk)?;
        let put = match statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(_) => Put::Exists,
            Err(Errno::NOENT) => {
                let temporary = self.write_durably(&folder, &|mut file| file.write_all(bytes))?;
                temporary.publish(self, name)?
            }
            Err(errno) => return Err(errno.into()),
        };
        // Also for what exists: who put it may not have come so far.
        sync_folder(&*self.place.disk, &folder)?;
        Ok(put)
    }

    /// What a failed flush leaves in the file is unknown, and a second flush of it says nothing:
    /// everything is written again to a new one, once.
    pub(super) fn write_durably<'a>(
        &self,
        folder: &'a OwnedFd,
        content: &dyn Fn(&File) -> io::Result<()>,
    ) -> io::Result<Temporary<'a>> {
        let write = || -> io::Result<(io::Result<()>, Temporary<'a>)> {
            let temporary = self.temporary(folder)?;
            content(&temporary.file)?;
            Ok((self.place.disk.sync(temporary.file.as_fd()), temporary))
        };
        match write()? {
            (Ok(()), temporary) => return Ok(temporary),
            (Err(why), _) if is_full(&why) => return Err(why),
            (Err(_), lost) => drop(lost),
        }
        let (synced, temporary) = write()?;
        synced.map(|()| temporary)
    }

    fn temporary<'a>(&self, folder: &'a OwnedFd) -> io::Result<Temporary<'a>> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        loop {
            let number = self.place.temporary.fetch_add(1, Ordering::Relaxed);
            let name = format!(".{}-{number}.tmp", self.writer);
            match openat(folder, &name, flags, Mode::RUSR) {
                Ok(file) => {
                    return Ok(Temporary { folder, name, file: file.into(), renamed: false });
                }
                Err(Errno::EXIST) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
    }
}

impl Temporary<'_> {
    fn publish(mut self, storage: &LocalStorage, name: &str) -> io::Result<Put> {
        match storage.place.disk.rename(self.folder.as_fd(), &self.name, name) {
            Ok(()) => {
                self.renamed = true;
                Ok(Put::Created)
            }
            Err(why) if why.kind() == io::ErrorKind::AlreadyExists => Ok(Put::Exists),
            Err(why) if unsupported(&why) => self.link(name),
            Err(why) => Err(why),
        }
    }

    /// For file systems that cannot rename without replacing.
    fn link(&self, name: &str) -> io::Result<Put> {
        match linkat(self.folder, &self.name, self.folder, name, AtFlags::empty()) {
            Ok(()) => Ok(Put::Created),
            // Over a network the answer to the first request may be lost and the second be refused.
            Err(Errno::EXIST) if fstat(&self.file)?.st_nlink > 1 => Ok(Put::Created),
            Err(Errno::EXIST) => Ok(Put::Exists),
            Err(Errno::PERM | Errno::NOTSUP | Errno::NOSYS | Errno::MLINK) => Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "this file system can neither rename without replacing nor make hard links",
            )),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Takes the name, also from another file.
    pub(super) fn replace(mut self, name: &str) -> io::Result<()> {
        rustix::fs::renameat(self.folder, &self.name, self.folder, name)?;
        self.renamed = true;
        Ok(())
    }
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        if !self.renamed {
            // What cannot be removed now is swept later.
            let _ = unlinkat(self.folder, &self.name, AtFlags::empty());
        }
    }
}
