//! A cache bounded by bytes. Threads that want the same thing at once load it once.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::Hash;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Keeps what was used last, up to so many bytes. Values are cheap to clone.
pub struct ByteCache<K, V> {
    limit: usize,
    state: Mutex<State<K, V>>,
    loaded: Condvar,
}

struct State<K, V> {
    kept: HashMap<K, Kept<V>>,
    /// Keys by when they were last used.
    order: BTreeMap<u64, K>,
    bytes: usize,
    uses: u64,
    loading: HashSet<K>,
}

struct Kept<V> {
    value: V,
    bytes: usize,
    used: u64,
}

impl<K: Copy + Eq + Hash, V: Clone> ByteCache<K, V> {
    pub fn new(limit: usize) -> Self {
        let state = State {
            kept: HashMap::new(),
            order: BTreeMap::new(),
            bytes: 0,
            uses: 0,
            loading: HashSet::new(),
        };
        Self { limit, state: Mutex::new(state), loaded: Condvar::new() }
    }

    /// The value of `key`; `load` makes it, and says how many bytes it takes. What does not load
    /// is not remembered.
    pub fn get<E>(&self, key: K, load: impl FnOnce() -> Result<(V, usize), E>) -> Result<V, E> {
        let mut state = self.lock();
        loop {
            if let Some(value) = state.find(&key) {
                return Ok(value);
            }
            if state.loading.insert(key) {
                break;
            }
            state = self.loaded.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        drop(state);
        let loading = Loading { cache: self, key };
        let (value, bytes) = load()?;
        self.lock().keep(key, value.clone(), bytes, self.limit);
        drop(loading);
        Ok(value)
    }

    fn lock(&self) -> MutexGuard<'_, State<K, V>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// While it lives others wait for the key.
struct Loading<'a, K: Copy + Eq + Hash, V: Clone> {
    cache: &'a ByteCache<K, V>,
    key: K,
}

impl<K: Copy + Eq + Hash, V: Clone> Drop for Loading<'_, K, V> {
    fn drop(&mut self) {
        self.cache.lock().loading.remove(&self.key);
        self.cache.loaded.notify_all();
    }
}

impl<K: Copy + Eq + Hash, V: Clone> State<K, V> {
    fn find(&mut self, key: &K) -> Option<V> {
        let kept = self.kept.get_mut(key)?;
        self.order.remove(&kept.used);
        self.uses = self.uses.wrapping_add(1);
        kept.used = self.uses;
        self.order.insert(kept.used, *key);
        Some(kept.value.clone())
    }

    fn keep(&mut self, key: K, value: V, bytes: usize, limit: usize) {
        if bytes > limit {
            return;
        }
        self.uses = self.uses.wrapping_add(1);
        let used = self.uses;
        self.order.insert(used, key);
        self.bytes = self.bytes.saturating_add(bytes);
        self.kept.insert(key, Kept { value, bytes, used });
        while self.bytes > limit {
            let Some((_, oldest)) = self.order.pop_first() else { return };
            let gone = self.kept.remove(&oldest).map_or(0, |kept| kept.bytes);
            self.bytes = self.bytes.saturating_sub(gone);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;
    use std::sync::atomic::{AtomicU32, Ordering};

    fn load(cache: &ByteCache<u8, u8>, key: u8, bytes: usize) -> bool {
        let mut loaded = false;
        let value = cache.get(key, || {
            loaded = true;
            Ok::<_, Infallible>((key, bytes))
        });
        assert_eq!(value, Ok(key));
        loaded
    }

    #[test]
    fn what_was_used_last_stays() {
        let cache = ByteCache::new(100);
        assert!(load(&cache, 1, 40) && load(&cache, 2, 40));
        assert!(!load(&cache, 1, 40));
        assert!(load(&cache, 3, 40));
        assert!(!load(&cache, 1, 40) && load(&cache, 2, 40));
        assert!(cache.lock().bytes <= 100);
    }

    #[test]
    fn what_is_too_large_is_not_kept() {
        let cache = ByteCache::new(100);
        assert!(load(&cache, 1, 101) && load(&cache, 1, 101));
    }

    #[test]
    fn an_error_is_not_remembered() {
        let cache = ByteCache::<u8, u8>::new(100);
        assert_eq!(cache.get(1, || Err("no")), Err("no"));
        assert!(load(&cache, 1, 1));
    }

    #[test]
    fn many_who_want_the_same_load_it_once() {
        let cache = ByteCache::<u8, u8>::new(100);
        let loads = AtomicU32::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    cache.get(1, || {
                        loads.fetch_add(1, Ordering::Relaxed);
                        std::thread::yield_now();
                        Ok::<_, Infallible>((1, 1))
                    })
                });
            }
        });
        assert_eq!(loads.load(Ordering::Relaxed), 1);
    }
}
