//! The chain of one writer's snapshots: each names the one before, so that a hidden or lost one
//! is seen. A writer is one local cache (one machine and user); without a cache each session is
//! a writer of its own.

use super::RepoError;
use super::repository::Repository;
use super::snapshots::snapshot_hash;
use crate::model::{Snapshot, SnapshotHash};
use std::path::PathBuf;

/// What the next snapshot of this writer says of the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    pub writer: [u8; 16],
    pub sequence: u64,
    pub previous: Option<SnapshotHash>,
}

/// Writer (16), sequence of the last snapshot (8, little-endian), its hash (32).
const LENGTH: usize = 56;

impl Repository {
    fn chain_path(&self) -> Option<PathBuf> {
        self.cache().map(|cache| cache.join("writer"))
    }

    /// The place of the next snapshot in this writer's chain.
    pub fn next_link(&self) -> Result<Link, RepoError> {
        let stored = self.chain_path().and_then(|path| std::fs::read(path).ok());
        let stored = stored.and_then(|bytes| <[u8; LENGTH]>::try_from(bytes).ok());
        Ok(match stored {
            Some(bytes) => parse(&bytes),
            None => Link { writer: self.entropy().bytes(), sequence: 1, previous: None },
        })
    }

    /// Remembers a committed snapshot as the end of the chain. Where that cannot be written the
    /// next snapshot begins a chain of its own.
    pub fn remember_snapshot(&self, snapshot: &Snapshot) {
        let Some(path) = self.chain_path() else { return };
        let mut bytes = snapshot.writer.to_vec();
        bytes.extend_from_slice(&snapshot.sequence.to_le_bytes());
        bytes.extend_from_slice(snapshot_hash(snapshot).bytes());
        let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
        let written = path
            .parent()
            .map_or(Ok(()), std::fs::create_dir_all)
            .and_then(|()| std::fs::write(&temporary, bytes))
            .and_then(|()| std::fs::rename(&temporary, &path));
        if written.is_err() {
            let _ = std::fs::remove_file(&path);
        }
    }
}

fn parse(bytes: &[u8; LENGTH]) -> Link {
    let (mut writer, mut sequence, mut hash) = ([0; 16], [0; 8], [0; 32]);
    writer.copy_from_slice(&bytes[..16]);
    sequence.copy_from_slice(&bytes[16..24]);
    hash.copy_from_slice(&bytes[24..]);
    let sequence = u64::from_le_bytes(sequence).saturating_add(1);
    Link { writer, sequence, previous: Some(SnapshotHash::new(hash)) }
}
