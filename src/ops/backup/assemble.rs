//! Makes trees of the steps of a walk. Steps are taken in order; files still being read hold up
//! what comes after them, within a budget.

use super::comparison::{Comparison, Difference};
use super::pool::{Delivery, FileResult, Pool};
use super::previous::PreviousTree;
use super::problems::ReadFailure;
use super::read_file::{ReadFile, Reader};
use super::shown;
use crate::codec::Compressor;
use crate::model::{
    BlobId, Counter, Directory, Entry, EntryName, EntryPath, Fate, Fresh, Kind, Metadata, Monitor,
    Origin, Problem, ProblemKind, Step, Summary,
};
use crate::repo::{RepoError, Session, TreeSink, TreeWriter};
use std::collections::VecDeque;

/// Steps that may wait behind a file that is being read, by their estimated bytes.
const WAITING_BYTES: usize = 8 << 20;
/// What a waiting step takes beside its attributes, about.
const STEP_BYTES: usize = 256;

/// Takes the steps of a walk and writes the tree of it.
pub struct Assembler<'a> {
    session: &'a Session,
    monitor: &'a dyn Monitor,
    compressor: Compressor,
    reader: Reader<'a>,
    /// The last snapshot, where entries may be taken over from it.
    previous: Option<PreviousTree<'a>>,
    /// `None` where nothing is counted as new or changed.
    comparison: Option<Comparison<'a>>,
    /// Whether whole trees may be taken over unread.
    whole_trees: bool,
    waiting: VecDeque<Waiting>,
    waiting_bytes: usize,
    open: Vec<OpenDirectory>,
    /// Files that must be read again by the next backup.
    unsteady: Vec<EntryPath>,
}

enum Waiting {
    Enter(EntryName),
    Recorded { name: EntryName, size: u64 },
    Complete { name: EntryName, fresh: Box<Fresh> },
    File { name: EntryName, known: bool, result: Delivery<FileResult> },
    Leave { metadata: Option<Metadata>, children_unchanged: bool },
}

#[derive(Default)]
struct OpenDirectory {
    path: EntryPath,
    name: Option<EntryName>,
    tree: TreeWriter,
    summary: Summary,
    /// Names taken over from the last snapshot, while nothing else was met in this directory:
    /// if it stays so, its whole tree is taken over.
    recorded: Vec<EntryName>,
    /// Something else was met: every entry is written.
    written: bool,
}

impl<'a> Assembler<'a> {
    pub fn new(
        session: &'a Session,
        monitor: &'a dyn Monitor,
        previous: Option<PreviousTree<'a>>,
        comparison: Option<Comparison<'a>>,
        whole_trees: bool,
    ) -> Result<Self, RepoError> {
        let root = OpenDirectory { written: true, ..OpenDirectory::default() };
        Ok(Self {
            session,
            monitor,
            compressor: session.repository().compressor()?,
            reader: Reader::new(session)?,
            previous,
            comparison,
            whole_trees,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            open: vec![root],
            unsteady: Vec::new(),
        })
    }

    /// Takes the next step.
    pub fn step(&mut self, step: Step, pool: &mut Pool<'_>) -> Result<(), RepoError> {
        let (waiting, extra) = match step {
            Step::Enter { name } => (Waiting::Enter(name), 0),
            Step::Leave { metadata, children_unchanged } => {
                let extra = metadata.as_ref().map_or(0, attribute_bytes);
                (Waiting::Leave { metadata, children_unchanged }, extra)
            }
            Step::Entry { name, origin: Origin::Recorded { size } } => {
                (Waiting::Recorded { name, size }, 0)
            }
            Step::Entry { name, origin: Origin::Complete(fresh) } => {
                let extra = attribute_bytes(&fresh.metadata);
                (Waiting::Complete { name, fresh }, extra)
            }
            Step::Entry { name, origin: Origin::Stream { stream, known } } => {
                let result = pool.submit(name.clone(), stream);
                (Waiting::File { name, known, result }, 0)
            }
        };
        self.waiting_bytes += STEP_BYTES + extra;
        self.waiting.push_back(waiting);
        self.advance()
    }

