//! Back to where things came from: the plan, the question, the restore.

use super::Arguments;
use super::flags::ConflictFlag;
use super::report::{PlanMessage, Summary, list, print_counts, say_spared};
use crate::cli::ask;
use crate::cli::code::Code;
use crate::cli::context::Context;
use crate::cli::error::Failure;
use crate::cli::forgetting::not_confirmed;
use crate::cli::open::{locate, this_writer};
use crate::cli::progress::Progress;
use crate::cli::table::{Cell, Table};
use crate::cli::text::{count, grouped, shell_word};
use crate::cli::version::PROGRAM;
use crate::files::Rules;
use crate::model::Snapshot;
use crate::ops::{
    Conflict, InPlaceOptions, InPlaceReport, RestoreOptions, RestorePlan, RestoreReport,
    RestoreStep, plan_in_place, restore_in_place,
};
use crate::policy::{format_duration, format_size};
use crate::repo::Repository;
use crate::settings::{Profile, this_host};
use std::ffi::OsString;
use std::sync::Arc;
use std::time::Duration;

/// The strategies, by their names.
const STRATEGIES: [(&str, Conflict); 3] =
    [("skip", Conflict::Skip), ("overwrite", Conflict::Overwrite), ("newest", Conflict::Newest)];

/// Scripts must say that they mean it, before anything is looked at. (Which strategy must be said
/// only if they differ.)
pub fn require_decision(arguments: &Arguments) -> Result<(), Failure> {
    match arguments.dry_run || arguments.yes || ask::is_possible() {
        true => Ok(()),
        false => Err(undecided(arguments, "--yes where nobody can be asked")),
    }
}

fn undecided(arguments: &Arguments, missing: &str) -> Failure {
    let message = format!("a restore in place needs {missing}");
    let at = arguments.at.iter().flat_map(|time| [OsString::from("--at"), time.into()]);
    let words: Vec<OsString> = at.chain(arguments.words.iter().cloned()).collect();
    let words: Vec<_> = words.iter().map(|word| shell_word(word)).collect();
    let words = words.join(" ");
    Failure::usage(message).hint(format!(
        "`snap restore {words} --dry-run` shows what each --conflict would do: add one where \
         something else is there (skip, overwrite or newest), and --yes; or name a folder with \
         --target DIR"
    ))
}

/// What restores in place and rollbacks need.
pub fn place_options(
    context: &Context,
    repository: &Repository,
) -> Result<InPlaceOptions, Failure> {
    let places = context.places()?;
    let own = [
        locate(context)?.map(|located| located.path),
        context.cache()?,
        Some(places.state.clone()),
    ];
    let spared = own.into_iter().flatten().filter_map(|path| path.canonicalize().ok()).collect();
    Ok(InPlaceOptions {
        writer: this_writer(),
        host: this_host(None),
        begun: context.now.timestamp(),
        program: PROGRAM.to_owned(),
        journal: places.state.join("restores").join(repository.id().hex()),
        spared,
        left_out: None,
    })
}

/// Shows the plan, asks, restores.
pub fn run(
    context: &Context,
    repository: &Arc<Repository>,
    snapshot: &Snapshot,
    arguments: &Arguments,
    mut options: RestoreOptions,
) -> Result<Code, Failure> {
    let mut place = place_options(context, repository)?;
    if arguments.delete {
        let rules = context.profile()?.map(Profile::rules).unwrap_or_default();
        place.left_out = Some(Rules::new(&rules)?);
    }
    if !arguments.yes || arguments.dry_run || arguments.conflict.is_none() {
        let plan = plan(context, repository, snapshot, arguments, &options, &place)?;
        if !plan.overwrite.matched {
            context.output.line("nothing in the snapshot matches")?;
            return Ok(Code::Nothing);
        }
        if !arguments.yes || arguments.dry_run {
            show(context, &plan, arguments.delete)?;
        }
        if arguments.dry_run {
            say_spared(context, plan.overwrite.spared)?;
            if context.output.is_verbose() && arguments.conflict.is_none() {
                context
                    .output
                    .say("what -v lists hangs on the strategy: name one with --conflict")?;
            }
            context.output.say("dry run: nothing was changed")?;
            return Ok(Code::Done);
        }
        if STRATEGIES.iter().all(|(_, conflict)| !plan.of(*conflict).changes()) {
            context.output.say("nothing to do: everything is there already, or would stay")?;
            say_spared(context, plan.overwrite.spared)?;
            return Ok(Code::Done);
        }
        options.conflict = decide(context, arguments, &plan)?;
    }
    let progress = Progress::start(context);
    let step = |step: RestoreStep<'_>| list(context, &step);
    let done = restore_in_place(repository, snapshot, &options, &place, &step, progress.monitor());
    let elapsed = progress.elapsed();
    drop(progress);
    let InPlaceReport { safety, report } = done?;
    let mut summary = Summary::new(&report, snapshot, &options, elapsed);
    summary.safety_snapshot_id = safety.as_ref().map(|safety| safety.id.hex());
    context.output.object("summary", &summary)?;
    print(context, safety.as_ref(), &report, elapsed)?;
    code_of(&report)
}

