//! `snap check`

mod pitr;
mod report;
mod witness;

use super::code::Code;
use super::context::Context;
use super::error::Failure;
use super::open::open;
use super::progress::Progress;
use super::text::count;
use crate::ops::{CheckOptions, ReadData, check};
use crate::policy::Span;
use crate::settings::Profile;
use crate::settings::config::{CheckSchedule, parse_duration, parse_part};
use jiff::Timestamp;
use report::{Summary, damaged, name, print};
use std::path::PathBuf;
use std::time::Duration;

const AFTER_HELP: &str = "\
Examples:
  snap check                          every object is there and fits
  snap check --read-data              every byte is right: reads all
  snap check --read-data-subset 1/7   a seventh; tomorrow 2/7, and so on
  snap check --read-data-subset 5%    as much: what was not read for longest
  snap check --max-age 30d            reads what was not verified for 30 days
  snap check --read-data-subset 5% --max-age 30d --max-duration 20m
                                      every night: a part of what is due
  snap check --pitr                   snapshots of databases rolled forward to
                                      the next ones: they must be the same
  snap check --witness /media/stick/snap.witness
                                      nothing that was here then is hidden now

Without any of these flags a profile's schedule (its [check] section) says
what is read.

What was found whole is remembered locally, in the cache: where that is gone,
everything counts as never verified.

Damage is named by object and by the files that it touches, and the exit code
is 4. A damaged pack is marked, so that the next backup that still finds the
same data stores it again.";

/// Check that the repository is whole.
///
/// Without --read-data it is looked at whether every object that is needed is there and has the
/// right size, and whether all folders can be read.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Arguments {
    /// Read all data
    #[arg(long, conflicts_with = "read_data_subset")]
    read_data: bool,
    /// Read none, whatever the profile says
    #[arg(long, conflicts_with_all = ["read_data", "read_data_subset", "max_age", "max_duration"])]
    no_read_data: bool,
    /// Read a part of it: N/OF, a percentage, or a size
    #[arg(long, value_name = "PART", value_parser = parse_part)]
    read_data_subset: Option<ReadData>,
    /// Read only packs that were not verified for so long (30d, 2w, 1y6m)
    #[arg(long, value_name = "TIME")]
    max_age: Option<Span>,
    /// Begin no more packs after so long (20m, 1h30m); what was not verified for longest is first
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    max_duration: Option<Duration>,
    /// Hold the repository against what FILE says was here, and if nothing is missing write
    /// into it what is here now; FILE lies where the storage's owner has no hand
    #[arg(long, value_name = "FILE")]
    witness: Option<PathBuf>,
    /// Prove the change log: roll each snapshot of databases forward to the time of the next one,
    /// and compare, document by document
    #[arg(long)]
    pitr: bool,
    /// Do not mark damaged packs
    #[arg(long)]
    no_mark: bool,
}

pub fn run(context: &Context, arguments: &Arguments) -> Result<Code, Failure> {
    let schedule = schedule(context, arguments)?;
    let options = options(context, &schedule, !arguments.no_mark);
    let repository = open(context)?;
    if let Some(file) = &arguments.witness {
        witness::hear(file, &repository)?;
    }
    let progress = Progress::start(context);
    let report = check(&repository, options, progress.monitor());
    let elapsed = progress.elapsed();
    drop(progress);
    let report = report?;
    for damage in &report.damages {
        name(context, damage)?;
    }
    let seen = repository.witness().to_string();
    context.output.object("summary", &Summary::new(&report, &seen, elapsed))?;
    print(context, &schedule, &report, elapsed)?;
    let disproved = if arguments.pitr { pitr::run(context, &repository)? } else { 0 };
    match report.damages.len() as u64 {
        0 if disproved > 0 => {
            let proofs = count(disproved, "proof", "proofs");
            Err(Failure::new(Code::Damage, format!("{proofs} of the log of changes failed"))
                .hint("moments between the snapshots that are named above cannot be relied on"))
        }
        0 => {
            let file = arguments.witness.as_deref();
            file.map_or(Ok(Code::Done), |file| witness::write(file, &seen).map(|()| Code::Done))
        }
        damages => Err(damaged(damages, &report)),
    }
}

/// What the flags say; without any of them, what the profile's schedule says.
fn schedule(context: &Context, arguments: &Arguments) -> Result<CheckSchedule, Failure> {
    let Arguments { read_data, no_read_data, read_data_subset, max_age, max_duration, .. } =
        arguments;
    let given = CheckSchedule {
        read: if *read_data { Some(ReadData::All) } else { *read_data_subset },
        max_age: *max_age,
        max_duration: *max_duration,
    };
    match given == CheckSchedule::default() && !no_read_data {
        true => Ok(context.profile()?.map(Profile::check_schedule).unwrap_or_default()),
        false => Ok(given),
    }
}

/// A limit alone means: all data, within it.
fn options(context: &Context, schedule: &CheckSchedule, mark: bool) -> CheckOptions {
    let CheckSchedule { read, max_age, max_duration } = *schedule;
    let is_limited = max_age.is_some() || max_duration.is_some();
    let without = if is_limited { ReadData::All } else { ReadData::None };
    // An age beyond all time is that of everything.
    let since = |age: Span| age.before(&context.now).unwrap_or(Timestamp::MIN);
    CheckOptions {
        read: read.unwrap_or(without),
        verified_since: max_age.map(since),
        max_duration,
        mark,
    }
}
