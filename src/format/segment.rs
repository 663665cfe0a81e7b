//! `log/<stream>/<first>-<last>`: a part of a database's change log. An object holds one segment
//! or, merged, several that follow each other.

use super::cluster_time::{packed, packed_or_none, unpacked, unpacked_or_none};
use super::record::{self, Bytes, Fixed, Item, record};
use super::{FormatError, documents};
use crate::model::ClusterTime;

const WHAT: &str = "segment of the change log";

/// The longest entries of one object, in bytes: what fits into an object that is read whole. A
/// writer ends a segment at 16 MiB, which the last entry may exceed by as much.
pub const LARGEST_SEGMENT: usize = 48 << 20;

/// Where something is in a server's log: an entry, and enough to know it again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LogPlace {
    /// `ts` of the entry.
    pub at: ClusterTime,
    /// `t` of the entry.
    pub term: i64,
    /// BLAKE3 of the entry as the server had it.
    pub hash: [u8; 32],
    /// `wall` of the entry, in milliseconds since 1970; 0 where it has none.
    pub wall: i64,
}

/// What is known of a segment beside its entries. Its hash is what the next one is chained to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SegmentHeader {
    /// From 1.
    pub number: u64,
    /// Hash of the segment before; zeros of the first.
    pub previous: [u8; 32],
    /// The number of the first segment of its window: from there on nothing is missing.
    pub window: u64,
    /// Why this one does not go on where the one before ended: the first of a later window.
    pub gap: Option<String>,
    /// The name under which snapshots have the server.
    pub server: String,
    /// The id of the replica set; empty where it may not be read.
    pub replica_set: Vec<u8>,
    /// The databases whose changes are kept, ascending; none stands for all.
    pub databases: Vec<String>,
    /// The last entry of the segment before; of the first of a window the first entry of all,
    /// which is in it.
    pub begin: LogPlace,
    /// The last entry that was seen, kept or not.
    pub end: LogPlace,
    /// The first entry of the oldest transaction that was under way at `begin`.
    pub oldest_open: Option<ClusterTime>,
    /// The last entry that was kept; `None` where none was.
    pub last_kept: Option<ClusterTime>,
    /// Entries that were seen.
    pub seen: u64,
    /// Entries that were kept.
    pub kept: u64,
    /// Their bytes.
    pub length: u64,
    /// BLAKE3 of these bytes.
    pub entries_hash: [u8; 32],
    /// When it was closed, by the clock of who wrote it: milliseconds since 1970.
    pub closed: i64,
    /// The program that made it, `snap 0.1.0`.
    pub program: String,
}

/// The segments of one object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Segments {
    /// At least one; each follows the one before.
    pub headers: Vec<SegmentHeader>,
    /// Entries of all of them: BSON, end to end.
    pub entries: Vec<u8>,
}

record! {
    PlaceRecord {
        "t" => at: u64,
        "e" => term: i64,
        "h" => hash: Fixed<32>,
        "w" => wall: i64,
    }
}

record! {
    HeaderRecord {
        "n" => number: u64,
        "p" => previous: Fixed<32>,
        "r" => window: u64,
        "g" => gap: String,
        "s" => server: String,
        "i" => replica_set: Bytes,
        "d" => databases: Vec<Item<String>>,
        "b" => begin: PlaceRecord,
        "l" => end: PlaceRecord,
        "o" => oldest_open: u64,
        "a" => last_kept: u64,
        "S" => seen: u64,
        "k" => kept: u64,
        "z" => length: u64,
        "x" => entries_hash: Fixed<32>,
        "w" => closed: i64,
        "m" => program: String,
    }
}

record! {
    SegmentsRecord {
        "v" => version: u32,
        "h" => headers: Vec<HeaderRecord>,
        "e" => entries: Bytes,
    }
}

impl SegmentHeader {
    /// What the next segment is chained to.
    pub fn hash(&self) -> [u8; 32] {
        *blake3::hash(&record::encode(&HeaderRecord::from(self))).as_bytes()
    }

