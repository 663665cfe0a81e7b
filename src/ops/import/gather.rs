//! Documents on their way into a snapshot: sorted by key, cut into leaves, stored.

use super::metadata::{DescribedKind, Description};
use super::{ImportError, ImportOptions};
use crate::codec::{BlobClass, Compressor, Elements, document_key};
use crate::model::{
    ChunkRef, ChunkTree, Collection, CollectionKind, Consistency, Counter, DocumentTree, Documents,
    Entry, EntryName, Kind, Metadata, Monitor, Problem, ProblemKind, escape_name,
};
use crate::ops::sorter::{Sorted, Sorter};
use crate::repo::{
    ChunkTreeWriter, CutDocuments, DocumentTreeWriter, LeafCutter, RepoError, Sealing, Session,
    TreeSink,
};
use std::collections::BTreeMap;
use std::path::Path;

/// Bytes of documents that wait in memory to be sorted.
const BUDGET: usize = 64 << 20;

/// The entries of databases, by the names that they have in trees.
pub type Gathered = BTreeMap<EntryName, (String, BTreeMap<EntryName, Entry>)>;

/// Takes collections, and keeps their entries until all are known.
pub struct Gatherer<'a> {
    session: &'a Session,
    pub monitor: &'a dyn Monitor,
    options: &'a ImportOptions,
    /// What is read, for messages.
    path: &'a Path,
    compressor: Compressor,
    gathered: Gathered,
}

/// Documents of one collection, as far as they have come.
pub struct Intake {
    sorter: Sorter,
    is_natural: bool,
    /// A document has no usable key: they are kept in the order in which they came.
    is_keyless: bool,
}

struct Saved {
    content: Documents,
    count: u64,
    size: u64,
}

impl<'a> Gatherer<'a> {
    pub fn new(
        session: &'a Session,
        options: &'a ImportOptions,
        path: &'a Path,
        monitor: &'a dyn Monitor,
    ) -> Result<Self, RepoError> {
        let compressor = session.repository().compressor()?;
        Ok(Self { session, monitor, options, path, compressor, gathered: Gathered::new() })
    }

    pub fn finish(self) -> Gathered {
        self.gathered
    }

    pub fn intake(&self, is_natural: bool) -> Intake {
        let sorter = Sorter::new(&self.options.scratch, BUDGET);
        Intake { sorter, is_natural, is_keyless: false }
    }

    pub fn tell(&self, kind: ProblemKind, what: String, why: &str) {
        self.monitor.problem(Problem { kind, what, why: why.to_string() });
    }

    /// Takes a document.
    pub fn push(&self, intake: &mut Intake, document: &[u8]) -> Result<(), ImportError> {
        let key = match intake.is_natural {
            true => Vec::new(),
            false => key(document).unwrap_or_else(|| {
                intake.is_keyless = true;
                Vec::new()
            }),
        };
        intake.sorter.push(key, document.to_vec())?;
        self.go_on(document.len() as u64)
    }

    fn go_on(&self, bytes: u64) -> Result<(), ImportError> {
        self.monitor.add(Counter::BytesProcessed, bytes);
        if self.monitor.stopped() {
            return Err(ImportError::Stopped);
        }
        Ok(self.session.sign_of_life()?)
    }

    pub fn view(
        &mut self,
        database: &str,
        name: &str,
        description: Description,
    ) -> Result<(), ImportError> {
        self.insert(database, name, Kind::View { options: description.options })
    }

    /// Stores a collection whose documents have all come.
    pub fn collection(
        &mut self,
        database: &str,
        name: &str,
        description: Description,
        intake: Intake,
    ) -> Result<(), ImportError> {
        let shown = format!("{database}.{name}");
        self.monitor.current(&shown);
        self.monitor.add(Counter::EntriesProcessed, 1);
        let Intake { sorter, is_natural, is_keyless } = intake;
        if is_keyless {
            let why = "it has documents without a usable _id: they are kept in the order in which \
                 they came";
            self.tell(ProblemKind::Note, shown.clone(), why);
        }
        let Saved { content, count, size } = match (is_natural, is_keyless) {
            (false, false) => self.tree(sorter, &shown)?,
            (true, _) => self.stream(sorter)?,
            (false, true) => self.stream(sorter.by_number()?)?,
        };
        let Description { kind, options, indexes, uuid, .. } = description;
        let kind = match kind {
            DescribedKind::TimeSeries => CollectionKind::TimeSeries,
            _ => CollectionKind::Ordinary,
        };
        let consistency = Consistency::Fuzzy;
        let collection = Collection {
            kind,
            options,
            uuid,
            indexes,
            content,
            count,
            size,
            consistency,
            ..Collection::default()
        };
        self.insert(database, name, Kind::Collection(Box::new(collection)))
    }

