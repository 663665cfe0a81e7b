//! What the operating system's errors mean for storage.

use std::io;
use std::path::Path;

use rustix::io::Errno;

use crate::storage::StorageError;

/// The error of doing something to `what` in the repository at `place`.
pub(super) fn error(place: &Path, what: &Path, why: &io::Error) -> StorageError {
    let what = what.display().to_string();
    match Errno::from_io_error(why) {
        Some(Errno::NOSPC | Errno::DQUOT) => {
            StorageError::Full { address: place.display().to_string() }
        }
        Some(Errno::ACCESS | Errno::PERM | Errno::ROFS) => StorageError::Denied { what },
        Some(errno) if passing(errno) => StorageError::Unavailable { what, why: why.to_string() },
        _ => StorageError::Failed { what, why: why.to_string() },
    }
}

pub(super) fn is_full(why: &io::Error) -> bool {
    matches!(Errno::from_io_error(why), Some(Errno::NOSPC | Errno::DQUOT))
}

/// Errors that a busy machine or a mounted network disk gets over.
fn passing(errno: Errno) -> bool {
    [
        Errno::AGAIN,
        Errno::BUSY,
        Errno::HOSTDOWN,
        Errno::HOSTUNREACH,
        Errno::INTR,
        Errno::MFILE,
        Errno::NETDOWN,
        Errno::NETUNREACH,
        Errno::NFILE,
        Errno::NOMEM,
        Errno::STALE,
        Errno::TIMEDOUT,
    ]
    .contains(&errno)
}