    /// Whether `next` is chained to this one, and goes on where it ends or says that it does not.
    pub fn is_followed_by(&self, next: &SegmentHeader) -> bool {
        let goes_on = next.begin == self.end && next.window == self.window;
        self.number.checked_add(1) == Some(next.number)
            && next.previous == self.hash()
            && (goes_on || next.gap.is_some())
            && (self.server == next.server && self.databases == next.databases)
    }

    fn check(&self) -> Result<(), FormatError> {
        let is_first = self.window == self.number;
        let is_right = self.number > 0
            && (1..=self.number).contains(&self.window)
            && is_first == (self.gap.is_some() || self.number == 1)
            && self.begin.at <= self.end.at
            && self.oldest_open.is_none_or(|open| open <= self.begin.at)
            && self.kept <= self.seen
            && self.databases.is_sorted_by(|a, b| a < b);
        match is_right {
            true => Ok(()),
            false => Err(FormatError::malformed(WHAT, "its header contradicts itself")),
        }
    }
}

impl Segments {
    pub fn encode(&self) -> Vec<u8> {
        record::encode(&SegmentsRecord {
            version: 0,
            headers: self.headers.iter().map(HeaderRecord::from).collect(),
            entries: self.entries.clone().into(),
        })
    }

    /// Refuses segments that do not follow each other, and entries that are not those that a
    /// header tells of.
    pub fn decode(bytes: &[u8]) -> Result<Self, FormatError> {
        let record: SegmentsRecord = record::decode(WHAT, bytes)?;
        record::readable(record.version)?;
        let headers: Vec<SegmentHeader> =
            record.headers.into_iter().map(SegmentHeader::from).collect();
        let segments = Self { headers, entries: record.entries.into_vec() };
        segments.check()?;
        Ok(segments)
    }

    fn check(&self) -> Result<(), FormatError> {
        let malformed = |why: &str| Err(FormatError::malformed(WHAT, why));
        if self.headers.is_empty() || self.entries.len() > LARGEST_SEGMENT {
            return malformed("it has no header, or too much");
        }
        self.headers.iter().try_for_each(SegmentHeader::check)?;
        let follow = |pair: &[SegmentHeader]| pair[0].is_followed_by(&pair[1]);
        if !self.headers.windows(2).all(follow) {
            return malformed("its segments do not follow each other");
        }
        let mut rest = &self.entries[..];
        for header in &self.headers {
            let length = usize::try_from(header.length).unwrap_or(usize::MAX);
            let Some((entries, behind)) = rest.split_at_checked(length) else {
                return malformed("it has fewer entries than it says");
            };
            if *blake3::hash(entries).as_bytes() != header.entries_hash {
                return malformed("its entries are not those that it says");
            }
            let mut count = 0_u64;
            for entry in documents(entries) {
                entry?;
                count += 1;
            }
            if count != header.kept {
                return malformed("it has another number of entries than it says");
            }
            rest = behind;
        }
        if rest.is_empty() { Ok(()) } else { malformed("it has more entries than it says") }
    }

    /// The headers, each with its entries.
    pub fn each(&self) -> impl Iterator<Item = (&SegmentHeader, &[u8])> {
        let mut rest = &self.entries[..];
        self.headers.iter().map(move |header| {
            let length = usize::try_from(header.length).unwrap_or(usize::MAX);
            // What was decoded has all that its headers say.
            let (entries, behind) = rest.split_at_checked(length).unwrap_or((rest, &[]));
            rest = behind;
            (header, entries)
        })
    }
}

impl From<LogPlace> for PlaceRecord {
    fn from(place: LogPlace) -> Self {
        let LogPlace { at, term, hash, wall } = place;
        Self { at: packed(at), term, hash: hash.into(), wall }
    }
}

impl From<PlaceRecord> for LogPlace {
    fn from(record: PlaceRecord) -> Self {
        let PlaceRecord { at, term, hash, wall } = record;
        Self { at: unpacked(at), term, hash: hash.into_array(), wall }
    }
}