    fn insert(&mut self, database: &str, name: &str, kind: Kind) -> Result<(), ImportError> {
        let usable = |name: &str| {
            let unusable = |error| ImportError::broken(self.path, error);
            escape_name(name).map_err(unusable)
        };
        let (place, name) = (usable(database)?, usable(name)?);
        let entry =
            Entry { name: name.clone(), kind, metadata: Metadata::default(), link_group: None };
        let (_, collections) =
            self.gathered.entry(place).or_insert_with(|| (database.to_string(), BTreeMap::new()));
        match collections.insert(name, entry) {
            None => Ok(()),
            Some(double) => {
                let why = format!("the collection {database}.{} is in it twice", double.name);
                Err(ImportError::broken(self.path, why))
            }
        }
    }

    fn tree(&mut self, sorter: Sorter, shown: &str) -> Result<Saved, ImportError> {
        let session = self.session;
        let mut cutter = LeafCutter::new(session.repository());
        let mut tree = DocumentTreeWriter::new();
        let (mut count, mut size, mut doubles) = (0, 0, 0_u64);
        let mut cut = Vec::new();
        let mut sorted = sorter.finish()?.peekable();
        while let Some(one) = sorted.next() {
            let Sorted { key, document, .. } = one?;
            // Met twice while others wrote: the later one counts.
            if let Some(Ok(next)) = sorted.peek()
                && next.key == key
            {
                doubles += u64::from(next.document != document);
                continue;
            }
            (count, size) = (count + 1, size + document.len() as u64);
            let pushed = cutter.push(key, &document, &mut cut);
            pushed.map_err(|error| ImportError::broken(self.path, error))?;
            for documents in cut.drain(..) {
                self.store(documents, &mut tree)?;
                self.go_on(0)?;
            }
        }
        if let Some(documents) = cutter.end() {
            self.store(documents, &mut tree)?;
        }
        if doubles > 0 {
            let why =
                format!("{doubles} of its documents came twice and differ: the later is kept");
            self.tell(ProblemKind::Note, shown.to_string(), &why);
        }
        let root = tree.finish(&mut self.sink())?;
        Ok(Saved { content: Documents::Tree(DocumentTree::of(root)), count, size })
    }

    fn sink(&mut self) -> TreeSink<'_> {
        TreeSink { session: self.session, compressor: &mut self.compressor }
    }

    fn store(
        &mut self,
        documents: CutDocuments,
        tree: &mut DocumentTreeWriter,
    ) -> Result<(), RepoError> {
        match documents {
            CutDocuments::Leaf { last, count, plain } => {
                let (class, sealing) = (BlobClass::Data, Sealing::Alone);
                let compressor = &mut self.compressor;
                let id = self.session.save_sealing(class, sealing, &plain, compressor)?;
                tree.leaf(last, count, id, &mut self.sink())
            }
            CutDocuments::Large { key, document } => {
                let mut chunks = ChunkTreeWriter::new();
                self.chunks(&document, 1, &mut chunks)?;
                let chunks: ChunkTree = chunks.finish(&mut self.sink())?;
                tree.large(key, chunks, &mut self.sink())
            }
        }
    }

    /// Stores chunks while at least `least` bytes are left; returns how many bytes were taken.
    fn chunks(
        &mut self,
        bytes: &[u8],
        least: usize,
        writer: &mut ChunkTreeWriter,
    ) -> Result<usize, RepoError> {
        let mut taken = 0;
        while let Some(rest) = bytes.get(taken..).filter(|rest| rest.len() >= least) {
            let length = self.session.repository().chunker().cut(rest);
            let chunk = rest.get(..length).unwrap_or(rest);
            let id = self.session.save(BlobClass::Data, chunk, &mut self.compressor)?;
            writer.push(ChunkRef { id, length: chunk.len() as u64 }, &mut self.sink())?;
            taken += chunk.len();
        }
        Ok(taken)
    }

    /// End to end, in the order of the keys that the sorter was given.
    fn stream(&mut self, sorter: Sorter) -> Result<Saved, ImportError> {
        let largest = self.session.repository().chunker().parameters().largest() as usize;
        let mut writer = ChunkTreeWriter::new();
        let mut waiting = Vec::new();
        let (mut count, mut size) = (0, 0);
        for one in sorter.finish()? {
            let document = one?.document;
            (count, size) = (count + 1, size + document.len() as u64);
            waiting.extend_from_slice(&document);
            let taken = self.chunks(&waiting, largest, &mut writer)?;
            waiting.drain(..taken);
        }
        self.chunks(&waiting, 1, &mut writer)?;
        let chunks = writer.finish(&mut self.sink())?;
        Ok(Saved { content: Documents::Stream(chunks), count, size })
    }
}

impl Intake {
    /// Bytes of memory that wait here.
    pub fn held(&self) -> usize {
        self.sorter.held()
    }

    /// Makes room in memory.
    pub fn spill(&mut self) -> Result<(), ImportError> {
        Ok(self.sorter.spill()?)
    }
}

/// The key of a document; `None` if it has no usable `_id`.
fn key(document: &[u8]) -> Option<Vec<u8>> {
    let id = Elements::new(document).and_then(|elements| elements.find(b"_id")).ok()??;
    document_key(&id).ok()
}
