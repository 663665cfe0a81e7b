//! Calendar periods, of each of which a rule keeps one snapshot.

use jiff::Zoned;
use jiff::civil::Date;
use jiff::tz::Offset;
use std::fmt;

/// How long the periods of a rule are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Period {
    Hour,
    Day,
    Week,
    Month,
    Year,
}

impl Period {
    pub const ALL: [Self; 5] = [Self::Hour, Self::Day, Self::Week, Self::Month, Self::Year];

    /// The word for the snapshots that such a rule keeps.
    pub fn word(self) -> &'static str {
        match self {
            Self::Hour => "hourly",
            Self::Day => "daily",
            Self::Week => "weekly",
            Self::Month => "monthly",
            Self::Year => "yearly",
        }
    }
}

/// One certain hour, day, ISO week, month or year of a zone's calendar. Displays as
/// `2025-11-28 02:00`, `2025-11-28`, `2025-W48`, `2025-11`, `2025`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Bucket {
    /// The offset tells apart the two hours that have one name when clocks are turned back.
    Hour {
        date: Date,
        hour: i8,
        offset: Offset,
    },
    Day {
        date: Date,
    },
    Week {
        year: i16,
        week: i8,
    },
    Month {
        year: i16,
        month: i8,
    },
    Year {
        year: i16,
    },
}

impl Bucket {
    /// The one that `time` lies in, by the calendar of its own zone.
    pub fn of(period: Period, time: &Zoned) -> Self {
        let date = time.date();
        match period {
            Period::Hour => Self::Hour { date, hour: time.hour(), offset: time.offset() },
            Period::Day => Self::Day { date },
            Period::Week => {
                let week = date.iso_week_date();
                Self::Week { year: week.year(), week: week.week() }
            }
            Period::Month => Self::Month { year: date.year(), month: date.month() },
            Period::Year => Self::Year { year: date.year() },
        }
    }

    pub fn period(&self) -> Period {
        match self {
            Self::Hour { .. } => Period::Hour,
            Self::Day { .. } => Period::Day,
            Self::Week { .. } => Period::Week,
            Self::Month { .. } => Period::Month,
            Self::Year { .. } => Period::Year,
        }
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hour { date, hour, .. } => write!(f, "{date} {hour:02}:00"),
            Self::Day { date } => write!(f, "{date}"),
            Self::Week { year, week } => write!(f, "{year:04}-W{week:02}"),
            Self::Month { year, month } => write!(f, "{year:04}-{month:02}"),
            Self::Year { year } => write!(f, "{year:04}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(period: Period, time: &str) -> Bucket {
        Bucket::of(period, &time.parse().unwrap())
    }

    #[test]
    fn buckets_are_named_by_their_calendar() {
        let names = |time: &str| Period::ALL.map(|period| bucket(period, time).to_string());
        assert_eq!(
            names("2025-11-28T02:05:07[Europe/Madrid]"),
            ["2025-11-28 02:00", "2025-11-28", "2025-W48", "2025-11", "2025"]
        );
        // The last days of a year may lie in the first week of the next, and the other way round.
        assert_eq!(bucket(Period::Week, "2024-12-30T00:00[UTC]").to_string(), "2025-W01");
        assert_eq!(bucket(Period::Week, "2027-01-03T00:00[UTC]").to_string(), "2026-W53");
    }

    #[test]
    fn the_hour_that_comes_twice_is_two() {
        let first = bucket(Period::Hour, "2025-10-26T02:30+02:00[Europe/Madrid]");
        let second = bucket(Period::Hour, "2025-10-26T02:30+01:00[Europe/Madrid]");
        assert_ne!(first, second);
    }
}
