//! `snap backup`

mod databases;
mod leave_out;
mod listed;
mod report;
mod sources;

use super::code::Code;
use super::context::Context;
use super::error::Failure;
use super::init;
use super::open::{Located, exists, locate, no_repository_named, open_located, this_writer};
use super::progress::Progress;
use super::version::PROGRAM;
use crate::model::SnapshotKind;
use crate::ops::{
    BackupOptions, DatabasesBackup, FilesBackup, SettingsChange, StreamBackup, backup,
    backup_stream,
};
use crate::policy::{format_duration, parse_exact};
use crate::repo::Repository;
use crate::settings::{Profile, this_host};
use crate::storage::{DiscardStorage, Storage};
use databases::{DatabaseFlags, databases};
pub use leave_out::LeaveOutFlags;
use listed::ListedFlags;
use report::{Summary, print};
use sources::{Sources, files, leave_out_own};
pub use sources::{absolute, from_environment, in_files, sources_of};
use std::path::PathBuf;
use std::sync::Arc;

const AFTER_HELP: &str = "\
Examples:
  snap backup                         what the profile in snap.toml lists
  snap backup /srv/bot /etc
  snap backup --profile web,mail      both, one after the other
  snap backup --exclude '*.log' --exclude-caches /srv/bot
  snap backup --init ~/notes          no repository yet? makes one at home
  snap backup --dry-run --exclude-larger-than 1G /home
  find /srv -name '*.json' -print0 | snap backup --files-from-raw -
  snap backup /srv/bot mongodb://localhost:27017/bot     both in one snapshot
  snap backup --stdin-filename db.sql --command -- pg_dump bot

Patterns are those of .gitignore: `*.log` anywhere, `/srv/bot/tmp` just there,
`**` over folders, `!` takes back, the last one that matches decides. A file
.snapignore in a folder holds patterns for what is below it.

With -v each file that is new (+) or changed (M) is listed, with -vv also what
is unchanged (=) and what was left out (x); with --dry-run what it would be.

The exit code is 3 if something could not be read whole; the rest is saved
then.";

/// Take a snapshot of files, folders and databases.
///
/// The first one takes everything, later ones what has changed since. What is given is followed
/// if it is a link; links below are saved as links. Without paths the sources of the profile are
/// taken; what else the profile says holds in both cases.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Arguments {
    /// Files and folders to take, and databases (mongodb://host:port/database) [default: the
    /// profile's sources]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// Make the repository if there is none
    #[arg(long)]
    init: bool,

    /// Give the snapshot tags, joined by commas, beside the profile's (may be repeated)
    #[arg(long, value_name = "TAGS")]
    tag: Vec<String>,
    /// Say that it is of this host [default: the profile's, or this machine's name]
    #[arg(long, value_name = "NAME", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    host: Option<String>,
    /// Say that it began then ("2025-11-28 02:00", "2 days ago") [default: now]
    #[arg(long, value_name = "TIME")]
    time: Option<String>,
    /// Save nothing, show what would be saved
    #[arg(short = 'n', long)]
    dry_run: bool,
    /// Save no snapshot if nothing has changed since the last one
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true,
          default_missing_value = "true", hide_possible_values = true)]
    skip_if_unchanged: Option<bool>,
    /// Read all files, whether or not they look unchanged
    #[arg(short, long)]
    force: bool,
    #[command(flatten)]
    listed: ListedFlags,

    #[command(flatten)]
    leave_out: LeaveOutFlags,
    #[command(flatten)]
    databases: DatabaseFlags,
}

pub fn run(context: &Context, arguments: &Arguments) -> Result<Code, Failure> {
    let options = options(context, arguments)?;
    let mut taken = taken(context, arguments)?;
    let (repository, located) = repository(context, arguments)?;
    if let Taken::Sources(files, _) = &mut taken {
        leave_out_own(context, &located.path, files)?;
    }
    let progress = Progress::start(context);
    let report = match taken {
        Taken::Stream(stream) => backup_stream(&repository, stream, &options, progress.monitor()),
        Taken::Sources(files, databases) => {
            backup(&repository, &files, &databases, &options, progress.monitor())
        }
    };
    let seconds = progress.elapsed();
    drop(progress);
    let report = report?;
    let summary = Summary::new(&report, arguments.dry_run, seconds.as_secs_f64());
    context.output.object("summary", &summary)?;
    print(context, arguments, &report, &format_duration(seconds))?;
    Ok(if report.problems > 0 { Code::Incomplete } else { Code::Done })
}

/// What goes into the snapshot.
enum Taken {
    Stream(StreamBackup),
    Sources(FilesBackup, DatabasesBackup),
}

fn taken(context: &Context, arguments: &Arguments) -> Result<Taken, Failure> {
    if let Some(stream) = arguments.listed.stream(&arguments.paths)? {
        return Ok(Taken::Stream(stream));
    }
    let sources = Sources::find(context, arguments)?;
    let files = files(context, arguments, sources.paths)?;
    Ok(Taken::Sources(files, databases(context, &arguments.databases, &sources.databases)?))
}

fn options(context: &Context, arguments: &Arguments) -> Result<BackupOptions, Failure> {
    let begun = match &arguments.time {
        Some(text) => parse_exact(text, &context.now)?,
        None => context.now.timestamp(),
    };
    let profile = context.profile()?;
    let skip = arguments.skip_if_unchanged;
    Ok(BackupOptions {
        writer: this_writer(),
        host: match &arguments.host {
            Some(name) => this_host(Some(name.clone())),
            None => context.host()?,
        },
        tags: tags(profile, &arguments.tag)?,
        begun,
        kind: SnapshotKind::Backup,
        dry_run: arguments.dry_run,
        skip_if_unchanged: skip.unwrap_or(profile.is_some_and(Profile::skip_if_unchanged)),
        program: PROGRAM.to_owned(),
    })
}

/// Those of the profile and those given, sorted, no doubles.
pub fn tags(profile: Option<&Profile>, given: &[String]) -> Result<Vec<String>, Failure> {
    let mut tags = profile.map(Profile::tags).unwrap_or_default();
    let given = given.iter().flat_map(|tags| tags.split(','));
    tags.extend(given.map(|tag| tag.trim().to_owned()));
    if tags.iter().any(String::is_empty) {
        return Err(Failure::usage("a tag is empty").hint("write --tag before-update"));
    }
    tags.sort_unstable();
    tags.dedup();
    Ok(tags)
}

/// Opens the repository, or makes it where that is asked for.
fn repository(
    context: &Context,
    arguments: &Arguments,
) -> Result<(Arc<Repository>, Located), Failure> {
    let may_init = arguments.init && !arguments.dry_run;
    let located = match locate(context)? {
        Some(located) => located,
        None if may_init => {
            let places = context.places()?;
            let default_key = Some(places.embedded_key());
            Located { path: places.embedded_repository(), default_key }
        }
        None => return Err(no_repository_named(context)),
    };
    let wrap = |storage: Arc<dyn Storage>| match arguments.dry_run {
        true => Arc::new(DiscardStorage::new(storage)) as Arc<dyn Storage>,
        false => storage,
    };
    let repository = match may_init && !exists(&located)? {
        true => init::make(context, &located, &SettingsChange::default(), "")?,
        false => open_located(context, &located, wrap)?,
    };
    Ok((repository, located))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_split_and_sorted() {
        let given = ["b,a".to_owned(), "a".to_owned()];
        assert_eq!(tags(None, &given).unwrap(), ["a", "b"]);
        assert_eq!(tags(None, &["a,".to_owned()]).unwrap_err().code(), Code::Usage);
    }
}
