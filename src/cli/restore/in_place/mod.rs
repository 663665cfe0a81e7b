//! Back to where things came from, files and databases: the plan, the question, the restore.

mod decide;
mod files;

pub use files::code_of;

use super::Arguments;
use super::databases::{Plan, Run, is_wanted};
use super::destination::{has_databases, has_files};
use super::report::say_spared;
use super::server::{connect_to, origins};
use crate::cli::ask;
use crate::cli::asked::{Asked, fuzzy_line};
use crate::cli::code::Code;
use crate::cli::context::Context;
use crate::cli::error::Failure;
use crate::cli::open::{locate, this_writer};
use crate::cli::place::is_of_database;
use crate::cli::text::shell_word;
use crate::cli::version::PROGRAM;
use crate::files::Rules;
use crate::model::{EntryPath, Snapshot};
use crate::ops::{
    DatabaseRestoreOptions, InPlaceOptions, RestoreOptions, RestorePlan, RestoreReport, end_parts,
};
use crate::repo::{BlobReader, Repository};
use crate::settings::{Profile, this_host};
use decide::Decided;
use files::{Files, STRATEGIES};
use std::ffi::OsString;
use std::sync::Arc;

/// Scripts must say that they mean it, before anything is looked at. (Which strategy must be said
/// only if they differ.)
pub fn require_decision(arguments: &Arguments) -> Result<(), Failure> {
    match arguments.dry_run || arguments.yes || ask::is_possible() {
        true => Ok(()),
        false => Err(undecided(arguments, "--yes where nobody can be asked", false)),
    }
}

fn undecided(arguments: &Arguments, missing: &str, has_databases: bool) -> Failure {
    let message = format!("a restore in place needs {missing}");
    let at = arguments.at.iter().flat_map(|time| [OsString::from("--at"), time.into()]);
    let words: Vec<OsString> = at.chain(arguments.words.iter().cloned()).collect();
    let words: Vec<_> = words.iter().map(|word| shell_word(word)).collect();
    let words = words.join(" ");
    let strategies = match has_databases {
        true => {
            "skip, overwrite, merge, or newest with --newest-by; --conflict-files names another \
             one for files"
        }
        false => "skip, overwrite or newest",
    };
    Failure::usage(message).hint(format!(
        "`snap restore {words} --dry-run` shows what each --conflict would do: add one where \
         something else is there ({strategies}), and --yes; or name a folder with --target DIR"
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
        more_follows: false,
    })
}

/// Shows the plan, asks, restores.
pub fn run(
    context: &Context,
    repository: &Arc<Repository>,
    snapshot: &Snapshot,
    arguments: &Arguments,
    asked: &Asked,
    files: RestoreOptions,
) -> Result<Code, Failure> {
    let place = place_options(context, repository)?;
    let (of_databases, of_files): (Vec<EntryPath>, Vec<EntryPath>) =
        files.paths.iter().cloned().partition(is_of_database);
    let names_paths = !asked.paths.is_empty();
    let wants_files = !of_files.is_empty() && (names_paths || !arguments.databases.selects());
    let wants_databases = match names_paths {
        true => !of_databases.is_empty() || arguments.databases.selects(),
        false => has_databases(snapshot) && is_wanted(arguments, false),
    };
    let mut place_of_files = place.clone();
    if arguments.delete {
        let rules = context.profile()?.map(Profile::rules).unwrap_or_default();
        place_of_files.left_out = Some(Rules::new(&rules)?);
    }
    let wants_files = wants_files && has_files(snapshot);
    if arguments.delete && !wants_files {
        return Err(Failure::usage("--delete is for files, not for databases"));
    }
    let named = arguments.conflict_of_files().filter(|_| wants_files);
    let conflict = named.map(|flag| flag.for_files()).transpose()?.unwrap_or_default();
    let files = wants_files.then(|| Files {
        context,
        repository,
        snapshot,
        options: RestoreOptions { paths: of_files, conflict, ..files },
        place: place_of_files,
    });
    let mut in_place =
        InPlace { context, arguments, repository, snapshot, place, files, servers: Vec::new() };
    if wants_databases {
        in_place.find_servers(if names_paths { &of_databases } else { &[] })?;
    }
    in_place.run()
}

/// What of a snapshot goes back, and where to.
struct InPlace<'a> {
    context: &'a Context,
    arguments: &'a Arguments,
    repository: &'a Arc<Repository>,
    snapshot: &'a Snapshot,
    place: InPlaceOptions,
    files: Option<Files<'a>>,
    servers: Vec<(Run<'a>, DatabaseRestoreOptions)>,
}

/// What each strategy would do, with all of it.
struct Plans {
    files: Option<RestorePlan>,
    /// One for each server.
    databases: Vec<Plan>,
}

