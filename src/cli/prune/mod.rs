//! `snap prune`

mod space;

pub use space::{SpaceFlags, free_space};

use super::ask;
use super::code::Code;
use super::context::Context;
use super::error::Failure;
use super::forgetting::{Decided, decide, forget_all, not_confirmed};
use super::keep::KeepFlags;
use super::open::open;
use super::select::FilterFlags;
use super::text::count;
use crate::policy::{Filter, GroupBy, Policy};
use crate::repo::Repository;
use crate::settings::policy_from_pairs;
use space::preview;

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
    #[arg(long)]
    space_only: bool,
    /// Change nothing, show what would be done and why
    #[arg(short = 'n', long)]
    dry_run: bool,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    /// Apply the rules to each group of: host, paths, tags, joined by commas
    #[arg(long, value_name = "WHAT", default_value_t)]
    group_by: GroupBy,
    #[command(flatten)]
    keep: KeepFlags,
    #[command(flatten)]
    filter: FilterFlags,
    #[command(flatten)]
    space: SpaceFlags,
}

pub fn run(context: &Context, arguments: &Arguments) -> Result<Code, Failure> {
    let flags = arguments.keep.policy()?;
    let filter = arguments.filter.filter()?;
    if arguments.space_only && (flags.is_some() || filter != Filter::default()) {
        return Err(Failure::usage("--space-only forgets nothing: rules and filters have no use"));
    }
    let repository = open(context)?;
    let decided = match arguments.space_only {
        true => Decided::default(),
        false => {
            let policy = policy(context, &repository, flags)?;
            let by = arguments.group_by;
            decide(context, &repository, &policy, by, &filter, arguments.dry_run)?
        }
    };
    if arguments.dry_run {
        preview(context, &repository, &arguments.space, &decided)?;
    } else {
        confirm(context, arguments, &decided)?;
        forget_all(context, &repository, &decided, false)?;
        free_space(context, &repository, &arguments.space, &decided)?;
    }
    decided.code()
}

/// The policy to apply; says first which one that is.
fn policy(
    context: &Context,
    repository: &Repository,
    flags: Option<Policy>,
) -> Result<Policy, Failure> {
    let (policy, origin) = match flags {
        Some(policy) => (policy, "given by flags"),
        None => (stored_policy(repository)?, "stored in the repository"),
    };
    context.output.say(format!("first the policy {origin}: {policy}; then the space is freed"))?;
    Ok(policy)
}

fn stored_policy(repository: &Repository) -> Result<Policy, Failure> {
    let policy = policy_from_pairs(&repository.config().retention)?;
    policy.check().map_err(|error| {
        Failure::usage(error).hint("give --keep-… flags, or --space-only to forget nothing")
    })?;
    Ok(policy)
}

fn confirm(context: &Context, arguments: &Arguments, decided: &Decided) -> Result<(), Failure> {
    let forgotten = decided.forgotten.len() as u64;
    if arguments.yes || forgotten == 0 || !ask::is_possible() {
        return Ok(());
    }
    let snapshots = count(forgotten, "snapshot", "snapshots");
    match ask::confirm(&format!("forget {snapshots} and free the space?"), &context.stop)? {
        true => Ok(()),
        false => Err(not_confirmed()),
    }
}
