//! `snap restore --to mongodb://…`: databases of a snapshot into a server.

use super::Arguments;
use crate::cli::asked::{Asked, find, lines_about};
use crate::cli::code::Code;
use crate::cli::context::Context;
use crate::cli::databases::connect;
use crate::cli::error::Failure;
use crate::cli::json::SnapshotMessage;
use crate::cli::open::open;
use crate::cli::progress::Progress;
use crate::cli::select::read_ledger;
use crate::cli::text::{count, grouped};
use crate::model::Snapshot;
use crate::ops::{
    CollectionReport, DatabaseRestoreOptions, DatabaseRestoreReport, Rename, restore_databases,
};
use crate::policy::format_duration;
use crate::settings::DatabaseAddress;
use serde::Serialize;
use std::time::Duration;

#[derive(clap::Args, Debug, Clone, Default)]
#[command(next_help_heading = "Databases")]
pub struct DatabaseFlags {
    /// Only this database (may be repeated, like all of these)
    #[arg(long = "db", value_name = "NAME", requires = "to")]
    databases: Vec<String>,
    /// Only this collection, NAME or DATABASE.NAME
    #[arg(long = "collection", value_name = "NAME", requires = "to")]
    collections: Vec<String>,
    /// Give collections that fit this ('shop.*') another name
    #[arg(long, value_name = "PATTERN", requires = "to")]
    ns_from: Vec<String>,
    /// That name ('test.*'), for each --ns-from
    #[arg(long, value_name = "PATTERN", requires = "ns_from")]
    ns_to: Vec<String>,
    /// When indexes are made that let documents expire: held back where restored documents would
    /// be gone at once, or now
    #[arg(long, value_name = "WHEN", value_enum, default_value_t, requires = "to")]
    ttl: Ttl,
}

#[derive(clap::ValueEnum, Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Ttl {
    /// Where nothing would expire at once; else the command is printed
    #[default]
    Safe,
    /// In any case
    Now,
}

pub fn run(
    context: &Context,
    arguments: &Arguments,
    asked: &Asked,
    to: &DatabaseAddress,
) -> Result<Code, Failure> {
    if arguments.delete || arguments.dry_run {
        return Err(Failure::usage("--delete and --dry-run are for files, not for databases"));
    }
    if !asked.paths.is_empty() {
        return Err(Failure::usage("paths were named, and a server to restore into").hint(
            "choose with --db and --collection; files go to --target in a run of their own",
        ));
    }
    let mut options = options(&arguments.databases)?;
    let filter = arguments.filter.filter()?;
    let repository = open(context)?;
    let ledger = read_ledger(context, &repository)?;
    let snapshot = find(context, &ledger, asked, &filter)?.clone();
    context.output.object("snapshot", &SnapshotMessage::from(&snapshot))?;
    for line in lines_about(context, &snapshot, asked.at.as_ref()) {
        context.output.line(line)?;
    }
    let connection = connect(context, to)?;
    options.into = connection.address().database().map(str::to_owned);
    let progress = Progress::start(context);
    let monitor = progress.monitor();
    let report = restore_databases(&repository, &snapshot, &connection, &options, monitor.as_ref());
    let elapsed = progress.elapsed();
    drop(progress);
    let report = report?;
    context.output.object(
        "summary",
        &Summary::new(&report, &snapshot, &connection.address().to_string(), elapsed),
    )?;
    print(context, &report, &connection.address().to_string(), elapsed)?;
    match (report.collections.is_empty(), report.failed) {
        (true, _) => Ok(Code::Nothing),
        (false, 0) => Ok(Code::Done),
        (false, failed) => {
            let things = count(failed, "thing", "things");
            Err(Failure::new(Code::Failed, format!("{things} could not be restored"))
                .hint("they are named above; the rest is there, and it can be run again"))
        }
    }
}

