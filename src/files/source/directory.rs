//! The directories of a walk: entering, listing and leaving them.

use super::super::descent::{c_name, open_or_pass};
use super::super::listing::Listing;
use super::super::node::Node;
use super::super::stat::Stat;
use super::super::unchanged::{Children, DirectoryRecord, Fingerprint, PathKey};
use super::roots::PlanIndex;
use super::walk::{Candidate, FilesSource};
use crate::model::{EntryName, Metadata, Step};
use rustix::fd::BorrowedFd;
use rustix::fs::FileType;
use rustix::io::Errno;
use std::io;

/// A directory that is being walked.
pub(super) struct Frame {
    pub listing: Listing,
    /// The number of the next name.
    pub next: usize,
    pub place: Whereabouts,
    pub key: PathKey,
    pub children: Option<Children>,
    pub record: Option<DirectoryRecord>,
    /// The directory's own metadata, if it is not as it was recorded.
    pub metadata: Option<Metadata>,
    /// So far every child is as it was recorded.
    pub unchanged: bool,
    pub has_ignore_file: bool,
}

/// How a directory lies to what was given.
#[derive(Clone, Copy)]
pub(super) struct Whereabouts {
    /// Its node, if it was given or leads to what was.
    pub plan: Option<PlanIndex>,
    /// It is, or lies in, what was given: all its children belong to the source.
    pub whole: bool,
    /// The file system to stay on.
    pub device: u64,
}

impl FilesSource {
    /// `None` if it is not a directory (any more).
    pub(super) fn enter(
        &mut self,
        parent: BorrowedFd<'_>,
        candidate: &Candidate<'_>,
    ) -> io::Result<Option<Step>> {
        let node = match open_or_pass(parent, candidate.c_name) {
            Err(error) if is_other_kind(&error) => return Ok(None),
            node => node?,
        };
        let stat = node.stat()?;
        let name = candidate.name;
        let Some(above) = self.frames.last_mut() else { return Ok(None) };
        let before = above.children.as_mut().and_then(|children| children.find(name.bytes()));
        above.unchanged &= before.is_some_and(|before| before.is_directory());
        let given = candidate.plan.is_some_and(|plan| self.plan.is_given(plan));
        let device = stat.identity.device;
        let place = Whereabouts {
            plan: candidate.plan,
            whole: !candidate.excluded,
            device: if given { device } else { above.place.device },
        };
        let key = above.key.child(name.bytes());
        if let (Some(recording), Some(record)) = (&self.recording, &mut above.record) {
            record.add(name.bytes(), &Fingerprint::new(&stat, 0), recording);
        }
        self.directory.push(name);
        let frame = self.frame(&node, &stat, place, key);
        self.frames.push(frame);
        self.descent.push(candidate.c_name, node, stat.identity);
        Ok(Some(Step::Enter { name: name.clone() }))
    }

    /// Begins the directory whose path is `self.directory`.
    pub(super) fn frame(
        &mut self,
        node: &Node,
        stat: &Stat,
        place: Whereabouts,
        key: PathKey,
    ) -> Frame {
        let now = Fingerprint::new(stat, 0);
        let children = self.cache.as_ref().and_then(|cache| cache.children(key));
        let mut own = now.unless_after(self.settled);
        let mut metadata = None;
        if !children.as_ref().is_some_and(|children| children.own_matches(&now)) {
            let inspected = self.inspector.metadata(node, stat, &self.directory);
            metadata = Some(inspected.metadata);
            if !inspected.complete {
                own = Fingerprint::doubtful();
            }
        }
        let (listing, complete) = self.list(node, stat, place);
        let mut frame = Frame {
            listing,
            next: 0,
            place,
            key,
            children,
            record: self.recording.as_ref().map(|_| DirectoryRecord::new(key, &own)),
            metadata,
            unchanged: complete,
            has_ignore_file: false,
        };
        frame.has_ignore_file = self.take_up_ignore_file(node, &frame);
        frame
    }

    /// The names that are to be visited, and whether they could all be read.
    fn list(&mut self, node: &Node, stat: &Stat, place: Whereabouts) -> (Listing, bool) {
        if !place.whole {
            return (self.planned(place, |_| true), true);
        }
        if self.one_file_system && stat.identity.device != place.device {
            return (self.planned(place, |_| true), true);
        }
        let result = if node.is_passive() {
            Err(io::ErrorKind::PermissionDenied.into())
        } else {
            Ok(self.lister.list(node))
        };
        let (listing, error) = match result {
            Ok((listing, error)) => (listing, error.err()),
            Err(error) => (Listing::default(), Some(error)),
        };
        if let Some(error) = &error {
            self.inspector.unreadable(&self.directory, &format!("cannot list it: {error}"));
        }
        (self.without_marked(node, listing, place), error.is_none())
    }

    /// The children on the way to what was given, of those that `exist`.
    fn planned(&self, place: Whereabouts, exist: impl Fn(&EntryName) -> bool) -> Listing {
        let mut listing = Listing::default();
        let children = place.plan.into_iter().flat_map(|plan| self.plan.children(plan));
        for name in children.filter(|name| exist(name)) {
            if let Ok(name) = c_name(name) {
                listing.push(&name, FileType::Unknown);
            }
        }
        listing
    }

    /// The listing, reduced to the marker files if there are some.
    fn without_marked(&self, node: &Node, listing: Listing, place: Whereabouts) -> Listing {
        let markers = self.rules.markers_in(node, &listing);
        if markers.is_empty() {
            return listing;
        }
        let mut reduced = self.planned(place, |name| listing.contains(name.bytes()));
        for marker in markers {
            if !reduced.contains(marker.name().to_bytes()) {
                reduced.push(marker.name(), FileType::Unknown);
                reduced.sort();
            }
        }
        let others = listing.names().filter(|name| !reduced.contains(name.to_bytes()));
        for name in others.filter_map(|name| EntryName::new(name.to_bytes()).ok()) {
            self.inspector.left_out(&self.directory, &name);
        }
        reduced
    }

    fn take_up_ignore_file(&mut self, node: &Node, frame: &Frame) -> bool {
        if !frame.place.whole || !self.rules.obeys_ignore_files() {
            return false;
        }
        let inspector = &self.inspector;
        let path = &self.directory;
        self.ignore_files.push(node, &frame.listing, path, &mut |why| {
            inspector.note(path, &format!(".snapignore: {why}"));
        })
    }

    /// The directory last entered ends; `None` if that was the root.
    pub(super) fn leave(&mut self) -> Option<Step> {
        let mut frame = self.frames.pop()?;
        if let (Some(recording), Some(record)) = (&self.recording, &mut frame.record) {
            record.store(recording);
        }
        if frame.has_ignore_file {
            self.ignore_files.pop();
        }
        self.descent.pop();
        self.directory.pop();
        let all_found = frame.children.as_mut().is_some_and(Children::all_found);
        let children_unchanged = frame.unchanged && all_found;
        let above = self.frames.last_mut()?;
        above.unchanged &= children_unchanged && frame.metadata.is_none();
        Some(Step::Leave { metadata: frame.metadata, children_unchanged })
    }
}

fn is_other_kind(error: &io::Error) -> bool {
    let other = [Errno::NOTDIR, Errno::LOOP].map(|error| Some(error.raw_os_error()));
    other.contains(&error.raw_os_error())
}
