//! `snap tag`

use super::asked::{Asked, find};
use super::code::Code;
use super::context::Context;
use super::error::Failure;
use super::open::{open, this_writer};
use super::progress::Progress;
use super::select::{FilterFlags, code_of, read_ledger};
use super::text::{count, grouped, readable};
use crate::model::{Snapshot, SnapshotKind};
use crate::ops::{TagChange, TagReport, tag};
use crate::policy::Filter;
use crate::repo::Ledger;
use serde::Serialize;
use std::ffi::OsString;

const AFTER_HELP: &str = "\
Examples:
  snap tag --add before-update latest
  snap tag --remove nightly --add weekly 1a2b3c4d 5e6f7a8b
  snap tag --set '' --host bot          no tags for all snapshots of the host
  snap tag --add kept --all

A snapshot never changes: it gets a successor with the same content and times
and the new tags, and is then forgotten. So its id changes; both ids are
printed. Killed between the two it leaves both: policies count the newest, and
let the other one go.";

/// Change the tags of snapshots.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Arguments {
    /// The snapshots (ids, or latest); without any, those that the filters let through
    #[arg(value_name = "ID")]
    ids: Vec<OsString>,
    /// Give them these tags in place of all that they have, joined by commas ('' for none)
    #[arg(long, value_name = "TAGS", conflicts_with_all = ["add", "remove"])]
    set: Option<String>,
    /// Add tags, joined by commas (may be repeated)
    #[arg(long, value_name = "TAGS")]
    add: Vec<String>,
    /// Remove tags, joined by commas (may be repeated)
    #[arg(long, value_name = "TAGS")]
    remove: Vec<String>,
    /// Change all snapshots
    #[arg(long, conflicts_with_all = ["ids", "host", "path", "tag"])]
    all: bool,
    #[command(flatten)]
    filter: FilterFlags,
}

#[derive(Serialize)]
struct Changed<'a> {
    old_snapshot_id: String,
    new_snapshot_id: String,
    tags: &'a [String],
}

#[derive(Serialize)]
struct Summary {
    changed_snapshots: u64,
    unchanged_snapshots: u64,
    damaged_snapshots: u64,
}

pub fn run(context: &Context, arguments: &Arguments) -> Result<Code, Failure> {
    let change = change(arguments)?;
    let filter = arguments.filter.filter()?;
    if arguments.ids.is_empty() && filter == Filter::default() && !arguments.all {
        return Err(Failure::usage("nothing says which snapshots to tag")
            .hint("name them, or give --host, --path or --tag; --all is for all of them"));
    }
    let repository = open(context)?;
    let ledger = read_ledger(context, &repository)?;
    let chosen = chosen(context, &ledger, &filter, &arguments.ids)?;
    if chosen.is_empty() {
        return Err(Failure::new(Code::Nothing, "no snapshot matches")
            .hint("`snap snapshots` shows those that are there"));
    }
    let progress = Progress::start(context);
    let mut printed = Ok(());
    let mut changed = |old: &Snapshot, new: &Snapshot| {
        if printed.is_ok() {
            printed = print_changed(context, old, new);
        }
    };
    let (writer, monitor) = (this_writer(), progress.monitor());
    let report = tag(&repository, &writer, &chosen, &change, &mut changed, &monitor);
    drop(progress);
    let report = report?;
    printed?;
    print_report(context, &report)?;
    Ok(code_of(&ledger))
}

fn change(arguments: &Arguments) -> Result<TagChange, Failure> {
    let Arguments { set, add, remove, .. } = arguments;
    if set.is_none() && add.is_empty() && remove.is_empty() {
        return Err(Failure::usage("nothing says what to change")
            .hint("give --add TAGS, --remove TAGS or --set TAGS"));
    }
    let set = match set.as_deref() {
        Some("") => Some(Vec::new()),
        set => set.map(|tags| words(&[tags.to_owned()])).transpose()?,
    };
    Ok(TagChange { set, add: words(add)?, remove: words(remove)? })
}

fn words(given: &[String]) -> Result<Vec<String>, Failure> {
    let tags: Vec<String> =
        given.iter().flat_map(|tags| tags.split(',')).map(|tag| tag.trim().to_owned()).collect();
    match tags.iter().any(String::is_empty) {
        true => Err(Failure::usage("a tag is empty").hint("write --add before-update")),
        false => Ok(tags),
    }
}

/// Those that are named, and those of them, or of all, that the filter lets through. Safety
/// snapshots are `rollback`'s: they are changed only if they are named.
fn chosen(
    context: &Context,
    ledger: &Ledger,
    filter: &Filter,
    ids: &[OsString],
) -> Result<Vec<Snapshot>, Failure> {
    let mut chosen: Vec<Snapshot> = Vec::new();
    for word in ids {
        let snapshot = find(context, ledger, &Asked::named(word), filter)?;
        if filter.matches(snapshot) && !chosen.contains(snapshot) {
            chosen.push(snapshot.clone());
        }
    }
    if ids.is_empty() {
        let backups = ledger.live.iter().filter(|s| s.kind == SnapshotKind::Backup);
        chosen.extend(backups.filter(|snapshot| filter.matches(snapshot)).cloned());
    }
    Ok(chosen)
}

fn print_changed(context: &Context, old: &Snapshot, new: &Snapshot) -> Result<(), Failure> {
    let message =
        Changed { old_snapshot_id: old.id.hex(), new_snapshot_id: new.id.hex(), tags: &new.tags };
    context.output.object("changed", &message)?;
    let tags = match new.tags.is_empty() {
        true => "no tags".to_owned(),
        false => readable(new.tags.join(", ").as_bytes()),
    };
    context.output.say(format!("{} is now {}: {tags}", old.id.short(), new.id.short()))
}

fn print_report(context: &Context, report: &TagReport) -> Result<(), Failure> {
    let TagReport { changed, unchanged, damaged } = report;
    let damaged_snapshots = damaged.len() as u64;
    let (changed_snapshots, unchanged_snapshots) = (*changed, *unchanged);
    let summary = Summary { changed_snapshots, unchanged_snapshots, damaged_snapshots };
    context.output.object("summary", &summary)?;
    let mut line = format!("changed {}", count(*changed, "snapshot", "snapshots"));
    if *unchanged > 0 {
        line.push_str(&format!("; {} needed no change", grouped(*unchanged)));
    }
    context.output.say(line)?;
    for (id, error) in damaged {
        let what = format!("snapshot {}", id.short());
        context.output.warning(&what, &format!("it is left as it is: {error}"), "tagging");
    }
    match damaged_snapshots {
        0 => Ok(()),
        number => {
            let snapshots = count(number, "snapshot keeps its tags", "snapshots keep their tags");
            Err(Failure::new(Code::Damage, format!("{snapshots}: part of it cannot be read"))
                .hint("`snap check --read-data` shows all that is damaged"))
        }
    }
}
