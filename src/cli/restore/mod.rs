//! `snap restore`

mod databases;
mod flags;
mod report;

use super::asked::{Asked, find, lines_about};
use super::code::Code;
use super::context::Context;
use super::error::Failure;
use super::json::SnapshotMessage;
use super::open::open;
use super::place::{SnapshotPlace, find_places};
use super::progress::Progress;
use super::select::{FilterFlags, read_ledger};
use super::text::{count, shell_word};
use crate::model::{EntryPath, Snapshot};
use crate::ops::{RestoreOptions, RestoreStep, restore};
use crate::policy::TimeExpression;
use crate::repo::{BlobReader, Repository};
use databases::DatabaseFlags;
use flags::{ConflictFlag, PatternFlags};
use report::{Summary, list, print};
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

const AFTER_HELP: &str = "\
Examples:
  snap restore latest --target /tmp/look
  snap restore latest /srv/bot/config.py --target /tmp/look
  snap restore --at '2025-11-28 02:00' /srv/bot --target /tmp/look
  snap restore 1a2b3c4d --include '*.json' --target /tmp/look --dry-run -v
  snap restore latest --to mongodb://localhost:27017/bot_look --db bot

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
    databases: DatabaseFlags,
    #[command(flatten)]
    patterns: PatternFlags,
    #[command(flatten)]
    filter: FilterFlags,
}

pub fn run(context: &Context, arguments: &Arguments) -> Result<Code, Failure> {
    let asked = Asked::new(context, arguments.at.as_ref(), &arguments.words)?;
    if let Some(to) = &arguments.databases.to {
        return databases::run(context, arguments, &asked, to);
    }
    let target = target(arguments, &asked)?;
    let pattern = arguments.patterns.filter()?;
    let filter = arguments.filter.filter()?;
    let repository = open(context)?;
    let ledger = read_ledger(context, &repository)?;
    let snapshot = find(context, &ledger, &asked, &filter)?.clone();
    context.output.object("snapshot", &SnapshotMessage::from(&snapshot))?;
    for line in lines_about(context, &snapshot, asked.at.as_ref()) {
        context.output.line(line)?;
    }
    let options = RestoreOptions {
        paths: paths(&repository, &snapshot, &asked.paths)?,
        filter: pattern,
        target,
        conflict: arguments.conflict.into(),
        delete: arguments.delete,
        dry_run: arguments.dry_run,
        verify: arguments.verify,
        numeric_ids: arguments.numeric_ids,
    };
    let at = asked.at.as_ref();
    perform(context, &repository, &snapshot, at, &options)
}

/// The target that was named.
fn target(arguments: &Arguments, asked: &Asked) -> Result<PathBuf, Failure> {
    arguments.target.clone().ok_or_else(|| {
        let word = asked.word.as_ref().map_or("--at TIME".to_owned(), |word| shell_word(word));
        Failure::usage("no folder to restore into was named").hint(format!(
            "write `snap restore {word} --target DIR`; this snap does not yet put things back in \
             place"
        ))
    })
}

/// Where the paths are in the snapshot; every one of them must be there.
fn paths(
    repository: &Arc<Repository>,
    snapshot: &Snapshot,
    words: &[OsString],
) -> Result<Vec<EntryPath>, Failure> {
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
