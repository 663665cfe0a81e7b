//! The change log: segments in numbered objects, `log/<stream>/<first>-<last>`.
//!
//! A stream is the log of some databases of one server. Its segments are numbered from 1 and
//! chained by hash. Put-if-absent of the next number decides between two who write; segments are
//! later merged into larger objects, and deleted from the oldest on. Where an object lies in
//! another one it does not count, so merging needs no lock: the larger one is put, then the
//! smaller ones are deleted.

mod entries;
mod listing;
mod merge;
mod stream;
mod verify;
mod windows;

pub use entries::LogEntries;
pub use merge::MergedLog;
pub use stream::{DamagedSegments, LogStream};
pub use verify::VerifiedLog;
pub use windows::{LogGap, LogWindow};

use super::RepoError;
use super::repository::{Repository, object_name};
use crate::codec::{BlobClass, Class};
use crate::format::{self, Segments};
use crate::model::StreamId;
use crate::storage::{Put, StorageError};

impl Repository {
    /// The stream of these databases of a server, whether there is one or not. `server` is the
    /// name under which snapshots have it; no databases stand for all. Sorted.
    pub fn log_stream_id(&self, server: &str, databases: &[String]) -> StreamId {
        let mut name = b"log stream".to_vec();
        for part in std::iter::once(server).chain(databases.iter().map(String::as_str)) {
            name.push(0);
            name.extend_from_slice(part.as_bytes());
        }
        let whole = self.identify(BlobClass::Tree, &name);
        let mut id = [0; StreamId::LENGTH];
        id.iter_mut().zip(whole.bytes()).for_each(|(byte, of_whole)| *byte = *of_whole);
        StreamId::new(id)
    }

    /// Stores segments as one object of their stream. `Exists` if the name is taken, unless by
    /// an object that holds the same.
    pub fn put_segments(&self, stream: &StreamId, segments: &Segments) -> Result<Put, RepoError> {
        let (Some(first), Some(last)) = (segments.headers.first(), segments.headers.last()) else {
            return Ok(Put::Exists);
        };
        let name = object_name(&format::segment_name(stream, first.number, last.number))?;
        self.put_object(Class::LogSegment, &name, &segments.encode())
    }

    /// The segments of one object; `None` if there is none of this name.
    pub fn read_segments(
        &self,
        stream: &StreamId,
        first: u64,
        last: u64,
    ) -> Result<Option<Segments>, RepoError> {
        let name = object_name(&format::segment_name(stream, first, last))?;
        let plain = match self.get_object(Class::LogSegment, &name) {
            Err(RepoError::Storage(StorageError::Absent { .. })) => return Ok(None),
            other => other?,
        };
        let segments = Segments::decode(&plain).map_err(|error| RepoError::format(&name, error))?;
        let numbers = segments.headers.first().zip(segments.headers.last());
        let numbers = numbers.map(|(first, last)| (first.number, last.number));
        let is_its_stream = segments
            .headers
            .first()
            .is_some_and(|header| self.log_stream_id(&header.server, &header.databases) == *stream);
        match numbers == Some((first, last)) && is_its_stream {
            true => Ok(Some(segments)),
            false => Err(RepoError::damaged(&name, "it holds other segments than it says")),
        }
    }
}
