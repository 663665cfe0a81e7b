//! Where to read on: after what is archived, or, where the server has that no more, from now on.

use super::ProtectError;
use super::draft::place;
use crate::format::{LogPlace, SegmentHeader};
use crate::model::ClusterTime;
use crate::mongo::oplog::{Entry, OpenTransactions};
use crate::mongo::{Connection, MongoError};
use crate::repo::{LogStream, RepoError};

/// Where the next segment begins.
pub struct Start {
    pub number: u64,
    pub previous: [u8; 32],
    pub window: u64,
    pub gap: Option<String>,
    /// The last entry of the log that is archived, of which the gap begins.
    pub last: Option<LogPlace>,
    pub begin: LogPlace,
    /// The entry to begin reading with.
    pub from: ClusterTime,
    pub oldest_open: Option<ClusterTime>,
    pub open: OpenTransactions,
    /// The moment from which on a base is good for the window.
    pub first: ClusterTime,
}

impl Start {
    /// Whether a window begins with it.
    pub fn is_new(&self) -> bool {
        self.window == self.number
    }

    pub fn find(connection: &Connection, stream: Option<&LogStream>) -> Result<Self, ProtectError> {
        let newest = newest(connection)?;
        let Some(stream) = stream else { return Self::anew(connection, None, None) };
        let last = stream.newest();
        match why_not_after(connection, stream, &newest)? {
            Some(why) => Self::anew(connection, Some(stream), Some(why)),
            None => match open_at_end(stream) {
                Ok(open) => Self::after(stream, last, open),
                Err(error) if error.is_damage() => {
                    let why = format!("the newest segments cannot be read: {error}");
                    Self::anew(connection, Some(stream), Some(why))
                }
                Err(error) => Err(error.into()),
            },
        }
    }

    fn after(
        stream: &LogStream,
        last: &SegmentHeader,
        open: OpenTransactions,
    ) -> Result<Self, ProtectError> {
        let windows = stream.windows()?;
        let first = windows.last().map_or(last.begin.at, |window| window.first.at);
        Ok(Self {
            number: last.number + 1,
            previous: last.hash(),
            window: last.window,
            gap: None,
            last: Some(last.end),
            begin: last.end,
            from: last.end.at,
            oldest_open: open.oldest(),
            open,
            first,
        })
    }

    /// A window that begins now. Transactions that are under way are read from their beginning:
    /// whatever was under way at the second look began after the first one, or is listed.
    fn anew(
        connection: &Connection,
        stream: Option<&LogStream>,
        gap: Option<String>,
    ) -> Result<Self, ProtectError> {
        let before = newest(connection)?;
        let open = connection.oldest_open_transaction()?;
        let begin = newest(connection)?;
        let from = open.map_or(before.at, |open| open.min(before.at));
        let last = stream.map(LogStream::newest);
        let number = stream.map_or(1, LogStream::next_number);
        Ok(Self {
            number,
            previous: last.map_or([0; 32], SegmentHeader::hash),
            window: number,
            gap,
            last: last.map(|last| last.end),
            begin,
            from,
            oldest_open: (open.is_some() || from < begin.at).then_some(from),
            open: OpenTransactions::default(),
            first: begin.at,
        })
    }
}

/// The newest entry that a majority has.
fn newest(connection: &Connection) -> Result<LogPlace, ProtectError> {
    let lost = || MongoError::Lost {
        what: "the log of changes".to_string(),
        why: "the newest entry is gone".to_string(),
    };
    let moment = connection.moment()?.ok_or_else(lost)?;
    let raw = connection.find_log_entry(moment, moment)?.ok_or_else(lost)?;
    Ok(read_place(&raw)?)
}

fn read_place(raw: &[u8]) -> Result<LogPlace, MongoError> {
    let why = |error: crate::codec::DocumentError| MongoError::Answer {
        what: "an entry of the log".to_string(),
        why: error.to_string(),
    };
    Ok(place(&Entry::read(raw).map_err(why)?))
}

/// Why the log does not go on where the archive ends.
fn why_not_after(
    connection: &Connection,
    stream: &LogStream,
    newest: &LogPlace,
) -> Result<Option<String>, ProtectError> {
    let last = stream.newest();
    if last.number + 1 != stream.next_number() {
        return Ok(Some("the newest segments are damaged".to_string()));
    }
    let Some(raw) = connection.find_log_entry(last.end.at, newest.at)? else {
        let why = "the server's log does not go back to the last entry that is archived";
        return Ok(Some(why.to_string()));
    };
    if read_place(&raw)? != last.end {
        let why = "the server's log has another entry at the time of the last one that is archived";
        return Ok(Some(why.to_string()));
    }
    let wall = (last.end.wall != 0).then_some(last.end.wall);
    let interruption = connection.interruption(wall, last.end.term == newest.term)?;
    Ok(interruption.map(|why| why.to_string().replace("last snapshot", "last entry archived")))
}

/// Which transactions are under way after the newest segment.
fn open_at_end(stream: &LogStream) -> Result<OpenTransactions, RepoError> {
    let mut open = OpenTransactions::default();
    let last = stream.newest();
    let windows = stream.windows()?;
    let Some(window) = windows.last() else { return Ok(open) };
    for raw in stream.entries(window, last.begin.at, last.end.at)? {
        if let Ok(entry) = Entry::read(&raw?) {
            open.see(&entry);
        }
    }
    Ok(open)
}
