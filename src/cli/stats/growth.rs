//! Growth over time, as a plot and in numbers.

use super::plot::{Marks, plot};
use crate::cli::context::Context;
use crate::cli::error::Failure;
use crate::cli::table::{Cell, Table};
use crate::cli::text::grouped;
use crate::ops::{Growth, GrowthPeriod, SnapshotShare, Unit, growth};
use crate::policy::format_size;
use jiff::{Timestamp, Zoned};
use serde::Serialize;

/// So many columns fit.
const COLUMNS: usize = 60;

/// `period`.
#[derive(Serialize)]
struct PeriodMessage {
    unit: &'static str,
    start: Timestamp,
    snapshots_count: u64,
    data_added_packed: u64,
    total_size: u64,
}

impl PeriodMessage {
    fn new(unit: Unit, period: &GrowthPeriod) -> Self {
        Self {
            unit: word(unit),
            start: period.start.timestamp(),
            snapshots_count: period.snapshots,
            data_added_packed: period.added,
            total_size: period.total,
        }
    }
}

pub fn print(context: &Context, shares: &[SnapshotShare]) -> Result<(), Failure> {
    let added: Vec<(Timestamp, u64)> =
        shares.iter().map(|share| (share.snapshot.begun, share.added.stored)).collect();
    let Some(Growth { unit, periods }) = growth(&added, context.now.time_zone(), COLUMNS) else {
        return context.output.line("there are no snapshots");
    };
    for period in &periods {
        context.output.object("period", &PeriodMessage::new(unit, period))?;
    }
    let totals: Vec<u64> = periods.iter().map(|period| period.total).collect();
    let ends = [periods.first(), periods.last()]
        .map(|end| end.map(|period| label(unit, &period.start)).unwrap_or_default());
    for line in plot(&totals, &ends, marks(context), COLUMNS) {
        context.output.line(line)?;
    }
    context.output.line("")?;
    print_numbers(context, unit, &periods)?;
    context.output.say("what the snapshots that are still there have added, compressed")
}

/// Blocks where the locale says that the terminal knows them.
fn marks(context: &Context) -> Marks {
    let set = |name: &&str| context.environment.get(name).is_some_and(|value| !value.is_empty());
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find(set);
    let locale = locale.and_then(|name| context.environment.get(name));
    let locale = locale.map(|value| value.to_string_lossy().to_ascii_lowercase());
    let is_unicode =
        locale.is_some_and(|locale| locale.contains("utf-8") || locale.contains("utf8"));
    if is_unicode { Marks::Blocks } else { Marks::Ascii }
}

fn print_numbers(context: &Context, unit: Unit, periods: &[GrowthPeriod]) -> Result<(), Failure> {
    let head = [Cell::left(word(unit)), Cell::right("snapshots"), Cell::right("added")];
    let mut table = Table::new(head.into_iter().chain([Cell::right("total")]));
    for period in periods.iter().filter(|period| period.snapshots > 0) {
        table.row([
            Cell::left(label(unit, &period.start)),
            Cell::right(grouped(period.snapshots)),
            Cell::right(format_size(period.added)),
            Cell::right(format_size(period.total)),
        ]);
    }
    table.render().try_for_each(|line| context.output.line(line))
}

fn word(unit: Unit) -> &'static str {
    match unit {
        Unit::Hour => "hour",
        Unit::Day => "day",
        Unit::Week => "week",
        Unit::Month => "month",
        Unit::Quarter => "quarter",
        Unit::Year => "year",
    }
}

fn label(unit: Unit, start: &Zoned) -> String {
    let format = match unit {
        Unit::Hour => "%Y-%m-%d %H:00",
        Unit::Day => "%Y-%m-%d",
        Unit::Week => "%G-W%V",
        Unit::Month => "%Y-%m",
        Unit::Quarter => return format!("{}-Q{}", start.year(), (start.month() + 2) / 3),
        Unit::Year => "%Y",
    };
    start.strftime(format).to_string()
}
