//! `snap restore --to mongodb://…`: databases of a snapshot into a server.

mod flags;
mod folder;
mod plan;
mod report;
mod selection;

pub use flags::DatabaseFlags;
pub use folder::{is_wanted, run as run_into_folder};
pub use plan::Plan;

use super::Arguments;
use super::in_place::place_options;
use super::moment;
use crate::cli::ask;
use crate::cli::asked::{Asked, find, fuzzy_line, lines_about};
use crate::cli::code::Code;
use crate::cli::context::Context;
use crate::cli::databases::connect;
use crate::cli::error::Failure;
use crate::cli::forgetting::not_confirmed;
use crate::cli::json::SnapshotMessage;
use crate::cli::open::open;
use crate::cli::progress::Progress;
use crate::cli::select::read_ledger;
use crate::cli::text::{count, grouped, shell_word};
use crate::model::Snapshot;
use crate::mongo::Connection;
use crate::ops::{
    DatabaseRestore, DatabaseRestoreOptions, DatabaseRestoreReport, DocumentConflict,
    InPlaceOptions, Outcome, Until,
};
use crate::repo::{BlobReader, Repository};
use crate::settings::DatabaseAddress;
use report::{Summary, print};
use std::ffi::OsString;
use std::sync::Arc;

/// Databases of a snapshot on their way into one server.
pub struct Run<'a> {
    pub context: &'a Context,
    pub arguments: &'a Arguments,
    pub repository: Arc<Repository>,
    pub snapshot: Snapshot,
    pub connection: Connection,
}

pub fn run(
    context: &Context,
    arguments: &Arguments,
    (asked, until): (&Asked, Option<Until>),
    to: &DatabaseAddress,
) -> Result<Code, Failure> {
    if arguments.delete {
        return Err(Failure::usage("--delete is for files, not for databases"));
    }
    if !asked.paths.is_empty() {
        return Err(Failure::usage("paths were named, and a server to restore into").hint(
            "choose with --db and --collection; files go to --target in a run of their own",
        ));
    }
    let mut options = arguments.databases.options()?;
    options.conflict = arguments.databases.conflict(arguments.conflict)?;
    let filter = arguments.filter.filter()?;
    let repository = open(context)?;
    let ledger = read_ledger(context, &repository)?;
    let snapshot = find(context, &ledger, asked, &filter)?.clone();
    context.output.object("snapshot", &SnapshotMessage::from(&snapshot))?;
    let rolled = (&repository, &ledger);
    let snapshot = moment::rolled(context, arguments, rolled, (asked, until), snapshot)?;
    for line in lines_about(context, &snapshot, asked.at.as_ref()) {
        context.output.say(line)?;
    }
    let reader = BlobReader::for_reading(Arc::clone(&repository))?;
    if let Some(line) = fuzzy_line(&reader, &snapshot) {
        context.output.say(line)?;
    }
    let connection = connect(context, to)?;
    options.into = connection.address().database().map(str::to_owned);
    Run { context, arguments, repository, snapshot, connection }.run(options)
}

