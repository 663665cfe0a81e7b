//! What a time that somebody wrote stands for (`--at`, `--time`).

mod absolute;
mod clock;
mod local;
mod relative;
#[cfg(test)]
mod tests;

use jiff::{SignedDuration, Timestamp, Zoned};

/// Why a text is not a time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// `text` is the part that was not understood.
    #[error(
        "cannot understand {text:?} as a time: write for example 2025-11-28T02:00, \
         \"yesterday 02:00\" or \"2 days ago\""
    )]
    NotUnderstood { text: String },
    #[error("the time zone {name:?} is not known here: write for example [Europe/Madrid]")]
    UnknownZone { name: String },
    #[error("the clocks of {zone} are not at {offset} then: leave out one of the two")]
    OffsetMismatch { offset: String, zone: String },
    #[error("{text:?} is too far away for the calendar")]
    OutOfRange { text: String },
    #[error(
        "\"latest\" names a snapshot, not a time: write for example 2025-11-28T02:00, \
         \"yesterday 02:00\" or \"now\""
    )]
    LatestIsNoTime,
}

impl TimeError {
    fn not_understood(text: &str) -> Self {
        Self::NotUnderstood { text: text.chars().take(80).collect() }
    }

    fn out_of_range(text: &str) -> Self {
        Self::OutOfRange { text: text.chars().take(80).collect() }
    }
}

/// A time as wide as it was written: `02:00` is all of that minute, a date all of that day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Its first instant.
    pub first: Timestamp,
    /// The last instant that it includes: snapshots begun until then are not after it.
    pub last: Timestamp,
    /// The whole second at which a roll-forward stops, that second included: the first of a time
    /// of the day, the last of a date alone.
    pub instant: Timestamp,
}

impl Moment {
    /// Just this instant.
    fn exact(instant: Timestamp) -> Self {
        Self { first: instant, last: instant, instant: whole_second(instant) }
    }

    /// A time of the day, `width` wide (not zero).
    fn starting(first: Timestamp, width: SignedDuration) -> Self {
        let last = width.saturating_sub(SignedDuration::from_nanos(1));
        let last = first.checked_add(last).unwrap_or(Timestamp::MAX);
        Self { first, last, instant: whole_second(first) }
    }

    /// One whole day, or several.
    fn days(first: Timestamp, last: Timestamp) -> Self {
        Self { first, last, instant: whole_second(last) }
    }
}

/// The start of the second that `time` lies in.
fn whole_second(time: Timestamp) -> Timestamp {
    let nanoseconds = time.as_nanosecond();
    let start = nanoseconds.saturating_sub(nanoseconds.rem_euclid(1_000_000_000));
    Timestamp::from_nanosecond(start).unwrap_or(time)
}

/// Which snapshot is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeExpression {
    /// The newest one.
    Latest,
    /// The newest one that was begun not after this.
    Moment(Moment),
}

impl TimeExpression {
    /// Reads (letters of either case):
    ///
    /// - `latest`, `now`;
    /// - RFC 3339 and 9557: `2025-11-28`, `2025-11-28T02:00`, `2025-11-28 02:00:07.25Z`,
    ///   `2025-11-28T02:00[Europe/Madrid]`, in `now`'s zone if they name none. Where offset and
    ///   zone disagree they are refused;
    /// - `today`, `yesterday`, `3 days ago` with or without a time of the day; `yesterday` is the
    ///   whole day, `1 day ago` without a time the same time of yesterday's day, `24 hours ago`
    ///   that many hours. Units: seconds, minutes, hours, days, weeks, months, years;
    /// - `02:00`, `monday 02:00`: the latest such time that is not after `now`; `monday`: the
    ///   latest such day, maybe today; `last monday`: the latest before today;
    /// - `last week`, `last month`: all of that of the calendar, weeks from Monday on.
    ///
    /// A local time that comes twice is the later one; one that is left out when clocks are put
    /// forward is the end of what was left out.
    pub fn parse(text: &str, now: &Zoned) -> Result<Self, TimeError> {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if text.eq_ignore_ascii_case("latest") {
            return Ok(Self::Latest);
        }
        let moment = if absolute::begins_with_year(&text) {
            absolute::parse(&text, now.time_zone())
        } else {
            relative::parse(&text, now)
        };
        moment.map(Self::Moment)
    }
}

/// Reads a time where one instant is asked for (`backup --time`): the start of what is written,
/// so a date is its midnight. `latest` is none.
pub fn parse_exact(text: &str, now: &Zoned) -> Result<Timestamp, TimeError> {
    match TimeExpression::parse(text, now)? {
        TimeExpression::Latest => Err(TimeError::LatestIsNoTime),
        TimeExpression::Moment(moment) => Ok(moment.first),
    }
}
