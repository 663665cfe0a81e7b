//! A bound on how many bytes a second go up and come down.

use std::num::NonZeroU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use super::{Folder, Listed, ObjectName, Pause, Put, Storage, StorageError};
use crate::model::{Clock, SessionId};

/// Lets a call wait until what the calls before it moved has taken its time. A single object goes
/// at the speed of the line; the bound holds from call to call. Listings are free.
#[derive(Clone)]
pub struct LimitStorage {
    inner: Arc<dyn Storage>,
    upload: Option<Arc<Pace>>,
    download: Option<Arc<Pace>>,
}

/// Bytes per second; `None` is no bound.
#[derive(Debug, Clone, Copy, Default)]
pub struct Limits {
    pub upload: Option<NonZeroU64>,
    pub download: Option<NonZeroU64>,
}

/// A leaky bucket that holds time: each byte adds its share of a second, the clock takes it out.
struct Pace {
    bytes_per_second: NonZeroU64,
    level: Mutex<Level>,
    clock: Arc<dyn Clock>,
    pause: Pause,
}

struct Level {
    debt: Duration,
    seen: Timestamp,
}

impl LimitStorage {
    pub fn new(
        inner: Arc<dyn Storage>,
        limits: Limits,
        clock: Arc<dyn Clock>,
        pause: Pause,
    ) -> Self {
        let pace = |limit: Option<NonZeroU64>| {
            let level = Mutex::new(Level { debt: Duration::ZERO, seen: clock.now() });
            let (clock, pause) = (clock.clone(), pause.clone());
            limit.map(|bytes_per_second| Arc::new(Pace { bytes_per_second, level, clock, pause }))
        };
        Self { upload: pace(limits.upload), download: pace(limits.download), inner }
    }
}

impl Pace {
    /// Waits until it is this call's turn; the calls after it wait for these bytes too.
    fn wait(&self, bytes: u64) {
        let debt = self.add(bytes);
        if debt > Duration::ZERO {
            (self.pause)(debt);
        }
    }

    /// Adds bytes and returns the debt before them. A clock that is set back forgives nothing and
    /// adds nothing.
    fn add(&self, bytes: u64) -> Duration {
        let cost = u128::from(bytes) * 1_000_000_000 / u128::from(self.bytes_per_second.get());
        let cost = Duration::from_nanos(u64::try_from(cost).unwrap_or(u64::MAX));
        let now = self.clock.now();
        let mut level = self.level.lock().unwrap_or_else(PoisonError::into_inner);
        let elapsed = Duration::try_from(now.duration_since(level.seen)).unwrap_or_default();
        let before = level.debt.saturating_sub(elapsed);
        *level = Level { debt: before.saturating_add(cost), seen: now };
        before
    }
}

fn wait(pace: &Option<Arc<Pace>>, bytes: u64) {
    if let Some(pace) = pace {
        pace.wait(bytes);
    }
}

impl Storage for LimitStorage {
    fn put_if_absent(&self, name: &ObjectName, bytes: &[u8]) -> Result<Put, StorageError> {
        wait(&self.upload, bytes.len() as u64);
        self.inner.put_if_absent(name, bytes)
    }

    fn get(&self, name: &ObjectName, limit: u64) -> Result<Vec<u8>, StorageError> {
        wait(&self.download, 0);
        let bytes = self.inner.get(name, limit)?;
        if let Some(pace) = &self.download {
            pace.add(bytes.len() as u64);
        }
        Ok(bytes)
    }

    fn get_range(
        &self,
        name: &ObjectName,
        offset: u64,
        length: usize,
    ) -> Result<Vec<u8>, StorageError> {
        wait(&self.download, length as u64);
        self.inner.get_range(name, offset, length)
    }

    fn list(&self, folder: Folder) -> Result<Vec<Listed>, StorageError> {
        self.inner.list(folder)
    }

    fn list_some(&self, folder: Folder, most: usize) -> Result<Vec<Listed>, StorageError> {
        self.inner.list_some(folder, most)
    }

    fn delete(&self, name: &ObjectName) -> Result<(), StorageError> {
        self.inner.delete(name)
    }

    fn for_session(&self, session: &SessionId) -> Option<Arc<dyn Storage>> {
        let inner = self.inner.for_session(session)?;
        Some(Arc::new(Self { inner, ..self.clone() }))
    }

    fn sweep(&self, finished: &dyn Fn(&str) -> bool) -> Result<(), StorageError> {
        self.inner.sweep(finished)
    }

    fn release_reserve(&self) -> Result<(), StorageError> {
        self.inner.release_reserve()
    }

    fn restore_reserve(&self, bytes: u64) -> Result<(), StorageError> {
        self.inner.restore_reserve(bytes)
    }

    fn address(&self) -> String {
        self.inner.address()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::MemoryStorage;

    struct Hand(Mutex<Timestamp>);

    impl Clock for Hand {
        fn now(&self) -> Timestamp {
            *self.0.lock().unwrap()
        }
    }

    impl Hand {
        fn turn(&self, time: jiff::SignedDuration) {
            *self.0.lock().unwrap() += time;
        }
    }

    fn fixture() -> (LimitStorage, Arc<Hand>, Arc<Mutex<Vec<u64>>>) {
        let clock = Arc::new(Hand(Mutex::new(Timestamp::UNIX_EPOCH)));
        let pauses: Arc<Mutex<Vec<u64>>> = Arc::default();
        let (hand, kept) = (clock.clone(), pauses.clone());
        let pause: Pause = Arc::new(move |time| {
            kept.lock().unwrap().push(time.as_secs());
            hand.turn(time.try_into().unwrap());
        });
        let memory = Arc::new(MemoryStorage::new(clock.clone()));
        let limits = Limits { upload: NonZeroU64::new(100), download: NonZeroU64::new(10) };
        (LimitStorage::new(memory, limits, clock.clone(), pause), clock, pauses)
    }

    fn put(storage: &LimitStorage, number: usize, size: usize) {
        let name = format!("index/{number}").parse().unwrap();
        storage.put_if_absent(&name, &vec![0; size]).unwrap();
    }

    #[test]
    fn each_call_waits_for_the_bytes_before_it() {
        let (storage, clock, pauses) = fixture();
        put(&storage, 1, 500);
        put(&storage, 2, 200);
        clock.turn(jiff::SignedDuration::from_secs(1));
        put(&storage, 3, 0);
        storage.get(&"index/2".parse().unwrap(), 500).unwrap();
        storage.get_range(&"index/2".parse().unwrap(), 0, 10).unwrap();
        storage.get_range(&"index/2".parse().unwrap(), 0, 10).unwrap();
        assert_eq!(*pauses.lock().unwrap(), [5, 1, 20, 1]);
    }

    #[test]
    fn a_clock_set_back_costs_no_wait() {
        let (storage, clock, pauses) = fixture();
        put(&storage, 1, 500);
        clock.turn(jiff::SignedDuration::from_hours(-5));
        put(&storage, 2, 100);
        assert_eq!(*pauses.lock().unwrap(), [5]);
    }
}
