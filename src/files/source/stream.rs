//! Reading a regular file, as often as it takes.

use super::super::descent::Place;
use super::super::holes::holes;
use super::super::node::Node;
use super::super::stat::Stat;
use super::super::unchanged::Recording;
use super::inspect::Inspector;
use crate::model::{Content, EntryPath, Extent, FileTime, Metadata, Stream, Verdict, data_extents};
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::Duration;

/// How much before the old end is read again of a file that grew.
const TAIL: u64 = 64 * 1024;

/// Kernels before 6.13 stamp changes with a clock that ticks no slower than this.
const TICK: Duration = Duration::from_millis(10);

/// A regular file of the source. Two system calls to begin, if it has neither attributes nor
/// holes nor flags four more; one for each read; one to finish.
pub(in crate::files) struct FileStream {
    pub place: Place,
    pub path: EntryPath,
    pub link_group: Option<EntryPath>,
    pub inspector: Arc<Inspector>,
    pub recording: Option<Arc<Recording>>,
    pub reading: Option<Reading>,
}

/// One attempt.
pub(in crate::files) struct Reading {
    file: File,
    begun: Stat,
    /// Data extents still to be read, the next one last.
    extents: Vec<Extent>,
    tail: blake3::Hasher,
    /// Where the tail's data lie, to read them again.
    tail_extents: Vec<Extent>,
    /// All the data were there.
    complete: bool,
}

impl Stream for FileStream {
    fn begin(&mut self) -> Result<Content, io::Error> {
        let again = self.reading.take().is_some();
        let node = Node::to_read(self.place.directory()?, self.place.name())?;
        let begun = settled(&node)?;
        if !begun.is_file() {
            return Err(io::Error::other("it is not a regular file any more"));
        }
        let holes = holes(&node, &begun);
        let metadata = self.metadata(&node, &begun, again);
        self.reading = Some(Reading::new(node.into_file(), begun, &holes));
        Ok(Content { size: begun.size, holes, metadata, link_group: self.link_group.clone() })
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, io::Error> {
        let reading = self.reading.as_mut().ok_or_else(not_begun)?;
        let mut filled = 0;
        while let Some(free) = buffer.get_mut(filled..).filter(|free| !free.is_empty()) {
            match reading.read_some(free)? {
                0 => break,
                count => filled = filled.saturating_add(count),
            }
        }
        Ok(filled)
    }

    fn finish(&mut self) -> Result<Verdict, io::Error> {
        let verdict = self.reading.as_mut().ok_or_else(not_begun)?.verdict()?;
        // It will look different next time; should it not, for a clock was set, it counts as
        // changed all the same.
        if let (Verdict::Grew | Verdict::Again, Some(recording)) = (verdict, &self.recording) {
            recording.spoil(&self.path);
        }
        if verdict != Verdict::Again {
            self.reading = None;
        }
        Ok(verdict)
    }

    fn path(&self) -> &EntryPath {
        &self.path
    }
}

impl FileStream {
    /// What cannot be read of it is reported once, and tried again at the next backup.
    fn metadata(&self, node: &Node, stat: &Stat, again: bool) -> Metadata {
        if again {
            return self.inspector.read(node, stat, &mut |_| {});
        }
        let inspected = self.inspector.metadata(node, stat, &self.path);
        if let (false, Some(recording)) = (inspected.complete, &self.recording) {
            recording.spoil(&self.path);
        }
        inspected.metadata
    }
}

/// The file's stat. If it was changed within the last tick, after that tick: a later change then
/// shows in its times.
fn settled(node: &Node) -> io::Result<Stat> {
    let stat = node.stat()?;
    let now = FileTime::from(jiff::Timestamp::now());
    if age(stat.changed, now).is_some_and(|age| age < TICK) {
        std::thread::sleep(TICK);
        return node.stat();
    }
    Ok(stat)
}

/// `None` if `time` is after `now`.
fn age(time: FileTime, now: FileTime) -> Option<Duration> {
    let since =
        |time: FileTime| Some(Duration::new(u64::try_from(time.seconds).ok()?, time.nanoseconds()));
    since(now)?.checked_sub(since(time)?)
}

fn not_begun() -> io::Error {
    io::Error::other("reading was not begun")
}

impl Reading {
    fn new(file: File, begun: Stat, holes: &[Extent]) -> Self {
        let mut extents: Vec<_> = data_extents(begun.size, holes).collect();
        let tail_start = begun.size.saturating_sub(TAIL);
        let tail_extents = extents.iter().filter_map(|extent| after(*extent, tail_start)).collect();
        extents.reverse();
        let tail = blake3::Hasher::new();
        Self { file, begun, extents, tail, tail_extents, complete: true }
    }

    /// One system call; 0 at the end, or where the file ends by now.
    fn read_some(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(extent) = self.extents.last_mut() else { return Ok(0) };
        let wanted = usize::try_from(extent.length).unwrap_or(usize::MAX).min(buffer.len());
        let count = read_at(&self.file, &mut buffer[..wanted], extent.offset)?;
        if count == 0 {
            self.complete = false;
            self.extents.clear();
            return Ok(0);
        }
        let read = Extent { offset: extent.offset, length: count as u64 };
        extent.offset += read.length;
        extent.length -= read.length;
        if extent.length == 0 {
            self.extents.pop();
        }
        let tail_start = self.begun.size.saturating_sub(TAIL);
        let skipped = usize::try_from(tail_start.saturating_sub(read.offset)).unwrap_or(count);
        self.tail.update(buffer.get(skipped.min(count)..count).unwrap_or_default());
        Ok(count)
    }

    fn verdict(&mut self) -> io::Result<Verdict> {
        let now = Stat::of_open(self.file.as_fd())?;
        let begun = &self.begun;
        let complete = self.complete && self.extents.is_empty();
        let still = (now.size, now.modified, now.changed, now.identity)
            == (begun.size, begun.modified, begun.changed, begun.identity);
        if still && complete {
            return Ok(Verdict::Steady);
        }
        if now.size > begun.size && complete && self.tail_is_as_it_was()? {
            return Ok(Verdict::Grew);
        }
        Ok(Verdict::Again)
    }

    /// Whether the bytes before the old end are those that were read. (A log that is appended to
    /// keeps them; most rewriting does not.)
    fn tail_is_as_it_was(&self) -> io::Result<bool> {
        let mut tail = blake3::Hasher::new();
        let mut buffer = [0; 8192];
        for extent in &self.tail_extents {
            let (mut offset, end) = (extent.offset, extent.offset.saturating_add(extent.length));
            while offset < end {
                let wanted = usize::try_from(end - offset).unwrap_or(usize::MAX).min(buffer.len());
                match read_at(&self.file, &mut buffer[..wanted], offset)? {
                    0 => return Ok(false),
                    count => {
                        tail.update(&buffer[..count]);
                        offset += count as u64;
                    }
                }
            }
        }
        Ok(tail.finalize() == self.tail.finalize())
    }
}

fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    loop {
        match file.read_at(buffer, offset) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => return read,
        }
    }
}

/// The part of `extent` from `start` on.
fn after(extent: Extent, start: u64) -> Option<Extent> {
    let end = extent.offset.saturating_add(extent.length);
    let offset = extent.offset.max(start);
    (offset < end).then(|| Extent { offset, length: end - offset })
}
