//! `snap snapshots`

use super::asked::{Asked, find};
use super::code::Code;
use super::context::Context;
use super::error::Failure;
use super::json::SnapshotMessage;
use super::open::open;
use super::place::is_of_database;
use super::select::{FilterFlags, code_of, in_future, read_ledger};
use super::table::{Cell, Table};
use super::text::{count, readable, time};
use crate::model::{SessionId, Snapshot, SnapshotKind};
use crate::ops::fuzzy_collections;
use crate::policy::{Filter, Group, GroupBy, GroupKey, format_size, group};
use crate::repo::{BlobReader, Ledger, Repository};
use std::collections::HashSet;
use std::ffi::OsString;
use std::sync::Arc;

/// Rows of one table: more than that have another head. The rows of a table are all in memory.
const PAGE: usize = 10_000;

const AFTER_HELP: &str = "\
Examples:
  snap snapshots
  snap snapshots --host bot --tag before-update
  snap snapshots --latest 1            the newest of each host and its paths
  snap snapshots --json 1a2b3c4d";

/// List the snapshots.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Arguments {
    /// Only these (ids, or latest)
    #[arg(value_name = "ID")]
    ids: Vec<OsString>,
    /// Only the newest N of each group
    #[arg(long, value_name = "N")]
    latest: Option<usize>,
    /// Show what restores and rollbacks kept for safety, too
    #[arg(short, long)]
    all: bool,
    /// Show a table for each group: host, paths, tags, joined by commas
    #[arg(long, value_name = "WHAT")]
    group_by: Option<GroupBy>,

    #[command(flatten)]
    filter: FilterFlags,
}

pub fn run(context: &Context, arguments: &Arguments) -> Result<Code, Failure> {
    let filter = arguments.filter.filter()?;
    let repository = open(context)?;
    let ledger = read_ledger(context, &repository)?;
    let chosen = chosen(context, &ledger, &filter, arguments)?;
    let special = Special {
        future: in_future(&ledger).into_iter().collect(),
        fuzzy: fuzzy(repository, &chosen)?,
    };
    if context.output.is_json() {
        print_json(context, &chosen, &special)?;
    } else {
        print(context, &chosen, arguments.group_by, &special)?;
    }
    let hidden = match hides_safety(arguments) {
        true => ledger.live.iter().filter(|one| is_safety(one) && filter.matches(one)).count(),
        false => 0,
    };
    if hidden > 0 {
        let hidden = count(hidden as u64, "safety snapshot", "safety snapshots");
        context.output.say(format!("{hidden} of restores not shown: --all shows them"))?;
    }
    let asked = !arguments.ids.is_empty() || filter != Filter::default();
    Ok(match chosen.is_empty() && asked {
        true => Code::Nothing,
        false => code_of(&ledger),
    })
}

/// Snapshots that something is to be said of.
struct Special {
    future: HashSet<SessionId>,
    fuzzy: HashSet<SessionId>,
}

/// Those with collections that others may have written to meanwhile. Only snapshots of databases
/// are looked into; damage shows elsewhere.
fn fuzzy(repository: Arc<Repository>, chosen: &[&Snapshot]) -> Result<HashSet<SessionId>, Failure> {
    let has_databases =
        |snapshot: &&&Snapshot| snapshot.sources.iter().any(|source| is_of_database(&source.path));
    let mut fuzzy = HashSet::new();
    let mut databases = chosen.iter().filter(has_databases).peekable();
    if databases.peek().is_none() {
        return Ok(fuzzy);
    }
    let reader = BlobReader::for_reading(repository)?;
    for snapshot in databases {
        if fuzzy_collections(&reader, snapshot).unwrap_or_default() > 0 {
            fuzzy.insert(snapshot.id);
        }
    }
    Ok(fuzzy)
}

/// Those that are named are shown, whatever they are.
fn hides_safety(arguments: &Arguments) -> bool {
    !arguments.all && arguments.ids.is_empty()
}

fn is_safety(snapshot: &Snapshot) -> bool {
    snapshot.kind == SnapshotKind::Safety
}

