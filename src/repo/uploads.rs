//! Puts finished packs, on a thread of its own where there are several workers, and writes them
//! into the index.

use super::RepoError;
use super::buffers::Buffers;
use super::packer::{FinishedPack, OpenPack};
use super::repository::{Repository, object_name};
use crate::codec::BlobClass;
use crate::format::{self, Index, IndexedPack};
use crate::model::{Counter, Monitor, SessionId};
use crate::storage::Storage;
use crossbeam_channel::{Receiver, Sender, bounded};
use jiff::Timestamp;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// An index object is put at least every so many packs or blobs, or so often, so that a killed first
/// backup or copy loses little, and leaves little that only a prune takes away.
const PACKS_AN_INDEX: usize = 16;
const BLOBS_AN_INDEX: usize = 100_000;
const SECONDS_AN_INDEX: i64 = 30;

/// The way of packs into storage.
pub(super) struct Uploads {
    shared: Arc<Shared>,
    thread: Mutex<Option<Running>>,
}

struct Running {
    packs: Sender<FinishedPack>,
    handle: JoinHandle<()>,
}

struct Shared {
    repository: Arc<Repository>,
    /// Names its temporary files by the session.
    storage: Arc<dyn Storage>,
    session: SessionId,
    monitor: Arc<dyn Monitor>,
    buffers: Buffers,
    state: Mutex<State>,
}

struct State {
    /// Stored, but in no index object yet.
    waiting: Vec<IndexedPack>,
    last_index: Timestamp,
    failure: Option<RepoError>,
}

impl Uploads {
    pub(super) fn new(
        repository: Arc<Repository>,
        session: SessionId,
        monitor: Arc<dyn Monitor>,
    ) -> Self {
        let last_index = repository.clock().now();
        let storage = repository.storage();
        let storage = storage.for_session(&session).unwrap_or_else(|| Arc::clone(storage));
        let state = Mutex::new(State { waiting: Vec::new(), last_index, failure: None });
        let buffers = Buffers::default();
        Self {
            shared: Arc::new(Shared { repository, storage, session, monitor, buffers, state }),
            thread: Mutex::new(None),
        }
    }

    /// A pack that is empty.
    pub(super) fn open_pack(&self, class: BlobClass) -> OpenPack {
        OpenPack::in_buffer(class, self.shared.buffers.take())
    }

    /// Stores a pack; with several workers perhaps later. An error of an earlier pack is
    /// reported here.
    pub(super) fn put(&self, pack: OpenPack) -> Result<(), RepoError> {
        let Shared { repository, session, buffers, .. } = &*self.shared;
        let (pack, gathered) = pack.finish(repository, *session, buffers.take())?;
        buffers.give(gathered);
        if self.shared.repository.workers() == 1 {
            return self.shared.put(pack);
        }
        let packs = {
            let mut thread = lock(&self.thread);
            thread.get_or_insert_with(|| self.start()).packs.clone()
        };
        self.shared.take_failure()?;
        // The thread ends only when all senders are gone.
        packs.send(pack).map_err(|_| RepoError::Earlier("the upload thread is gone".to_string()))
    }

    fn start(&self) -> Running {
        let (packs, queue) = bounded::<FinishedPack>(1);
        let shared = Arc::clone(&self.shared);
        let handle = std::thread::spawn(move || shared.serve(&queue));
        Running { packs, handle }
    }

    /// Waits for all packs and puts the last index object.
    pub(super) fn finish(&self) -> Result<(), RepoError> {
        if let Some(Running { packs, handle }) = lock(&self.thread).take() {
            drop(packs);
            if handle.join().is_err() {
                return Err(RepoError::Earlier("the upload thread failed".to_string()));
            }
        }
        self.shared.take_failure()?;
        self.shared.put_index()
    }
}

impl Drop for Uploads {
    /// A session that was given up still lets the upload under way end.
    fn drop(&mut self) {
        if let Some(Running { packs, handle }) = lock(&self.thread).take() {
            drop(packs);
            let _ = handle.join();
        }
    }
}

impl Shared {
    fn serve(&self, queue: &Receiver<FinishedPack>) {
        for pack in queue {
            if lock(&self.state).failure.is_some() {
                continue;
            }
            if let Err(error) = self.put(pack) {
                lock(&self.state).failure = Some(error);
            }
        }
    }

    /// The first error; after it was taken once, later calls say so.
    fn take_failure(&self) -> Result<(), RepoError> {
        let mut state = lock(&self.state);
        match state.failure.take() {
            None => Ok(()),
            Some(error) => {
                state.failure = Some(RepoError::Earlier(error.to_string()));
                Err(error)
            }
        }
    }

    fn put(&self, pack: FinishedPack) -> Result<(), RepoError> {
        let name = object_name(&format::pack_name(&pack.indexed.id))?;
        self.storage.put_if_absent(&name, &pack.bytes)?;
        self.monitor.add(Counter::BytesStored, pack.bytes.len() as u64);
        self.buffers.give(pack.bytes);
        let due = {
            let mut state = lock(&self.state);
            state.waiting.push(pack.indexed);
            let age = self.repository.clock().now().as_second() - state.last_index.as_second();
            let blobs: usize = state.waiting.iter().map(|pack| pack.table.blobs.len()).sum();
            state.waiting.len() >= PACKS_AN_INDEX
                || blobs >= BLOBS_AN_INDEX
                || age >= SECONDS_AN_INDEX
        };
        if due { self.put_index() } else { Ok(()) }
    }

    fn put_index(&self) -> Result<(), RepoError> {
        let packs = {
            let mut state = lock(&self.state);
            state.last_index = self.repository.clock().now();
            std::mem::take(&mut state.waiting)
        };
        if packs.is_empty() {
            return Ok(());
        }
        let index = Index { session: self.session, packs };
        let put = self.repository.put_index(&index);
        if put.is_err() {
            // For the next attempt: they are stored, and only not known.
            lock(&self.state).waiting.extend(index.packs);
        }
        put.map(drop)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
