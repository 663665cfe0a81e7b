//! How entries go into a target.

use super::{ChunkTree, Entry, EntryName, EntryPath};
use std::sync::Arc;

/// Why something could not be written. The restore of other entries goes on.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    #[error("{what}: {cause}")]
    Io { what: &'static str, cause: std::io::Error },
    #[error("{0}")]
    Refused(String),
    /// The repository could not deliver the content.
    #[error("{0}")]
    Content(String),
    /// In the middle of a file.
    #[error("the user asked to stop")]
    Stopped,
}

/// What a target has in an entry's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    Absent,
    /// Kind, content and metadata are those of the entry. (Of a directory only kind and metadata
    /// are compared.)
    Same,
    /// Kind and content are the same, metadata differs.
    MetadataDiffers {
        newer: bool,
    },
    /// Something else is there; `newer` says whether it was modified after the entry was.
    Differs {
        newer: bool,
    },
}

/// A place that entries are restored into.
///
/// Calls come in the order of a depth-first walk: `enter` and `leave` nest. A restore walks
/// twice: first it makes directories and writes entries, then, when all of them are there, it
/// makes the further members of hard-link groups and gives directories their metadata
/// (`finish`), children before parents. An implementation never writes outside its root,
/// whatever it is given, and follows no symbolic link below it.
pub trait Target {
    /// Goes into a child of the directory last entered. It is made if it is absent; if something
    /// else is in its place it is removed where `replace` allows it, else refused.
    fn enter(&mut self, entry: &Entry, replace: bool) -> Result<(), TargetError>;

    /// Gives the directory last entered the entry's metadata.
    fn finish(&mut self, entry: &Entry, content: &dyn ContentSource) -> Result<(), TargetError>;

    /// Leaves the directory last entered.
    fn leave(&mut self);

    /// The place of a child (of any kind) in the directory last entered. The slot may be used
    /// later and on another thread, also after `leave`.
    fn slot(&mut self, entry: &Entry) -> Result<Box<dyn Slot>, TargetError> {
        self.slot_of(&Arc::new(entry.clone()))
    }

    /// The same without a copy of the entry.
    fn slot_of(&mut self, entry: &Arc<Entry>) -> Result<Box<dyn Slot>, TargetError>;

    /// Every directory that is entered from now on was entered before: in none of them is anything
    /// that killed restores left.
    fn all_were_entered(&mut self) {}

    /// The names in the directory last entered, sorted: what `--delete` compares with.
    fn children(&mut self) -> Result<Vec<EntryName>, TargetError>;

    /// Whether a child of the directory last entered is to stay, though the snapshot does not have
    /// it: the rules of backups here leave it out.
    fn spares(&mut self, _name: &EntryName) -> Result<bool, TargetError> {
        Ok(false)
    }

    /// Removes a child of the directory last entered with all below it; returns how many things
    /// that were.
    fn remove(&mut self, name: &EntryName) -> Result<u64, TargetError>;

    /// Makes all that was written durable.
    fn sync(&mut self) -> Result<(), TargetError>;
}

/// The place of one entry.
pub trait Slot: Send {
    /// What is there now; reads the content of a file of the same size to compare its hash.
    /// Changes nothing.
    fn compare(&mut self) -> Result<Presence, TargetError>;

    /// Makes the entry with its metadata, replacing what is there: whole, or not at all. A file's
    /// content is checked against its hash before it appears.
    fn write(&mut self, content: &dyn ContentSource) -> Result<(), TargetError>;

    /// Makes the entry a hard link to `first`, a path below the target's root that was written
    /// by this restore, replacing what is there. Falls back to [`Slot::write`] by itself where
    /// the file system cannot link.
    fn link(&mut self, first: &EntryPath, content: &dyn ContentSource) -> Result<(), TargetError>;

    /// Gives what is there the entry's metadata; the content stays.
    fn write_metadata(&mut self, content: &dyn ContentSource) -> Result<(), TargetError>;
}

/// Delivers the content of chunks.
pub trait ContentSource: Sync {
    /// Calls `sink` with the plain bytes of `tree`, in order, in pieces of at most 16 MiB. Every
    /// piece was checked against its id.
    fn read(
        &self,
        tree: &ChunkTree,
        sink: &mut dyn FnMut(&[u8]) -> Result<(), TargetError>,
    ) -> Result<(), TargetError>;
}
