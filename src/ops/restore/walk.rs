//! Walks the snapshot in order and keeps the target in step. Directories are entered only when
//! something in them is wanted.

use super::content::Blamed;
use super::jobs::{Job, Pool, Task, Work, action};
use super::select::Wanted;
use super::{RestoreAction, RestoreError};
use crate::files::Selection;
use crate::model::{BlobId, Directory, Entry, EntryName, EntryPath, Kind, Target, TargetError};
use crate::repo::{BlobReader, RepoError, TreeEntries};

/// A restore walks several times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pass {
    /// Dry run.
    Compare,
    /// Directories and contents.
    Write,
    /// Further members of hard-link groups, and the metadata of directories.
    Finish,
    Verify,
}

/// One walk.
pub struct Walk<'a> {
    reader: &'a BlobReader,
    pass: Pass,
    wanted: Wanted<'a>,
    target: &'a mut Option<Box<dyn Target>>,
    work: &'a Work<'a>,
    pool: &'a Pool<'a>,
    blamed: &'a Blamed,
    path: EntryPath,
    open: Vec<OpenDirectory<'a>>,
}

struct OpenDirectory<'a> {
    /// `None` for the root.
    entry: Option<Entry>,
    entries: Option<TreeEntries<'a>>,
    selection: Selection,
    state: State,
    /// Names that the snapshot has, where the others are to be deleted.
    names: Option<Vec<EntryName>>,
}

/// How far the target follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing in it was wanted so far.
    Waiting,
    Entered,
    /// Dry run: it is not there.
    Missing,
    /// Something else is in its place, and stays.
    Blocked,
}

impl<'a> Walk<'a> {
    pub fn new(
        reader: &'a BlobReader,
        pass: Pass,
        wanted: Wanted<'a>,
        target: &'a mut Option<Box<dyn Target>>,
        work: &'a Work<'a>,
        pool: &'a Pool<'a>,
        blamed: &'a Blamed,
    ) -> Self {
        let path = EntryPath::root();
        Self { reader, pass, wanted, target, work, pool, blamed, path, open: Vec::new() }
    }

