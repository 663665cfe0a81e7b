//! `snap restore`

use super::code::Code;
use super::context::Context;
use super::error::Failure;
use super::json::SnapshotMessage;
use super::open::open;
use super::place::{SnapshotPlace, find_places};
use super::progress::Progress;
use super::select::{FilterFlags, find, lines_about, read_ledger};
use super::text::{count, grouped, shell_word};
use crate::files::PathFilter;
use crate::model::Snapshot;
use crate::ops::{Conflict, RestoreAction, RestoreOptions, RestoreReport, RestoreStep, restore};
use crate::policy::{TimeExpression, format_duration, format_size};
use crate::repo::{BlobReader, Repository};
use jiff::Timestamp;
use serde::Serialize;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

const AFTER_HELP: &str = "\
Examples:
  snap restore latest --target /tmp/look
  snap restore latest /srv/bot/config.py --target /tmp/look
  snap restore --at '2025-11-28 02:00' /srv/bot --target /tmp/look
  snap restore 1a2b3c4d --include '*.json' --target /tmp/look --dry-run -v

Things keep their whole path below the folder: /srv/bot/config.py becomes
/tmp/look/srv/bot/config.py. A time is as wide as it is written: 02:00 is all of that
minute, a date all of that day; the newest snapshot begun not after it is taken, of
this host unless --host names another.

A restore that was stopped can be run again; what is there already is left alone.";

/// Get files back from a snapshot, into a folder.
#[derive(clap::Args)]
#[command(
    after_help = AFTER_HELP,
    override_usage = "snap restore <ID|latest> [PATH]... --target <DIR>\n       \
                      snap restore --at <TIME> [PATH]... --target <DIR>",
)]
pub struct Arguments {
    /// The snapshot (an id or latest; not with --at), and what to take of it
    #[arg(value_name = "SNAPSHOT, PATH")]
    words: Vec<OsString>,
    /// Take the newest snapshot begun not after this ("yesterday 02:00", 2025-11-28)
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// The folder to restore into; it is made if need be
    #[arg(short, long, value_name = "DIR")]
    target: Option<PathBuf>,

    /// What happens where something else is there
    #[arg(long, value_name = "HOW", value_enum, default_value_t)]
    conflict: ConflictFlag,
    /// Remove what the snapshot does not have from the folders that are restored
    #[arg(long)]
    delete: bool,
    /// Change nothing, count what would be done (-v lists it)
    #[arg(short = 'n', long)]
    dry_run: bool,
    /// Read everything back afterwards
    #[arg(long)]
    verify: bool,
    /// Give things to the numbers of owners and groups, not to their names
    #[arg(long)]
    numeric_ids: bool,

    #[command(flatten)]
    patterns: PatternFlags,
    #[command(flatten)]
    filter: FilterFlags,
}

#[derive(clap::Args, Debug, Clone, Default)]
#[command(next_help_heading = "What to take")]
pub struct PatternFlags {
    /// Only what matches (may be repeated, like all of these)
    #[arg(short, long, value_name = "PATTERN")]
    include: Vec<String>,
    /// The same, not minding capitals
    #[arg(long, value_name = "PATTERN")]
    iinclude: Vec<String>,
    /// Not what matches
    #[arg(short, long, value_name = "PATTERN")]
    exclude: Vec<String>,
    /// The same, not minding capitals
    #[arg(long, value_name = "PATTERN")]
    iexclude: Vec<String>,
}

impl PatternFlags {
    fn filter(&self) -> Result<PathFilter, Failure> {
        let include = both(&self.include, &self.iinclude);
        let exclude = both(&self.exclude, &self.iexclude);
        Ok(PathFilter::new(&include, &exclude)?)
    }
}

/// Patterns with whether they ignore case.
fn both<'a>(minding: &'a [String], not_minding: &'a [String]) -> Vec<(&'a str, bool)> {
    let minding = minding.iter().map(|pattern| (pattern.as_str(), false));
    minding.chain(not_minding.iter().map(|pattern| (pattern.as_str(), true))).collect()
}

#[derive(clap::ValueEnum, Debug, Clone, Copy, Default)]
enum ConflictFlag {
    /// Leave it
    #[default]
    Skip,
    /// Replace it
    Overwrite,
    /// Replace it if it is older
    Newest,
}

