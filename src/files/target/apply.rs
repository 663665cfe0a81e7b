//! Giving an inode its metadata.

use super::super::node::Node;
use super::super::stat::Stat;
use super::attributes::{self, Phase};
use super::flags;
use super::io_error;
use super::run::{Owner, Run};
use super::unlock::{self, LOCKS};
use crate::model::{ContentSource, Entry, EntryPath, InodeFlags, TargetError};
use rustix::fs::FileType;
use std::io;

/// An entry's metadata on its way to an inode.
pub(super) struct Metadata<'a> {
    pub entry: &'a Entry,
    pub path: &'a EntryPath,
    pub run: &'a Run,
    /// For attributes whose values are in chunks.
    pub content: &'a dyn ContentSource,
}

impl Metadata<'_> {
    /// Everything but the locks. The order counts: an owner takes setuid bits and capabilities
    /// away, an ACL changes with the mode, and everything changes the times.
    pub fn apply(&self, node: &Node) -> Result<(), TargetError> {
        let metadata = &self.entry.metadata;
        let stat = node.stat().map_err(io_error("cannot look at it"))?;
        if stat.is_locked() {
            unlock::take_off(node);
        }
        let owner = self.set_owner(node, &stat)?;
        if !self.run.privileged && stat.kind != FileType::Symlink && stat.mode & 0o200 == 0 {
            // Attributes of one's own file ask for the right to write.
            let _ = node.set_mode(stat.mode | 0o600);
        }
        let names = node.attribute_names().unwrap_or_default();
        attributes::set(self, node, &names, Phase::BeforeMode)?;
        if stat.kind != FileType::Symlink {
            let mode = wanted_mode(self.entry.metadata.mode, owner, self.run.owner(metadata));
            self.set_mode(node, mode)?;
        }
        attributes::set(self, node, &names, Phase::AfterMode)?;
        flags::set(
            node,
            stat.kind,
            metadata.flags,
            InodeFlags::SETTABLE & !LOCKS,
            self.run,
            self.path,
        );
        self.set_modified(node)
    }

    /// Of a folder that is somebody else's, and has this mode already, it cannot be set.
    fn set_mode(&self, node: &Node, mode: u16) -> Result<(), TargetError> {
        let Err(error) = node.set_mode(mode) else { return Ok(()) };
        let has_it = || node.stat().is_ok_and(|stat| stat.mode & 0o7777 == mode & 0o7777);
        match error.kind() == io::ErrorKind::PermissionDenied && has_it() {
            true => Ok(()),
            false => Err(io_error("cannot set its mode")(error)),
        }
    }

    /// Not being allowed to set that of somebody else's is no failure.
    fn set_modified(&self, node: &Node) -> Result<(), TargetError> {
        match node.set_modified(self.entry.metadata.modified) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                self.run.not_restored("time", self.path, &error);
                Ok(())
            }
            done => done.map_err(io_error("cannot set its time")),
        }
    }

    /// Makes it immutable or append-only, if it was: the very last thing, after it appeared.
    pub fn lock(&self, node: &Node, kind: FileType) {
        let flags = self.entry.metadata.flags;
        if flags.raw() & LOCKS != 0 {
            flags::set(node, kind, flags, LOCKS, self.run, self.path);
        }
    }

    /// Returns who owns it in the end. Not being allowed to give it away is no failure.
    fn set_owner(&self, node: &Node, stat: &Stat) -> Result<Owner, TargetError> {
        let wanted = self.run.owner(&self.entry.metadata);
        let mut now = Owner { user: stat.user, group: stat.group };
        if now == wanted || !self.run.restores_owners() {
            return Ok(now);
        }
        let error = match node.set_owner(Some(wanted.user), Some(wanted.group)) {
            Ok(()) => return Ok(wanted),
            Err(error) => error,
        };
        if !matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::InvalidInput) {
            return Err(io_error("cannot set its owner")(error));
        }
        if now.group != wanted.group && node.set_owner(None, Some(wanted.group)).is_ok() {
            now.group = wanted.group;
        }
        self.run.not_restored("owner", self.path, &error);
        Ok(now)
    }
}

/// The mode for a file that may belong to another than it should: it must not act in the name
/// of the wrong one.
pub(super) fn wanted_mode(mode: u16, owner: Owner, wanted: Owner) -> u16 {
    let user = if owner.user == wanted.user { 0 } else { 0o4000 };
    let group = if owner.group == wanted.group { 0 } else { 0o2000 };
    mode & !user & !group
}
