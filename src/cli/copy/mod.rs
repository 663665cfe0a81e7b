//! `snap copy`

mod report;

use super::asked::{Asked, find};
use super::code::Code;
use super::context::Context;
use super::error::Failure;
use super::open::{open, this_writer};
use super::open_other::{Other, OtherFlags};
use super::progress::Progress;
use super::select::{FilterFlags, read_ledger};
use super::text::count;
use crate::model::{SessionId, Snapshot, SnapshotKind};
use crate::ops::{CopyOptions, CopyPlan, LogCopyReport, copy, copy_log, estimate_copy, plan_copy};
use crate::policy::Filter;
use crate::repo::{Ledger, Repository};
use crate::settings::policy_from_pairs;
use report::{Ended, print_copied, print_estimate, print_present, print_report};
use std::collections::HashSet;
use std::ffi::OsString;
use std::sync::Arc;

const AFTER_HELP: &str = "\
Examples:
  snap copy --to /mnt/usb/snap --init      everything, to a new repository
  snap copy --to /mnt/usb/snap --to-key-file usb.key --host bot
  snap copy --to /mnt/usb/snap --dry-run latest

What is there already is not copied again, be it a snapshot or a part of one:
so the same command on cron keeps the other repository up to date. A copy that
was interrupted goes on where it was. Every byte is verified on its way.
Times, host and tags stay; the id is another one. Without ids and filters the
change log of databases (`snap log`) goes with it.

Where the other repository has a policy of its own, and is pruned by it,
--by-policy leaves out what would be forgotten there at once.

A repository that --init makes cuts files as this one does, so that backups
straight into it share what was copied. It gets this one's settings and a key
of its own.";

/// Copy snapshots to another repository.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Arguments {
    /// Only these snapshots (ids, or latest); without any, all but safety snapshots
    #[arg(value_name = "ID")]
    ids: Vec<OsString>,
    /// Make the other repository if there is none
    #[arg(long)]
    init: bool,
    /// Only those that the policy stored in the other repository will keep there
    #[arg(long)]
    by_policy: bool,
    /// Copy nothing, say what would be copied
    #[arg(short = 'n', long)]
    dry_run: bool,
    #[command(flatten)]
    other: OtherFlags,
    #[command(flatten)]
    filter: FilterFlags,
}

pub fn run(context: &Context, arguments: &Arguments) -> Result<Code, Failure> {
    let other = arguments.other.locate(context)?;
    let filter = arguments.filter.filter()?;
    let source = open(context)?;
    let ledger = read_ledger(context, &source)?;
    let chosen = chosen(context, &ledger, &filter, &arguments.ids)?;
    if chosen.is_empty() && (filter != Filter::default() || !arguments.ids.is_empty()) {
        return Err(Failure::new(Code::Nothing, "no snapshot matches")
            .hint("`snap snapshots` shows those that are there"));
    }
    let target = target(context, &other, arguments, &source)?;
    let there = match &target {
        Some(target) => read_ledger(context, target)?.live,
        None => Vec::new(),
    };
    let mut plan = plan_copy(&ledger, &chosen, &there);
    if arguments.by_policy {
        apply_policy(context, &mut plan, target.as_ref().unwrap_or(&source), &there)?;
    }
    print_present(context, &plan, !arguments.ids.is_empty())?;
    let unreadable = ledger.unreadable.len() as u64;
    match &target {
        Some(target) if !arguments.dry_run => {
            // Who names what is to be copied wants that and nothing else.
            let with_log = arguments.ids.is_empty() && filter == Filter::default();
            perform(context, &source, target, &plan, unreadable, with_log)
        }
        target => estimate(context, &source, target.as_ref(), &plan, unreadable),
    }
}

/// Those that are named, or all backups; of these, what the filter lets through.
fn chosen(
    context: &Context,
    ledger: &Ledger,
    filter: &Filter,
    ids: &[OsString],
) -> Result<HashSet<SessionId>, Failure> {
    let is_backup = |snapshot: &&Snapshot| snapshot.kind == SnapshotKind::Backup;
    let named: Vec<&Snapshot> = match ids {
        [] => ledger.live.iter().filter(is_backup).collect(),
        ids => {
            let named = ids.iter().map(|word| find(context, ledger, &Asked::named(word), filter));
            named.collect::<Result<_, _>>()?
        }
    };
    let named = named.into_iter().filter(|snapshot| filter.matches(snapshot));
    Ok(named.map(|snapshot| snapshot.id).collect())
}

/// The other repository; made if it is to be. `None` for a dry run into one that is not made yet.
fn target(
    context: &Context,
    other: &Other,
    arguments: &Arguments,
    source: &Repository,
) -> Result<Option<Arc<Repository>>, Failure> {
    let target = match (arguments.init && !other.exists()?, arguments.dry_run) {
        (true, true) => return Ok(None),
        (true, false) => other.make(context, source)?,
        (false, _) => other.open(context)?,
    };
    if target.id() == source.id() {
        return Err(Failure::usage("a repository cannot be copied into itself")
            .hint("--to names the same repository as -r, or a copy of its files: make another"));
    }
    if !target.cuts_like(source) && !context.output.is_quiet() {
        let why = "it cuts files elsewhere: what is copied there shares little with backups made \
                   straight into it; one that --init makes does not";
        context.output.note(&target.storage().address(), why);
    }
    Ok(Some(target))
}

/// `--by-policy`. A repository that is still to be made will have the policy of this one.
fn apply_policy(
    context: &Context,
    plan: &mut CopyPlan,
    target: &Repository,
    there: &[Snapshot],
) -> Result<(), Failure> {
    let policy = policy_from_pairs(&target.config().retention)?;
    let number = plan.apply(&policy, there, &context.now);
    if number > 0 {
        let snapshots = count(number, "snapshot is", "snapshots are");
        context.output.say(format!("{snapshots} left out: the policy there keeps {policy}"))?;
    }
    Ok(())
}

fn perform(
    context: &Context,
    source: &Arc<Repository>,
    target: &Arc<Repository>,
    plan: &CopyPlan,
    unreadable: u64,
    with_log: bool,
) -> Result<Code, Failure> {
    let progress = Progress::start(context);
    let mut printed = Ok(());
    let mut copied = |old: &Snapshot, new: &Snapshot| {
        if printed.is_ok() {
            printed = print_copied(context, old, new);
        }
    };
    let options = CopyOptions { writer: this_writer() };
    let report = copy(source, target, plan, &options, &mut copied, progress.monitor());
    let log = match (&report, with_log) {
        (Ok(_), true) => copy_log(source, target, progress.monitor().as_ref()),
        _ => Ok(LogCopyReport::default()),
    };
    let elapsed = progress.elapsed();
    drop(progress);
    let (report, log) = (report?, log?);
    printed?;
    if log.objects > 0 {
        let objects = count(log.objects, "object", "objects");
        context.output.say(format!("change log: {objects} copied"))?;
    }
    let present = plan.present.len() as u64;
    print_report(context, &report, &Ended { present, unreadable, elapsed })
}

fn estimate(
    context: &Context,
    source: &Arc<Repository>,
    target: Option<&Arc<Repository>>,
    plan: &CopyPlan,
    unreadable: u64,
) -> Result<Code, Failure> {
    let progress = Progress::start(context);
    let estimate = estimate_copy(source, target, &plan.wanted, progress.monitor().as_ref());
    let elapsed = progress.elapsed();
    drop(progress);
    let present = plan.present.len() as u64;
    print_estimate(context, &estimate?, plan, &Ended { present, unreadable, elapsed })
}
