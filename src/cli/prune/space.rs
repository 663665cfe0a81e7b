//! Freeing space, and what came of it, for people and as JSON.

use crate::cli::code::Code;
use crate::cli::context::Context;
use crate::cli::error::Failure;
use crate::cli::forgetting::{Decided, ForgetSummary};
use crate::cli::open::this_writer;
use crate::cli::progress::Progress;
use crate::cli::text::count;
use crate::model::SessionId;
use crate::ops::{
    LogPruneReport, PlanOptions, PruneOptions, PrunePlan, PruneReport, Thrift, is_dead_process,
    merge_log, plan_prune, plan_prune_log, prune, prune_log,
};
use crate::policy::{Span, format_duration, format_size};
use crate::repo::Repository;
use crate::settings::Profile;
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;

/// How space is freed.
#[derive(clap::Args, Debug, Clone, Default)]
#[command(next_help_heading = "Freeing space")]
pub struct SpaceFlags {
    /// Wait so many minutes for backups under way [default: 5]
    #[arg(long, value_name = "MINUTES")]
    wait: Option<u32>,
    /// This session is dead: do not wait for it (a wrong guess costs its work, nothing else)
    #[arg(long, value_name = "ID")]
    dead: Vec<SessionId>,
    /// Keep the change log of databases for so long, and back to the snapshot before that
    /// [default: the profile's, or 14d]
    #[arg(long, value_name = "TIME")]
    keep_log: Option<Span>,
    /// Nobody else writes now, take my word: for stores that do not keep names unique
    #[arg(long)]
    alone: bool,
}

/// What freeing space would do.
#[derive(Serialize)]
struct PlanSummary {
    dry_run: bool,
    #[serde(flatten)]
    forgetting: ForgetSummary,
    packs_deleted: u64,
    bytes_freed: u64,
    packs_rewritten: u64,
    bytes_copied: u64,
    bytes_left: u64,
    bytes_under_way: u64,
    total_packs: u64,
    total_bytes: u64,
    #[serde(flatten)]
    log: LogSummary,
}

/// What becomes of the change log.
#[derive(Serialize)]
struct LogSummary {
    log_objects_deleted: u64,
    log_bytes_freed: u64,
    log_objects_merged: u64,
}

impl From<&LogPruneReport> for LogSummary {
    fn from(report: &LogPruneReport) -> Self {
        Self {
            log_objects_deleted: report.deleted,
            log_bytes_freed: report.bytes,
            log_objects_merged: report.merged.replaced,
        }
    }
}

/// Where nobody says otherwise.
const KEEP_LOG: Span = Span::days(14);

impl SpaceFlags {
    fn keep_log(&self, context: &Context) -> Result<Span, Failure> {
        let said = context.profile()?.and_then(Profile::keep_log);
        Ok(self.keep_log.or(said).unwrap_or(KEEP_LOG))
    }
}

impl PlanSummary {
    fn new(plan: &PrunePlan, forgetting: ForgetSummary, log: &LogPruneReport) -> Self {
        Self {
            dry_run: true,
            forgetting,
            packs_deleted: plan.packs_dead + plan.packs_rewritten,
            bytes_freed: plan.bytes_freed,
            packs_rewritten: plan.packs_rewritten,
            bytes_copied: plan.bytes_copied,
            bytes_left: plan.bytes_left,
            bytes_under_way: plan.bytes_under_way,
            total_packs: plan.packs,
            total_bytes: plan.bytes,
            log: log.into(),
        }
    }
}

pub fn preview(
    context: &Context,
    repository: &Arc<Repository>,
    flags: &SpaceFlags,
    decided: &Decided,
) -> Result<(), Failure> {
    let progress = Progress::start(context);
    let options = PlanOptions {
        thrift: Thrift::STANDARD,
        forgotten: decided.forgotten.iter().map(|snapshot| snapshot.id).collect(),
        is_dead: &|session| flags.dead.contains(&session.id) || is_dead_process(session),
    };
    let plan = plan_prune(repository, &options, progress.monitor().as_ref());
    let keep = flags.keep_log(context)?;
    let log = plan_prune_log(repository, keep, &context.now, &options.forgotten);
    drop(progress);
    let log = log?;
    let summary = PlanSummary::new(&plan?, decided.summary(), &log);
    context.output.object("summary", &summary)?;
    context.output.say(format!(
        "dry run: nothing was changed; {} of {} would be freed: {}, {} written anew",
        format_size(summary.bytes_freed),
        format_size(summary.total_bytes),
        count(summary.packs_deleted, "pack deleted", "packs deleted"),
        summary.packs_rewritten,
    ))?;
    print_log(context, &log, ["would be deleted", "would be merged"])?;
    match summary.bytes_under_way {
        0 => Ok(()),
        bytes => context
            .output
            .say(format!("  {} of writers under way are not looked at", format_size(bytes))),
    }
}

