//! What a folder holds, to be compared with what a restore made of it.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

/// Everything below a folder, by path.
pub type Tree = BTreeMap<PathBuf, Node>;

/// One thing, with all that a restore must give back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    pub kind: Kind,
    pub mode: u32,
    pub modified: (i64, i64),
    pub attributes: Vec<(Vec<u8>, Vec<u8>)>,
    /// The first path of its hard-link group, itself for one that stands alone.
    pub group: PathBuf,
}

#[derive(Clone, PartialEq, Eq)]
pub enum Kind {
    File(Vec<u8>),
    Directory,
    Symlink(PathBuf),
    Fifo,
}

impl std::fmt::Debug for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Kind::File(bytes) => write!(f, "File of {} bytes", bytes.len()),
            Kind::Directory => f.write_str("Directory"),
            Kind::Symlink(target) => write!(f, "Symlink to {}", target.display()),
            Kind::Fifo => f.write_str("Fifo"),
        }
    }
}

/// Reads everything below `root`, not the root itself; a root that is not there is empty.
pub fn read(root: &Path) -> Tree {
    let (mut tree, mut groups) = (Tree::new(), HashMap::new());
    let mut pending = vec![root.to_path_buf()];
    while let Some(folder) = pending.pop() {
        let Ok(children) = fs::read_dir(&folder) else { continue };
        let mut children: Vec<PathBuf> = children.map(|child| child.unwrap().path()).collect();
        children.sort();
        for path in children {
            let metadata = path.symlink_metadata().unwrap();
            if metadata.is_dir() {
                pending.push(path.clone());
            }
            let below = path.strip_prefix(root).unwrap().to_path_buf();
            tree.insert(below, node(&path, &metadata));
        }
    }
    for (path, node) in &mut tree {
        let inode = root.join(path).symlink_metadata().unwrap().ino();
        node.group = groups.entry(inode).or_insert_with(|| path.clone()).clone();
    }
    tree
}

fn node(path: &Path, metadata: &fs::Metadata) -> Node {
    let kind = match metadata.file_type() {
        kind if kind.is_file() => Kind::File(fs::read(path).unwrap()),
        kind if kind.is_dir() => Kind::Directory,
        kind if kind.is_symlink() => Kind::Symlink(fs::read_link(path).unwrap()),
        kind if kind.is_fifo() => Kind::Fifo,
        kind => panic!("{kind:?} is not in the sample"),
    };
    Node {
        kind,
        mode: metadata.mode(),
        modified: (metadata.mtime(), metadata.mtime_nsec()),
        attributes: attributes(path),
        group: PathBuf::new(),
    }
}

/// Extended attributes of `user.`, sorted.
fn attributes(path: &Path) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut names = vec![0; 4096];
    let length = rustix::fs::llistxattr(path, &mut names[..]).unwrap_or(0);
    let names = names[..length].split(|byte| *byte == 0).filter(|name| name.starts_with(b"user."));
    let value = |name: &[u8]| {
        let mut value = vec![0; 64 << 10];
        let name = std::ffi::OsStr::from_bytes(name);
        let length = rustix::fs::lgetxattr(path, name, &mut value[..]).unwrap();
        value.truncate(length);
        value
    };
    let mut found: Vec<_> = names.map(|name| (name.to_vec(), value(name))).collect();
    found.sort();
    found
}
