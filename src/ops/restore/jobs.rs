//! What is done with each entry, on whatever thread has time.

use super::directories::DirectoryRule;
use super::guard::Held;
use super::plan::RestorePlan;
use super::{Conflict, RestoreAction, RestoreOptions, RestoreReport, RestoreStep, StepSink};
use crate::model::{
    ContentSource, Counter, Entry, EntryPath, Kind, Monitor, Presence, Problem, ProblemKind, Slot,
    TargetError,
};
use crossbeam_channel::{Sender, bounded};
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::Scope;

/// Entries that are handed to a worker at once, their folders and their bytes. Each folder is held by
/// a descriptor, and as much as a worker has waits for it.
const MOST_JOBS: usize = 1024;
const MOST_FOLDERS: usize = 64;
const MOST_BYTES: u64 = 4 << 20;

/// What all workers of a restore share.
pub struct Work<'a> {
    pub options: &'a RestoreOptions,
    pub directories: DirectoryRule,
    content: &'a dyn ContentSource,
    steps: StepSink<'a>,
    monitor: &'a dyn Monitor,
    report: Mutex<RestoreReport>,
    plan: Mutex<RestorePlan>,
    groups: Mutex<HashMap<EntryPath, Group>>,
}

/// A hard-link group that the walk has met.
struct Group {
    /// The member that was met first.
    first: EntryPath,
    /// It is there, with the group's content: others may be linked to it.
    there: bool,
}

/// One entry to be handled.
pub struct Job {
    pub task: Task,
    pub path: EntryPath,
    pub entry: Arc<Entry>,
    /// `None` in a dry run, where the directory is not there.
    pub slot: Option<Box<dyn Slot>>,
    pub held: Held,
    /// The place, to be compared with what is held.
    pub before: Option<Box<dyn Slot>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    Compare,
    Write,
    /// A further member of a hard-link group.
    Link,
    Verify,
}

impl<'a> Work<'a> {
    pub fn new(
        options: &'a RestoreOptions,
        directories: DirectoryRule,
        content: &'a dyn ContentSource,
        steps: StepSink<'a>,
        monitor: &'a dyn Monitor,
    ) -> Self {
        let (report, plan, groups) = (Mutex::default(), Mutex::default(), Mutex::default());
        Self { options, directories, content, steps, monitor, report, plan, groups }
    }

    pub fn report(&self) -> RestoreReport {
        *lock(&self.report)
    }

    /// What each strategy would do, after a walk that only compared.
    pub fn plan(&self) -> RestorePlan {
        let mut plan = *lock(&self.plan);
        let RestoreReport { deleted, spared, failed, matched, .. } = self.report();
        plan.each(|_, report| {
            (report.deleted, report.spared) = (deleted, spared);
            (report.failed, report.matched) = (failed, matched);
        });
        plan
    }

    /// Notes for the plan.
    pub fn weigh(&self, change: impl FnOnce(&mut RestorePlan)) {
        change(&mut lock(&self.plan));
    }

    pub fn content(&self) -> &dyn ContentSource {
        self.content
    }

    pub fn monitor(&self) -> &dyn Monitor {
        self.monitor
    }

    pub fn matched(&self) {
        lock(&self.report).matched = true;
    }

    /// Whether this entry of `directory` is the first of its group that the walk meets; true
    /// without a group.
    pub fn is_first_of_group(&self, entry: &Entry, directory: &EntryPath) -> bool {
        let Some(group) = &entry.link_group else { return true };
        let mut groups = lock(&self.groups);
        if groups.contains_key(group) {
            return false;
        }
        let first = directory.join(&entry.name);
        groups.insert(group.clone(), Group { first, there: false });
        true
    }

    /// Whether this path was the first that the walk met of a group.
    pub fn was_first(&self, group: &EntryPath, path: &EntryPath) -> bool {
        lock(&self.groups).get(group).is_some_and(|group| group.first == *path)
    }

    pub fn do_job(&self, mut job: Job) {
        self.monitor.current(&job.path);
        let done = match job.task {
            Task::Compare => self.compare(&mut job).map(|_| ()),
            Task::Write => self.write(&mut job),
            Task::Link => self.link(&mut job),
            Task::Verify => self.verify(&mut job),
        };
        match done {
            // The walk ends by itself.
            Ok(()) | Err(TargetError::Stopped) => {}
            Err(error) => self.failed(&job.path, &error.to_string()),
        }
    }

    pub fn failed(&self, path: &EntryPath, why: &str) {
        lock(&self.report).failed += 1;
        let (what, why) = (format!("/{path}"), why.to_string());
        self.monitor.problem(Problem { kind: ProblemKind::Unrestored, what, why });
    }

