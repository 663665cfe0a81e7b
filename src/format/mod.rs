//! Bytes to model and back: one file per on-disk object, each mirroring its section in
//! `docs/format.md`. The only home of serde for the disk.

mod cluster_time;
mod config;
mod damaged;
mod document_leaf;
mod forgotten;
mod index;
mod marker;
mod names;
mod pack;
mod piece;
mod place;
mod prune;
mod record;
mod segment;
mod session;
mod slot;
mod snapshot;
mod tree_entry;

pub use config::RepositoryConfig;
pub use damaged::Damaged;
pub use document_leaf::{DocumentLeaf, LARGEST_DOCUMENT, documents};
pub use forgotten::Forgotten;
pub use index::{Index, IndexedPack};
pub use marker::{MAGIC, Marker};
pub use names::*;
pub use pack::{FOOTER_LENGTH, PackFooter, PackTable, PackedBlob};
pub use piece::{ChildPiece, ChunkList, Piece, PieceItems, encode_entry};
pub use place::{Frame, Place};
pub use prune::PruneMark;
pub use segment::{LARGEST_SEGMENT, LogPlace, SegmentHeader, Segments};
pub use session::{Announcement, ProcessIdentity, SessionKind};
pub use slot::{KeySlot, SlotHead, SlotKind, decode_ring, encode_ring};
pub use snapshot::Commit;

/// The format that this program writes, and the newest that it reads. 0 is a draft: repositories
/// of it will not be readable for ever.
pub const VERSION: u32 = 0;

/// The largest plain blob, in bytes.
pub const LARGEST_BLOB: usize = 16 << 20;

/// The largest object that is read whole (an index object, a snapshot), in bytes as stored.
pub const LARGEST_OBJECT: u64 = 64 << 20;

/// Why bytes are not the object that they should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    #[error(
        "it has format version {found}, and this snap reads up to {newest}",
        newest = VERSION
    )]
    TooNew { found: u32 },
    #[error("it is not a well-formed {what}: {why}")]
    Malformed { what: &'static str, why: String },
}

impl FormatError {
    pub(crate) fn malformed(what: &'static str, why: impl ToString) -> Self {
        Self::Malformed { what, why: why.to_string() }
    }
}
