//! The place of one entry.

use super::super::descent::{Place, c_name, open_way};
use super::super::node::Node;
use super::super::stat::Stat;
use super::apply::Metadata;
use super::compare::{compare, file_type, open};
use super::run::Run;
use super::temporary::{self, Temporary};
use super::{content, io_error, unlock};
use crate::model::{
    ContentSource, Entry, EntryPath, File, InodeFlags, Kind, Presence, ProblemKind, Slot,
    TargetError,
};
use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use std::io;
use std::sync::Arc;

/// Who may do what with something that has not appeared yet.
const PRIVATE: Mode = Mode::from_bits_retain(0o600);

/// A place in a directory that is held by its descriptor, wherever that directory is moved.
pub(super) struct FileSlot {
    pub place: Place,
    /// Below the target's root, for messages.
    pub path: EntryPath,
    pub entry: Arc<Entry>,
    pub run: Arc<Run>,
}

impl Slot for FileSlot {
    fn compare(&mut self) -> Result<Presence, TargetError> {
        let directory = self.place.directory().map_err(io_error("cannot reach its directory"))?;
        compare(directory.node(), self.place.name(), &self.entry, &self.run)
            .map_err(io_error("cannot compare it"))
    }

    fn write(&mut self, content: &dyn ContentSource) -> Result<(), TargetError> {
        if self.entry.kind == Kind::Socket {
            let why = "sockets are not made again: the program that listens makes it".to_owned();
            self.run.report(ProblemKind::Note, &self.path, why);
            return Ok(());
        }
        let directory = self.place.directory().map_err(io_error("cannot reach its directory"))?;
        if self.is_directory_already(directory.node()) {
            return self.write_metadata(content);
        }
        let metadata = self.metadata(content);
        let (temporary, node) = match &self.entry.kind {
            Kind::File(file) => self.make_file(directory.node(), file, content)?,
            kind => self.make_special(directory.node(), kind)?,
        };
        metadata.apply(&node)?;
        temporary.appear(self.place.name(), &self.run)?;
        metadata.lock(&node, file_type(&self.entry.kind));
        Ok(())
    }

    fn link(&mut self, first: &EntryPath, content: &dyn ContentSource) -> Result<(), TargetError> {
        match self.try_link(first) {
            Ok(()) => Ok(()),
            Err(error) => {
                self.write(content)?;
                self.run.not_restored("hard link", &self.path, &error);
                Ok(())
            }
        }
    }

    fn write_metadata(&mut self, content: &dyn ContentSource) -> Result<(), TargetError> {
        let directory = self.place.directory().map_err(io_error("cannot reach its directory"))?;
        let kind = file_type(&self.entry.kind);
        let (node, _) = open(directory.node(), self.place.name(), kind)
            .map_err(io_error("cannot open what is there"))?;
        let metadata = self.metadata(content);
        metadata.apply(&node)?;
        metadata.lock(&node, kind);
        Ok(())
    }
}

impl FileSlot {
    fn metadata<'a>(&'a self, content: &'a dyn ContentSource) -> Metadata<'a> {
        Metadata { entry: &self.entry, path: &self.path, run: &self.run, content }
    }

    /// A directory is never replaced by another one: what is in it stays.
    fn is_directory_already(&self, directory: &Node) -> bool {
        matches!(self.entry.kind, Kind::Directory(_))
            && Stat::of(directory, self.place.name()).is_ok_and(|stat| stat.is_directory())
    }

    /// A regular file with its content, under a temporary name.
    fn make_file<'a>(
        &self,
        directory: &'a Node,
        file: &File,
        content: &dyn ContentSource,
    ) -> Result<(Temporary<'a>, Node), TargetError> {
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let create = |name: &_| rustix::fs::openat(directory, name, flags, PRIVATE);
        let (temporary, descriptor) = temporary::make(directory, &self.run, create)
            .map_err(io_error("cannot make a file beside it"))?;
        let node = Node::open(descriptor);
        // These take effect only on an empty file.
        let early = InodeFlags::NOCOW | InodeFlags::COMPRESSED;
        let wanted = self.entry.metadata.flags;
        if wanted.raw() & early != 0 {
            let kind = FileType::RegularFile;
            super::flags::set(&node, kind, wanted, early, &self.run, &self.path);
        }
        content::write(&node, file, content)?;
        Ok((temporary, node))
    }

    /// Anything else, under a temporary name.
    fn make_special<'a>(
        &self,
        directory: &'a Node,
        kind: &Kind,
    ) -> Result<(Temporary<'a>, Node), TargetError> {
        let device = |major: &u32, minor: &u32| rustix::fs::makedev(*major, *minor);
        let node = |kind, device| {
            move |name: &_| rustix::fs::mknodat(directory, name, kind, PRIVATE, device)
        };
        let run = &self.run;
        let made = match kind {
            Kind::Symlink { target } => temporary::make(directory, run, |name| {
                rustix::fs::symlinkat(&target[..], directory, name)
            }),
            Kind::Directory(_) => temporary::make(directory, run, |name| {
                rustix::fs::mkdirat(directory, name, Mode::RWXU)
            }),
            Kind::CharacterDevice { major, minor } => {
                let make = node(FileType::CharacterDevice, device(major, minor));
                temporary::make(directory, run, make)
            }
            Kind::BlockDevice { major, minor } => {
                let make = node(FileType::BlockDevice, device(major, minor));
                temporary::make(directory, run, make)
            }
            Kind::Fifo => temporary::make(directory, run, node(FileType::Fifo, 0)),
            Kind::File(_) | Kind::Socket | Kind::Collection(_) | Kind::View { .. } => {
                Err(io::ErrorKind::Unsupported.into())
            }
        };
        let (temporary, ()) = made.map_err(io_error("cannot make it"))?;
        let (node, _) = open(directory, &temporary.name, file_type(kind))
            .map_err(io_error("cannot open what was just made"))?;
        Ok((temporary, node))
    }

    /// Makes a link to what is at `first` and lets it appear here.
    fn try_link(&self, first: &EntryPath) -> io::Result<()> {
        let first_name = first.names().next_back().ok_or(io::ErrorKind::InvalidInput)?;
        let mut above = first.clone();
        above.pop();
        let there = open_way(rustix::fd::AsFd::as_fd(&*self.run.root), &above)?;
        let first_name = c_name(&first_name)?;
        let stat = Stat::of(&there, &first_name)?;
        if stat.kind != file_type(&self.entry.kind) {
            return Err(io::Error::other("it is not what was written"));
        }
        let here = self.place.directory()?;
        let here = here.node();
        if Stat::of(here, self.place.name()).is_ok_and(|now| now.identity == stat.identity) {
            return Ok(());
        }
        let link = |name: &_| rustix::fs::linkat(&there, &first_name, here, name, AtFlags::empty());
        // An immutable inode gets no more links.
        let unlocked = unlock::entry(&there, &first_name);
        let linked = temporary::make(here, &self.run, link).and_then(|(temporary, ())| {
            temporary.appear(self.place.name(), &self.run).map_err(|error| match error {
                TargetError::Io { cause, .. } => cause,
                other => io::Error::other(other),
            })
        });
        if let Some(unlocked) = unlocked {
            unlocked.lock();
        }
        linked
    }
}
