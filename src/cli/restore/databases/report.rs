//! What a restore of databases did, for people and as JSON.

use crate::cli::context::Context;
use crate::cli::error::Failure;
use crate::cli::text::{count, grouped, readable};
use crate::model::Snapshot;
use crate::ops::{CollectionReport, DatabaseRestoreReport, Validation};
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
    /// Of these, to look at everything again.
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds_validating: Option<f64>,
}

#[derive(Serialize)]
struct CollectionMessage {
    from: String,
    to: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    view: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    replaced: bool,
    restored: u64,
    overwritten: u64,
    merged: u64,
    skipped: u64,
    identical: u64,
    failed: u64,
    indexes: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    held_back: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    validation: Option<ValidationMessage>,
}

#[derive(Serialize)]
struct ValidationMessage {
    #[serde(skip_serializing_if = "Option::is_none")]
    unread: Option<String>,
    identical: u64,
    kept: u64,
    missing: u64,
    differing: u64,
    unusable: u64,
    lacking: u64,
}

impl From<&Validation> for ValidationMessage {
    fn from(validation: &Validation) -> Self {
        let Validation { unread, identical, kept, missing, differing, unusable, lacking, .. } =
            validation.clone();
        Self { unread, identical, kept, missing, differing, unusable, lacking }
    }
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
            seconds_validating: report.validating.map(|validating| validating.as_secs_f64()),
        }
    }
}

impl From<&CollectionReport> for CollectionMessage {
    fn from(report: &CollectionReport) -> Self {
        Self {
            from: report.from.clone(),
            to: report.to.clone(),
            view: report.is_view,
            replaced: report.is_replaced,
            restored: report.inserted,
            overwritten: report.overwritten,
            merged: report.merged,
            skipped: report.present,
            identical: report.identical,
            failed: report.failed,
            indexes: report.indexes,
            held_back: report.held_back.clone(),
            validation: report.validation.as_ref().map(ValidationMessage::from),
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
    print_validation(context, report)?;
    let held: Vec<&String> = report.collections.iter().flat_map(|c| &c.held_back).collect();
    if !held.is_empty() {
        output.say(
            "not made, for documents that were just restored would be gone at once (--ttl now \
             makes it in any case); in mongosh:",
        )?;
    }
    held.into_iter().try_for_each(|command| output.say(format!("  {command}")))
}

/// What was found afterwards; what is wrong was told.
fn print_validation(context: &Context, report: &DatabaseRestoreReport) -> Result<(), Failure> {
    let Some(validating) = report.validating else { return Ok(()) };
    let (mut identical, mut kept) = (0, 0);
    for collection in &report.collections {
        let Some(validation) = &collection.validation else { continue };
        (identical, kept) = (identical + validation.identical, kept + validation.kept);
        if let Some(why) = &validation.unread {
            let to = readable(collection.to.as_bytes());
            context.output.say(format!("  {to}: not validated: {why}"))?;
        }
    }
    let documents = count(identical, "document", "documents");
    let duration = format_duration(validating);
    let kept = match kept {
        0 => String::new(),
        kept => format!(", {} kept as they were", grouped(kept)),
    };
    context.output.say(format!("validated in {duration}: {documents} as in the snapshot{kept}"))
}

/// `bot.users -> test.users: 10 documents, 2 indexes`.
fn line(report: &CollectionReport) -> String {
    let CollectionReport { from, to, inserted, present, failed, indexes, .. } = report;
    let [from, to] = [from, to].map(|name| readable(name.as_bytes()));
    let names = if from == to { from } else { format!("{from} -> {to}") };
    if report.is_view {
        let there = match report {
            _ if report.is_replaced => ", in the place of another one",
            _ if report.identical > 0 => ", the same was there",
            _ if report.was_there => ", something else was there and stays",
            _ => "",
        };
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
