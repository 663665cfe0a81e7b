//! The nouns, as plain values that are valid by construction, and the traits by which strangers
//! meet: [`Source`] (entries and bytes out), [`Target`] (entries in), [`Monitor`] (progress and
//! non-fatal problems). Nothing here does I/O.

mod collection;
mod entry;
mod id;
mod metadata;
mod monitor;
mod name;
mod snapshot;
mod source;
mod target;
mod time;
mod world;

pub use collection::{
    ClusterTime, Collection, CollectionKind, Consistency, DocumentTree, Documents, escape_name,
    unescape_name,
};
pub use entry::{
    ChunkRef, ChunkTree, Directory, Entry, Extent, File, Kind, Reading, Summary, data_extents,
};
pub use id::{
    BlobId, ContentHash, IndexId, InvalidId, KeyId, PackId, RepositoryId, SessionId, SnapshotHash,
    StreamId,
};
pub use metadata::{Attribute, AttributeValue, InodeFlags, Metadata};
pub use monitor::{Counter, Fate, Monitor, Problem, ProblemKind, Silent, Stage};
pub use name::{EntryName, EntryPath, InvalidName};
pub use snapshot::{
    Host, InPlace, Snapshot, SnapshotKind, SnapshotSource, SourceDatabase, SourcePlace,
    SourcePlaces,
};
pub use source::{Content, Fresh, Origin, Recorded, Source, SourceError, Step, Stream, Verdict};
pub use target::{ContentSource, Presence, Slot, Target, TargetError};
pub use time::FileTime;
pub use world::{Clock, Entropy, OsEntropy, SystemClock};
