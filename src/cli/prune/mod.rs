//! `snap prune`

mod space;

pub use space::{SpaceFlags, free_space};

use super::ask;
use super::code::Code;
use super::context::Context;
use super::error::Failure;
use super::forgetting::{Decided, decide, forget_all, not_confirmed};
use super::open::open;
use super::retention::{Retention, RuleFlags};
use super::text::count;
use crate::repo::Repository;
use space::preview;

const AFTER_HELP: &str = "\
Examples:
  snap prune                       on cron: all that the policy says
  snap prune --dry-run             every snapshot, and why it stays or goes
  snap prune --keep-daily 7 --keep-weekly 4
  snap prune --space-only

Backups may go on meanwhile, also of other machines, and a prune may be killed
at any time: the next one goes on. It waits a while for writers that began
before it; what is still under way then is left to the next prune.";

/// Forget what the retention policy does not keep, then free the space.
///
/// First a policy is applied, as `snap forget` does: that of the --keep flags, else of the
/// profile, else the one that is stored in the repository. Then the space that no snapshot needs
/// any more is given back. At a terminal it asks first. With --space-only nothing is forgotten.
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
    #[command(flatten)]
    rules: RuleFlags,
    #[command(flatten)]
    space: SpaceFlags,
}

pub fn run(context: &Context, arguments: &Arguments) -> Result<Code, Failure> {
    if arguments.space_only && arguments.rules.are_given()? {
        return Err(Failure::usage("--space-only forgets nothing: rules and filters have no use"));
    }
    let repository = open(context)?;
    let decided = match arguments.space_only {
        true => Decided::default(),
        false => {
            let retention = retention(context, &repository, &arguments.rules)?;
            decide(context, &repository, &retention, arguments.dry_run)?
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
fn retention(
    context: &Context,
    repository: &Repository,
    flags: &RuleFlags,
) -> Result<Retention, Failure> {
    let retention = match flags.retention(context)? {
        Some(retention) => retention,
        None => flags.stored(repository)?,
    };
    let Retention { policy, origin, .. } = &retention;
    context.output.say("first snapshots are forgotten, then the space is freed")?;
    context.output.say(format!("the policy {origin}:"))?;
    context.output.say(format!("  {policy}"))?;
    Ok(retention)
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
