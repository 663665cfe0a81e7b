//! All that a restore must give back of a small tree.

use rustix::fs::{lgetxattr, llistxattr};
use std::collections::{BTreeMap, HashMap};
use std::fs::Metadata;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Without the root itself.
pub type Tree = BTreeMap<PathBuf, Node>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// With the type.
    mode: u32,
    owner: (u32, u32),
    modified: (i64, i64),
    content: Content,
    attributes: BTreeMap<String, Vec<u8>>,
    /// Another path of the same file.
    linked: Option<PathBuf>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Content {
    File { bytes: u64, hash: blake3::Hash },
    Link(PathBuf),
    Other,
}

/// A folder that is not there has nothing in it.
pub fn read(root: &Path) -> Tree {
    let mut tree = Tree::new();
    let mut links = HashMap::new();
    let mut pending = vec![root.to_owned()];
    while let Some(folder) = pending.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        for path in paths {
            let metadata = path.symlink_metadata().unwrap();
            let name = path.strip_prefix(root).unwrap().to_owned();
            let first = links.entry(metadata.ino()).or_insert_with(|| name.clone()).clone();
            let linked = Some(first).filter(|first| *first != name);
            tree.insert(name, node(&path, &metadata, linked));
            if metadata.is_dir() {
                pending.push(path);
            }
        }
    }
    tree
}

fn node(path: &Path, metadata: &Metadata, linked: Option<PathBuf>) -> Node {
    let content = if metadata.is_file() {
        let bytes = std::fs::read(path).unwrap();
        Content::File { bytes: bytes.len() as u64, hash: blake3::hash(&bytes) }
    } else if metadata.is_symlink() {
        Content::Link(std::fs::read_link(path).unwrap())
    } else {
        Content::Other
    };
    Node {
        mode: metadata.permissions().mode(),
        owner: (metadata.uid(), metadata.gid()),
        modified: (metadata.mtime(), metadata.mtime_nsec()),
        content,
        attributes: attributes(path),
        linked,
    }
}

fn attributes(path: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut names = [0; 4096];
    let length = llistxattr(path, &mut names).unwrap_or(0);
    let names = names[..length].split(|byte| *byte == 0).filter(|name| !name.is_empty());
    let value = |name: &[u8]| {
        let mut value = [0; 4096];
        let length = lgetxattr(path, name, &mut value).unwrap();
        (String::from_utf8_lossy(name).into_owned(), value[..length].to_vec())
    };
    names.map(value).collect()
}

/// Without what could not be removed, and stays under a temporary name.
pub fn without_leftovers(tree: Tree) -> Tree {
    let is_leftover = |name: &std::ffi::OsStr| {
        let name = name.to_string_lossy();
        name.starts_with(".snap-") && name.ends_with(".tmp")
    };
    tree.into_iter().filter(|(path, _)| !path.iter().any(is_leftover)).collect()
}

/// What differs, for people; nothing if nothing does.
pub fn difference(expected: &Tree, found: &Tree) -> Option<String> {
    let names = expected.keys().chain(found.keys().filter(|name| !expected.contains_key(*name)));
    let lines = names.filter(|name| expected.get(*name) != found.get(*name)).map(|name| {
        format!(
            "  {}\n    expected {:?}\n    found    {:?}",
            name.display(),
            expected.get(name),
            found.get(name)
        )
    });
    let lines: Vec<String> = lines.collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}
