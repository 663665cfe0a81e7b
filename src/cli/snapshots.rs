//! `snap snapshots`

use super::asked::{Asked, find};
use super::code::Code;
use super::context::Context;
use super::error::Failure;
use super::json::SnapshotMessage;
use super::open::open;
use super::select::{FilterFlags, code_of, in_future, read_ledger};
use super::table::{Cell, Table};
use super::text::{count, readable, time};
use crate::model::{Snapshot, SnapshotKind};
use crate::policy::{Filter, Group, GroupBy, GroupKey, format_size, group};
use crate::repo::Ledger;
use std::collections::HashSet;
use std::ffi::OsString;

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
    for snapshot in &chosen {
        context.output.object("snapshot", &SnapshotMessage::from(snapshot))?;
    }
    let future = in_future(&ledger).into_iter().map(|id| id.short()).collect();
    print(context, &chosen, arguments.group_by, &future)?;
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

/// Those that are named are shown, whatever they are.
fn hides_safety(arguments: &Arguments) -> bool {
    !arguments.all && arguments.ids.is_empty()
}

fn is_safety(snapshot: &Snapshot) -> bool {
    snapshot.kind == SnapshotKind::Safety
}

/// Those that are asked for, oldest first.
fn chosen(
    context: &Context,
    ledger: &Ledger,
    filter: &Filter,
    arguments: &Arguments,
) -> Result<Vec<Snapshot>, Failure> {
    let named: HashSet<_> = arguments
        .ids
        .iter()
        .map(|word| Ok(find(context, ledger, &Asked::named(word), filter)?.id))
        .collect::<Result<_, Failure>>()?;
    let mut chosen: Vec<Snapshot> = ledger.live.clone();
    chosen.retain(|snapshot| named.is_empty() || named.contains(&snapshot.id));
    chosen.retain(|snapshot| filter.matches(snapshot));
    if hides_safety(arguments) {
        chosen.retain(|snapshot| !is_safety(snapshot));
    }
    if let Some(latest) = arguments.latest {
        let groups = group(&chosen, arguments.group_by.unwrap_or_default());
        let newest = groups.iter().flat_map(|group| group.snapshots.iter().take(latest));
        let newest: HashSet<_> = newest.map(|snapshot| snapshot.id).collect();
        chosen.retain(|snapshot| newest.contains(&snapshot.id));
    }
    Ok(chosen)
}

fn print(
    context: &Context,
    snapshots: &[Snapshot],
    by: Option<GroupBy>,
    future: &HashSet<String>,
) -> Result<(), Failure> {
    let nothing = GroupBy { host: false, paths: false, tags: false };
    for Group { key, mut snapshots } in group(snapshots, by.unwrap_or(nothing)) {
        snapshots.reverse();
        if by.is_some() {
            context.output.line(format!("{}:", group_title(&key)))?;
        }
        print_table(context, &snapshots, future)?;
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
    future: &HashSet<String>,
) -> Result<(), Failure> {
    let zone = context.now.time_zone();
    let head = ["id", "begun", "host", "tags"].map(Cell::left);
    let mut table = Table::new(head.into_iter().chain([Cell::right("size"), Cell::left("paths")]));
    for snapshot in snapshots {
        let paths = snapshot.sources.iter().map(|source| readable(&source.address));
        let marks = marks(snapshot, future);
        let tags = snapshot.tags.iter().map(|tag| readable(tag.as_bytes()));
        table.row([
            Cell::left(snapshot.id.short()),
            Cell::left(time(snapshot.begun, zone)),
            Cell::left(readable(snapshot.host.name.as_bytes())),
            Cell::lines(tags.chain(marks)),
            Cell::right(format_size(snapshot.summary.bytes)),
            Cell::lines(paths),
        ]);
    }
    table.render().into_iter().try_for_each(|line| context.output.line(line))
}

/// What is special about a snapshot.
fn marks(snapshot: &Snapshot, future: &HashSet<String>) -> Vec<String> {
    let mut marks = Vec::new();
    if is_safety(snapshot) {
        marks.push("(safety)".to_owned());
    }
    if snapshot.problems > 0 {
        marks.push("(not whole)".to_owned());
    }
    if future.contains(&snapshot.id.short()) {
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
