//! What a restore does and did, for people and as JSON.

use crate::cli::context::Context;
use crate::cli::error::Failure;
use crate::cli::text::{count, grouped};
use crate::model::{SessionId, Snapshot};
use crate::ops::{RestoreAction, RestoreOptions, RestoreReport, RestoreStep, Root};
use crate::policy::{format_duration, format_size};
use jiff::Timestamp;
use serde::Serialize;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

/// A line for each thing that is done, with `-v`.
pub fn list(context: &Context, step: &RestoreStep<'_>) {
    if !context.output.is_verbose() || step.action == RestoreAction::Same {
        return;
    }
    let path = format!("/{}", step.path);
    let change = Change { action: word(step.action), path: &path, size: step.size };
    // A stream that is closed shows at the end.
    let _ = context.output.object("change", &change);
    let _ = context.output.line(format!("{:<9} {path}", change.action));
}

fn word(action: RestoreAction) -> &'static str {
    match action {
        RestoreAction::Create => "create",
        RestoreAction::Replace => "replace",
        RestoreAction::Metadata => "metadata",
        RestoreAction::Same => "same",
        RestoreAction::Skip => "skip",
        RestoreAction::Delete => "delete",
    }
}

#[derive(Serialize)]
struct Change<'a> {
    action: &'static str,
    path: &'a str,
    size: u64,
}

#[derive(Serialize)]
pub struct Summary {
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    dry_run: bool,
    snapshot_id: String,
    /// What `--at` stood for: the last instant that it includes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// In place: what was there before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub safety_snapshot_id: Option<String>,
    target: String,
    /// Created and replaced; entries of all kinds count, as in all of these.
    files_restored: u64,
    files_created: u64,
    files_replaced: u64,
    files_metadata_changed: u64,
    files_unchanged: u64,
    files_skipped: u64,
    files_deleted: u64,
    /// With --delete: what backups leave out.
    #[serde(skip_serializing_if = "is_zero")]
    files_spared: u64,
    files_failed: u64,
    files_verified: u64,
    bytes_restored: u64,
    seconds_elapsed: f64,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Summary {
    pub fn new(
        report: &RestoreReport,
        snapshot: &Snapshot,
        options: &RestoreOptions,
        elapsed: Duration,
    ) -> Self {
        let target = options.target.display().to_string();
        Self::of(report, snapshot.id, target, options.dry_run, elapsed)
    }

    pub fn of(
        report: &RestoreReport,
        snapshot: SessionId,
        target: String,
        dry_run: bool,
        elapsed: Duration,
    ) -> Self {
        Self {
            dry_run,
            snapshot_id: snapshot.hex(),
            at: None,
            safety_snapshot_id: None,
            target,
            files_restored: report.created + report.replaced,
            files_created: report.created,
            files_replaced: report.replaced,
            files_metadata_changed: report.metadata_changed,
            files_unchanged: report.same,
            files_skipped: report.skipped,
            files_deleted: report.deleted,
            files_spared: report.spared,
            files_failed: report.failed,
            files_verified: report.verified,
            bytes_restored: report.bytes,
            seconds_elapsed: elapsed.as_secs_f64(),
        }
    }
}

/// What a strategy would do.
#[derive(Serialize)]
pub struct PlanMessage {
    conflict: &'static str,
    files_created: u64,
    files_replaced: u64,
    files_metadata_changed: u64,
    files_unchanged: u64,
    files_skipped: u64,
    files_deleted: u64,
    bytes_restored: u64,
}

impl PlanMessage {
    pub fn new(conflict: &'static str, report: &RestoreReport) -> Self {
        Self {
            conflict,
            files_created: report.created,
            files_replaced: report.replaced,
            files_metadata_changed: report.metadata_changed,
            files_unchanged: report.same,
            files_skipped: report.skipped,
            files_deleted: report.deleted,
            bytes_restored: report.bytes,
        }
    }
}

pub fn print(
    context: &Context,
    options: &RestoreOptions,
    report: &RestoreReport,
    elapsed: Duration,
) -> Result<(), Failure> {
    let output = &context.output;
    if !report.matched {
        return output.line("nothing in the snapshot matches");
    }
    let target = match &options.root {
        Root::One(_, name) => options.target.join(OsStr::from_bytes(name.bytes())),
        _ => options.target.clone(),
    };
    let target = target.display();
    let (bytes, duration) = (format_size(report.bytes), format_duration(elapsed));
    output.say(match options.dry_run {
        false if !report.changes() => format!("nothing was written into {target}"),
        true => format!("dry run: nothing was changed in {target}; {bytes} would be written"),
        false => format!("restored into {target}: {bytes} in {duration}"),
    })?;
    print_counts(context, report)
}

/// What is not zero, and what to say of it.
pub fn print_counts(context: &Context, report: &RestoreReport) -> Result<(), Failure> {
    let output = &context.output;
    output.say(format!("  {}", counts(report)))?;
    if report.verified > 0 {
        let entries = count(report.verified, "entry", "entries");
        output.say(format!("  {entries} read back and found right"))?;
    }
    say_spared(context, report.spared)?;
    if report.skipped > 0 {
        let entries = count(report.skipped, "entry was", "entries were");
        let hint = "--conflict overwrite or newest replaces such";
        output.say(format!("  {entries} different there and stayed: {hint}"))?;
    }
    Ok(())
}

/// What `--delete` left alone.
pub fn say_spared(context: &Context, spared: u64) -> Result<(), Failure> {
    if spared == 0 {
        return Ok(());
    }
    let entries = count(spared, "entry", "entries");
    context.output.say(format!("  {entries} not deleted: backups here leave them out"))
}

/// What is not zero.
fn counts(report: &RestoreReport) -> String {
    let counts = [
        (report.created, "created"),
        (report.replaced, "replaced"),
        (report.metadata_changed, "with new metadata"),
        (report.same, "there already"),
        (report.skipped, "skipped"),
        (report.deleted, "deleted"),
        (report.failed, "failed"),
    ];
    let counts = counts.iter().filter(|(number, _)| *number > 0);
    let counts: Vec<_> =
        counts.map(|(number, word)| format!("{} {word}", grouped(*number))).collect();
    if counts.is_empty() { "nothing to do".to_owned() } else { counts.join(", ") }
}
