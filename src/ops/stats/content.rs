//! What a set of snapshots, or a part of one, consists of.

use super::Blobs;
use crate::codec::BlobClass;
use crate::model::{BlobId, Entry, Monitor, Snapshot, Summary};
use crate::ops::live::LiveBlobs;
use crate::ops::prune::needed;
use crate::ops::reach::{Reach, Visitor};
use crate::repo::{BlobIndex, BlobReader, RepoError};

/// Sizes on the way from files to what is stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Content {
    pub snapshots: u64,
    /// Everything, as a restore would write it: of several snapshots the sum.
    pub restored: Summary,
    /// Distinct blobs with the content of files.
    pub data: Blobs,
    /// Distinct blobs with folders and lists.
    pub trees: Blobs,
}

impl Content {
    pub fn blobs(&self) -> Blobs {
        self.data.with(self.trees)
    }

    /// What `live` marks, each blob once.
    pub fn of_live(index: &BlobIndex, live: &LiveBlobs) -> Self {
        let mut content = Self::default();
        for at in needed(index, live).filter_map(|(lines, _)| index.location(lines.start)) {
            match index.packs().get(at.pack as usize).map(|pack| pack.class) {
                Some(BlobClass::Tree) => content.trees.add(at),
                _ => content.data.add(at),
            }
        }
        content
    }

    /// The same with what restores of these snapshots would write.
    pub fn with_restored(mut self, snapshots: &[Snapshot]) -> Self {
        self.snapshots = snapshots.len() as u64;
        snapshots.iter().for_each(|snapshot| self.add_restored(snapshot.summary));
        self
    }

    fn add_restored(&mut self, summary: Summary) {
        let sum = &mut self.restored;
        sum.files = sum.files.saturating_add(summary.files);
        sum.directories = sum.directories.saturating_add(summary.directories);
        sum.bytes = sum.bytes.saturating_add(summary.bytes);
    }
}

/// What these snapshots consist of.
pub fn content_of(
    reader: &BlobReader,
    snapshots: &[Snapshot],
    monitor: &dyn Monitor,
) -> Result<Content, RepoError> {
    let catalog = reader.catalog();
    let live = LiveBlobs::of_snapshots(reader, catalog.index(), snapshots, monitor)?;
    Ok(Content::of_live(catalog.index(), &live).with_restored(snapshots))
}

/// What these entries of one snapshot consist of.
pub fn content_of_entries<'a>(
    reader: &BlobReader,
    entries: impl IntoIterator<Item = &'a Entry>,
    monitor: &dyn Monitor,
) -> Result<Content, RepoError> {
    let catalog = reader.catalog();
    let index = catalog.index();
    let reach = Reach::new(reader, index, monitor)?;
    let mut marking = Marking { live: LiveBlobs::new(index), index };
    let mut restored = Summary::default();
    for entry in entries {
        restored = restored.with(&entry.kind);
        reach.walk_entry(entry, (), &mut marking)?;
    }
    let content = Content::of_live(index, &marking.live);
    Ok(Content { snapshots: 1, restored, ..content })
}

struct Marking<'a> {
    live: LiveBlobs,
    index: &'a BlobIndex,
}

impl Visitor for Marking<'_> {
    type Place = ();

    fn blob(&mut self, id: &BlobId, (): ()) -> bool {
        self.live.mark(self.index, id)
    }
}
