//! `snap rollback`

mod databases;
mod list;

use super::ask;
use super::code::Code;
use super::context::Context;
use super::error::Failure;
use super::forgetting::not_confirmed;
use super::open::open;
use super::progress::Progress;
use super::restore::{RestoreSummary, code_of, list_step, place_options, print_counts};
use super::select::read_ledger;
use super::text::{count, grouped, readable, time_with_zone};
use crate::model::SessionId;
use crate::ops::{
    DatabaseRollback, InPlaceOptions, InPlaceReport, InPlaceRun, RestoreReport, RestoreStep,
    RollbackPlan, list_in_place, newest_to_undo, plan_rollback, rollback,
};
use crate::policy::{format_duration, format_size};
use crate::repo::Repository;
use std::sync::Arc;
use std::time::Duration;

/// Places that are named in one line.
const SHOWN: usize = 3;

const AFTER_HELP: &str = "\
Examples:
  snap rollback --list             what can be undone
  snap rollback                    the newest restore in place
  snap rollback --dry-run -v       what that would do, thing by thing
  snap rollback 1a2b3c4d --yes     that one, without asking

What the restore replaced, deleted or gave other metadata becomes what it was;
what it made goes, also where it was changed since. What else is there stays.
A rollback takes a safety snapshot, too: it can be undone by naming that.

Of databases: documents that the restore changed become what they were, those
that it added go, collections that were not there are dropped. Other documents
stay. Where the server needs a password, --to or the profile names it.

A restore or rollback that was killed can be run again, or rolled back. Safety
snapshots are kept for 30 days; `snap restore ID:PATH --target DIR` gets
single things out of them.";

/// Undo a restore in place.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Arguments {
    /// The safety snapshot of the restore to undo [default: the newest that is not undone]
    #[arg(value_name = "ID")]
    id: Option<String>,
    /// The server, for a restore of databases [default: where they were restored, as the profile
    /// or else the safety snapshot names it]
    #[arg(long, value_name = "ADDRESS")]
    to: Option<String>,
    /// Show the restores in place and rollbacks of this host
    #[arg(long, conflicts_with_all = ["id", "dry_run", "yes", "to"])]
    list: bool,
    /// Change nothing, show what would be done (-v lists it)
    #[arg(short = 'n', long)]
    dry_run: bool,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

pub fn run(context: &Context, arguments: &Arguments) -> Result<Code, Failure> {
    if !(arguments.list || arguments.dry_run || arguments.yes || ask::is_possible()) {
        let id = arguments.id.as_ref().map(|id| format!(" {id}")).unwrap_or_default();
        return Err(Failure::usage("a rollback needs --yes where nobody can be asked")
            .hint(format!("`snap rollback{id} --dry-run` shows what it would do")));
    }
    let repository = open(context)?;
    let ledger = read_ledger(context, &repository)?;
    let place = place_options(context, &repository)?;
    let runs = list_in_place(&repository, &ledger, &place)?;
    if arguments.list {
        return list::print(context, &runs);
    }
    let run = chosen(arguments, &runs)?;
    if DatabaseRollback::is_of_databases(&run.safety) {
        return databases::run(context, arguments, &repository, run, &place);
    }
    announce(context, run)?;
    if !arguments.yes || arguments.dry_run {
        let plan = plan(context, arguments, &repository, run, &place)?;
        print_plan(context, &plan)?;
        if arguments.dry_run {
            context.output.object("summary", &summary(run, &plan.report, Duration::ZERO, true))?;
            context.output.say("dry run: nothing was changed")?;
            return Ok(Code::Done);
        }
        if plan.report.changes() && !ask::confirm("roll back?", &context.stop)? {
            return Err(not_confirmed());
        }
    }
    perform(context, &repository, run, &place)
}

/// The one that is named, or the newest.
fn chosen<'a>(arguments: &Arguments, runs: &'a [InPlaceRun]) -> Result<&'a InPlaceRun, Failure> {
    let Some(text) = &arguments.id else {
        return newest_to_undo(runs).ok_or_else(|| {
            Failure::new(Code::Nothing, "there is no restore in place to undo on this host")
                .hint("`snap rollback --list` shows those that are undone, and rollbacks")
        });
    };
    let text = text.to_ascii_lowercase();
    let is_id = text.len() >= 4 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_id {
        return Err(Failure::usage(format!("{text:?} is no id"))
            .hint("write one as `snap rollback --list` shows them (at least four digits)"));
    }
    let begins = |id: SessionId| id.hex().starts_with(&text);
    let mut found = runs.iter().filter(|run| begins(run.safety.id));
    match (found.next(), found.next()) {
        (Some(run), None) => Ok(run),
        (None, _) => {
            let message = format!("there is no safety snapshot {text} of this host");
            Err(Failure::new(Code::Nothing, message)
                .hint("`snap rollback --list` shows what can be undone"))
        }
        (Some(_), Some(_)) => Err(Failure::usage(format!("several ids begin with {text}"))
            .hint("write more digits of the one you mean")),
    }
}

fn announce(context: &Context, run: &InPlaceRun) -> Result<(), Failure> {
    let begun = time_with_zone(run.safety.begun, context.now.time_zone());
    let sources = run.safety.sources.iter().map(|source| readable(&source.address));
    let shown: Vec<_> = sources.take(SHOWN).collect();
    let more = match run.safety.sources.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let (what, from, paths) = (list::word(run), run.origin.from.short(), shown.join(" "));
    context.output.line(format!("undoes the {what} {from} of {begun}: {paths}{more}"))
}

fn plan(
    context: &Context,
    arguments: &Arguments,
    repository: &Arc<Repository>,
    run: &InPlaceRun,
    place: &InPlaceOptions,
) -> Result<RollbackPlan, Failure> {
    let progress = Progress::start(context);
    let step = |step: RestoreStep<'_>| {
        if arguments.dry_run {
            list_step(context, &step);
        }
    };
    let plan = plan_rollback(repository, &run.safety, place, &step, progress.monitor());
    drop(progress);
    Ok(plan?)
}

fn print_plan(context: &Context, plan: &RollbackPlan) -> Result<(), Failure> {
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

fn perform(
    context: &Context,
    repository: &Arc<Repository>,
    run: &InPlaceRun,
    place: &InPlaceOptions,
) -> Result<Code, Failure> {
    let progress = Progress::start(context);
    let step = |step: RestoreStep<'_>| list_step(context, &step);
    let done = rollback(repository, &run.safety, place, &step, progress.monitor());
    let elapsed = progress.elapsed();
    drop(progress);
    let InPlaceReport { safety, mut report } = done?;
    report.matched = true;
    let mut message = summary(run, &report, elapsed, false);
    message.safety_snapshot_id = safety.as_ref().map(|safety| safety.id.hex());
    context.output.object("summary", &message)?;
    let output = &context.output;
    match &safety {
        None => output.say("nothing to do: everything is as it was before")?,
        Some(safety) => {
            let (bytes, duration) = (format_size(report.bytes), format_duration(elapsed));
            output.say(format!("rolled back: {bytes} in {duration}"))?;
            print_counts(context, &report)?;
            let id = safety.id.short();
            output.say(format!("`snap rollback {id}` undoes this rollback"))?;
        }
    }
    code_of(&report)
}

fn summary(
    run: &InPlaceRun,
    report: &RestoreReport,
    elapsed: Duration,
    dry_run: bool,
) -> RestoreSummary {
    RestoreSummary::of(report, run.safety.id, "/".to_owned(), dry_run, elapsed)
}
