//! Going down into directories and up again, however deep, with a bounded number of them open.

use super::node::Node;
use super::stat::Identity;
use crate::model::{EntryName, EntryPath};
use rustix::fd::{AsFd, BorrowedFd};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use std::ffi::{CStr, CString};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many directories of the way down stay open. Those further up are opened again through
/// `..` of their child.
const OPEN_LEVELS: usize = 48;

/// How many directories may be open in all, those included that only places hold; beyond this
/// places remember the way instead.
const OPEN_HANDLES: usize = 256;

/// An open directory.
#[derive(Debug)]
pub(super) struct Handle {
    node: Node,
    open_handles: Arc<AtomicUsize>,
}

impl Handle {
    fn new(node: Node, open_handles: &Arc<AtomicUsize>) -> Arc<Self> {
        open_handles.fetch_add(1, Ordering::Relaxed);
        Arc::new(Self { node, open_handles: open_handles.clone() })
    }

    pub fn node(&self) -> &Node {
        &self.node
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.open_handles.fetch_sub(1, Ordering::Relaxed);
    }
}

impl AsFd for Handle {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.node.as_fd()
    }
}

struct Level {
    name: CString,
    identity: Identity,
    handle: Option<Arc<Handle>>,
}

/// The way from a root down to the directory last entered. No link is ever followed, and a
/// directory that is opened again must be the one that it was.
pub(super) struct Descent {
    root: Arc<Handle>,
    levels: Vec<Level>,
    /// Levels before this one are closed.
    first_open: usize,
    open_handles: Arc<AtomicUsize>,
}

impl Descent {
    pub fn new(root: Node) -> Self {
        let open_handles = Arc::new(AtomicUsize::new(0));
        let root = Handle::new(root, &open_handles);
        Self { root, levels: Vec::new(), first_open: 0, open_handles }
    }

    pub fn root(&self) -> &Arc<Handle> {
        &self.root
    }

    /// Goes into `directory`, which was opened as `name` in the directory last entered.
    pub fn push(&mut self, name: &CStr, directory: Node, identity: Identity) {
        let handle = Some(Handle::new(directory, &self.open_handles));
        self.levels.push(Level { name: name.to_owned(), identity, handle });
        if self.levels.len().saturating_sub(self.first_open) > OPEN_LEVELS {
            if let Some(level) = self.levels.get_mut(self.first_open) {
                level.handle = None;
            }
            self.first_open += 1;
        }
    }

    /// Leaves the directory last entered; nothing happens at the root.
    pub fn pop(&mut self) {
        let Some(child) = self.levels.pop() else { return };
        let depth = self.levels.len();
        self.first_open = self.first_open.min(depth.saturating_sub(1));
        if let (Some(level), Some(below)) = (self.levels.last_mut(), child.handle)
            && level.handle.is_none()
        {
            let opened = reopen(below.as_fd(), c"..", level.identity).ok();
            level.handle = opened.map(|directory| Handle::new(directory, &self.open_handles));
        }
    }

    /// The directory last entered. Fails if it was closed and is not found again where it was.
    pub fn current(&mut self) -> io::Result<Arc<Handle>> {
        match self.levels.last() {
            None => Ok(self.root.clone()),
            Some(Level { handle: Some(handle), .. }) => Ok(handle.clone()),
            Some(_) => self.open_from_root(),
        }
    }

    fn open_from_root(&mut self) -> io::Result<Arc<Handle>> {
        let mut directory = self.root.clone();
        for level in &self.levels {
            let opened = reopen(directory.as_fd(), &level.name, level.identity)?;
            directory = Handle::new(opened, &self.open_handles);
        }
        if let Some(level) = self.levels.last_mut() {
            level.handle = Some(directory.clone());
        }
        Ok(directory)
    }

    /// The place called `name` in the directory last entered, whose path below the root is
    /// `path`.
    pub fn place(&mut self, path: &EntryPath, name: &CStr) -> io::Result<Place> {
        let handle = self.current()?;
        let directory = match self.levels.last() {
            Some(level) if self.open_handles.load(Ordering::Relaxed) > OPEN_HANDLES => Home::Way {
                root: self.root.clone(),
                path: path.clone(),
                identity: level.identity,
                open_handles: self.open_handles.clone(),
            },
            _ => Home::Open(handle),
        };
        Ok(Place { directory, name: name.to_owned() })
    }
}

/// A name in a directory, for use at any time and on any thread.
#[derive(Debug)]
pub(super) struct Place {
    directory: Home,
    name: CString,
}

#[derive(Debug)]
enum Home {
    Open(Arc<Handle>),
    Way { root: Arc<Handle>, path: EntryPath, identity: Identity, open_handles: Arc<AtomicUsize> },
}

impl Place {
    pub fn name(&self) -> &CStr {
        &self.name
    }

