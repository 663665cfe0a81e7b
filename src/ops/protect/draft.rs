//! The segment that is being collected.

use super::start::Start;
use crate::format::{LogPlace, SegmentHeader, Segments};
use crate::model::ClusterTime;
use crate::mongo::MongoError;
use crate::mongo::oplog::{Entry, OpenTransactions, OperationKind, Protected};
use jiff::{SignedDuration, Timestamp};

/// A note with this text in it, by anyone who may write notes into the server's log
/// (`appendOplogNote`), asks for the segment to be put at once.
const CLOSE: (&[u8], &[u8]) = (b"snap", b"close");

/// What stays the same from one segment to the next.
pub struct Stream {
    pub server: String,
    pub replica_set: Vec<u8>,
    pub databases: Vec<String>,
    pub program: String,
    pub protected: Protected,
}

/// A segment that grows. Memory: its entries.
pub struct Draft {
    header: SegmentHeader,
    entries: Vec<u8>,
    open: OpenTransactions,
    /// The last entry that was read.
    position: Option<ClusterTime>,
    /// When the first of its entries was kept.
    changed: Option<Timestamp>,
    begun: Timestamp,
    is_asked_for: bool,
}

impl Draft {
    pub fn new(stream: &Stream, start: &Start, now: Timestamp) -> Self {
        let header = SegmentHeader {
            number: start.number,
            previous: start.previous,
            window: start.window,
            gap: start.gap.clone(),
            server: stream.server.clone(),
            replica_set: stream.replica_set.clone(),
            databases: stream.databases.clone(),
            begin: start.begin,
            end: start.begin,
            oldest_open: start.oldest_open,
            program: stream.program.clone(),
            ..SegmentHeader::default()
        };
        Self {
            header,
            entries: Vec::new(),
            open: start.open.clone(),
            position: None,
            changed: None,
            begun: now,
            is_asked_for: start.is_new(),
        }
    }

    pub fn number(&self) -> u64 {
        self.header.number
    }

    pub fn bytes(&self) -> usize {
        self.entries.len()
    }

    /// The entry that it goes on after was read.
    pub fn passed(&mut self, at: ClusterTime) {
        self.position = Some(at);
    }

    pub fn add(&mut self, stream: &Stream, raw: &[u8], now: Timestamp) -> Result<(), MongoError> {
        let answer = |why: String| MongoError::Answer { what: "an entry of the log".into(), why };
        let entry = Entry::read(raw).map_err(|error| answer(error.to_string()))?;
        if self.position.is_some_and(|position| entry.at <= position) {
            return Err(answer("it comes out of order".to_string()));
        }
        self.position = Some(entry.at);
        self.open.see(&entry);
        self.header.seen += 1;
        self.is_asked_for |= asks_to_close(&entry);
        if let Some(kept) = stream.protected.cut(&entry) {
            self.entries.extend_from_slice(&kept);
            self.header.kept += 1;
            self.header.last_kept = Some(entry.at);
            self.changed = self.changed.or(Some(now));
        }
        if entry.at >= self.header.end.at {
            self.header.end = place(&entry);
        }
        Ok(())
    }

    /// Whether all that it says it goes on after was read, and anything behind it.
    pub fn has_anything(&self) -> bool {
        let is_there = self.position.is_some_and(|position| position >= self.header.begin.at);
        is_there && (self.header.seen > 0 || self.header.window == self.header.number)
    }

    /// Whether it is time to put it.
    pub fn is_due(&self, every: SignedDuration, idle: SignedDuration, now: Timestamp) -> bool {
        // A clock that was set back must not hold it up.
        let is_old = |since: Timestamp, age| now.duration_since(since) >= age || now < since;
        let is_old_change = self.changed.is_some_and(|changed| is_old(changed, every));
        self.has_anything() && (self.is_asked_for || is_old_change || is_old(self.begun, idle))
    }

    /// When it will be due at the latest, if there is a change.
    pub fn due(&self, every: SignedDuration) -> Option<Timestamp> {
        self.changed.and_then(|changed| changed.checked_add(every).ok())
    }

    /// As it is now.
    pub fn close(&self, now: Timestamp) -> Segments {
        let header = SegmentHeader {
            length: self.entries.len() as u64,
            entries_hash: *blake3::hash(&self.entries).as_bytes(),
            closed: now.as_millisecond(),
            ..self.header.clone()
        };
        Segments { headers: vec![header], entries: self.entries.clone() }
    }

    /// The next one begins after `last`, which was put.
    pub fn follow(&mut self, last: &SegmentHeader, now: Timestamp) {
        self.header = SegmentHeader {
            number: last.number + 1,
            previous: last.hash(),
            gap: None,
            begin: last.end,
            end: last.end,
            oldest_open: self.open.oldest(),
            last_kept: None,
            seen: 0,
            kept: 0,
            length: 0,
            ..last.clone()
        };
        self.entries.clear();
        (self.changed, self.begun, self.is_asked_for) = (None, now, false);
    }
}

/// Where an entry is.
pub fn place(entry: &Entry<'_>) -> LogPlace {
    let hash = *blake3::hash(entry.raw).as_bytes();
    LogPlace { at: entry.at, term: entry.term, hash, wall: entry.wall.unwrap_or_default() }
}

fn asks_to_close(entry: &Entry<'_>) -> bool {
    if entry.operation.kind != OperationKind::Nothing || entry.operation.object.is_empty() {
        return false;
    }
    let note = crate::codec::Elements::new(entry.operation.object);
    let found = note.and_then(|note| note.find(CLOSE.0)).ok().flatten();
    found.is_some_and(|text| text.text() == Some(CLOSE.1))
}
