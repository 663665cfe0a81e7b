//! What a snapshot consists of.

use super::{BlobId, Collection, ContentHash, EntryName, EntryPath, Metadata};

/// A thing in a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub name: EntryName,
    pub kind: Kind,
    pub metadata: Metadata,
    /// The hard-link group this belongs to, named by the first path of the group that the walk
    /// met, below the root of its source (`files/`). Every member carries the content.
    pub link_group: Option<EntryPath>,
}

impl Entry {
    /// The tree of a directory, if it has entries; nothing else has one.
    pub fn tree(&self) -> Option<BlobId> {
        match &self.kind {
            Kind::Directory(Directory { tree, .. }) => *tree,
            _ => None,
        }
    }
}

/// What kind of thing an entry is, with what only this kind has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    File(File),
    Directory(Directory),
    Symlink {
        target: Vec<u8>,
    },
    CharacterDevice {
        major: u32,
        minor: u32,
    },
    BlockDevice {
        major: u32,
        minor: u32,
    },
    Fifo,
    Socket,
    Collection(Box<Collection>),
    /// A view of a database, with its options: one BSON document.
    View {
        options: Vec<u8>,
    },
}

impl Kind {
    /// The word for people and for JSON (restic's names).
    pub fn word(&self) -> &'static str {
        match self {
            Kind::File(_) => "file",
            Kind::Directory(_) => "dir",
            Kind::Symlink { .. } => "symlink",
            Kind::CharacterDevice { .. } => "chardev",
            Kind::BlockDevice { .. } => "dev",
            Kind::Fifo => "fifo",
            Kind::Socket => "socket",
            Kind::Collection(_) => "collection",
            Kind::View { .. } => "view",
        }
    }
}

/// The content of a regular file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct File {
    /// Bytes, holes included.
    pub size: u64,
    pub hash: Option<ContentHash>,
    /// Ascending, disjoint, not adjacent, below `size`; offsets are multiples of 4096, and so are
    /// lengths, but for a hole that ends where the file ends.
    pub holes: Vec<Extent>,
    /// The bytes outside the holes, in order.
    pub chunks: ChunkTree,
    pub reading: Reading,
}

/// A range of a file, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    pub offset: u64,
    pub length: u64,
}

/// The extents of `size` bytes that are not in `holes`, ascending. Costs one step a hole.
pub fn data_extents(size: u64, holes: &[Extent]) -> impl Iterator<Item = Extent> + '_ {
    let starts = std::iter::once(0).chain(holes.iter().map(|h| h.offset.saturating_add(h.length)));
    let ends = holes.iter().map(|hole| hole.offset).chain(std::iter::once(size));
    starts
        .zip(ends)
        .filter(|(start, end)| start < end)
        .map(|(start, end)| Extent { offset: start, length: end - start })
}

/// How steady a file was while it was read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Reading {
    #[default]
    Steady,
    /// It only grew: the content is that of the length it had.
    Grew,
    /// It was written to each time it was read: the content may mix several states.
    Torn,
}

/// A blob and how many plain bytes are found in it (or, in a list, below it).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkRef {
    pub id: BlobId,
    pub length: u64,
}

/// A byte sequence as chunks; long ones as lists of chunks, or lists of lists.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChunkTree {
    /// 0: `nodes` are chunks; n: they are lists whose nodes are of depth n - 1.
    pub depth: u8,
    pub nodes: Vec<ChunkRef>,
}

impl ChunkTree {
    /// More nodes than this become a list.
    pub const WIDEST: usize = 1000;

    /// Plain bytes; `None` if hostile lengths overflow.
    pub fn length(&self) -> Option<u64> {
        self.nodes.iter().try_fold(0_u64, |sum, node| sum.checked_add(node.length))
    }
}

/// A directory's content: its tree, and what a walk of it would count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Directory {
    /// The root piece of the tree. `None` while the tree is not made yet, and for a directory
    /// that could not be read.
    pub tree: Option<BlobId>,
    pub summary: Summary,
}

/// Counts over everything below a directory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Entries that are not directories.
    pub files: u64,
    /// Directories below, the directory itself not counted.
    pub directories: u64,
    /// The sum of the sizes of files and collections.
    pub bytes: u64,
}

impl Summary {
    /// The counts with one more child.
    pub fn with(self, child: &Kind) -> Self {
        let (files, directories, bytes) = match child {
            Kind::Directory(directory) => {
                let below = directory.summary;
                (below.files, below.directories.saturating_add(1), below.bytes)
            }
            Kind::File(file) => (1, 0, file.size),
            Kind::Collection(collection) => (1, 0, collection.size),
            _ => (1, 0, 0),
        };
        Self {
            files: self.files.saturating_add(files),
            directories: self.directories.saturating_add(directories),
            bytes: self.bytes.saturating_add(bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(size: u64, holes: &[(u64, u64)]) -> Vec<(u64, u64)> {
        let holes: Vec<_> =
            holes.iter().map(|&(offset, length)| Extent { offset, length }).collect();
        data_extents(size, &holes).map(|extent| (extent.offset, extent.length)).collect()
    }

    #[test]
    fn data_is_what_lies_between_the_holes() {
        assert_eq!(data(10, &[]), [(0, 10)]);
        assert_eq!(data(0, &[]), []);
        assert_eq!(data(8192, &[(0, 8192)]), []);
        assert_eq!(data(20_000, &[(4096, 4096), (16_384, 3616)]), [(0, 4096), (8192, 8192)]);
        assert_eq!(data(20_000, &[(0, 4096)]), [(4096, 15_904)]);
    }
}
