//! Snapshots as a file system that is read: entries by name and by place, ranges of files, the
//! list of snapshots. Shared by all threads; memory is bounded by bytes.

mod cache;
mod content;
mod links;
mod roster;
mod tree;

pub use content::FileContent;
pub use roster::Roster;
pub use tree::{Page, Place};

use crate::model::{BlobId, ChunkTree, Entry, SessionId};
use crate::repo::{BlobReader, RepoError, Repository};
use cache::ByteCache;
use links::LinkCounts;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use tree::Part;

/// Bytes of pieces of trees that are kept decoded.
const PIECES: usize = 64 << 20;

/// Bytes of chunks that are kept decompressed.
const CHUNKS: usize = 64 << 20;

/// So many faults are remembered as told; then it begins anew.
const FAULTS: usize = 10_000;

/// Reads snapshots of one repository. Snapshots made meanwhile are found, too.
pub struct View {
    reader: BlobReader,
    pieces: ByteCache<BlobId, Arc<Part>>,
    chunks: ByteCache<BlobId, Arc<Vec<u8>>>,
    links: LinkCounts,
    told: Mutex<HashSet<String>>,
}

impl View {
    /// Reads the index.
    pub fn new(repository: Arc<Repository>) -> Result<Self, RepoError> {
        Ok(Self {
            reader: BlobReader::for_reading(repository)?,
            pieces: ByteCache::new(PIECES),
            chunks: ByteCache::new(CHUNKS),
            links: LinkCounts::default(),
            told: Mutex::default(),
        })
    }

    pub fn repository(&self) -> &Arc<Repository> {
        self.reader.repository()
    }

    pub fn reader(&self) -> &BlobReader {
        &self.reader
    }

    /// The plain bytes of a short chunk tree, such as an attribute's value; one that is longer
    /// than `limit` bytes is refused.
    pub fn bytes(&self, chunks: &ChunkTree, limit: usize) -> Result<Vec<u8>, RepoError> {
        let length = chunks.length().and_then(|length| usize::try_from(length).ok());
        let Some(length) = length.filter(|length| *length <= limit) else {
            let why = format!("it is longer than the {limit} bytes that it may have");
            return Err(RepoError::Damaged { name: "a value in chunks".to_owned(), why });
        };
        let mut bytes = vec![0; length];
        self.copy_data(chunks, 0, &mut bytes)?;
        Ok(bytes)
    }

    /// What is left to do after an error of reading: the pack that is to blame is marked, so
    /// that the next backup that still has the content stores it again. Not for a snapshot that
    /// was forgotten meanwhile, which may well lack something. Where the repository cannot be
    /// written nothing is marked. Returns whether this is the first time that it is seen.
    pub fn blame(&self, error: &RepoError, snapshot: SessionId) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.len() >= FAULTS {
            told.clear();
        }
        let is_new = told.insert(error.to_string());
        drop(told);
        let repository = self.repository();
        if is_new && error.blamed().is_some() && repository.is_live(snapshot).unwrap_or(false) {
            let _ = repository.mark_blamed(error);
        }
        is_new
    }

    /// How many names an entry has in its snapshot. Costs a walk through the snapshot for the
    /// first entry that has more than one; in very large snapshots 2 stands for all of them.
    pub fn link_count(&self, root: &Root, entry: &Entry) -> u64 {
        match &entry.link_group {
            None => 1,
            Some(group) => self.links.count(self, root, group),
        }
    }
}

/// The files of one snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Root {
    pub snapshot: SessionId,
    /// The directory that `/` is; `None` if the snapshot has no files.
    pub tree: Option<BlobId>,
    /// How many entries there are, as the snapshot says.
    pub entries: u64,
}
