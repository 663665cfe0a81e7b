//! The entries of a stream, in order, one object in memory at a time.

use super::{LogStream, LogWindow};
use crate::codec::{ElementType, Elements};
use crate::format::{SegmentHeader, Segments, documents, segment_name};
use crate::model::ClusterTime;
use crate::repo::RepoError;
use std::collections::VecDeque;

/// Raw entries as the server had them, ascending; operations of databases that are not kept are
/// taken out of `applyOps`. Proves the chain as it goes: after an error nothing more comes.
/// Memory: one object, of at most 48 MiB, twice.
pub struct LogEntries<'a> {
    stream: &'a LogStream,
    /// The number of the next segment, and of the last one.
    next: u64,
    last: u64,
    from: ClusterTime,
    to: ClusterTime,
    before: Option<SegmentHeader>,
    object: Segments,
    /// Where the entries of the object lie that are still to come.
    waiting: VecDeque<(usize, usize)>,
    is_over: bool,
}

impl LogStream {
    /// The entries of a window from the first of the oldest transaction that was under way at
    /// `after`, or earlier, up to and with those at `to`. What lies at or before `after` comes for
    /// the sake of transactions, of which parts may lie there, and is not to be applied.
    pub fn entries(
        &self,
        window: &LogWindow,
        after: ClusterTime,
        to: ClusterTime,
    ) -> Result<LogEntries<'_>, RepoError> {
        let begin = self.segment_after(window.numbers, after)?;
        let (from, first) = match begin.oldest_open {
            Some(open) => (open, self.segment_of((window.numbers.0, begin.number), open)?.number),
            None => (begin.begin.at, begin.number),
        };
        Ok(LogEntries {
            stream: self,
            next: first,
            last: window.numbers.1,
            from,
            to,
            before: None,
            object: Segments::default(),
            waiting: VecDeque::new(),
            is_over: false,
        })
    }
}

impl LogEntries<'_> {
    /// Reads the next object; `false` at the end.
    fn load(&mut self) -> Result<bool, RepoError> {
        let is_behind = self.before.as_ref().is_some_and(|before| before.end.at >= self.to);
        if self.next > self.last || is_behind {
            return Ok(false);
        }
        let object = self.stream.object_of(self.next)?;
        let mut at = 0;
        for (header, entries) in object.each() {
            let begin = at;
            at += entries.len();
            // The object may hold others, on both sides.
            if header.number != self.next || header.number > self.last {
                continue;
            }
            if self.before.as_ref().is_some_and(|before| !before.is_followed_by(header)) {
                return Err(self.damaged("it does not follow the segment before it"));
            }
            self.waiting.push_back((begin, at));
            self.before = Some(header.clone());
            self.next += 1;
        }
        self.object = object;
        Ok(true)
    }

    fn damaged(&self, why: &str) -> RepoError {
        let name = segment_name(&self.stream.id, self.next, self.next);
        RepoError::Damaged { name, why: why.to_string() }
    }

    fn try_next(&mut self) -> Result<Option<Vec<u8>>, RepoError> {
        loop {
            let Some((begin, end)) = self.waiting.pop_front() else {
                match self.load()? {
                    true => continue,
                    false => return Ok(None),
                }
            };
            let left = self.object.entries.get(begin..end).unwrap_or_default();
            let Some(entry) = documents(left).next() else { continue };
            let entry = entry.map_err(|error| self.damaged(&error.to_string()))?.to_vec();
            self.waiting.push_front((begin + entry.len(), end));
            let at = entry_time(&entry).ok_or_else(|| self.damaged("an entry has no time"))?;
            if at > self.to {
                return Ok(None);
            }
            if at >= self.from {
                return Ok(Some(entry));
            }
        }
    }
}

impl Iterator for LogEntries<'_> {
    type Item = Result<Vec<u8>, RepoError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let next = self.try_next().transpose();
        self.is_over = !matches!(next, Some(Ok(_)));
        next
    }
}

/// `ts` of an entry.
pub(super) fn entry_time(entry: &[u8]) -> Option<ClusterTime> {
    let time = Elements::new(entry).ok()?.find(b"ts").ok()??;
    let bytes = (time.kind == ElementType::Timestamp).then_some(time.value)?;
    let time = u64::from_le_bytes(bytes.try_into().ok()?);
    Some(ClusterTime { seconds: (time >> 32) as u32, increment: time as u32 })
}