    /// What is to be done; counted.
    fn compare(&self, job: &mut Job) -> Result<RestoreAction, TargetError> {
        let presence = match &mut job.slot {
            Some(slot) => slot.compare()?,
            None => Presence::Absent,
        };
        let action = match (presence, &job.entry.kind) {
            // Not made again: the program that listens there makes it.
            (Presence::Absent, Kind::Socket) => RestoreAction::Skip,
            _ => action(presence, self.options.conflict),
        };
        if job.task == Task::Compare {
            match (presence, &job.entry.kind) {
                (Presence::Absent, Kind::Socket) => {
                    self.weigh(|plan| plan.each(|_, report| report.count(action, 0)));
                }
                _ => self.weigh(|plan| plan.weigh(presence, size(&job.entry))),
            }
        }
        Ok(self.count(action, &job.path, &job.entry))
    }

    /// Tells and counts an action; returns it.
    pub fn count(&self, action: RestoreAction, path: &EntryPath, entry: &Entry) -> RestoreAction {
        let size = size(entry);
        lock(&self.report).count(action, size);
        (self.steps)(RestoreStep { action, path, size });
        self.monitor.add(Counter::EntriesRestored, 1);
        self.monitor.add(Counter::BytesRestored, size);
        action
    }

    pub fn count_spared(&self) {
        lock(&self.report).spared += 1;
    }

    pub fn count_deleted(&self, path: &EntryPath) {
        lock(&self.report).deleted += 1;
        (self.steps)(RestoreStep { action: RestoreAction::Delete, path, size: 0 });
    }

    fn write(&self, job: &mut Job) -> Result<(), TargetError> {
        let action = self.decide(job)?;
        let Some(slot) = &mut job.slot else { return Ok(()) };
        let written = match action {
            RestoreAction::Create | RestoreAction::Replace => slot.write(self.content),
            RestoreAction::Metadata => slot.write_metadata(self.content),
            RestoreAction::Same | RestoreAction::Skip | RestoreAction::Delete => Ok(()),
        };
        if let Err(error) = written {
            self.uncount(action, &job.entry);
            return Err(error);
        }
        if let Some(group) = job.entry.link_group.as_ref().filter(|_| action != RestoreAction::Skip)
        {
            self.is_there(group);
        }
        Ok(())
    }

    /// What is to be done; in place, only what the safety snapshot allows.
    fn decide(&self, job: &mut Job) -> Result<RestoreAction, TargetError> {
        if job.held == Held::Free {
            return self.compare(job);
        }
        let presence = match &mut job.slot {
            Some(slot) => slot.compare()?,
            None => Presence::Absent,
        };
        let action = match (presence, &job.held) {
            (Presence::Same, _) => return Ok(RestoreAction::Same),
            (_, Held::Nothing) => return Ok(RestoreAction::Skip),
            (Presence::Absent, _) if job.entry.kind == Kind::Socket => {
                return Ok(RestoreAction::Skip);
            }
            (Presence::Absent, _) => RestoreAction::Create,
            (_, Held::Absent) => return Err(changed_meanwhile()),
            (_, _) => self.replacing(presence, job.before.as_mut())?,
        };
        Ok(self.count(action, &job.path, &job.entry))
    }

    /// What is there must still be what the safety snapshot holds.
    fn replacing(
        &self,
        presence: Presence,
        before: Option<&mut Box<dyn Slot>>,
    ) -> Result<RestoreAction, TargetError> {
        let action = action(presence, self.options.conflict);
        if action == RestoreAction::Skip {
            return Ok(action);
        }
        match before.map(|before| before.compare()).transpose()? {
            Some(Presence::Same | Presence::MetadataDiffers { .. }) => Ok(action),
            _ => Err(changed_meanwhile()),
        }
    }

    fn is_there(&self, group: &EntryPath) {
        if let Some(group) = lock(&self.groups).get_mut(group) {
            group.there = true;
        }
    }

    fn uncount(&self, action: RestoreAction, entry: &Entry) {
        let mut report = lock(&self.report);
        match action {
            RestoreAction::Create => report.created -= 1,
            RestoreAction::Replace => report.replaced -= 1,
            RestoreAction::Metadata => report.metadata_changed -= 1,
            _ => {}
        }
        if let (RestoreAction::Create | RestoreAction::Replace, Kind::File(file)) =
            (action, &entry.kind)
        {
            report.bytes -= file.size;
        }
    }

