//! `snap stats`

mod growth;
mod plot;
mod share;
mod total;

use super::asked::{Asked, find, lines_about};
use super::code::Code;
use super::context::Context;
use super::error::Failure;
use super::open::open;
use super::place::{SnapshotPlace, find_places, find_sources};
use super::progress::Progress;
use super::select::{FilterFlags, code_of, read_ledger};
use crate::model::{EntryPath, Snapshot};
use crate::ops::{content_of, content_of_entries, share_by_snapshot};
use crate::policy::Filter;
use crate::repo::{BlobReader, Ledger, Repository};
use std::borrow::Cow;
use std::collections::HashSet;
use std::ffi::OsString;
use std::sync::Arc;

const AFTER_HELP: &str = "\
Examples:
  snap stats                           sizes, and what pruning would free
  snap stats latest                    of one snapshot
  snap stats 1a2b3c4d:/srv/bot/data    of a folder in it
  snap stats --by snapshot             what each brought, and what only it has
  snap stats --by folder --depth 2 latest
  snap stats --by type --top 10        which files take most of the repository
  snap stats --growth                  a plot

What several snapshots (or folders) have in common counts where it is met
first, oldest snapshot first. Without a snapshot, --by folder and --by type
count a file once for each version of it that brought something new.";

/// Show what takes how much space, and what could go.
#[derive(clap::Args)]
#[command(
    after_help = AFTER_HELP,
    override_usage = "snap stats [ID|latest [PATH]...]\n       snap stats --at <TIME> [PATH]...\n       snap stats --by <WHAT> [ID|latest [PATH]...]\n       snap stats --growth",
)]
pub struct Arguments {
    /// One snapshot (an id or latest; not with --at), and folders or files in it [default: all
    /// snapshots]
    #[arg(value_name = "SNAPSHOT, PATH")]
    words: Vec<OsString>,
    /// Take the newest snapshot begun not after this
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// Show the part of each snapshot, folder, or type of file
    #[arg(long, value_name = "WHAT", conflicts_with = "growth")]
    by: Option<By>,
    /// With --by folder: tell so many levels of folders apart
    #[arg(long, value_name = "N", default_value_t = 1, requires = "by")]
    depth: usize,
    /// With --by: show the N biggest only [default: 20 folders or types, all with --json]
    #[arg(long, value_name = "N", requires = "by")]
    top: Option<usize>,
    /// Show how the repository has grown
    #[arg(long)]
    growth: bool,

    #[command(flatten)]
    filter: FilterFlags,
}

#[derive(clap::ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    Snapshot,
    Folder,
    Type,
}

pub fn run(context: &Context, arguments: &Arguments) -> Result<Code, Failure> {
    let filter = arguments.filter.filter()?;
    let is_one = arguments.at.is_some() || !arguments.words.is_empty();
    if is_one && (arguments.growth || arguments.by == Some(By::Snapshot)) {
        return Err(Failure::usage("--growth and --by snapshot are about all snapshots")
            .hint("leave the snapshot away; --host, --path and --tag choose among them"));
    }
    let repository = open(context)?;
    let ledger = read_ledger(context, &repository)?;
    match is_one {
        true => {
            let asked = Asked::new(context, arguments.at.as_ref(), &arguments.words)?;
            let snapshot = find(context, &ledger, &asked, &filter)?;
            for line in lines_about(context, snapshot, asked.at.as_ref()) {
                context.output.say(line)?;
            }
            one(context, arguments, repository, snapshot, &asked.paths)?;
        }
        false => all(context, arguments, &repository, &ledger, &filter)?,
    }
    Ok(code_of(&ledger))
}

/// Of one snapshot, or of places in it.
fn one(
    context: &Context,
    arguments: &Arguments,
    repository: Arc<Repository>,
    snapshot: &Snapshot,
    paths: &[OsString],
) -> Result<(), Failure> {
    let reader = BlobReader::new(repository)?;
    let places = match paths.is_empty() {
        true => find_sources(&reader, snapshot)?,
        false => find_places(&reader, snapshot, paths)?,
    };
    let places = outermost(places);
    if let Some(by) = arguments.by {
        return share::of_places(context, arguments, by, &reader, &places);
    }
    let progress = Progress::start(context);
    let monitor = progress.monitor();
    let snapshots = std::slice::from_ref(snapshot);
    let content = match paths.is_empty() {
        true => content_of(&reader, snapshots, monitor.as_ref()),
        false => {
            let entries = places.iter().map(|place| &place.entry);
            content_of_entries(&reader, entries, monitor.as_ref())
        }
    };
    drop(progress);
    total::print_content(context, &content?)
}

/// Without those inside others, which are counted there.
fn outermost(mut places: Vec<SnapshotPlace>) -> Vec<SnapshotPlace> {
    places.sort_by(|one, other| one.path.cmp(&other.path));
    places.dedup_by(|one, other| one.path == other.path);
    let all: HashSet<EntryPath> = places.iter().map(|place| place.path.clone()).collect();
    places.retain(|place| !lies_in_one_of(&place.path, &all));
    places
}

fn lies_in_one_of(path: &EntryPath, all: &HashSet<EntryPath>) -> bool {
    let mut above = path.clone();
    while !above.is_root() {
        above.pop();
        if all.contains(&above) {
            return true;
        }
    }
    false
}

/// Of all snapshots, or of those that the filter lets through.
fn all(
    context: &Context,
    arguments: &Arguments,
    repository: &Arc<Repository>,
    ledger: &Ledger,
    filter: &Filter,
) -> Result<(), Failure> {
    let chosen: Cow<'_, [Snapshot]> = match *filter == Filter::default() {
        true => Cow::Borrowed(&ledger.live),
        false => ledger.live.iter().filter(|one| filter.matches(one)).cloned().collect(),
    };
    if chosen.is_empty() && *filter != Filter::default() {
        return Err(Failure::new(Code::Nothing, "no snapshot matches")
            .hint("`snap snapshots` shows those that are there"));
    }
    if arguments.by.is_none() && !arguments.growth && *filter == Filter::default() {
        return total::repository(context, repository, ledger);
    }
    let reader = BlobReader::new(Arc::clone(repository))?;
    match arguments.by {
        Some(by @ (By::Folder | By::Type)) => {
            share::of_snapshots(context, arguments, by, &reader, &chosen)
        }
        None if !arguments.growth => {
            let progress = Progress::start(context);
            let content = content_of(&reader, &chosen, progress.monitor().as_ref());
            drop(progress);
            total::print_content(context, &content?)
        }
        by => {
            let progress = Progress::start(context);
            // What a snapshot shares with one that was not asked for is not its own, either.
            let monitor = progress.monitor();
            let shares = share_by_snapshot(&reader, &ledger.live, monitor.as_ref());
            drop(progress);
            let mut shares = shares?;
            shares.retain(|share| filter.matches(&share.snapshot));
            match by {
                Some(_) => share::by_snapshot(context, arguments, shares),
                None => growth::print(context, &shares),
            }
        }
    }
}
