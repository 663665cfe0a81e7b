//! What a backup leaves out, and what a restore takes.
//!
//! Patterns are gitignore's: `*` and `?` stop at slashes, `**` does not, `[a-z]` is one of
//! these, the last pattern that matches decides, `!` takes back, a slash at the end means
//! directories only. A pattern that starts with a slash matches a full real path; any other
//! matches at a path's end, so that a plain name is found anywhere. What lies in a directory
//! that is left out is left out with it, whatever other patterns say.

mod filter;
mod ignore;
mod left_out;
mod marker;
mod matcher;
mod pattern;

pub use filter::{PathFilter, Selection};
pub(super) use ignore::IgnoreFiles;
pub(super) use left_out::LeftOut;
use marker::Marker;
pub use matcher::PathMatcher;
use pattern::{PatternSet, PatternSetBuilder, Style};

use super::listing::Listing;
use crate::model::{EntryName, EntryPath};
use rustix::fd::AsFd;
use std::io;
use std::path::{Path, PathBuf};

/// Largest file of patterns, in bytes.
const LARGEST_FILE: u64 = 4 * 1024 * 1024;

/// Why patterns cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RuleError {
    #[error("the pattern {pattern:?} is not valid: {reason}")]
    Pattern { pattern: String, reason: String },
    #[error("cannot read patterns from {}: {cause}", .path.display())]
    File { path: PathBuf, cause: io::Error },
    #[error("{}, line {line}: {cause}", .path.display())]
    Line { path: PathBuf, line: usize, cause: Box<RuleError> },
    #[error("{text:?} does not name a file (NAME or NAME:HEADER)")]
    Marker { text: String },
}

/// What the user wants left out, as given.
#[derive(Debug, Clone)]
pub struct RuleSettings {
    pub exclude: Vec<String>,
    /// Patterns that do not tell capitals from small letters.
    pub exclude_ignoring_case: Vec<String>,
    /// Files of patterns, one a line; `#` begins a comment.
    pub exclude_files: Vec<PathBuf>,
    /// Leave out the contents of directories with a valid `CACHEDIR.TAG`, but for that file.
    pub exclude_caches: bool,
    /// `NAME` or `NAME:HEADER`: leave out the contents of directories with a file of this name
    /// (which begins with the header), but for that file.
    pub exclude_if_present: Vec<String>,
    /// Leave out regular files of more bytes.
    pub exclude_larger_than: Option<u64>,
    /// Obey `.snapignore` files.
    pub ignore_files: bool,
}

impl Default for RuleSettings {
    fn default() -> Self {
        Self {
            exclude: Vec::new(),
            exclude_ignoring_case: Vec::new(),
            exclude_files: Vec::new(),
            exclude_caches: false,
            exclude_if_present: Vec::new(),
            exclude_larger_than: None,
            ignore_files: true,
        }
    }
}

/// What a backup leaves out, ready for use.
#[derive(Debug, Clone)]
pub struct Rules {
    patterns: PatternSet,
    markers: Vec<Marker>,
    largest: u64,
    ignore_files: bool,
}

impl Rules {
    /// Reads the files that are named and compiles all patterns, in this order: `exclude`,
    /// `exclude_ignoring_case`, `exclude_files`.
    pub fn new(settings: &RuleSettings) -> Result<Self, RuleError> {
        let mut patterns = PatternSetBuilder::new(Style::Absolute);
        for pattern in &settings.exclude {
            patterns.add(pattern, false)?;
        }
        for pattern in &settings.exclude_ignoring_case {
            patterns.add(pattern, true)?;
        }
        for path in &settings.exclude_files {
            add_file(&mut patterns, path)?;
        }
        let mut markers = Vec::new();
        if settings.exclude_caches {
            markers.push(Marker::cache());
        }
        for text in &settings.exclude_if_present {
            markers.push(Marker::parse(text)?);
        }
        Ok(Self {
            patterns: patterns.build()?,
            markers,
            largest: settings.exclude_larger_than.unwrap_or(u64::MAX),
            ignore_files: settings.ignore_files,
        })
    }

    /// Whether a regular file of `size` bytes is too large.
    pub(super) fn is_too_large(&self, size: u64) -> bool {
        size > self.largest
    }

    /// The names of the files for whose sake all others in `directory` are left out; empty if
    /// nothing is.
    pub(super) fn markers_in(&self, directory: impl AsFd, listing: &Listing) -> Vec<&Marker> {
        let present = |marker: &&Marker| marker.is_present(directory.as_fd(), listing);
        self.markers.iter().filter(present).collect()
    }

    pub(super) fn obeys_ignore_files(&self) -> bool {
        self.ignore_files
    }

    /// Whether an entry is to be looked at by its path at all.
    pub(super) fn has_patterns(&self) -> bool {
        !self.patterns.is_empty()
    }

    /// Whether the patterns leave the entry out.
    pub(super) fn excludes(
        &self,
        directory: &EntryPath,
        name: &EntryName,
        is_directory: bool,
        scratch: &mut Scratch,
    ) -> bool {
        scratch.set_path(directory, name);
        let Scratch { path, matches } = scratch;
        self.patterns.decide(path, is_directory, matches).unwrap_or(false)
    }
}

impl Default for Rules {
    /// Leaves out nothing but what `.snapignore` files say.
    fn default() -> Self {
        let patterns = PatternSet::empty();
        Self { patterns, markers: Vec::new(), largest: u64::MAX, ignore_files: true }
    }
}

/// Memory that is used again for each entry.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    path: Vec<u8>,
    matches: Vec<usize>,
}

impl Scratch {
    /// Makes `path` the entry's full path, with a slash in front.
    fn set_path(&mut self, directory: &EntryPath, name: &EntryName) {
        self.path.clear();
        if !directory.is_root() {
            self.path.push(b'/');
            self.path.extend_from_slice(directory.bytes());
        }
        self.path.push(b'/');
        self.path.extend_from_slice(name.bytes());
    }
}

fn add_file(patterns: &mut PatternSetBuilder, path: &Path) -> Result<(), RuleError> {
    let text = read_text(path).map_err(|cause| RuleError::File { path: path.to_owned(), cause })?;
    match patterns.add_lines(&text, false).into_iter().next() {
        None => Ok(()),
        Some((line, cause)) => {
            Err(RuleError::Line { path: path.to_owned(), line, cause: Box::new(cause) })
        }
    }
}

fn read_text(path: &Path) -> io::Result<String> {
    use std::io::Read;
    let mut text = String::new();
    std::fs::File::open(path)?.take(LARGEST_FILE + 1).read_to_string(&mut text)?;
    if text.len() as u64 > LARGEST_FILE {
        return Err(io::Error::other("the file is too large for a list of patterns"));
    }
    Ok(text)
}
