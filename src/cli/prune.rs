//! `snap prune`

use super::ask;
use super::code::Code;
use super::context::Context;
use super::error::Failure;
use super::forgetting::{Decided, decide, forget_all, not_confirmed};
use super::keep::KeepFlags;
use super::open::{open, this_writer};
use super::progress::Progress;
use super::select::FilterFlags;
use super::text::count;
use crate::model::SessionId;
use crate::ops::{
    PruneOptions, PrunePlan, PruneReport, Thrift, is_dead_process, plan_prune, prune,
};
use crate::policy::{GroupBy, Policy, format_duration, format_size};
use crate::repo::Repository;
use crate::settings::policy_from_pairs;
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;

const AFTER_HELP: &str = "\
Examples:
  snap prune                       on cron: all that the stored policy says
  snap prune --dry-run             every snapshot, and why it stays or goes
  snap prune --keep-daily 7 --keep-weekly 4
  snap prune --space-only

Backups may go on meanwhile, also of other machines, and a prune may be killed at any
time: the next one goes on. It waits a while for writers that began before it; what is
still under way then is left to the next prune.";

/// Forget what the retention policy does not keep, then free the space.
///
/// First the policy that is stored in the repository (or the --keep flags in its place) is
/// applied, as `snap forget` does; then the space that no snapshot needs any more is given back.
/// At a terminal it asks first. With --space-only nothing is forgotten.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Arguments {
    /// Forget nothing, free the space only
    #[arg(long, conflicts_with_all = ["KeepFlags", "FilterFlags", "group_by"])]
    space_only: bool,
    #[command(flatten)]
    keep: KeepFlags,
    #[command(flatten)]
    filter: FilterFlags,
    /// Apply the rules to each group of: host, paths, tags, joined by commas
    #[arg(long, value_name = "WHAT", default_value_t)]
    group_by: GroupBy,
    /// Change nothing, show what would be done and why
    #[arg(short = 'n', long)]
    dry_run: bool,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    space: SpaceFlags,
}

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
}

pub fn run(context: &Context, arguments: &Arguments) -> Result<Code, Failure> {
    let repository = open(context)?;
    let decided = match arguments.space_only {
        true => None,
        false => Some(decide_by_policy(context, arguments, &repository)?),
    };
    if arguments.dry_run {
        preview(context, &repository)?;
    } else {
        confirm(context, arguments, decided.as_ref())?;
        if let Some(decided) = &decided {
            forget_all(context, &repository, decided, false)?;
        }
        free_space(context, &repository, &arguments.space)?;
    }
    // A repository without snapshots has space to free, too.
    let code = decided.map_or(Ok(Code::Done), |decided| decided.code(context))?;
    Ok(if code == Code::Nothing { Code::Done } else { code })
}

/// Says first which policy is applied.
fn decide_by_policy(
    context: &Context,
    arguments: &Arguments,
    repository: &Repository,
) -> Result<Decided, Failure> {
    let (policy, origin) = match arguments.keep.policy()? {
        Some(policy) => (policy, "given by flags"),
        None => (stored_policy(repository)?, "stored in the repository"),
    };
    context.output.say(format!("first the policy {origin}: {policy}; then the space is freed"))?;
    let filter = arguments.filter.filter()?;
    decide(context, repository, &policy, arguments.group_by, &filter, arguments.dry_run)
}

fn stored_policy(repository: &Repository) -> Result<Policy, Failure> {
    let policy = policy_from_pairs(&repository.config().retention)?;
    policy.check().map_err(|error| {
        Failure::usage(error).hint("give --keep-… flags, or --space-only to forget nothing")
    })?;
    Ok(policy)
}

fn confirm(
    context: &Context,
    arguments: &Arguments,
    decided: Option<&Decided>,
) -> Result<(), Failure> {
    let forgotten = decided.map_or(0, |decided| decided.forgotten.len() as u64);
    if arguments.yes || forgotten == 0 || !ask::is_possible() {
        return Ok(());
    }
    let snapshots = count(forgotten, "snapshot", "snapshots");
    match ask::confirm(&format!("forget {snapshots} and free the space?"), &context.stop)? {
        true => Ok(()),
        false => Err(not_confirmed()),
    }
}

