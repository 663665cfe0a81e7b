//! Frames that were opened last: who reads one blob of them reads others soon.

use super::RepoError;
use crate::format::Frame;
use crate::model::PackId;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Plain bytes that are kept at most, beside the newest frame.
const MOST_MEMORY: usize = 8 << 20;
/// So many are looked through for each blob.
const MOST_FRAMES: usize = 64;

/// One that is being opened, or was.
#[derive(Default)]
struct Opened(Mutex<Option<Arc<Vec<u8>>>>);

/// The last ones come last.
#[derive(Default)]
pub(super) struct FrameCache(Mutex<VecDeque<(PackId, Frame, Arc<Opened>)>>);

impl FrameCache {
    /// The opened frame. Where another thread is opening it this one waits; after an error the next
    /// one tries again.
    pub(super) fn get(
        &self,
        pack: &PackId,
        frame: Frame,
        open: &dyn Fn() -> Result<Vec<u8>, RepoError>,
    ) -> Result<Arc<Vec<u8>>, RepoError> {
        let opened = self.entry(pack, frame);
        let mut opened = lock(&opened.0);
        if let Some(plain) = opened.as_ref() {
            return Ok(Arc::clone(plain));
        }
        let plain = Arc::new(open()?);
        *opened = Some(Arc::clone(&plain));
        Ok(plain)
    }

    fn entry(&self, pack: &PackId, frame: Frame) -> Arc<Opened> {
        let mut all = lock(&self.0);
        let is_it = |(other, at, _): &(PackId, Frame, _)| (other, at) == (pack, &frame);
        let entry = match all.iter().rposition(is_it).and_then(|at| all.remove(at)) {
            Some(entry) => entry,
            None => (*pack, frame, Arc::default()),
        };
        let opened = Arc::clone(&entry.2);
        let mut held: usize = all.iter().map(|(_, frame, _)| frame.plain as usize).sum();
        while (held > MOST_MEMORY || all.len() >= MOST_FRAMES)
            && let Some((_, frame, _)) = all.pop_front()
        {
            held -= frame.plain as usize;
        }
        all.push_back(entry);
        opened
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn what_was_opened_is_opened_once_until_there_is_too_much() {
        let (cache, opened) = (FrameCache::default(), Cell::new(0));
        let get = |number: u32| {
            let frame = Frame { offset: number, stored: 1, plain: 1 << 20 };
            let open = || {
                opened.set(opened.get() + 1);
                Ok(vec![number as u8])
            };
            assert_eq!(*cache.get(&PackId::new([0; 32]), frame, &open).unwrap(), [number as u8]);
            opened.get()
        };
        assert_eq!((0..8).map(get).last(), Some(8));
        assert_eq!((0..8).map(get).last(), Some(8));
        assert_eq!((8..20).map(get).last(), Some(20));
        assert_eq!(get(0), 21);
    }

    #[test]
    fn however_small_they_are_there_are_not_many() {
        let cache = FrameCache::default();
        for offset in 0..1000 {
            let frame = Frame { offset, stored: 1, plain: 1 };
            cache.get(&PackId::new([0; 32]), frame, &|| Ok(vec![1])).unwrap();
        }
        assert_eq!(lock(&cache.0).len(), MOST_FRAMES);
    }

    #[test]
    fn an_error_is_not_kept() {
        let cache = FrameCache::default();
        let frame = Frame { offset: 0, stored: 1, plain: 1 };
        let pack = PackId::new([0; 32]);
        let failed = cache.get(&pack, frame, &|| Err(RepoError::Stopped));
        assert!(matches!(failed, Err(RepoError::Stopped)));
        assert_eq!(*cache.get(&pack, frame, &|| Ok(vec![1])).unwrap(), [1]);
    }
}
