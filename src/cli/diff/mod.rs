//! `snap diff`

mod documents;
mod report;
mod sides;
mod text;

use super::backup::LeaveOutFlags;
use super::code::Code;
use super::context::Context;
use super::error::Failure;
use super::open::open;
use super::place::SnapshotPlace;
use super::progress::Progress;
use super::select::{FilterFlags, read_ledger};
use crate::model::{Kind, Monitor};
use crate::ops::{DiffError, DiffSide, LiveDiff, LiveReport, diff, diff_live};
use crate::repo::BlobReader;
use crate::settings::Profile;
use report::Reporter;
use sides::{Side, Sides};
use std::ffi::OsString;
use std::sync::Arc;

const AFTER_HELP: &str = "\
Examples:
  snap diff 1a2b3c4d latest
  snap diff --at 'yesterday 02:00' --at now --stat
  snap diff 1a2b3c4d:/srv/bot 5e6f7a8b:/srv/bot-new
  snap diff latest                       what changed since on the disk
  snap diff latest:/srv/bot/config.py    the lines that changed in one file

Each line begins with what is different:
  +  added           M   content          U  only metadata (with --metadata)
  -  removed         M?  content, though size and time are the same
  T  type

Of collections that differ it says how many documents; -v lists them, and so
does naming one: `snap diff A:bot/users B`.

With --at databases whose changes are kept (`snap protect`) are compared as
they were at that second.

Of two snapshots only what differs is read. Against the live folders a file of
the same size and time is taken as unchanged, unless --content reads it. What
the profile in force, --exclude and the like, or .snapignore leave out is
passed over there; what a backup left out by other rules is shown as added.";

/// Show what differs between two snapshots, or a snapshot and the live folders.
#[derive(clap::Args)]
#[command(
    after_help = AFTER_HELP,
    override_usage = "snap diff <ID[:PATH]|latest> [ID[:PATH]]\n       \
                      snap diff --at <TIME> [--at <TIME>] [PATH]",
)]
pub struct Arguments {
    /// A snapshot and the one to compare it with [default: the live folders]; with --at a path
    #[arg(value_name = "SNAPSHOT", num_args = 0..=2)]
    words: Vec<OsString>,
    /// Take the newest snapshot begun not after this (twice: for both sides)
    #[arg(long, value_name = "TIME")]
    at: Vec<String>,
    /// Show changed modes, owners, times and attributes, too
    #[arg(long)]
    metadata: bool,
    /// Show sums only
    #[arg(long)]
    stat: bool,
    /// Show the lines that differ in this file
    #[arg(long, value_name = "PATH", conflicts_with_all = ["stat", "metadata"])]
    text: Option<OsString>,
    /// Read live files, even if size and time are the same
    #[arg(long)]
    content: bool,
    #[command(flatten)]
    leave_out: LeaveOutFlags,
    #[command(flatten)]
    filter: FilterFlags,
}

pub fn run(context: &Context, arguments: &Arguments) -> Result<Code, Failure> {
    let asked = sides::asked(context, &arguments.at, &arguments.words, arguments.text.as_ref())?;
    let filter = arguments.filter.filter()?;
    let repository = open(context)?;
    let ledger = read_ledger(context, &repository)?;
    let reader = BlobReader::for_reading(repository)?;
    let sides = sides::resolve(context, &reader, &ledger, &filter, asked)?;
    let wants_lines = !arguments.metadata && !arguments.stat;
    match (arguments.text.is_some(), sides.are_files()) {
        (_, true) if wants_lines => return text::show(context, &reader, &sides),
        (true, false) => {
            return Err(Failure::usage("--text compares two files, and one of these is none")
                .hint("leave it out to see what differs"));
        }
        _ => {}
    }
    let profile = context.profile()?;
    let lists_documents = context.output.is_verbose() || sides.are_collections();
    let mut reporter =
        Reporter::new(context, &reader, arguments.stat, arguments.metadata, lists_documents);
    let progress = Progress::start(context);
    let found = compare(arguments, profile, &reader, &sides, &mut reporter, progress.monitor());
    drop(progress);
    reporter.check()?;
    let found = found.map_err(failure)?;
    reporter.finish(&sides, &found.statistics)?;
    Ok(if found.unread > 0 { Code::Incomplete } else { Code::Done })
}

fn compare(
    arguments: &Arguments,
    profile: Option<&Profile>,
    reader: &BlobReader,
    sides: &Sides,
    reporter: &mut Reporter<'_>,
    monitor: Arc<dyn Monitor>,
) -> Result<LiveReport, DiffError> {
    let mut sink = |change: crate::ops::Change<'_>| reporter.show(&change);
    match &sides.new {
        Side::Snapshot { place, .. } => {
            let (old, new) = (side(&sides.old_place), side(place));
            let statistics = diff(reader, old, new, &mut sink, monitor.as_ref())?;
            Ok(LiveReport { statistics, unread: 0 })
        }
        Side::Live { roots } => {
            let rules = arguments.leave_out.rules(profile);
            let options = LiveDiff {
                roots,
                rules: &rules,
                one_file_system: arguments.leave_out.one_file_system(profile),
                content: arguments.content,
            };
            diff_live(reader, sides.old.tree, &options, &mut sink, monitor)
        }
    }
}

fn side(place: &SnapshotPlace) -> DiffSide<'_> {
    DiffSide { path: &place.path, entry: &place.entry }
}

pub fn failure(error: DiffError) -> Failure {
    match error {
        DiffError::Repo(error) => error.into(),
        DiffError::Source(error) => error.into(),
        DiffError::Rules(error) => error.into(),
        DiffError::Live { .. } => Failure::new(Code::Failed, error),
        DiffError::Stopped => Failure::stopped(),
    }
}

/// Whether a place holds a file.
fn is_file(place: &SnapshotPlace) -> bool {
    matches!(place.entry.kind, Kind::File(_))
}