impl InPlace<'_> {
    /// Connects to where the databases came from. Only what lies at or below `paths` is wanted.
    fn find_servers(&mut self, paths: &[EntryPath]) -> Result<(), Failure> {
        let Self { context, arguments, repository, snapshot, .. } = *self;
        let mut options = arguments.databases.options()?;
        options.conflict = arguments.databases.conflict(arguments.conflict)?;
        let reader = BlobReader::for_reading(Arc::clone(repository))?;
        if let Some(line) = fuzzy_line(&reader, snapshot) {
            context.output.say(line)?;
        }
        for origin in origins(snapshot, paths) {
            let below = paths.iter().filter(|path| path.starts_with(&origin.path));
            let mut places: Vec<EntryPath> = below.cloned().collect();
            if places.is_empty() {
                places.push(origin.path.clone());
            }
            let files = arguments.databases.address_files();
            let connection = connect_to(context, snapshot, &origin, files)?;
            let repository = Arc::clone(repository);
            let snapshot = snapshot.clone();
            let run = Run { context, arguments, repository, snapshot, connection };
            let options = DatabaseRestoreOptions { places, undoes_all: true, ..options.clone() };
            if !run.restore(&options)?.is_empty() {
                self.servers.push((run, options));
            }
        }
        Ok(())
    }

    fn run(&self) -> Result<Code, Failure> {
        let Self { context, arguments, .. } = self;
        if self.files.is_none() && self.servers.is_empty() {
            context.output.line("nothing in the snapshot matches")?;
            return Ok(Code::Nothing);
        }
        let mut decided = self.named()?;
        if !arguments.yes || arguments.dry_run || !decided.is_whole() {
            let plans = self.plan()?;
            let is_matched = plans.files.as_ref().is_some_and(|plan| plan.overwrite.matched);
            if !is_matched && self.servers.is_empty() {
                context.output.line("nothing in the snapshot matches")?;
                return Ok(Code::Nothing);
            }
            if !arguments.yes || arguments.dry_run {
                self.show(&plans)?;
            }
            if arguments.dry_run {
                return self.end_dry_run(&plans);
            }
            if self.servers.is_empty() && !plans.files.as_ref().is_some_and(changes_anything) {
                context.output.say("nothing to do: everything is there already, or would stay")?;
                say_spared(context, plans.files.map_or(0, |plan| plan.overwrite.spared))?;
                return Ok(Code::Done);
            }
            decided = self.decide(decided, &plans)?;
        }
        self.perform(&decided)
    }

    fn plan(&self) -> Result<Plans, Failure> {
        let lists = self.arguments.dry_run && self.arguments.conflict_of_files().is_some();
        let files = self.files.as_ref().map(|files| files.plan(lists)).transpose()?;
        let plan = |(run, options): &(Run<'_>, DatabaseRestoreOptions)| run.plan(options);
        let databases = self.servers.iter().map(plan).collect::<Result<_, _>>()?;
        Ok(Plans { files, databases })
    }

    fn show(&self, plans: &Plans) -> Result<(), Failure> {
        for ((run, _), plan) in self.servers.iter().zip(&plans.databases) {
            self.context.output.say(format!("databases, in {}:", run.connection.address()))?;
            plan.show(self.context)?;
        }
        let Some(plan) = &plans.files else { return Ok(()) };
        if !self.servers.is_empty() {
            self.context.output.say("files:")?;
        }
        files::show(self.context, plan, self.arguments.delete)
    }

    fn end_dry_run(&self, plans: &Plans) -> Result<Code, Failure> {
        let output = &self.context.output;
        if let Some(plan) = &plans.files {
            say_spared(self.context, plan.overwrite.spared)?;
            if output.is_verbose() && self.arguments.conflict_of_files().is_none() {
                output.say("what -v lists hangs on the strategy: name one with --conflict")?;
            }
        }
        output.say("dry run: nothing was changed")?;
        Ok(Code::Done)
    }

    /// Databases first: more can go wrong with them.
    fn perform(&self, decided: &Decided) -> Result<Code, Failure> {
        let (mut safeties, mut failed, mut matched) = (Vec::new(), 0, !self.servers.is_empty());
        for (number, (run, options)) in (1..).zip(&self.servers) {
            let more_follows = number < self.servers.len() || self.files.is_some();
            let place = InPlaceOptions { more_follows, ..self.place.clone() };
            let mut options = options.clone();
            options.conflict = decided.of_documents(&options.conflict);
            let report = run.perform(&options, &place).map_err(|failure| self.told(failure))?;
            failed += report.failed;
            safeties.extend(report.safety);
        }
        if let Some(files) = &self.files {
            let (report, safety) = files.perform(decided.of_files())?;
            failed += report.failed;
            matched |= report.matched;
            safeties.extend(safety);
        }
        end_parts(self.repository, &self.place, &safeties.iter().collect::<Vec<_>>())?;
        if let Some(safety) = safeties.first() {
            let id = safety.id.short();
            let output = &self.context.output;
            output
                .say(format!("what was there before is in safety snapshot {id}, for 30 days:"))?;
            output.say(format!("  `snap rollback {id}` undoes this restore"))?;
        }
        code_of(&RestoreReport { matched, failed, ..RestoreReport::default() })
    }

    /// What failed of the databases, with what became of the rest.
    fn told(&self, failure: Failure) -> Failure {
        if self.files.is_some() {
            // A stream that is closed shows at the end.
            let _ = self.context.output.say(
                "files were not touched, for databases come first; when this is mended it can be \
                 run again: it goes on, and `snap rollback` undoes all of it",
            );
        }
        failure
    }
}

/// Whether any strategy would do anything.
fn changes_anything(plan: &RestorePlan) -> bool {
    STRATEGIES.iter().any(|(_, conflict)| plan.of(*conflict).changes())
}
