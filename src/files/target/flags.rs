//! Inode flags as far as the file system has them.

use super::super::node::Node;
use super::run::Run;
use super::unlock::LOCKS;
use crate::model::{EntryPath, InodeFlags};
use rustix::fs::FileType;
use std::io;

/// Flags that only directories have.
const OF_DIRECTORIES: u32 = InodeFlags::DIRSYNC | InodeFlags::TOPDIR | InodeFlags::PROJECT_INHERIT;

/// The flags that can be stored with `node` and that this process may set; 0 where there are
/// none.
pub(super) fn storable(node: &Node, kind: FileType, run: &Run) -> u32 {
    let Ok(file_system) = rustix::fs::fstatfs(node) else { return 0 };
    let known = of_file_system(file_system.f_type as u64 & 0xffff_ffff);
    let of_kind = match kind {
        FileType::RegularFile => known & !OF_DIRECTORIES,
        FileType::Directory => known,
        _ => 0,
    };
    if run.privileged { of_kind } else { of_kind & !LOCKS }
}

/// By the file system's magic number (statfs(2)); one that is not known may have them all.
fn of_file_system(magic: u64) -> u32 {
    const COMMON: u32 = LOCKS | InodeFlags::NODUMP | InodeFlags::NOATIME;
    const SYNC: u32 = COMMON | InodeFlags::SYNC;
    match magic {
        // ext2, ext3, ext4
        0xef53 => {
            let directories = InodeFlags::TOPDIR | InodeFlags::PROJECT_INHERIT;
            SYNC | InodeFlags::DIRSYNC | directories
        }
        // btrfs
        0x9123_683e => SYNC | InodeFlags::DIRSYNC | InodeFlags::COMPRESSED | InodeFlags::NOCOW,
        // xfs
        0x5846_5342 => SYNC | InodeFlags::PROJECT_INHERIT,
        // tmpfs
        0x0102_1994 => COMMON,
        _ => InodeFlags::SETTABLE,
    }
}

/// Whether the flags of `node` are those wanted, as far as they can be.
pub(super) fn are_as_wanted(node: &Node, kind: FileType, wanted: InodeFlags, run: &Run) -> bool {
    match node.raw_flags() {
        Ok(Some(flags)) if (flags ^ wanted.raw()) & InodeFlags::SETTABLE != 0 => {
            (flags ^ wanted.raw()) & storable(node, kind, run) == 0
        }
        _ => true,
    }
}

/// Gives `node` those of the wanted flags that `which` selects.
pub(super) fn set(
    node: &Node,
    kind: FileType,
    wanted: InodeFlags,
    which: u32,
    run: &Run,
    path: &EntryPath,
) {
    let say = |lost: u32, error| run.not_restored(&format!("inode flags {lost:#x}"), path, &error);
    let Ok(Some(flags)) = node.raw_flags() else {
        if wanted.raw() & which != 0 {
            say(wanted.raw() & which, io::ErrorKind::Unsupported.into());
        }
        return;
    };
    if (flags ^ wanted.raw()) & InodeFlags::SETTABLE & which == 0 {
        return;
    }
    let storable = storable(node, kind, run);
    let lost = wanted.raw() & which & !storable & !flags;
    if lost != 0 {
        say(lost, io::ErrorKind::Unsupported.into());
    }
    let which = which & storable;
    let all = flags & !which | wanted.raw() & which;
    if all == flags || node.set_raw_flags(all).is_ok() {
        return;
    }
    // One of them cannot be set: the others shall be.
    let mut now = flags;
    for bit in (0..u32::BITS).map(|bit| 1 << bit).filter(|bit| (flags ^ all) & bit != 0) {
        match node.set_raw_flags(now ^ bit) {
            Ok(()) => now ^= bit,
            Err(error) => say(bit, error),
        }
    }
}
