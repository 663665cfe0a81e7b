//! Removing whatever is there, with all below it.

use super::super::descent::{Descent, open_directory};
use super::super::listing::{Lister, Listing};
use super::super::node::Node;
use super::super::stat::Stat;
use super::unlock;
use rustix::fd::AsFd;
use rustix::fs::AtFlags;
use rustix::io::Errno;
use std::ffi::{CStr, CString};
use std::io;

/// Removes the entry `name` of `directory`; returns how many things that were. No link is
/// followed, nothing recurses, and another file system that is mounted below is an error, not
/// emptied. What could not be removed stops it.
pub(super) fn all(directory: &Node, name: &CStr) -> io::Result<u64> {
    match remove_one(directory, name, AtFlags::empty()) {
        Ok(()) => Ok(1),
        Err(error) if Stat::of(directory, name)?.is_directory() => {
            let root = directory.again()?;
            Removal::new(root).and_then(|mut removal| removal.run(name)).map_err(|other| {
                if other.kind() == io::ErrorKind::NotADirectory { error } else { other }
            })
        }
        Err(error) => Err(error),
    }
}

/// Unlinks one thing, also an immutable one.
fn remove_one(directory: &Node, name: &CStr, flags: AtFlags) -> io::Result<()> {
    match rustix::fs::unlinkat(directory, name, flags) {
        Err(Errno::PERM | Errno::ACCESS) => {
            unlock::entry(directory, name);
            unlock::take_off(directory);
            Ok(rustix::fs::unlinkat(directory, name, flags)?)
        }
        removed => Ok(removed?),
    }
}

/// A walk that removes, children before parents.
struct Removal {
    descent: Descent,
    lister: Lister,
    levels: Vec<Level>,
    device: u64,
    removed: u64,
}

struct Level {
    name: CString,
    listing: Listing,
    next: usize,
}

impl Removal {
    fn new(root: Node) -> io::Result<Self> {
        let device = root.stat()?.identity.device;
        let (descent, lister) = (Descent::new(root), Lister::new());
        Ok(Self { descent, lister, levels: Vec::new(), device, removed: 0 })
    }

    fn run(&mut self, name: &CStr) -> io::Result<u64> {
        self.enter(name)?;
        while let Some(level) = self.levels.last_mut() {
            let listing = std::mem::take(&mut level.listing);
            let number = level.next;
            level.next = number.saturating_add(1);
            match listing.get(number) {
                None => self.leave()?,
                Some((name, _)) => {
                    let depth = self.levels.len();
                    self.remove(name)?;
                    self.levels[depth.saturating_sub(1)].listing = listing;
                }
            }
        }
        Ok(self.removed)
    }

    /// Removes a child, or enters it.
    fn remove(&mut self, name: &CStr) -> io::Result<()> {
        let directory = self.descent.current()?;
        match remove_one(directory.node(), name, AtFlags::empty()) {
            Ok(()) => self.removed = self.removed.saturating_add(1),
            Err(_) if Stat::of(&directory, name)?.is_directory() => self.enter(name)?,
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn enter(&mut self, name: &CStr) -> io::Result<()> {
        let parent = self.descent.current()?;
        unlock::entry(parent.node(), name);
        let directory = open_directory(parent.as_fd(), name)?;
        let stat = directory.stat()?;
        if stat.identity.device != self.device {
            return Err(io::Error::other("another file system is mounted there"));
        }
        if stat.mode & 0o700 != 0o700 {
            // It goes, with all that is in it.
            let _ = directory.set_mode(0o700);
        }
        let (listing, result) = self.lister.list(&directory);
        result?;
        self.levels.push(Level { name: name.to_owned(), listing, next: 0 });
        self.descent.push(name, directory, stat.identity);
        Ok(())
    }

    fn leave(&mut self) -> io::Result<()> {
        let Some(level) = self.levels.pop() else { return Ok(()) };
        self.descent.pop();
        let parent = self.descent.current()?;
        remove_one(parent.node(), &level.name, AtFlags::REMOVEDIR)?;
        self.removed = self.removed.saturating_add(1);
        Ok(())
    }
}
