//! `snap find`

mod document;
mod flags;
mod history;
mod report;

use super::asked::{Asked, find as find_snapshot};
use super::code::Code;
use super::context::Context;
use super::error::Failure;
use super::open::open;
use super::progress::Progress;
use super::select::{FilterFlags, code_of, read_ledger};
use super::text::count;
use crate::model::{Snapshot, SnapshotKind};
use crate::ops::{FindError, find};
use crate::policy::Filter;
use crate::repo::{BlobReader, Ledger};
use flags::CriteriaFlags;
use report::{Reporter, Summary};
use std::ffi::OsString;

const AFTER_HELP: &str = "\
Examples:
  snap find 'prices*.json'
  snap find -l /srv/bot/config.py
  snap find 'bot/*.py' --newer yesterday --size +10k
  snap find --content-of lost+found/12345     which file is this?
  snap find --history /srv/bot/config.py      every version, one a line
  snap find --id 65f0c0ffee0123456789abcd     the versions of a document

A pattern without a slash at its start is compared with the end of each path,
so a plain name is found anywhere; one that starts with a slash with the whole
path. * and ? stop at slashes, ** does not.

For each path it says which snapshots have it, a line for each version: what
differs in content, mode, owner, time or attributes is another one. The older
snapshots come first.";

/// Find files by name, size, time, type or content, and documents, in all snapshots.
#[derive(clap::Args)]
#[command(
    after_help = AFTER_HELP,
    override_usage = "snap find [OPTIONS] <PATTERN>...\n       snap find --history <PATH>",
)]
pub struct Arguments {
    /// Names or patterns; any of them
    #[arg(value_name = "PATTERN")]
    patterns: Vec<String>,
    #[command(flatten)]
    criteria: CriteriaFlags,
    /// Show mode, owner, size and time of each version
    #[arg(short, long)]
    long: bool,
    /// Show the history of this file or folder instead, by host; with --id that of the document in
    /// this collection
    #[arg(long, value_name = "PATH", conflicts_with_all = ["patterns", "criteria", "long"])]
    history: Option<OsString>,
    /// Show every version of the document with this _id instead: extended JSON or a plain string
    /// (-l shows the documents)
    #[arg(long, value_name = "VALUE", help_heading = "Documents",
          conflicts_with_all = ["patterns", "criteria"])]
    id: Option<String>,
    /// Only in this collection, NAME or DATABASE.NAME
    #[arg(
        long,
        value_name = "NAME",
        help_heading = "Documents",
        requires = "id",
        conflicts_with = "history"
    )]
    collection: Option<String>,

    /// Only in this snapshot (an id or latest; may be repeated)
    #[arg(short, long, value_name = "ID", help_heading = "Which snapshots")]
    snapshot: Vec<OsString>,
    #[command(flatten)]
    filter: FilterFlags,
}

pub fn run(context: &Context, arguments: &Arguments) -> Result<Code, Failure> {
    let mut criteria = arguments.criteria.criteria(context, &arguments.patterns)?;
    if criteria.is_empty() && arguments.history.is_none() && arguments.id.is_none() {
        return Err(Failure::usage("nothing to look for was named")
            .hint("write a name or pattern, or one of --size, --newer, --type, --content"));
    }
    let filter = arguments.filter.filter()?;
    let repository = open(context)?;
    let ledger = read_ledger(context, &repository)?;
    let snapshots = snapshots(context, &ledger, &filter, &arguments.snapshot)?;
    let reader = BlobReader::for_reading(repository)?;
    let damage = code_of(&ledger);
    if let Some(id) = &arguments.id {
        let path = arguments.history.as_ref().map(|path| path.to_string_lossy());
        let sought = document::Asked {
            id,
            collection: arguments.collection.as_deref().or(path.as_deref()),
            shows_documents: arguments.long,
        };
        return document::show(context, &reader, &snapshots, &sought).map(|()| damage);
    }
    if let Some(path) = &arguments.history {
        return history::show(context, &reader, &snapshots, path).map(|()| damage);
    }
    let progress = Progress::start(context);
    let mut reporter = Reporter::new(context, &snapshots, arguments.long);
    let monitor = progress.monitor();
    let found = find(
        &reader,
        &snapshots,
        &mut criteria,
        &mut |found| reporter.show(found),
        monitor.as_ref(),
    );
    drop(progress);
    reporter.finish()?;
    let report = found.map_err(failure)?;
    let summary = Summary {
        paths: report.paths,
        versions: report.versions,
        snapshots: snapshots.len() as u64,
    };
    context.output.object("summary", &summary)?;
    let searched = count(snapshots.len() as u64, "snapshot", "snapshots");
    match (report.paths, snapshots.is_empty()) {
        (_, true) => Err(Failure::new(Code::Nothing, "there is no snapshot to look in")
            .hint("`snap snapshots` shows those that are there")),
        (0, false) => {
            context.output.aside_line(&format!("nothing matches in {searched}"));
            Ok(if report.unread > 0 { Code::Damage } else { Code::Nothing })
        }
        (paths, false) => {
            let paths = count(paths, "path", "paths");
            let versions = count(report.versions, "version", "versions");
            context.output.aside_line(&format!("{paths}, {versions}; {searched} searched"));
            Ok(if report.unread > 0 { Code::Damage } else { damage })
        }
    }
}

/// Those to look in, oldest first. Copies that a restore made for safety are looked into if they
/// are named.
fn snapshots<'a>(
    context: &Context,
    ledger: &'a Ledger,
    filter: &Filter,
    named: &[OsString],
) -> Result<Vec<&'a Snapshot>, Failure> {
    if named.is_empty() {
        let is_meant = |snapshot: &&Snapshot| {
            snapshot.kind == SnapshotKind::Backup && filter.matches(snapshot)
        };
        return Ok(ledger.live.iter().filter(is_meant).collect());
    }
    let ids: Vec<_> = named
        .iter()
        .map(|word| Ok(find_snapshot(context, ledger, &Asked::named(word), filter)?.id))
        .collect::<Result<_, Failure>>()?;
    let is_named = |snapshot: &&Snapshot| ids.contains(&snapshot.id) && filter.matches(snapshot);
    Ok(ledger.live.iter().filter(is_named).collect())
}

pub fn failure(error: FindError) -> Failure {
    match error {
        FindError::Repo(error) => error.into(),
        FindError::Stopped => Failure::stopped(),
        FindError::Live(_) => Failure::new(Code::Failed, error).hint("check the path"),
        FindError::TooMany => Failure::new(Code::Failed, error)
            .hint("narrow the search: a longer pattern, --type f, --newer, or --snapshot ID"),
    }
}
