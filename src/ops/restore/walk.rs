//! Walks the snapshot in order and keeps the target in step. Directories are entered only when
//! something in them is wanted.

use super::content::Blamed;
use super::directories::{DirectoryRule, Standing};
use super::guard::{Guard, Held};
use super::jobs::{Job, Pool, Task, Work, changed_meanwhile, size};
use super::select::Wanted;
use super::witness::Witnesses;
use super::{RestoreAction, RestoreError};
use crate::files::Selection;
use crate::model::{
    BlobId, Directory, Entry, EntryName, EntryPath, Kind, Presence, Target, TargetError,
};
use crate::repo::{BlobReader, RepoError};
use std::sync::Arc;

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

/// Where a walk begins.
pub struct Start {
    from: From,
    /// The path of the target's root, without `files/`: what patterns are compared with.
    base: EntryPath,
}

enum From {
    Tree(BlobId),
    One(Box<Entry>),
}

impl Start {
    /// At `files/`.
    pub fn whole(tree: BlobId) -> Self {
        Self { from: From::Tree(tree), base: EntryPath::root() }
    }

    /// At the tree of the directory `path` of the snapshot.
    pub fn folder(tree: BlobId, path: &EntryPath) -> Self {
        Self { from: From::Tree(tree), base: without_first(path) }
    }

    /// At one entry, which is called `name` in the target.
    pub fn one(mut entry: Entry, path: &EntryPath, name: &EntryName) -> Self {
        let mut base = without_first(path);
        base.pop();
        entry.name = name.clone();
        Self { from: From::One(Box::new(entry)), base }
    }
}

/// Whether [`Pass::Finish`] does nothing with it but go into its directory.
fn is_done_by_write(entry: &Entry) -> bool {
    !matches!(entry.kind, Kind::Directory(_)) && entry.link_group.is_none()
}

fn without_first(path: &EntryPath) -> EntryPath {
    let mut without = EntryPath::root();
    path.names().skip(1).for_each(|name| without.push(&name));
    without
}

type Entries<'a> = Box<dyn Iterator<Item = Result<Entry, RepoError>> + 'a>;

/// One walk.
pub struct Walk<'a> {
    reader: &'a BlobReader,
    pass: Pass,
    wanted: Wanted<'a>,
    target: &'a mut Option<Box<dyn Target>>,
    work: &'a Work<'a>,
    pool: &'a Pool<'a>,
    blamed: &'a Blamed,
    guard: Option<Guard<'a>>,
    spared: &'a [EntryPath],
    witnesses: Option<Witnesses<'a>>,
    /// The directory last entered, as patterns see it.
    below: EntryPath,
    /// The same below the target's root.
    path: EntryPath,
    open: Vec<OpenDirectory<'a>>,
}

