//! What folders and types of files take.

use super::Blobs;
use super::overhead::Overhead;
use crate::model::{BlobId, Directory, Entry, EntryName, EntryPath, File, Kind, Monitor, Snapshot};
use crate::ops::live::{Broken, LiveBlobs, of_those_there};
use crate::ops::reach::{Reach, Visitor};
use crate::repo::{BlobIndex, BlobReader, RepoError};
use std::collections::HashMap;

/// By what is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grouping {
    /// By folder, so many levels below where the counting begins.
    Folder { depth: usize },
    /// By the end of the name.
    Type,
}

/// What a share is of.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ShareName {
    Folder(EntryPath),
    /// In small letters, with its dot; empty for files that have none.
    Extension(String),
    /// Directories themselves, and whatever is no file; the word for it.
    Kind(&'static str),
    /// What came when there were too many groups already.
    Others,
}

/// One group's part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    pub name: ShareName,
    /// Everything but directories. Of all snapshots: each version that brought something.
    pub files: u64,
    /// Bytes of those, as restored.
    pub size: u64,
    /// Distinct blobs, each counted where it is met first (oldest snapshot, then order of the
    /// tree); with their part of tables and index.
    pub blobs: Blobs,
}

/// At most so many groups are told apart.
const MOST_GROUPS: usize = 100_000;
/// A longer end of a name is no type.
const LONGEST_EXTENSION: usize = 12;

/// The shares of what entries of one snapshot, which lie at these paths, hold. Takes as long as a
/// listing of all. Biggest first.
pub fn share_of_entries<'a>(
    reader: &BlobReader,
    entries: impl IntoIterator<Item = (&'a EntryPath, &'a Entry)>,
    grouping: Grouping,
    monitor: &dyn Monitor,
) -> Result<Vec<Share>, RepoError> {
    let catalog = reader.catalog();
    let reach = Reach::new(reader, catalog.index(), monitor)?;
    let mut groups = Groups::new(catalog.index(), grouping, true);
    for (path, entry) in entries {
        groups.walk(&reach, path, entry)?;
    }
    Ok(groups.sorted(Overhead::of(reader.repository(), &catalog)?))
}

/// The shares of all that the sources of these snapshots hold, in order of `begun`. Each tree is
/// read once. Biggest first.
pub fn share_of_snapshots(
    reader: &BlobReader,
    snapshots: &[Snapshot],
    grouping: Grouping,
    monitor: &dyn Monitor,
) -> Result<Vec<Share>, RepoError> {
    let catalog = reader.catalog();
    let reach = Reach::new(reader, catalog.index(), monitor)?;
    let groups = of_those_there(reader, snapshots, |snapshots| {
        let mut groups = Groups::new(catalog.index(), grouping, false);
        for snapshot in snapshots {
            let walked = groups.walk_sources(&reach, snapshot);
            walked.map_err(|error| -> Broken { (snapshot.id, error) })?;
        }
        Ok(groups)
    })?;
    Ok(groups.sorted(Overhead::of(reader.repository(), &catalog)?))
}

/// Where something lies: its group, and how many levels of folders below are told apart.
#[derive(Debug, Clone, Copy)]
struct Place {
    group: usize,
    levels: usize,
}

struct Groups<'a> {
    index: &'a BlobIndex,
    met: LiveBlobs,
    grouping: Grouping,
    /// Each file counts, though the same was met before.
    each: bool,
    shares: Vec<Share>,
    numbers: HashMap<ShareName, usize>,
}

impl<'a> Groups<'a> {
    fn new(index: &'a BlobIndex, grouping: Grouping, each: bool) -> Self {
        let (met, shares, numbers) = (LiveBlobs::new(index), Vec::new(), HashMap::new());
        Self { index, met, grouping, each, shares, numbers }
    }

    /// A source inside another one is met there.
    fn walk_sources(&mut self, reach: &Reach<'_>, snapshot: &Snapshot) -> Result<(), RepoError> {
        let paths = || snapshot.sources.iter().map(|source| &source.path);
        for path in paths() {
            let inside = |other: &EntryPath| path != other && path.starts_with(other);
            if paths().any(inside) {
                continue;
            }
            if let Some(entry) = reach.reader().find_path(&snapshot.tree, path)? {
                self.walk(reach, path, &entry)?;
            }
        }
        Ok(())
    }

