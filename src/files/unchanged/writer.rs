//! Writing down what a backup sees.

use super::record::{Fingerprint, KEY, MAGIC, PathKey, SEGMENT_HEAD, TABLE_LINE, segment_checksum};
use crate::model::{Entropy, EntryPath, OsEntropy, SessionId};
use rustix::fs::FlockOperation;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// Bytes of children after which a directory goes on in another segment.
const SEGMENT: usize = 1 << 20;

/// What one walk sees, on its way into the cache. It counts only once it is committed; dropped
/// before that, it leaves nothing behind.
#[derive(Debug)]
pub struct Recording {
    state: Mutex<Option<State>>,
    spoiled: Mutex<BTreeSet<[u8; KEY]>>,
    /// Where it goes when it is committed.
    path: PathBuf,
    source_set: [u8; 32],
}

#[derive(Debug)]
struct State {
    temporary: PathBuf,
    file: BufWriter<File>,
    length: u64,
    table: Vec<(PathKey, u64, u32)>,
}

impl Recording {
    pub(super) fn new(path: PathBuf, source_set: [u8; 32]) -> io::Result<Self> {
        let name = format!("{:016x}.tmp", u64::from_le_bytes((&OsEntropy as &dyn Entropy).bytes()));
        let temporary = path.with_extension(name);
        let file = File::options().write(true).create_new(true).open(&temporary)?;
        // Held for as long as the file is written: it tells others not to clear it away.
        rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive)?;
        let mut file = BufWriter::with_capacity(1 << 17, file);
        file.write_all(MAGIC)?;
        let state = State { temporary, file, length: MAGIC.len() as u64, table: Vec::new() };
        Ok(Self { state: Mutex::new(Some(state)), spoiled: Mutex::default(), path, source_set })
    }

    /// Makes the next backup read `path` again, whatever it looks like then. For entries that
    /// could not be read whole or that changed while they were read. Any thread.
    pub fn spoil(&self, path: &EntryPath) {
        lock(&self.spoiled).insert(PathKey::of(path).0);
    }

    /// Puts the recording in place of the last one. Must be called only after `snapshot`, which
    /// holds what was walked, was committed, and only if the walk came to its end. Once.
    pub fn commit(&self, snapshot: SessionId) -> io::Result<()> {
        let Some(mut state) = lock(&self.state).take() else {
            return Err(io::Error::other("what the walk saw could not be written down"));
        };
        state.table.sort_unstable();
        let end = state.end(&lock(&self.spoiled), snapshot, &self.source_set);
        state.file.write_all(&end)?;
        state.file.flush()?;
        std::fs::rename(&state.temporary, &self.path)
    }

    /// Takes a part of a directory. After a fault nothing more is recorded.
    pub(super) fn add(&self, key: PathKey, segment: &[u8]) {
        let mut slot = lock(&self.state);
        if let Some(state) = slot.as_mut()
            && state.add(key, segment).is_err()
        {
            *slot = None;
        }
    }
}

impl State {
    fn add(&mut self, key: PathKey, segment: &[u8]) -> io::Result<()> {
        let length = u32::try_from(segment.len()).map_err(io::Error::other)?;
        self.file.write_all(segment)?;
        self.table.push((key, self.length, length));
        self.length = self.length.saturating_add(length.into());
        Ok(())
    }

    /// All that comes after the segments.
    fn end(&self, spoiled: &BTreeSet<[u8; KEY]>, snapshot: SessionId, set: &[u8; 32]) -> Vec<u8> {
        let mut end = Vec::with_capacity(self.table.len().saturating_mul(TABLE_LINE));
        end.extend(spoiled.iter().flatten());
        for (key, offset, length) in &self.table {
            end.extend_from_slice(&key.0);
            end.extend_from_slice(&offset.to_le_bytes());
            end.extend_from_slice(&length.to_le_bytes());
        }
        end.extend_from_slice(&self.length.to_le_bytes());
        end.extend_from_slice(&(spoiled.len() as u64).to_le_bytes());
        end.extend_from_slice(&(self.table.len() as u64).to_le_bytes());
        end.extend_from_slice(snapshot.bytes());
        end.extend_from_slice(set);
        let checksum = blake3::hash(&end);
        end.extend_from_slice(checksum.as_bytes());
        end
    }
}

impl Drop for State {
    fn drop(&mut self) {
        // Fails after a commit, as it should.
        let _ = std::fs::remove_file(&self.temporary);
    }
}

/// One directory's records, collected while it is walked.
pub(in super::super) struct DirectoryRecord {
    key: PathKey,
    segment: Vec<u8>,
}

impl DirectoryRecord {
    pub fn new(key: PathKey, own: &Fingerprint) -> Self {
        let mut segment = vec![0; 8];
        segment.extend_from_slice(&key.0);
        own.write_stat(&mut segment);
        Self { key, segment }
    }

    /// Adds a child; names must come in ascending order.
    pub fn add(&mut self, name: &[u8], child: &Fingerprint, recording: &Recording) {
        child.write_child(name, &mut self.segment);
        if self.segment.len() > SEGMENT {
            self.store(recording);
            self.segment.truncate(SEGMENT_HEAD);
        }
    }

    /// Passes it on to `recording`.
    pub fn store(&mut self, recording: &Recording) {
        if let Some((checksum, rest)) = self.segment.split_first_chunk_mut::<8>() {
            *checksum = segment_checksum(rest);
        }
        recording.add(self.key, &self.segment);
    }
}

/// Removes what killed runs have left of recordings for `path`.
pub(super) fn remove_leftovers(path: &Path) {
    let (Some(folder), Some(stem)) = (path.parent(), path.file_stem()) else { return };
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let ours = name.as_encoded_bytes().strip_prefix(stem.as_encoded_bytes());
        if ours.is_some_and(|rest| rest.len() == 21 && rest.ends_with(b".tmp")) {
            remove_if_abandoned(&entry.path());
        }
    }
}

fn remove_if_abandoned(path: &Path) {
    if let Ok(file) = File::open(path)
        && rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok()
    {
        let _ = std::fs::remove_file(path);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
