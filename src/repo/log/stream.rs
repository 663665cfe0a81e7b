//! One stream of the change log, as it was when it was listed.

use super::listing::{Part, Parts};
use crate::format::{SegmentHeader, Segments, segment_name};
use crate::model::{ClusterTime, StreamId};
use crate::repo::{RepoError, Repository};
use std::sync::Arc;

/// The log of some databases of one server. A value that does not change: list the streams again
/// to see what came.
#[derive(Clone)]
pub struct LogStream {
    pub id: StreamId,
    pub(super) repository: Arc<Repository>,
    pub(super) parts: Parts,
    /// Of the newest segment that opens.
    newest: SegmentHeader,
}

/// Objects that do not open, by name.
pub type DamagedSegments = Vec<(String, RepoError)>;

impl Repository {
    /// Every stream whose newest object opens, or one before it; and what does not open, by name.
    /// One listing, and one read for each stream.
    pub fn log_streams(self: &Arc<Self>) -> Result<(Vec<LogStream>, DamagedSegments), RepoError> {
        let (mut streams, mut damaged) = (Vec::new(), Vec::new());
        for (id, parts) in self.log_parts()? {
            for part in parts.counting.iter().rev() {
                match self.read_segments(&id, part.first, part.last) {
                    Ok(Some(segments)) => {
                        let newest = segments.headers.last().cloned().unwrap_or_default();
                        let (repository, parts) = (Arc::clone(self), parts.clone());
                        streams.push(LogStream { id, repository, parts, newest });
                        break;
                    }
                    // It was pruned, or merged, a moment ago.
                    Ok(None) => {}
                    Err(error) if error.is_damage() => {
                        damaged.push((segment_name(&id, part.first, part.last), error));
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        Ok((streams, damaged))
    }

    /// The stream of these databases of a server; `None` if there is none yet.
    pub fn log_stream(
        self: &Arc<Self>,
        server: &str,
        databases: &[String],
    ) -> Result<Option<LogStream>, RepoError> {
        let id = self.log_stream_id(server, databases);
        let (streams, damaged) = self.log_streams()?;
        match streams.into_iter().find(|stream| stream.id == id) {
            Some(stream) => Ok(Some(stream)),
            None => {
                let folder = format!("log/{id}/");
                let of_it = damaged.into_iter().find(|(name, _)| name.starts_with(&folder));
                of_it.map_or(Ok(None), |(_, error)| Err(error))
            }
        }
    }
}

impl LogStream {
    /// The name under which snapshots have the server: the `<server>` of `mongodb/<server>`.
    pub fn server(&self) -> &str {
        &self.newest.server
    }

    /// The databases whose changes are kept, ascending; none stands for all.
    pub fn databases(&self) -> &[String] {
        &self.newest.databases
    }

    /// Whether the changes of all databases of a server are kept in it.
    pub fn has_all(&self, server: &str) -> bool {
        self.server() == server && self.databases().is_empty()
    }

    /// Whether the changes of a database are kept in it.
    pub fn has(&self, server: &str, database: &str) -> bool {
        let databases = self.databases();
        self.server() == server
            && (databases.is_empty() || databases.iter().any(|name| name == database))
    }

    /// The newest segment.
    pub fn newest(&self) -> &SegmentHeader {
        &self.newest
    }

    /// The objects, by the first and last number of their segments, ascending.
    pub fn objects(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.parts.counting.iter().map(|part| (part.first, part.last))
    }

    /// The numbers of the object that has this segment.
    pub fn object_with(&self, number: u64) -> Option<(u64, u64)> {
        self.parts.covering(number).map(|part| (part.first, part.last))
    }

    /// Whether one object has all of these segments.
    pub fn covers(&self, (first, last): (u64, u64)) -> bool {
        self.parts.covering(first).is_some_and(|part| part.last >= last)
    }

    /// The oldest number that is there.
    pub fn first_number(&self) -> u64 {
        self.parts.counting.first().map_or(1, |part| part.first)
    }

    /// The number after all that are there, whether those open or not.
    pub fn next_number(&self) -> u64 {
        self.parts.counting.last().map_or(1, |part| part.last + 1)
    }

    /// Objects, and their bytes as stored.
    pub fn size(&self) -> (u64, u64) {
        let parts = &self.parts.counting;
        (parts.len() as u64, parts.iter().map(|part| part.bytes).sum())
    }

    /// How many segments there are, merged or not.
    pub fn segments(&self) -> u64 {
        self.parts.runs().iter().map(|(first, last)| last - first + 1).sum()
    }

    pub(super) fn part_of(&self, number: u64) -> Option<Part> {
        self.parts.covering(number)
    }

    /// The object that has this segment. What was merged meanwhile is found where it is now.
    pub(super) fn object_of(&self, number: u64) -> Result<Segments, RepoError> {
        let listed = self.part_of(number);
        if let Some(part) = listed
            && let Some(segments) =
                self.repository.read_segments(&self.id, part.first, part.last)?
        {
            return Ok(segments);
        }
        let parts = self.repository.log_parts()?.remove(&self.id).unwrap_or_default();
        if let Some(part) = parts.covering(number)
            && let Some(segments) =
                self.repository.read_segments(&self.id, part.first, part.last)?
        {
            return Ok(segments);
        }
        let is_pruned = parts.counting.first().is_some_and(|first| number < first.first);
        match is_pruned {
            true => Err(RepoError::LogPruned { number }),
            false => Err(RepoError::Damaged {
                name: segment_name(&self.id, number, number),
                why: "it is missing".to_string(),
            }),
        }
    }

    pub fn header(&self, number: u64) -> Result<SegmentHeader, RepoError> {
        let segments = self.object_of(number)?;
        let header = segments.headers.into_iter().find(|header| header.number == number);
        header.ok_or_else(|| RepoError::Damaged {
            name: segment_name(&self.id, number, number),
            why: "it is missing".to_string(),
        })
    }

    /// The segment, between two numbers of one window, from which on all that comes after a moment
    /// is found: the last one that does not begin after it, or the first one.
    pub(super) fn segment_after(
        &self,
        numbers: (u64, u64),
        at: ClusterTime,
    ) -> Result<SegmentHeader, RepoError> {
        self.last_segment(numbers, &|header| header.begin.at <= at)
    }

    /// The segment that has an entry of this moment, if there is one: a segment goes on after the
    /// entry that it begins with, but for the first of a window.
    pub(super) fn segment_of(
        &self,
        numbers: (u64, u64),
        at: ClusterTime,
    ) -> Result<SegmentHeader, RepoError> {
        self.last_segment(numbers, &|header| header.begin.at < at)
    }

    /// The last one of which `is_before` holds, as it does of all before that; else the first.
    /// Reads log2(n) objects.
    fn last_segment(
        &self,
        numbers: (u64, u64),
        is_before: &dyn Fn(&SegmentHeader) -> bool,
    ) -> Result<SegmentHeader, RepoError> {
        let (mut low, mut high) = numbers;
        let mut found = self.header(low)?;
        while low < high {
            let middle = high - (high - low) / 2;
            let header = self.header(middle)?;
            if is_before(&header) {
                (low, found) = (middle, header);
            } else {
                high = middle - 1;
            }
        }
        Ok(found)
    }
}
