//! Chance that a seed decides: the same seed, the same run.

/// Numbers that look random.
pub struct Chance {
    state: u64,
    seed: u64,
}

impl Chance {
    pub fn new(seed: u64) -> Self {
        // Nothing comes of zero.
        Self { state: seed.max(1), seed }
    }

    /// `SNAP_SEED`, or another seed each time.
    pub fn of_this_run() -> Self {
        let seed = std::env::var("SNAP_SEED").ok();
        let seed = seed.map(|seed| seed.parse().expect("SNAP_SEED is a number"));
        Self::new(seed.unwrap_or_else(|| u64::from(std::process::id()) << 20 | 1))
    }

    /// What `SNAP_SEED` must be for the same run.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    pub fn next(&mut self) -> u64 {
        // xorshift64*
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        self.state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    /// From 0 to 1.
    pub fn fraction(&mut self) -> f64 {
        self.next() as f64 / (1_u64 << 53) as f64
    }

    pub fn of<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len() as u64) as usize]
    }

    pub fn bytes(&mut self, length: u64) -> Vec<u8> {
        (0..length.div_ceil(8)).flat_map(|_| self.next().to_le_bytes()).collect()
    }
}

/// Bytes that do not compress, others for each seed.
pub fn noise(seed: &str, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    blake3::Hasher::new().update(seed.as_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}
