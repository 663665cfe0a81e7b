//! `snap check`

use super::code::Code;
use super::context::Context;
use super::error::Failure;
use super::open::open;
use super::progress::Progress;
use super::text::count;
use crate::ops::{CheckOptions, CheckReport, Damage, ReadData, check};
use crate::policy::{format_duration, format_size};
use crate::settings::config::parse_part;
use serde::Serialize;
use std::time::Duration;

const AFTER_HELP: &str = "\
Examples:
  snap check                          every object is there and fits
  snap check --read-data              every byte is right: reads all
  snap check --read-data-subset 1/7   a seventh; tomorrow 2/7, and so on
  snap check --read-data-subset 5%    as much, chosen at random

Damage is named by object and by the files that it touches, and the exit code is 4. A
damaged pack is marked, so that the next backup that still finds the same data stores
it again.";

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
    /// Read a part of it: N/OF, a percentage, or a size
    #[arg(long, value_name = "PART", value_parser = parse_part)]
    read_data_subset: Option<ReadData>,
    /// Do not mark damaged packs
    #[arg(long)]
    no_mark: bool,
}

pub fn run(context: &Context, arguments: &Arguments) -> Result<Code, Failure> {
    let read = match arguments.read_data {
        true => ReadData::All,
        false => arguments.read_data_subset.unwrap_or_default(),
    };
    let repository = open(context)?;
    let progress = Progress::start(context);
    let options = CheckOptions { read, mark: !arguments.no_mark };
    let report = check(&repository, options, progress.monitor());
    let elapsed = progress.elapsed();
    drop(progress);
    let report = report?;
    for damage in &report.damages {
        name(context, damage)?;
    }
    context.output.object("summary", &Summary::new(&report, elapsed))?;
    print(context, &report, elapsed)?;
    match report.damages.len() as u64 {
        0 => Ok(Code::Done),
        damages => Err(damaged(damages, &report)),
    }
}

#[derive(Serialize)]
struct DamageMessage<'a> {
    error: DamageText<'a>,
    during: &'static str,
    item: &'a str,
    /// Files that cannot be restored whole, as `snapshot:path`; the first few.
    files: &'a [String],
    more_files: u64,
}

#[derive(Serialize)]
struct DamageText<'a> {
    message: &'a str,
}

fn name(context: &Context, damage: &Damage) -> Result<(), Failure> {
    let Damage { object, why, files, more_files } = damage;
    let why = why.strip_prefix(&format!("{object} is damaged: ")).unwrap_or(why);
    let message = DamageMessage {
        error: DamageText { message: why },
        during: "checking",
        item: object,
        files,
        more_files: *more_files,
    };
    context.output.object("error", &message)?;
    context.output.line(format!("damaged: {object}\n  {why}"))?;
    for file in files {
        // Nothing after the snapshot: its root.
        let root = if file.ends_with(':') { "/" } else { "" };
        context.output.line(format!("  touches {file}{root}"))?;
    }
    match more_files {
        0 => Ok(()),
        more => context.output.line(format!("  and {} more", count(*more, "file", "files"))),
    }
}

#[derive(Serialize)]
struct Summary<'a> {
    num_errors: u64,
    broken_packs: Vec<&'a str>,
    suggest_repair_index: bool,
    snapshots: u64,
    trees: u64,
    blobs: u64,
    packs: u64,
    packs_read: u64,
    bytes_read: u64,
    notes: &'a [String],
    total_duration: f64,
}

impl<'a> Summary<'a> {
    fn new(report: &'a CheckReport, elapsed: Duration) -> Self {
        let packs = report.damages.iter().filter_map(|damage| {
            let (folder, rest) = damage.object.split_once('/')?;
            (folder == "packs").then(|| rest.rsplit('/').next().unwrap_or(rest))
        });
        Self {
            num_errors: report.damages.len() as u64,
            broken_packs: packs.collect(),
            suggest_repair_index: has(report, "index/"),
            snapshots: report.snapshots,
            trees: report.trees,
            blobs: report.blobs,
            packs: report.packs,
            packs_read: report.packs_read,
            bytes_read: report.bytes_read,
            notes: &report.notes,
            total_duration: elapsed.as_secs_f64(),
        }
    }
}

fn print(context: &Context, report: &CheckReport, elapsed: Duration) -> Result<(), Failure> {
    for note in &report.notes {
        context.output.say(format!("note: {note}"))?;
    }
    context.output.say(format!(
        "checked {}, {}, {} in {}",
        count(report.snapshots, "snapshot", "snapshots"),
        count(report.trees, "tree", "trees"),
        count(report.packs, "pack", "packs"),
        format_duration(elapsed),
    ))?;
    if report.packs_read > 0 {
        let packs = count(report.packs_read, "pack", "packs");
        context.output.say(format!("read {packs}, {}", format_size(report.bytes_read)))?;
    }
    if report.damages.is_empty() {
        context.output.say("no damage found")?;
    }
    Ok(())
}

/// Whether an object of this folder is damaged.
fn has(report: &CheckReport, folder: &str) -> bool {
    report.damages.iter().any(|damage| damage.object.starts_with(folder))
}

fn damaged(damages: u64, report: &CheckReport) -> Failure {
    let mut steps = Vec::new();
    if has(report, "index/") {
        steps.push("`snap repair index` makes the index whole");
    }
    if has(report, "snapshots/") || has(report, "forgotten/") {
        steps.push("`snap repair snapshots` brings snapshots back");
    }
    let is_indexed = |damage: &&Damage| !damage.why.contains("`snap repair index`");
    let packs = report.damages.iter().filter(|damage| damage.object.starts_with("packs/"));
    if packs.filter(is_indexed).count() > 0 {
        steps.push("run `snap backup` again: what it still finds is stored anew");
    }
    if steps.is_empty() {
        steps.push("nothing mends this; what is named above is what is lost");
    }
    let objects = count(damages, "object is", "objects are");
    Failure::new(Code::Damage, format!("{objects} damaged")).hint(steps.join("; "))
}
