//! The walk: what is wanted, what is there, and what is to go, in step.

use super::Request;
use super::absent::AbsentDirectory;
use super::earlier::{Certainty, EarlierAbsent};
use super::frame::{Frame, Ground};
use super::names::{Found, Names};
use super::remains::{Remains, is_halfway};
use crate::files::{FilesTarget, Look, Selection};
use crate::model::{
    BlobId, Directory, Entry, EntryName, EntryPath, Fresh, Kind, Metadata, Monitor, Origin,
    Presence, Problem, ProblemKind, Step, Target, TargetError,
};
use crate::ops::Tally;
use crate::ops::restore::directories::Standing;
use crate::ops::restore::jobs::{action, size};
use crate::ops::restore::witness::Witnesses;
use crate::ops::restore::{
    ABSENT, Conflict, RestoreAction, RestoreError, RestoreReport, Wanted, safety_trees,
};
use crate::repo::{BlobReader, RepoError, TreeEntries};
use std::collections::HashMap;
use std::sync::Arc;

/// Takes what is to be stored, as the steps of a backup.
pub type Sink<'a> = &'a mut dyn FnMut(Step) -> Result<(), RepoError>;

/// What the walk found.
pub struct Outcome {
    /// The directory of what was absent.
    pub absent: Option<Entry>,
    /// Something is about to be replaced, deleted or changed.
    pub stored: bool,
    pub report: RestoreReport,
}

/// One walk. Memory: a piece a level of each tree, the names of directories that are listed, and
/// what hard-link groups need.
pub struct Walk<'a> {
    request: &'a Request<'a>,
    reader: &'a BlobReader,
    certainty: Certainty<'a>,
    sink: Sink<'a>,
    monitor: &'a Tally,
    wanted: Wanted<'a>,
    spared: Vec<EntryPath>,
    target: FilesTarget,
    earlier_absent: EarlierAbsent<'a>,
    witnesses: Option<Witnesses<'a>>,
    frames: Vec<Frame<'a>>,
    path: EntryPath,
    /// The inode of the first member of each group.
    groups: HashMap<EntryPath, Option<(u64, u64)>>,
    stored: bool,
    report: RestoreReport,
}

type Done = Result<(), RestoreError>;

impl<'a> Walk<'a> {
    pub fn new(
        request: &'a Request<'a>,
        reader: &'a BlobReader,
        certainty: Certainty<'a>,
        sink: Sink<'a>,
        monitor: &'a Arc<Tally>,
    ) -> Result<Self, RestoreError> {
        let change = request.change;
        let earlier = match request.earlier {
            Some(earlier) => safety_trees(reader, &earlier.tree)?,
            None => None,
        };
        let wanted = Wanted::new(&change.options.paths, &change.options.filter);
        let mut walk = Self {
            request,
            reader,
            certainty,
            sink,
            monitor: monitor.as_ref(),
            spared: change.spared(),
            target: change.target(true, monitor)?,
            earlier_absent: EarlierAbsent::new(reader, earlier.and_then(|trees| trees.absent)),
            witnesses: change.restored.map(|tree| Witnesses::new(reader, tree)),
            frames: Vec::new(),
            path: EntryPath::root(),
            groups: HashMap::new(),
            stored: false,
            report: RestoreReport::default(),
            wanted,
        };
        let trees = [Some(change.wanted), change.unwanted, earlier.map(|trees| trees.files)];
        let names = walk.names(trees, Vec::new())?;
        let selection = walk.wanted.root();
        let mut root = Frame::new(None, names, Ground::Live, selection);
        root.is_announced = true;
        walk.frames.push(root);
        Ok(walk)
    }

    pub fn run(mut self) -> Result<Outcome, RestoreError> {
        loop {
            if self.monitor.stopped() {
                return Err(RepoError::Stopped.into());
            }
            let Some(top) = self.frames.last_mut() else { break };
            match top.names.next()? {
                Some(found) => self.visit(found)?,
                None if self.frames.len() == 1 => break,
                None => self.leave()?,
            }
        }
        let absent = self.frames.pop().and_then(|root| root.absent);
        let name = EntryName::new(ABSENT).ok();
        let absent = match (absent, name) {
            (Some(absent), Some(name)) => Some(absent.finish(name, None, &mut self.certainty)?),
            _ => None,
        };
        Ok(Outcome { absent, stored: self.stored, report: self.report })
    }

