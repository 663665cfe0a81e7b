//! Exit codes.

/// How a command ended. The numbers are a promise to scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    Done = 0,
    Failed = 1,
    Usage = 2,
    /// Done, but some sources could not be read whole.
    Incomplete = 3,
    /// The repository is damaged.
    Damage = 4,
    /// Nothing matches what was asked for.
    Nothing = 5,
    NoRepository = 10,
    /// The password or key is wrong or missing.
    WrongKey = 12,
    /// The repository's format is newer than this program.
    TooNew = 13,
    Interrupted = 130,
}

impl From<Code> for std::process::ExitCode {
    fn from(code: Code) -> Self {
        Self::from(code as u8)
    }
}
