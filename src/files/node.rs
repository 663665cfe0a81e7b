//! One inode held open: its extended attributes and inode flags.

use super::stat::Stat;
use crate::model::{Attribute, AttributeValue, FileTime, InodeFlags};
use rustix::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use rustix::fs::{
    AtFlags, CWD, Gid, IFlags, Mode, OFlags, Timespec, Timestamps, UTIME_OMIT, Uid, XattrFlags,
};
use rustix::io::Errno;
use std::ffi::{CStr, CString};
use std::io;

/// The kernel's bound on a value and on a list of names.
const LARGEST: usize = 64 * 1024;

/// Enough for the names that a file usually has.
const USUAL: usize = 512;

/// An inode that cannot be exchanged for another while it is looked at or changed.
#[derive(Debug)]
pub(super) struct Node {
    descriptor: OwnedFd,
    /// Opened with `O_PATH`, so that nothing happened to it and calls go through `/proc`.
    passive: bool,
}

impl Node {
    /// A regular file or directory that was opened for reading or writing.
    pub fn open(descriptor: OwnedFd) -> Self {
        Self { descriptor, passive: false }
    }

    /// A regular file or directory, to be read: no link is followed, nothing is waited for,
    /// should something else be there, and the access time stays where that is allowed.
    pub fn to_read(directory: impl AsFd, name: &CStr) -> io::Result<Self> {
        let flags =
            OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let open = |flags| rustix::fs::openat(&directory, name, flags, Mode::empty());
        let opened = match open(flags | OFlags::NOATIME) {
            Err(Errno::PERM) => open(flags),
            opened => opened,
        };
        Ok(Self::open(opened?))
    }