    /// Handles what can be handled; beyond the budget it waits.
    fn advance(&mut self) -> Result<(), RepoError> {
        while let Some(front) = self.waiting.pop_front() {
            let wait = self.waiting_bytes > WAITING_BYTES;
            if let Waiting::File { name, known, result } = front {
                let read = if wait { Some(result.wait()) } else { result.take() };
                match read {
                    Some(read) => self.file(name, known, read)?,
                    None => {
                        self.waiting.push_front(Waiting::File { name, known, result });
                        return Ok(());
                    }
                }
                self.waiting_bytes = self.waiting_bytes.saturating_sub(STEP_BYTES);
            } else {
                self.handle(front)?;
            }
        }
        Ok(())
    }

    fn handle(&mut self, waiting: Waiting) -> Result<(), RepoError> {
        let mut bytes = STEP_BYTES;
        match waiting {
            Waiting::Enter(name) => self.enter(name),
            Waiting::Recorded { name, size } => {
                self.monitor.add(Counter::FilesUnchanged, 1);
                self.tell(Fate::Unchanged, &name);
                self.processed(size);
                self.take_over(name)?;
            }
            Waiting::Complete { name, fresh } => {
                bytes += attribute_bytes(&fresh.metadata);
                self.complete(name, *fresh)?;
            }
            Waiting::File { name, known, result } => self.file(name, known, result.wait())?,
            Waiting::Leave { metadata, children_unchanged } => {
                bytes += metadata.as_ref().map_or(0, attribute_bytes);
                self.leave(metadata, children_unchanged)?;
            }
        }
        self.waiting_bytes = self.waiting_bytes.saturating_sub(bytes);
        Ok(())
    }

    fn processed(&self, bytes: u64) {
        self.monitor.add(Counter::EntriesProcessed, 1);
        self.monitor.add(Counter::BytesProcessed, bytes);
    }

    pub fn enter(&mut self, name: EntryName) {
        let path = self.top_path().join(&name);
        let written = !self.whole_trees;
        let name = Some(name);
        self.open.push(OpenDirectory { path, name, written, ..OpenDirectory::default() });
    }

    fn top_path(&self) -> EntryPath {
        self.open.last().map(|open| open.path.clone()).unwrap_or_default()
    }

    /// An entry (of any kind) that is as the last snapshot has it.
    fn take_over(&mut self, name: EntryName) -> Result<(), RepoError> {
        let Some(top) = self.open.last_mut() else { return Ok(()) };
        if !top.written {
            top.recorded.push(name);
            return Ok(());
        }
        let entry = self.recorded_entry(&self.top_path(), &name)?;
        self.write(&entry)
    }

    fn recorded_entry(&mut self, path: &EntryPath, name: &EntryName) -> Result<Entry, RepoError> {
        let found = match &mut self.previous {
            Some(previous) => previous.find(path, name)?,
            None => None,
        };
        found.ok_or_else(|| RepoError::Damaged {
            name: "the last snapshot".to_string(),
            why: format!("it lacks {}, which the local cache says it has", path.join(name)),
        })
    }

    fn complete(&mut self, name: EntryName, fresh: Fresh) -> Result<(), RepoError> {
        let Fresh { kind, metadata, link_group, known } = fresh;
        self.processed(0);
        if kind == Kind::Socket {
            let what = shown(&self.top_path().join(&name));
            let why = "it is a socket: recorded, and not made again by a restore".to_string();
            self.monitor.problem(Problem { kind: ProblemKind::Note, what, why });
        }
        let metadata = self.reader.store_attributes(metadata)?;
        let entry = Entry { name, kind, metadata, link_group };
        self.count_file(&entry, known);
        self.add(&entry)
    }

