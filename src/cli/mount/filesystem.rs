//! Answers to the kernel. Several threads ask at once; nothing here waits for another but for
//! what both want to read.

use super::attributes::{attribute, attribute_names, kind, of_entry, of_folder, of_link};
use super::handles::{Handle, Handles};
use super::inodes::{Inodes, Node, SnapshotNode, number_of, number_of_entry};
use super::layout::Member;
use super::shelf::Shelf;
use crate::cli::output::Output;
use crate::cli::text::readable;
use crate::model::{AttributeValue, BlobId, Directory, Entry, Kind};
use crate::ops::view::{FileContent, Place, View};
use crate::repo::RepoError;
use fuser::{
    Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation, INodeNo, InitFlags,
    IoctlFlags, KernelConfig, LockOwner, OpenFlags, ReplyAttr, ReplyData, ReplyDirectory,
    ReplyDirectoryPlus, ReplyEmpty, ReplyEntry, ReplyIoctl, ReplyLseek, ReplyOpen, ReplyXattr,
    Request,
};
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;
use std::time::Duration;

/// What a snapshot has never changes.
const FOR_LONG: Duration = Duration::from_secs(24 * 60 * 60);

/// New snapshots are to be seen soon.
const SHORTLY: Duration = Duration::from_secs(2);

/// The longest name that the kernel takes, in bytes.
const LONGEST_NAME: usize = 1024;

/// The longest value of an attribute that Linux has.
const LONGEST_VALUE: usize = 64 << 10;

/// `FS_IOC_GETFLAGS`, in the form for 64 bits and for 32.
const GET_FLAGS: [u32; 2] = [0x8008_6601, 0x8004_6601];

const SEEK_DATA: i32 = 3;
const SEEK_HOLE: i32 = 4;

/// Snapshots as a file system for the kernel.
pub struct SnapshotFilesystem {
    view: View,
    shelf: Shelf,
    inodes: Inodes,
    handles: Handles,
    output: Arc<Output>,
}

/// Something that has been found, ready to be told.
struct Found {
    number: u64,
    node: Node,
    attributes: FileAttr,
    linked: bool,
    valid: Duration,
}

/// Something in a directory.
enum Item<'a> {
    Itself(&'static str),
    Member(&'a str, &'a Member),
    Entry(&'a Entry, Place, &'a Arc<SnapshotNode>),
}

impl SnapshotFilesystem {
    pub fn new(view: View, shelf: Shelf, output: Arc<Output>) -> Self {
        Self { view, shelf, inodes: Inodes::new(), handles: Handles::default(), output }
    }

    fn node(&self, number: INodeNo) -> Result<Node, Errno> {
        self.inodes.get(number.0).ok_or(Errno::ESTALE)
    }

    /// Damage is told once, and marked.
    fn failed(&self, error: &RepoError, name: &[u8], of: &SnapshotNode) -> Errno {
        if self.view.blame(error, of.snapshot.id) {
            let what = format!("{} of snapshot {}", readable(name), of.snapshot.id.short());
            self.output.warning(&what, &error.to_string(), "reading");
        }
        Errno::EIO
    }

    /// The entry that a number stands for.
    fn entry(&self, number: INodeNo) -> Result<(Arc<Entry>, Arc<SnapshotNode>), Errno> {
        let Node::Stored { place, of } = self.node(number)? else { return Err(Errno::EINVAL) };
        let entry = self.view.at(&place).map_err(|error| self.failed(&error, b"a folder", &of))?;
        Ok((entry.ok_or(Errno::ESTALE)?, of))
    }

    /// The tree of a directory of a snapshot.
    fn tree(&self, number: INodeNo, node: &Node) -> Result<Option<BlobId>, Errno> {
        match node {
            Node::Snapshot(of) => {
                let root = of.root(&self.view).map_err(|error| self.failed(&error, b"/", of))?;
                Ok(root.tree)
            }
            Node::Stored { .. } => match &self.entry(number)?.0.kind {
                Kind::Directory(Directory { tree, .. }) => Ok(*tree),
                _ => Err(Errno::ENOTDIR),
            },
            Node::Folder(_) | Node::Link(_) => Err(Errno::ENOTDIR),
        }
    }

