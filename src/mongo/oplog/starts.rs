//! How a server was started (`local.startup_log`): as a member of its replica set, which logs what
//! it writes, or alone, which does not.

use super::touched::Unfollowed;
use crate::codec::{DocumentBuilder, DocumentError, Element, ElementType, Elements};
use crate::mongo::{Connection, MongoError};

const WHAT: &str = "the list of the server's starts";
/// By so much may its clock have been set back, in milliseconds.
const CLOCK_MILLISECONDS: i64 = 60 * 60 * 1000;

/// The starts that the server remembers: each makes a note before anything else is written. The
/// oldest notes go at 10 MiB, which are thousands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Starts {
    /// Milliseconds since 1970.
    oldest: Option<i64>,
    /// The last one that was not as a member of a set.
    last_alone: Option<i64>,
}

/// Whether a server was a member of its set all the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Membership {
    Lasting,
    Interrupted,
    /// It is not told, or not so far back.
    Unknown,
}

impl Connection {
    /// Nothing where they may not be read. One small question.
    pub(super) fn starts(&self) -> Result<Starts, MongoError> {
        let fields = DocumentBuilder::new().int32("startTime", 1).int32("cmdLine.replication", 1);
        let command = DocumentBuilder::new()
            .string("find", "startup_log")
            .document("projection", &fields.finish());
        let notes = match self.list("local", WHAT, command) {
            Err(error) if error.is_passing() => return Err(error),
            Err(_) => return Ok(Starts::default()),
            Ok((notes, _)) => notes,
        };
        Ok(Starts::of(notes.iter().map(Vec::as_slice)))
    }
}

impl Starts {
    /// From notes in the order in which they were made. One that is not understood is as good as
    /// none at all.
    fn of<'a>(notes: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut starts = Self::default();
        for note in notes {
            let Ok(Some((time, is_member))) = read(note) else { return Self::default() };
            starts.oldest = Some(starts.oldest.map_or(time, |oldest| oldest.min(time)));
            if !is_member {
                starts.last_alone = starts.last_alone.max(Some(time));
            }
        }
        starts
    }

    /// Why the log does not tell all since an entry of this time. A server that was started
    /// outside its set writes without a log, and an election follows when it is back. An election
    /// alone is no reason.
    pub fn interruption(&self, wall: Option<i64>, is_same_term: bool) -> Option<Unfollowed> {
        let membership = match wall {
            Some(wall) => self.membership_since(wall, !is_same_term),
            None => Membership::Unknown,
        };
        match membership {
            Membership::Interrupted => Some(Unfollowed::StartedAlone),
            Membership::Unknown if !is_same_term => Some(Unfollowed::UnknownStarts),
            Membership::Unknown | Membership::Lasting => None,
        }
    }

    /// Whether the server has been a member since a time of its clock, in milliseconds since
    /// 1970. The clock is mistrusted where it matters.
    pub fn membership_since(&self, time: i64, mistrusts_clock: bool) -> Membership {
        let margin = if mistrusts_clock { CLOCK_MILLISECONDS } else { 0 };
        match (self.oldest, self.last_alone) {
            (_, Some(alone)) if alone >= time.saturating_sub(margin) => Membership::Interrupted,
            (Some(oldest), _) if oldest <= time => Membership::Lasting,
            _ => Membership::Unknown,
        }
    }
}

/// When a start was, and whether it was that of a member.
fn read(note: &[u8]) -> Result<Option<(i64, bool)>, DocumentError> {
    let time = Elements::new(note)?.find(b"startTime")?;
    let time = time.filter(|time| time.kind == ElementType::DateTime);
    let time = time.and_then(|time| time.value.try_into().ok().map(i64::from_le_bytes));
    let options = Elements::new(note)?.find(b"cmdLine")?;
    let Some(options) = options.as_ref().and_then(Element::elements) else { return Ok(None) };
    let replication = options?.find(b"replication")?;
    let is_member = match replication.as_ref().and_then(Element::elements) {
        Some(options) => names_set(options?)?,
        None => false,
    };
    Ok(time.map(|time| (time, is_member)))
}

/// Whether the set is named: as on the command line, or as in the file.
fn names_set(options: Elements<'_>) -> Result<bool, DocumentError> {
    for option in options {
        let option = option?;
        let is_name = matches!(option.name, b"replSet" | b"replSetName");
        if is_name && option.text().is_some_and(|name| !name.is_empty()) {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = CLOCK_MILLISECONDS;

    fn note(time: i64, set: Option<(&str, &str)>) -> Vec<u8> {
        let replication = match set {
            Some((option, name)) => DocumentBuilder::new().string(option, name),
            None => DocumentBuilder::new(),
        };
        let options = DocumentBuilder::new().document("replication", &replication.finish());
        DocumentBuilder::new()
            .date("startTime", time)
            .document("cmdLine", &options.finish())
            .finish()
    }

    fn starts(notes: &[Vec<u8>]) -> Starts {
        Starts::of(notes.iter().map(Vec::as_slice))
    }

    #[test]
    fn a_start_outside_the_set_is_seen() {
        let member = Some(("replSet", "rs0"));
        let starts = starts(&[note(0, member), note(20 * HOUR, None), note(21 * HOUR, member)]);
        let since = |hour: i64| starts.membership_since(hour * HOUR, false);
        assert_eq!(since(-1), Membership::Interrupted);
        assert_eq!(since(20), Membership::Interrupted);
        assert_eq!(since(21), Membership::Lasting);
        assert_eq!(starts.membership_since(21 * HOUR, true), Membership::Interrupted);
        assert_eq!(starts.membership_since(22 * HOUR, true), Membership::Lasting);
    }

    #[test]
    fn what_is_not_told_is_not_guessed() {
        let unknown = |notes: &[Vec<u8>]| {
            assert_eq!(starts(notes).membership_since(5, false), Membership::Unknown);
        };
        unknown(&[]);
        unknown(&[note(6, Some(("replSetName", "rs0")))]);
        unknown(&[note(1, Some(("replSet", "rs0"))), DocumentBuilder::new().finish()]);
        unknown(&[note(1, Some(("replSet", "rs0"))), b"broken".to_vec()]);
        let other = note(1, Some(("enableMajorityReadConcern", "x")));
        assert_eq!(starts(&[other]).membership_since(0, false), Membership::Interrupted);
        let by_file = note(1, Some(("replSetName", "rs0")));
        assert_eq!(starts(&[by_file]).membership_since(5, true), Membership::Lasting);
    }
}
