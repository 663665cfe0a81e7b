//! Buffers of the size of packs that are used again: given back to the allocator they would leave
//! its arenas full of holes, and each would cost its pages anew.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// More than this many at rest are of no use.
const MOST: usize = 3;

/// Those that are at rest.
#[derive(Default)]
pub(super) struct Buffers(Mutex<Vec<Vec<u8>>>);

impl Buffers {
    /// One that is used again, or a new one.
    pub(super) fn take(&self) -> Vec<u8> {
        self.lock().pop().unwrap_or_default()
    }

    pub(super) fn give(&self, buffer: Vec<u8>) {
        let mut at_rest = self.lock();
        if at_rest.len() < MOST {
            at_rest.push(buffer);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
