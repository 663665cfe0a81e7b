//! Notes of restores in place that are under way, in a local folder: so that the next run of one
//! that was killed knows that there was an earlier one.

use crate::model::SessionId;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// One empty file for each safety snapshot whose restore has not come to its end, named by it.
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
            .and_then(|()| std::fs::File::create(self.folder.join(safety.hex())))
            .and_then(|file| file.sync_all())
            .and_then(|()| std::fs::File::open(&self.folder)?.sync_all());
        // Said above: what is lost without it.
        let _ = noted;
    }

    /// The restore came to its end, or was undone.
    pub fn end(&self, safety: SessionId) {
        let _ = std::fs::remove_file(self.folder.join(safety.hex()));
    }

    /// Safety snapshots of restores that did not come to their end.
    pub fn unfinished(&self) -> HashSet<SessionId> {
        let Ok(listed) = std::fs::read_dir(&self.folder) else { return HashSet::new() };
        let names = listed.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        names.filter_map(|name| name.parse().ok()).collect()
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
}
