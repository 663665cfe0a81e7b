//! The chain of one writer's snapshots: each names the one before, so that a hidden or lost one
//! is seen. A writer is one local cache (one machine and user); without a cache each session is
//! a writer of its own.

use super::RepoError;
use super::cache_file::put_cache_file;
use super::repository::Repository;
use super::snapshots::{Ledger, snapshot_hash};
use crate::model::{Snapshot, SnapshotHash};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// What the next snapshot of this writer says of the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    pub writer: [u8; 16],
    pub sequence: u64,
    pub previous: Option<SnapshotHash>,
}

/// Writer (16), sequence of the last snapshot (8, little-endian), its hash (32). BLAKE3 of that
/// follows: a file that was changed begins a new chain, and tells nothing of an old one.
const CONTENT: usize = 56;

/// Numbers of a writer's snapshots that are neither there nor forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    pub writer: [u8; 16],
    pub first: u64,
    pub last: u64,
}

impl Ledger {
    /// Gaps in the chains of all writers. How long a chain is it tells itself, but for those
    /// whose ends are known, by writer and number.
    pub fn gaps(&self, ends: &[([u8; 16], u64)]) -> Vec<Gap> {
        let mut chains: BTreeMap<[u8; 16], BTreeSet<u64>> = BTreeMap::new();
        let live = self.live.iter().map(|snapshot| (snapshot.writer, snapshot.sequence));
        let forgotten =
            self.forgotten_links.iter().map(|(writer, sequence, _)| (*writer, *sequence));
        let ends = ends.iter().map(|(writer, last)| (*writer, last.saturating_add(1)));
        for (writer, sequence) in live.chain(forgotten).chain(ends) {
            chains.entry(writer).or_default().insert(sequence);
        }
        let mut gaps = Vec::new();
        for (writer, sequences) in chains {
            let mut expected = 1;
            // 0 is of a forgotten mark that says nothing more.
            for sequence in sequences.into_iter().filter(|sequence| *sequence > 0) {
                if sequence > expected {
                    gaps.push(Gap { writer, first: expected, last: sequence - 1 });
                }
                expected = sequence.saturating_add(1);
            }
        }
        gaps
    }
}

impl Repository {
    fn chain_path(&self) -> Option<PathBuf> {
        self.cache().map(|cache| cache.join("writer"))
    }

    fn stored_link(&self) -> Option<Link> {
        let bytes = self.chain_path().and_then(|path| std::fs::read(path).ok())?;
        let (content, hash) = bytes.split_first_chunk::<CONTENT>()?;
        (blake3::hash(content).as_bytes() == hash).then(|| parse(content))
    }

    /// The place of the next snapshot in this writer's chain.
    pub fn next_link(&self) -> Result<Link, RepoError> {
        let begin = || Link { writer: self.entropy().bytes(), sequence: 1, previous: None };
        Ok(self.stored_link().unwrap_or_else(begin))
    }

    /// Writer and sequence of the last snapshot that this writer committed, as far as it knows.
    pub fn last_link(&self) -> Option<([u8; 16], u64)> {
        self.stored_link().map(|link| (link.writer, link.sequence.saturating_sub(1)))
    }

    /// Remembers a committed snapshot as the end of the chain. Where that cannot be written the
    /// next snapshot begins a chain of its own.
    pub fn remember_snapshot(&self, snapshot: &Snapshot) {
        let Some(path) = self.chain_path() else { return };
        let mut bytes = snapshot.writer.to_vec();
        bytes.extend_from_slice(&snapshot.sequence.to_le_bytes());
        bytes.extend_from_slice(snapshot_hash(snapshot).bytes());
        let hash = blake3::hash(&bytes);
        bytes.extend_from_slice(hash.as_bytes());
        if put_cache_file(&path, &bytes).is_err() {
            let _ = std::fs::remove_file(&path);
        }
    }
}

fn parse(bytes: &[u8; CONTENT]) -> Link {
    let (mut writer, mut sequence, mut hash) = ([0; 16], [0; 8], [0; 32]);
    writer.copy_from_slice(&bytes[..16]);
    sequence.copy_from_slice(&bytes[16..24]);
    hash.copy_from_slice(&bytes[24..]);
    let sequence = u64::from_le_bytes(sequence).saturating_add(1);
    Link { writer, sequence, previous: Some(SnapshotHash::new(hash)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_lie_before_what_is_known() {
        let hash = SnapshotHash::new([0; 32]);
        let links = [(1, 1), (1, 2), (1, 5), (2, 3), (0, 0)];
        let forgotten_links =
            links.map(|(writer, sequence)| ([writer; 16], sequence, hash)).to_vec();
        let ledger = Ledger { forgotten_links, ..Ledger::default() };
        let gap = |writer, first, last| Gap { writer: [writer; 16], first, last };
        assert_eq!(ledger.gaps(&[]), [gap(1, 3, 4), gap(2, 1, 2)]);
        let end = ([2; 16], 4);
        assert_eq!(ledger.gaps(&[end]), [gap(1, 3, 4), gap(2, 1, 2), gap(2, 4, 4)]);
    }
}