fn options(flags: &DatabaseFlags) -> Result<DatabaseRestoreOptions, Failure> {
    if flags.ns_from.len() != flags.ns_to.len() {
        return Err(Failure::usage("each --ns-from needs its --ns-to")
            .hint("write --ns-from 'shop.*' --ns-to 'test.*'"));
    }
    let pairs = flags.ns_from.iter().zip(&flags.ns_to);
    let renames: Result<Vec<_>, _> = pairs.map(|(from, to)| Rename::new(from, to)).collect();
    Ok(DatabaseRestoreOptions {
        databases: flags.databases.clone(),
        collections: flags.collections.clone(),
        renames: renames.map_err(Failure::usage)?,
        into: None,
        expire_at_once: flags.ttl == Ttl::Now,
    })
}

#[derive(Serialize)]
struct Summary {
    snapshot_id: String,
    target: String,
    collections: Vec<CollectionMessage>,
    documents_restored: u64,
    documents_skipped: u64,
    documents_failed: u64,
    failed: u64,
    seconds_elapsed: f64,
}

#[derive(Serialize)]
struct CollectionMessage {
    from: String,
    to: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    view: bool,
    restored: u64,
    skipped: u64,
    failed: u64,
    indexes: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    held_back: Vec<String>,
}

impl Summary {
    fn new(
        report: &DatabaseRestoreReport,
        snapshot: &Snapshot,
        target: &str,
        elapsed: Duration,
    ) -> Self {
        let sum = |of: fn(&CollectionReport) -> u64| report.collections.iter().map(of).sum();
        Self {
            snapshot_id: snapshot.id.hex(),
            target: target.to_owned(),
            collections: report.collections.iter().map(CollectionMessage::from).collect(),
            documents_restored: sum(|collection| collection.inserted),
            documents_skipped: sum(|collection| collection.present),
            documents_failed: sum(|collection| collection.failed),
            failed: report.failed,
            seconds_elapsed: elapsed.as_secs_f64(),
        }
    }
}

impl From<&CollectionReport> for CollectionMessage {
    fn from(report: &CollectionReport) -> Self {
        Self {
            from: report.from.clone(),
            to: report.to.clone(),
            view: report.is_view,
            restored: report.inserted,
            skipped: report.present,
            failed: report.failed,
            indexes: report.indexes,
            held_back: report.held_back.clone(),
        }
    }
}

fn print(
    context: &Context,
    report: &DatabaseRestoreReport,
    target: &str,
    elapsed: Duration,
) -> Result<(), Failure> {
    let output = &context.output;
    if report.collections.is_empty() {
        return output.line("nothing in the snapshot matches");
    }
    output.say(format!("restored into {target} in {}", format_duration(elapsed)))?;
    for collection in &report.collections {
        output.say(format!("  {}", line(collection)))?;
    }
    let held: Vec<&String> = report.collections.iter().flat_map(|c| &c.held_back).collect();
    if !held.is_empty() {
        output.say(
            "not made, for documents that were just restored would be gone at once (--ttl now \
             makes it in any case); in mongosh:",
        )?;
    }
    held.into_iter().try_for_each(|command| output.say(format!("  {command}")))
}

/// `bot.users -> test.users: 10 documents, 2 indexes`.
fn line(report: &CollectionReport) -> String {
    let CollectionReport { from, to, inserted, present, failed, indexes, .. } = report;
    let names = if from == to { from.clone() } else { format!("{from} -> {to}") };
    if report.is_view {
        let there = if report.was_there { ", something was there and stays" } else { "" };
        return format!("{names}: view{there}");
    }
    let mut line = format!("{names}: {}", count(*inserted, "document", "documents"));
    for (number, word) in [(present, "were there and stay"), (failed, "failed")] {
        if *number > 0 {
            line.push_str(&format!(", {} {word}", grouped(*number)));
        }
    }
    if *indexes > 0 {
        line.push_str(&format!(", {}", count(*indexes, "index", "indexes")));
    }
    line
}
