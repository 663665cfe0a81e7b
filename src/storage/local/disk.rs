//! The two system calls that durability hangs on, so that tests can make them fail.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs::{RenameFlags, fsync, renameat_with};
use rustix::io::{Errno, retry_on_intr};

pub(super) trait Disk: Send + Sync {
    /// Makes a file's bytes, or a folder's entries, durable.
    fn sync(&self, file: BorrowedFd<'_>) -> io::Result<()>;

    /// Renames within a folder, to a name that must not be taken.
    fn rename(&self, folder: BorrowedFd<'_>, from: &str, to: &str) -> io::Result<()>;
}

pub(super) struct Kernel;

impl Disk for Kernel {
    fn sync(&self, file: BorrowedFd<'_>) -> io::Result<()> {
        Ok(retry_on_intr(|| fsync(file))?)
    }

    fn rename(&self, folder: BorrowedFd<'_>, from: &str, to: &str) -> io::Result<()> {
        let rename = || renameat_with(folder, from, folder, to, RenameFlags::NOREPLACE);
        Ok(retry_on_intr(rename)?)
    }
}

/// Some mounted file systems cannot flush folders; they have nothing better to offer.
pub(super) fn sync_folder(disk: &dyn Disk, folder: &impl AsFd) -> io::Result<()> {
    match disk.sync(folder.as_fd()) {
        Err(why) if unsupported(&why) => Ok(()),
        result => result,
    }
}

/// Whether the file system does not know the call.
pub(super) fn unsupported(why: &io::Error) -> bool {
    let errno = Errno::from_io_error(why);
    matches!(errno, Some(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP))
}
