//! `snap restore`

mod databases;
mod destination;
mod flags;
mod in_place;
mod moment;
mod report;
mod server;

pub use destination::{has_databases, has_files};
pub use in_place::place_options;
pub use report::{Summary as RestoreSummary, list as list_step, print_counts};
pub use server::{connect_to, origins};

use super::asked::{find, lines_about};
use super::code::Code;
use super::context::Context;
use super::error::Failure;
use super::json::SnapshotMessage;
use super::open::open;
use super::progress::Progress;
use super::select::{FilterFlags, read_ledger};
use crate::model::Snapshot;
use crate::ops::{Conflict, RestoreOptions, RestoreStep, restore};
use crate::policy::TimeExpression;
use crate::repo::Repository;
use crate::settings::SourceAddress;
use databases::DatabaseFlags;
use flags::{ConflictFlag, FileConflictFlag, PatternFlags};
use report::{Summary, list, print};
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

const AFTER_HELP: &str = "\
Examples:
  snap restore latest                  files and databases, back to where they
                                       came from; asks first
  snap restore latest --dry-run
  snap restore latest --conflict overwrite --yes
  snap restore latest --conflict merge --conflict-files skip --yes
  snap restore latest bot/users        one collection, back into its server
  snap restore latest /srv/bot         back to where it was; asks first
  snap restore latest /srv/bot --dry-run
  snap restore latest /srv/bot --conflict overwrite --yes
  snap restore --at '2025-11-28 02:00' /srv/bot --target /tmp/look
  snap restore --at '2025-11-28 02:00:17' --to mongodb://localhost/look
  snap restore --before '2025-11-28 02:00:17' --dry-run
  snap restore latest:/srv/bot --target /tmp/bot
  snap restore latest:/srv/bot/config.py --to /tmp/config.old.py
  snap restore 1a2b3c4d --include '*.json' --target /tmp/look --dry-run -v
  snap restore latest --to mongodb://localhost:27017/bot_look --db bot
  snap restore latest --to mongodb://localhost/bot --dry-run
  snap restore latest --to mongodb://localhost/bot --conflict merge --yes
  snap restore latest --to mongodb://localhost/look --collection users --id 42
  snap restore latest --to mongodb://localhost/look --query '{\"step\": 3}'

Without --target and --to things go back to where they came from. What each
--conflict would do is counted and shown, then you are asked; scripts name
one, and say --yes. Before anything is replaced, a safety snapshot keeps it:
`snap rollback` undoes the restore, of files and databases at once.

Databases go back into the server that they came from, and into no other: at
its address in --mongodb-file, SNAP_MONGODB, SNAP_MONGODB_FILE or the profile,
which may have a password, or else as it was reached then. Paths that are
named restore these alone; --db, --collection, --id and --query restore
databases alone.

With --target things keep their whole path below the folder:
/srv/bot/config.py becomes /tmp/look/srv/bot/config.py. ID:PATH puts what is
in the folder PATH into the target itself. A time is as wide as it is written:
02:00 is all of that minute, a date all of that day; the newest snapshot begun
not after it is taken, of this host unless --host names another.

Of databases whose changes are kept (`snap protect`) --at is the second:
02:00 is 02:00:00, that second included; a date is its last one. The newest
snapshot not after it is rolled forward, and its last change is named; files
are those of the newest snapshot, and both times are said. A time that the
log does not lead to is refused, with the nearest that can be had.

In a server, theirs or that of --to, --conflict is for single documents:
skip leaves those that are there, overwrite replaces them, merge gives them
the fields of both, newest replaces those whose --newest-by field is older.
Others that are there stay in any case. A view that differs is replaced with
overwrite, and stays otherwise. Users and roles that are there stay as they
are; those that are added are in no safety snapshot, and a rollback leaves
them. Afterwards everything is looked at again.

With --target DIR databases become files in the layout of mongodump,
DIR/mongodb/DATABASE/COLLECTION.bson.

A restore that was stopped can be run again; what is there already is left
alone.";

/// Get files and databases back from a snapshot, in place or elsewhere.
#[derive(clap::Args)]
#[command(
    after_help = AFTER_HELP,
    override_usage = "snap restore <ID|latest>[:PATH] [PATH]... [--target <DIR>]\n       \
                      snap restore --at <TIME> [PATH]... [--target <DIR>]\n       \
                      snap restore <ID|latest>:<PATH> --to <PATH>\n       \
                      snap restore <ID|latest> --to <mongodb://HOST/DATABASE>",
)]
pub struct Arguments {
    /// The snapshot (an id or latest; not with --at), and what to take of it
    #[arg(value_name = "SNAPSHOT, PATH")]
    words: Vec<OsString>,
    /// Take the newest snapshot begun not after this ("yesterday 02:00", 2025-11-28); databases
    /// whose changes are kept as they were then, to the second
    ///
    /// With a change log (`snap protect`) databases are rolled forward to the whole second that
    /// is named, that second included: 02:00 is 02:00:00, a date its last second. A fraction
    /// (02:00:00.250) goes by the server's clock, ts:SECONDS,INCREMENT by its logical one.
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// The same just before this second
    #[arg(long, value_name = "TIME", conflicts_with = "at")]
    before: Option<String>,
    /// Take databases as the snapshot has them, whatever changes are kept
    #[arg(long)]
    no_log: bool,
    /// The folder to restore into; it is made if need be [default: in place]
    #[arg(short, long, value_name = "DIR")]
    target: Option<PathBuf>,
    /// Restore one thing under this name; or databases into the server at this address
    /// (mongodb://host:port, or with the name of another database)
    #[arg(long, value_name = "PATH|ADDRESS", conflicts_with = "target")]
    to: Option<PathBuf>,

