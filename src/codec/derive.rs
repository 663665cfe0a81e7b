//! Keys from what a person knows or has.

use super::Secret;
use argon2::{Algorithm, Argon2, Params, Version};

/// Argon2id's costs (RFC 9106).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordParameters {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

/// Why a key could not be derived.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeriveError {
    #[error(
        "the key slot asks for {memory_kib} KiB of memory, {passes} passes and {lanes} lanes, more than the 1 GiB, 16 and 16 that are allowed (or less than Argon2 needs)"
    )]
    Refused { memory_kib: u32, passes: u32, lanes: u32 },
    #[error("Argon2 failed: {0}")]
    Failed(String),
}

impl PasswordParameters {
    /// What new slots use: 64 MiB, 3 passes, 4 lanes.
    pub const STANDARD: Self = Self { memory_kib: 64 * 1024, passes: 3, lanes: 4 };

    /// The cheapest that Argon2 allows: for tests, where the password guards nothing.
    pub const CHEAPEST: Self = Self { memory_kib: 8, passes: 1, lanes: 1 };

    /// Refuses, before any memory is taken, what a hostile slot could ask for.
    pub fn new(memory_kib: u32, passes: u32, lanes: u32) -> Result<Self, DeriveError> {
        let bounded = memory_kib <= 1024 * 1024
            && (1..=16).contains(&passes)
            && (1..=16).contains(&lanes)
            && memory_kib >= 8 * lanes;
        match bounded {
            true => Ok(Self { memory_kib, passes, lanes }),
            false => Err(DeriveError::Refused { memory_kib, passes, lanes }),
        }
    }

    pub fn memory_kib(&self) -> u32 {
        self.memory_kib
    }

    pub fn passes(&self) -> u32 {
        self.passes
    }

    pub fn lanes(&self) -> u32 {
        self.lanes
    }
}

/// The key-encryption key of a password slot. Slow by design: about 0.2 s of processor time and
/// 64 MiB with the standard parameters, whose lanes all processors share.
pub fn derive_from_password(
    password: &[u8],
    salt: &[u8; 16],
    parameters: PasswordParameters,
) -> Result<Secret, DeriveError> {
    let failed = |error: argon2::Error| DeriveError::Failed(error.to_string());
    let PasswordParameters { memory_kib, passes, lanes } = parameters;
    let params = Params::new(memory_kib, passes, lanes, Some(32)).map_err(failed)?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let mut key = zeroize::Zeroizing::new([0; 32]);
    let threads = threads_for(lanes).map_err(|error| DeriveError::Failed(error.to_string()))?;
    threads
        .install(|| argon2.hash_password_into(password, salt, key.as_mut_slice()))
        .map_err(failed)?;
    Ok(Secret::new(*key))
}

/// Their own, so that they end with the work: what is forked or sandboxed later has none of them.
fn threads_for(lanes: u32) -> Result<rayon::ThreadPool, rayon::ThreadPoolBuildError> {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    rayon::ThreadPoolBuilder::new().num_threads(processors.min(lanes as usize)).build()
}

/// The key-encryption key of a key-file slot: BLAKE3 keyed with the file's 256 random bits.
pub fn derive_from_key_file(key: &Secret, salt: &[u8; 16]) -> Secret {
    let mut hasher = blake3::Hasher::new_keyed(key.bytes());
    hasher.update(b"snap1 key file").update(salt);
    Secret::new(*hasher.finalize().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_costs_are_refused() {
        assert!(PasswordParameters::new(1 << 30, 3, 4).is_err());
        assert!(PasswordParameters::new(64 * 1024, 17, 4).is_err());
        assert!(PasswordParameters::new(64 * 1024, 3, 0).is_err());
        assert!(PasswordParameters::new(8, 1, 4).is_err());
    }

    /// Checked against the reference implementation (`argon2-cffi`, `hash_secret_raw`).
    #[test]
    fn known_answer() {
        let key = derive_from_password(
            b"correct horse",
            b"0123456789abcdef",
            PasswordParameters::new(1024, 2, 2).unwrap(),
        );
        let hex: String = key.unwrap().bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, KNOWN);
    }

    const KNOWN: &str = "832001e75dd8b0a92e992f29cbd770c0cbf380b78514511bfa8693307c9cb205";
}
