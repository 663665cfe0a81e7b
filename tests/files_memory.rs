//! A snapshot in memory: what a source delivered, as a repository would keep it.

use snapstore::codec::FileHasher;
use snapstore::model::*;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// One event of a walk, with whole entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A directory, with the metadata that was known when it was left.
    Enter(Entry),
    Entry(Entry),
    Leave,
}

/// All that a source delivered.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    pub events: Vec<Event>,
    pub contents: HashMap<BlobId, Vec<u8>>,
    /// Entries that were delivered as `Recorded`, streams, whole; directories left unchanged.
    pub recorded: usize,
    pub streamed: usize,
    pub completed: usize,
    pub unchanged_directories: usize,
    /// `known` of streams and whole entries.
    pub known: usize,
    /// Streams that could not be read.
    pub failed: Vec<EntryPath>,
}

/// Answers from an earlier snapshot.
pub struct Earlier<'a> {
    entries: HashMap<EntryPath, &'a Entry>,
    /// Entries that are said not to be reusable.
    pub lost: Vec<EntryPath>,
}

impl<'a> Earlier<'a> {
    pub fn new(snapshot: Option<&'a Snapshot>) -> Self {
        let entries = snapshot.map(Snapshot::by_path).unwrap_or_default();
        Self { entries, lost: Vec::new() }
    }
}

impl Recorded for Earlier<'_> {
    fn reusable(&mut self, directory: &EntryPath, name: &EntryName) -> bool {
        let path = directory.join(name);
        self.entries.contains_key(&path) && !self.lost.contains(&path)
    }
}

impl Snapshot {
    /// Takes everything that `source` has; streams are read at once, three times at most.
    pub fn take(source: &mut dyn Source, earlier: &mut Earlier<'_>) -> Self {
        let mut taker = Taker { snapshot: Self::default(), open: Vec::new() };
        let mut directory = EntryPath::root();
        while let Some(step) = source.next(earlier).unwrap() {
            match step {
                Step::Enter { name } => {
                    directory.push(&name);
                    taker.enter(name);
                }
                Step::Entry { name, origin } => {
                    let path = directory.join(&name);
                    taker.entry(name, origin, earlier.entries.get(&path).copied());
                }
                Step::Leave { metadata, children_unchanged } => {
                    let before = earlier.entries.get(&directory).copied();
                    taker.leave(metadata, children_unchanged, before);
                    directory.pop();
                }
            }
        }
        assert!(source.next(earlier).unwrap().is_none(), "the end is the end");
        taker.snapshot
    }

    pub fn by_path(&self) -> HashMap<EntryPath, &Entry> {
        let mut entries = HashMap::new();
        self.each(&mut |path, entry| {
            entries.insert(path.clone(), entry);
        });
        entries
    }

    /// Calls `visit` with every entry, directories before what is in them.
    pub fn each<'a>(&'a self, visit: &mut dyn FnMut(&EntryPath, &'a Entry)) {
        let mut directory = EntryPath::root();
        for event in &self.events {
            match event {
                Event::Enter(entry) => {
                    directory.push(&entry.name);
                    visit(&directory, entry);
                }
                Event::Entry(entry) => visit(&directory.join(&entry.name), entry),
                Event::Leave => directory.pop(),
            }
        }
    }

    pub fn paths(&self) -> Vec<String> {
        let mut paths = Vec::new();
        self.each(&mut |path, _| paths.push(path.to_string()));
        paths
    }

    pub fn entry(&self, path: &str) -> Option<&Entry> {
        self.by_path().remove(&EntryPath::parse(path.as_bytes()).unwrap())
    }

    /// The bytes of a file, its holes as zeros.
    pub fn content(&self, file: &File) -> Vec<u8> {
        let mut content = vec![0; usize::try_from(file.size).unwrap()];
        let mut data = file.chunks.nodes.iter().flat_map(|node| &self.contents[&node.id]);
        for extent in data_extents(file.size, &file.holes) {
            for offset in extent.offset..extent.offset + extent.length {
                content[usize::try_from(offset).unwrap()] = *data.next().unwrap();
            }
        }
        assert!(data.next().is_none());
        content
    }
}