impl From<ConflictFlag> for Conflict {
    fn from(flag: ConflictFlag) -> Self {
        match flag {
            ConflictFlag::Skip => Self::Skip,
            ConflictFlag::Overwrite => Self::Overwrite,
            ConflictFlag::Newest => Self::Newest,
        }
    }
}

/// What was asked for.
struct Wish<'a> {
    /// `None` with `--at`.
    snapshot: Option<&'a OsString>,
    at: Option<TimeExpression>,
    paths: &'a [OsString],
    target: &'a PathBuf,
}

pub fn run(context: &Context, arguments: &Arguments) -> Result<Code, Failure> {
    let wish = wish(context, arguments)?;
    let pattern = arguments.patterns.filter()?;
    let filter = arguments.filter.filter()?;
    let repository = open(context)?;
    let ledger = read_ledger(context, &repository)?;
    let snapshot =
        find(context, &ledger, wish.snapshot, wish.at.as_ref(), &filter, wish.paths)?.clone();
    context.output.object("snapshot", &SnapshotMessage::from(&snapshot))?;
    for line in lines_about(context, &snapshot, wish.at.as_ref()) {
        context.output.line(line)?;
    }
    let options = RestoreOptions {
        paths: paths(&repository, &snapshot, wish.paths)?,
        filter: pattern,
        target: wish.target.clone(),
        conflict: arguments.conflict.into(),
        delete: arguments.delete,
        dry_run: arguments.dry_run,
        verify: arguments.verify,
        numeric_ids: arguments.numeric_ids,
    };
    let at = wish.at.as_ref();
    perform(context, &repository, &snapshot, at, &options)
}

fn wish<'a>(context: &Context, arguments: &'a Arguments) -> Result<Wish<'a>, Failure> {
    let at = arguments.at.as_ref().map(|text| TimeExpression::parse(text, &context.now));
    let at = at.transpose()?;
    let (snapshot, paths) = match (&at, arguments.words.split_first()) {
        (Some(_), _) => (None, arguments.words.as_slice()),
        (None, Some((snapshot, paths))) => (Some(snapshot), paths),
        (None, None) => {
            return Err(Failure::usage("no snapshot was named")
                .hint("write an id, latest, or --at TIME; `snap snapshots` shows what there is"));
        }
    };
    let Some(target) = &arguments.target else {
        let word = snapshot.map_or("--at TIME".to_owned(), |word| shell_word(word));
        return Err(Failure::usage("no folder to restore into was named").hint(format!(
            "write `snap restore {word} --target DIR`; this snap does not yet put things back \
             in place"
        )));
    };
    Ok(Wish { snapshot, at, paths, target })
}

/// Where the paths are in the snapshot; every one of them must be there.
fn paths(
    repository: &Arc<Repository>,
    snapshot: &Snapshot,
    words: &[OsString],
) -> Result<Vec<crate::model::EntryPath>, Failure> {
    if words.is_empty() {
        return Ok(Vec::new());
    }
    let reader = BlobReader::new(Arc::clone(repository))?;
    let places = find_places(&reader, snapshot, words)?;
    Ok(places.into_iter().map(|SnapshotPlace { path, .. }| path).collect())
}

fn perform(
    context: &Context,
    repository: &Arc<Repository>,
    snapshot: &Snapshot,
    at: Option<&TimeExpression>,
    options: &RestoreOptions,
) -> Result<Code, Failure> {
    let progress = Progress::start(context);
    let step = |step: RestoreStep<'_>| list(context, &step);
    let report = restore(repository, snapshot, options, &step, progress.monitor());
    let elapsed = progress.elapsed();
    drop(progress);
    let report = report?;
    let mut summary = Summary::new(&report, snapshot, options, elapsed);
    if let Some(TimeExpression::Moment(moment)) = at {
        summary.at = Some(moment.last);
    }
    context.output.object("summary", &summary)?;
    print(context, options, &report, elapsed)?;
    match (report.matched, report.failed) {
        (false, _) => Ok(Code::Nothing),
        (true, 0) => Ok(Code::Done),
        (true, failed) => {
            let entries = count(failed, "entry", "entries");
            Err(Failure::new(Code::Failed, format!("{entries} could not be restored"))
                .hint("they are named above; the rest is there, and it can be run again"))
        }
    }
}

