//! Patience with storage that is unavailable for a while.

use std::sync::Arc;
use std::time::Duration;

use super::{Folder, Listed, ObjectName, Pause, Put, Storage, StorageError};
use crate::model::{Entropy, SessionId};

/// Tries again what failed as [`StorageError::Unavailable`], after waits that double and are
/// shortened at random, so that many clients do not come back at the same moment.
///
/// A put whose answer was lost is put again; if the name is then taken, the object is read back,
/// and equal bytes are ours: `Created`. They may be another's who put the same bytes before. So of
/// puts of *equal* bytes more than one may hear `Created`; a name that only one may win (a commit,
/// a mark) carries bytes that differ by something random. Every sealed object does.
#[derive(Clone)]
pub struct RetryStorage {
    inner: Arc<dyn Storage>,
    patience: Patience,
    entropy: Arc<dyn Entropy>,
    pause: Pause,
}

/// How often to try, and how long to wait between.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// At least one is made.
    pub attempts: u32,
    /// The first wait at its longest; each next one is twice as long.
    pub first: Duration,
    pub longest: Duration,
}

impl Default for Patience {
    /// About two minutes in all.
    fn default() -> Self {
        Self { attempts: 10, first: Duration::from_millis(500), longest: Duration::from_secs(30) }
    }
}

impl RetryStorage {
    pub fn new(
        inner: Arc<dyn Storage>,
        patience: Patience,
        entropy: Arc<dyn Entropy>,
        pause: Pause,
    ) -> Self {
        Self { inner, patience, entropy, pause }
    }

    fn attempt<T>(
        &self,
        mut call: impl FnMut() -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        let mut delay = self.patience.first;
        for _ in 1..self.patience.attempts {
            match call() {
                Err(StorageError::Unavailable { .. }) => {}
                result => return result,
            }
            (self.pause)(self.shortened(delay));
            delay = delay.saturating_mul(2).min(self.patience.longest);
        }
        call()
    }

    /// Between the half and the whole of `delay`.
    fn shortened(&self, delay: Duration) -> Duration {
        let chance = u32::from_le_bytes(self.entropy.bytes());
        let half = delay / 2;
        half.saturating_add(half.mul_f64(f64::from(chance) / f64::from(u32::MAX)))
    }

    /// What an earlier attempt, whose answer was lost, did.
    fn read_back(&self, name: &ObjectName, bytes: &[u8]) -> Result<Put, StorageError> {
        match self.inner.get(name, bytes.len() as u64) {
            Ok(stored) if stored == bytes => Ok(Put::Created),
            Ok(_) | Err(StorageError::TooLarge { .. }) => Ok(Put::Exists),
            Err(StorageError::Absent { .. }) => Err(StorageError::Unavailable {
                what: name.to_string(),
                why: "it was there and is gone again".to_string(),
            }),
            Err(error) => Err(error),
        }
    }
}

impl Storage for RetryStorage {
    fn put_if_absent(&self, name: &ObjectName, bytes: &[u8]) -> Result<Put, StorageError> {
        let mut uncertain = false;
        self.attempt(|| match self.inner.put_if_absent(name, bytes) {
            Ok(Put::Exists) if uncertain => self.read_back(name, bytes),
            Ok(put) => Ok(put),
            Err(error) => {
                uncertain = true;
                Err(error)
            }
        })
    }

    fn get(&self, name: &ObjectName, limit: u64) -> Result<Vec<u8>, StorageError> {
        self.attempt(|| self.inner.get(name, limit))
    }

    fn get_range(
        &self,
        name: &ObjectName,
        offset: u64,
        length: usize,
    ) -> Result<Vec<u8>, StorageError> {
        self.attempt(|| self.inner.get_range(name, offset, length))
    }

    fn list(&self, folder: Folder) -> Result<Vec<Listed>, StorageError> {
        self.attempt(|| self.inner.list(folder))
    }

    fn list_some(&self, folder: Folder, most: usize) -> Result<Vec<Listed>, StorageError> {
        self.attempt(|| self.inner.list_some(folder, most))
    }

    fn delete(&self, name: &ObjectName) -> Result<(), StorageError> {
        self.attempt(|| self.inner.delete(name))
    }

    fn for_session(&self, session: &SessionId) -> Option<Arc<dyn Storage>> {
        let inner = self.inner.for_session(session)?;
        Some(Arc::new(Self { inner, ..self.clone() }))
    }

    fn sweep(&self, finished: &dyn Fn(&str) -> bool) -> Result<(), StorageError> {
        self.attempt(|| self.inner.sweep(finished))
    }

