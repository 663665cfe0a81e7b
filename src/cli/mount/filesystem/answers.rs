//! The requests of the kernel, one method each.

use super::{FOR_LONG, Item, SHORTLY, SnapshotFilesystem, number_of_member};
use crate::cli::mount::attributes::{kind, of_folder};
use crate::cli::mount::handles::Handle;
use crate::cli::mount::inodes::{Node, number_of_entry};
use crate::cli::mount::layout::Member;
use crate::model::Kind;
use fuser::{
    Errno, FileHandle, FileType, Filesystem, FopenFlags, Generation, INodeNo, InitFlags,
    IoctlFlags, KernelConfig, LockOwner, OpenFlags, ReplyAttr, ReplyData, ReplyDirectory,
    ReplyDirectoryPlus, ReplyEmpty, ReplyEntry, ReplyIoctl, ReplyLseek, ReplyOpen, ReplyXattr,
    Request,
};
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

/// `FS_IOC_GETFLAGS`, in the form for 64 bits and for 32.
const GET_FLAGS: [u32; 2] = [0x8008_6601, 0x8004_6601];

impl Filesystem for SnapshotFilesystem {
    fn init(&mut self, _: &Request, config: &mut KernelConfig) -> io::Result<()> {
        // What an older kernel does not have it does without.
        for flag in [
            InitFlags::FUSE_DO_READDIRPLUS,
            InitFlags::FUSE_READDIRPLUS_AUTO,
            InitFlags::FUSE_PARALLEL_DIROPS,
            InitFlags::FUSE_CACHE_SYMLINKS,
        ] {
            let _ = config.add_capabilities(flag);
        }
        Ok(())
    }

    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        match self.find(parent, name.as_bytes()) {
            Ok(mut found) => {
                self.remember(&mut found);
                reply.entry(&found.valid, &found.attributes, Generation(0));
            }
            Err(error) => reply.error(error),
        }
    }

    fn forget(&self, _: &Request, number: INodeNo, lookups: u64) {
        self.inodes.forget(number.0, lookups);
    }

    fn getattr(&self, _: &Request, number: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        let found = self.node(number).and_then(|node| match node {
            Node::Stored { .. } => {
                let (entry, of) = self.entry(number)?;
                Ok((self.attributes(number.0, &entry, &of)?, FOR_LONG))
            }
            node => Ok((self.attributes_above(number.0, &node), SHORTLY)),
        });
        match found {
            Ok((attributes, valid)) => reply.attr(&valid, &attributes),
            Err(error) => reply.error(error),
        }
    }

    fn readlink(&self, _: &Request, number: INodeNo, reply: ReplyData) {
        let target = self.node(number).and_then(|node| match node {
            Node::Link(target, _) => Ok(target.as_bytes().to_vec()),
            _ => match &self.entry(number)?.0.kind {
                Kind::Symlink { target } => Ok(target.clone()),
                _ => Err(Errno::EINVAL),
            },
        });
        match target {
            Ok(target) => reply.data(&target),
            Err(error) => reply.error(error),
        }
    }

    fn open(&self, _: &Request, number: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        match self.open_file(number) {
            Ok(handle) => reply.opened(FileHandle(handle), FopenFlags::FOPEN_KEEP_CACHE),
            Err(error) => reply.error(error),
        }
    }

    fn read(
        &self,
        _: &Request,
        _: INodeNo,
        handle: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        match self.read_file(handle, offset, size) {
            Ok(bytes) => reply.data(&bytes),
            Err(error) => reply.error(error),
        }
    }

    fn lseek(
        &self,
        _: &Request,
        _: INodeNo,
        handle: FileHandle,
        offset: i64,
        whence: i32,
        reply: ReplyLseek,
    ) {
        match self.seek(handle, offset, whence) {
            Ok(offset) => reply.offset(offset),
            Err(error) => reply.error(error),
        }
    }

    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        reply.ok();
    }

    fn release(
        &self,
        _: &Request,
        _: INodeNo,
        handle: FileHandle,
        _: OpenFlags,
        _: Option<LockOwner>,
        _: bool,
        reply: ReplyEmpty,
    ) {
        self.handles.close(handle.0);
        reply.ok();
    }

    fn opendir(&self, _: &Request, number: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        match self.node(number) {
            // One state of the list for the whole reading of it.
            Ok(Node::Folder(folder)) => {
                let listing = self.shelf.layout(&self.output).list(&folder);
                let handle = self.handles.open(Handle::Folder(listing));
                reply.opened(FileHandle(handle), FopenFlags::empty());
            }
            Ok(_) => {
                let flags = FopenFlags::FOPEN_CACHE_DIR | FopenFlags::FOPEN_KEEP_CACHE;
                reply.opened(FileHandle(0), flags);
            }
            Err(error) => reply.error(error),
        }
    }

    fn readdir(
        &self,
        _: &Request,
        number: INodeNo,
        handle: FileHandle,
        offset: u64,
        mut reply: ReplyDirectory,
    ) {
        let listed = self.list(number, handle, offset, &mut |after, item| {
            let (child, kind, name) = match item {
                Item::Itself(name) => (number.0, FileType::Directory, name.as_bytes()),
                Item::Member(name, member) => {
                    let kind = match member {
                        Member::Link(..) => FileType::Symlink,
                        _ => FileType::Directory,
                    };
                    let name = name.as_bytes();
                    (number_of_member(number.0, name, member), kind, name)
                }
                Item::Entry(entry, _, of) => {
                    let child = number_of_entry(number.0, entry, of);
                    (child, kind(&entry.kind), entry.name.bytes())
                }
            };
            Ok(reply.add(INodeNo(child), after, kind, OsStr::from_bytes(name)))
        });
        match listed {
            Ok(()) => reply.ok(),
            Err(error) => reply.error(error),
        }
    }

    fn readdirplus(
        &self,
        _: &Request,
        number: INodeNo,
        handle: FileHandle,
        offset: u64,
        mut reply: ReplyDirectoryPlus,
    ) {
        let listed = self.list(number, handle, offset, &mut |after, item| {
            let (mut found, name) = match item {
                // The kernel takes no more than the name of these.
                Item::Itself(name) => {
                    let attributes = of_folder(number.0, jiff::Timestamp::UNIX_EPOCH);
                    let child = INodeNo(number.0);
                    let (none, first) = (Duration::ZERO, Generation(0));
                    return Ok(reply.add(child, after, name, &none, &attributes, first));
                }
                Item::Member(name, member) => {
                    (self.member(number.0, name.as_bytes(), member), name.as_bytes())
                }
                Item::Entry(entry, place, of) => {
                    (self.stored(number.0, entry, place, of)?, entry.name.bytes())
                }
            };
            self.remember(&mut found);
            let (child, name) = (INodeNo(found.number), OsStr::from_bytes(name));
            let (valid, attributes) = (found.valid, found.attributes);
            let is_full = reply.add(child, after, name, &valid, &attributes, Generation(0));
            if is_full {
                self.inodes.forget(found.number, 1);
            }
            Ok(is_full)
        });
        match listed {
            Ok(()) => reply.ok(),
            Err(error) => reply.error(error),
        }
    }

    fn releasedir(
        &self,
        _: &Request,
        _: INodeNo,
        handle: FileHandle,
        _: OpenFlags,
        reply: ReplyEmpty,
    ) {
        self.handles.close(handle.0);
        reply.ok();
    }

    fn getxattr(&self, _: &Request, number: INodeNo, name: &OsStr, size: u32, reply: ReplyXattr) {
        answer(self.attribute_value(number, name.as_bytes()), size, reply);
    }

    fn listxattr(&self, _: &Request, number: INodeNo, size: u32, reply: ReplyXattr) {
        answer(self.names_of_attributes(number), size, reply);
    }

    fn ioctl(
        &self,
        _: &Request,
        number: INodeNo,
        _: FileHandle,
        _: IoctlFlags,
        command: u32,
        _: &[u8],
        _: u32,
        reply: ReplyIoctl,
    ) {
        if !GET_FLAGS.contains(&command) {
            return reply.error(Errno::ENOTTY);
        }
        match self.node(number) {
            Ok(Node::Stored { .. }) => match self.entry(number) {
                Ok((entry, _)) => reply.ioctl(0, &entry.metadata.flags.raw().to_ne_bytes()),
                Err(error) => reply.error(error),
            },
            Ok(_) => reply.ioctl(0, &[0; 4]),
            Err(error) => reply.error(error),
        }
    }
}

/// Asked with size 0 it is the length that is wanted.
fn answer(bytes: Result<Vec<u8>, Errno>, size: u32, reply: ReplyXattr) {
    match bytes {
        Err(error) => reply.error(error),
        Ok(bytes) => match u32::try_from(bytes.len()) {
            Ok(length) if size == 0 => reply.size(length),
            Ok(length) if length <= size => reply.data(&bytes),
            _ => reply.error(Errno::ERANGE),
        },
    }
}
