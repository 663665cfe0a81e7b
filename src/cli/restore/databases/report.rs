//! What a restore of databases did, for people and as JSON.

use crate::cli::context::Context;
use crate::cli::error::Failure;
use crate::cli::text::{count, grouped};
use crate::model::Snapshot;
use crate::ops::{CollectionReport, DatabaseRestoreReport};
use crate::policy::format_duration;
use serde::Serialize;
use std::time::Duration;

#[derive(Serialize)]
pub struct Summary {
    snapshot_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    safety_snapshot_id: Option<String>,
    target: String,
    conflict: &'static str,
    collections: Vec<CollectionMessage>,
    documents_restored: u64,
    documents_overwritten: u64,
    documents_merged: u64,
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
    overwritten: u64,
    merged: u64,
    skipped: u64,
    identical: u64,
    failed: u64,
    indexes: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    held_back: Vec<String>,
}

impl Summary {
    pub fn new(
        report: &DatabaseRestoreReport,
        snapshot: &Snapshot,
        target: &str,
        conflict: &'static str,
        elapsed: Duration,
    ) -> Self {
        let sum = |of: fn(&CollectionReport) -> u64| report.collections.iter().map(of).sum();
        Self {
            snapshot_id: snapshot.id.hex(),
            safety_snapshot_id: report.safety.as_ref().map(|safety| safety.id.hex()),
            target: target.to_owned(),
            conflict,
            collections: report.collections.iter().map(CollectionMessage::from).collect(),
            documents_restored: sum(|collection| collection.inserted),
            documents_overwritten: sum(|collection| collection.overwritten),
            documents_merged: sum(|collection| collection.merged),
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
            overwritten: report.overwritten,
            merged: report.merged,
            skipped: report.present,
            identical: report.identical,
            failed: report.failed,
            indexes: report.indexes,
            held_back: report.held_back.clone(),
        }
    }
}

pub fn print(
    context: &Context,
    report: &DatabaseRestoreReport,
    target: &str,
    elapsed: Duration,
) -> Result<(), Failure> {
    let output = &context.output;
    output.say(format!("restored into {target} in {}", format_duration(elapsed)))?;
    for collection in &report.collections {
        output.say(format!("  {}", line(collection)))?;
    }
    if let Some(safety) = &report.safety {
        let id = safety.id.short();
        output.say(format!("what was there before is in safety snapshot {id}, for 30 days:"))?;
        output.say(format!("  `snap rollback {id}` undoes this restore"))?;
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
    if report.swapped {
        line.push_str(", in the place of what was there");
    }
    for (number, word) in [
        (&report.overwritten, "overwritten"),
        (&report.merged, "merged"),
        (present, "were there and stay"),
        (failed, "failed"),
    ] {
        if *number > 0 {
            line.push_str(&format!(", {} {word}", grouped(*number)));
        }
    }
    if *indexes > 0 {
        line.push_str(&format!(", {}", count(*indexes, "index", "indexes")));
    }
    line
}
