//! What a backup would leave out of a directory that is there.

use super::super::listing::Listing;
use super::super::stat::Stat;
use super::{IgnoreFiles, Rules, Scratch};
use crate::model::{EntryName, EntryPath};
use rustix::fd::AsFd;
use rustix::fs::{FileType, Mode, OFlags};
use std::io;

/// Asked for entry by entry, outside of a walk; what concerns a whole directory is kept for as
/// long as the next question is about the same one.
#[derive(Debug)]
pub(in super::super) struct LeftOut {
    rules: Rules,
    scratch: Scratch,
    here: Option<Here>,
}

#[derive(Debug)]
struct Here {
    directory: EntryPath,
    /// The files for whose sake all others are left out; none if nothing is.
    markers: Vec<Box<[u8]>>,
    ignore_files: IgnoreFiles,
}

impl LeftOut {
    pub fn new(rules: Rules) -> Self {
        Self { rules, scratch: Scratch::default(), here: None }
    }

    /// Whether the child `name` of the directory `node`, whose path below `root` is `path`, would
    /// be left out. `list` is asked for its names once.
    pub fn has(
        &mut self,
        root: impl AsFd,
        (node, path): (impl AsFd, &EntryPath),
        name: &EntryName,
        stat: &Stat,
        list: impl FnOnce() -> io::Result<Listing>,
    ) -> io::Result<bool> {
        let here = match self.here.take().filter(|here| here.directory == *path) {
            Some(here) => here,
            None => self.look(root, (node, path), &list()?),
        };
        let is_marker = here.markers.iter().any(|marker| **marker == *name.bytes());
        let is_directory = stat.is_directory();
        let left_out = !(here.markers.is_empty() || is_marker)
            || stat.is_file() && self.rules.is_too_large(stat.size)
            || self.rules.excludes(path, name, is_directory, &mut self.scratch)
            || here.ignore_files.excludes(path, name, is_directory, &mut self.scratch);
        self.here = Some(here);
        Ok(left_out)
    }

    fn look(
        &self,
        root: impl AsFd,
        (node, path): (impl AsFd, &EntryPath),
        listing: &Listing,
    ) -> Here {
        let markers = self.rules.markers_in(node, listing);
        let markers = markers.iter().map(|marker| marker.name().to_bytes().into()).collect();
        let mut ignore_files = IgnoreFiles::default();
        if self.rules.obeys_ignore_files() {
            take_up(&mut ignore_files, root, path);
        }
        Here { directory: path.clone(), markers, ignore_files }
    }
}

/// The ignore files from the root down to a directory. One that cannot be read is not obeyed.
fn take_up(ignore_files: &mut IgnoreFiles, root: impl AsFd, path: &EntryPath) {
    let mut maybe = Listing::default();
    maybe.push(IgnoreFiles::NAME, FileType::RegularFile);
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let Ok(mut directory) = rustix::fs::openat(&root, c".", flags, Mode::empty()) else { return };
    let mut here = EntryPath::root();
    ignore_files.push(&directory, &maybe, &here, &mut |_| {});
    for name in path.names() {
        match rustix::fs::openat(&directory, name.bytes(), flags, Mode::empty()) {
            Ok(below) => directory = below,
            Err(_) => return,
        }
        here.push(&name);
        ignore_files.push(&directory, &maybe, &here, &mut |_| {});
    }
}
