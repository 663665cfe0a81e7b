//! How entries come out of a source: a walk in order, its bytes read later and in parallel.

use super::{EntryName, EntryPath, Extent, Kind, Metadata};

/// A failure that ends the whole source (a single entry's is a [`super::Problem`]).
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    #[error("cannot read {what}: {cause}")]
    Io { what: String, cause: std::io::Error },
    #[error("{0}")]
    Other(String),
}

/// A place that things are backed up from. It is asked for [`Step`]s until it has none.
///
/// Steps describe a depth-first walk below one root, names ascending by bytes in each directory.
/// `Enter`/`Leave` nest; the root itself has neither. Problems with single entries go to the
/// monitor that the source was made with; the walk goes on.
pub trait Source {
    /// The next step; `None` at the end, and ever after. `recorded` says which entries may be
    /// taken from the last snapshot unread.
    fn next(&mut self, recorded: &mut dyn Recorded) -> Result<Option<Step>, SourceError>;
}

/// One step of a walk.
pub enum Step {
    /// A directory begins: what follows until its `Leave` are its children.
    Enter { name: EntryName },
    /// A thing that has no children.
    Entry { name: EntryName, origin: Origin },
    /// The directory last entered ends.
    Leave {
        /// The directory's own metadata; `None` if it is as it was recorded.
        metadata: Option<Metadata>,
        /// Whether all below is as it was recorded: the same names, every one of them unchanged.
        /// False if anything below could not be read.
        children_unchanged: bool,
    },
}

/// Where the rest of an entry is found.
pub enum Origin {
    /// It is what the last snapshot has under this path; `size` is for the counters.
    Recorded { size: u64 },
    /// All known already: everything but regular files.
    Complete(Box<Fresh>),
    /// A regular file, to be read on whatever thread has time. `known` says whether the last
    /// snapshot had something under this path (changed, not new).
    Stream { stream: Box<dyn Stream>, known: bool },
}

/// Metadata as read just now.
pub struct Fresh {
    pub kind: Kind,
    /// Attribute values are all inline here.
    pub metadata: Metadata,
    pub link_group: Option<EntryPath>,
    pub known: bool,
}

/// A file that can be read, several times if it must.
pub trait Stream: Send {
    /// Starts reading from the beginning, also again. Returns what the file is now; its content
    /// is the bytes of [`super::data_extents`]`(size, holes)` in order.
    fn begin(&mut self) -> Result<Content, std::io::Error>;

    /// Fills `buffer` from its start with the next bytes; fewer than its length only at the end,
    /// where it returns 0. (A file that became shorter delivers what it has; `finish` says
    /// `Again`.)
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, std::io::Error>;

    /// After the end: whether what was read is one state of the file.
    fn finish(&mut self) -> Result<Verdict, std::io::Error>;

    /// The path, for messages.
    fn path(&self) -> &EntryPath;
}

/// What a file is at the moment its reading begins.
pub struct Content {
    pub size: u64,
    pub holes: Vec<Extent>,
    pub metadata: Metadata,
    pub link_group: Option<EntryPath>,
}

/// Whether a file stood still while it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Steady,
    /// It has only become longer.
    Grew,
    /// It was changed: read it again.
    Again,
    /// It is no file but a stream, which ended: what was read is all of it, whatever size
    /// [`Stream::begin`] told.
    Ended,
}

/// What the last snapshot has of a source, asked by the walk.
pub trait Recorded {
    /// Whether the entry of this name (not a directory) in `directory` may be taken from the
    /// last snapshot without being read: it is there, and the repository holds all of it for
    /// sure.
    fn reusable(&mut self, directory: &EntryPath, name: &EntryName) -> bool;
}
