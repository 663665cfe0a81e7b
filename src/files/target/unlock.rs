//! Opening up what is locked: immutable and append-only inodes, and one's own directories
//! without the right to write.

use super::super::node::Node;
use super::super::stat::{Identity, Stat};
use crate::model::InodeFlags;
use rustix::fs::{Mode, OFlags};
use std::collections::HashMap;
use std::ffi::CStr;
use std::sync::Mutex;

/// The flags that stop changes.
pub(super) const LOCKS: u32 = InodeFlags::IMMUTABLE | InodeFlags::APPEND;

/// What the owner of a directory needs to work in it.
const OWNER_ALL: u16 = 0o700;

/// An inode whose locks were taken off.
pub(super) struct Unlocked {
    node: Node,
    flags: u32,
}

impl Unlocked {
    /// Puts the locks back.
    pub fn lock(self) {
        let _ = self.node.set_raw_flags(self.flags);
    }
}

/// Takes the locks off the entry `name`; `None` if it has none or that is not allowed.
pub(super) fn entry(directory: &Node, name: &CStr) -> Option<Unlocked> {
    let stat = Stat::of(directory, name).ok()?;
    if !stat.is_locked() || !(stat.is_file() || stat.is_directory()) {
        return None;
    }
    let node = Node::to_read(directory, name).ok()?;
    let flags = take_off(&node)?;
    Some(Unlocked { node, flags })
}

/// Takes the locks off; the flags that it had, `None` if nothing had to be or could be done.
pub(super) fn take_off(node: &Node) -> Option<u32> {
    let flags = node.raw_flags().ok()??;
    if flags & LOCKS == 0 {
        return None;
    }
    node.set_raw_flags(flags & !LOCKS).ok()?;
    Some(flags)
}

/// Directories that were opened up to be written into, and are closed again when they get their
/// metadata, at the latest at the end.
#[derive(Debug, Default)]
pub(super) struct OpenedUp {
    directories: Mutex<HashMap<Identity, Before>>,
}

/// What a directory was like.
#[derive(Debug)]
struct Before {
    flags: Option<u32>,
    mode: Option<u16>,
    /// Where it was.
    path: Vec<u8>,
}

impl OpenedUp {
    /// Makes it possible to write into `directory`, as far as this process may; whether that
    /// changed anything.
    pub fn open_up(&self, directory: &Node) -> bool {
        let Ok(stat) = directory.stat() else { return false };
        let flags = take_off(directory);
        let writable = stat.mode & OWNER_ALL == OWNER_ALL;
        let mode = !writable && directory.set_mode(stat.mode | OWNER_ALL).is_ok();
        if flags.is_none() && !mode {
            return false;
        }
        let path = rustix::fs::readlink(directory.proc_path(), Vec::new());
        let path = path.map(|path| path.into_bytes()).unwrap_or_default();
        let before = Before { flags, mode: mode.then_some(stat.mode), path };
        self.lock().entry(stat.identity).or_insert(before);
        true
    }

    /// The directory was given its metadata.
    pub fn is_finished(&self, identity: Identity) {
        self.lock().remove(&identity);
    }

    /// Makes all directories what they were.
    pub fn close(&self) {
        for (identity, before) in self.lock().drain() {
            before.restore(identity);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Identity, Before>> {
        self.directories.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Before {
    fn restore(&self, identity: Identity) {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let Ok(directory) = rustix::fs::open(&self.path[..], flags, Mode::empty()) else { return };
        let directory = Node::open(directory);
        // Another one may be there by now.
        if directory.stat().is_ok_and(|stat| stat.identity == identity) {
            let _ = self.mode.map(|mode| directory.set_mode(mode));
            let _ = self.flags.map(|flags| directory.set_raw_flags(flags));
        }
    }
}
