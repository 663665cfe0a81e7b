//! A directory as a target: entries appear in it whole or not at all, and nothing is ever
//! written outside of it.

mod apply;
mod attributes;
mod compare;
mod content;
mod flags;
mod live;
mod remove;
mod run;
mod slot;
mod temporary;
mod unlock;

use super::descent::{Descent, Handle, c_name, open_directory};
use super::listing::{Lister, Listing};
use super::node::Node;
use super::rules::{LeftOut, Rules};
use super::stat::Stat;
use crate::model::{
    ContentSource, Entry, EntryName, EntryPath, Kind, Monitor, Slot, Target, TargetError,
};
use apply::Metadata;
pub use live::Look;
use live::Reader;
use run::Run;
use rustix::fd::AsFd;
use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;
use slot::FileSlot;
use std::collections::hash_map::{self, HashMap};
use std::ffi::CStr;
use std::io;
use std::path::Path;
use std::sync::Arc;
use temporary::Lookalikes;

/// How to restore.
#[derive(Debug, Clone, Copy, Default)]
pub struct TargetOptions {
    /// Owners and groups stay what they are made with, or were.
    pub no_ownership: bool,
    /// Nothing is made, opened up or tidied: to compare, and to read what is there.
    pub look_only: bool,
    /// Owners by number, also where this system has a user or group of that name.
    pub numeric_ids: bool,
}

/// A directory that entries are restored into.
///
/// Directories are held by descriptors and entered name by name without following links, so
/// that nothing that happens to the tree meanwhile leads outside. Only a bounded number is open,
/// however deep it goes and however many slots are waiting. What a killed restore left behind is
/// removed from every directory that is entered; what this run restored under such a name stays.
/// Two restores into one directory at a time would disturb each other.
///
/// Without root's rights, owners and attributes that take them are left out, which is reported
/// once, and setuid bits of files that do not belong to whom they should are not set.
pub struct FilesTarget {
    run: Arc<Run>,
    descent: Descent,
    /// The path of the directory last entered.
    directory: EntryPath,
    lister: Lister,
    /// A directory on each file system that was written to.
    file_systems: HashMap<u64, Node>,
    look_only: bool,
    /// Directories are entered that were entered before.
    are_cleared: bool,
    reader: Reader,
    spared: Option<LeftOut>,
    lookalikes: Lookalikes,
}

impl FilesTarget {
    /// `root` is made if it is absent, with those above it. It may be a link itself.
    pub fn new(
        root: &Path,
        options: TargetOptions,
        monitor: Arc<dyn Monitor>,
    ) -> Result<Self, TargetError> {
        if std::fs::metadata(root).is_ok_and(|found| !found.is_dir()) {
            return Err(TargetError::Refused("it is there, and is not a folder".to_owned()));
        }
        let open = || {
            if !options.look_only {
                std::fs::create_dir_all(root)?;
            }
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
            Ok(Node::open(rustix::fs::open(root, flags, Mode::empty())?))
        };
        let node = open().map_err(io_error("cannot open the target"))?;
        let descent = Descent::new(node);
        let name = String::from_utf8_lossy(root.as_os_str().as_encoded_bytes());
        let name = name.escape_debug().to_string();
        let reader = Reader::new(Arc::clone(&monitor));
        let run = Arc::new(Run::new(descent.root().clone(), name, options, monitor));
        let mut target = Self {
            run,
            descent,
            directory: EntryPath::root(),
            lister: Lister::new(),
            file_systems: HashMap::new(),
            look_only: options.look_only,
            are_cleared: false,
            reader,
            spared: None,
            lookalikes: Lookalikes::default(),
        };
        let root = target.descent.root().clone();
        target.remember_file_system(root.node()).map_err(io_error("cannot open the target"))?;
        target
            .remove_leftovers(root.node(), &EntryPath::root())
            .map_err(io_error("cannot list the target"))?;
        Ok(target)
    }

