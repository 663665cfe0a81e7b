//! Saves one collection: from what changed since the last snapshot, or from all its documents.

use super::compare::Comparing;
use super::from_log::{Renewed, is_little};
use super::growing::Growing;
use super::{DatabaseSaver, SaveFailure, Saving, consistency};
use crate::codec::{Elements, document_key};
use crate::model::{
    ClusterTime, Collection, CollectionKind, Counter, DocumentTree, Documents, ProblemKind,
    escape_name,
};
use crate::mongo::{MongoError, Namespace, NamespaceKind, Order, Scan, ScanOptions};
use crate::ops::backup::pool::ChunkResults;
use crate::repo::{ChunkTreeWriter, RepoError, Sealing};
use jiff::Timestamp;

/// Cursors open at one time. More would only take turns on the server's disk.
const SESSIONS: usize = 4;
/// Options and indexes of a collection, together; an entry has its bound.
const LARGEST_DESCRIPTION: usize = 1 << 20;

/// Documents as they were saved.
struct Saved {
    content: Documents,
    count: u64,
    size: u64,
    /// When all were last read, if that was not now.
    scanned: Option<Timestamp>,
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
        let Saved { content, count, size, scanned } = saved;
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
            log_entry: saving.log_entry.filter(|_| at.is_some()),
            scanned,
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

    /// Documents in the order of their keys: from the log where that tells what was touched, else
    /// all are read, and compared with those of the last snapshot.
    fn tree(
        &mut self,
        saving: &Saving<'_>,
        namespace: &Namespace,
        at: Option<ClusterTime>,
        order: Order,
    ) -> Result<Saved, SaveFailure> {
        let name = escape_name(&namespace.name).map_err(|_| SaveFailure::NoOrder)?;
        let known = saving.previous.of(saving.database, namespace, &name);
        let known = known.and_then(|known| match &known.collection.content {
            Documents::Tree(tree) => Some((known, tree)),
            Documents::Stream(_) => None,
        });
        let Some((known, tree)) = known else {
            return self.first(saving, namespace, at, order);
        };
        let touched = match is_logged(saving.database) {
            true => saving.previous.touched(namespace.uuid, at),
            false => None,
        };
        let is_due = self.proved_since.is_some_and(|since| known.scanned < since);
        match (touched, at) {
            (Some(touched), Some(at)) if !is_due && is_little(touched, &known.collection) => {
                let renewed = self.looked_up(saving, namespace, at, (known, tree), touched)?;
                Ok(Saved::new(renewed, Some(known.scanned)))
            }
            _ => {
                let mut scan = self.scan(saving, namespace, at, order)?;
                let ranges = self.known.document_ranges(tree)?;
                let mut comparing = Comparing::new(self, (known, tree), &ranges, touched);
                let (count, size) = self.each_document(&mut scan, |saver, key, document| {
                    comparing.document(key, document, saver)
                })?;
                let (tree, unexplained) = comparing.finish(self)?;
                let renewed = Renewed { tree, count, size };
                self.tell_unexplained(saving, namespace, &renewed, unexplained);
                Ok(Saved::new(renewed, None))
            }
        }
    }

    /// A collection that no snapshot has.
    fn first(
        &mut self,
        saving: &Saving<'_>,
        namespace: &Namespace,
        at: Option<ClusterTime>,
        order: Order,
    ) -> Result<Saved, SaveFailure> {
        let mut scan = self.scan(saving, namespace, at, order)?;
        let mut growing = Growing::new(self.session);
        let (count, size) = self.each_document(&mut scan, |saver, key, document| {
            growing.add(key, Some(document), saver)
        })?;
        let tree = DocumentTree::of(growing.finish(self)?);
        Ok(Saved::new(Renewed { tree, count, size }, None))
    }

    /// Gives every document with its key; returns how many there are, and their bytes.
    fn each_document(
        &mut self,
        scan: &mut Scan,
        mut each: impl FnMut(&mut Self, Vec<u8>, &[u8]) -> Result<(), SaveFailure>,
    ) -> Result<(u64, u64), SaveFailure> {
        let mut last = Vec::new();
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
                each(self, key, document)?;
                (count, size) = (count + 1, size + document.len() as u64);
            }
            self.go_on(size - before)?;
        }
        Ok((count, size))
    }

    /// Counts, and looks whether to stop.
    pub(super) fn go_on(&self, bytes: u64) -> Result<(), RepoError> {
        self.helping.monitor().add(Counter::BytesProcessed, bytes);
        self.session.sign_of_life()?;
        self.helping.check()
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
        if at.is_none() && saving.at.is_some() {
            still_is(saving, namespace)?;
        }
        let chunks = writer.finish(&mut self.reader.sink())?;
        Ok(Saved { content: Documents::Stream(chunks), count, size, scanned: None })
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
            self.chunk(&waiting[start..start + length], Sealing::Together, results)?;
            start += length;
        }
        waiting.drain(..start);
        Ok(())
    }
}

/// What is read by its name alone may be another collection by now, or none, which looks empty.
fn still_is(saving: &Saving<'_>, namespace: &Namespace) -> Result<(), SaveFailure> {
    let now = saving.source.connection.catalog(saving.database, None)?.namespaces;
    let is_it = |now: &Namespace| now.name == namespace.name && now.uuid == namespace.uuid;
    match now.iter().any(is_it) {
        true => Ok(()),
        false => Err(MongoError::Absent { what: saving.shown(namespace) }.into()),
    }
}

impl Saved {
    fn new(renewed: Renewed, scanned: Option<Timestamp>) -> Self {
        let Renewed { tree, count, size } = renewed;
        Self { content: Documents::Tree(tree), count, size, scanned }
    }
}

/// Whether the log tells of every change there. Of the server's own affairs it does not.
fn is_logged(database: &str) -> bool {
    !matches!(database, "admin" | "config" | "local")
}

/// The key of a document.
fn key(document: &[u8]) -> Result<Vec<u8>, SaveFailure> {
    let id = Elements::new(document).and_then(|elements| elements.find(b"_id"));
    match id {
        Ok(Some(id)) => document_key(&id).map_err(|_| SaveFailure::NoOrder),
        _ => Err(SaveFailure::NoOrder),
    }
}
