//! The walk.

use super::super::descent::{Descent, open_or_pass};
use super::super::listing::Lister;
use super::super::rules::{IgnoreFiles, Rules, Scratch};
use super::super::stat::Stat;
use super::super::unchanged::{Fingerprint, PathKey, Recording, UnchangedCache, group_mark};
use super::SourceOptions;
use super::directory::{Frame, Whereabouts};
use super::inspect::{Inspector, hold, special_kind};
use super::links::LinkGroups;
use super::roots::{Plan, PlanIndex, SourceRoot};
use super::stream::FileStream;
use crate::model::{
    EntryName, EntryPath, FileTime, Fresh, Monitor, Origin, Recorded, Source, SourceError, Step,
};
use jiff::SignedDuration;
use rustix::fd::{AsFd, BorrowedFd};
use rustix::fs::{CWD, FileType};
use std::ffi::CStr;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// Entries changed less than this before a backup are read again by the next.
const SETTLING: SignedDuration = SignedDuration::from_secs(2);

/// Given paths as one source, each below its real path: the walk's root is the machine's `/`,
/// and the ancestors of what was given have no other children. No link below is followed.
///
/// An unchanged file costs one system call. Memory: the names of the directories from the root
/// down to where the walk is, and a path for each inode with links that were not met yet. At
/// most some 300 directories are open at once, however deep it goes and however many streams
/// are waiting.
pub struct FilesSource {
    pub(super) roots: Vec<SourceRoot>,
    pub(super) plan: Plan,
    pub(super) rules: Rules,
    pub(super) ignore_files: IgnoreFiles,
    pub(super) scratch: Scratch,
    pub(super) one_file_system: bool,
    /// Only entries that were last changed before this can be recognised next time.
    pub(super) settled: FileTime,
    pub(super) cache: Option<UnchangedCache>,
    pub(super) recording: Option<Arc<Recording>>,
    pub(super) links: LinkGroups,
    pub(super) inspector: Arc<Inspector>,
    pub(super) lister: Lister,
    pub(super) descent: Descent,
    /// The path of the directory last entered.
    pub(super) directory: EntryPath,
    /// One for each directory from the root down.
    pub(super) frames: Vec<Frame>,
}

/// A name in the directory last entered.
pub(super) struct Candidate<'a> {
    pub(super) name: &'a EntryName,
    pub(super) c_name: &'a CStr,
    pub(super) plan: Option<PlanIndex>,
    /// Patterns leave it out (but perhaps not what was given below it).
    pub(super) excluded: bool,
}

impl FilesSource {
    /// `paths` are absolute; those that cannot be found are reported, and it is an error if none
    /// can. With `cache`, entries may be [`Origin::Recorded`], and what is walked is recorded.
    pub fn new(
        paths: &[PathBuf],
        rules: Rules,
        cache: Option<UnchangedCache>,
        options: SourceOptions,
        monitor: Arc<dyn Monitor>,
    ) -> Result<Self, SourceError> {
        let inspector = Arc::new(Inspector::new(monitor));
        let roots = resolve(paths, &inspector)?;
        let cannot = |cause| SourceError::Io { what: "/".to_owned(), cause };
        let root = open_or_pass(CWD, c"/").map_err(cannot)?;
        let recording = cache.as_ref().map(UnchangedCache::record).transpose();
        let recording = recording.unwrap_or_else(|error| {
            let why = format!("the next backup will read all files, for the cache failed: {error}");
            inspector.note(&EntryPath::root(), &why);
            None
        });
        let mut source = Self {
            plan: Plan::new(&roots),
            roots,
            rules,
            ignore_files: IgnoreFiles::default(),
            scratch: Scratch::default(),
            one_file_system: options.one_file_system,
            settled: options
                .begun
                .saturating_sub(SETTLING)
                .map_or_else(|_| FileTime::default(), Into::into),
            cache,
            recording: recording.map(Arc::new),
            links: LinkGroups::default(),
            inspector,
            lister: Lister::new(),
            descent: Descent::new(root),
            directory: EntryPath::root(),
            frames: Vec::new(),
        };
        source.begin().map_err(cannot)?;
        Ok(source)
    }