    fn link(&self, job: &mut Job) -> Result<(), TargetError> {
        let action = self.decide(job)?;
        let group = job.entry.link_group.as_ref();
        let first = group.and_then(|group| {
            let groups = lock(&self.groups);
            groups.get(group).filter(|group| group.there).map(|group| group.first.clone())
        });
        let Some(slot) = &mut job.slot else { return Ok(()) };
        let linked = match (action, first) {
            (RestoreAction::Create | RestoreAction::Replace, Some(first)) => {
                slot.link(&first, self.content)
            }
            (RestoreAction::Create | RestoreAction::Replace, None) => slot.write(self.content),
            // The same, but perhaps not the same inode.
            (RestoreAction::Metadata | RestoreAction::Same, Some(first)) => {
                slot.link(&first, self.content)
            }
            (RestoreAction::Metadata, None) => slot.write_metadata(self.content),
            _ => Ok(()),
        };
        linked.inspect_err(|_| self.uncount(action, &job.entry))
    }

    fn verify(&self, job: &mut Job) -> Result<(), TargetError> {
        let Some(slot) = &mut job.slot else { return Ok(()) };
        match (slot.compare()?, self.options.conflict) {
            (Presence::Same, _) | (_, Conflict::Skip | Conflict::Newest) => {
                lock(&self.report).verified += 1;
                Ok(())
            }
            (Presence::Absent, _) if job.entry.kind == Kind::Socket => Ok(()),
            (presence, Conflict::Overwrite) => {
                let why = match presence {
                    Presence::Absent => "it is not there after the restore",
                    Presence::MetadataDiffers { .. } => "its metadata differs after the restore",
                    _ => "its content differs after the restore",
                };
                Err(TargetError::Refused(why.to_string()))
            }
        }
    }
}

/// Somebody else is at work.
pub fn changed_meanwhile() -> TargetError {
    TargetError::Refused("it was changed after the safety snapshot was taken, and stays".to_owned())
}

/// Bytes of a file; 0 of anything else.
pub fn size(entry: &Entry) -> u64 {
    match &entry.kind {
        Kind::File(file) => file.size,
        _ => 0,
    }
}

/// What a conflict strategy does with what is there.
pub fn action(presence: Presence, conflict: Conflict) -> RestoreAction {
    let keeps = |newer: bool| match conflict {
        Conflict::Skip => true,
        Conflict::Overwrite => false,
        Conflict::Newest => newer,
    };
    match presence {
        Presence::Absent => RestoreAction::Create,
        Presence::Same => RestoreAction::Same,
        Presence::MetadataDiffers { newer } | Presence::Differs { newer } if keeps(newer) => {
            RestoreAction::Skip
        }
        Presence::MetadataDiffers { .. } => RestoreAction::Metadata,
        Presence::Differs { .. } => RestoreAction::Replace,
    }
}

/// Runs jobs: on threads, or right here for one worker.
pub enum Pool<'a> {
    Here(&'a Work<'a>),
    Threads(Handing),
}

/// Hands jobs to workers, several at once: small files that follow each other lie in one frame, and
/// two workers that take them in turns would both wait for each next one to be opened.
pub struct Handing {
    batch: RefCell<Batch>,
    batches: Sender<Vec<Job>>,
}

#[derive(Default)]
struct Batch {
    jobs: Vec<Job>,
    folders: usize,
    bytes: u64,
}

impl Batch {
    fn add(&mut self, job: Job) {
        let is_there = self.jobs.last().is_some_and(|last| last.path.is_beside(&job.path));
        self.folders += usize::from(!is_there);
        self.bytes = self.bytes.saturating_add(size(&job.entry));
        self.jobs.push(job);
    }

    fn is_full(&self) -> bool {
        self.jobs.len() >= MOST_JOBS || self.folders >= MOST_FOLDERS || self.bytes >= MOST_BYTES
    }
}

impl<'a> Pool<'a> {
    pub fn start<'scope>(
        scope: &'scope Scope<'scope, '_>,
        workers: usize,
        work: &'a Work<'a>,
    ) -> Self
    where
        'a: 'scope,
    {
        if workers <= 1 {
            return Self::Here(work);
        }
        let (batches, queue) = bounded::<Vec<Job>>(1);
        for _ in 0..workers {
            let queue = queue.clone();
            scope.spawn(move || queue.into_iter().flatten().for_each(|job| work.do_job(job)));
        }
        Self::Threads(Handing { batch: RefCell::default(), batches })
    }

    pub fn submit(&self, job: Job) {
        match self {
            Self::Here(work) => work.do_job(job),
            Self::Threads(handing) => handing.add(job),
        }
    }
}

impl Handing {
    fn add(&self, job: Job) {
        let mut batch = self.batch.borrow_mut();
        batch.add(job);
        if batch.is_full() {
            // Workers end only after the sender is gone.
            let _ = self.batches.send(std::mem::take(&mut *batch).jobs);
        }
    }
}

impl Drop for Handing {
    fn drop(&mut self) {
        let _ = self.batches.send(self.batch.take().jobs);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
