//! From a zone's calendar and clocks to instants, also where clocks are put forward and back.

use super::clock::Clock;
use super::{Moment, TimeError};
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp};

/// All of a day.
pub(super) fn day(date: Date, zone: &TimeZone) -> Result<Moment, TimeError> {
    let first = earlier_instant(date.to_datetime(Time::midnight()), zone)?;
    let last = instant(date.to_datetime(Time::MAX), zone)?;
    Ok(Moment::days(first, last))
}

/// A time of a day.
pub(super) fn time_of_day(date: Date, clock: Clock, zone: &TimeZone) -> Result<Moment, TimeError> {
    Ok(Moment::starting(instant(date.to_datetime(clock.time), zone)?, clock.width))
}

/// When clocks show `local`: the later time if they do so twice; the moment at which they are put
/// forward if they skip it.
pub(super) fn instant(local: DateTime, zone: &TimeZone) -> Result<Timestamp, TimeError> {
    let timestamp = match zone.to_ambiguous_timestamp(local).offset() {
        AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(local),
        AmbiguousOffset::Fold { after, .. } => after.to_timestamp(local),
        AmbiguousOffset::Gap { before, .. } => {
            before.to_timestamp(local).map(|inside| last_change(inside, zone))
        }
    };
    timestamp.map_err(|_| TimeError::out_of_range(&local.to_string()))
}

/// Likewise, but the earlier time if clocks show it twice.
pub(super) fn earlier_instant(local: DateTime, zone: &TimeZone) -> Result<Timestamp, TimeError> {
    match zone.to_ambiguous_timestamp(local).offset() {
        AmbiguousOffset::Fold { before, .. } => {
            before.to_timestamp(local).map_err(|_| TimeError::out_of_range(&local.to_string()))
        }
        _ => instant(local, zone),
    }
}

/// The latest change of the zone's clocks that is not after `time`.
fn last_change(time: Timestamp, zone: &TimeZone) -> Timestamp {
    let after = time.checked_add(SignedDuration::from_nanos(1)).unwrap_or(time);
    zone.preceding(after).next().map_or(time, |change| change.timestamp())
}