    /// The paths that were found, and where they are below the walk's root.
    pub fn roots(&self) -> &[SourceRoot] {
        &self.roots
    }

    /// What this walk records: to be committed by the caller when the walk came to its end and
    /// the snapshot stands. `None` without a cache, or if it cannot be written.
    pub fn recording(&self) -> Option<Arc<Recording>> {
        self.recording.clone()
    }

    fn begin(&mut self) -> io::Result<()> {
        let node = open_or_pass(CWD, c"/")?;
        let stat = node.stat()?;
        let place = Whereabouts {
            plan: Some(Plan::ROOT),
            whole: self.plan.is_given(Plan::ROOT),
            device: stat.identity.device,
        };
        let frame = self.frame(&node, &stat, place, PathKey::ROOT);
        self.frames.push(frame);
        Ok(())
    }
}

impl Source for FilesSource {
    fn next(&mut self, recorded: &mut dyn Recorded) -> Result<Option<Step>, SourceError> {
        while let Some(depth) = self.frames.len().checked_sub(1) {
            let frame = &mut self.frames[depth];
            let number = frame.next;
            frame.next = number.saturating_add(1);
            // Taken out while one of its names is borrowed.
            let listing = std::mem::take(&mut frame.listing);
            let Some((name, kind)) = listing.get(number) else { return Ok(self.leave()) };
            let step = self.visit(name, kind, recorded);
            self.frames[depth].listing = listing;
            if step.is_some() {
                return Ok(step);
            }
        }
        Ok(None)
    }
}

impl FilesSource {
    /// The step for one name of the directory last entered; `None` if there is none.
    fn visit(
        &mut self,
        c_name: &CStr,
        hint: FileType,
        recorded: &mut dyn Recorded,
    ) -> Option<Step> {
        let name = EntryName::new(c_name.to_bytes()).ok()?;
        match self.look_at(&name, c_name, hint, recorded) {
            Ok(step) => step,
            Err(error) => {
                self.not_read(&name, &error);
                None
            }
        }
    }

    fn look_at(
        &mut self,
        name: &EntryName,
        c_name: &CStr,
        hint: FileType,
        recorded: &mut dyn Recorded,
    ) -> io::Result<Option<Step>> {
        let handle = self.descent.current()?;
        let mut stat = None;
        if hint == FileType::Unknown {
            stat = Some(Stat::of(&handle, c_name)?);
        }
        let is_directory = stat.map_or(hint, |stat| stat.kind) == FileType::Directory;
        let Some(candidate) = self.candidate(name, c_name, is_directory) else { return Ok(None) };
        if is_directory && let Some(step) = self.enter(handle.as_fd(), &candidate)? {
            return Ok(Some(step));
        }
        let stat = match stat {
            Some(stat) => stat,
            None => Stat::of(&handle, c_name)?,
        };
        self.leaf(handle.as_fd(), &candidate, &stat, recorded)
    }