    /// Any kind of entry; opening it has no effect on what it is (a device is not woken), and a
    /// link is held itself.
    pub fn passive(directory: impl AsFd, name: &CStr) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let descriptor = rustix::fs::openat(directory, name, flags, Mode::empty())?;
        Ok(Self { descriptor, passive: true })
    }

    /// A directory, only to pass through it.
    pub fn passive_directory(parent: impl AsFd, name: &CStr) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let descriptor = rustix::fs::openat(parent, name, flags, Mode::empty())?;
        Ok(Self { descriptor, passive: true })
    }

    /// The same directory, opened once more: to be listed, or held elsewhere.
    pub fn again(&self) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let descriptor = rustix::fs::openat(&self.descriptor, c".", flags, Mode::empty())?;
        Ok(Self { descriptor, passive: false })
    }

    pub fn into_file(self) -> std::fs::File {
        self.descriptor.into()
    }

    pub fn stat(&self) -> io::Result<Stat> {
        Stat::of_open(&self.descriptor)
    }

    /// The path by which calls that want one reach exactly this inode.
    pub fn proc_path(&self) -> CString {
        let path = format!("/proc/self/fd/{}", self.descriptor.as_raw_fd());
        CString::new(path).unwrap_or_default()
    }

    pub fn is_passive(&self) -> bool {
        self.passive
    }

    /// What a symbolic link holds.
    pub fn link_target(&self) -> io::Result<Vec<u8>> {
        Ok(rustix::fs::readlinkat(&self.descriptor, c"", Vec::new())?.into_bytes())
    }

    /// The names of the extended attributes, sorted; none where the file system has no such
    /// thing.
    pub fn attribute_names(&self) -> io::Result<Vec<CString>> {
        let mut list = vec![0; USUAL];
        let mut length = self.list(&mut list);
        if length == Err(Errno::RANGE) {
            list.resize(LARGEST, 0);
            length = self.list(&mut list);
        }
        match length {
            Ok(length) => list.truncate(length),
            Err(Errno::OPNOTSUPP) => list.clear(),
            Err(error) => return Err(error.into()),
        }
        let names = list.split(|byte| *byte == 0).filter(|name| !name.is_empty());
        let mut names = names.map(CString::new).collect::<Result<Vec<_>, _>>()?;
        names.sort_unstable();
        Ok(names)
    }

    fn list(&self, list: &mut [u8]) -> Result<usize, Errno> {
        if self.passive {
            rustix::fs::listxattr(self.proc_path(), list)
        } else {
            rustix::fs::flistxattr(&self.descriptor, list)
        }
    }

    /// The value of an extended attribute; `None` if there is none of that name (any more).
    pub fn attribute(&self, name: &CStr) -> io::Result<Option<Vec<u8>>> {
        let mut value = vec![0; USUAL];
        let mut length = self.value(name, &mut value);
        if length == Err(Errno::RANGE) {
            value.resize(LARGEST, 0);
            length = self.value(name, &mut value);
        }
        match length {
            Ok(length) => value.truncate(length),
            Err(Errno::NODATA) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
        value.shrink_to_fit();
        Ok(Some(value))
    }

    fn value(&self, name: &CStr, value: &mut [u8]) -> Result<usize, Errno> {
        if self.passive {
            rustix::fs::getxattr(self.proc_path(), name, value)
        } else {
            rustix::fs::fgetxattr(&self.descriptor, name, value)
        }
    }

    /// All extended attributes, sorted by name. What cannot be read goes to `failed`, by name.
    pub fn attributes(&self, failed: &mut dyn FnMut(&CStr, io::Error)) -> Vec<Attribute> {
        let names = self.attribute_names().unwrap_or_else(|error| {
            failed(c"extended attributes", error);
            Vec::new()
        });
        let mut attributes = Vec::with_capacity(names.len());
        for name in names {
            match self.attribute(&name) {
                Ok(Some(value)) => attributes.push(Attribute {
                    name: name.into_bytes(),
                    value: AttributeValue::Inline(value),
                }),
                Ok(None) => {}
                Err(error) => failed(&name, error),
            }
        }
        attributes
    }

    /// Sets an extended attribute, whether it was there or not.
    pub fn set_attribute(&self, name: &CStr, value: &[u8]) -> io::Result<()> {
        let flags = XattrFlags::empty();
        if self.passive {
            Ok(rustix::fs::setxattr(self.proc_path(), name, value, flags)?)
        } else {
            Ok(rustix::fs::fsetxattr(&self.descriptor, name, value, flags)?)
        }
    }

    pub fn remove_attribute(&self, name: &CStr) -> io::Result<()> {
        if self.passive {
            Ok(rustix::fs::removexattr(self.proc_path(), name)?)
        } else {
            Ok(rustix::fs::fremovexattr(&self.descriptor, name)?)
        }
    }

    /// Sets the permission bits. Not of a symbolic link, which has none.
    pub fn set_mode(&self, mode: u16) -> io::Result<()> {
        let mode = Mode::from_bits_retain(mode.into());
        if self.passive {
            Ok(rustix::fs::chmod(self.proc_path(), mode)?)
        } else {
            Ok(rustix::fs::fchmod(&self.descriptor, mode)?)
        }
    }

    pub fn set_owner(&self, user: Option<u32>, group: Option<u32>) -> io::Result<()> {
        let (user, group) = (user.map(Uid::from_raw), group.map(Gid::from_raw));
        Ok(rustix::fs::chownat(&self.descriptor, c"", user, group, AtFlags::EMPTY_PATH)?)
    }

    /// Sets the time of the last modification; that of the last access stays.
    pub fn set_modified(&self, time: FileTime) -> io::Result<()> {
        let last_access = Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT };
        let tv_nsec = time.nanoseconds().into();
        let last_modification = Timespec { tv_sec: time.seconds, tv_nsec };
        let times = Timestamps { last_access, last_modification };
        if self.passive {
            Ok(rustix::fs::utimensat(CWD, self.proc_path(), &times, AtFlags::empty())?)
        } else {
            Ok(rustix::fs::futimens(&self.descriptor, &times)?)
        }
    }

    /// The inode flags as the file system has them, those included that nobody can set; `None`
    /// where it has none, and of a passive node.
    pub fn raw_flags(&self) -> io::Result<Option<u32>> {
        if self.passive {
            return Ok(None);
        }
        match rustix::fs::ioctl_getflags(&self.descriptor) {
            Ok(flags) => Ok(Some(flags.bits())),
            Err(Errno::NOTTY | Errno::OPNOTSUPP | Errno::INVAL | Errno::NOSYS) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The flags that a user can set.
    pub fn flags(&self) -> io::Result<InodeFlags> {
        Ok(InodeFlags::from_raw(self.raw_flags()?.unwrap_or(0)))
    }

    /// Sets all flags at once; those that nobody can set must be passed as they are.
    pub fn set_raw_flags(&self, flags: u32) -> io::Result<()> {
        Ok(rustix::fs::ioctl_setflags(&self.descriptor, IFlags::from_bits_retain(flags))?)
    }
}

impl AsFd for Node {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}