    fn walk(
        &mut self,
        reach: &Reach<'_>,
        path: &EntryPath,
        entry: &Entry,
    ) -> Result<(), RepoError> {
        let place = match self.grouping {
            Grouping::Type => Place { group: self.number(ShareName::Others), levels: 0 },
            Grouping::Folder { depth } => {
                let mut above = path.clone();
                above.pop();
                // The entry itself is the first level.
                let levels = depth.saturating_add(1);
                Place { group: self.number(ShareName::Folder(above)), levels }
            }
        };
        reach.walk_entry(entry, place, self)
    }

    /// The number of a group, a new one if there is room.
    fn number(&mut self, name: ShareName) -> usize {
        if let Some(number) = self.numbers.get(&name) {
            return *number;
        }
        if self.shares.len() >= MOST_GROUPS && name != ShareName::Others {
            return self.number(ShareName::Others);
        }
        let number = self.shares.len();
        self.numbers.insert(name.clone(), number);
        self.shares.push(Share { name, files: 0, size: 0, blobs: Blobs::default() });
        number
    }

    fn below(&mut self, entry: &Entry, place: Place) -> Place {
        let share = self.shares.get(place.group).map(|share| &share.name);
        match (&entry.kind, place.levels.checked_sub(1), share) {
            (Kind::Directory(_), Some(levels), Some(ShareName::Folder(path))) => {
                let name = ShareName::Folder(path.join(&entry.name));
                Place { group: self.number(name), levels }
            }
            _ => place,
        }
    }

    /// Those that have something, biggest first.
    fn sorted(self, overhead: Overhead) -> Vec<Share> {
        let mut shares = self.shares;
        shares.retain(|share| share.files > 0 || share.blobs.count > 0);
        for share in &mut shares {
            share.blobs = overhead.added_to(share.blobs);
        }
        shares.sort_by_key(|share| std::cmp::Reverse((share.blobs.stored, share.size)));
        shares
    }
}

impl Visitor for Groups<'_> {
    type Place = Place;

    fn blob(&mut self, id: &BlobId, place: Place) -> bool {
        let is_new = self.met.mark(self.index, id);
        if is_new
            && let Some(at) = self.index.find(id).next()
            && let Some(share) = self.shares.get_mut(place.group)
        {
            share.blobs.add(at);
        }
        is_new
    }

    fn looks_into(&self, is_new: bool) -> bool {
        self.each || is_new
    }

    fn entry(&mut self, entry: &Entry, place: Place) -> Place {
        match self.grouping {
            Grouping::Folder { .. } => self.below(entry, place),
            Grouping::Type => {
                let name = match &entry.kind {
                    Kind::File(_) => ShareName::Extension(extension(&entry.name)),
                    other => ShareName::Kind(other.word()),
                };
                Place { group: self.number(name), levels: 0 }
            }
        }
    }

    fn entry_done(&mut self, entry: &Entry, place: Place, is_new: bool) {
        let size = match &entry.kind {
            Kind::Directory(Directory { .. }) => return,
            Kind::File(File { size, .. }) => *size,
            Kind::Collection(collection) => collection.size,
            _ => 0,
        };
        let counts = self.each || is_new;
        if let Some(share) = self.shares.get_mut(place.group).filter(|_| counts) {
            share.files += 1;
            share.size = share.size.saturating_add(size);
        }
    }
}

/// `.json` of `Prices.JSON`; nothing of `README`, `.env`, `a.b c` or `x.`.
fn extension(name: &EntryName) -> String {
    let text = std::str::from_utf8(name.bytes()).unwrap_or_default();
    let (stem, extension) = text.rsplit_once('.').unwrap_or_default();
    let is_type = !stem.is_empty()
        && (1..=LONGEST_EXTENSION).contains(&extension.len())
        && extension.bytes().all(|byte| byte.is_ascii_alphanumeric());
    match is_type {
        true => format!(".{}", extension.to_ascii_lowercase()),
        false => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_ends_of_names() {
        let of = |name: &[u8]| extension(&EntryName::new(name).unwrap());
        for (name, found) in [
            (&b"Prices.JSON"[..], ".json"),
            (b"dump.tar.gz", ".gz"),
            (b"README", ""),
            (b".env", ""),
            (b"a.b c", ""),
            (b"x.", ""),
            (b"x.abcdefghijklm", ""),
            (b"\xff.json", ""),
        ] {
            assert_eq!(of(name), found);
        }
    }
}