    fn find(&self, parent: INodeNo, name: &[u8]) -> Result<Found, Errno> {
        let node = self.node(parent)?;
        if let Node::Folder(folder) = &node {
            let listing = self.shelf.layout(&self.output).list(folder);
            let member = listing.find(name).ok_or(Errno::ENOENT)?;
            return Ok(self.member(parent.0, name, member));
        }
        let (Node::Snapshot(of) | Node::Stored { of, .. }) = &node else {
            return Err(Errno::ENOTDIR);
        };
        let tree = self.tree(parent, &node)?.ok_or(Errno::ENOENT)?;
        let found = self.view.find(&tree, name).map_err(|error| self.failed(&error, name, of))?;
        let (place, entry) = found.ok_or(Errno::ENOENT)?;
        self.stored(parent.0, &entry, place, of)
    }

    fn member(&self, parent: u64, name: &[u8], member: &Member) -> Found {
        let number = number_of_member(parent, name, member);
        let node = match member {
            Member::Folder(folder) => Node::Folder(folder.clone()),
            Member::Link(target) => Node::Link(Arc::clone(target)),
            Member::Snapshot(snapshot) => {
                Node::Snapshot(Arc::new(SnapshotNode::new(number, Arc::clone(snapshot))))
            }
        };
        let attributes = self.attributes_above(number, &node);
        Found { number, node, attributes, linked: false, valid: SHORTLY }
    }

    /// Of what no snapshot has.
    fn attributes_above(&self, number: u64, node: &Node) -> FileAttr {
        match node {
            Node::Link(target) => of_link(number, target),
            Node::Folder(folder) => {
                let listing = self.shelf.layout(&self.output).list(folder);
                of_folder(number, listing.newest)
            }
            Node::Snapshot(of) | Node::Stored { of, .. } => of_folder(number, of.snapshot.begun),
        }
    }

    fn stored(
        &self,
        parent: u64,
        entry: &Entry,
        place: Place,
        of: &Arc<SnapshotNode>,
    ) -> Result<Found, Errno> {
        let number = number_of_entry(parent, entry, of);
        let attributes = self.attributes(number, entry, of)?;
        let linked = entry.link_group.is_some();
        let node = Node::Stored { place, of: Arc::clone(of) };
        Ok(Found { number, node, attributes, linked, valid: FOR_LONG })
    }

    fn attributes(&self, number: u64, entry: &Entry, of: &SnapshotNode) -> Result<FileAttr, Errno> {
        let name = entry.name.bytes();
        let root = of.root(&self.view).map_err(|error| self.failed(&error, name, of))?;
        Ok(of_entry(number, entry, self.view.link_count(&root, entry)))
    }

    /// Notes that the kernel knows of it.
    fn remember(&self, found: &mut Found) {
        let number = self.inodes.remember(found.number, found.node.clone(), found.linked);
        found.number = number;
        found.attributes.ino = INodeNo(number);
    }