struct OpenDirectory<'a> {
    /// `None` for the root.
    entry: Option<Entry>,
    entries: Option<Entries<'a>>,
    selection: Selection,
    standing: Standing,
    held: Held,
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
    /// Comparing: something else is in its place, and what happens depends on the strategy.
    Displaced {
        newer: bool,
    },
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
        let (path, below, open) = (EntryPath::root(), EntryPath::root(), Vec::new());
        let (guard, spared, witnesses) = (None, &[][..], None);
        Self {
            reader,
            pass,
            wanted,
            target,
            work,
            pool,
            blamed,
            guard,
            spared,
            witnesses,
            below,
            path,
            open,
        }
    }

    /// Changes only what `guard` allows, and nothing at or below the paths `spared`.
    pub fn guarded(mut self, guard: Option<Guard<'a>>, spared: &'a [EntryPath]) -> Self {
        (self.guard, self.spared) = (guard, spared);
        self
    }

    /// Passes over what a restore had left alone.
    pub fn leaving(mut self, witnesses: Option<Witnesses<'a>>) -> Self {
        self.witnesses = witnesses;
        self
    }

    pub fn run(mut self, start: &Start) -> Result<(), RestoreError> {
        let state = if self.target.is_some() { State::Entered } else { State::Missing };
        let entries: Entries<'a> = match &start.from {
            From::Tree(tree) => {
                Box::new(self.reader.entries(tree)?.stopped_by(self.work.monitor()))
            }
            From::One(entry) => Box::new(std::iter::once(Ok(Entry::clone(entry)))),
        };
        let mut selection = self.wanted.root();
        for name in start.base.names() {
            selection = self.wanted.select(selection, &self.below, &name, true);
            self.below.push(&name);
        }
        self.open.push(OpenDirectory {
            entry: None,
            entries: Some(entries),
            selection,
            standing: Standing::default(),
            held: Held::Free,
            state,
            names: None,
        });
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
        if self.pass == Pass::Finish && top.state != State::Waiting && is_done_by_write(&entry) {
            return Ok(());
        }
        if let Some(names) = &mut top.names {
            names.push(entry.name.clone());
        }
        let above = top.selection;
        let is_directory = matches!(entry.kind, Kind::Directory(_));
        let selection = self.wanted.select(above, &self.below, &entry.name, is_directory);
        if selection == Selection::No || self.is_spared(&entry) {
            return Ok(());
        }
        if let Some(witnesses) = &mut self.witnesses
            && witnesses.has(&self.path, &entry)?
        {
            return Ok(());
        }
        let held = self.held(&entry)?;
        if held == Held::Nothing && (is_directory || entry.link_group.is_none()) {
            self.work.matched();
            return Ok(());
        }
        match &entry.kind {
            Kind::Directory(Directory { tree, .. }) => {
                let tree = *tree;
                self.enter(entry, tree, selection, held)
            }
            _ => self.entry(entry, held),
        }
    }

    /// Whether it must not be touched: it is, or would take the place of, what is spared.
    fn is_spared(&self, entry: &Entry) -> bool {
        if self.spared.is_empty() {
            return false;
        }
        let path = self.path.join(&entry.name);
        let is_directory = matches!(entry.kind, Kind::Directory(_));
        self.spared
            .iter()
            .any(|spared| path.starts_with(spared) || !is_directory && spared.starts_with(&path))
    }

    /// What the safety snapshot says of an entry of the directory last entered.
    fn held(&mut self, entry: &Entry) -> Result<Held, RepoError> {
        let Some(guard) = &mut self.guard else { return Ok(Held::Free) };
        let made = self.open.last().is_some_and(|top| {
            let made = |before: &Entry| !matches!(before.kind, Kind::Directory(_));
            top.held.before().is_some_and(made) || top.held == Held::Absent
        });
        match made {
            // A directory that this restore makes: all in it is new.
            true => Ok(Held::Absent),
            false => guard.held(&self.path, &entry.name),
        }
    }

    fn enter(
        &mut self,
        entry: Entry,
        tree: Option<BlobId>,
        selection: Selection,
        held: Held,
    ) -> Result<(), RestoreError> {
        let path = self.path.join(&entry.name);
        let whole = self.wanted.is_whole(selection, &path);
        let standing = Standing::new(whole, &self.work.options.paths, &path);
        if whole {
            self.go_in()?;
        }
        let entries = tree.map(|tree| self.reader.entries(&tree)).transpose();
        let entries = entries.map(|entries| {
            entries.map(|entries| Box::new(entries.stopped_by(self.work.monitor())) as Entries<'a>)
        });
        self.path = path;
        self.below.push(&entry.name);
        let deletes = self.work.options.delete && whole;
        let names = (deletes && matches!(self.pass, Pass::Write | Pass::Compare)).then(Vec::new);
        let state = State::Waiting;
        let (entries, error) = match entries {
            Ok(entries) => (entries, None),
            Err(error) if error.is_damage() => (None, Some(error)),
            Err(error) => return Err(error.into()),
        };
        let entry = Some(entry);
        self.open.push(OpenDirectory { entry, entries, selection, standing, held, state, names });
        if let Some(error) = error {
            self.unreadable(&error);
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
        if let State::Blocked = above {
            return above;
        }
        self.work.matched();
        let Some(entry) = self.open[depth].entry.clone() else { return above };
        let path = self.path_at(depth);
        let (held, standing) = (self.open[depth].held.clone(), self.open[depth].standing);
        let result = match self.target.as_mut() {
            Some(target) if above == State::Entered => {
                let going = Going { path: &path, pass: self.pass, held: &held, standing };
                going.into(target.as_mut(), &entry, self.work)
            }
            _ if matches!(above, State::Displaced { .. }) => {
                self.displaced(above, &path, &entry);
                Ok(above)
            }
            _ => {
                let count = |report: &mut super::RestoreReport| {
                    report.count(RestoreAction::Create, 0);
                };
                self.work.weigh(|plan| plan.each(|_, report| count(report)));
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

    /// Counts what lies below something that is in the way.
    fn displaced(&self, state: State, path: &EntryPath, entry: &Entry) {
        let State::Displaced { newer } = state else { return };
        self.work.weigh(|plan| plan.weigh_below(newer, size(entry)));
        let action = super::jobs::action(Presence::Differs { newer }, self.work.options.conflict);
        let skips = action == RestoreAction::Skip;
        let action = if skips { RestoreAction::Skip } else { RestoreAction::Create };
        self.work.count(action, path, entry);
    }

    fn path_at(&self, depth: usize) -> EntryPath {
        let mut path = EntryPath::root();
        self.path.names().take(depth).for_each(|name| path.push(&name));
        path
    }

    fn entry(&mut self, entry: Entry, held: Held) -> Result<(), RestoreError> {
        self.go_in()?;
        self.work.matched();
        let state = self.open.last().map_or(State::Blocked, |top| top.state);
        let Some(task) = self.task(&entry) else { return Ok(()) };
        let path = self.path.join(&entry.name);
        if let State::Displaced { .. } = state {
            self.displaced(state, &path, &entry);
            return Ok(());
        }
        if state == State::Blocked {
            if matches!(self.pass, Pass::Write | Pass::Compare) {
                self.work.count(RestoreAction::Skip, &path, &entry);
            }
            return Ok(());
        }
        let entry = Arc::new(entry);
        let slots = match self.target.as_mut() {
            Some(target) if state == State::Entered => {
                let before = held.before().map(|before| target.slot(before)).transpose();
                before.and_then(|before| Ok((Some(target.slot_of(&entry)?), before)))
            }
            _ => Ok((None, None)),
        };
        let (slot, before) = match slots {
            Ok(slots) => slots,
            Err(error) => {
                self.work.failed(&path, &error.to_string());
                return Ok(());
            }
        };
        let job = Job { task, path, entry, slot, held, before };
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
            Pass::Write => self.work.is_first_of_group(entry, &self.path).then_some(Task::Write),
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
            let conflict = self.work.options.conflict;
            let finishes = self.pass == Pass::Finish
                && self.work.directories.finishes(entry, &top.held, conflict, top.standing);
            if finishes && let Err(error) = target.finish(entry, self.work.content()) {
                self.work.failed(&self.path, &error.to_string());
            }
            target.leave();
        }
        self.path.pop();
        self.below.pop();
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
            match target.spares(child) {
                Ok(false) => {}
                Ok(true) => {
                    self.work.count_spared();
                    continue;
                }
                Err(error) => {
                    self.work.failed(&path, &error.to_string());
                    continue;
                }
            }
            let allowed = match &self.guard {
                Some(guard) => guard.holds(&path).unwrap_or(false),
                None => true,
            };
            let spared = |spared: &EntryPath| path.starts_with(spared) || spared.starts_with(&path);
            if !allowed || self.spared.iter().any(spared) {
                continue;
            }
            let removed = match self.pass {
                Pass::Compare => Ok(()),
                _ => target.remove(child).map(drop),
            };
            match removed {
                Ok(()) => self.work.count_deleted(&path),
                Err(error) => self.work.failed(&path, &error.to_string()),
            }
        }
    }
}

/// A directory about to be entered.
struct Going<'a> {
    path: &'a EntryPath,
    pass: Pass,
    held: &'a Held,
    standing: Standing,
}

impl Going<'_> {
    /// Compares a directory with what is in its place, and goes in.
    fn into(
        self,
        target: &mut dyn Target,
        entry: &Entry,
        work: &Work<'_>,
    ) -> Result<State, TargetError> {
        let presence = target.slot(entry)?.compare()?;
        let conflict = work.options.conflict;
        let action = match self.held {
            Held::Free => work.directories.action(presence, conflict, self.standing),
            held => self.allowed(held, presence, target, work)?,
        };
        if matches!(self.pass, Pass::Write | Pass::Compare) && self.is_counted(action, work) {
            work.count(action, self.path, entry);
        }
        if self.pass == Pass::Compare {
            return self.compared(presence, target, entry, work);
        }
        if action == RestoreAction::Skip {
            return Ok(State::Blocked);
        }
        target.enter(entry, action == RestoreAction::Replace)?;
        Ok(State::Entered)
    }

    /// In place, what only leads to what was asked for is none of its things.
    fn is_counted(&self, action: RestoreAction, work: &Work<'_>) -> bool {
        work.directories == DirectoryRule::All
            || self.standing.is_whole
            || action != RestoreAction::Same
    }

    /// Weighs it for every strategy.
    fn compared(
        &self,
        presence: Presence,
        target: &mut dyn Target,
        entry: &Entry,
        work: &Work<'_>,
    ) -> Result<State, TargetError> {
        let (rule, standing) = (work.directories, self.standing);
        work.weigh(|plan| {
            plan.each(|conflict, report| {
                let action = rule.action(presence, conflict, standing);
                if self.is_counted(action, work) {
                    report.count(action, 0);
                }
            });
        });
        match presence {
            Presence::Absent => Ok(State::Missing),
            Presence::Differs { newer } => Ok(State::Displaced { newer }),
            Presence::Same | Presence::MetadataDiffers { .. } => {
                target.enter(entry, false)?;
                Ok(State::Entered)
            }
        }
    }

    /// What the safety snapshot lets happen.
    fn allowed(
        &self,
        held: &Held,
        presence: Presence,
        target: &mut dyn Target,
        work: &Work<'_>,
    ) -> Result<RestoreAction, TargetError> {
        let action = work.directories.action(presence, work.options.conflict, self.standing);
        match (presence, held) {
            (Presence::Absent, _) => Ok(RestoreAction::Create),
            (Presence::Same, _) | (Presence::MetadataDiffers { .. }, Held::Absent) => {
                Ok(RestoreAction::Same)
            }
            (Presence::MetadataDiffers { .. }, _) => Ok(action),
            (Presence::Differs { .. }, Held::Before(before)) => {
                match target.slot(before)?.compare()? {
                    Presence::Same | Presence::MetadataDiffers { .. } => Ok(action),
                    _ => Err(changed_meanwhile()),
                }
            }
            (Presence::Differs { .. }, _) => Err(changed_meanwhile()),
        }
    }
}