impl Run<'_> {
    fn run(&self, mut options: DatabaseRestoreOptions) -> Result<Code, Failure> {
        let Self { context, arguments, .. } = self;
        let restore = self.restore(&options)?;
        if restore.is_empty() {
            context.output.line("nothing in the snapshot matches")?;
            return Ok(Code::Nothing);
        }
        let is_in_place = restore.is_in_place();
        if is_in_place && !(arguments.dry_run || arguments.yes || ask::is_possible()) {
            return Err(self.undecided("--yes where nobody can be asked"));
        }
        let is_named = arguments.conflict.is_some() || options.swap;
        let is_decided = !is_in_place || (arguments.yes && is_named);
        if arguments.dry_run || !is_decided {
            let plan = self.plan(&options)?;
            if arguments.dry_run || !arguments.yes {
                plan.show(context)?;
            }
            if arguments.dry_run {
                context.output.say("dry run: nothing was changed")?;
                return Ok(Code::Done);
            }
            options.conflict = self.decide(&plan, &options.conflict, is_named)?;
        }
        let place = place_options(context, &self.repository)?;
        let report = self.perform(&options, &place)?;
        if let Some(safety) = &report.safety {
            let id = safety.id.short();
            let output = &context.output;
            output
                .say(format!("what was there before is in safety snapshot {id}, for 30 days:"))?;
            output.say(format!("  `snap rollback {id}` undoes this restore"))?;
        }
        match report.failed {
            0 => Ok(Code::Done),
            failed => {
                let things = count(failed, "thing", "things");
                Err(Failure::new(Code::Failed, format!("{things} could not be restored"))
                    .hint("they are named above; the rest is there, and it can be run again"))
            }
        }
    }

    pub fn restore<'a>(
        &'a self,
        options: &'a DatabaseRestoreOptions,
    ) -> Result<DatabaseRestore<'a>, Failure> {
        let (repository, snapshot) = (&self.repository, &self.snapshot);
        Ok(DatabaseRestore::new(repository, snapshot, &self.connection, options)?)
    }

    /// What each strategy would do.
    pub fn plan(&self, options: &DatabaseRestoreOptions) -> Result<Plan, Failure> {
        let restore = self.restore(options)?;
        let conflicts = self.arguments.databases.strategies()?;
        let progress = Progress::start(self.context);
        let comparisons = restore.compare(&conflicts, progress.monitor().as_ref());
        drop(progress);
        Ok(Plan { comparisons: comparisons?, conflicts })
    }

    /// Asks which strategy, or whether to go on with the one that was named.
    fn decide(
        &self,
        plan: &Plan,
        named: &DocumentConflict,
        is_named: bool,
    ) -> Result<DocumentConflict, Failure> {
        let Self { context, arguments, .. } = self;
        let is_chosen = is_named || plan.is_one();
        if !is_chosen && arguments.yes {
            return Err(self.undecided("--conflict, for other documents are there"));
        }
        if !is_chosen {
            let names: Vec<&str> = plan.conflicts.iter().map(DocumentConflict::name).collect();
            let listed = names.join(", ");
            let question = format!("which one? {listed} (anything else changes nothing):");
            let chosen = ask::choose(&question, &names, &context.stop)?;
            let chosen = chosen.and_then(|number| plan.conflicts.get(number));
            return chosen.cloned().ok_or_else(|| {
                Failure::new(Code::Failed, "nothing was changed")
                    .hint("--conflict names a strategy, --yes does it without asking")
            });
        }
        if arguments.yes {
            return Ok(named.clone());
        }
        let Outcome { inserted, overwritten, merged, .. } = plan.of(named);
        let changes = count(overwritten + merged, "document", "documents");
        let question = match arguments.databases.is_swap() {
            true => "put the snapshot's collections in the place of those there?".to_string(),
            false => format!("create {}, and change {changes}?", grouped(inserted)),
        };
        match ask::confirm(&question, &context.stop)? {
            true => Ok(named.clone()),
            false => Err(not_confirmed()),
        }
    }

    /// Restores, and says what was done.
    pub fn perform(
        &self,
        options: &DatabaseRestoreOptions,
        place: &InPlaceOptions,
    ) -> Result<DatabaseRestoreReport, Failure> {
        let Self { context, snapshot, connection, .. } = self;
        let restore = self.restore(options)?;
        let progress = Progress::start(context);
        let report = restore.run(place, &progress.monitor());
        let elapsed = progress.elapsed();
        drop(progress);
        let report = report?;
        let target = connection.address().to_string();
        let conflict = options.conflict.name();
        let summary = Summary::new(&report, snapshot, &target, conflict, elapsed);
        context.output.object("summary", &summary)?;
        print(context, &report, &target, elapsed)?;
        Ok(report)
    }

    fn undecided(&self, missing: &str) -> Failure {
        let message = format!("a restore of databases in place needs {missing}");
        let at = self.arguments.at.iter().flat_map(|time| [OsString::from("--at"), time.into()]);
        let words: Vec<OsString> = at.chain(self.arguments.words.iter().cloned()).collect();
        let words: Vec<_> = words.iter().map(|word| shell_word(word)).collect();
        let words = words.join(" ");
        Failure::usage(message).hint(format!(
            "`snap restore {words} --to … --dry-run` shows what each --conflict would do: add one \
             (skip, overwrite, merge or newest), and --yes; or name another database in the address"
        ))
    }
}
