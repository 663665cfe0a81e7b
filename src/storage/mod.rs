//! Named objects on a medium. Knows names and bytes, never keys or packs.

mod call;
mod discard;
mod limit;
mod local;
mod memory;
mod name;
mod probe;
mod record;
mod retry;
pub mod sim;

pub use call::{Call, Outcome, Subject, Verb};
pub use discard::DiscardStorage;
pub use limit::{LimitStorage, Limits};
pub use local::LocalStorage;
pub use memory::MemoryStorage;
pub use name::{Folder, InvalidObjectName, ObjectName};
pub use probe::{Probe, probe};
pub use record::{RecordStorage, Recorded};
pub use retry::{Patience, RetryStorage};

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::model::SessionId;

/// A place that keeps objects: write-once, later deleted or not.
///
/// The contract that every implementation keeps, and `tests/storage_conformance.rs` holds it to:
///
/// - An object appears whole or not at all, to every reader, also after a crash or a lost
///   connection in the middle of a `put_if_absent`.
/// - When `put_if_absent` returned, `Created` or `Exists`, the object is durable: it survives a
///   power cut. So do the deletions that this value had done before.
/// - Of any number of `put_if_absent` for one name at once, also from several machines, exactly
///   one is `Created`; of equal bytes it may be more where answers are lost (see [`RetryStorage`]).
/// - After `put_if_absent` returned, every `list` and `get` that begins later, anywhere, sees the
///   object, until somebody deletes it. A `list` is no single moment: of two objects that come
///   while it runs it may show the later one and not the earlier.
/// - All calls may be repeated: a second `put_if_absent` of equal bytes says `Exists`, deleting
///   what is gone succeeds.
/// - An error of `put_if_absent` leaves open whether the object is there, unless it says so.
pub trait Storage: Send + Sync {
    /// Stores `bytes` under a name that must not be taken. Never replaces anything.
    fn put_if_absent(&self, name: &ObjectName, bytes: &[u8]) -> Result<Put, StorageError>;

    /// The whole object; refused with [`StorageError::TooLarge`], before memory is taken, above
    /// `limit` bytes.
    fn get(&self, name: &ObjectName, limit: u64) -> Result<Vec<u8>, StorageError>;

    /// Exactly `length` bytes from `offset`; [`StorageError::TooShort`] if the object ends before.
    fn get_range(
        &self,
        name: &ObjectName,
        offset: u64,
        length: usize,
    ) -> Result<Vec<u8>, StorageError>;

    /// Everything in a folder (below it, for [`Folder::Packs`]), in no order. An entry whose name
    /// is no object's is passed over. A folder that does not exist is empty. One of more than
    /// [`Folder::most_names`] is refused with [`StorageError::TooMany`], before memory is taken,
    /// where the medium can: a listing is whole, or an error.
    fn list(&self, folder: Folder) -> Result<Vec<Listed>, StorageError>;

    /// The same, but at most so many of them, whichever: for folders that may hold any number of
    /// objects of somebody else's. Takes memory and time for those only, where the medium can.
    fn list_some(&self, folder: Folder, most: usize) -> Result<Vec<Listed>, StorageError> {
        let mut listed = self.list(folder)?;
        listed.truncate(most);
        Ok(listed)
    }

    /// Removes an object; nothing happens if it is not there. After it returned, nobody sees it.
    fn delete(&self, name: &ObjectName) -> Result<(), StorageError>;

    /// The same place for the writes of one session, which its leftovers are then named by;
    /// `None` where that makes no difference. Without it a writer's leftovers go after a day.
    fn for_session(&self, _session: &SessionId) -> Option<Arc<dyn Storage>> {
        None
    }

    /// Removes what interrupted writers left behind, where the medium has such a thing.
    /// `finished` says of a session id (32 hexadecimal digits) whether its leftovers may go.
    fn sweep(&self, _finished: &dyn Fn(&str) -> bool) -> Result<(), StorageError> {
        Ok(())
    }

    /// Frees a reserve of space, kept so that a full disk can still be cleaned up. Does nothing
    /// where there is none.
    fn release_reserve(&self) -> Result<(), StorageError> {
        Ok(())
    }

    /// Takes a reserve of so many bytes again, or gives up what is more; quietly does without
    /// where there is no space.
    fn restore_reserve(&self, _bytes: u64) -> Result<(), StorageError> {
        Ok(())
    }

    /// Where this is, for people; without credentials.
    fn address(&self) -> String;
}

/// How waiting is done: [`std::thread::sleep`], or the turning of a clock in a test.
pub type Pause = Arc<dyn Fn(Duration) + Send + Sync>;

/// What became of a `put_if_absent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    Created,
    /// The name was taken; nothing was changed.
    Exists,
}

/// An object in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    pub name: ObjectName,
    /// Bytes.
    pub size: u64,
    /// When it was stored, by the medium's clock.
    pub stored: Timestamp,
}

/// Why storage did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StorageError {
    #[error("{name} is not there")]
    Absent { name: ObjectName },
    /// The whole place is missing: no such folder or bucket.
    #[error("{address} does not exist")]
    NoPlace { address: String },
    #[error("{name} is {size} bytes long, more than the {limit} that it may have")]
    TooLarge { name: ObjectName, size: u64, limit: u64 },
    #[error("{name} ends before byte {end}")]
    TooShort { name: ObjectName, end: u64 },
    /// More names than snap works with: see [`Folder::most_names`].
    #[error("{what} holds more than {most} names")]
    TooMany { what: String, most: usize },
    #[error("no space is left at {address}")]
    Full { address: String },
    #[error("access to {what} is denied")]
    Denied { what: String },
    /// Trying again may help.
    #[error("{what}: {why}")]
    Unavailable { what: String, why: String },
    #[error("{what}: {why}")]
    Failed { what: String, why: String },
}
