//! `snap forget`

use super::code::Code;
use super::context::Context;
use super::error::Failure;
use super::forgetting::{Decided, decide, forget_all};
use super::keep::KeepFlags;
use super::open::open;
use super::prune::{self, SpaceFlags};
use super::select::{FilterFlags, find, read_ledger};
use crate::model::Snapshot;
use crate::policy::{Filter, GroupBy};
use crate::repo::Repository;
use std::ffi::OsString;
use std::sync::Arc;

const AFTER_HELP: &str = "\
Examples:
  snap forget 1a2b3c4d 5e6f7a8b
  snap forget --keep-last 10 --dry-run
  snap forget --keep-daily 7 --keep-monthly unlimited --host bot --prune

Rules are applied to each group for itself, and a snapshot stays if any rule keeps it. A
policy that would keep nothing is refused. The space comes back with `snap prune` (or
--prune), which by itself also applies the policy that is stored in the repository.";

/// Forget snapshots: those named, or those that no rule keeps.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Arguments {
    /// The snapshots to forget (ids, or latest)
    #[arg(value_name = "ID")]
    ids: Vec<OsString>,
    /// Apply the rules to each group of: host, paths, tags, joined by commas
    #[arg(long, value_name = "WHAT", default_value_t)]
    group_by: GroupBy,
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
    keep: KeepFlags,
    #[command(flatten)]
    filter: FilterFlags,
    #[command(flatten)]
    space: SpaceFlags,
}

pub fn run(context: &Context, arguments: &Arguments) -> Result<Code, Failure> {
    let policy = arguments.keep.policy()?;
    let filter = arguments.filter.filter()?;
    match (&policy, arguments.ids.is_empty()) {
        (None, true) => {
            return Err(Failure::usage("nothing says what to forget").hint(
                "name snapshots, or rules such as --keep-daily 7; `snap prune` applies the stored \
                 policy",
            ));
        }
        (Some(_), false) => {
            return Err(Failure::usage("snapshots and rules were both given")
                .hint("name snapshots, or give rules"));
        }
        _ => {}
    }
    let repository = open(context)?;
    let decided = match &policy {
        Some(policy) => {
            decide(context, &repository, policy, arguments.group_by, &filter, arguments.dry_run)?
        }
        None => named(context, &repository, arguments, &filter)?,
    };
    if decided.is_empty() {
        return Err(Failure::new(Code::Nothing, "no snapshot matches")
            .hint("`snap snapshots` shows those that are there"));
    }
    if !arguments.dry_run {
        forget_all(context, &repository, &decided, policy.is_some() && !arguments.yes)?;
    }
    match arguments.prune && !arguments.dry_run {
        true => prune::free_space(context, &repository, &arguments.space, &decided)?,
        false => context.output.object("summary", &decided.summary())?,
    }
    decided.code()
}

fn named(
    context: &Context,
    repository: &Arc<Repository>,
    arguments: &Arguments,
    filter: &Filter,
) -> Result<Decided, Failure> {
    if *filter != Filter::default() {
        return Err(Failure::usage("filters go with rules, not with ids"));
    }
    let ledger = read_ledger(context, repository)?;
    let mut snapshots: Vec<Snapshot> = Vec::new();
    for word in &arguments.ids {
        let snapshot = find(context, &ledger, Some(word), None, filter, &[])?;
        if !snapshots.contains(snapshot) {
            snapshots.push(snapshot.clone());
        }
    }
    Decided::named(context, snapshots, ledger.live.len())
}
