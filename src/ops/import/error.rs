//! Why a backup is not imported.

use crate::codec::JsonInputError;
use crate::ops::sorter::SorterError;
use crate::repo::RepoError;
use std::io;
use std::path::{Path, PathBuf};

#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error(transparent)]
    Repo(#[from] RepoError),
    #[error("cannot read {}: {cause}", .path.display())]
    Read { path: PathBuf, cause: io::Error },
    /// It is not whole, or not what it says: nothing of it is imported.
    #[error("{} is broken: {why}", .path.display())]
    Broken { path: PathBuf, why: String },
    #[error("{} is no backup that can be imported: {why}", .path.display())]
    NoBackup { path: PathBuf, why: String },
    #[error("there is no backup in {}", .0.display())]
    Nothing(PathBuf),
    #[error(transparent)]
    Scratch(#[from] SorterError),
    #[error("the user asked to stop")]
    Stopped,
}

impl ImportError {
    pub fn read(path: &Path, cause: io::Error) -> Self {
        // What ends early, or does not unpack, is broken; what cannot be read may be read later.
        match cause.kind() {
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::InvalidInput
            | io::ErrorKind::InvalidData => Self::broken(path, cause),
            _ => Self::Read { path: path.to_path_buf(), cause },
        }
    }

    pub fn broken(path: &Path, why: impl ToString) -> Self {
        Self::Broken { path: path.to_path_buf(), why: why.to_string() }
    }

    pub fn no_backup(path: &Path, why: impl ToString) -> Self {
        Self::NoBackup { path: path.to_path_buf(), why: why.to_string() }
    }

    pub fn json(path: &Path, error: JsonInputError) -> Self {
        match error {
            JsonInputError::Read(cause) => Self::read(path, cause),
            error => Self::broken(path, error),
        }
    }
}
