//! What the kernel asks for, looked up. Several threads ask at once; nothing here waits for
//! another but for what both want to read.

mod answers;

use super::attributes::{attribute, attribute_names, of_entry, of_folder, of_link};
use super::handles::{Handle, Handles};
use super::inodes::{Inodes, Node, SnapshotNode, number_of, number_of_entry};
use super::layout::Member;
use super::shelf::Shelf;
use crate::cli::output::Output;
use crate::cli::text::readable;
use crate::model::{AttributeValue, BlobId, Directory, Entry, Kind};
use crate::ops::view::{FileContent, Place, View};
use crate::repo::RepoError;
use fuser::{Errno, FileAttr, FileHandle, INodeNo};
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
            Node::Folder(_) | Node::Link(..) => Err(Errno::ENOTDIR),
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
            Member::Link(target, begun) => Node::Link(Arc::clone(target), *begun),
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
            Node::Link(target, begun) => of_link(number, target, *begun),
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

fn number_of_member(parent: u64, name: &[u8], member: &Member) -> u64 {
    match member {
        // Another target is another link.
        Member::Link(target, _) => number_of(number_of(parent, name), target.as_bytes()),
        _ => number_of(parent, name),
    }
}
