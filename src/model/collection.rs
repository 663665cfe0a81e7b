//! What a snapshot keeps of a database: collections of documents, and views.

use super::{BlobId, ChunkTree, EntryName, InvalidName};
use jiff::Timestamp;
use std::fmt;

/// A moment of a replica set's or cluster's logical clock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClusterTime {
    /// Since 1970.
    pub seconds: u32,
    /// The number of the operation within the second.
    pub increment: u32,
}

impl ClusterTime {
    /// The whole second.
    pub fn timestamp(self) -> Timestamp {
        Timestamp::from_second(i64::from(self.seconds)).unwrap_or(Timestamp::MAX)
    }
}

impl fmt::Display for ClusterTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.seconds, self.increment)
    }
}

/// Whether documents are the state of one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Consistency {
    #[default]
    Exact,
    /// They were read while others wrote: each document is whole, together they may never have
    /// been so.
    Fuzzy,
}

/// A collection of documents.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Collection {
    pub kind: CollectionKind,
    /// Its options as the server gives them: one BSON document.
    pub options: Vec<u8>,
    /// Unknown to servers that do not tell it.
    pub uuid: Option<[u8; 16]>,
    /// The specification of every index as the server gives it: BSON documents.
    pub indexes: Vec<Vec<u8>>,
    pub content: Documents,
    /// How many documents there are.
    pub count: u64,
    /// Bytes of all documents. Exact where all were read (see `scanned`); else what was replaced
    /// or deleted since counts as an average document.
    pub size: u64,
    pub consistency: Consistency,
    /// When it was so; `None` where the server has no such clock.
    pub moment: Option<ClusterTime>,
    /// BLAKE3 of the entry that the server's log of changes has at `moment`: the next backup goes
    /// on from there. `None` where there is no such log, or it may not be read.
    pub log_entry: Option<[u8; 32]>,
    /// When all documents were last read; `None` if that was in this snapshot.
    pub scanned: Option<Timestamp>,
}

impl Collection {
    /// Why it does not have as many documents as these, of so many bytes together, which are all
    /// that were found.
    pub fn miscounted(&self, documents: u64, bytes: u64) -> Option<String> {
        if documents != self.count {
            let named = self.count;
            return Some(format!("{documents} documents were found where {named} should be"));
        }
        let is_exact = self.scanned.is_none();
        (is_exact && bytes != self.size).then(|| {
            let named = self.size;
            format!("{bytes} bytes of documents were found where {named} should be")
        })
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum CollectionKind {
    #[default]
    Ordinary,
    /// The documents are those of its buckets, `system.buckets.<name>`.
    TimeSeries,
}

/// Where the documents of a collection are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Documents {
    Tree(DocumentTree),
    /// End to end in natural order: of capped collections, and where there are no usable keys.
    Stream(ChunkTree),
}

impl Default for Documents {
    fn default() -> Self {
        Self::Tree(DocumentTree::default())
    }
}

/// Documents sorted by key (see `codec::document_key`): as they once were, and what changed since.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DocumentTree {
    /// `None` if there were none.
    pub base: Option<BlobId>,
    /// Trees of changes, the oldest first: a later one counts over those before it.
    pub overlays: Vec<BlobId>,
}

impl DocumentTree {
    /// More overlays than these are put together.
    pub const MOST_OVERLAYS: usize = 8;

    /// A tree without overlays.
    pub fn of(base: Option<BlobId>) -> Self {
        Self { base, overlays: Vec::new() }
    }

    /// Whether it has no tree at all.
    pub fn is_empty(&self) -> bool {
        self.base.is_none() && self.overlays.is_empty()
    }

    /// The roots of all its trees.
    pub fn roots(&self) -> impl Iterator<Item = BlobId> + '_ {
        self.base.iter().chain(&self.overlays).copied()
    }

    /// The same, to be changed.
    pub fn roots_mut(&mut self) -> impl Iterator<Item = &mut BlobId> {
        self.base.iter_mut().chain(&mut self.overlays)
    }
}

/// The name of an entry for a database, a collection or a server, whose names may have characters
/// that a path cannot: `%`, `/` and control characters are written as `%` and two hexadecimal
/// digits, and so are names that are nothing but dots.
pub fn escape_name(name: &str) -> Result<EntryName, InvalidName> {
    let only_dots = name.bytes().all(|byte| byte == b'.');
    let mut escaped = Vec::with_capacity(name.len());
    for byte in name.bytes() {
        if matches!(byte, b'%' | b'/' | 0..=0x1f | 0x7f) || only_dots {
            escaped.extend_from_slice(format!("%{byte:02X}").as_bytes());
        } else {
            escaped.push(byte);
        }
    }
    EntryName::new(escaped)
}

/// The name that [`escape_name`] was given; `None` if it was not made by it.
pub fn unescape_name(name: &EntryName) -> Option<String> {
    let mut bytes = name.bytes().iter();
    let mut plain = Vec::with_capacity(name.bytes().len());
    while let Some(byte) = bytes.next() {
        if *byte != b'%' {
            plain.push(*byte);
            continue;
        }
        let digits = [*bytes.next()?, *bytes.next()?];
        let digits = std::str::from_utf8(&digits).ok()?;
        plain.push(u8::from_str_radix(digits, 16).ok()?);
    }
    let plain = String::from_utf8(plain).ok()?;
    (escape_name(&plain).ok()? == *name).then_some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back() {
        for name in ["users", "a/b", "100%", "..", "größe", "a\tb", "system.buckets.x"] {
            let escaped = escape_name(name).unwrap();
            assert_eq!(unescape_name(&escaped).as_deref(), Some(name));
        }
        assert_eq!(escape_name("a/b%").unwrap().bytes(), b"a%2Fb%25");
        assert!(escape_name("").is_err());
    }

    #[test]
    fn a_name_has_one_spelling() {
        for name in ["%2f", "%41", "%", "%4", "a%zz"] {
            assert_eq!(unescape_name(&EntryName::new(name.as_bytes()).unwrap()), None, "{name}");
        }
    }
}
