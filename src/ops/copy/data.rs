//! The data below a tree, blob by blob, by several workers.

use super::CopyError;
use super::known::{Ids, Known};
use super::node::walk;
use crate::codec::{BlobClass, Compressor};
use crate::model::{BlobId, Counter, Monitor};
use crate::repo::{BlobReader, RepoError, Session};
use crossbeam_channel::{Sender, bounded};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::Scope;

/// Ids that wait for a worker. The blobs themselves are in memory only while one works on them.
const WAITING: usize = 1024;

/// Stores all data below `root` that the other repository does not have. Afterwards its ids there
/// are known. Memory: three times the largest blob for each worker, beside packs.
pub fn copy_data(
    reader: &BlobReader,
    session: &Session,
    known: &mut Known,
    root: BlobId,
    monitor: &dyn Monitor,
) -> Result<(), CopyError> {
    let catalog = known.catalog();
    let Known { ids, seen, .. } = known;
    let work = Work {
        reader,
        session,
        ids,
        monitor,
        failure: Mutex::new(None),
        has_failed: AtomicBool::new(false),
    };
    let workers = session.repository().workers();
    let walked = std::thread::scope(|scope| {
        let mut pool = Pool::start(scope, workers, &work).map_err(CopyError::Target)?;
        walk(reader, catalog.index(), seen, root, monitor, &mut |class, id| {
            session.sign_of_life().map_err(CopyError::Target)?;
            match class {
                BlobClass::Data => pool.submit(*id),
                BlobClass::Tree => Ok(()),
            }
        })
    });
    // What a worker says comes first: the walk ends because of it.
    work.failure().map_or(walked, Err)
}

struct Work<'a> {
    reader: &'a BlobReader,
    session: &'a Session,
    ids: &'a Ids,
    monitor: &'a dyn Monitor,
    failure: Mutex<Option<CopyError>>,
    has_failed: AtomicBool,
}

impl Work<'_> {
    /// Does nothing any more after the first failure.
    fn perform(&self, id: &BlobId, compressor: &mut Compressor) {
        if self.has_failed.load(Ordering::Relaxed) {
            return;
        }
        if let Err(error) = self.copy(id, compressor) {
            let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
            failure.get_or_insert(error);
            self.has_failed.store(true, Ordering::Relaxed);
        }
    }

    fn copy(&self, id: &BlobId, compressor: &mut Compressor) -> Result<(), CopyError> {
        if self.monitor.stopped() {
            return Err(CopyError::Source(RepoError::Stopped));
        }
        if self.ids.get(id).is_some_and(|there| self.session.has(&there)) {
            return Ok(());
        }
        let blob = self.reader.read_for_copy(BlobClass::Data, id).map_err(CopyError::Source)?;
        let saved = self.session.save_copied(BlobClass::Data, &blob, compressor);
        self.ids.set(id, saved.map_err(CopyError::Target)?);
        self.monitor.add(Counter::BytesProcessed, blob.plain().len() as u64);
        Ok(())
    }

    fn failure(&self) -> Option<CopyError> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Does the work: on threads, or right here for one worker.
enum Pool<'a> {
    Here { work: &'a Work<'a>, compressor: Box<Compressor> },
    Threads { work: &'a Work<'a>, ids: Sender<BlobId> },
}

impl<'a> Pool<'a> {
    fn start<'scope>(
        scope: &'scope Scope<'scope, '_>,
        workers: usize,
        work: &'a Work<'a>,
    ) -> Result<Self, RepoError>
    where
        'a: 'scope,
    {
        let repository = work.session.repository();
        if workers <= 1 {
            return Ok(Self::Here { work, compressor: Box::new(repository.compressor()?) });
        }
        let (ids, queue) = bounded::<BlobId>(WAITING);
        for _ in 0..workers {
            let mut compressor = repository.compressor()?;
            let queue = queue.clone();
            scope
                .spawn(move || queue.into_iter().for_each(|id| work.perform(&id, &mut compressor)));
        }
        Ok(Self::Threads { work, ids })
    }

    /// An error if something has failed; what it was, [`Work::failure`] says.
    fn submit(&mut self, id: BlobId) -> Result<(), CopyError> {
        let work = match self {
            Self::Here { work, compressor } => {
                work.perform(&id, compressor);
                work
            }
            Self::Threads { work, ids } => {
                // Workers end only after the sender is gone.
                let _ = ids.send(id);
                work
            }
        };
        match work.has_failed.load(Ordering::Relaxed) {
            true => Err(CopyError::Source(RepoError::Earlier("a worker failed".to_string()))),
            false => Ok(()),
        }
    }
}
