//! A storage call that was made, as a value: for recorded calls and simulated ones.

use std::fmt;

use super::{Folder, ObjectName, Put, StorageError};

/// What was asked for, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    pub verb: Verb,
    pub subject: Subject,
    pub outcome: Outcome,
    /// Bytes that were to be stored or were read; entries of a listing.
    pub size: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verb {
    Put,
    Get,
    GetRange,
    List,
    Delete,
    Sweep,
    ReleaseReserve,
    RestoreReserve,
}

/// What a call was about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    Object(ObjectName),
    Folder(Folder),
    Everything,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Created,
    Exists,
    Done,
    Failed(StorageError),
}

impl Outcome {
    pub(super) fn of_put(result: &Result<Put, StorageError>) -> Self {
        match result {
            Ok(Put::Created) => Self::Created,
            Ok(Put::Exists) => Self::Exists,
            Err(error) => Self::Failed(error.clone()),
        }
    }

    pub(super) fn of<T>(result: &Result<T, StorageError>) -> Self {
        match result {
            Ok(_) => Self::Done,
            Err(error) => Self::Failed(error.clone()),
        }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { verb, subject, outcome, size } = self;
        write!(f, "{verb} {subject} ({size}): {outcome}")
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Put => "put",
            Self::Get => "get",
            Self::GetRange => "get range",
            Self::List => "list",
            Self::Delete => "delete",
            Self::Sweep => "sweep",
            Self::ReleaseReserve => "release reserve",
            Self::RestoreReserve => "restore reserve",
        })
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Object(name) => name.fmt(f),
            Self::Folder(folder) => write!(f, "{}/", folder.word()),
            Self::Everything => f.write_str("everything"),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Created => f.write_str("created"),
            Self::Exists => f.write_str("exists"),
            Self::Done => f.write_str("done"),
            Self::Failed(error) => error.fmt(f),
        }
    }
}
