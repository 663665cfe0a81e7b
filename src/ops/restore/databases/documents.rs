//! Goes through the documents of a collection of a snapshot.

use super::plan::Planned;
use super::selection::Selection;
use super::{DatabaseRestoreError, DatabaseRestoreOptions};
use crate::codec::BlobClass;
use crate::format::{LARGEST_DOCUMENT, documents};
use crate::model::{ChunkTree, Collection, DocumentTree, Documents, Monitor};
use crate::ops::restore::content::Blamed;
use crate::repo::{BlobReader, DocumentPart, RepoError};
use crossbeam_channel::bounded;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Documents of a stream that go together, in bytes.
const TOGETHER: usize = 4 << 20;

/// The documents that are wanted of one collection.
pub struct DocumentWalk<'a> {
    pub reader: &'a BlobReader,
    pub monitor: &'a dyn Monitor,
    pub blamed: &'a Blamed,
    pub selection: &'a Selection,
    /// `database.collection` in the snapshot.
    pub name: String,
    /// Threads that may take documents at one time; 1 gives them in order.
    pub workers: usize,
    pub seen: Seen,
}

/// What a walk has come by so far.
#[derive(Default)]
pub struct Seen {
    documents: AtomicU64,
    bytes: AtomicU64,
    /// Something could not be read, or who takes had enough.
    is_part: AtomicBool,
}

/// What a walk comes by.
pub enum Met<'a> {
    Documents(&'a [&'a [u8]]),
    /// This many documents (0: unknown) cannot be read.
    Unreadable {
        count: u64,
        why: String,
    },
}