/// A line for each thing that is done, with `-v`.
fn list(context: &Context, step: &RestoreStep<'_>) {
    if !context.output.is_verbose() || step.action == RestoreAction::Same {
        return;
    }
    let path = format!("/{}", step.path);
    let change = Change { action: word(step.action), path: &path, size: step.size };
    // A stream that is closed shows at the end.
    let _ = context.output.object("change", &change);
    let _ = context.output.line(format!("{:<9} {path}", change.action));
}

fn word(action: RestoreAction) -> &'static str {
    match action {
        RestoreAction::Create => "create",
        RestoreAction::Replace => "replace",
        RestoreAction::Metadata => "metadata",
        RestoreAction::Same => "same",
        RestoreAction::Skip => "skip",
        RestoreAction::Delete => "delete",
    }
}

#[derive(Serialize)]
struct Change<'a> {
    action: &'static str,
    path: &'a str,
    size: u64,
}

#[derive(Serialize)]
struct Summary {
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    dry_run: bool,
    snapshot_id: String,
    /// What `--at` stood for: the last instant that it includes.
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<Timestamp>,
    target: String,
    /// Created and replaced; entries of all kinds count, as in all of these.
    files_restored: u64,
    files_created: u64,
    files_replaced: u64,
    files_metadata_changed: u64,
    files_unchanged: u64,
    files_skipped: u64,
    files_deleted: u64,
    files_failed: u64,
    files_verified: u64,
    bytes_restored: u64,
    seconds_elapsed: f64,
}

impl Summary {
    fn new(
        report: &RestoreReport,
        snapshot: &Snapshot,
        options: &RestoreOptions,
        elapsed: Duration,
    ) -> Self {
        Self {
            dry_run: options.dry_run,
            snapshot_id: snapshot.id.hex(),
            at: None,
            target: options.target.display().to_string(),
            files_restored: report.created + report.replaced,
            files_created: report.created,
            files_replaced: report.replaced,
            files_metadata_changed: report.metadata_changed,
            files_unchanged: report.same,
            files_skipped: report.skipped,
            files_deleted: report.deleted,
            files_failed: report.failed,
            files_verified: report.verified,
            bytes_restored: report.bytes,
            seconds_elapsed: elapsed.as_secs_f64(),
        }
    }
}

fn print(
    context: &Context,
    options: &RestoreOptions,
    report: &RestoreReport,
    elapsed: Duration,
) -> Result<(), Failure> {
    let output = &context.output;
    if !report.matched {
        return output.line("nothing in the snapshot matches");
    }
    let target = options.target.display();
    let (bytes, duration) = (format_size(report.bytes), format_duration(elapsed));
    output.say(match options.dry_run {
        true => format!("dry run: nothing was changed in {target}; {bytes} would be written"),
        false => format!("restored into {target}: {bytes} in {duration}"),
    })?;
    output.say(format!("  {}", counts(report)))?;
    if report.verified > 0 {
        let entries = count(report.verified, "entry", "entries");
        output.say(format!("  {entries} read back and found right"))?;
    }
    if report.skipped > 0 {
        let entries = count(report.skipped, "entry was", "entries were");
        let hint = "--conflict overwrite or newest replaces such";
        output.say(format!("  {entries} different there and stayed: {hint}"))?;
    }
    Ok(())
}

/// What is not zero.
fn counts(report: &RestoreReport) -> String {
    let counts = [
        (report.created, "created"),
        (report.replaced, "replaced"),
        (report.metadata_changed, "with new metadata"),
        (report.same, "there already"),
        (report.skipped, "skipped"),
        (report.deleted, "deleted"),
        (report.failed, "failed"),
    ];
    let counts = counts.iter().filter(|(number, _)| *number > 0);
    let counts: Vec<_> =
        counts.map(|(number, word)| format!("{} {word}", grouped(*number))).collect();
    if counts.is_empty() { "nothing to do".to_owned() } else { counts.join(", ") }
}
