//! How a repository has grown: what the snapshots of each period added. Pure.

use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, Zoned};

/// How long periods are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

/// One period; those without snapshots are there, too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrowthPeriod {
    pub start: Zoned,
    pub snapshots: u64,
    /// Bytes that its snapshots added.
    pub added: u64,
    /// Bytes at its end: the sum so far.
    pub total: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Growth {
    pub unit: Unit,
    pub periods: Vec<GrowthPeriod>,
}

const UNITS: [Unit; 6] =
    [Unit::Hour, Unit::Day, Unit::Week, Unit::Month, Unit::Quarter, Unit::Year];

/// The growth by what was added when (in order of time), in the shortest periods of which there
/// are at most `most`; of years it is the last ones, the first with all before it. `None` if
/// there is nothing, or a time lies where no year begins any more.
pub fn growth(added: &[(Timestamp, u64)], zone: &TimeZone, most: usize) -> Option<Growth> {
    let (first, last) = (added.first()?.0, added.last()?.0);
    let starts = |unit: Unit, first: Timestamp| unit.starts(&first.to_zoned(zone.clone()), last);
    let fitting = UNITS.into_iter().find_map(|unit| {
        let starts = starts(unit, first).take(most + 1).collect::<Vec<_>>();
        (1..=most).contains(&starts.len()).then_some((unit, starts))
    });
    let (unit, starts) = fitting.unwrap_or_else(|| {
        let all: Vec<Zoned> = starts(Unit::Year, first).collect();
        (Unit::Year, all[all.len().saturating_sub(most)..].to_vec())
    });
    (!starts.is_empty()).then(|| Growth { unit, periods: filled(starts, added) })
}

fn filled(starts: Vec<Zoned>, added: &[(Timestamp, u64)]) -> Vec<GrowthPeriod> {
    let period = |start| GrowthPeriod { start, snapshots: 0, added: 0, total: 0 };
    let mut periods: Vec<GrowthPeriod> = starts.into_iter().map(period).collect();
    for (time, bytes) in added {
        let after = periods.partition_point(|period| period.start.timestamp() <= *time);
        if let Some(period) = periods.get_mut(after.saturating_sub(1)) {
            period.snapshots += 1;
            period.added = period.added.saturating_add(*bytes);
        }
    }
    let mut total = 0_u64;
    for period in &mut periods {
        total = total.saturating_add(period.added);
        period.total = total;
    }
    periods
}

impl Unit {
    /// The beginnings of the periods that hold `first` to `last`.
    fn starts(self, first: &Zoned, last: Timestamp) -> impl Iterator<Item = Zoned> + use<> {
        // At the beginning of all time no period begins.
        let start = self.start_of(first).unwrap_or_else(|| first.clone());
        std::iter::successors(Some(start), move |start| self.after(start))
            .take_while(move |start| start.timestamp() <= last)
    }

    /// `None` at the ends of all time.
    fn start_of(self, time: &Zoned) -> Option<Zoned> {
        let date = time.date();
        let date = match self {
            Self::Hour => return time.with().minute(0).second(0).subsec_nanosecond(0).build().ok(),
            Self::Day => date,
            Self::Week => {
                let days = i64::from(date.weekday().since(Weekday::Monday));
                date.checked_sub(days.days()).ok()?
            }
            Self::Month => date.first_of_month(),
            Self::Quarter => {
                let month = (date.month() - 1) / 3 * 3 + 1;
                date.with().month(month).day(1).build().ok()?
            }
            Self::Year => date.first_of_year(),
        };
        date.to_zoned(time.time_zone().clone()).ok()
    }

    fn after(self, start: &Zoned) -> Option<Zoned> {
        let next = match self {
            Self::Hour => start.checked_add(1.hour()),
            Self::Day => start.checked_add(1.day()),
            Self::Week => start.checked_add(1.week()),
            Self::Month => start.checked_add(1.month()),
            Self::Quarter => start.checked_add(3.months()),
            Self::Year => start.checked_add(1.year()),
        };
        next.ok().filter(|next| next.timestamp() > start.timestamp())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(texts: &[(&str, u64)]) -> Vec<(Timestamp, u64)> {
        texts.iter().map(|(text, bytes)| (text.parse().unwrap(), *bytes)).collect()
    }

    #[test]
    fn the_shortest_fitting_periods_are_taken() {
        let added =
            times(&[("2025-11-03T01:00Z", 5), ("2025-11-03T02:00Z", 1), ("2025-11-05T01:00Z", 4)]);
        let days = growth(&added, &TimeZone::UTC, 10).unwrap();
        assert_eq!(days.unit, Unit::Day);
        let numbers: Vec<_> =
            days.periods.iter().map(|p| (p.snapshots, p.added, p.total)).collect();
        assert_eq!(numbers, [(2, 6, 6), (0, 0, 6), (1, 4, 10)]);
        assert_eq!(growth(&added, &TimeZone::UTC, 60).unwrap().unit, Unit::Hour);
        assert_eq!(growth(&added, &TimeZone::UTC, 1).unwrap().unit, Unit::Week);
        assert_eq!(growth(&[], &TimeZone::UTC, 10), None);
    }

    #[test]
    fn no_span_of_time_is_too_long() {
        let all = [(Timestamp::MIN, 1), (Timestamp::UNIX_EPOCH, 2), (Timestamp::MAX, 3)];
        let years = growth(&all, &TimeZone::UTC, 10).unwrap();
        assert_eq!((years.unit, years.periods.len()), (Unit::Year, 10));
        assert_eq!((years.periods[0].total, years.periods[9].total), (3, 6));
    }

    #[test]
    fn an_hour_that_comes_twice_is_two_periods() {
        let zone = TimeZone::get("Europe/Madrid").unwrap();
        let added = times(&[("2025-10-26T00:30Z", 1), ("2025-10-26T01:30Z", 1)]);
        let hours = growth(&added, &zone, 10).unwrap();
        assert_eq!((hours.unit, hours.periods.len()), (Unit::Hour, 2));
    }
}