    /// Calls `visit` with what is in a directory from `offset` on, each with the offset after
    /// it, until it says that it has enough.
    fn list(
        &self,
        number: INodeNo,
        handle: FileHandle,
        offset: u64,
        visit: &mut dyn FnMut(u64, Item<'_>) -> Result<bool, Errno>,
    ) -> Result<(), Errno> {
        for (after, name) in [(1, "."), (2, "..")] {
            if offset < after && visit(after, Item::Itself(name))? {
                return Ok(());
            }
        }
        let index = offset.saturating_sub(2);
        if let Some(Handle::Folder(listing)) = self.handles.get(handle.0) {
            let skipped = usize::try_from(index).unwrap_or(usize::MAX);
            for (after, (name, member)) in (3..).zip(listing.iter()).skip(skipped) {
                if visit(after, Item::Member(name, member))? {
                    break;
                }
            }
            return Ok(());
        }
        let node = self.node(number)?;
        let (Node::Snapshot(of) | Node::Stored { of, .. }) = &node else {
            return Err(Errno::ENOTDIR);
        };
        match self.tree(number, &node)? {
            Some(tree) => self.list_tree(&tree, index, of, visit),
            None => Ok(()),
        }
    }

    fn list_tree(
        &self,
        tree: &BlobId,
        mut index: u64,
        of: &Arc<SnapshotNode>,
        visit: &mut dyn FnMut(u64, Item<'_>) -> Result<bool, Errno>,
    ) -> Result<(), Errno> {
        let page = |index| {
            self.view.page(tree, index).map_err(|error| self.failed(&error, b"a folder", of))
        };
        while let Some(page) = page(index)? {
            for (at, entry) in page.since(index) {
                let place = Place { tree: *tree, index: at };
                let is_long = entry.name.bytes().len() > LONGEST_NAME;
                if !is_long && visit(at.saturating_add(3), Item::Entry(entry, place, of))? {
                    return Ok(());
                }
            }
            index = page.end();
        }
        Ok(())
    }

    fn attribute_value(&self, number: INodeNo, name: &[u8]) -> Result<Vec<u8>, Errno> {
        let Node::Stored { .. } = self.node(number)? else { return Err(Errno::NO_XATTR) };
        let (entry, of) = self.entry(number)?;
        match attribute(&entry, name).ok_or(Errno::NO_XATTR)? {
            AttributeValue::Inline(value) => Ok(value.clone()),
            AttributeValue::Chunks(chunks) => {
                let value = self.view.bytes(chunks, LONGEST_VALUE);
                value.map_err(|error| self.failed(&error, entry.name.bytes(), &of))
            }
        }
    }

    fn names_of_attributes(&self, number: INodeNo) -> Result<Vec<u8>, Errno> {
        match self.node(number)? {
            Node::Stored { .. } => Ok(attribute_names(self.entry(number)?.0.as_ref())),
            _ => Ok(Vec::new()),
        }
    }

    fn open_file(&self, number: INodeNo) -> Result<u64, Errno> {
        let (entry, of) = self.entry(number)?;
        match &entry.kind {
            Kind::File(file) => {
                let content = Arc::new(FileContent::new(file));
                let name = entry.name.bytes().into();
                Ok(self.handles.open(Handle::File { content, name, of }))
            }
            _ => Err(Errno::EINVAL),
        }
    }

    fn read_file(&self, handle: FileHandle, offset: u64, size: u32) -> Result<Vec<u8>, Errno> {
        let Some(Handle::File { content, name, of }) = self.handles.get(handle.0) else {
            return Err(Errno::EBADF);
        };
        let length = usize::try_from(size).unwrap_or(usize::MAX);
        self.view.read(&content, offset, length).map_err(|error| self.failed(&error, &name, &of))
    }

    fn seek(&self, handle: FileHandle, offset: i64, whence: i32) -> Result<i64, Errno> {
        let Some(Handle::File { content, .. }) = self.handles.get(handle.0) else {
            return Err(Errno::EBADF);
        };
        let offset = u64::try_from(offset).map_err(|_| Errno::ENXIO)?;
        let found = match whence {
            SEEK_DATA => content.next_data(offset),
            SEEK_HOLE => content.next_hole(offset),
            _ => return Err(Errno::EINVAL),
        };
        found.and_then(|found| i64::try_from(found).ok()).ok_or(Errno::ENXIO)
    }
}

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
            Node::Link(target) => Ok(target.as_bytes().to_vec()),
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
                        Member::Link(_) => FileType::Symlink,
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

fn number_of_member(parent: u64, name: &[u8], member: &Member) -> u64 {
    match member {
        // Another target is another link.
        Member::Link(target) => number_of(number_of(parent, name), target.as_bytes()),
        _ => number_of(parent, name),
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