/// Those that are asked for, oldest first.
fn chosen<'a>(
    context: &Context,
    ledger: &'a Ledger,
    filter: &Filter,
    arguments: &Arguments,
) -> Result<Vec<&'a Snapshot>, Failure> {
    let named: HashSet<_> = arguments
        .ids
        .iter()
        .map(|word| Ok(find(context, ledger, &Asked::named(word), filter)?.id))
        .collect::<Result<_, Failure>>()?;
    let mut chosen: Vec<&Snapshot> = ledger.live.iter().collect();
    chosen.retain(|snapshot| named.is_empty() || named.contains(&snapshot.id));
    chosen.retain(|snapshot| filter.matches(snapshot));
    if hides_safety(arguments) {
        chosen.retain(|snapshot| !is_safety(snapshot));
    }
    if let Some(latest) = arguments.latest {
        let groups = group(chosen.iter().copied(), arguments.group_by.unwrap_or_default());
        let newest = groups.iter().flat_map(|group| group.snapshots.iter().take(latest));
        let newest: HashSet<_> = newest.map(|snapshot| snapshot.id).collect();
        chosen.retain(|snapshot| newest.contains(&snapshot.id));
    }
    Ok(chosen)
}

fn print_json(
    context: &Context,
    snapshots: &[&Snapshot],
    special: &Special,
) -> Result<(), Failure> {
    for snapshot in snapshots {
        let mut message = SnapshotMessage::from(*snapshot);
        message.fuzzy = special.fuzzy.contains(&snapshot.id);
        context.output.object("snapshot", &message)?;
    }
    Ok(())
}

fn print(
    context: &Context,
    snapshots: &[&Snapshot],
    by: Option<GroupBy>,
    special: &Special,
) -> Result<(), Failure> {
    let nothing = GroupBy { host: false, paths: false, tags: false };
    for Group { key, mut snapshots } in group(snapshots.iter().copied(), by.unwrap_or(nothing)) {
        snapshots.reverse();
        if by.is_some() {
            context.output.line(format!("{}:", group_title(&key)))?;
        }
        print_table(context, &snapshots, special)?;
        if by.is_some() {
            context.output.line("")?;
        }
    }
    let total = count(snapshots.len() as u64, "snapshot", "snapshots");
    context.output.say(total)
}

fn print_table(
    context: &Context,
    snapshots: &[&Snapshot],
    special: &Special,
) -> Result<(), Failure> {
    snapshots.chunks(PAGE).try_for_each(|page| print_page(context, page, special))
}

fn print_page(
    context: &Context,
    snapshots: &[&Snapshot],
    special: &Special,
) -> Result<(), Failure> {
    let zone = context.now.time_zone();
    let head = ["id", "begun", "host", "tags"].map(Cell::left);
    let mut table = Table::new(head.into_iter().chain([Cell::right("size"), Cell::left("paths")]));
    for snapshot in snapshots {
        let paths = snapshot.sources.iter().map(|source| brief(&source.address));
        let marks = marks(snapshot, special);
        let tags = snapshot.tags.iter().map(|tag| brief(tag.as_bytes()));
        table.row([
            Cell::left(snapshot.id.short()),
            Cell::left(time(snapshot.begun, zone)),
            Cell::left(brief(snapshot.host.name.as_bytes())),
            Cell::lines(tags.chain(marks)),
            Cell::right(format_size(snapshot.summary.bytes)),
            Cell::lines(paths),
        ]);
    }
    table.render().try_for_each(|line| context.output.line(line))
}

/// What somebody can read. Nobody has a path or a tag that is longer.
fn brief(bytes: &[u8]) -> String {
    const LONGEST: usize = 4096;
    match bytes.get(..LONGEST) {
        Some(begin) if bytes.len() > LONGEST => readable(begin) + "…",
        _ => readable(bytes),
    }
}

/// What is special about a snapshot.
fn marks(snapshot: &Snapshot, special: &Special) -> Vec<String> {
    let mut marks = Vec::new();
    if is_safety(snapshot) {
        marks.push("(safety)".to_owned());
    }
    if snapshot.problems > 0 {
        marks.push("(not whole)".to_owned());
    }
    if special.fuzzy.contains(&snapshot.id) {
        marks.push("(fuzzy)".to_owned());
    }
    if special.future.contains(&snapshot.id) {
        marks.push("(clock ahead)".to_owned());
    }
    marks
}

/// `host bot, paths /srv/bot`.
pub fn group_title(key: &GroupKey) -> String {
    let mut parts = Vec::new();
    parts.extend(key.host.as_ref().map(|host| format!("host {}", readable(host.as_bytes()))));
    parts.extend(key.paths.as_ref().map(|paths| {
        let paths: Vec<_> = paths.iter().map(|path| readable(path)).collect();
        format!("paths {}", paths.join(" "))
    }));
    parts.extend(key.tags.as_ref().map(|tags| match tags.is_empty() {
        true => "no tags".to_owned(),
        false => format!("tags {}", readable(tags.join(",").as_bytes())),
    }));
    if parts.is_empty() { "all".to_owned() } else { parts.join(", ") }
}
