//! `snap backup`

mod databases;
mod report;
mod sources;

use super::code::Code;
use super::context::Context;
use super::error::Failure;
use super::init;
use super::open::{Located, exists, locate, open_located, this_writer};
use super::progress::Progress;
use super::version::PROGRAM;
use crate::model::{Counter, SnapshotKind};
use crate::ops::{BackupOptions, backup};
use crate::policy::{Policy, format_duration, parse_exact, parse_size};
use crate::repo::Repository;
use crate::settings::{SettingsError, this_host};
use crate::storage::{DiscardStorage, Storage};
use databases::{DatabaseFlags, databases};
use report::{Summary, print};
use sources::{files, leave_out_own};
use std::path::PathBuf;
use std::sync::Arc;

const AFTER_HELP: &str = "\
Examples:
  snap backup /srv/bot /etc
  snap backup --exclude '*.log' --exclude-caches /srv/bot
  snap backup --init ~/notes          no repository yet? this makes one at home
  snap backup --dry-run --exclude-larger-than 1G /home
  snap backup /srv/bot mongodb://localhost:27017/bot     both in one snapshot

Patterns are those of .gitignore: `*.log` anywhere, `/srv/bot/tmp` just there, `**`
over folders, `!` takes back, the last one that matches decides. A file .snapignore
in a folder holds patterns for what is below it.

The exit code is 3 if something could not be read whole; the rest is saved then.";

/// Take a snapshot of files, folders and databases.
///
/// The first one takes everything, later ones what has changed since. What is given is followed
/// if it is a link; links below are saved as links.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Arguments {
    /// Files and folders to take, and databases (mongodb://host:port/database)
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,

    /// Make the repository if there is none
    #[arg(long)]
    init: bool,

    /// Leave out what matches (may be repeated, like all of these)
    #[arg(short, long, value_name = "PATTERN", help_heading = LEAVE_OUT)]
    exclude: Vec<String>,
    /// The same, not minding capitals
    #[arg(long, value_name = "PATTERN", help_heading = LEAVE_OUT)]
    iexclude: Vec<String>,
    /// Read patterns from a file, one a line
    #[arg(long, value_name = "FILE", help_heading = LEAVE_OUT)]
    exclude_file: Vec<PathBuf>,
    /// Leave out what lies in cache folders (those with a CACHEDIR.TAG)
    #[arg(long, help_heading = LEAVE_OUT)]
    exclude_caches: bool,
    /// Leave out folders that have a file of this name, such as .nobackup
    #[arg(long, value_name = "NAME[:HEADER]", help_heading = LEAVE_OUT)]
    exclude_if_present: Vec<String>,
    /// Leave out files of more bytes (500k, 10M, 1.5G)
    #[arg(long, value_name = "SIZE", value_parser = parse_size, help_heading = LEAVE_OUT)]
    exclude_larger_than: Option<u64>,
    /// Do not look for .snapignore files
    #[arg(long, help_heading = LEAVE_OUT)]
    no_snapignore: bool,
    /// Stay on the file systems of what is given
    #[arg(short = 'x', long, help_heading = LEAVE_OUT)]
    one_file_system: bool,

    #[command(flatten)]
    databases: DatabaseFlags,

    /// Give the snapshot tags, joined by commas (may be repeated)
    #[arg(long, value_name = "TAGS")]
    tag: Vec<String>,
    /// Say that it is of this host [default: this machine's name]
    #[arg(long, value_name = "NAME")]
    host: Option<String>,
    /// Say that it began then ("2025-11-28 02:00", "2 days ago") [default: now]
    #[arg(long, value_name = "TIME")]
    time: Option<String>,
    /// Save nothing, show what would be saved
    #[arg(short = 'n', long)]
    dry_run: bool,
    /// Save no snapshot if nothing has changed since the last one
    #[arg(long)]
    skip_if_unchanged: bool,
    /// Read all files, whether or not they look unchanged
    #[arg(short, long)]
    force: bool,
}

const LEAVE_OUT: &str = "What to leave out";

pub fn run(context: &Context, arguments: &Arguments) -> Result<Code, Failure> {
    let options = options(context, arguments)?;
    let (repository, located) = repository(context, arguments)?;
    let mut files = files(arguments)?;
    leave_out_own(context, &located.path, &mut files)?;
    let databases = databases(context, arguments)?;
    let progress = Progress::start(context);
    let report = backup(&repository, &files, &databases, &options, progress.monitor());
    let directories_new = progress.count(Counter::DirectoriesNew);
    let seconds = progress.elapsed();
    drop(progress);
    let report = report?;
    let summary = Summary::new(&report, directories_new, arguments.dry_run, seconds.as_secs_f64());
    context.output.object("summary", &summary)?;
    print(context, arguments, &report, &format_duration(seconds))?;
    Ok(if report.problems > 0 { Code::Incomplete } else { Code::Done })
}

fn options(context: &Context, arguments: &Arguments) -> Result<BackupOptions, Failure> {
    let begun = match &arguments.time {
        Some(text) => parse_exact(text, &context.now)?,
        None => context.now.timestamp(),
    };
    Ok(BackupOptions {
        writer: this_writer(),
        host: this_host(arguments.host.clone()),
        tags: tags(&arguments.tag)?,
        begun,
        kind: SnapshotKind::Backup,
        dry_run: arguments.dry_run,
        skip_if_unchanged: arguments.skip_if_unchanged,
        program: PROGRAM.to_owned(),
    })
}

/// Sorted, no doubles.
fn tags(given: &[String]) -> Result<Vec<String>, Failure> {
    let tags = given.iter().flat_map(|tags| tags.split(','));
    let mut tags: Vec<String> = tags.map(|tag| tag.trim().to_owned()).collect();
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
        None => return Err(SettingsError::NoRepositoryNamed.into()),
    };
    let wrap = |storage: Arc<dyn Storage>| match arguments.dry_run {
        true => Arc::new(DiscardStorage::new(storage)) as Arc<dyn Storage>,
        false => storage,
    };
    let repository = match may_init && !exists(&located)? {
        true => init::make(context, &located, &Policy::default_stored(), "")?,
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
        assert_eq!(tags(&given).unwrap(), ["a", "b"]);
        assert_eq!(tags(&["a,".to_owned()]).unwrap_err().code(), Code::Usage);
    }
}
