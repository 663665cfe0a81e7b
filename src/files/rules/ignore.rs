//! `.snapignore` files: git's rules for what lies below their directory.

use super::super::listing::Listing;
use super::{PatternSet, PatternSetBuilder, Scratch, Style};
use crate::model::{EntryName, EntryPath};
use rustix::fd::AsFd;
use rustix::fs::{Mode, OFlags};
use std::io::{self, Read};

/// The largest one, in bytes.
const LARGEST: u64 = 256 * 1024;

/// The ignore files from the root down to the directory that is walked.
#[derive(Debug, Default)]
pub(in super::super) struct IgnoreFiles {
    files: Vec<IgnoreFile>,
}

#[derive(Debug)]
struct IgnoreFile {
    /// Bytes of its directory's path.
    path_length: usize,
    patterns: PatternSet,
}

impl IgnoreFiles {
    pub const NAME: &std::ffi::CStr = c".snapignore";

    /// Takes up the ignore file of a directory that is entered, if it has one: `true`, and
    /// [`IgnoreFiles::pop`] must be called when the directory is left. Faults go to `wrong`.
    pub fn push(
        &mut self,
        directory: impl AsFd,
        listing: &Listing,
        path: &EntryPath,
        wrong: &mut dyn FnMut(String),
    ) -> bool {
        if !listing.contains(Self::NAME.to_bytes()) {
            return false;
        }
        let patterns = read(directory).and_then(|text| compile(&text, wrong));
        match patterns {
            Ok(patterns) => {
                self.files.push(IgnoreFile { path_length: path.bytes().len(), patterns });
                true
            }
            Err(error) => {
                wrong(format!("it is not obeyed: {error}"));
                false
            }
        }
    }

    pub fn pop(&mut self) {
        self.files.pop();
    }

    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Whether the entry is left out: the deepest file with a pattern that matches decides.
    pub fn excludes(
        &self,
        directory: &EntryPath,
        name: &EntryName,
        is_directory: bool,
        scratch: &mut Scratch,
    ) -> bool {
        scratch.set_path(directory, name);
        let Scratch { path, matches } = scratch;
        let decisions = self.files.iter().rev().filter_map(|file| {
            // The path begins with a slash; the directory of a file in the root is empty.
            let start = if file.path_length == 0 { 1 } else { file.path_length.saturating_add(2) };
            file.patterns.decide(path.get(start..)?, is_directory, matches)
        });
        decisions.into_iter().next().unwrap_or(false)
    }
}

fn read(directory: impl AsFd) -> io::Result<String> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = std::fs::File::from(rustix::fs::openat(
        directory,
        IgnoreFiles::NAME,
        flags,
        Mode::empty(),
    )?);
    let metadata = file.metadata()?;
    if !metadata.is_file() || metadata.len() > LARGEST {
        return Err(io::Error::other("it is not a regular file of at most 256 KiB"));
    }
    let mut text = String::new();
    file.take(LARGEST).read_to_string(&mut text)?;
    Ok(text)
}

fn compile(text: &str, wrong: &mut dyn FnMut(String)) -> io::Result<PatternSet> {
    let mut patterns = PatternSetBuilder::new(Style::Relative);
    for (line, error) in patterns.add_lines(text, false) {
        wrong(format!("line {line}: {error}"));
    }
    patterns.build().map_err(io::Error::other)
}
