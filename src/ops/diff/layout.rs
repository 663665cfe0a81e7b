//! The hash that a live file would have in a snapshot, whatever holes it has there: a copy of a
//! sparse file that is not sparse has the same content.

use crate::codec::FileHasher;
use crate::model::{ContentHash, Extent, data_extents};
use rustix::fs::{Mode, OFlags};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

const BUFFER: usize = 1 << 20;

/// A live file whose content is looked for.
pub struct LiveContent {
    file: File,
    size: u64,
}

impl LiveContent {
    /// A regular file; links are followed. A FIFO is not waited for.
    pub fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
        let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
        let metadata = file.metadata()?;
        match metadata.is_file() {
            true => Ok(Self { file, size: metadata.len() }),
            false => Err(io::Error::other("it is not a regular file")),
        }
    }

    /// Bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Its hash if it had these holes; `None` where there is anything but zeros in them, or the
    /// file became shorter. Reads all of it.
    pub fn hash(&self, holes: &[Extent]) -> io::Result<Option<ContentHash>> {
        let mut layout = LayoutHasher::new(self.size, holes);
        let mut buffer = vec![0; BUFFER];
        let mut offset = 0;
        while offset < self.size {
            let read = std::os::unix::fs::FileExt::read_at(&self.file, &mut buffer, offset)?;
            let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else {
                return Ok(None);
            };
            if !layout.update(bytes) {
                return Ok(None);
            }
            offset = offset.saturating_add(read as u64);
        }
        Ok(layout.finish())
    }
}

/// Hashes a file from all its bytes as if it had certain holes.
pub(super) struct LayoutHasher<'a> {
    hasher: FileHasher,
    size: u64,
    holes: &'a [Extent],
    extents: Vec<Extent>,
    /// The next byte.
    offset: u64,
}

impl<'a> LayoutHasher<'a> {
    pub fn new(size: u64, holes: &'a [Extent]) -> Self {
        let mut extents: Vec<_> = data_extents(size, holes).collect();
        extents.reverse();
        Self { hasher: FileHasher::new(), size, holes, extents, offset: 0 }
    }

    /// So many zeros; holes cost nothing.
    pub fn update_zeros(&mut self, mut count: u64) -> bool {
        let zeros = [0; 4096];
        while count > 0 {
            let hole = match self.extents.last() {
                Some(extent) => extent.offset.saturating_sub(self.offset),
                None => self.size.saturating_sub(self.offset),
            };
            let skipped = hole.min(count);
            self.offset = self.offset.saturating_add(skipped);
            count = count.saturating_sub(skipped);
            let length = usize::try_from(count).map_or(zeros.len(), |all| all.min(zeros.len()));
            if !self.update(zeros.get(..length).unwrap_or(&zeros)) {
                return false;
            }
            count = count.saturating_sub(length as u64);
        }
        true
    }

    /// The next bytes; false if they are not those of such a file.
    pub fn update(&mut self, mut bytes: &[u8]) -> bool {
        while !bytes.is_empty() {
            let (is_data, until) = match self.extents.last() {
                Some(extent) if extent.offset <= self.offset => {
                    (true, extent.offset.saturating_add(extent.length))
                }
                Some(extent) => (false, extent.offset),
                None => (false, self.size),
            };
            let length = until.saturating_sub(self.offset);
            let length = usize::try_from(length).map_or(bytes.len(), |all| all.min(bytes.len()));
            if length == 0 {
                return false;
            }
            let (now, rest) = bytes.split_at(length);
            match is_data {
                true => self.hasher.update(now),
                false if now.iter().all(|byte| *byte == 0) => {}
                false => return false,
            }
            self.offset = self.offset.saturating_add(length as u64);
            if is_data && self.offset == until {
                self.extents.pop();
            }
            bytes = rest;
        }
        true
    }

    /// `None` if bytes are missing.
    pub fn finish(self) -> Option<ContentHash> {
        (self.offset == self.size).then(|| self.hasher.finish(self.size, self.holes))
    }
}

/// All bytes of a reader that ends within `limit`; `None` if it is longer.
pub(super) fn read_bounded(reader: impl Read, limit: u64) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    reader.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= limit).then_some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(bytes: &[u8], holes: &[Extent], step: usize) -> Option<ContentHash> {
        let mut layout = LayoutHasher::new(bytes.len() as u64, holes);
        bytes.chunks(step).all(|part| layout.update(part)).then(|| layout.finish())?
    }

    #[test]
    fn zeros_count_as_holes_and_nothing_else_does() {
        let bytes = [vec![0; 4096], vec![7; 100]].concat();
        let holes = [Extent { offset: 0, length: 4096 }];
        let mut expected = FileHasher::new();
        expected.update(&[7; 100]);
        let expected = Some(expected.finish(4196, &holes));
        for step in [1, 1000, 5000] {
            assert_eq!(hash(&bytes, &holes, step), expected);
        }
        assert_ne!(hash(&bytes, &[], 1000), expected);
        let mut layout = LayoutHasher::new(4196, &holes);
        assert!(layout.update_zeros(4096) && layout.update(&[7; 100]));
        assert_eq!(layout.finish(), expected);
        let mut layout = LayoutHasher::new(5000, &[]);
        assert!(layout.update_zeros(5000));
        assert_eq!(layout.finish(), hash(&[0; 5000], &[], 700));
        assert_eq!(hash(&[vec![0; 4095], vec![1; 101]].concat(), &holes, 64), None);
    }
}
