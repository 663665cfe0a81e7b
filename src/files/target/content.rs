//! The content of regular files: writing it, and comparing what is there with it.

use super::super::node::Node;
use super::io_error;
use crate::codec::FileHasher;
use crate::model::{ContentHash, ContentSource, Extent, File, TargetError, data_extents};
use rustix::fs::SeekFrom;
use rustix::io::Errno;
use std::io;

/// Bytes read at a time.
const PIECE: usize = 256 * 1024;

/// Writes `wanted` into an empty file, holes left out, and checks it against its hash.
pub(super) fn write(
    file: &Node,
    wanted: &File,
    content: &dyn ContentSource,
) -> Result<(), TargetError> {
    let mut writer = Writer::new(file, wanted);
    content.read(&wanted.chunks, &mut |bytes| writer.write(bytes))?;
    writer.finish(wanted)
}

struct Writer<'a> {
    file: &'a Node,
    extents: Box<dyn Iterator<Item = Extent> + 'a>,
    /// What is left of the extent that is being written.
    current: Option<Extent>,
    /// Where the last byte that was written ends.
    end: u64,
    hasher: FileHasher,
}

impl<'a> Writer<'a> {
    fn new(file: &'a Node, wanted: &'a File) -> Self {
        let mut extents = Box::new(data_extents(wanted.size, &wanted.holes));
        Self { file, current: extents.next(), extents, end: 0, hasher: FileHasher::new() }
    }

    fn write(&mut self, mut bytes: &[u8]) -> Result<(), TargetError> {
        while !bytes.is_empty() {
            let Some(extent) = &mut self.current else {
                return Err(TargetError::Refused("it has more content than its size says".into()));
            };
            let length = usize::try_from(extent.length).unwrap_or(usize::MAX).min(bytes.len());
            let (now, later) = bytes.split_at(length);
            write_all(self.file, now, extent.offset).map_err(io_error("cannot write it"))?;
            self.hasher.update(now);
            extent.offset = extent.offset.saturating_add(length as u64);
            extent.length = extent.length.saturating_sub(length as u64);
            self.end = extent.offset;
            if extent.length == 0 {
                self.current = self.extents.next();
            }
            bytes = later;
        }
        Ok(())
    }

    fn finish(self, wanted: &File) -> Result<(), TargetError> {
        if self.current.is_some() {
            return Err(TargetError::Refused("it has less content than its size says".into()));
        }
        let hash = self.hasher.finish(wanted.size, &wanted.holes);
        if wanted.hash.is_some_and(|wanted| wanted != hash) {
            return Err(TargetError::Refused("its content is not what was saved".into()));
        }
        if self.end == wanted.size {
            return Ok(());
        }
        // There is a hole at the end.
        let set = rustix::fs::ftruncate(self.file, wanted.size);
        set.map_err(|error| io_error("cannot set its size")(error.into()))
    }
}

fn write_all(file: &Node, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match rustix::io::pwrite(file, bytes, offset) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => {
                bytes = bytes.get(count..).unwrap_or_default();
                offset = offset.saturating_add(count as u64);
            }
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Whether the file, which has the right size, holds what the hash was made of. Reads its data;
/// holes, in the file or the entry, are zeros.
pub(super) fn is_same(file: &Node, wanted: &File) -> io::Result<bool> {
    let Some(hash) = wanted.hash else { return Ok(false) };
    for hole in &wanted.holes {
        if !is_zero(file, *hole)? {
            return Ok(false);
        }
    }
    Ok(hash_of(file, wanted)? == Some(hash))
}

/// `None` if the file has become shorter.
fn hash_of(file: &Node, wanted: &File) -> io::Result<Option<ContentHash>> {
    let mut hasher = FileHasher::new();
    let mut update = |bytes: &[u8]| {
        hasher.update(bytes);
        true
    };
    for extent in data_extents(wanted.size, &wanted.holes) {
        if !read_all(file, extent, &mut update)? {
            return Ok(None);
        }
    }
    Ok(Some(hasher.finish(wanted.size, &wanted.holes)))
}

/// Whether there are only zeros in `extent`. Holes are not read.
fn is_zero(file: &Node, extent: Extent) -> io::Result<bool> {
    let end = extent.offset.saturating_add(extent.length);
    let mut offset = extent.offset;
    while offset < end {
        let start = match rustix::fs::seek(file, SeekFrom::Data(offset)) {
            Ok(start) => start,
            Err(Errno::NXIO) => return Ok(true),
            Err(_) => offset,
        };
        let stop = rustix::fs::seek(file, SeekFrom::Hole(start)).unwrap_or(end).min(end);
        let data = Extent { offset: start, length: stop.saturating_sub(start) };
        let mut zero = |bytes: &[u8]| bytes.iter().all(|byte| *byte == 0);
        if !read_all(file, data, &mut zero)? {
            return Ok(false);
        }
        offset = stop.max(start).max(offset.saturating_add(1));
    }
    Ok(true)
}

/// Passes all of `extent` to `sink` until that says `false`; `false` then, and if the file ends
/// before.
fn read_all(file: &Node, extent: Extent, sink: &mut dyn FnMut(&[u8]) -> bool) -> io::Result<bool> {
    let (mut offset, mut left) = (extent.offset, extent.length);
    let mut buffer = vec![0; usize::try_from(left).unwrap_or(PIECE).min(PIECE)];
    while left > 0 {
        let wanted = usize::try_from(left).unwrap_or(PIECE).min(buffer.len());
        let count = match rustix::io::pread(file, &mut buffer[..wanted], offset) {
            Err(Errno::INTR) => continue,
            count => count?,
        };
        if count == 0 || !sink(&buffer[..count]) {
            return Ok(false);
        }
        offset = offset.saturating_add(count as u64);
        left = left.saturating_sub(count as u64);
    }
    Ok(true)
}
