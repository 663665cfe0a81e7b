//! One open repository: keys, packs, index, trees, snapshots, sessions, prune marks.

mod blob_index;
mod catalog;
mod chain;
mod damage;
mod error;
mod index_cache;
mod inspect;
mod marks;
mod objects;
mod open;
mod packer;
mod reader;
mod repository;
mod session;
mod settings;
mod snapshots;
mod tree_reader;
mod tree_writer;
mod unindexed;
mod uploads;

pub use blob_index::{BlobIndex, Location, PackEntry, cut};
pub use catalog::{Catalog, ListedPack};
pub use chain::{Gap, Link};
pub use damage::UNKNOWN_PACK;
pub use error::RepoError;
pub use inspect::LostCommits;
pub use marks::{NumberedMark, Progress};
pub use open::{Credential, InitOptions, init, open, read_marker};
pub use packer::{FinishedPack, OpenPack, SealedBlob};
pub use reader::BlobReader;
pub use repository::{Repository, Surroundings};
pub use session::{Session, Writer};
pub use snapshots::{Ledger, Undecided, snapshot_hash};
pub use tree_reader::TreeEntries;
pub use tree_writer::{ChunkTreeWriter, TreeSink, TreeWriter};