    pub fn run(mut self, root: BlobId) -> Result<(), RestoreError> {
        let state = if self.target.is_some() { State::Entered } else { State::Missing };
        let entries = Some(self.reader.entries(&root)?);
        let selection = self.wanted.root();
        self.open.push(OpenDirectory { entry: None, entries, selection, state, names: None });
        while let Some(top) = self.open.last_mut() {
            if self.work.monitor().stopped() {
                return Err(RepoError::Stopped.into());
            }
            match top.entries.as_mut().and_then(Iterator::next).transpose() {
                Ok(Some(entry)) => self.visit(entry)?,
                Ok(None) => self.leave()?,
                Err(error) if error.is_damage() => self.unreadable(&error),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// A part of a directory cannot be read: it is named, and the walk goes on behind it.
    fn unreadable(&mut self, error: &RepoError) {
        if matches!(self.pass, Pass::Write | Pass::Compare) {
            self.work.failed(&self.path, &error.to_string());
        }
        self.blamed.note(error);
        if let Some(top) = self.open.last_mut() {
            // What is not known to be missing is not deleted.
            top.names = None;
        }
    }

    fn visit(&mut self, entry: Entry) -> Result<(), RestoreError> {
        let Some(top) = self.open.last_mut() else { return Ok(()) };
        if let Some(names) = &mut top.names {
            names.push(entry.name.clone());
        }
        let above = top.selection;
        let is_directory = matches!(entry.kind, Kind::Directory(_));
        let selection = self.wanted.select(above, &self.path, &entry.name, is_directory);
        if selection == Selection::No {
            return Ok(());
        }
        match &entry.kind {
            Kind::Directory(Directory { tree, .. }) => {
                let tree = *tree;
                self.enter(entry, tree, selection)
            }
            _ => self.entry(entry),
        }
    }

    fn enter(
        &mut self,
        entry: Entry,
        tree: Option<BlobId>,
        selection: Selection,
    ) -> Result<(), RestoreError> {
        let path = self.path.join(&entry.name);
        let whole = self.wanted.is_whole(selection, &path);
        if whole {
            self.go_in()?;
        }
        let entries = tree.map(|tree| self.reader.entries(&tree)).transpose();
        self.path = path;
        let deletes = self.work.options.delete && whole;
        let names = (deletes && matches!(self.pass, Pass::Write | Pass::Compare)).then(Vec::new);
        let state = State::Waiting;
        let entry = Some(entry);
        match entries {
            Ok(entries) => {
                self.open.push(OpenDirectory { entry, entries, selection, state, names });
            }
            Err(error) if error.is_damage() => {
                self.open.push(OpenDirectory { entry, entries: None, selection, state, names });
                self.unreadable(&error);
            }
            Err(error) => return Err(error.into()),
        }
        if whole { self.go_in() } else { Ok(()) }
    }

    /// Has the target enter every directory down to here that waits.
    fn go_in(&mut self) -> Result<(), RestoreError> {
        for depth in 1..self.open.len() {
            if self.open[depth].state == State::Waiting {
                let state = self.go_into(depth);
                self.open[depth].state = state;
            }
        }
        Ok(())
    }

    fn go_into(&mut self, depth: usize) -> State {
        let above = self.open[depth - 1].state;
        if above == State::Blocked {
            return above;
        }
        self.work.matched();
        let Some(entry) = self.open[depth].entry.clone() else { return above };
        let path = self.path_at(depth);
        let result = match self.target.as_mut() {
            Some(target) if above == State::Entered => {
                go_into(target.as_mut(), &entry, &path, self.pass, self.work)
            }
            _ => {
                self.work.count(RestoreAction::Create, &path, &entry);
                Ok(State::Missing)
            }
        };
        result.unwrap_or_else(|error| {
            if self.pass != Pass::Finish {
                self.work.failed(&path, &error.to_string());
            }
            State::Blocked
        })
    }

    fn path_at(&self, depth: usize) -> EntryPath {
        let mut path = EntryPath::root();
        self.path.names().take(depth).for_each(|name| path.push(&name));
        path
    }

    fn entry(&mut self, entry: Entry) -> Result<(), RestoreError> {
        self.go_in()?;
        self.work.matched();
        let state = self.open.last().map_or(State::Blocked, |top| top.state);
        let path = self.path.join(&entry.name);
        let Some(task) = self.task(&entry) else { return Ok(()) };
        if state == State::Blocked {
            if matches!(self.pass, Pass::Write | Pass::Compare) {
                self.work.count(RestoreAction::Skip, &path, &entry);
            }
            return Ok(());
        }
        let slot = match self.target.as_mut() {
            Some(target) if state == State::Entered => match target.slot(&entry) {
                Ok(slot) => Some(slot),
                Err(error) => {
                    self.work.failed(&path, &error.to_string());
                    return Ok(());
                }
            },
            _ => None,
        };
        let job = Job { task, path, entry, slot };
        // Links are made after all they could point to, in order, and need no help.
        match task {
            Task::Link => self.work.do_job(job),
            _ => self.pool.submit(job),
        }
        Ok(())
    }

    /// What this pass does with an entry. The first pass notes hard-link groups, the second
    /// makes their further members: so each pass asks who comes first.
    fn task(&self, entry: &Entry) -> Option<Task> {
        match self.pass {
            Pass::Compare => Some(Task::Compare),
            Pass::Verify => Some(Task::Verify),
            Pass::Write => {
                let path = self.path.join(&entry.name);
                self.work.is_first_of_group(entry, &path).then_some(Task::Write)
            }
            Pass::Finish => {
                let group = entry.link_group.as_ref()?;
                (!self.work.was_first(group, &self.path.join(&entry.name))).then_some(Task::Link)
            }
        }
    }

    fn leave(&mut self) -> Result<(), RestoreError> {
        self.delete_others();
        let Some(top) = self.open.pop() else { return Ok(()) };
        if let (State::Entered, Some(entry), Some(target)) =
            (top.state, &top.entry, self.target.as_mut())
        {
            if self.pass == Pass::Finish
                && let Err(error) = target.finish(entry, self.work.content())
            {
                self.work.failed(&self.path, &error.to_string());
            }
            target.leave();
        }
        self.path.pop();
        Ok(())
    }

    /// `--delete`: what the target has and the snapshot does not.
    fn delete_others(&mut self) {
        let Some(OpenDirectory { state: State::Entered, names: Some(names), .. }) =
            self.open.last_mut()
        else {
            return;
        };
        let names = std::mem::take(names);
        let Some(target) = self.target.as_mut() else { return };
        let children = match target.children() {
            Ok(children) => children,
            Err(error) => return self.work.failed(&self.path, &error.to_string()),
        };
        for child in children.iter().filter(|child| names.binary_search(child).is_err()) {
            let path = self.path.join(child);
            let removed = match self.pass {
                Pass::Compare => Ok(1),
                _ => target.remove(child),
            };
            match removed {
                Ok(things) => self.work.count_deleted(&path, things),
                Err(error) => self.work.failed(&path, &error.to_string()),
            }
        }
    }
}

/// Compares a directory with what is in its place, and goes in.
fn go_into(
    target: &mut dyn Target,
    entry: &Entry,
    path: &EntryPath,
    pass: Pass,
    work: &Work<'_>,
) -> Result<State, TargetError> {
    let presence = target.slot(entry)?.compare()?;
    let mut action = action(presence, work.options.conflict);
    if let crate::model::Presence::MetadataDiffers { .. } = presence {
        // Directories that are restored get their metadata, whatever the strategy for content.
        action = RestoreAction::Metadata;
    }
    if matches!(pass, Pass::Write | Pass::Compare) {
        work.count(action, path, entry);
    }
    match action {
        RestoreAction::Skip => return Ok(State::Blocked),
        RestoreAction::Create if pass == Pass::Compare => return Ok(State::Missing),
        RestoreAction::Replace if pass == Pass::Compare => return Ok(State::Missing),
        _ => {}
    }
    target.enter(entry, action == RestoreAction::Replace)?;
    Ok(State::Entered)
}
