//! The list of what was absent, as a tree.

use super::earlier::Certainty;
use crate::model::{Directory, Entry, EntryName, FileTime, Kind, Metadata, Summary};
use crate::repo::{RepoError, TreeWriter};

/// One directory of the list.
#[derive(Default)]
pub struct AbsentDirectory {
    tree: TreeWriter,
    summary: Summary,
}

impl AbsentDirectory {
    /// Adds what the restore is about to make; names ascend.
    pub fn push(&mut self, entry: Entry, certainty: &mut Certainty<'_>) -> Result<(), RepoError> {
        let entry = certainty.certain(entry)?;
        self.summary = self.summary.with(&entry.kind);
        self.tree.push(&entry, &mut certainty.sink())
    }

    /// The whole directory. `metadata` is that of the snapshot; `None` for one that was there.
    pub fn finish(
        self,
        name: EntryName,
        metadata: Option<Metadata>,
        certainty: &mut Certainty<'_>,
    ) -> Result<Entry, RepoError> {
        let tree = Some(self.tree.finish(&mut certainty.sink())?);
        let kind = Kind::Directory(Directory { tree, summary: self.summary });
        let nobody =
            || Metadata { mode: 0o755, modified: FileTime::default(), ..Metadata::default() };
        let metadata = metadata.unwrap_or_else(nobody);
        Ok(Entry { name, kind, metadata, link_group: None })
    }
}
