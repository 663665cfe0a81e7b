//! `snap rollback`

mod databases;
mod files;
mod list;

use super::ask;
use super::code::Code;
use super::context::Context;
use super::error::Failure;
use super::forgetting::not_confirmed;
use super::open::open;
use super::restore::place_options;
use super::select::read_ledger;
use super::text::{count, readable, time_with_zone};
use crate::mongo::Connection;
use crate::ops::{
    InPlaceOptions, InPlacePart, InPlaceRun, RestoreReport, end_parts, list_in_place, to_undo,
};
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
that it added go, collections that were not there are dropped, views become
what they were. Other documents stay, and so do users and roles that the
restore added: `db.dropUser` in mongosh takes them away. Where the server
needs a password, SNAP_MONGODB, the profile or --to names it.

A restore of files and databases is undone as one, by the id of either safety
snapshot.

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
    let run = match &arguments.id {
        Some(text) => named(text, &runs)?,
        None => newest(context, &repository, &runs, &place)?,
    };
    announce(context, run)?;
    let servers = databases::connect_all(context, arguments, run)?;
    let parts: Vec<Part<'_>> = run.parts().zip(&servers).map(Part::new).collect();
    let rollback = Rollback { context, repository, place, parts };
    if (!arguments.yes || arguments.dry_run) && !rollback.is_agreed(arguments)? {
        return Ok(Code::Done);
    }
    rollback.perform()
}

/// A rollback of a run: of the databases of a server, or of files, or of several of these.
struct Rollback<'a> {
    context: &'a Context,
    repository: Arc<Repository>,
    place: InPlaceOptions,
    parts: Vec<Part<'a>>,
}

enum Part<'a> {
    Databases(&'a InPlacePart, &'a Connection),
    Files(&'a InPlacePart),
}

impl<'a> Part<'a> {
    fn new((part, server): (&'a InPlacePart, &'a Option<Connection>)) -> Self {
        match server {
            Some(server) => Self::Databases(part, server),
            None => Self::Files(part),
        }
    }
}

impl Rollback<'_> {
    /// Shows what would be done, and asks; false after a dry run.
    fn is_agreed(&self, arguments: &Arguments) -> Result<bool, Failure> {
        let (context, dry_run) = (self.context, arguments.dry_run);
        let mut changes = false;
        for part in &self.parts {
            changes |= match part {
                Part::Databases(part, server) => {
                    let plan = databases::plan(context, &self.repository, part, server)?;
                    if dry_run {
                        context
                            .output
                            .object("summary", &databases::Summary::new(part, &plan, true))?;
                    }
                    databases::changes(&plan)
                }
                Part::Files(part) => {
                    let plan = files::plan(context, &self.repository, part, &self.place, dry_run)?;
                    files::print_plan(context, &plan)?;
                    if dry_run {
                        let summary = files::summary(part, &plan.report, Duration::ZERO, true);
                        context.output.object("summary", &summary)?;
                    }
                    plan.report.changes()
                }
            };
        }
        if dry_run {
            context.output.say("dry run: nothing was changed")?;
            return Ok(false);
        }
        match changes && !ask::confirm("roll back?", &context.stop)? {
            true => Err(not_confirmed()),
            false => Ok(true),
        }
    }

    /// Part by part; what the last one names undoes all of it.
    fn perform(&self) -> Result<Code, Failure> {
        let (mut safeties, mut failed, mut files) = (Vec::new(), 0, RestoreReport::default());
        for (number, part) in (1..).zip(&self.parts) {
            let more_follows = number < self.parts.len();
            let place = InPlaceOptions { more_follows, ..self.place.clone() };
            match part {
                Part::Databases(part, server) => {
                    let report =
                        databases::perform(self.context, &self.repository, part, server, &place)?;
                    failed += report.failed;
                    safeties.extend(report.safety);
                }
                Part::Files(part) => {
                    let (report, safety) =
                        files::perform(self.context, &self.repository, part, &place)?;
                    files = report;
                    safeties.extend(safety);
                }
            }
        }
        end_parts(&self.repository, &self.place, &safeties.iter().collect::<Vec<_>>())?;
        if let Some(safety) = safeties.first() {
            let id = safety.id.short();
            self.context.output.say(format!("`snap rollback {id}` undoes this rollback"))?;
        }
        match failed + files.failed {
            0 => Ok(Code::Done),
            failed => {
                let things = count(failed, "thing", "things");
                Err(Failure::new(Code::Failed, format!("{things} could not be rolled back"))
                    .hint("they are named above; it can be run again"))
            }
        }
    }
}

/// The newest that has something left to undo: one that changed nothing hides none before it. If
/// there is none such, the newest.
fn newest<'a>(
    context: &Context,
    repository: &Arc<Repository>,
    runs: &'a [InPlaceRun],
    place: &InPlaceOptions,
) -> Result<&'a InPlaceRun, Failure> {
    let mut candidates = to_undo(runs).peekable();
    let first = candidates.next().ok_or_else(|| {
        Failure::new(Code::Nothing, "there is no restore in place to undo on this host")
            .hint("`snap rollback --list` shows those that are undone, and rollbacks")
    })?;
    let mut run = first;
    if candidates.peek().is_none() {
        return Ok(first);
    }
    while !files::is_left(context, repository, run, place)? {
        let Some(older) = candidates.next() else { return Ok(first) };
        let id = run.safety().id.short();
        context.output.say(format!("nothing is left to undo of restore {id}"))?;
        run = older;
    }
    Ok(run)
}

/// The one with this id.
fn named<'a>(text: &str, runs: &'a [InPlaceRun]) -> Result<&'a InPlaceRun, Failure> {
    let text = text.to_ascii_lowercase();
    let is_id = text.len() >= 4 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_id {
        return Err(Failure::usage(format!("{text:?} is no id"))
            .hint("write one as `snap rollback --list` shows them (at least four digits)"));
    }
    let begins = |part: &InPlacePart| part.safety.id.hex().starts_with(&text);
    let mut found = runs.iter().filter(|run| run.parts().any(begins));
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
    let begun = time_with_zone(run.safety().begun, context.now.time_zone());
    let mut paths: Vec<_> = run
        .parts()
        .flat_map(|part| &part.safety.sources)
        .map(|source| readable(&source.address))
        .collect();
    let more = match paths.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    paths.truncate(SHOWN);
    let (what, from, paths) = (list::word(run), run.from().short(), paths.join(" "));
    context.output.line(format!("undoes the {what} {from} of {begun}: {paths}{more}"))
}