    fn names(
        &self,
        [wanted, unwanted, earlier]: [Option<BlobId>; 3],
        listed: Vec<EntryName>,
    ) -> Result<Names<'a>, RepoError> {
        let reader: &'a BlobReader = self.reader;
        let open = |tree: Option<BlobId>| -> Result<Option<TreeEntries<'a>>, RepoError> {
            tree.map(|tree| reader.entries(&tree)).transpose()
        };
        Ok(Names::new(open(wanted)?, open(unwanted)?, open(earlier)?, listed))
    }

    fn visit(&mut self, found: Found) -> Done {
        let path = self.path.join(&found.name);
        if self.spared.iter().any(|spared| path.starts_with(spared)) {
            return Ok(());
        }
        self.monitor.current(&path);
        let Some(top) = self.frames.last() else { return Ok(()) };
        let (above, ground, is_everything) = (top.selection, top.ground, top.is_everything);
        let look = match ground {
            Ground::Live => self.target.look(&found.name)?,
            Ground::Absent | Ground::Carried => None,
        };
        let Found { name, wanted, unwanted, earlier, is_listed } = found;
        let was_wanted = wanted.is_some();
        let wanted = wanted.filter(|_| !is_everything).and_then(|entry| {
            let is_directory = matches!(entry.kind, Kind::Directory(_));
            let selection = self.wanted.select(above, &self.path, &name, is_directory);
            (selection != Selection::No).then_some((entry, selection))
        });
        match (wanted, unwanted) {
            (Some((entry, selection)), unwanted) => match entry.kind {
                Kind::Directory(_) => self.directory(entry, selection, unwanted, earlier, look),
                _ => self.entry(entry, earlier, look),
            },
            (None, Some(unwanted)) => self.unwanted(&unwanted, earlier, look),
            (None, None) if is_listed && !was_wanted => {
                if !is_everything {
                    if self.target.spares(&name)? {
                        self.report.spared += 1;
                        return Ok(());
                    }
                    if self.holds_spared(&name) {
                        self.problem(ProblemKind::Note, &name, &spared());
                        return Ok(());
                    }
                    self.report.deleted += 1;
                }
                self.keep(&name, look, earlier, None)
            }
            (None, None) if look.is_none() => self.carry(earlier),
            (None, None) => Ok(()),
        }
    }

    /// A directory that is wanted.
    fn directory(
        &mut self,
        entry: Entry,
        selection: Selection,
        unwanted: Option<Entry>,
        earlier: Option<Entry>,
        look: Option<Look>,
    ) -> Done {
        let path = self.path.join(&entry.name);
        let is_whole = self.wanted.is_whole(selection, &path);
        self.report.matched |= is_whole;
        let standing = Standing::new(is_whole, &self.request.change.options.paths, &path);
        match look {
            // A run that was killed had just removed it.
            None if earlier.as_ref().is_some_and(|before| before.tree().is_none()) => {
                self.carry(earlier)
            }
            None => {
                let names = self.names([entry.tree(), None, None], Vec::new())?;
                let mut frame =
                    Frame::new(Some(entry.name.clone()), names, Ground::Absent, selection);
                (frame.is_whole, frame.is_made, frame.wanted) = (is_whole, true, Some(entry));
                self.push(frame);
                Ok(())
            }
            Some(Look { is_directory: true, .. }) => {
                let replaced = earlier.as_ref().is_some_and(|before| !is_directory(before));
                match replaced && self.remains(&entry, selection)? {
                    // It is in the place of what was there before.
                    true => self.carry(earlier),
                    false => {
                        let earlier = earlier.filter(is_directory);
                        self.there(entry, selection, standing, unwanted, earlier)
                    }
                }
            }
            Some(look) => {
                let presence = self.target.slot(&entry)?.compare()?;
                let action = action(presence, self.conflict());
                self.report.count(action, 0);
                match action {
                    RestoreAction::Skip => Ok(()),
                    _ => self.keep(&entry.name, Some(look), earlier, Some(&entry.metadata)),
                }
            }
        }
    }

    /// Whether all in a directory that is there is the work of an earlier run.
    fn remains(&mut self, entry: &Entry, selection: Selection) -> Result<bool, RestoreError> {
        let (reader, monitor) = (self.reader, self.monitor);
        let (wanted, target) = (&self.wanted, &mut self.target);
        Remains { reader, wanted, target, monitor }.are_of(&self.path, entry, selection)
    }

    /// A directory that is wanted and there.
    fn there(
        &mut self,
        entry: Entry,
        selection: Selection,
        standing: Standing,
        unwanted: Option<Entry>,
        earlier: Option<Entry>,
    ) -> Done {
        let change = self.request.change;
        let presence = self.target.slot(&entry)?.compare()?;
        let action = change.directories.action(presence, self.conflict(), standing);
        let is_made = earlier.is_none() && self.earlier_absent.has(&self.path, &entry.name)?;
        if standing.is_whole || action != RestoreAction::Same {
            self.report.count(action, 0);
        }
        self.target.go_into(&entry.name)?;
        let listed = match change.options.delete && standing.is_whole {
            true => self.target.children()?,
            false => Vec::new(),
        };
        let trees = [
            entry.tree(),
            unwanted.as_ref().and_then(Entry::tree),
            earlier.as_ref().and_then(Entry::tree),
        ];
        let names = self.names(trees, listed)?;
        let mut frame = Frame::new(Some(entry.name.clone()), names, Ground::Live, selection);
        frame.before = self.before(earlier, Some(&entry.metadata))?;
        let announces = frame.before.is_some() || action == RestoreAction::Metadata && !is_made;
        (frame.is_whole, frame.is_made, frame.wanted) = (standing.is_whole, is_made, Some(entry));
        self.push(frame);
        match announces {
            true => self.store(true),
            false => Ok(()),
        }
    }

    /// Anything else that is wanted.
    fn entry(&mut self, entry: Entry, earlier: Option<Entry>, look: Option<Look>) -> Done {
        self.report.matched = true;
        let stayed = match &mut self.witnesses {
            Some(witnesses) => witnesses.has(&self.path, &entry)?,
            None => false,
        };
        if stayed && look.is_none_or(|look| look.is_directory) {
            return Ok(());
        }
        match (look, earlier.is_some()) {
            (None, false) => return self.make(entry),
            (None, true) => {
                self.report.count(RestoreAction::Create, size(&entry));
                return self.carry(earlier);
            }
            (Some(_), _) => {}
        }
        let compared = self.target.slot(&entry).and_then(|mut slot| slot.compare());
        let presence = match compared {
            Ok(presence) => presence,
            Err(error) => {
                self.failed(&entry.name, &error);
                return Ok(());
            }
        };
        let (is_mislinked, is_linked) = self.linking(&entry, look);
        if entry.link_group.is_some() {
            // So that the restore meets all of its names.
            self.announce(false)?;
        }
        let mut action = action(presence, self.conflict());
        if stayed && action != RestoreAction::Same {
            // The restore did not change it: somebody else did.
            action = RestoreAction::Skip;
        }
        self.report.count(action, size(&entry));
        match action {
            RestoreAction::Same if earlier.is_some() => self.carry(earlier),
            RestoreAction::Same if self.earlier_absent.has(&self.path, &entry.name)? => {
                self.list_absent(entry)
            }
            RestoreAction::Same if is_linked => self.witness(entry, is_mislinked),
            RestoreAction::Same | RestoreAction::Skip => Ok(()),
            _ => self.keep(&entry.name, look, earlier, Some(&entry.metadata)),
        }
    }

    /// Something that is about to be made.
    fn make(&mut self, entry: Entry) -> Done {
        if entry.kind == Kind::Socket {
            self.report.count(RestoreAction::Skip, 0);
            return Ok(());
        }
        self.report.count(RestoreAction::Create, size(&entry));
        self.list_absent(entry)
    }

    /// Something that stays, with links that may not: it is in the safety snapshot so that these
    /// can be made again. It is what is wanted, and need not be read.
    fn witness(&mut self, entry: Entry, is_mislinked: bool) -> Done {
        self.stored |= is_mislinked;
        self.announce(true)?;
        let link_group = self.target.link_group(&entry.name)?;
        let Entry { name, kind, metadata, .. } = self.certainty.certain(entry)?;
        let fresh = Box::new(Fresh { kind, metadata, link_group, known: true });
        Ok((self.sink)(Step::Entry { name, origin: Origin::Complete(fresh) })?)
    }

    /// Whether what was there is still there, and only an earlier run can have changed it: the
    /// names of one inode share their metadata, which that may have set through another.
    fn is_still(&mut self, before: &Entry, look: Look, wanted: Option<&Metadata>) -> bool {
        let compared = self.target.slot(before).and_then(|mut slot| slot.compare());
        match compared {
            Ok(Presence::Same) => true,
            Ok(Presence::MetadataDiffers { .. }) => {
                look.links > 1
                    || self
                        .target
                        .metadata(&before.name)
                        .is_ok_and(|now| is_halfway(&now, &before.metadata, wanted, false))
            }
            _ => false,
        }
    }

    /// The metadata that the directory last entered had before an earlier run; `None` if it is
    /// not known, or somebody else has changed it since: then what is there counts.
    fn before(
        &mut self,
        earlier: Option<Entry>,
        wanted: Option<&Metadata>,
    ) -> Result<Option<Metadata>, RestoreError> {
        let Some(before) = earlier.filter(is_directory) else { return Ok(None) };
        let now = self.target.own_metadata()?;
        let is_its_work = is_halfway(&now, &before.metadata, wanted, true);
        Ok(if is_its_work { Some(self.certainty.certain(before)?.metadata) } else { None })
    }

    /// Whether the links of what is there are to change; and whether it has, or is to have, any.
    fn linking(&mut self, entry: &Entry, look: Option<Look>) -> (bool, bool) {
        let Some(look) = look.filter(|look| !look.is_directory) else { return (false, false) };
        match &entry.link_group {
            Some(group) => {
                let inode = Some(look.inode);
                let first = self.groups.entry(group.clone()).or_insert(inode);
                (*first != inode, true)
            }
            None => (false, look.links > 1),
        }
    }

    /// Something that a rollback removes.
    fn unwanted(&mut self, unwanted: &Entry, earlier: Option<Entry>, look: Option<Look>) -> Done {
        let Some(look) = look else { return self.carry(earlier) };
        self.report.matched = true;
        self.report.deleted += 1;
        if !(look.is_directory && matches!(unwanted.kind, Kind::Directory(_))) {
            return self.keep(&unwanted.name, Some(look), earlier, None);
        }
        self.target.go_into(&unwanted.name)?;
        let trees = [None, unwanted.tree(), earlier.as_ref().and_then(Entry::tree)];
        let names = self.names(trees, Vec::new())?;
        let name = Some(unwanted.name.clone());
        let mut frame = Frame::new(name, names, Ground::Live, Selection::Yes);
        frame.before = self.before(earlier, None)?;
        self.push(frame);
        self.store(true)
    }

    /// Stores what is there, with all below it. An earlier run may have given it the metadata
    /// `wanted`.
    fn keep(
        &mut self,
        name: &EntryName,
        look: Option<Look>,
        earlier: Option<Entry>,
        wanted: Option<&Metadata>,
    ) -> Done {
        let Some(look) = look else { return self.carry(earlier) };
        if !look.is_directory {
            // Its links may be gone already.
            let still = earlier.filter(|before| before.tree().is_none());
            if let Some(before) = still.filter(|before| self.is_still(before, look, wanted)) {
                return self.carry(Some(before));
            }
            self.store(true)?;
            match self.target.read(name) {
                Ok(origin) => (self.sink)(Step::Entry { name: name.clone(), origin })?,
                Err(error) => self.unreadable(name, &error),
            }
            return Ok(());
        }
        if self.holds_spared(name) {
            self.failed(name, &spared());
            return Ok(());
        }
        self.target.go_into(name)?;
        let listed = self.target.children()?;
        let names = self.names([None, None, earlier.as_ref().and_then(Entry::tree)], listed)?;
        let mut frame = Frame::new(Some(name.clone()), names, Ground::Live, Selection::Yes);
        frame.is_everything = true;
        frame.before = self.before(earlier, None)?;
        self.push(frame);
        self.store(true)
    }

    /// What an earlier run has replaced or removed already, as it was before that.
    fn carry(&mut self, earlier: Option<Entry>) -> Done {
        let Some(entry) = earlier else { return Ok(()) };
        let Entry { name, kind, metadata, link_group } = self.certainty.certain(entry)?;
        if let Kind::Directory(Directory { tree, .. }) = kind {
            let names = self.names([None, None, tree], Vec::new())?;
            let mut frame = Frame::new(Some(name), names, Ground::Carried, Selection::Yes);
            frame.before = Some(metadata);
            self.push(frame);
            return self.store(true);
        }
        self.store(true)?;
        let fresh = Box::new(Fresh { kind, metadata, link_group, known: true });
        Ok((self.sink)(Step::Entry { name, origin: Origin::Complete(fresh) })?)
    }

    fn push(&mut self, frame: Frame<'a>) {
        if let Some(name) = &frame.name {
            self.path.push(name);
        }
        self.frames.push(frame);
    }

    /// Something here is stored: so are the directories that lead to it.
    fn store(&mut self, through_made: bool) -> Done {
        self.stored = true;
        self.announce(through_made)
    }

    /// Has the directories down to here stored. What an earlier run has made was not there, as
    /// long as nothing in it must be kept.
    fn announce(&mut self, through_made: bool) -> Done {
        for frame in self.frames.iter_mut().skip(1) {
            if frame.ground == Ground::Absent || frame.is_made && !through_made {
                break;
            }
            if let (false, Some(name)) = (frame.is_announced, &frame.name) {
                frame.is_announced = true;
                (self.sink)(Step::Enter { name: name.clone() })?;
            }
        }
        Ok(())
    }

    /// Adds to what was absent in the directory last entered.
    fn list_absent(&mut self, entry: Entry) -> Done {
        self.announce(false)?;
        let Some(top) = self.frames.last_mut() else { return Ok(()) };
        let absent = top.absent.get_or_insert_with(AbsentDirectory::default);
        let name = entry.name.clone();
        match absent.push(entry, &mut self.certainty) {
            Err(error) if error.is_damage() => {
                self.failed(&name, &TargetError::Content(error.to_string()));
                Ok(())
            }
            pushed => Ok(pushed?),
        }
    }

    fn leave(&mut self) -> Done {
        let Some(frame) = self.frames.pop() else { return Ok(()) };
        if frame.is_announced {
            let metadata = match frame.before {
                Some(before) => Some(before),
                None if frame.ground == Ground::Live => Some(self.target.own_metadata()?),
                None => None,
            };
            let metadata = Some(metadata.unwrap_or_default());
            (self.sink)(Step::Leave { metadata, children_unchanged: false })?;
        }
        if frame.ground == Ground::Live {
            self.target.leave();
        }
        self.path.pop();
        let is_listed =
            frame.absent.is_some() || frame.is_made && frame.is_whole && !frame.is_announced;
        let (true, Some(name)) = (is_listed, frame.name) else { return Ok(()) };
        let metadata = frame.wanted.filter(|_| frame.is_made).map(|wanted| wanted.metadata);
        if frame.is_made && frame.ground == Ground::Absent {
            self.report.count(RestoreAction::Create, 0);
        }
        let absent = frame.absent.unwrap_or_default();
        let entry = absent.finish(name, metadata, &mut self.certainty)?;
        self.list_absent(entry)
    }

    /// Whether it must not be removed.
    fn holds_spared(&self, name: &EntryName) -> bool {
        let path = self.path.join(name);
        self.spared.iter().any(|spared| spared.starts_with(&path))
    }

    fn conflict(&self) -> Conflict {
        self.request.change.options.conflict
    }

    /// It stays as it is.
    fn failed(&mut self, name: &EntryName, error: &TargetError) {
        self.report.failed += 1;
        self.problem(ProblemKind::Unrestored, name, error);
    }

    /// It cannot be kept, so nothing is changed.
    fn unreadable(&self, name: &EntryName, error: &TargetError) {
        self.problem(ProblemKind::Unreadable, name, error);
    }

    fn problem(&self, kind: ProblemKind, name: &EntryName, error: &TargetError) {
        let (what, why) = (format!("/{}", self.path.join(name)), error.to_string());
        self.monitor.problem(Problem { kind, what, why });
    }
}

fn spared() -> TargetError {
    TargetError::Refused("it holds the repository or local files of snap, and stays".to_owned())
}

fn is_directory(entry: &Entry) -> bool {
    matches!(entry.kind, Kind::Directory(_))
}
