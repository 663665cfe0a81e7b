//! Times of the day.

use jiff::SignedDuration;
use jiff::civil::Time;

/// A time of the day, and how exactly it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Clock {
    pub(super) time: Time,
    /// A minute, a second, or what the last digit of the fraction counts.
    pub(super) width: SignedDuration,
}

impl Clock {
    /// Reads `2:00`, `02:00`, `02:00:07` and `02:00:07.25` (at most nine digits). The leap second
    /// `:60` is the one before it, for clocks do not count it.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(':');
        let hour = digits(parts.next()?, 1..=2)?;
        let minute = digits(parts.next()?, 2..=2)?;
        let seconds = parts.next();
        if parts.next().is_some() {
            return None;
        }
        let (second, nanosecond, width) = match seconds {
            Some(text) => read_seconds(text)?,
            None => (0, 0, SignedDuration::from_mins(1)),
        };
        let [hour, minute, second] = [hour, minute, second].map(i8::try_from);
        let time = Time::new(hour.ok()?, minute.ok()?, second.ok()?, nanosecond).ok()?;
        Some(Self { time, width })
    }
}

/// Seconds, nanoseconds and the width of `07` or `07.25`.
fn read_seconds(text: &str) -> Option<(i32, i32, SignedDuration)> {
    let (second, fraction) = match text.split_once('.') {
        Some((second, fraction)) => (second, Some(fraction)),
        None => (text, None),
    };
    let second = match digits(second, 2..=2)? {
        60 => 59,
        second => second,
    };
    let Some(fraction) = fraction else { return Some((second, 0, SignedDuration::from_secs(1))) };
    let number = digits(fraction, 1..=9)?;
    let missing = 9_u32.checked_sub(u32::try_from(fraction.len()).ok()?)?;
    let unit = 10_i32.checked_pow(missing)?;
    Some((second, number.checked_mul(unit)?, SignedDuration::from_nanos(unit.into())))
}

/// A number that is written in so many ASCII digits and nothing else.
fn digits(text: &str, length: std::ops::RangeInclusive<usize>) -> Option<i32> {
    let valid = length.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if valid { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_the_day_are_as_wide_as_they_are_written() {
        for (text, time, nanoseconds) in [
            ("02:00", "02:00:00", 60_000_000_000),
            ("2:00", "02:00:00", 60_000_000_000),
            ("23:59:07", "23:59:07", 1_000_000_000),
            ("23:59:60", "23:59:59", 1_000_000_000),
            ("02:00:07.2", "02:00:07.2", 100_000_000),
            ("02:00:07.200", "02:00:07.2", 1_000_000),
            ("02:00:07.123456789", "02:00:07.123456789", 1),
        ] {
            let clock = Clock::parse(text).unwrap();
            assert_eq!(clock.time, time.parse().unwrap(), "{text}");
            assert_eq!(clock.width, SignedDuration::from_nanos(nanoseconds), "{text}");
        }
    }

    #[test]
    fn other_texts_are_no_times_of_the_day() {
        for text in [
            "",
            "02",
            ":",
            "02:",
            "24:00",
            "02:60",
            "02:00:61",
            "002:00",
            "02:0",
            "02:00:0",
            "02:00:00.",
            "02:00:00.1234567890",
            "02:00:00:00",
            "-2:00",
            "+2:00",
            "02:00am",
            "٠٢:٠٠",
        ] {
            assert_eq!(Clock::parse(text), None, "{text}");
        }
    }
}
