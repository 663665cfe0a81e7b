//! What a file system knows about an entry beside its content.

use super::{ChunkTree, FileTime};

/// Permissions, ownership, time and attributes of an entry. What is only true on one machine at
/// one time (ctime, inode, atime) is not here, so that equal content gives equal trees.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metadata {
    /// The permission bits with setuid, setgid and sticky: `mode & 0o7777`.
    pub mode: u16,
    pub user: u32,
    pub group: u32,
    /// Empty if the system had no name for the number, or a name that is not UTF-8.
    pub user_name: String,
    pub group_name: String,
    pub modified: FileTime,
    /// Sorted by name. POSIX ACLs and capabilities are among them.
    pub attributes: Vec<Attribute>,
    pub flags: InodeFlags,
}

/// An extended attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// With its namespace, `user.note`; never empty, never with a NUL.
    pub name: Vec<u8>,
    pub value: AttributeValue,
}

/// The value of an extended attribute: here, or, where an entry would grow too large, in chunks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttributeValue {
    Inline(Vec<u8>),
    Chunks(ChunkTree),
}

/// The inode flags that a user or administrator can set, in Linux's numbering (`FS_*_FL`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct InodeFlags(u32);

impl InodeFlags {
    pub const SYNC: u32 = 0x8;
    pub const IMMUTABLE: u32 = 0x10;
    pub const APPEND: u32 = 0x20;
    pub const NODUMP: u32 = 0x40;
    pub const NOATIME: u32 = 0x80;
    pub const COMPRESSED: u32 = 0x4;
    pub const DIRSYNC: u32 = 0x1_0000;
    pub const TOPDIR: u32 = 0x2_0000;
    pub const NOCOW: u32 = 0x80_0000;
    pub const PROJECT_INHERIT: u32 = 0x2000_0000;

    /// All that a user can set and a restore gives back.
    pub const SETTABLE: u32 = Self::SYNC
        | Self::IMMUTABLE
        | Self::APPEND
        | Self::NODUMP
        | Self::NOATIME
        | Self::COMPRESSED
        | Self::DIRSYNC
        | Self::TOPDIR
        | Self::NOCOW
        | Self::PROJECT_INHERIT;

    /// Keeps the settable ones of what the file system reports.
    pub fn from_raw(flags: u32) -> Self {
        Self(flags & Self::SETTABLE)
    }

    pub fn raw(self) -> u32 {
        self.0
    }
}
