//! Notes of restores in place that are under way, in a local folder: so that the next run of one
//! that was killed knows that there was an earlier one.

use crate::model::SessionId;
use std::collections::HashSet;
use std::io::Write;
use std::path::{Path, PathBuf};

/// What a note says that nobody may go on with. Any other content says the same.
const CLOSED: &[u8] = b"closed\n";

/// One file for each safety snapshot whose restore has not done all that it was to do, named by
/// it. It is empty while that is under way, and stays so if it is cut off: the next run of the
/// same may go on with it. It is closed if the restore came to an end with failures, or if
/// another one has changed the same paths since.
///
/// Where it cannot be written, the restore that is run again has a safety snapshot of its own,
/// and a rollback of both takes two.
#[derive(Debug, Clone)]
pub struct Journal {
    folder: PathBuf,
}

impl Journal {
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// Noted before the safety snapshot is committed, and so before anything is changed.
    pub fn begin(&self, safety: SessionId) {
        let noted = std::fs::create_dir_all(&self.folder)
            .and_then(|()| std::fs::File::create(self.note(safety)))
            .and_then(|file| file.sync_all())
            .and_then(|()| std::fs::File::open(&self.folder)?.sync_all());
        // Said above: what is lost without it.
        let _ = noted;
    }

    /// Nobody may go on with it any more; without a note, nothing happens.
    pub fn close(&self, safety: SessionId) {
        let note = std::fs::OpenOptions::new().write(true).open(self.note(safety));
        // Who looks for one to go on with compares it with the other safety snapshots, too.
        let _ = note.and_then(|mut note| note.write_all(CLOSED).and_then(|()| note.sync_all()));
    }

    /// The restore did all that it was to do, or was undone.
    pub fn end(&self, safety: SessionId) {
        let _ = std::fs::remove_file(self.note(safety));
    }

    /// Safety snapshots of restores that have not done all that they were to do.
    pub fn unfinished(&self) -> HashSet<SessionId> {
        let Ok(listed) = std::fs::read_dir(&self.folder) else { return HashSet::new() };
        let names = listed.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        names.filter_map(|name| name.parse().ok()).collect()
    }

    /// Whether it was cut off, or is under way, and was not closed since.
    pub fn is_open(&self, safety: SessionId) -> bool {
        std::fs::symlink_metadata(self.note(safety)).is_ok_and(|note| note.len() == 0)
    }

    fn note(&self, safety: SessionId) -> PathBuf {
        self.folder.join(safety.hex())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_begun_is_unfinished_until_it_ends() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::new(&folder.path().join("restores"));
        assert!(journal.unfinished().is_empty());
        let (one, two) = (SessionId::new([1; 16]), SessionId::new([2; 16]));
        journal.begin(one);
        journal.begin(two);
        journal.end(one);
        assert_eq!(journal.unfinished(), HashSet::from([two]));
    }

    #[test]
    fn what_is_closed_is_unfinished_and_not_gone_on_with() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::new(folder.path());
        let (one, two) = (SessionId::new([1; 16]), SessionId::new([2; 16]));
        journal.begin(one);
        assert!(journal.is_open(one) && !journal.is_open(two));
        journal.close(one);
        journal.close(two);
        assert!(!journal.is_open(one));
        assert_eq!(journal.unfinished(), HashSet::from([one]));
    }
}
