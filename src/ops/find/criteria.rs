//! What is looked for.

use super::super::diff::LiveContent;
use crate::files::PathMatcher;
use crate::model::{ContentHash, Entry, EntryPath, Extent, File, FileTime, Kind};
use std::io;
use std::ops::RangeInclusive;

/// So many different layouts of holes are remembered for a live file.
const MOST_LAYOUTS: usize = 64;

/// Conditions that all must hold.
#[derive(Default)]
pub struct Criteria {
    pub names: Option<PathMatcher>,
    /// Bytes; only files have a size.
    pub size: Option<RangeInclusive<u64>>,
    /// Modified then or later.
    pub newer: Option<FileTime>,
    /// Modified before.
    pub older: Option<FileTime>,
    /// Any of these kinds; empty means all.
    pub kinds: Vec<KindSought>,
    pub content: Option<ContentSought>,
}

/// A kind, as `find -type` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KindSought {
    File,
    Directory,
    Symlink,
    BlockDevice,
    CharacterDevice,
    Fifo,
    Socket,
}

impl KindSought {
    fn is(self, kind: &Kind) -> bool {
        matches!(
            (self, kind),
            (Self::File, Kind::File(_))
                | (Self::Directory, Kind::Directory(_))
                | (Self::Symlink, Kind::Symlink { .. })
                | (Self::BlockDevice, Kind::BlockDevice { .. })
                | (Self::CharacterDevice, Kind::CharacterDevice { .. })
                | (Self::Fifo, Kind::Fifo)
                | (Self::Socket, Kind::Socket)
        )
    }
}

/// A file's content.
pub enum ContentSought {
    /// The beginning of its hash, in hexadecimal.
    Hash(String),
    /// That of a live file, with whatever holes.
    Live { live: LiveContent, hashes: Vec<(Vec<Extent>, Option<ContentHash>)> },
}

impl ContentSought {
    pub fn of(live: LiveContent) -> Self {
        Self::Live { live, hashes: Vec::new() }
    }

    fn is_of(&mut self, file: &File) -> io::Result<bool> {
        let Some(hash) = file.hash else { return Ok(false) };
        match self {
            Self::Hash(beginning) => Ok(hash.hex().starts_with(beginning.as_str())),
            Self::Live { live, .. } if live.size() != file.size => Ok(false),
            Self::Live { live, hashes } => {
                let known = hashes.iter().find(|(holes, _)| *holes == file.holes);
                let wanted = match known {
                    Some((_, hash)) => *hash,
                    None => {
                        let wanted = live.hash(&file.holes)?;
                        hashes.truncate(MOST_LAYOUTS - 1);
                        hashes.push((file.holes.clone(), wanted));
                        wanted
                    }
                };
                Ok(wanted == Some(hash))
            }
        }
    }
}

impl Criteria {
    /// Whether nothing is asked for.
    pub fn is_empty(&self) -> bool {
        self.names.is_none()
            && self.size.is_none()
            && self.newer.is_none()
            && self.older.is_none()
            && self.kinds.is_empty()
            && self.content.is_none()
    }

    pub(super) fn minds_folders(&self) -> bool {
        self.names.as_ref().is_some_and(PathMatcher::minds_folders)
    }

    /// Whether an entry of `directory` (without `files/`) is what is looked for.
    pub(super) fn match_entry(&mut self, directory: &EntryPath, entry: &Entry) -> io::Result<bool> {
        let is_directory = matches!(entry.kind, Kind::Directory(_));
        let modified = entry.metadata.modified;
        let named = |names: &PathMatcher| names.matches(directory, &entry.name, is_directory);
        let plain = self.names.as_ref().is_none_or(named)
            && (self.kinds.is_empty() || self.kinds.iter().any(|kind| kind.is(&entry.kind)))
            && self.newer.is_none_or(|time| modified >= time)
            && self.older.is_none_or(|time| modified < time);
        match (&entry.kind, &self.size, &mut self.content) {
            _ if !plain => Ok(false),
            (_, None, None) => Ok(true),
            (Kind::File(file), size, content) => {
                let sized = size.as_ref().is_none_or(|size| size.contains(&file.size));
                match content {
                    Some(content) if sized => content.is_of(file),
                    _ => Ok(sized),
                }
            }
            _ => Ok(false),
        }
    }
}
