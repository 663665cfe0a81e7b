//! The names in a directory, sorted, in one piece of memory.

use rustix::fd::AsFd;
use rustix::fs::{FileType, RawDir};
use std::ffi::CStr;
use std::io;
use std::mem::MaybeUninit;

/// Bytes that one call may fill: large directories take few calls.
const CALL_BUFFER: usize = 128 * 1024;

/// Reads directories; keeps the memory that this takes.
pub(super) struct Lister {
    buffer: Vec<MaybeUninit<u8>>,
}

/// Names in ascending order of bytes.
#[derive(Default)]
pub(super) struct Listing {
    /// The names, each with a NUL behind it.
    bytes: Vec<u8>,
    names: Vec<Name>,
}

struct Name {
    offset: usize,
    length: u16,
    kind: FileType,
}

impl Lister {
    pub fn new() -> Self {
        Self { buffer: vec![MaybeUninit::uninit(); CALL_BUFFER] }
    }

    /// All names of `directory` but `.` and `..`; after a fault, those before it. The directory
    /// must not have been listed before through the same descriptor. Memory: the names and 24
    /// bytes for each.
    pub fn list(&mut self, directory: impl AsFd) -> (Listing, io::Result<()>) {
        let mut listing = Listing::default();
        let mut entries = RawDir::new(directory, &mut self.buffer);
        let mut result = Ok(());
        while let Some(entry) = entries.next() {
            match entry {
                Ok(entry) if matches!(entry.file_name().to_bytes(), b"." | b"..") => {}
                Ok(entry) => listing.push(entry.file_name(), entry.file_type()),
                Err(error) => {
                    result = Err(error.into());
                    break;
                }
            }
        }
        listing.sort();
        (listing, result)
    }
}

impl Listing {
    pub fn push(&mut self, name: &CStr, kind: FileType) {
        let offset = self.bytes.len();
        self.bytes.extend_from_slice(name.to_bytes_with_nul());
        let length = u16::try_from(name.to_bytes().len()).unwrap_or(u16::MAX);
        self.names.push(Name { offset, length, kind });
    }

    pub fn sort(&mut self) {
        let Self { bytes, names } = self;
        names.sort_unstable_by(|a, b| name_bytes(bytes, a).cmp(name_bytes(bytes, b)));
    }

    /// All names in order.
    pub fn names(&self) -> impl Iterator<Item = &CStr> {
        (0..self.names.len()).filter_map(|index| Some(self.get(index)?.0))
    }

    /// A name, and what kind of thing the directory says that it is (it need not know).
    pub fn get(&self, index: usize) -> Option<(&CStr, FileType)> {
        let name = self.names.get(index)?;
        let bytes = self.bytes.get(name.offset..)?;
        Some((CStr::from_bytes_until_nul(bytes).ok()?, name.kind))
    }

    /// Whether there is an entry called `name`.
    pub fn contains(&self, name: &[u8]) -> bool {
        self.names.binary_search_by(|other| name_bytes(&self.bytes, other).cmp(name)).is_ok()
    }
}

fn name_bytes<'a>(bytes: &'a [u8], name: &Name) -> &'a [u8] {
    bytes.get(name.offset..name.offset.saturating_add(name.length.into())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_sorted_by_bytes() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["b", "a.b", "a", "ab", "é", "Z"] {
            std::fs::write(directory.path().join(name), "").unwrap();
        }
        let handle = std::fs::File::open(directory.path()).unwrap();
        let (listing, result) = Lister::new().list(&handle);
        assert!(result.is_ok());
        let names: Vec<_> = listing.names().map(|name| name.to_str().unwrap()).collect();
        assert_eq!(names, ["Z", "a", "a.b", "ab", "b", "é"]);
        assert!(listing.contains(b"a.b") && !listing.contains(b"a."));
    }
}
