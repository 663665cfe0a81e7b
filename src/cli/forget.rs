//! `snap forget`

use super::asked::{Asked, find};
use super::code::Code;
use super::context::Context;
use super::error::Failure;
use super::forgetting::{Decided, decide, forget_all};
use super::open::open;
use super::prune::{self, SpaceFlags};
use super::retention::{Retention, RuleFlags};
use super::select::read_ledger;
use crate::model::Snapshot;
use crate::policy::Filter;
use crate::repo::Repository;
use std::ffi::OsString;
use std::sync::Arc;

const AFTER_HELP: &str = "\
Examples:
  snap forget 1a2b3c4d 5e6f7a8b
  snap forget --keep-last 10 --dry-run
  snap forget --keep-daily 7 --keep-monthly unlimited --host bot --prune

Without ids and flags the rules are those of the profile, if it has any. Rules
are applied to each group for itself, and a snapshot stays if any rule keeps
it. A policy that would keep nothing is refused. The space comes back with
`snap prune` (or --prune), which by itself also applies the policy that is
stored in the repository.";

/// Forget snapshots: those named, or those that no rule keeps.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Arguments {
    /// The snapshots to forget (ids, or latest)
    #[arg(value_name = "ID")]
    ids: Vec<OsString>,
    /// Forget nothing, show why each snapshot stays or goes
    #[arg(short = 'n', long)]
    dry_run: bool,
    /// Free the space afterwards
    #[arg(long)]
    prune: bool,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    rules: RuleFlags,
    #[command(flatten)]
    space: SpaceFlags,
}

pub fn run(context: &Context, arguments: &Arguments) -> Result<Code, Failure> {
    let retention = match arguments.ids.is_empty() {
        true => Some(retention(context, arguments)?),
        false if arguments.rules.are_given()? => {
            return Err(Failure::usage(
                "snapshots, and rules or filters for rules, were both given",
            )
            .hint("name snapshots, or give rules"));
        }
        false => None,
    };
    let repository = open(context)?;
    let decided = match &retention {
        Some(retention) => decide(context, &repository, retention, arguments.dry_run)?,
        None => named(context, &repository, arguments)?,
    };
    if decided.is_empty() {
        return Err(Failure::new(Code::Nothing, "no snapshot matches")
            .hint("`snap snapshots` shows those that are there"));
    }
    if !arguments.dry_run {
        forget_all(context, &repository, &decided, retention.is_some() && !arguments.yes)?;
    }
    match arguments.prune && !arguments.dry_run {
        true => prune::free_space(context, &repository, &arguments.space, &decided)?,
        false => context.output.object("summary", &decided.summary())?,
    }
    decided.code()
}

/// The rules that flags or the profile give.
fn retention(context: &Context, arguments: &Arguments) -> Result<Retention, Failure> {
    let retention = arguments.rules.retention(context)?.ok_or_else(|| {
        Failure::usage("nothing says what to forget").hint(
            "name snapshots, or rules such as --keep-daily 7; `snap prune` applies the stored \
             policy",
        )
    })?;
    if retention.is_of_profile {
        let Retention { policy, origin, .. } = &retention;
        context.output.say(format!("the policy {origin}: {policy}"))?;
    }
    Ok(retention)
}

fn named(
    context: &Context,
    repository: &Arc<Repository>,
    arguments: &Arguments,
) -> Result<Decided, Failure> {
    let ledger = read_ledger(context, repository)?;
    let mut snapshots: Vec<Snapshot> = Vec::new();
    for word in &arguments.ids {
        let snapshot = find(context, &ledger, &Asked::named(word), &Filter::default())?;
        if !snapshots.contains(snapshot) {
            snapshots.push(snapshot.clone());
        }
    }
    Decided::named(context, snapshots, ledger.live.len())
}