    /// Spares what backups by these rules leave out; they see paths below the target's root.
    pub fn sparing(mut self, rules: Option<Rules>) -> Self {
        self.spared = rules.map(LeftOut::new);
        self
    }

    fn current(&mut self) -> Result<Arc<Handle>, TargetError> {
        self.descent.current().map_err(io_error("cannot reach its directory"))
    }

    /// Opens the directory `name`, making it if need be; and whether it was there.
    fn open_or_make(
        &self,
        parent: &Node,
        name: &CStr,
        replace: bool,
    ) -> Result<(Node, bool), TargetError> {
        let kind = match Stat::of(parent, name) {
            Ok(stat) => Some(stat.kind),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(io_error("cannot look at what is there")(error)),
        };
        match kind {
            Some(FileType::Directory) => {
                let opened = self.open_existing(parent, name);
                return Ok((opened.map_err(io_error("cannot enter it"))?, true));
            }
            Some(_) if !replace => {
                let why = "something that is not a directory is in its place";
                return Err(TargetError::Refused(why.to_owned()));
            }
            Some(_) => {
                remove::all(parent, name).map_err(io_error("cannot remove what is there"))?;
            }
            None => {}
        }
        let made = self.make_directory(parent, name);
        Ok((made.map_err(io_error("cannot make it"))?, false))
    }

    fn open_existing(&self, parent: &Node, name: &CStr) -> io::Result<Node> {
        match open_directory(parent.as_fd(), name) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                let passive = Node::passive_directory(parent, name)?;
                self.run.opened_up.open_up(&passive);
                open_directory(parent.as_fd(), name)
            }
            opened => opened,
        }
    }

    fn make_directory(&self, parent: &Node, name: &CStr) -> io::Result<Node> {
        let make = || rustix::fs::mkdirat(parent, name, Mode::RWXU);
        match make() {
            Err(Errno::PERM | Errno::ACCESS) if self.run.opened_up.open_up(parent) => make()?,
            made => made?,
        }
        open_directory(parent.as_fd(), name)
    }

    fn remember_file_system(&mut self, directory: &Node) -> io::Result<()> {
        let device = directory.stat()?.identity.device;
        if let hash_map::Entry::Vacant(place) = self.file_systems.entry(device) {
            place.insert(directory.again()?);
        }
        Ok(())
    }

    fn is_left_out(&mut self, spared: &mut LeftOut, name: &EntryName) -> io::Result<bool> {
        let handle = self.descent.current()?;
        let stat = match Stat::of(handle.node(), &c_name(name)?) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            stat => stat?,
        };
        let root = self.descent.root().clone();
        let path = self.directory.clone();
        let here = (handle.node(), &path);
        spared.has(root.node(), here, name, &stat, || self.list(handle.node()))
    }

    fn list(&mut self, directory: &Node) -> io::Result<Listing> {
        let (listing, result) = self.lister.list(directory.again()?);
        result.map(|()| listing)
    }

    /// Removes what killed restores left in `directory`, which is at `path`.
    fn remove_leftovers(&mut self, directory: &Node, path: &EntryPath) -> io::Result<()> {
        if self.look_only || self.are_cleared {
            return Ok(());
        }
        let listing = self.list(directory)?;
        let mut names = listing
            .names()
            .filter(|name| self.run.names.is_leftover(name) && !self.lookalikes.has(path, name));
        names.try_for_each(|name| remove::all(directory, name).map(|_| ()))
    }

    fn note_lookalike(&mut self, name: &CStr) {
        if self.run.names.is_leftover(name) {
            self.lookalikes.add(&self.directory, name);
        }
    }
}

