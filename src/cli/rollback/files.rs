//! Undoes a restore of files.

use crate::cli::context::Context;
use crate::cli::error::Failure;
use crate::cli::progress::Progress;
use crate::cli::restore::{RestoreSummary, list_step, print_counts};
use crate::cli::text::{count, grouped};
use crate::model::Snapshot;
use crate::ops::{
    DatabaseRollback, InPlaceOptions, InPlacePart, InPlaceReport, InPlaceRun, RestoreReport,
    RestoreStep, RollbackPlan, plan_rollback, rollback,
};
use crate::policy::{format_duration, format_size};
use crate::repo::Repository;
use std::sync::Arc;
use std::time::Duration;

/// What it would do; `lists` names each thing.
pub fn plan(
    context: &Context,
    repository: &Arc<Repository>,
    part: &InPlacePart,
    place: &InPlaceOptions,
    lists: bool,
) -> Result<RollbackPlan, Failure> {
    let progress = Progress::start(context);
    let step = |step: RestoreStep<'_>| {
        if lists {
            list_step(context, &step);
        }
    };
    let plan = plan_rollback(repository, &part.safety, place, &step, progress.monitor());
    drop(progress);
    Ok(plan?)
}

/// Whether there is something to be undone, as far as files tell: of databases there always is.
pub fn is_left(
    context: &Context,
    repository: &Arc<Repository>,
    run: &InPlaceRun,
    place: &InPlaceOptions,
) -> Result<bool, Failure> {
    for part in run.parts() {
        if DatabaseRollback::is_of_databases(&part.safety)
            || plan(context, repository, part, place, false)?.report.changes()
        {
            return Ok(true);
        }
    }
    Ok(false)
}

pub fn print_plan(context: &Context, plan: &RollbackPlan) -> Result<(), Failure> {
    let RestoreReport { created, replaced, metadata_changed, deleted, .. } = plan.report;
    let output = &context.output;
    output.say(format!(
        "  {} to bring back, {} to replace, {} with other metadata, {} to delete",
        grouped(created),
        grouped(replaced),
        grouped(metadata_changed),
        grouped(deleted),
    ))?;
    if plan.changed > 0 {
        let things = count(
            plan.changed,
            "thing that the restore made was",
            "things that the restore made were",
        );
        output.say(format!(
            "  {things} changed since: the rollback's own safety snapshot keeps such"
        ))?;
    }
    Ok(())
}

/// What it did, and the safety snapshot that it took.
pub fn perform(
    context: &Context,
    repository: &Arc<Repository>,
    part: &InPlacePart,
    place: &InPlaceOptions,
) -> Result<(RestoreReport, Option<Snapshot>), Failure> {
    let progress = Progress::start(context);
    let step = |step: RestoreStep<'_>| list_step(context, &step);
    let done = rollback(repository, &part.safety, place, &step, progress.monitor());
    let elapsed = progress.elapsed();
    drop(progress);
    let InPlaceReport { safety, mut report } = done?;
    report.matched = true;
    let mut message = summary(part, &report, elapsed, false);
    message.safety_snapshot_id = safety.as_ref().map(|safety| safety.id.hex());
    context.output.object("summary", &message)?;
    match &safety {
        None => context.output.say("nothing to do: every file is as it was before")?,
        Some(_) => {
            let (bytes, duration) = (format_size(report.bytes), format_duration(elapsed));
            context.output.say(format!("rolled back: {bytes} in {duration}"))?;
            print_counts(context, &report)?;
        }
    }
    Ok((report, safety))
}

pub fn summary(
    part: &InPlacePart,
    report: &RestoreReport,
    elapsed: Duration,
    dry_run: bool,
) -> RestoreSummary {
    RestoreSummary::of(report, part.safety.id, "/".to_owned(), dry_run, elapsed)
}
