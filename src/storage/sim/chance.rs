//! Chance that follows from a seed: BLAKE3 as a stream, one for the scheduler and one for each
//! actor.

use std::sync::{Mutex, PoisonError};

use blake3::OutputReader;

use crate::model::Entropy;

/// The scheduler's draws.
pub(super) struct Chance(OutputReader);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self(stream("snapstore simulation: what happens", &[seed]))
    }

    /// Below `bound`, which must not be 0.
    pub fn below(&mut self, bound: usize) -> usize {
        // The high half of the product is as good as evenly spread.
        ((self.draw() as u128 * bound as u128) >> 64) as usize
    }

    pub fn happens(&mut self, rate: f64) -> bool {
        // 53 bits are what an f64 between 0 and 1 has.
        ((self.draw() >> 11) as f64) < rate * (1u64 << 53) as f64
    }

    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for end in (1..items.len()).rev() {
            items.swap(end, self.below(end + 1));
        }
    }

    /// Up to and with `longest`.
    pub fn duration(&mut self, longest: std::time::Duration) -> std::time::Duration {
        longest.mul_f64((self.draw() >> 11) as f64 / (1u64 << 53) as f64)
    }

    fn draw(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }
}

/// An actor's random bytes.
pub(super) struct SimEntropy(Mutex<OutputReader>);

impl SimEntropy {
    pub fn new(seed: u64, actor: usize) -> Self {
        let context = "snapstore simulation: an actor's random bytes";
        Self(Mutex::new(stream(context, &[seed, actor as u64])))
    }
}

impl Entropy for SimEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fill(bytes);
    }
}

fn stream(context: &str, numbers: &[u64]) -> OutputReader {
    let mut hasher = blake3::Hasher::new_derive_key(context);
    for number in numbers {
        hasher.update(&number.to_le_bytes());
    }
    hasher.finalize_xof()
}