    /// What happens where something else is there [default: skip; in place you are asked]
    #[arg(long, value_name = "HOW", value_enum)]
    conflict: Option<ConflictFlag>,
    /// The same of files, where it is another one than that of databases
    #[arg(long, value_name = "HOW", value_enum)]
    conflict_files: Option<FileConflictFlag>,
    /// Remove what the snapshot does not have from the folders that are restored
    ///
    /// In place what backups leave out is spared: by the rules of the profile in force and by
    /// .snapignore. A folder with all that is in it counts as one.
    #[arg(long)]
    delete: bool,
    /// Change nothing, count what would be done (-v lists it)
    #[arg(short = 'n', long)]
    dry_run: bool,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    /// Read everything back afterwards
    #[arg(long)]
    verify: bool,
    /// Give things to the numbers of owners and groups, not to their names
    #[arg(long)]
    numeric_ids: bool,
    /// Do not restore owners and groups
    #[arg(long, conflicts_with = "numeric_ids")]
    no_ownership: bool,

    #[command(flatten)]
    databases: DatabaseFlags,
    #[command(flatten)]
    patterns: PatternFlags,
    #[command(flatten)]
    filter: FilterFlags,
}

impl Arguments {
    /// The strategy that was named for files.
    fn conflict_of_files(&self) -> Option<ConflictFlag> {
        self.conflict_files.map(ConflictFlag::from).or(self.conflict)
    }
}

pub fn run(context: &Context, arguments: &Arguments) -> Result<Code, Failure> {
    let (asked, until) = moment::asked(context, arguments)?;
    if let Some(SourceAddress::Database(to)) = arguments.to.clone().map(SourceAddress::parse) {
        return databases::run(context, arguments, (&asked, until), &to);
    }
    let is_in_place = arguments.target.is_none() && arguments.to.is_none();
    let conflict = match is_in_place {
        // It may be that of databases.
        true => Conflict::Skip,
        false => arguments.conflict_of_files().unwrap_or_default().for_files()?,
    };
    if is_in_place {
        in_place::require_decision(arguments)?;
    }
    let pattern = arguments.patterns.filter()?;
    let filter = arguments.filter.filter()?;
    let repository = open(context)?;
    let ledger = read_ledger(context, &repository)?;
    let snapshot = find(context, &ledger, &asked, &filter)?.clone();
    context.output.object("snapshot", &SnapshotMessage::from(&snapshot))?;
    let until = until.filter(|_| arguments.to.is_none());
    let rolled = (&repository, &ledger);
    let snapshot = moment::rolled(context, arguments, rolled, (&asked, until), snapshot)?;
    for line in lines_about(context, &snapshot, asked.at.as_ref()) {
        context.output.say(line)?;
    }
    let mut databases = Code::Nothing;
    if let Some(target) = &arguments.target
        && databases::is_wanted(arguments, !asked.paths.is_empty())
    {
        databases = databases::run_into_folder(context, arguments, &repository, &snapshot, target)?;
        if arguments.databases.selects() && asked.paths.is_empty() {
            if databases == Code::Nothing {
                context.output.line("nothing in the snapshot matches")?;
            }
            return Ok(databases);
        }
    }
    if databases == Code::Done && !destination::has_files(&snapshot) {
        return Ok(databases);
    }
    let into = destination::find(arguments, &repository, &snapshot, &asked)?;
    let options = RestoreOptions {
        paths: into.paths,
        root: into.root,
        filter: pattern,
        target: into.target,
        conflict,
        delete: arguments.delete,
        dry_run: arguments.dry_run,
        verify: arguments.verify,
        numeric_ids: arguments.numeric_ids,
        no_ownership: arguments.no_ownership,
    };
    if is_in_place {
        return in_place::run(context, &repository, &snapshot, arguments, &asked, options);
    }
    let at = asked.at.as_ref();
    perform(context, &repository, &snapshot, at, &options)
}

fn perform(
    context: &Context,
    repository: &Arc<Repository>,
    snapshot: &Snapshot,
    at: Option<&TimeExpression>,
    options: &RestoreOptions,
) -> Result<Code, Failure> {
    let progress = Progress::start(context);
    let step = |step: RestoreStep<'_>| list(context, &step);
    let report = restore(repository, snapshot, options, &step, progress.monitor());
    let elapsed = progress.elapsed();
    drop(progress);
    let report = report?;
    let mut summary = Summary::new(&report, snapshot, options, elapsed);
    if let Some(TimeExpression::Moment(moment)) = at {
        summary.at = Some(moment.last);
    }
    context.output.object("summary", &summary)?;
    print(context, options, &report, elapsed)?;
    in_place::code_of(&report)
}
