//! Saves one collection: its documents become leaves, which other workers store.

use super::{DatabaseSaver, SaveFailure, Saving, consistency};
use crate::codec::{BlobClass, Elements, document_key};
use crate::model::{
    ChunkRef, ChunkTree, ClusterTime, Collection, CollectionKind, Counter, DocumentTree, Documents,
    ProblemKind,
};
use crate::mongo::{Namespace, NamespaceKind, Order, Scan, ScanOptions};
use crate::ops::backup::pool::ChunkResults;
use crate::repo::{ChunkTreeWriter, CutDocuments, DocumentTreeWriter, LeafCutter, RepoError};
use std::collections::VecDeque;

/// Cursors open at one time. More would only take turns on the server's disk.
const SESSIONS: usize = 4;
/// Options and indexes of a collection, together; an entry has its bound.
const LARGEST_DESCRIPTION: usize = 1 << 20;

/// Documents as they were saved.
struct Saved {
    content: Documents,
    count: u64,
    size: u64,
}

/// A tree of documents that is being saved: leaves may be on their way to the repository.
struct Leaves {
    tree: DocumentTreeWriter,
    results: ChunkResults,
    /// The last key and count of each leaf in `results`.
    described: VecDeque<(Vec<u8>, u64)>,
}

impl DatabaseSaver<'_> {
    pub(super) fn collection(
        &mut self,
        saving: &Saving<'_>,
        namespace: &Namespace,
    ) -> Result<Collection, SaveFailure> {
        let description: usize =
            namespace.options.len() + namespace.indexes.iter().map(Vec::len).sum::<usize>();
        if description > LARGEST_DESCRIPTION {
            let why = "its options and indexes are described by more than 1 MiB".to_string();
            return Err(crate::mongo::MongoError::Refused(why).into());
        }
        let is_capped = namespace.is_capped();
        let has_snapshots = saving.source.connection.server().has_capped_snapshots();
        let at = saving.at.filter(|_| !is_capped || has_snapshots);
        if is_capped && at.is_none() && saving.at.is_some() {
            let why = "a capped collection cannot be read at one moment before server 8.0: it was \
                 read while others wrote";
            self.tell(ProblemKind::Note, saving.shown(namespace), why);
        }
        let order = namespace.order().unwrap_or(Order::Natural);
        let saved = match order {
            Order::Natural => self.stream(saving, namespace, at),
            _ => match self.tree(saving, namespace, at, order) {
                Err(SaveFailure::NoOrder) => self.stream(saving, namespace, at),
                saved => saved,
            },
        }?;
        let kind = match namespace.kind {
            NamespaceKind::TimeSeries(_) => CollectionKind::TimeSeries,
            _ => CollectionKind::Ordinary,
        };
        let Saved { content, count, size } = saved;
        Ok(Collection {
            kind,
            options: namespace.options.clone(),
            uuid: namespace.uuid,
            indexes: namespace.indexes.clone(),
            content,
            count,
            size,
            consistency: consistency(at),
            moment: at,
            log_entry: None,
            scanned: None,
        })
    }

    fn scan(
        &self,
        saving: &Saving<'_>,
        namespace: &Namespace,
        at: Option<ClusterTime>,
        order: Order,
    ) -> Result<Scan, SaveFailure> {
        let options = ScanOptions {
            database: saving.database.to_string(),
            name: namespace.data_name(),
            order,
            at,
            sessions: SESSIONS,
        };
        Ok(saving.source.connection.scan(options)?)
    }

    fn tree(
        &mut self,
        saving: &Saving<'_>,
        namespace: &Namespace,
        at: Option<ClusterTime>,
        order: Order,
    ) -> Result<Saved, SaveFailure> {
        let mut scan = self.scan(saving, namespace, at, order)?;
        let session = self.session;
        let mut cutter = LeafCutter::new(session.repository());
        let mut leaves = Leaves::new();
        let (mut cut, mut last) = (Vec::new(), Vec::new());
        let (mut count, mut size) = (0, 0);
        while let Some(batch) = scan.next_batch()? {
            let before = size;
            for document in batch.documents()? {
                let document = document?;
                let key = key(document)?;
                // The id MaxKey may be met twice, and, where others write, any id.
                if key == last {
                    continue;
                }
                last.clone_from(&key);
                cutter.push(key, document, &mut cut).map_err(|_| SaveFailure::NoOrder)?;
                (count, size) = (count + 1, size + document.len() as u64);
                for documents in cut.drain(..) {
                    self.store(documents, &mut leaves)?;
                }
            }
            self.go_on(size - before)?;
        }
        if let Some(documents) = cutter.end() {
            self.store(documents, &mut leaves)?;
        }
        self.settle(&mut leaves)?;
        let tree = leaves.tree.finish(&mut self.reader.sink())?;
        Ok(Saved { content: Documents::Tree(DocumentTree::of(tree)), count, size })
    }

    /// Counts, and looks whether to stop.
    fn go_on(&self, bytes: u64) -> Result<(), RepoError> {
        self.helping.monitor().add(Counter::BytesProcessed, bytes);
        self.session.sign_of_life()?;
        self.helping.check()
    }

    fn store(&mut self, documents: CutDocuments, leaves: &mut Leaves) -> Result<(), RepoError> {
        match documents {
            CutDocuments::Leaf { last, count, plain } => {
                leaves.described.push_back((last, count));
                self.chunk(&plain, &mut leaves.results)?;
                while let Some(chunk) = leaves.results.take_ready()? {
                    leaves.add(chunk, self)?;
                }
                Ok(())
            }
            CutDocuments::Large { key, document } => {
                self.settle(leaves)?;
                let chunks = self.large(&document)?;
                leaves.tree.large(key, chunks, &mut self.reader.sink())
            }
        }
    }

    /// Has a blob stored, by whoever has time.
    fn chunk(&mut self, plain: &[u8], results: &mut ChunkResults) -> Result<(), RepoError> {
        if !self.helping.offer(results, plain) {
            let id = self.session.save(BlobClass::Data, plain, &mut self.reader.compressor)?;
            results.push_done(ChunkRef { id, length: plain.len() as u64 });
        }
        Ok(())
    }

    /// Waits for all leaves that are on their way.
    fn settle(&mut self, leaves: &mut Leaves) -> Result<(), RepoError> {
        loop {
            let (helping, reader) = (self.helping, &mut self.reader);
            match leaves.results.wait_next(|| helping.help(reader))? {
                Some(chunk) => leaves.add(chunk, self)?,
                None => return Ok(()),
            }
        }
    }

    fn large(&mut self, document: &[u8]) -> Result<ChunkTree, RepoError> {
        let mut writer = ChunkTreeWriter::new();
        let mut rest = document;
        while !rest.is_empty() {
            let (chunk, behind) = rest.split_at(self.session.repository().chunker().cut(rest));
            rest = behind;
            let id = self.session.save(BlobClass::Data, chunk, &mut self.reader.compressor)?;
            let chunk = ChunkRef { id, length: chunk.len() as u64 };
            writer.push(chunk, &mut self.reader.sink())?;
        }
        writer.finish(&mut self.reader.sink())
    }

    /// Documents end to end in natural order, cut like a file.
    fn stream(
        &mut self,
        saving: &Saving<'_>,
        namespace: &Namespace,
        at: Option<ClusterTime>,
    ) -> Result<Saved, SaveFailure> {
        let mut scan = self.scan(saving, namespace, at, Order::Natural)?;
        let largest = self.session.repository().chunker().parameters().largest() as usize;
        let (mut waiting, mut results) = (Vec::new(), ChunkResults::new());
        let mut writer = ChunkTreeWriter::new();
        let (mut count, mut size) = (0, 0);
        while let Some(batch) = scan.next_batch()? {
            let before = size;
            for document in batch.documents()? {
                let document = document?;
                waiting.extend_from_slice(document);
                (count, size) = (count + 1, size + document.len() as u64);
            }
            self.cut(&mut waiting, largest, &mut results)?;
            while let Some(chunk) = results.take_ready()? {
                writer.push(chunk, &mut self.reader.sink())?;
            }
            self.go_on(size - before)?;
        }
        self.cut(&mut waiting, 1, &mut results)?;
        loop {
            let (helping, reader) = (self.helping, &mut self.reader);
            match results.wait_next(|| helping.help(reader))? {
                Some(chunk) => writer.push(chunk, &mut self.reader.sink())?,
                None => break,
            }
        }
        let chunks = writer.finish(&mut self.reader.sink())?;
        Ok(Saved { content: Documents::Stream(chunks), count, size })
    }

    /// Cuts chunks off while at least `least` bytes wait.
    fn cut(
        &mut self,
        waiting: &mut Vec<u8>,
        least: usize,
        results: &mut ChunkResults,
    ) -> Result<(), RepoError> {
        let mut start = 0;
        while waiting.len() - start >= least {
            let length = self.session.repository().chunker().cut(&waiting[start..]);
            self.chunk(&waiting[start..start + length], results)?;
            start += length;
        }
        waiting.drain(..start);
        Ok(())
    }
}

impl Leaves {
    fn new() -> Self {
        let (tree, results) = (DocumentTreeWriter::new(), ChunkResults::new());
        Self { tree, results, described: VecDeque::new() }
    }

    fn add(&mut self, chunk: ChunkRef, saver: &mut DatabaseSaver<'_>) -> Result<(), RepoError> {
        let Some((last, count)) = self.described.pop_front() else { return Ok(()) };
        self.tree.leaf(last, count, chunk.id, &mut saver.reader.sink())
    }
}

/// The key of a document.
fn key(document: &[u8]) -> Result<Vec<u8>, SaveFailure> {
    let id = Elements::new(document).and_then(|elements| elements.find(b"_id"));
    match id {
        Ok(Some(id)) => document_key(&id).map_err(|_| SaveFailure::NoOrder),
        _ => Err(SaveFailure::NoOrder),
    }
}