    fn release_reserve(&self) -> Result<(), StorageError> {
        self.attempt(|| self.inner.release_reserve())
    }

    fn restore_reserve(&self, bytes: u64) -> Result<(), StorageError> {
        self.attempt(|| self.inner.restore_reserve(bytes))
    }

    fn address(&self) -> String {
        self.inner.address()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::model::{OsEntropy, SystemClock};
    use crate::storage::MemoryStorage;

    /// Loses the answers of the first `losing` puts, and makes no answer of the first `failing`.
    struct Flaky {
        memory: MemoryStorage,
        failing: Mutex<usize>,
        losing: Mutex<usize>,
    }

    fn counts_down(counter: &Mutex<usize>) -> bool {
        let mut left = counter.lock().unwrap();
        let counts = *left > 0;
        *left = left.saturating_sub(1);
        counts
    }

    fn unavailable<T>() -> Result<T, StorageError> {
        Err(StorageError::Unavailable { what: "x".to_string(), why: "y".to_string() })
    }

    impl Storage for Flaky {
        fn put_if_absent(&self, name: &ObjectName, bytes: &[u8]) -> Result<Put, StorageError> {
            if counts_down(&self.failing) {
                return unavailable();
            }
            let put = self.memory.put_if_absent(name, bytes);
            if counts_down(&self.losing) { unavailable() } else { put }
        }
        fn get(&self, name: &ObjectName, limit: u64) -> Result<Vec<u8>, StorageError> {
            self.memory.get(name, limit)
        }
        fn get_range(&self, name: &ObjectName, _: u64, _: usize) -> Result<Vec<u8>, StorageError> {
            self.memory.get(name, 0)
        }
        fn list(&self, folder: Folder) -> Result<Vec<Listed>, StorageError> {
            self.memory.list(folder)
        }
        fn delete(&self, name: &ObjectName) -> Result<(), StorageError> {
            self.memory.delete(name)
        }
        fn address(&self) -> String {
            self.memory.address()
        }
    }

    struct Fixture {
        memory: MemoryStorage,
        storage: RetryStorage,
        pauses: Arc<Mutex<Vec<Duration>>>,
        name: ObjectName,
    }

    fn fixture(failing: usize, losing: usize) -> Fixture {
        let memory = MemoryStorage::new(Arc::new(SystemClock));
        let flaky = Flaky {
            memory: memory.clone(),
            failing: Mutex::new(failing),
            losing: Mutex::new(losing),
        };
        let pauses = Arc::new(Mutex::new(Vec::new()));
        let kept = pauses.clone();
        let pause: Pause = Arc::new(move |time| kept.lock().unwrap().push(time));
        let patience =
            Patience { attempts: 6, longest: Duration::from_secs(3), ..Patience::default() };
        let storage = RetryStorage::new(Arc::new(flaky), patience, Arc::new(OsEntropy), pause);
        Fixture { memory, storage, pauses, name: "snapshots/1".parse().unwrap() }
    }

    #[test]
    fn a_put_whose_answer_was_lost_is_created() {
        let Fixture { storage, name, .. } = fixture(1, 2);
        assert_eq!(storage.put_if_absent(&name, b"mine").unwrap(), Put::Created);
        assert_eq!(storage.put_if_absent(&name, b"mine").unwrap(), Put::Exists);
    }

    #[test]
    fn a_put_that_lost_to_another_while_its_answer_was_lost_is_not() {
        for other in ["other", "a longer other"] {
            let Fixture { memory, storage, name, .. } = fixture(0, 1);
            memory.put_if_absent(&name, other.as_bytes()).unwrap();
            assert_eq!(storage.put_if_absent(&name, b"mine!").unwrap(), Put::Exists);
        }
    }

    #[test]
    fn waits_double_up_to_the_longest_and_end() {
        let Fixture { storage, name, pauses, .. } = fixture(6, 0);
        let error = storage.put_if_absent(&name, b"mine").unwrap_err();
        assert!(matches!(error, StorageError::Unavailable { .. }));
        let pauses = pauses.lock().unwrap();
        let longest = [500, 1000, 2000, 3000, 3000].map(Duration::from_millis);
        assert_eq!(pauses.len(), longest.len());
        assert!(pauses.iter().zip(longest).all(|(pause, most)| (most / 2..=most).contains(pause)));
    }

    #[test]
    fn what_will_not_change_is_not_tried_again() {
        let Fixture { storage, name, pauses, .. } = fixture(0, 0);
        assert!(storage.get(&name, 9).is_err());
        assert!(pauses.lock().unwrap().is_empty());
    }
}