    /// Whether the name belongs to the source at all.
    fn candidate<'a>(
        &mut self,
        name: &'a EntryName,
        c_name: &'a CStr,
        is_directory: bool,
    ) -> Option<Candidate<'a>> {
        let place = self.frames.last()?.place;
        let plan = place.plan.and_then(|plan| self.plan.child(plan, name.bytes()));
        let given = plan.is_some_and(|plan| self.plan.is_given(plan));
        let excluded = !given && (!place.whole || self.is_excluded(name, is_directory));
        if plan.is_none() && excluded {
            if place.whole {
                self.inspector.left_out(&self.directory, name);
            }
            return None;
        }
        Some(Candidate { name, c_name, plan, excluded })
    }

    fn is_excluded(&mut self, name: &EntryName, is_directory: bool) -> bool {
        let Self { rules, ignore_files, directory, scratch, .. } = self;
        rules.has_patterns() && rules.excludes(directory, name, is_directory, scratch)
            || !ignore_files.is_empty()
                && ignore_files.excludes(directory, name, is_directory, scratch)
    }

    /// An entry that is not a directory.
    fn leaf(
        &mut self,
        directory: BorrowedFd<'_>,
        candidate: &Candidate<'_>,
        stat: &Stat,
        recorded: &mut dyn Recorded,
    ) -> io::Result<Option<Step>> {
        let name = candidate.name;
        let given = candidate.plan.is_some();
        if candidate.excluded || stat.is_directory() {
            return Err(io::Error::other("it became something else while it was looked at"));
        }
        if stat.is_file() && !given && self.rules.is_too_large(stat.size) {
            self.inspector.left_out(&self.directory, name);
            return Ok(None);
        }
        let group = self.links.group(stat, || self.directory.join(name));
        let now = Fingerprint::new(stat, group.as_ref().map_or(0, group_mark));
        let Some(frame) = self.frames.last_mut() else { return Ok(None) };
        let before = frame.children.as_mut().and_then(|children| children.find(name.bytes()));
        let unchanged = before.is_some_and(|before| before.matches(&now))
            && recorded.reusable(&self.directory, name);
        let known = before.is_some();
        frame.unchanged &= unchanged;
        let (origin, complete) = if unchanged {
            (Origin::Recorded { size: if stat.is_file() { stat.size } else { 0 } }, true)
        } else if stat.is_file() {
            (self.stream(candidate, group, known)?, true)
        } else {
            self.special(directory, candidate, group, known)?
        };
        self.record(name, if complete { now } else { Fingerprint::doubtful() });
        Ok(Some(Step::Entry { name: name.clone(), origin }))
    }

    fn stream(
        &mut self,
        candidate: &Candidate<'_>,
        link_group: Option<EntryPath>,
        known: bool,
    ) -> io::Result<Origin> {
        let stream = Box::new(FileStream {
            place: self.descent.place(&self.directory, candidate.c_name)?,
            path: self.directory.join(candidate.name),
            link_group,
            inspector: self.inspector.clone(),
            recording: self.recording.clone(),
            reading: None,
        });
        Ok(Origin::Stream { stream, known })
    }

    /// A link, device, FIFO or socket; and whether all of it could be read.
    fn special(
        &mut self,
        directory: BorrowedFd<'_>,
        candidate: &Candidate<'_>,
        link_group: Option<EntryPath>,
        known: bool,
    ) -> io::Result<(Origin, bool)> {
        let (node, stat) = hold(directory, candidate.c_name)?;
        let kind = special_kind(&node, &stat)?;
        let path = self.directory.join(candidate.name);
        let inspected = self.inspector.metadata(&node, &stat, &path);
        let metadata = inspected.metadata;
        let fresh = Box::new(Fresh { kind, metadata, link_group, known });
        Ok((Origin::Complete(fresh), inspected.complete))
    }

    /// Notes down what a child looks like for the next backup.
    fn record(&mut self, name: &EntryName, now: Fingerprint) {
        if let (Some(recording), Some(frame)) = (&self.recording, self.frames.last_mut())
            && let Some(record) = &mut frame.record
        {
            record.add(name.bytes(), &now.unless_after(self.settled), recording);
        }
    }

    /// An entry that could not be looked at; one that is gone was not there.
    fn not_read(&mut self, name: &EntryName, error: &io::Error) {
        if let Some(frame) = self.frames.last_mut() {
            frame.unchanged = false;
        }
        let path = self.directory.join(name);
        if error.kind() == io::ErrorKind::NotFound {
            self.inspector.note(&path, "it vanished while the directory was read");
        } else {
            self.inspector.unreadable(&path, &error.to_string());
        }
    }
}

/// What was given, resolved; what is not there is reported.
fn resolve(paths: &[PathBuf], inspector: &Inspector) -> Result<Vec<SourceRoot>, SourceError> {
    let mut roots = Vec::new();
    let mut last = None;
    for path in paths {
        match SourceRoot::resolve(path) {
            Ok(root) => roots.push(root),
            Err(cause) => {
                inspector.unreadable_source(path, &cause);
                last = Some(SourceError::Io { what: path.display().to_string(), cause });
            }
        }
    }
    match last {
        Some(error) if roots.is_empty() => Err(error),
        _ => Ok(roots),
    }
}