impl From<&SegmentHeader> for HeaderRecord {
    fn from(header: &SegmentHeader) -> Self {
        Self {
            number: header.number,
            previous: header.previous.into(),
            window: header.window,
            gap: header.gap.clone().unwrap_or_default(),
            server: header.server.clone(),
            replica_set: header.replica_set.clone().into(),
            databases: header.databases.iter().cloned().map(Item).collect(),
            begin: header.begin.into(),
            end: header.end.into(),
            oldest_open: packed_or_none(header.oldest_open),
            last_kept: packed_or_none(header.last_kept),
            seen: header.seen,
            kept: header.kept,
            length: header.length,
            entries_hash: header.entries_hash.into(),
            closed: header.closed,
            program: header.program.clone(),
        }
    }
}

impl From<HeaderRecord> for SegmentHeader {
    fn from(record: HeaderRecord) -> Self {
        Self {
            number: record.number,
            previous: record.previous.into_array(),
            window: record.window,
            gap: (!record.gap.is_empty()).then_some(record.gap),
            server: record.server,
            replica_set: record.replica_set.into_vec(),
            databases: record.databases.into_iter().map(|name| name.0).collect(),
            begin: record.begin.into(),
            end: record.end.into(),
            oldest_open: unpacked_or_none(record.oldest_open),
            last_kept: unpacked_or_none(record.last_kept),
            seen: record.seen,
            kept: record.kept,
            length: record.length,
            entries_hash: record.entries_hash.into_array(),
            closed: record.closed,
            program: record.program,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: [u8; 5] = [5, 0, 0, 0, 0];

    fn place(increment: u32) -> LogPlace {
        let at = ClusterTime { seconds: 7, increment };
        LogPlace { at, term: 1, hash: [increment as u8; 32], wall: 7000 }
    }

    fn first() -> SegmentHeader {
        SegmentHeader {
            number: 1,
            window: 1,
            server: "rs0".to_string(),
            databases: vec!["bot".to_string()],
            begin: place(1),
            end: place(5),
            seen: 4,
            kept: 1,
            length: 5,
            entries_hash: *blake3::hash(&EMPTY).as_bytes(),
            last_kept: Some(place(4).at),
            ..SegmentHeader::default()
        }
    }

    fn second() -> SegmentHeader {
        let first = first();
        let (previous, begin, end) = (first.hash(), first.end, place(9));
        SegmentHeader { number: 2, previous, begin, end, ..first }
    }

    fn both() -> Segments {
        let entries = [EMPTY, EMPTY].concat();
        Segments { headers: vec![first(), second()], entries }
    }

    #[test]
    fn segments_read_back() {
        let segments = both();
        assert_eq!(Segments::decode(&segments.encode()).unwrap(), segments);
        let each: Vec<_> =
            segments.each().map(|(header, entries)| (header.number, entries)).collect();
        assert_eq!(each, [(1, &EMPTY[..]), (2, &EMPTY[..])]);
    }

    #[test]
    fn what_does_not_hang_together_is_refused() {
        let refused = |change: &dyn Fn(&mut Segments)| {
            let mut segments = both();
            change(&mut segments);
            assert!(Segments::decode(&segments.encode()).is_err(), "{segments:?}");
        };
        refused(&|s| s.headers.clear());
        refused(&|s| s.entries.push(0));
        refused(&|s| s.entries.truncate(9));
        refused(&|s| s.entries[0] = 4);
        refused(&|s| s.headers[1].previous[0] ^= 1);
        refused(&|s| s.headers[1].number = 3);
        refused(&|s| s.headers[1].begin = place(6));
        refused(&|s| s.headers[1].window = 2);
        refused(&|s| s.headers[0].kept = 2);
        refused(&|s| s.headers[0].length = u64::MAX);
        refused(&|s| s.headers[0].end = place(0));
        refused(&|s| s.headers[1].databases.clear());
    }

    #[test]
    fn a_gap_is_said() {
        let mut segments = both();
        segments.headers[1].begin = place(7);
        segments.headers[1].window = 2;
        segments.headers[1].gap = Some("the log is too short".to_string());
        assert!(Segments::decode(&segments.encode()).is_ok());
    }
}
