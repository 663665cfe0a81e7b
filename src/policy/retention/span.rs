//! A length of calendar time, in restic's spelling.

use super::PolicyError;
use jiff::{Timestamp, Zoned};
use std::fmt;
use std::str::FromStr;

/// Years, months, weeks, days and hours: `2y5m7d3h`, `14d`, `2w`. (Weeks are not restic's.) It is
/// kept as it was written: `2w` is not `14d`, though just as long.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Span {
    years: u32,
    months: u32,
    weeks: u32,
    days: u32,
    hours: u32,
}

impl Span {
    /// How long safety snapshots stay if nobody says otherwise.
    pub const SAFETY: Self = Self::days(30);

    pub const fn days(days: u32) -> Self {
        Self { years: 0, months: 0, weeks: 0, days, hours: 0 }
    }

    /// Whether it has no length: as a rule it keeps nothing.
    pub fn is_zero(&self) -> bool {
        *self == Self::default()
    }

    /// The time that lies this span before `end`, by the calendar of its zone: years to days
    /// first (a day that the month does not have becomes its last), then hours as they elapse.
    /// `None`: before all time.
    pub fn before(&self, end: &Zoned) -> Option<Timestamp> {
        Some(end.checked_sub(self.calendar()?).ok()?.timestamp())
    }

    /// The time that lies this span after `start`, likewise. `None`: after all time.
    pub fn after(&self, start: &Zoned) -> Option<Timestamp> {
        Some(start.checked_add(self.calendar()?).ok()?.timestamp())
    }

    /// `None` if it is longer than the calendar.
    fn calendar(&self) -> Option<jiff::Span> {
        let span = jiff::Span::new().try_years(self.years).ok()?.try_months(self.months).ok()?;
        let span = span.try_weeks(self.weeks).ok()?.try_days(self.days).ok()?;
        span.try_hours(self.hours).ok()
    }

    fn unit(&mut self, unit: char) -> Option<&mut u32> {
        match unit {
            'y' => Some(&mut self.years),
            'm' => Some(&mut self.months),
            'w' => Some(&mut self.weeks),
            'd' => Some(&mut self.days),
            'h' => Some(&mut self.hours),
            _ => None,
        }
    }

    /// Reads one number and its unit from the start of `text`; returns the rest.
    fn read_part<'a>(&mut self, text: &'a str, seen: &mut String) -> Result<&'a str, String> {
        let number = text.split(|digit: char| !digit.is_ascii_digit()).next().unwrap_or_default();
        let mut rest = text.get(number.len()..).unwrap_or_default().chars();
        let Some(unit) = rest.next() else {
            return Err(format!("{} has no unit", number.get(..20).unwrap_or(number)));
        };
        let Some(field) = self.unit(unit) else { return Err(format!("{unit:?} is no unit")) };
        if number.is_empty() {
            return Err(format!("{unit} has no number"));
        }
        if seen.contains(unit) {
            return Err(format!("{unit} is there twice"));
        }
        *field = number.parse().map_err(|_| "a number is too large".to_owned())?;
        seen.push(unit);
        Ok(rest.as_str())
    }
}

impl FromStr for Span {
    type Err = PolicyError;

    fn from_str(text: &str) -> Result<Self, PolicyError> {
        let invalid =
            |why: String| PolicyError::Span { text: text.chars().take(80).collect(), why };
        let (mut span, mut seen, mut rest) = (Span::default(), String::new(), text.trim());
        if rest.is_empty() {
            return Err(invalid("it is empty".to_owned()));
        }
        while !rest.is_empty() {
            rest = span.read_part(rest, &mut seen).map_err(invalid)?;
        }
        Ok(span)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_zero() {
            return f.write_str("0d");
        }
        let parts = [self.years, self.months, self.weeks, self.days, self.hours];
        for (number, unit) in parts.into_iter().zip("ymwdh".chars()) {
            if number != 0 {
                write!(f, "{number}{unit}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn spans_are_read_and_written() {
        for (text, written) in [
            ("14d", "14d"),
            ("2y5m7d3h", "2y5m7d3h"),
            ("3h2y", "2y3h"),
            (" 2w ", "2w"),
            ("007d", "7d"),
            ("0h", "0d"),
        ] {
            assert_eq!(text.parse::<Span>().unwrap().to_string(), written, "{text}");
        }
    }

    #[test]
    fn what_is_no_span_is_refused_with_the_reason() {
        for (text, why) in [
            ("", "it is empty"),
            ("14", "14 has no unit"),
            ("d", "d has no number"),
            ("-3d", "'-' is no unit"),
            ("30s", "'s' is no unit"),
            ("1d 2h", "' ' is no unit"),
            ("1d2d", "d is there twice"),
            ("4294967296d", "a number is too large"),
            ("५d", "'५' is no unit"),
        ] {
            let error = text.parse::<Span>().unwrap_err().to_string();
            assert!(error.contains(why) && error.contains("14d or 1y6m"), "{error}");
        }
        let long = "7".repeat(5000).parse::<Span>().unwrap_err().to_string();
        assert!(long.len() < 300, "{long}");
    }

    #[test]
    fn spans_go_by_the_calendar_of_the_zone() {
        for (end, span, expected) in [
            ("2025-03-31T12:00[UTC]", "1m", "2025-02-28T12:00Z"),
            ("2025-11-28T02:00[UTC]", "1y1m1w1d1h", "2024-10-20T01:00Z"),
            // A day that has 23 hours, and the same as hours.
            ("2025-03-30T12:00[Europe/Madrid]", "1d", "2025-03-29T12:00+01:00"),
            ("2025-03-30T12:00[Europe/Madrid]", "24h", "2025-03-29T11:00+01:00"),
        ] {
            let (end, span): (Zoned, Span) = (end.parse().unwrap(), span.parse().unwrap());
            assert_eq!(span.before(&end), Some(expected.parse().unwrap()), "{end} - {span}");
        }
        let now: Zoned = "2025-11-28T02:00[UTC]".parse().unwrap();
        assert_eq!("9999y".parse::<Span>().unwrap().after(&now), None);
        assert_eq!("4294967295h".parse::<Span>().unwrap().before(&now), None);
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,20}|[0-9ymwdh]{0,20}") {
            if let Ok(span) = text.parse::<Span>() {
                prop_assert_eq!(span.to_string().parse::<Span>().unwrap(), span);
            }
        }
    }
}