/// Takes what is met; false ends the walk.
pub type Taking<'a> = &'a (dyn Fn(Met<'_>) -> bool + Sync);

/// The first error of several threads.
#[derive(Default)]
pub struct FirstError(Mutex<Option<DatabaseRestoreError>>);

impl FirstError {
    pub fn set(&self, error: impl Into<DatabaseRestoreError>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error.into());
    }

    pub fn is_set(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// It, or else what the walk ended with.
    pub fn or<T>(self, walked: Result<T, DatabaseRestoreError>) -> Result<T, DatabaseRestoreError> {
        match self.0.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some(error) => Err(error),
            None => walked,
        }
    }
}

impl<'a> DocumentWalk<'a> {
    /// A walk of what is planned for one collection.
    pub fn of(
        reader: &'a BlobReader,
        planned: &Planned,
        options: &'a DatabaseRestoreOptions,
        monitor: &'a dyn Monitor,
        blamed: &'a Blamed,
    ) -> Self {
        let (selection, workers) = (&options.selection, options.workers(reader));
        let (name, seen) = (planned.from(), Seen::default());
        Self { reader, monitor, blamed, selection, name, workers, seen }
    }
}

impl DocumentWalk<'_> {
    /// Documents that are damaged are met as such, also where all that can be read are not as many
    /// as the collection says; other errors end the walk. To be called once.
    pub fn run(
        &self,
        collection: &Collection,
        take: Taking<'_>,
    ) -> Result<(), DatabaseRestoreError> {
        match &collection.content {
            Documents::Tree(tree) => self.tree(tree, take)?,
            Documents::Stream(chunks) => self.stream(chunks, take)?,
        }
        let Seen { documents, bytes, is_part } = &self.seen;
        if is_part.load(Ordering::Relaxed) || !self.selection.is_all() {
            return Ok(());
        }
        let (documents, bytes) = (documents.load(Ordering::Relaxed), bytes.load(Ordering::Relaxed));
        if let Some(why) = collection.miscounted(documents, bytes) {
            self.unreadable(&RepoError::Damaged { name: self.name.clone(), why }, 0, take);
        }
        Ok(())
    }

    fn tree(&self, tree: &DocumentTree, take: Taking<'_>) -> Result<(), DatabaseRestoreError> {
        let failed = FirstError::default();
        let work = |part: &DocumentPart| {
            if !failed.is_set()
                && let Err(error) = self.part(part, take)
            {
                failed.set(error);
            }
        };
        let parts = self.reader.document_parts(tree)?.only(self.selection.ids());
        std::thread::scope(|scope| {
            let (sender, queue) = bounded::<DocumentPart>(2 * self.workers);
            if self.workers > 1 {
                for _ in 0..self.workers {
                    let (queue, work) = (queue.clone(), &work);
                    scope.spawn(move || queue.into_iter().for_each(|part| work(&part)));
                }
            }
            for part in parts {
                if failed.is_set() || self.monitor.stopped() {
                    break;
                }
                match part {
                    // The workers end only after the sender is gone.
                    Ok(part) if self.workers > 1 => drop(sender.send(part)),
                    Ok(part) => work(&part),
                    Err(error) if error.is_damage() => drop(self.unreadable(&error, 0, take)),
                    Err(error) => failed.set(error),
                }
            }
        });
        failed.or(match self.monitor.stopped() {
            true => Err(RepoError::Stopped.into()),
            false => Ok(()),
        })
    }

    fn part(&self, part: &DocumentPart, take: Taking<'_>) -> Result<(), RepoError> {
        let goes_on = match self.reader.documents(part) {
            Ok(bytes) => self.show(&bytes, take),
            Err(error) if error.is_damage() => self.unreadable(&error, part.count(), take),
            Err(error) => return Err(error),
        };
        if goes_on { Ok(()) } else { Err(RepoError::Stopped) }
    }

    fn unreadable(&self, error: &RepoError, count: u64, take: Taking<'_>) -> bool {
        self.blamed.note(error);
        self.seen.is_part.store(true, Ordering::Relaxed);
        take(Met::Unreadable { count, why: error.to_string() })
    }

    /// Documents that lie end to end.
    fn show(&self, bytes: &[u8], take: Taking<'_>) -> bool {
        let split: Result<Vec<&[u8]>, _> = documents(bytes).collect();
        let mut split = match split {
            Ok(split) => split,
            Err(error) => {
                self.seen.is_part.store(true, Ordering::Relaxed);
                return take(Met::Unreadable { count: 0, why: error.to_string() });
            }
        };
        self.seen.documents.fetch_add(split.len() as u64, Ordering::Relaxed);
        self.seen.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        split.retain(|document| self.selection.wants(document));
        let goes_on = split.is_empty() || take(Met::Documents(&split));
        if !goes_on {
            self.seen.is_part.store(true, Ordering::Relaxed);
        }
        goes_on
    }

    /// In order, on this thread: what a capped collection holds is known by its order.
    fn stream(&self, chunks: &ChunkTree, take: Taking<'_>) -> Result<(), RepoError> {
        let mut waiting = Vec::new();
        let read = self.reader.each_chunk(chunks, &mut |chunk| {
            let plain = self.reader.read(BlobClass::Data, &chunk.id)?;
            waiting.extend_from_slice(&plain);
            let mut goes_on = true;
            if waiting.len() >= TOGETHER {
                let whole = whole_documents(&waiting);
                if whole == 0 && waiting.len() > LARGEST_DOCUMENT {
                    return Err(RepoError::Damaged {
                        name: self.name.clone(),
                        why: "a document is not as long as it says".to_string(),
                    });
                }
                goes_on = self.show(&waiting[..whole], take);
                waiting.drain(..whole);
            }
            match goes_on && !self.monitor.stopped() {
                true => Ok(()),
                false => Err(RepoError::Stopped),
            }
        });
        match read {
            Ok(()) => drop(self.show(&waiting, take)),
            Err(error) if error.is_damage() => drop(self.unreadable(&error, 0, take)),
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

/// How many of the bytes are whole documents.
fn whole_documents(bytes: &[u8]) -> usize {
    let mut whole = 0;
    for document in documents(bytes) {
        match document {
            Ok(document) => whole += document.len(),
            Err(_) => break,
        }
    }
    whole
}
