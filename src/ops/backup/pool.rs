//! The workers of a backup: they read files, and store chunks of large files that another worker
//! cuts. With one worker there are no threads: everything happens in order where it is asked for.

use super::problems::ReadFailure;
use super::read_file::{ReadFile, Reader};
use crate::model::{ChunkRef, EntryName, Monitor, Stream};
use crate::repo::{RepoError, Sealing, Session};
use crossbeam_channel::{Receiver, Sender, bounded, select_biased};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::Scope;

/// Files that wait for a worker: each holds a descriptor of its directory.
const WAITING_FILES: usize = 128;

/// Something that one thread delivers and another waits for.
pub struct Delivery<T>(Arc<(Mutex<Option<T>>, Condvar)>);

impl<T> Clone for Delivery<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Delivery<T> {
    pub fn new() -> Self {
        Self(Arc::new((Mutex::new(None), Condvar::new())))
    }

    pub fn fill(&self, value: T) {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
        self.0.1.notify_all();
    }

    /// The value, if it is there.
    pub fn take(&self) -> Option<T> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    pub fn wait(&self) -> T {
        let mut value = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match value.take() {
                Some(value) => return value,
                None => value = self.0.1.wait(value).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }
}

/// What became of a file.
pub type FileResult = Result<ReadFile, ReadFailure>;

/// A file that waits for a worker.
pub struct FileJob {
    name: EntryName,
    stream: Box<dyn Stream>,
    result: Delivery<FileResult>,
}

/// A chunk that another worker shall store.
pub struct ChunkJob {
    pub bytes: Vec<u8>,
    pub sealing: Sealing,
    pub result: Delivery<Result<ChunkRef, RepoError>>,
}

/// The chunks of one file, in order, some of them still on their way.
pub struct ChunkResults(VecDeque<ChunkResult>);

enum ChunkResult {
    Done(ChunkRef),
    Pending(Delivery<Result<ChunkRef, RepoError>>),
}

impl ChunkResults {
    pub fn new() -> Self {
        Self(VecDeque::new())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn push_done(&mut self, chunk: ChunkRef) {
        self.0.push_back(ChunkResult::Done(chunk));
    }

    /// The next chunk, if it is stored already.
    pub fn take_ready(&mut self) -> Result<Option<ChunkRef>, RepoError> {
        let ready = match self.0.front() {
            None => None,
            Some(ChunkResult::Done(chunk)) => Some(Ok(*chunk)),
            Some(ChunkResult::Pending(delivery)) => delivery.take(),
        };
        if ready.is_some() {
            self.0.pop_front();
        }
        ready.transpose()
    }

    /// The next chunk; while it is on its way, `help` does other work (and says whether it did).
    pub fn wait_next(
        &mut self,
        mut help: impl FnMut() -> bool,
    ) -> Result<Option<ChunkRef>, RepoError> {
        loop {
            if let Some(chunk) = self.take_ready()? {
                return Ok(Some(chunk));
            }
            match self.0.front() {
                None => return Ok(None),
                Some(ChunkResult::Pending(delivery)) if !help() => {
                    let chunk = delivery.wait();
                    self.0.pop_front();
                    return chunk.map(Some);
                }
                Some(_) => {}
            }
        }
    }
}

/// What the workers have in common.
pub struct Helping<'a> {
    chunks: Option<(Sender<ChunkJob>, Receiver<ChunkJob>)>,
    abandoned: AtomicBool,
    monitor: &'a dyn Monitor,
}

impl<'a> Helping<'a> {
    pub fn new(workers: usize, monitor: &'a dyn Monitor) -> Self {
        let chunks = (workers > 1).then(|| bounded(2 * workers));
        Self { chunks, abandoned: AtomicBool::new(false), monitor }
    }

    pub fn monitor(&self) -> &'a dyn Monitor {
        self.monitor
    }

    /// Hands a copy of the chunk to whoever has time; false if nobody has.
    pub fn offer(&self, results: &mut ChunkResults, chunk: &[u8], sealing: Sealing) -> bool {
        let Some((sender, _)) = self.chunks.as_ref().filter(|(sender, _)| !sender.is_full()) else {
            return false;
        };
        let result = Delivery::new();
        let job = ChunkJob { bytes: chunk.to_vec(), sealing, result: result.clone() };
        let offered = sender.try_send(job).is_ok();
        if offered {
            results.0.push_back(ChunkResult::Pending(result));
        }
        offered
    }

    /// Stores one of the waiting chunks; false if none waits.
    pub fn help(&self, reader: &mut Reader<'_>) -> bool {
        let job = self.chunks.as_ref().and_then(|(_, queue)| queue.try_recv().ok());
        match job {
            Some(job) => {
                reader.store_chunk(job);
                true
            }
            None => false,
        }
    }

    /// Ends a read that nobody waits for any more.
    pub fn check(&self) -> Result<(), RepoError> {
        match self.abandoned.load(Ordering::Relaxed) || self.monitor.stopped() {
            true => Err(RepoError::Stopped),
            false => Ok(()),
        }
    }
}

/// Takes files to be read.
pub enum Pool<'a> {
    Here { reader: Box<Reader<'a>>, helping: &'a Helping<'a> },
    Threads { files: Sender<FileJob>, helping: &'a Helping<'a> },
}

impl<'a> Pool<'a> {
    /// Starts `workers` threads in `scope`; none for one worker. They end when the pool is
    /// dropped.
    pub fn start<'scope>(
        scope: &'scope Scope<'scope, '_>,
        workers: usize,
        session: &'a Session,
        helping: &'a Helping<'a>,
    ) -> Result<Self, RepoError>
    where
        'a: 'scope,
    {
        if workers <= 1 {
            return Ok(Self::Here { reader: Box::new(Reader::new(session)?), helping });
        }
        let (files, queue) = bounded(WAITING_FILES);
        for _ in 0..workers {
            let mut reader = Reader::new(session)?;
            let queue = queue.clone();
            scope.spawn(move || work(&mut reader, &queue, helping));
        }
        Ok(Self::Threads { files, helping })
    }

    /// Has a file read, now or later.
    pub fn submit(&mut self, name: EntryName, mut stream: Box<dyn Stream>) -> Delivery<FileResult> {
        let result = Delivery::new();
        match self {
            Self::Here { reader, helping } => {
                result.fill(reader.read(name, stream.as_mut(), helping));
            }
            Self::Threads { files, .. } => {
                let job = FileJob { name, stream, result: result.clone() };
                if files.send(job).is_err() {
                    let gone = RepoError::Earlier("the workers of the backup are gone".into());
                    result.fill(Err(gone.into()));
                }
            }
        }
        result
    }
}

impl Drop for Pool<'_> {
    fn drop(&mut self) {
        let (Self::Here { helping, .. } | Self::Threads { helping, .. }) = self;
        helping.abandoned.store(true, Ordering::Relaxed);
    }
}

fn work(reader: &mut Reader<'_>, files: &Receiver<FileJob>, helping: &Helping<'_>) {
    let Some((_, chunks)) = &helping.chunks else { return };
    loop {
        select_biased! {
            recv(chunks) -> job => match job {
                Ok(job) => reader.store_chunk(job),
                Err(_) => return,
            },
            recv(files) -> job => match job {
                Ok(FileJob { name, mut stream, result }) => {
                    result.fill(reader.read(name, stream.as_mut(), helping));
                }
                Err(_) => return,
            },
        }
    }
}
