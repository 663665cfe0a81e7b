//! Clock, chance and folders of the tests of damage.

use snapstore::model::{Clock, Entropy};
use std::sync::Mutex;
use tempfile::TempDir;

/// Goes on by a second each time it is looked at. It began an hour ahead of the machine's, so
/// that every file was last changed long before any backup.
pub struct Ticking(Mutex<jiff::Timestamp>);

impl Ticking {
    pub fn new() -> Self {
        Self(Mutex::new(jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1)))
    }

    pub fn advance(&self, by: jiff::SignedDuration) {
        let mut now = self.0.lock().unwrap();
        *now += by;
    }
}

impl Clock for Ticking {
    fn now(&self) -> jiff::Timestamp {
        self.advance(jiff::SignedDuration::from_secs(1));
        *self.0.lock().unwrap()
    }
}

/// The same bytes in every run.
pub struct Seeded(Mutex<blake3::OutputReader>);

impl Seeded {
    pub fn new(seed: &str) -> Self {
        Self(Mutex::new(blake3::Hasher::new().update(seed.as_bytes()).finalize_xof()))
    }
}

impl Entropy for Seeded {
    fn fill(&self, bytes: &mut [u8]) {
        self.0.lock().unwrap().fill(bytes);
    }
}

/// A folder that goes when it is dropped, in memory where there is such a place.
pub fn scratch() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// Bytes that do not compress, the same each time.
pub fn noise(length: usize, seed: &str) -> Vec<u8> {
    let mut bytes = vec![0; length];
    Seeded::new(seed).fill(&mut bytes);
    bytes
}
