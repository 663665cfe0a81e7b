//! Chance that follows from a seed.

use blake3::OutputReader;
use std::ops::Range;

/// BLAKE3 as a stream of draws.
pub struct Chance(OutputReader);

impl Chance {
    pub fn new(seed: u64) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("snapstore tests: a scenario");
        hasher.update(&seed.to_le_bytes());
        Self(hasher.finalize_xof())
    }

    pub fn draw(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    pub fn within(&mut self, range: Range<usize>) -> usize {
        range.start + (self.draw() % range.len() as u64) as usize
    }

    pub fn one_in(&mut self, number: u64) -> bool {
        self.draw().is_multiple_of(number)
    }

    pub fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.within(0..items.len())]
    }
}