    /// Tells what becomes of an entry of the directory last entered.
    fn tell(&self, fate: Fate, name: &EntryName) {
        if let Some(top) = self.open.last() {
            let path = std::fmt::from_fn(|out| out.write_str(&shown(&top.path.join(name))));
            self.monitor.entry(fate, &path);
        }
    }

    fn count_file(&mut self, entry: &Entry, known: bool) {
        let directory = self.top_path();
        let Some(comparison) = &mut self.comparison else { return };
        let (counter, fate) = match comparison.difference(&directory, entry, known) {
            Difference::New => (Counter::FilesNew, Fate::New),
            Difference::Changed => (Counter::FilesChanged, Fate::Changed),
            Difference::Nothing => (Counter::FilesUnchanged, Fate::Unchanged),
        };
        self.monitor.add(counter, 1);
        self.monitor.add(Counter::FilesRead, 1);
        self.tell(fate, &entry.name);
    }

    fn count_directory(&mut self, entry: &Entry) {
        let directory = self.top_path();
        let Some(comparison) = &mut self.comparison else { return };
        let counter = match comparison.difference(&directory, entry, false) {
            Difference::New => Counter::DirectoriesNew,
            Difference::Changed => Counter::DirectoriesChanged,
            Difference::Nothing => Counter::DirectoriesUnchanged,
        };
        self.monitor.add(counter, 1);
    }

    fn file(&mut self, name: EntryName, known: bool, result: FileResult) -> Result<(), RepoError> {
        let path = self.top_path().join(&name);
        match result {
            Ok(ReadFile { entry, problem }) => {
                self.count_file(&entry, known);
                if let Kind::File(file) = &entry.kind {
                    self.processed(file.size);
                }
                if let Some(problem) = problem {
                    let problem = problem.describe(shown(&path));
                    self.monitor.problem(problem);
                    self.unsteady.push(path);
                }
                self.add(&entry)
            }
            Err(ReadFailure::Source(error)) => {
                self.unreadable(path, error);
                self.write_recorded()
            }
            Err(ReadFailure::Repo(error)) => Err(error),
        }
    }

    /// A file that vanished after it was listed is nobody's fault.
    fn unreadable(&mut self, path: EntryPath, error: std::io::Error) {
        let vanished = error.kind() == std::io::ErrorKind::NotFound;
        let kind = if vanished { ProblemKind::Note } else { ProblemKind::Unreadable };
        let why =
            if vanished { "it vanished while the backup ran".into() } else { error.to_string() };
        self.monitor.problem(Problem { kind, what: shown(&path), why });
        self.unsteady.push(path);
    }

    /// An entry that was read now, into the directory last entered.
    pub fn add(&mut self, entry: &Entry) -> Result<(), RepoError> {
        self.write_recorded()?;
        self.write(entry)
    }

    /// From here on the directory last entered is written, entry by entry, and so are those
    /// above it: their names are looked up first, for the last snapshot is read in walk order.
    fn write_recorded(&mut self) -> Result<(), RepoError> {
        let first = self.open.iter().position(|open| !open.written).unwrap_or(self.open.len());
        for depth in first..self.open.len() {
            self.open[depth].written = true;
            let path = self.open[depth].path.clone();
            for name in std::mem::take(&mut self.open[depth].recorded) {
                let entry = self.recorded_entry(&path, &name)?;
                self.write_at(depth, &entry)?;
            }
        }
        Ok(())
    }

    /// Puts an entry beside the directory that [`Assembler::enter`] opened for the walk; its name
    /// must come before that one's.
    pub fn beside(&mut self, entry: &Entry) -> Result<(), RepoError> {
        let Some(root) = self.open.first_mut() else { return Ok(()) };
        let mut sink = TreeSink { session: self.session, compressor: &mut self.compressor };
        root.tree.push(entry, &mut sink)
    }

