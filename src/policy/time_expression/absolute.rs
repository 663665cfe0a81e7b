//! Dates and times in full: RFC 3339 and RFC 9557.

use super::clock::Clock;
use super::{Moment, TimeError, local};
use jiff::Timestamp;
use jiff::fmt::temporal::{Pieces, PiecesOffset, TimeZoneAnnotationKind};
use jiff::tz::{Offset, TimeZone};

/// Whether a text is meant to be one of these.
pub(super) fn begins_with_year(text: &str) -> bool {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    digits == 4 && text.as_bytes().get(digits) == Some(&b'-')
}

/// Reads a date with or without a time, offset and zone; in `zone` if it has neither.
pub(super) fn parse(text: &str, zone: &TimeZone) -> Result<Moment, TimeError> {
    let pieces = Pieces::parse(text).map_err(|_| TimeError::not_understood(text))?;
    let clock = written_clock(text)?;
    let named = named_zone(&pieces)?;
    let offset = pieces.offset().map(|offset| offset.to_numeric_offset());
    let zone = match (offset, &named) {
        (Some(offset), _) => TimeZone::fixed(offset),
        (None, Some((_, named))) => named.clone(),
        (None, None) => zone.clone(),
    };
    let Some(clock) = clock else { return local::day(pieces.date(), &zone) };
    let moment = local::time_of_day(pieces.date(), clock, &zone)?;
    if let (Some(offset), Some((name, zone))) = (claimed_offset(&pieces), &named) {
        check_offset(offset, name, zone, moment.first)?;
    }
    Ok(moment)
}

/// The time of the day as it is written after a date of ten characters; `None` if there is none.
fn written_clock(text: &str) -> Result<Option<Clock>, TimeError> {
    let rest = text.get(10..).ok_or_else(|| TimeError::not_understood(text))?;
    if rest.is_empty() || rest.starts_with('[') {
        return Ok(None);
    }
    let clock = rest.get(1..).unwrap_or_default();
    let clock = clock.split(['Z', 'z', '+', '-', '[']).next().unwrap_or_default();
    Clock::parse(clock).map(Some).ok_or_else(|| TimeError::not_understood(text))
}

/// The zone in brackets, with its name.
fn named_zone(pieces: &Pieces<'_>) -> Result<Option<(String, TimeZone)>, TimeError> {
    let Some(annotation) = pieces.time_zone_annotation() else { return Ok(None) };
    let name = match annotation.kind() {
        TimeZoneAnnotationKind::Named(name) => name.as_str().to_owned(),
        TimeZoneAnnotationKind::Offset(offset) => offset.to_string(),
        _ => String::new(),
    };
    match annotation.to_time_zone() {
        Ok(zone) => Ok(Some((name, zone))),
        Err(_) => Err(TimeError::UnknownZone { name: name.chars().take(80).collect() }),
    }
}

/// The offset that is said to be the local one: `Z` and `-00:00` say nothing about that.
fn claimed_offset(pieces: &Pieces<'_>) -> Option<Offset> {
    match pieces.offset()? {
        PiecesOffset::Numeric(offset) if offset.is_negative() && offset.offset().is_zero() => None,
        PiecesOffset::Numeric(offset) => Some(offset.offset()),
        _ => None,
    }
}

fn check_offset(
    offset: Offset,
    name: &str,
    zone: &TimeZone,
    time: Timestamp,
) -> Result<(), TimeError> {
    if zone.to_offset(time) == offset {
        return Ok(());
    }
    Err(TimeError::OffsetMismatch { offset: offset.to_string(), zone: name.to_owned() })
}
