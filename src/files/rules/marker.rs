//! Files by whose presence a directory's contents are left out.

use super::super::listing::Listing;
use super::RuleError;
use crate::model::EntryName;
use rustix::fd::BorrowedFd;
use rustix::fs::{FileType, Mode, OFlags};
use std::ffi::{CStr, CString};
use std::io;
use std::os::unix::fs::FileExt;

/// What a `CACHEDIR.TAG` begins with (bford.info/cachedir).
const CACHE_SIGNATURE: &[u8] = b"Signature: 8a477f597d28d172789f06886806bc55";

/// A file's name and what it begins with.
#[derive(Debug, Clone)]
pub(in super::super) struct Marker {
    name: CString,
    header: Vec<u8>,
}

impl Marker {
    pub fn cache() -> Self {
        Self { name: c"CACHEDIR.TAG".to_owned(), header: CACHE_SIGNATURE.to_vec() }
    }

    /// Reads `NAME` or `NAME:HEADER`.
    pub fn parse(text: &str) -> Result<Self, RuleError> {
        let invalid = || RuleError::Marker { text: text.to_owned() };
        let (name, header) = text.split_once(':').unwrap_or((text, ""));
        EntryName::new(name.as_bytes()).map_err(|_| invalid())?;
        let name = CString::new(name).map_err(|_| invalid())?;
        Ok(Self { name, header: header.into() })
    }

    pub fn name(&self) -> &CStr {
        &self.name
    }

    /// Opens the file only if its name is there and it must begin with something.
    pub fn is_present(&self, directory: BorrowedFd<'_>, listing: &Listing) -> bool {
        listing.contains(self.name.to_bytes())
            && (self.header.is_empty() || self.begins_rightly(directory).unwrap_or(false))
    }

    fn begins_rightly(&self, directory: BorrowedFd<'_>) -> io::Result<bool> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = rustix::fs::openat(directory, &self.name, flags, Mode::empty())?;
        let stat = super::super::stat::Stat::of_open(&file)?;
        let mut beginning = vec![0; self.header.len()];
        if stat.kind == FileType::RegularFile {
            std::fs::File::from(file).read_exact_at(&mut beginning, 0)?;
        }
        Ok(beginning == self.header)
    }
}
