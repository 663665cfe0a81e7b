//! Reading what is there, for a safety snapshot.

use super::super::descent::{c_name, open_directory};
use super::super::node::Node;
use super::super::source::inspect::{Inspector, hold, special_kind};
use super::super::source::links::LinkGroups;
use super::super::source::stream::FileStream;
use super::super::stat::Stat;
use super::{FilesTarget, compare, io_error};
use crate::model::{EntryName, EntryPath, Fresh, Metadata, Monitor, Origin, TargetError};
use rustix::fd::AsFd;
use std::ffi::CStr;
use std::io;
use std::sync::Arc;

/// What is at a name now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    pub is_directory: bool,
    /// How many names the inode has.
    pub links: u32,
    /// Which inode it is: device and number.
    pub inode: (u64, u64),
}

/// What reading needs, beside the place.
pub(super) struct Reader {
    inspector: Arc<Inspector>,
    links: LinkGroups,
}

impl Reader {
    pub fn new(monitor: Arc<dyn Monitor>) -> Self {
        Self { inspector: Arc::new(Inspector::new(monitor)), links: LinkGroups::default() }
    }
}

impl FilesTarget {
    /// What the child `name` of the directory last entered is; `None` if there is none.
    pub fn look(&mut self, name: &EntryName) -> Result<Option<Look>, TargetError> {
        let handle = self.current()?;
        let name = c_name(name).map_err(io_error("cannot use its name"))?;
        match Stat::of(handle.node(), &name) {
            Ok(stat) => Ok(Some(Look {
                is_directory: stat.is_directory(),
                links: stat.links,
                inode: (stat.identity.device, stat.identity.inode),
            })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(io_error("cannot look at what is there")(error)),
        }
    }

    /// Goes into a directory that is there.
    pub fn go_into(&mut self, name: &EntryName) -> Result<(), TargetError> {
        let parent = self.current()?;
        let as_c = c_name(name).map_err(io_error("cannot use its name"))?;
        let directory = self.open_there(parent.node(), &as_c)?;
        let stat = directory.stat().map_err(io_error("cannot look at it"))?;
        self.descent.push(&as_c, directory, stat.identity);
        self.directory.push(name);
        Ok(())
    }

    pub(super) fn open_there(&self, parent: &Node, name: &CStr) -> Result<Node, TargetError> {
        match open_directory(parent.as_fd(), name) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                Node::passive_directory(parent, name)
            }
            opened => opened,
        }
        .map_err(io_error("cannot enter it"))
    }

    /// The metadata of the directory last entered. What of it cannot be read is reported.
    pub fn own_metadata(&mut self) -> Result<Metadata, TargetError> {
        let handle = self.current()?;
        let stat = handle.node().stat().map_err(io_error("cannot look at it"))?;
        Ok(self.reader.inspector.metadata(handle.node(), &stat, &self.directory).metadata)
    }

    /// The metadata of a child of the directory last entered that is not a directory itself. What
    /// of it cannot be read is reported.
    pub fn metadata(&mut self, name: &EntryName) -> Result<Metadata, TargetError> {
        let handle = self.current()?;
        let as_c = c_name(name).map_err(io_error("cannot use its name"))?;
        let opened = Stat::of(handle.node(), &as_c)
            .and_then(|stat| compare::open(handle.node(), &as_c, stat.kind));
        let (node, stat) = opened.map_err(io_error("cannot look at it"))?;
        let path = self.directory.join(name);
        Ok(self.reader.inspector.metadata(&node, &stat, &path).metadata)
    }

    /// The group of links of a child, as [`FilesTarget::read`] says it.
    pub fn link_group(&mut self, name: &EntryName) -> Result<Option<EntryPath>, TargetError> {
        let handle = self.current()?;
        let as_c = c_name(name).map_err(io_error("cannot use its name"))?;
        let stat = Stat::of(handle.node(), &as_c).map_err(io_error("cannot look at it"))?;
        Ok(self.reader.links.group(&stat, || self.directory.join(name)))
    }

    /// A child of the directory last entered that is not a directory itself, to be stored. Links
    /// of one inode are a group, named by the first that was asked for.
    pub fn read(&mut self, name: &EntryName) -> Result<Origin, TargetError> {
        let handle = self.current()?;
        let path = self.directory.join(name);
        let as_c = c_name(name).map_err(io_error("cannot use its name"))?;
        let stat = Stat::of(handle.node(), &as_c).map_err(io_error("cannot look at it"))?;
        let link_group = self.reader.links.group(&stat, || path.clone());
        match stat.is_file() {
            true => self.stream(&as_c, path, link_group),
            false => self.special(handle.node(), &as_c, &path, link_group),
        }
        .map_err(io_error("cannot read it"))
    }

    fn stream(
        &mut self,
        name: &CStr,
        path: EntryPath,
        link_group: Option<EntryPath>,
    ) -> io::Result<Origin> {
        let place = self.descent.place(&self.directory, name)?;
        let inspector = Arc::clone(&self.reader.inspector);
        let stream =
            FileStream { place, path, link_group, inspector, recording: None, reading: None };
        Ok(Origin::Stream { stream: Box::new(stream), known: true })
    }

    fn special(
        &self,
        directory: &Node,
        name: &CStr,
        path: &EntryPath,
        link_group: Option<EntryPath>,
    ) -> io::Result<Origin> {
        let (node, stat) = hold(directory, name)?;
        let kind = special_kind(&node, &stat)?;
        let metadata = self.reader.inspector.metadata(&node, &stat, path).metadata;
        Ok(Origin::Complete(Box::new(Fresh { kind, metadata, link_group, known: true })))
    }
}
