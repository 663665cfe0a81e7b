//! The cache file's layout. All integers are little-endian.
//!
//! ```text
//! magic       16  "snap unchanged 1"
//! segments        one for each directory, more for large ones
//! spoiled     16 each: keys of paths whose records do not count, ascending
//! table       28 each: key 16, offset u64, length u32; ascending
//! trailer    104  offset of `spoiled` u64, their number u64, number of table lines u64,
//!                 snapshot 16, source set 32, BLAKE3 32 from `spoiled` to here
//!
//! segment     checksum 8 (BLAKE3 of the rest, cut), key 16, own stat 41, children
//! child       stat 41, group u64, length of the name u16, name
//! stat        kind 1, size u64, modified 12, changed 12, inode u64
//! ```

use super::super::stat::Stat;
use crate::model::{EntryName, EntryPath, FileTime};
use rustix::fs::FileType;

pub(super) const MAGIC: &[u8; 16] = b"snap unchanged 1";
pub(super) const TABLE_LINE: usize = 28;
pub(super) const TRAILER: usize = 104;
pub(super) const SEGMENT_HEAD: usize = 8 + KEY + STAT;
pub(super) const KEY: usize = 16;
const STAT: usize = 41;

/// Names a directory (or, of spoiled ones, any path): BLAKE3 of the parent's key and the name,
/// cut. So a deep path costs no more than its last name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in super::super) struct PathKey(pub(super) [u8; KEY]);

impl PathKey {
    pub const ROOT: Self = Self([0; KEY]);

    pub fn child(&self, name: &[u8]) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.0).update(name);
        let mut key = [0; KEY];
        hasher.finalize_xof().fill(&mut key);
        Self(key)
    }

    pub fn of(path: &EntryPath) -> Self {
        path.names().fold(Self::ROOT, |key, name: EntryName| key.child(name.bytes()))
    }
}

/// The first 8 bytes of a path's BLAKE3: which hard-link group an entry was recorded with. 0 is
/// no group.
pub(in super::super) fn group_mark(path: &EntryPath) -> u64 {
    let hash = blake3::hash(path.bytes());
    hash.as_bytes().first_chunk().map_or(1, |bytes| u64::from_le_bytes(*bytes).max(1))
}

/// By what an entry is known to be unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Fingerprint {
    /// `None` if nothing compares equal to it.
    kind: Option<u8>,
    size: u64,
    modified: FileTime,
    changed: FileTime,
    inode: u64,
    /// Of an entry with several links, [`group_mark`].
    group: u64,
}

impl Fingerprint {
    /// Equal to nothing, also not to itself.
    pub fn doubtful() -> Self {
        let time = FileTime::default();
        Self { kind: None, size: 0, modified: time, changed: time, inode: 0, group: 0 }
    }

    pub fn new(stat: &Stat, group: u64) -> Self {
        Self {
            kind: kind_number(stat.kind),
            // A directory's own size depends on its past.
            size: if stat.is_directory() { 0 } else { stat.size },
            modified: stat.modified,
            changed: stat.changed,
            inode: stat.identity.inode,
            group,
        }
    }

    /// Whether an entry that looked like this earlier is unchanged if it looks like `now`.
    pub fn matches(&self, now: &Self) -> bool {
        self.kind.is_some() && self == now
    }

    pub fn is_directory(&self) -> bool {
        self.kind == kind_number(FileType::Directory)
    }

    /// The same, but equal to nothing if it was modified or changed after `time`: such an entry
    /// may be changed once more within the same tick of the clock.
    pub fn unless_after(self, time: FileTime) -> Self {
        if self.modified < time && self.changed < time { self } else { Self::doubtful() }
    }

    pub(super) fn write_stat(&self, out: &mut Vec<u8>) {
        out.push(self.kind.unwrap_or(0));
        out.extend_from_slice(&self.size.to_le_bytes());
        for time in [self.modified, self.changed] {
            out.extend_from_slice(&time.seconds.to_le_bytes());
            out.extend_from_slice(&time.nanoseconds().to_le_bytes());
        }
        out.extend_from_slice(&self.inode.to_le_bytes());
    }

    pub(super) fn write_child(&self, name: &[u8], out: &mut Vec<u8>) {
        self.write_stat(out);
        out.extend_from_slice(&self.group.to_le_bytes());
        // Linux names are at most 255 bytes; a longer one would only never be found.
        let length = u16::try_from(name.len()).unwrap_or(0);
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&name[..length.into()]);
    }
}

fn kind_number(kind: FileType) -> Option<u8> {
    match kind {
        FileType::RegularFile => Some(1),
        FileType::Directory => Some(2),
        FileType::Symlink => Some(3),
        FileType::CharacterDevice => Some(4),
        FileType::BlockDevice => Some(5),
        FileType::Fifo => Some(6),
        FileType::Socket => Some(7),
        FileType::Unknown => None,
    }
}

/// Takes fixed-width fields off the front of bytes that may be anything.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields<'a>(pub &'a [u8]);

impl<'a> Fields<'a> {
    pub fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    pub fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    pub fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    pub fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn time(&mut self) -> Option<FileTime> {
        let seconds = i64::from_le_bytes(self.array()?);
        FileTime::new(seconds, self.u32()?)
    }

    pub fn stat(&mut self) -> Option<Fingerprint> {
        let [kind] = self.array()?;
        Some(Fingerprint {
            kind: Some(kind).filter(|kind| *kind != 0),
            size: self.u64()?,
            modified: self.time()?,
            changed: self.time()?,
            inode: self.u64()?,
            group: 0,
        })
    }

    pub fn child(&mut self) -> Option<(&'a [u8], Fingerprint)> {
        let stat = self.stat()?;
        let group = self.u64()?;
        let length = u16::from_le_bytes(self.array()?);
        Some((self.take(length.into())?, Fingerprint { group, ..stat }))
    }
}

/// A segment's checksum: of all behind it.
pub(super) fn segment_checksum(rest: &[u8]) -> [u8; 8] {
    blake3::hash(rest).as_bytes().first_chunk().copied().unwrap_or_default()
}