#[derive(Serialize)]
struct PlanMessage {
    dry_run: bool,
    packs: u64,
    bytes: u64,
    packs_deleted: u64,
    bytes_freed: u64,
    packs_rewritten: u64,
    bytes_rewritten: u64,
    bytes_left: u64,
    bytes_under_way: u64,
}

/// What freeing space would do now.
fn preview(context: &Context, repository: &Arc<Repository>) -> Result<(), Failure> {
    let progress = Progress::start(context);
    let plan = plan_prune(repository, Thrift::STANDARD, progress.monitor().as_ref());
    drop(progress);
    let plan = plan?;
    let PrunePlan { packs, bytes, packs_rewritten, bytes_rewritten, bytes_left, .. } = plan;
    let bytes_freed = plan.bytes_dead + bytes_rewritten.saturating_sub(plan.bytes_copied);
    let bytes_under_way = plan.bytes_under_way;
    let packs_deleted = plan.packs_dead + packs_rewritten;
    let message = PlanMessage {
        dry_run: true,
        packs,
        bytes,
        packs_deleted,
        bytes_freed,
        packs_rewritten,
        bytes_rewritten,
        bytes_left,
        bytes_under_way,
    };
    context.output.object("summary", &message)?;
    context.output.say(format!(
        "dry run: nothing was changed; {} of {} could be freed as things are ({}, {} rewritten)",
        format_size(bytes_freed),
        format_size(bytes),
        count(plan.packs_dead, "pack deleted", "packs deleted"),
        packs_rewritten,
    ))
}

#[derive(Serialize)]
struct Summary<'a> {
    packs_deleted: u64,
    bytes_freed: u64,
    packs_rewritten: u64,
    bytes_copied: u64,
    bytes_left: u64,
    waiting_for: &'a [String],
    sessions_fenced: u64,
    missing_blobs: u64,
    total_duration: f64,
}

/// Frees the space that no snapshot needs.
pub fn free_space(
    context: &Context,
    repository: &Arc<Repository>,
    flags: &SpaceFlags,
) -> Result<(), Failure> {
    let options = PruneOptions {
        writer: this_writer(),
        is_dead: &is_dead_process,
        named_dead: flags.dead.clone(),
        patience: Duration::from_secs(u64::from(flags.wait.unwrap_or(5)) * 60),
        pause: &std::thread::sleep,
        thrift: Thrift::STANDARD,
    };
    let progress = Progress::start(context);
    let report = prune(repository, &options, &progress.monitor());
    let elapsed = progress.elapsed();
    drop(progress);
    let report = report?;
    context.output.object("summary", &summary(&report, elapsed))?;
    print(context, &report, elapsed)
}

fn summary(report: &PruneReport, elapsed: Duration) -> Summary<'_> {
    Summary {
        packs_deleted: report.packs_deleted,
        bytes_freed: freed(report),
        packs_rewritten: report.packs_rewritten,
        bytes_copied: report.bytes_copied,
        bytes_left: report.bytes_left,
        waiting_for: &report.waiting_for,
        sessions_fenced: report.fenced,
        missing_blobs: report.missing,
        total_duration: elapsed.as_secs_f64(),
    }
}

/// What was copied before it was deleted takes its place again.
fn freed(report: &PruneReport) -> u64 {
    report.bytes_deleted.saturating_sub(report.bytes_copied)
}

fn print(context: &Context, report: &PruneReport, elapsed: Duration) -> Result<(), Failure> {
    let output = &context.output;
    output.say(format!(
        "freed {}: {} in {}",
        format_size(freed(report)),
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
                .hint("`snap check` names the files; another backup may bring them back"))
        }
    }
}