struct Taker {
    snapshot: Snapshot,
    /// Per open directory: the number of its event, and whether all so far was recorded.
    open: Vec<(usize, bool)>,
}

impl Taker {
    fn enter(&mut self, name: EntryName) {
        let kind = Kind::Directory(Directory { tree: None, summary: Summary::default() });
        let entry = Entry { name, kind, metadata: Metadata::default(), link_group: None };
        self.open.push((self.snapshot.events.len(), true));
        self.snapshot.events.push(Event::Enter(entry));
    }

    fn leave(&mut self, metadata: Option<Metadata>, unchanged: bool, before: Option<&Entry>) {
        let (number, all_recorded) = self.open.pop().unwrap();
        assert!(all_recorded || !unchanged, "something below is not as it was recorded");
        self.snapshot.unchanged_directories += usize::from(unchanged && metadata.is_none());
        if !unchanged || metadata.is_some() {
            self.not_all_recorded();
        }
        let metadata = metadata.unwrap_or_else(|| before.unwrap().metadata.clone());
        let Event::Enter(entry) = &mut self.snapshot.events[number] else { unreachable!() };
        entry.metadata = metadata;
        self.snapshot.events.push(Event::Leave);
    }

    fn not_all_recorded(&mut self) {
        if let Some((_, all_recorded)) = self.open.last_mut() {
            *all_recorded = false;
        }
    }

    fn entry(&mut self, name: EntryName, origin: Origin, before: Option<&Entry>) {
        if !matches!(origin, Origin::Recorded { .. }) {
            self.not_all_recorded();
        }
        match origin {
            Origin::Recorded { size } => {
                let before = before.unwrap().clone();
                if let Kind::File(file) = &before.kind {
                    assert_eq!(file.size, size);
                }
                self.snapshot.recorded += 1;
                self.snapshot.events.push(Event::Entry(before));
            }
            Origin::Complete(fresh) => {
                let Fresh { kind, metadata, link_group, known } = *fresh;
                self.snapshot.completed += 1;
                self.snapshot.known += usize::from(known);
                let entry = Entry { name, kind, metadata, link_group };
                self.snapshot.events.push(Event::Entry(entry));
            }
            Origin::Stream { mut stream, known } => {
                self.snapshot.streamed += 1;
                self.snapshot.known += usize::from(known);
                match read(stream.as_mut(), &mut || {}, &mut self.snapshot.contents) {
                    Ok((kind, content)) => {
                        let Content { metadata, link_group, .. } = content;
                        let entry = Entry { name, kind, metadata, link_group };
                        self.snapshot.events.push(Event::Entry(entry));
                    }
                    Err(_) => self.snapshot.failed.push(stream.path().clone()),
                }
            }
        }
    }
}

/// Reads a stream as a backup does. `between` runs after the first bytes of each attempt.
pub fn read(
    stream: &mut dyn Stream,
    between: &mut dyn FnMut(),
    contents: &mut HashMap<BlobId, Vec<u8>>,
) -> std::io::Result<(Kind, Content)> {
    for attempt in 1.. {
        let content = stream.begin()?;
        let (mut bytes, mut buffer) = (Vec::new(), vec![0; 10_000]);
        loop {
            let count = stream.read(&mut buffer)?;
            bytes.extend_from_slice(&buffer[..count]);
            between();
            if count == 0 {
                break;
            }
        }
        let reading = match stream.finish()? {
            Verdict::Steady | Verdict::Ended => Reading::Steady,
            Verdict::Grew => Reading::Grew,
            Verdict::Again if attempt < 3 => continue,
            Verdict::Again => Reading::Torn,
        };
        let wanted: u64 = data_extents(content.size, &content.holes).map(|e| e.length).sum();
        bytes.resize(usize::try_from(wanted).unwrap(), 0);
        let mut hasher = FileHasher::new();
        hasher.update(&bytes);
        let hash = Some(hasher.finish(content.size, &content.holes));
        let length = bytes.len() as u64;
        let id = BlobId::new(*blake3::hash(&bytes).as_bytes());
        contents.insert(id, bytes);
        let chunks = ChunkTree { depth: 0, nodes: vec![ChunkRef { id, length }] };
        let holes = content.holes.clone();
        let file = File { size: content.size, hash, holes, chunks, reading };
        return Ok((Kind::File(file), content));
    }
    unreachable!()
}