#[derive(Serialize)]
struct Summary<'a> {
    #[serde(flatten)]
    forgetting: ForgetSummary,
    packs_deleted: u64,
    bytes_freed: u64,
    packs_rewritten: u64,
    bytes_copied: u64,
    bytes_left: u64,
    waiting_for: &'a [String],
    sessions_fenced: u64,
    missing_blobs: u64,
    #[serde(flatten)]
    log: LogSummary,
    total_duration: f64,
}

/// Frees the space that no snapshot needs.
pub fn free_space(
    context: &Context,
    repository: &Arc<Repository>,
    flags: &SpaceFlags,
    decided: &Decided,
) -> Result<(), Failure> {
    let options = PruneOptions {
        writer: this_writer(),
        is_dead: &is_dead_process,
        named_dead: flags.dead.clone(),
        patience: Duration::from_secs(u64::from(flags.wait.unwrap_or(5)) * 60),
        pause: &std::thread::sleep,
        thrift: Thrift::STANDARD,
        alone: flags.alone,
    };
    let keep = flags.keep_log(context)?;
    let progress = Progress::start(context);
    let mut log = prune_log(repository, keep, &context.now)?;
    let report = prune(repository, &options, &progress.monitor());
    let elapsed = progress.elapsed();
    drop(progress);
    let report = report?;
    log.merged = merge_log(repository)?;
    context.output.object("summary", &summary(decided, &report, &log, elapsed))?;
    print_log(context, &log, ["deleted", "merged"])?;
    print(context, &report, elapsed)
}

fn summary<'a>(
    decided: &Decided,
    report: &'a PruneReport,
    log: &LogPruneReport,
    elapsed: Duration,
) -> Summary<'a> {
    Summary {
        forgetting: decided.summary(),
        packs_deleted: report.packs_deleted,
        bytes_freed: report.bytes_freed,
        packs_rewritten: report.packs_rewritten,
        bytes_copied: report.bytes_copied,
        bytes_left: report.bytes_left,
        waiting_for: &report.waiting_for,
        sessions_fenced: report.fenced,
        missing_blobs: report.missing,
        log: log.into(),
        total_duration: elapsed.as_secs_f64(),
    }
}

/// Nothing where there is no log, or nothing to do.
fn print_log(
    context: &Context,
    report: &LogPruneReport,
    [deleted, merged]: [&str; 2],
) -> Result<(), Failure> {
    let objects = |number| count(number, "object", "objects");
    if report.deleted > 0 {
        let bytes = format_size(report.bytes);
        context
            .output
            .say(format!("change log: {} {deleted}, {bytes}", objects(report.deleted)))?;
    }
    match report.merged.replaced {
        0 => Ok(()),
        number => context.output.say(format!("change log: {} {merged}", objects(number))),
    }
}

fn print(context: &Context, report: &PruneReport, elapsed: Duration) -> Result<(), Failure> {
    let output = &context.output;
    output.say(format!(
        "freed {}: {} in {}",
        format_size(report.bytes_freed),
        count(report.packs_deleted, "pack deleted", "packs deleted"),
        format_duration(elapsed),
    ))?;
    if report.packs_rewritten > 0 {
        let packs = count(report.packs_rewritten, "pack", "packs");
        let bytes = format_size(report.bytes_copied);
        output.say(format!("  {bytes} that is still needed of {packs} was written anew"))?;
    }
    if report.fenced > 0 {
        let sessions = count(report.fenced, "dead session", "dead sessions");
        output.say(format!("  {sessions} shut out"))?;
    }
    for writer in &report.waiting_for {
        output.say(format!("  left to the next prune, for it is under way: {writer}"))?;
    }
    match report.missing {
        0 => Ok(()),
        missing => {
            let blobs = count(missing, "blob", "blobs");
            Err(Failure::new(Code::Damage, format!("{blobs} that snapshots need are missing"))
                .hint("`snap check` names the files, and says what brings them back"))
        }
    }
}
