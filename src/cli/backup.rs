//! `snap backup`

use super::code::Code;
use super::context::Context;
use super::error::Failure;
use super::init;
use super::open::{Located, exists, locate, open_located, this_writer};
use super::progress::Progress;
use super::text::count;
use super::version::PROGRAM;
use crate::files::RuleSettings;
use crate::model::{Counter, Snapshot, SnapshotKind};
use crate::ops::{BackupOptions, BackupReport, FilesBackup, backup_files};
use crate::policy::{Policy, format_duration, format_size, parse_exact, parse_size};
use crate::repo::Repository;
use crate::settings::{SettingsError, this_host};
use crate::storage::{DiscardStorage, Storage};
use jiff::Timestamp;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const AFTER_HELP: &str = "\
Examples:
  snap backup /srv/bot /etc
  snap backup --exclude '*.log' --exclude-caches /srv/bot
  snap backup --init ~/notes          no repository yet? this makes one at home
  snap backup --dry-run --exclude-larger-than 1G /home

Patterns are those of .gitignore: `*.log` anywhere, `/srv/bot/tmp` just there, `**`
over folders, `!` takes back, the last one that matches decides. A file .snapignore
in a folder holds patterns for what is below it.

The exit code is 3 if something could not be read whole; the rest is saved then.";

/// Take a snapshot of files and folders.
///
/// The first one takes everything, later ones what has changed since. What is given is followed
/// if it is a link; links below are saved as links.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Arguments {
    /// Files and folders to take
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
    leave_out_own(context, &located, &mut files)?;
    let progress = Progress::start(context);
    let report = backup_files(&repository, &files, &options, progress.monitor());
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

fn files(arguments: &Arguments) -> Result<FilesBackup, Failure> {
    let mut paths: Vec<PathBuf> = Vec::new();
    for path in &arguments.paths {
        let absolute = std::path::absolute(path).map_err(|_| {
            Failure::usage("a path to back up is empty").hint("name a file or folder")
        })?;
        // Without the slash at the end: `bot` and `bot/` are one source.
        let absolute: PathBuf = absolute.components().collect();
        if !paths.contains(&absolute) {
            paths.push(absolute);
        }
    }
    Ok(FilesBackup {
        paths,
        rules: RuleSettings {
            exclude: arguments.exclude.clone(),
            exclude_ignoring_case: arguments.iexclude.clone(),
            exclude_files: arguments.exclude_file.clone(),
            exclude_caches: arguments.exclude_caches,
            exclude_if_present: arguments.exclude_if_present.clone(),
            exclude_larger_than: arguments.exclude_larger_than,
            ignore_files: !arguments.no_snapignore,
        },
        one_file_system: arguments.one_file_system,
        force: arguments.force,
    })
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

/// A repository that backs itself up grows for ever.
fn leave_out_own(
    context: &Context,
    located: &Located,
    files: &mut FilesBackup,
) -> Result<(), Failure> {
    let own = [Some(located.path.clone()), context.cache()?];
    for own in own.iter().flatten().filter_map(|path| path.canonicalize().ok()) {
        let given = files.paths.iter().filter_map(|path| path.canonicalize().ok());
        let mut above = given.filter(|path| own != *path && own.starts_with(path));
        if let (Some(_), Some(pattern)) = (above.next(), literal_pattern(&own)) {
            files.rules.exclude.push(pattern);
        }
    }
    Ok(())
}

/// A pattern that matches this path only; `None` if it is not text.
fn literal_pattern(path: &Path) -> Option<String> {
    let mut pattern = String::new();
    for character in path.to_str()?.chars() {
        if matches!(character, '*' | '?' | '[' | ']' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    Some(pattern)
}

#[derive(Serialize)]
struct Summary {
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    dry_run: bool,
    files_new: u64,
    files_changed: u64,
    files_unmodified: u64,
    dirs_new: u64,
    dirs_changed: u64,
    dirs_unmodified: u64,
    data_blobs: u64,
    data_added: u64,
    data_added_packed: u64,
    total_files_processed: u64,
    total_bytes_processed: u64,
    /// Sources, or parts of them, that could not be read whole.
    problems: u64,
    files_grown: u64,
    total_duration: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    backup_start: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    snapshot_id: Option<String>,
}

impl Summary {
    fn new(report: &BackupReport, dirs_new: u64, dry_run: bool, total_duration: f64) -> Self {
        Self {
            dry_run,
            files_new: report.files_new,
            files_changed: report.files_changed,
            files_unmodified: report.files_unchanged,
            dirs_new,
            dirs_changed: report.directories_changed,
            dirs_unmodified: report.directories_unchanged,
            data_blobs: report.blobs_new,
            data_added: report.bytes_new,
            data_added_packed: report.bytes_stored,
            total_files_processed: report.summary.files,
            total_bytes_processed: report.summary.bytes,
            problems: report.problems,
            files_grown: report.grown,
            total_duration,
            backup_start: report.snapshot.as_ref().map(|snapshot| snapshot.begun),
            snapshot_id: report.snapshot.as_ref().map(|snapshot| snapshot.id.hex()),
        }
    }
}

fn print(
    context: &Context,
    arguments: &Arguments,
    report: &BackupReport,
    duration: &str,
) -> Result<(), Failure> {
    let output = &context.output;
    output.say(headline(arguments, report.snapshot.as_ref()))?;
    let BackupReport { files_new, files_changed, files_unchanged, .. } = report;
    output.say(format!(
        "  files   {} new, {} changed, {} unchanged; {}",
        super::text::grouped(*files_new),
        super::text::grouped(*files_changed),
        super::text::grouped(*files_unchanged),
        format_size(report.summary.bytes),
    ))?;
    let (new, stored) = (format_size(report.bytes_new), format_size(report.bytes_stored));
    output.say(match arguments.dry_run {
        true => format!("  data    {new} new, found in {duration}"),
        false => format!("  data    {new} new, stored as {stored}, in {duration}"),
    })?;
    if report.grown > 0 {
        let files = count(report.grown, "file", "files");
        output.say(format!("  grown   {files} while being read, kept at the length read"))?;
    }
    if report.problems > 0 {
        let entries = count(report.problems, "entry", "entries");
        output.say(format!("  not whole: {entries}, named above"))?;
    }
    Ok(())
}

fn headline(arguments: &Arguments, snapshot: Option<&Snapshot>) -> String {
    match snapshot {
        Some(snapshot) => format!("saved snapshot {}", snapshot.id.short()),
        None if arguments.dry_run => "dry run: nothing was saved".to_owned(),
        None => "nothing has changed: no snapshot was saved".to_owned(),
    }
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

    #[test]
    fn a_literal_pattern_has_no_wildcards() {
        assert_eq!(literal_pattern(Path::new("/a/b*[c]")).unwrap(), "/a/b\\*\\[c\\]");
    }
}
