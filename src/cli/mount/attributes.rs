//! Metadata as the kernel asks for it.

use crate::model::{AttributeValue, Entry, FileTime, Kind, data_extents};
use fuser::{FileAttr, FileType, INodeNo};
use jiff::Timestamp;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// As most file systems say.
const BLOCK: u32 = 4096;

/// Of an entry of a snapshot. Times of change and access are not kept: they are shown as that of
/// modification. The number of links of a directory is 1, which says that its folders are not
/// counted.
pub fn of_entry(number: u64, entry: &Entry, links: u64) -> FileAttr {
    let (size, stored) = match &entry.kind {
        Kind::File(file) => {
            let data = data_extents(file.size, &file.holes).map(|extent| extent.length);
            (file.size, data.fold(0, u64::saturating_add))
        }
        Kind::Symlink { target } => (target.len() as u64, 0),
        Kind::Directory(_) => (u64::from(BLOCK), 0),
        _ => (0, 0),
    };
    let device = match entry.kind {
        Kind::CharacterDevice { major, minor } | Kind::BlockDevice { major, minor } => {
            device_number(major, minor)
        }
        _ => 0,
    };
    FileAttr {
        size,
        blocks: stored.div_ceil(512),
        perm: entry.metadata.mode & 0o7777,
        nlink: u32::try_from(links).unwrap_or(u32::MAX),
        uid: entry.metadata.user,
        gid: entry.metadata.group,
        rdev: device,
        ..plain(number, kind(&entry.kind), system_time(entry.metadata.modified))
    }
}

/// Of a folder that no snapshot has.
pub fn of_folder(number: u64, modified: Timestamp) -> FileAttr {
    let size = u64::from(BLOCK);
    FileAttr { size, ..plain(number, FileType::Directory, system_time(modified.into())) }
}

/// Of a link that no snapshot has.
pub fn of_link(number: u64, target: &str, modified: Timestamp) -> FileAttr {
    let attributes = plain(number, FileType::Symlink, system_time(modified.into()));
    FileAttr { size: target.len() as u64, perm: 0o777, ..attributes }
}

fn plain(number: u64, kind: FileType, modified: SystemTime) -> FileAttr {
    FileAttr {
        ino: INodeNo(number),
        size: 0,
        blocks: 0,
        atime: modified,
        mtime: modified,
        ctime: modified,
        crtime: modified,
        kind,
        perm: 0o555,
        nlink: 1,
        uid: rustix::process::getuid().as_raw(),
        gid: rustix::process::getgid().as_raw(),
        rdev: 0,
        blksize: BLOCK,
        flags: 0,
    }
}

pub fn kind(kind: &Kind) -> FileType {
    match kind {
        Kind::File(_) | Kind::Collection(_) | Kind::View { .. } => FileType::RegularFile,
        Kind::Directory(_) => FileType::Directory,
        Kind::Symlink { .. } => FileType::Symlink,
        Kind::CharacterDevice { .. } => FileType::CharDevice,
        Kind::BlockDevice { .. } => FileType::BlockDevice,
        Kind::Fifo => FileType::NamedPipe,
        Kind::Socket => FileType::Socket,
    }
}

/// The form in which Linux passes device numbers, 12 bits of major and 20 of minor.
fn device_number(major: u32, minor: u32) -> u32 {
    (minor & 0xff) | ((major & 0xfff) << 8) | ((minor & 0xf_ff00) << 12)
}

/// A time beyond what can be shown is 1970.
fn system_time(time: FileTime) -> SystemTime {
    let whole = Duration::from_secs(time.seconds.unsigned_abs());
    let seconds = match time.seconds < 0 {
        true => UNIX_EPOCH.checked_sub(whole),
        false => UNIX_EPOCH.checked_add(whole),
    };
    let fraction = Duration::from_nanos(u64::from(time.nanoseconds()));
    seconds.and_then(|seconds| seconds.checked_add(fraction)).unwrap_or(UNIX_EPOCH)
}

/// The names of an entry's attributes, each with a NUL at its end.
pub fn attribute_names(entry: &Entry) -> Vec<u8> {
    let mut names = Vec::new();
    for attribute in &entry.metadata.attributes {
        names.extend_from_slice(&attribute.name);
        names.push(0);
    }
    names
}

pub fn attribute<'a>(entry: &'a Entry, name: &[u8]) -> Option<&'a AttributeValue> {
    let mut attributes = entry.metadata.attributes.iter();
    attributes.find(|attribute| attribute.name == name).map(|attribute| &attribute.value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_before_1970_keep_their_fraction() {
        let time = system_time(FileTime::new(-1, 250_000_000).unwrap());
        assert_eq!(UNIX_EPOCH.duration_since(time).unwrap(), Duration::from_millis(750));
        let far = system_time(FileTime::new(i64::MAX, 999_999_999).unwrap());
        assert!(far >= UNIX_EPOCH);
    }

    #[test]
    fn device_numbers_are_those_of_linux() {
        assert_eq!(device_number(8, 1), 0x801);
        assert_eq!(device_number(259, 0x12345), 0x1231_0345);
    }
}
