//! Times that are seen from now.

use super::clock::Clock;
use super::{Moment, TimeError, local};
use jiff::civil::{Date, Weekday};
use jiff::{Span, Timestamp, Unit, Zoned};

/// Reads words that are separated by single spaces.
pub(super) fn parse(text: &str, now: &Zoned) -> Result<Moment, TimeError> {
    let lower = text.to_ascii_lowercase();
    let words: Vec<&str> = lower.split(' ').collect();
    let not_understood = || TimeError::not_understood(text);
    match words.as_slice() {
        ["now"] => Ok(Moment::exact(now.timestamp())),
        ["today", rest @ ..] => on_day(now.date(), rest, now),
        ["yesterday", rest @ ..] => on_day(days_before(now.date(), 1)?, rest, now),
        ["last", "week"] => last_week(now),
        ["last", "month"] => last_month(now),
        ["last", name, rest @ ..] => {
            let weekday = weekday(name).ok_or_else(not_understood)?;
            on_day(weekday_before(now.date(), weekday)?, rest, now)
        }
        [number, unit, "ago", rest @ ..] => {
            let unit = read_unit(unit).ok_or_else(not_understood)?;
            let span = read_span(number, unit, text)?;
            if unit >= Unit::Day { days_ago(span, rest, now) } else { time_ago(span, rest, now) }
        }
        [name, rest @ ..] if let Some(weekday) = weekday(name) => on_weekday(weekday, rest, now),
        [time] => {
            let clock = Clock::parse(time).ok_or_else(not_understood)?;
            latest_time_of_day(clock, [now.date(), days_before(now.date(), 1)?], now)
        }
        _ => Err(not_understood()),
    }
}

/// A day, or the time of that day if `rest` is one.
fn on_day(date: Date, rest: &[&str], now: &Zoned) -> Result<Moment, TimeError> {
    match time_of_day(rest)? {
        Some(clock) => local::time_of_day(date, clock, now.time_zone()),
        None => local::day(date, now.time_zone()),
    }
}

/// The latest such day, maybe today; with a time of the day the latest such time not after now.
fn on_weekday(weekday: Weekday, rest: &[&str], now: &Zoned) -> Result<Moment, TimeError> {
    let today = now.date();
    let latest = if today.weekday() == weekday { today } else { weekday_before(today, weekday)? };
    match time_of_day(rest)? {
        Some(clock) => latest_time_of_day(clock, [latest, days_before(latest, 7)?], now),
        None => local::day(latest, now.time_zone()),
    }
}

/// The latest time of these days, the later day first, that is not after now. Where clocks show
/// it twice and the second is yet to come, it is the first.
fn latest_time_of_day(clock: Clock, days: [Date; 2], now: &Zoned) -> Result<Moment, TimeError> {
    let zone = now.time_zone();
    let [later, earlier] = days.map(|day| day.to_datetime(clock.time));
    let candidates = [local::instant(later, zone)?, local::earlier_instant(later, zone)?];
    let passed = candidates.into_iter().find(|&time| time <= now.timestamp());
    let first = passed.map_or_else(|| local::instant(earlier, zone), Ok)?;
    Ok(Moment::starting(first, clock.width))
}

/// The seven days from Monday before this week's.
fn last_week(now: &Zoned) -> Result<Moment, TimeError> {
    let since_monday = now.date().weekday().to_monday_zero_offset();
    let sunday = days_before(now.date(), since_monday.saturating_add(1))?;
    days(days_before(sunday, 6)?, sunday, now)
}

/// The calendar month before this one.
fn last_month(now: &Zoned) -> Result<Moment, TimeError> {
    let last = days_before(now.date().first_of_month(), 1)?;
    days(last.first_of_month(), last, now)
}

fn days(first: Date, last: Date, now: &Zoned) -> Result<Moment, TimeError> {
    let (first, last) = (local::day(first, now.time_zone())?, local::day(last, now.time_zone())?);
    Ok(Moment::days(first.first, last.last))
}

/// So many days, weeks, months or years ago: at the same time of the day, or at the one that
/// `rest` says.
fn days_ago(span: Span, rest: &[&str], now: &Zoned) -> Result<Moment, TimeError> {
    let then = now.datetime().checked_sub(span).map_err(|_| too_far(span))?;
    if !rest.is_empty() {
        return on_day(then.date(), rest, now);
    }
    let instant = local::instant(then, now.time_zone())?;
    Ok(Moment::exact(instant.min(now.timestamp())))
}

/// So many hours, minutes or seconds ago.
fn time_ago(span: Span, rest: &[&str], now: &Zoned) -> Result<Moment, TimeError> {
    if !rest.is_empty() {
        return Err(TimeError::not_understood(&rest.join(" ")));
    }
    let instant: Timestamp = now.timestamp().checked_sub(span).map_err(|_| too_far(span))?;
    Ok(Moment::exact(instant))
}

/// The time of the day in what follows a day, if anything follows.
fn time_of_day(rest: &[&str]) -> Result<Option<Clock>, TimeError> {
    let not_understood = || TimeError::not_understood(&rest.join(" "));
    match rest {
        [] => Ok(None),
        [time] => Clock::parse(time).map(Some).ok_or_else(not_understood),
        _ => Err(not_understood()),
    }
}

fn days_before(date: Date, days: i8) -> Result<Date, TimeError> {
    let span = Span::new().days(days);
    date.checked_sub(span).map_err(|_| too_far(span))
}

fn weekday_before(date: Date, weekday: Weekday) -> Result<Date, TimeError> {
    date.nth_weekday(-1, weekday).map_err(|_| TimeError::out_of_range(&date.to_string()))
}

fn too_far(span: Span) -> TimeError {
    TimeError::out_of_range(&format!("{span:#} ago"))
}

/// A weekday's name or its first three letters.
fn weekday(name: &str) -> Option<Weekday> {
    let names = [
        ("monday", Weekday::Monday),
        ("tuesday", Weekday::Tuesday),
        ("wednesday", Weekday::Wednesday),
        ("thursday", Weekday::Thursday),
        ("friday", Weekday::Friday),
        ("saturday", Weekday::Saturday),
        ("sunday", Weekday::Sunday),
    ];
    let is_meant = |full: &str| name == full || full.get(..3) == Some(name);
    names.iter().find(|(full, _)| is_meant(full)).map(|(_, weekday)| *weekday)
}

fn read_unit(word: &str) -> Option<Unit> {
    match word.strip_suffix('s').unwrap_or(word) {
        "second" | "sec" => Some(Unit::Second),
        "minute" | "min" => Some(Unit::Minute),
        "hour" => Some(Unit::Hour),
        "day" => Some(Unit::Day),
        "week" => Some(Unit::Week),
        "month" => Some(Unit::Month),
        "year" => Some(Unit::Year),
        _ => None,
    }
}

/// `text` is what they are part of.
fn read_span(number: &str, unit: Unit, text: &str) -> Result<Span, TimeError> {
    if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(TimeError::not_understood(text));
    }
    let number: i64 = number.parse().map_err(|_| TimeError::out_of_range(text))?;
    let span = Span::new();
    let span = match unit {
        Unit::Second => span.try_seconds(number),
        Unit::Minute => span.try_minutes(number),
        Unit::Hour => span.try_hours(number),
        Unit::Day => span.try_days(number),
        Unit::Week => span.try_weeks(number),
        Unit::Month => span.try_months(number),
        _ => span.try_years(number),
    };
    span.map_err(|_| TimeError::out_of_range(text))
}