    fn write(&mut self, entry: &Entry) -> Result<(), RepoError> {
        self.write_at(self.open.len().saturating_sub(1), entry)
    }

    fn write_at(&mut self, depth: usize, entry: &Entry) -> Result<(), RepoError> {
        let Some(open) = self.open.get_mut(depth) else { return Ok(()) };
        open.summary = open.summary.with(&entry.kind);
        let mut sink = TreeSink { session: self.session, compressor: &mut self.compressor };
        open.tree.push(entry, &mut sink)
    }

    fn leave(
        &mut self,
        metadata: Option<Metadata>,
        children_unchanged: bool,
    ) -> Result<(), RepoError> {
        self.monitor.add(Counter::EntriesProcessed, 1);
        let whole = children_unchanged && self.open.last().is_some_and(|top| !top.written);
        match metadata {
            None if whole => {
                self.monitor.add(Counter::DirectoriesUnchanged, 1);
                let name = self.open.pop().and_then(|top| top.name);
                name.map_or(Ok(()), |name| self.take_over(name))
            }
            metadata => self.leave_changed(metadata, whole),
        }
    }

    fn leave_changed(&mut self, metadata: Option<Metadata>, whole: bool) -> Result<(), RepoError> {
        if !whole {
            self.write_recorded()?;
        }
        let Some(top) = self.open.pop() else { return Ok(()) };
        let Some(name) = top.name else { return Ok(()) };
        self.write_recorded()?;
        let path = self.top_path();
        let recorded = match whole || metadata.is_none() {
            true => Some(self.recorded_entry(&path, &name)?),
            false => None,
        };
        let kind = match &recorded {
            Some(Entry { kind: kind @ Kind::Directory(_), .. }) if whole => kind.clone(),
            _ => {
                let mut sink = TreeSink { session: self.session, compressor: &mut self.compressor };
                let tree = Some(top.tree.finish(&mut sink)?);
                Kind::Directory(Directory { tree, summary: top.summary })
            }
        };
        let metadata = match (metadata, recorded) {
            (Some(metadata), _) => self.reader.store_attributes(metadata)?,
            (None, Some(recorded)) => self.kept(recorded.metadata)?,
            (None, None) => Metadata::default(),
        };
        let entry = Entry { name, kind, metadata, link_group: None };
        self.count_directory(&entry);
        self.add(&entry)
    }

    /// A directory's metadata as the last snapshot has it. Nobody was asked whether its attributes
    /// may be reused.
    fn kept(&mut self, metadata: Metadata) -> Result<Metadata, RepoError> {
        match &self.previous {
            Some(previous) if !self.whole_trees => {
                let metadata = previous.certain(metadata, self.session)?;
                self.reader.store_attributes(metadata)
            }
            _ => Ok(metadata),
        }
    }

    /// After the last step: waits for all files and closes the directory that `enter` opened
    /// last.
    pub fn end_source(&mut self, metadata: Metadata) -> Result<(), RepoError> {
        while let Some(waiting) = self.waiting.pop_front() {
            self.handle(waiting)?;
        }
        self.leave_changed(Some(metadata), false)
    }

    /// The root of the whole tree.
    pub fn finish(mut self) -> Result<(BlobId, Summary, Vec<EntryPath>), RepoError> {
        let root = self.open.pop().unwrap_or_default();
        let mut sink = TreeSink { session: self.session, compressor: &mut self.compressor };
        let tree = root.tree.finish(&mut sink)?;
        Ok((tree, root.summary, self.unsteady))
    }
}

fn attribute_bytes(metadata: &Metadata) -> usize {
    metadata
        .attributes
        .iter()
        .map(|attribute| match &attribute.value {
            crate::model::AttributeValue::Inline(value) => attribute.name.len() + value.len(),
            crate::model::AttributeValue::Chunks(_) => attribute.name.len(),
        })
        .sum()
}