impl Target for FilesTarget {
    fn enter(&mut self, entry: &Entry, replace: bool) -> Result<(), TargetError> {
        let parent = self.current()?;
        let name = c_name(&entry.name).map_err(io_error("cannot use its name"))?;
        let (directory, existed) = match self.look_only {
            true => (self.open_there(parent.node(), &name)?, true),
            false => self.open_or_make(parent.node(), &name, replace)?,
        };
        let stat = directory.stat().map_err(io_error("cannot look at it"))?;
        self.remember_file_system(&directory).map_err(io_error("cannot enter it"))?;
        if existed {
            let path = self.directory.join(&entry.name);
            self.remove_leftovers(&directory, &path).map_err(io_error("cannot clear it"))?;
        }
        self.note_lookalike(&name);
        self.descent.push(&name, directory, stat.identity);
        self.directory.push(&entry.name);
        Ok(())
    }

    fn finish(&mut self, entry: &Entry, content: &dyn ContentSource) -> Result<(), TargetError> {
        let handle = self.current()?;
        if !matches!(entry.kind, Kind::Directory(_)) || self.directory.is_root() {
            return Err(TargetError::Refused("it is not a directory that was entered".into()));
        }
        let metadata = Metadata { entry, path: &self.directory, run: &self.run, content };
        metadata.apply(handle.node())?;
        metadata.lock(handle.node(), FileType::Directory);
        let stat = handle.node().stat().map_err(io_error("cannot look at it"))?;
        self.run.opened_up.is_finished(stat.identity);
        Ok(())
    }

    fn leave(&mut self) {
        self.descent.pop();
        self.directory.pop();
    }

    fn slot_of(&mut self, entry: &Arc<Entry>) -> Result<Box<dyn Slot>, TargetError> {
        let name = c_name(&entry.name).map_err(io_error("cannot use its name"))?;
        self.note_lookalike(&name);
        let place = self.descent.place(&self.directory, &name);
        Ok(Box::new(FileSlot {
            place: place.map_err(io_error("cannot reach its directory"))?,
            path: self.directory.join(&entry.name),
            entry: Arc::clone(entry),
            run: self.run.clone(),
        }))
    }

    fn all_were_entered(&mut self) {
        self.are_cleared = true;
    }

    fn children(&mut self) -> Result<Vec<EntryName>, TargetError> {
        let handle = self.current()?;
        let listing = self.list(handle.node()).map_err(io_error("cannot list it"))?;
        // What is being written right now, or was when a restore was killed, is nobody's.
        let names = &self.run.names;
        let is_temporary = |name: &&CStr| names.is_own(name) || names.is_leftover(name);
        let names = listing.names().filter(|name| !is_temporary(name));
        Ok(names.filter_map(|name| EntryName::new(name.to_bytes()).ok()).collect())
    }

    fn spares(&mut self, name: &EntryName) -> Result<bool, TargetError> {
        let Some(mut spared) = self.spared.take() else { return Ok(false) };
        let found = self.is_left_out(&mut spared, name);
        self.spared = Some(spared);
        found.map_err(io_error("cannot look at what is there"))
    }

    fn remove(&mut self, name: &EntryName) -> Result<u64, TargetError> {
        let handle = self.current()?;
        let name = c_name(name).map_err(io_error("cannot use its name"))?;
        let remove = || remove::all(handle.node(), &name);
        match remove() {
            Err(error)
                if error.kind() == io::ErrorKind::PermissionDenied
                    && self.run.opened_up.open_up(handle.node()) =>
            {
                remove()
            }
            removed => removed,
        }
        .map_err(io_error("cannot remove it"))
    }

    fn sync(&mut self) -> Result<(), TargetError> {
        self.run.opened_up.close();
        let mut nodes = self.file_systems.values();
        nodes
            .try_for_each(|node| Ok(rustix::fs::syncfs(node)?))
            .map_err(io_error("what was restored may not be on disk yet"))
    }
}

/// Says what was tried when an error came.
fn io_error(what: &'static str) -> impl Fn(io::Error) -> TargetError {
    move |cause| TargetError::Io { what, cause }
}
