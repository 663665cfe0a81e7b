//! The two things that are never the same twice, as arguments: what time it is, and chance.
//! A whole verb can so run in a simulated world from one seed.

/// What time it is.
pub trait Clock: Send + Sync {
    fn now(&self) -> jiff::Timestamp;
}

/// Random bytes.
pub trait Entropy: Send + Sync {
    /// Fills `bytes`. Implementations for real use are cryptographically strong; one that cannot
    /// deliver ends the process, for nothing secret can be made after that.
    fn fill(&self, bytes: &mut [u8]);
}

/// The system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::now()
    }
}

/// The operating system's random numbers.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsEntropy;

impl Entropy for OsEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        if getrandom::fill(bytes).is_err() {
            std::process::abort();
        }
    }
}

impl dyn Entropy + '_ {
    /// `N` random bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }
}
