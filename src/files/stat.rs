//! What the kernel says of one inode, asked without following anything.

use crate::model::FileTime;
use rustix::fd::AsFd;
use rustix::fs::{AtFlags, FileType, Statx, StatxAttributes, StatxFlags, StatxTimestamp};
use std::ffi::CStr;
use std::io;

/// Which inode it is, on this machine, now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Identity {
    pub device: u64,
    pub inode: u64,
}

/// The part of `statx` that snap looks at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stat {
    pub kind: FileType,
    /// Permission bits only.
    pub mode: u16,
    pub user: u32,
    pub group: u32,
    pub size: u64,
    /// Of 512 bytes.
    pub blocks: u64,
    pub links: u32,
    pub modified: FileTime,
    /// ctime: the last change of anything about the inode.
    pub changed: FileTime,
    pub identity: Identity,
    /// Of a device: what it drives.
    pub major: u32,
    pub minor: u32,
    attributes: StatxAttributes,
}

impl Stat {
    /// The entry `name` of `directory`; a link itself, not what it points to. One system call.
    pub fn of(directory: impl AsFd, name: &CStr) -> io::Result<Self> {
        Self::ask(directory, name, AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT)
    }

    /// What is behind an open file, also one opened with `O_PATH`.
    pub fn of_open(file: impl AsFd) -> io::Result<Self> {
        Self::ask(file, c"", AtFlags::EMPTY_PATH)
    }

    fn ask(directory: impl AsFd, name: &CStr, flags: AtFlags) -> io::Result<Self> {
        let wanted = StatxFlags::BASIC_STATS.difference(StatxFlags::ATIME);
        Ok(Self::from(rustix::fs::statx(directory, name, flags, wanted)?))
    }

    pub fn is_directory(&self) -> bool {
        self.kind == FileType::Directory
    }

    pub fn is_file(&self) -> bool {
        self.kind == FileType::RegularFile
    }

    /// Whether the inode is immutable or append-only: it must be opened up before it is changed.
    pub fn is_locked(&self) -> bool {
        self.attributes.intersects(StatxAttributes::IMMUTABLE | StatxAttributes::APPEND)
    }
}

impl From<Statx> for Stat {
    fn from(raw: Statx) -> Self {
        Self {
            kind: FileType::from_raw_mode(raw.stx_mode.into()),
            mode: raw.stx_mode & 0o7777,
            user: raw.stx_uid,
            group: raw.stx_gid,
            size: raw.stx_size,
            blocks: raw.stx_blocks,
            links: raw.stx_nlink,
            modified: file_time(raw.stx_mtime),
            changed: file_time(raw.stx_ctime),
            identity: Identity {
                device: u64::from(raw.stx_dev_major) << 32 | u64::from(raw.stx_dev_minor),
                inode: raw.stx_ino,
            },
            major: raw.stx_rdev_major,
            minor: raw.stx_rdev_minor,
            attributes: raw.stx_attributes,
        }
    }
}

fn file_time(time: StatxTimestamp) -> FileTime {
    FileTime::new(time.tv_sec, time.tv_nsec).unwrap_or_default()
}
