//! What a difference is.

use crate::model::{AttributeValue, Collection, Entry, EntryPath, Kind, Metadata};
use crate::repo::BlobReader;

/// How something differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Modifier {
    Added,
    Removed,
    /// The content: a file's bytes, a link's target, a device's numbers.
    Content,
    /// The content, though size and time are the same: perhaps a disk that forgets.
    ContentOnly,
    /// Mode, owner, time, attributes or flags, and not the content.
    Metadata,
    /// It became something else: a folder instead of a file.
    Type,
}

impl Modifier {
    /// As it is printed; restic's letters.
    pub fn letter(self) -> &'static str {
        match self {
            Self::Added => "+",
            Self::Removed => "-",
            Self::Content => "M",
            Self::ContentOnly => "M?",
            Self::Metadata => "U",
            Self::Type => "T",
        }
    }
}

/// One difference.
#[derive(Debug, Clone, Copy)]
pub struct Change<'a> {
    pub modifier: Modifier,
    /// Where it is, or, of what is removed, was: `files/srv/bot`.
    pub path: &'a EntryPath,
    pub is_directory: bool,
    /// The collections, the old one and the new one, if either is one.
    pub collections: Option<(Option<&'a Collection>, Option<&'a Collection>)>,
}

/// Sums over all differences.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Files of which only the content changed.
    pub changed_files: u64,
    /// Entries of which only metadata changed; counted where metadata are looked at.
    pub changed_metadata: u64,
    pub added: Sums,
    pub removed: Sums,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sums {
    pub files: u64,
    pub directories: u64,
    pub others: u64,
    /// Sizes of files and collections; of a changed file the old size is removed and the new one added.
    pub bytes: u64,
}

impl Sums {
    pub fn add(&mut self, kind: &Kind) {
        match kind {
            Kind::File(_) => self.files += 1,
            Kind::Directory(_) => self.directories += 1,
            _ => self.others += 1,
        }
        self.add_bytes(kind);
    }

    pub fn add_bytes(&mut self, kind: &Kind) {
        let size = match kind {
            Kind::File(file) => file.size,
            Kind::Collection(collection) => collection.size,
            _ => 0,
        };
        self.bytes = self.bytes.saturating_add(size);
    }
}

/// How two entries of one name differ, beside what is below them; `None` if they do not.
pub fn compare(
    (old_reader, old): (&BlobReader, &Entry),
    (new_reader, new): (&BlobReader, &Entry),
) -> Option<Modifier> {
    let same_content = match (&old.kind, &new.kind) {
        (Kind::File(one), Kind::File(other)) => {
            one.size == other.size
                && match (one.hash, other.hash) {
                    (Some(one), Some(other)) => one == other,
                    _ => one.chunks == other.chunks && one.holes == other.holes,
                }
        }
        (Kind::Directory(_), Kind::Directory(_)) => true,
        // Not when they were read.
        (Kind::Collection(one), Kind::Collection(other)) => {
            (&one.content, &one.options, &one.indexes, one.uuid)
                == (&other.content, &other.options, &other.indexes, other.uuid)
        }
        (one, other) if one.word() != other.word() => return Some(Modifier::Type),
        (one, other) => one == other,
    };
    let looks_same = match (&old.kind, &new.kind) {
        (Kind::File(one), Kind::File(other)) => one.size == other.size,
        _ => false,
    };
    let same_time = old.metadata.modified == new.metadata.modified;
    match same_content {
        false if looks_same && same_time => Some(Modifier::ContentOnly),
        false => Some(Modifier::Content),
        true if is_same(old_reader, &old.metadata, new_reader, &new.metadata) => None,
        true => Some(Modifier::Metadata),
    }
}

/// Attributes that lie in chunks on one side only are read; those that cannot be count as
/// different.
fn is_same(
    old_reader: &BlobReader,
    old: &Metadata,
    new_reader: &BlobReader,
    new: &Metadata,
) -> bool {
    if old == new {
        return true;
    }
    let in_chunks = |metadata: &Metadata| {
        let values = metadata.attributes.iter().map(|attribute| &attribute.value);
        values.into_iter().any(|value| matches!(value, AttributeValue::Chunks(_)))
    };
    if !in_chunks(old) && !in_chunks(new) {
        return false;
    }
    let bare = |metadata: &Metadata| Metadata { attributes: Vec::new(), ..metadata.clone() };
    let names = |metadata: &Metadata| -> Vec<Vec<u8>> {
        metadata.attributes.iter().map(|attribute| attribute.name.clone()).collect()
    };
    bare(old) == bare(new)
        && names(old) == names(new)
        && old.attributes.iter().zip(&new.attributes).all(|(one, other)| {
            let one = super::super::read_attribute(old_reader, one);
            let other = super::super::read_attribute(new_reader, other);
            matches!((one, other), (Ok(one), Ok(other)) if one == other)
        })
}
