//! What is in an entry's place.

use super::super::node::Node;
use super::super::stat::Stat;
use super::apply::wanted_mode;
use super::run::{Owner, Run};
use super::{attributes, content, flags};
use crate::model::{Entry, Kind, Presence};
use rustix::fs::FileType;
use std::ffi::CStr;
use std::io;

/// Compares `entry` with what is at `name`. Changes nothing; reads the content of a regular file
/// of the same size.
pub(super) fn compare(
    directory: &Node,
    name: &CStr,
    entry: &Entry,
    run: &Run,
) -> io::Result<Presence> {
    let stat = match Stat::of(directory, name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Presence::Absent),
        stat => stat?,
    };
    let newer = stat.modified > entry.metadata.modified;
    if stat.kind != file_type(&entry.kind) {
        return Ok(Presence::Differs { newer });
    }
    let (node, stat) = open(directory, name, stat.kind)?;
    if !has_content(&node, &stat, &entry.kind)? {
        return Ok(Presence::Differs { newer });
    }
    match has_metadata(&node, &stat, entry, run) {
        true => Ok(Presence::Same),
        // Other metadata is not given to other names of the inode, which are none of the entry's.
        false if !stat.is_directory() && stat.links > 1 && entry.link_group.is_none() => {
            Ok(Presence::Differs { newer })
        }
        false => Ok(Presence::MetadataDiffers { newer }),
    }
}

/// What the kernel calls such an entry.
pub(super) fn file_type(kind: &Kind) -> FileType {
    match kind {
        Kind::File(_) => FileType::RegularFile,
        Kind::Directory(_) => FileType::Directory,
        Kind::Symlink { .. } => FileType::Symlink,
        Kind::CharacterDevice { .. } => FileType::CharacterDevice,
        Kind::BlockDevice { .. } => FileType::BlockDevice,
        Kind::Fifo => FileType::Fifo,
        Kind::Socket => FileType::Socket,
        // Nothing that a file system has: no node is of this type.
        Kind::Collection(_) | Kind::View { .. } => FileType::Unknown,
    }
}

/// Holds what is at `name`, which must be of `kind`: files and directories open for reading
/// where that is allowed, others without waking them.
pub(super) fn open(directory: &Node, name: &CStr, kind: FileType) -> io::Result<(Node, Stat)> {
    let node = match kind {
        FileType::RegularFile | FileType::Directory => match Node::to_read(directory, name) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                Node::passive(directory, name)?
            }
            node => node?,
        },
        _ => Node::passive(directory, name)?,
    };
    let stat = node.stat()?;
    if stat.kind != kind {
        return Err(io::Error::other("something else is there by now"));
    }
    Ok((node, stat))
}

fn has_content(node: &Node, stat: &Stat, kind: &Kind) -> io::Result<bool> {
    match kind {
        Kind::File(file) => {
            if stat.size != file.size || file.hash.is_none() {
                return Ok(false);
            }
            if node.is_passive() {
                return Err(io::ErrorKind::PermissionDenied.into());
            }
            content::is_same(node, file)
        }
        Kind::Symlink { target } => Ok(node.link_target()? == *target),
        Kind::CharacterDevice { major, minor } | Kind::BlockDevice { major, minor } => {
            Ok((stat.major, stat.minor) == (*major, *minor))
        }
        Kind::Directory(_) | Kind::Fifo | Kind::Socket => Ok(true),
        Kind::Collection(_) | Kind::View { .. } => Ok(false),
    }
}

/// Whether the metadata is what a restore would make it.
fn has_metadata(node: &Node, stat: &Stat, entry: &Entry, run: &Run) -> bool {
    let wanted = &entry.metadata;
    let owner = Owner { user: stat.user, group: stat.group };
    let wanted_owner = run.owner(wanted);
    let mode = wanted_mode(wanted.mode, owner, wanted_owner);
    (owner == wanted_owner || !run.privileged || !run.restores_owners())
        && (stat.mode == mode || stat.kind == FileType::Symlink)
        && stat.modified == wanted.modified
        && attributes::are_as_wanted(node, &wanted.attributes, run)
        && flags::are_as_wanted(node, stat.kind, wanted.flags, run)
}