impl ContentSource for Snapshot {
    fn read(
        &self,
        tree: &ChunkTree,
        sink: &mut dyn FnMut(&[u8]) -> Result<(), TargetError>,
    ) -> Result<(), TargetError> {
        for node in &tree.nodes {
            let missing = || TargetError::Content("the chunk is missing".into());
            let bytes = self.contents.get(&node.id).ok_or_else(missing)?;
            for piece in bytes.chunks(5000) {
                sink(piece)?;
            }
        }
        Ok(())
    }
}

/// Keeps the problems that are reported.
#[derive(Debug, Default)]
pub struct Problems(pub Mutex<Vec<Problem>>);

impl Problems {
    pub fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }

    /// What was reported of one kind: path and reason.
    pub fn of(&self, kind: ProblemKind) -> Vec<(String, String)> {
        let problems = self.0.lock().unwrap();
        let wanted = problems.iter().filter(|problem| problem.kind == kind);
        wanted.map(|problem| (problem.what.clone(), problem.why.clone())).collect()
    }
}

impl Monitor for Problems {
    fn problem(&self, problem: Problem) {
        self.0.lock().unwrap().push(problem);
    }
}

/// What a restore did.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Restored {
    pub absent: usize,
    pub same: usize,
    pub metadata: usize,
    pub different: usize,
    pub linked: usize,
    pub failed: Vec<String>,
}

impl Snapshot {
    /// Restores everything, as a restore that replaces does it: two walks.
    pub fn restore(&self, target: &mut dyn Target) -> Restored {
        let mut restored = Restored::default();
        self.write_entries(target, &mut restored);
        self.finish_entries(target, &mut restored);
        target.sync().unwrap();
        restored
    }

    /// The first walk.
    pub fn write_entries(&self, target: &mut dyn Target, restored: &mut Restored) {
        let mut directory = EntryPath::root();
        for event in &self.events {
            match event {
                Event::Enter(entry) => {
                    target.enter(entry, true).unwrap();
                    directory.push(&entry.name);
                }
                Event::Entry(entry) => {
                    let path = directory.join(&entry.name);
                    if entry.link_group.as_ref().is_none_or(|first| *first == path) {
                        self.write_entry(target.slot(entry).unwrap().as_mut(), &path, restored);
                    }
                }
                Event::Leave => {
                    target.leave();
                    directory.pop();
                }
            }
        }
    }

    fn write_entry(&self, slot: &mut dyn Slot, path: &EntryPath, restored: &mut Restored) {
        let written = slot.compare().and_then(|presence| match presence {
            Presence::Absent => {
                restored.absent += 1;
                slot.write(self)
            }
            Presence::Differs { .. } => {
                restored.different += 1;
                slot.write(self)
            }
            Presence::MetadataDiffers { .. } => {
                restored.metadata += 1;
                slot.write_metadata(self)
            }
            Presence::Same => {
                restored.same += 1;
                Ok(())
            }
        });
        if let Err(error) = written {
            restored.failed.push(format!("{path}: {error}"));
        }
    }

    /// The second walk.
    pub fn finish_entries(&self, target: &mut dyn Target, restored: &mut Restored) {
        let (mut directory, mut open) = (EntryPath::root(), Vec::new());
        for event in &self.events {
            match event {
                Event::Enter(entry) => {
                    target.enter(entry, true).unwrap();
                    open.push(entry);
                    directory.push(&entry.name);
                }
                Event::Entry(entry) => {
                    let path = directory.join(&entry.name);
                    if let Some(first) = entry.link_group.as_ref().filter(|first| **first != path) {
                        match target.slot(entry).unwrap().link(first, self) {
                            Ok(()) => restored.linked += 1,
                            Err(error) => restored.failed.push(format!("{path}: {error}")),
                        }
                    }
                }
                Event::Leave => {
                    target.finish(open.pop().unwrap(), self).unwrap();
                    target.leave();
                    directory.pop();
                }
            }
        }
    }
}