    /// The directory; no link is followed on the way to it.
    pub fn directory(&self) -> io::Result<Arc<Handle>> {
        match &self.directory {
            Home::Open(handle) => Ok(handle.clone()),
            Home::Way { root, path, identity, open_handles } => {
                let directory = open_way(root.as_fd(), path)?;
                verify(&directory, *identity)?;
                Ok(Handle::new(directory, open_handles))
            }
        }
    }
}

/// Opens the directory `path` below `root`, name by name.
pub(super) fn open_way(root: BorrowedFd<'_>, path: &EntryPath) -> io::Result<Node> {
    let mut directory = open_or_pass(root, c".")?;
    for name in path.names() {
        directory = open_or_pass(directory.as_fd(), &c_name(&name)?)?;
    }
    Ok(directory)
}

/// Opens a directory to list it, without touching its access time where that is allowed.
pub(super) fn open_directory(parent: BorrowedFd<'_>, name: &CStr) -> io::Result<Node> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let open = |flags| rustix::fs::openat(parent, name, flags, Mode::empty());
    let opened = match open(flags | OFlags::NOATIME) {
        Err(Errno::PERM) => open(flags),
        opened => opened,
    };
    Ok(Node::open(opened?))
}

/// Opens a directory to list it or, where that is not allowed, only to pass through it.
pub(super) fn open_or_pass(parent: BorrowedFd<'_>, name: &CStr) -> io::Result<Node> {
    match open_directory(parent, name) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            Node::passive_directory(parent, name)
        }
        opened => opened,
    }
}

fn reopen(parent: BorrowedFd<'_>, name: &CStr, identity: Identity) -> io::Result<Node> {
    let directory = open_or_pass(parent, name)?;
    verify(&directory, identity)?;
    Ok(directory)
}

fn verify(directory: &Node, identity: Identity) -> io::Result<()> {
    if directory.stat()?.identity == identity {
        return Ok(());
    }
    Err(io::Error::other("the directory was moved or replaced meanwhile"))
}

/// The name as system calls want it.
pub(super) fn c_name(name: &EntryName) -> io::Result<CString> {
    Ok(CString::new(name.bytes())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root(directory: &tempfile::TempDir) -> Descent {
        Descent::new(Node::open(std::fs::File::open(directory.path()).unwrap().into()))
    }

    fn enter(descent: &mut Descent, name: &CStr) {
        let parent = descent.current().unwrap();
        rustix::fs::mkdirat(&parent, name, Mode::RWXU).unwrap();
        let child = open_directory(parent.as_fd(), name).unwrap();
        let identity = child.stat().unwrap().identity;
        descent.push(name, child, identity);
    }

    #[test]
    fn few_directories_are_open_however_deep_it_goes() {
        let directory = tempfile::tempdir().unwrap();
        let mut descent = root(&directory);
        let mut identities = Vec::new();
        for _ in 0..500 {
            enter(&mut descent, c"d");
            identities.push(descent.current().unwrap().node().stat().unwrap().identity);
            assert!(descent.open_handles.load(Ordering::Relaxed) <= OPEN_LEVELS + 1);
        }
        while let Some(identity) = identities.pop() {
            let current = descent.current().unwrap();
            assert_eq!(current.node().stat().unwrap().identity, identity);
            descent.pop();
        }
    }

    #[test]
    fn a_directory_that_was_replaced_is_not_entered_again() {
        let directory = tempfile::tempdir().unwrap();
        let mut descent = root(&directory);
        for _ in 0..OPEN_LEVELS + 2 {
            enter(&mut descent, c"d");
        }
        let first = directory.path().join("d");
        std::fs::rename(&first, directory.path().join("elsewhere")).unwrap();
        std::fs::create_dir_all(first.join("d/d")).unwrap();
        let second = descent.levels[1].identity;
        for _ in 0..OPEN_LEVELS {
            descent.pop();
        }
        // Through `..` it is still found, for it is the same directory.
        assert_eq!(descent.current().unwrap().node().stat().unwrap().identity, second);
        descent.levels[1].handle = None;
        assert!(descent.current().is_err());
    }

    #[test]
    fn places_find_their_directory_when_too_many_are_open() {
        let directory = tempfile::tempdir().unwrap();
        let mut descent = root(&directory);
        enter(&mut descent, c"d");
        let path = EntryPath::parse(b"d").unwrap();
        let held: Vec<_> = (0..OPEN_HANDLES + 10)
            .map(|_| {
                let directory = open_directory(descent.root().as_fd(), c".").unwrap();
                Handle::new(directory, &descent.open_handles)
            })
            .collect();
        let place = descent.place(&path, c"file").unwrap();
        assert!(matches!(place.directory, Home::Way { .. }));
        drop(held);
        let found = place.directory().unwrap().node().stat().unwrap().identity;
        assert_eq!(found, descent.current().unwrap().node().stat().unwrap().identity);
    }
}
