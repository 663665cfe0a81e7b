//! What can go wrong with one file of a backup.

use crate::model::{Problem, ProblemKind, Reading};
use crate::repo::RepoError;

/// A file was kept, with a flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileProblem {
    Grew,
    Torn,
}

impl FileProblem {
    pub fn of(reading: Reading) -> Option<Self> {
        match reading {
            Reading::Steady => None,
            Reading::Grew => Some(Self::Grew),
            Reading::Torn => Some(Self::Torn),
        }
    }

    pub fn describe(self, what: String) -> Problem {
        let (kind, why) = match self {
            Self::Grew => {
                (ProblemKind::Grew, "it grew while it was read: kept at the length it had")
            }
            Self::Torn => (
                ProblemKind::Torn,
                "it was written to each of the three times it was read: kept as last read",
            ),
        };
        Problem { kind, what, why: why.to_string() }
    }
}

/// Why a file was not kept.
#[derive(Debug)]
pub enum ReadFailure {
    /// Its own fault: the backup goes on without it.
    Source(std::io::Error),
    /// The repository's: the backup ends.
    Repo(RepoError),
}

impl From<RepoError> for ReadFailure {
    fn from(error: RepoError) -> Self {
        Self::Repo(error)
    }
}