fn plan(
    context: &Context,
    repository: &Arc<Repository>,
    snapshot: &Snapshot,
    arguments: &Arguments,
    options: &RestoreOptions,
    place: &InPlaceOptions,
) -> Result<RestorePlan, Failure> {
    let progress = Progress::start(context);
    let lists = arguments.dry_run && arguments.conflict.is_some();
    let step = |step: RestoreStep<'_>| {
        if lists {
            list(context, &step);
        }
    };
    let plan = plan_in_place(repository, snapshot, options, place, &step, progress.monitor());
    drop(progress);
    Ok(plan?)
}

/// The counts of each strategy.
fn show(context: &Context, plan: &RestorePlan, deletes: bool) -> Result<(), Failure> {
    for (name, conflict) in STRATEGIES {
        context.output.object("plan", &PlanMessage::new(name, plan.of(conflict)))?;
    }
    let mut head = vec![Cell::left("--conflict")];
    let mut titles = vec!["create", "replace", "metadata"];
    titles.extend(deletes.then_some("delete"));
    titles.extend(["keep", "identical", "write"]);
    head.extend(titles.into_iter().map(Cell::right));
    let mut table = Table::new(head);
    for (name, conflict) in STRATEGIES {
        let report = plan.of(conflict);
        let RestoreReport { created, replaced, metadata_changed, .. } = *report;
        let mut numbers = vec![created, replaced, metadata_changed];
        numbers.extend(deletes.then_some(report.deleted));
        numbers.extend([report.skipped, report.same]);
        let mut row = vec![Cell::left(name)];
        row.extend(numbers.into_iter().map(|number| Cell::right(grouped(number))));
        row.push(Cell::right(format_size(report.bytes)));
        table.row(row);
    }
    table.render().into_iter().try_for_each(|line| context.output.say(line))
}

/// Asks which strategy, or whether to go on with the one that was named.
fn decide(
    context: &Context,
    arguments: &Arguments,
    plan: &RestorePlan,
) -> Result<Conflict, Failure> {
    let any = plan.is_one().then_some(Conflict::Skip);
    let named = arguments.conflict.map(ConflictFlag::for_files).transpose()?;
    let Some(conflict) = named.or(any) else {
        if arguments.yes {
            return Err(undecided(arguments, "--conflict, for something else is there"));
        }
        let names = STRATEGIES.map(|(name, _)| name);
        let question = "which one? skip, overwrite or newest (anything else changes nothing):";
        let chosen = ask::choose(question, &names, &context.stop)?;
        let chosen = chosen.and_then(|number| STRATEGIES.get(number));
        return chosen.map(|(_, conflict)| *conflict).ok_or_else(nothing_chosen);
    };
    if arguments.yes {
        return Ok(conflict);
    }
    let RestoreReport { created, replaced, metadata_changed, deleted, .. } = *plan.of(conflict);
    let changes = count(replaced + metadata_changed + deleted, "thing", "things");
    let question = format!("create {}, and change {changes}?", grouped(created));
    match ask::confirm(&question, &context.stop)? {
        true => Ok(conflict),
        false => Err(not_confirmed()),
    }
}

fn nothing_chosen() -> Failure {
    Failure::new(Code::Failed, "nothing was changed")
        .hint("--conflict names a strategy, --yes does it without asking")
}

fn print(
    context: &Context,
    safety: Option<&Snapshot>,
    report: &RestoreReport,
    elapsed: Duration,
) -> Result<(), Failure> {
    let output = &context.output;
    if !report.matched {
        return output.line("nothing in the snapshot matches");
    }
    let Some(safety) = safety else {
        output.say("nothing to do: everything is there already, or stays")?;
        return print_counts(context, report);
    };
    let (bytes, duration) = (format_size(report.bytes), format_duration(elapsed));
    output.say(format!("restored in place: {bytes} in {duration}"))?;
    print_counts(context, report)?;
    let id = safety.id.short();
    output.say(format!("what was there before is in safety snapshot {id}, for 30 days:"))?;
    output.say(format!("  `snap rollback {id}` undoes this restore"))
}

/// How it ends.
pub fn code_of(report: &RestoreReport) -> Result<Code, Failure> {
    match (report.matched, report.failed) {
        (false, _) => Ok(Code::Nothing),
        (true, 0) => Ok(Code::Done),
        (true, failed) => {
            let entries = count(failed, "entry", "entries");
            Err(Failure::new(Code::Failed, format!("{entries} could not be restored")).hint(
                "the reasons stand above; the rest is there. When they are mended run it again, \
                     with --conflict overwrite where something came back without a part of it",
            ))
        }
    }
}
