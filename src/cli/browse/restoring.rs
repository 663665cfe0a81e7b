//! What is marked goes into a folder.

use super::app::Request;
use crate::cli::context::Context;
use crate::cli::error::Failure;
use crate::cli::place::is_of_database;
use crate::cli::progress::Progress;
use crate::cli::text::{count, readable, shell_word};
use crate::files::PathFilter;
use crate::model::EntryPath;
use crate::ops::{
    Conflict, DatabaseRestoreOptions, RestoreOptions, RestoreReport, Root,
    restore as restore_files, restore_databases_into_folder,
};
use crate::repo::Repository;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Restores what was asked for; returns what is to be told of it. What is there already stays.
pub fn restore(context: &Context, repository: &Arc<Repository>, request: &Request) -> String {
    let target = at_home(context, &request.target);
    let (databases, files): (Vec<EntryPath>, Vec<EntryPath>) =
        request.paths.iter().cloned().partition(is_of_database);
    if target.as_os_str().as_bytes().starts_with(b"mongodb") && !databases.is_empty() {
        return format!("to its server: {}", command(request, &databases));
    }
    let mut told = Vec::new();
    if !files.is_empty() {
        told.push(match of_files(context, repository, request, (files, &target)) {
            Ok(told) => told,
            Err(failure) => shown(&failure),
        });
    }
    if !databases.is_empty() {
        told.push(match of_databases(context, repository, request, (&databases, &target)) {
            Ok(told) => told,
            Err(failure) => shown(&failure),
        });
    }
    told.join("; ")
}

/// The command that puts databases back where they came from.
fn command(request: &Request, databases: &[EntryPath]) -> String {
    let mut words = vec![format!("snap restore {}", request.snapshot.id.short())];
    words.extend(databases.iter().map(|path| shell_word(OsStr::from_bytes(short(path).bytes()))));
    format!("`{}`", words.join(" "))
}

/// `bot/users` of `mongodb/rs0/bot/users`: the screen is small.
fn short(path: &EntryPath) -> EntryPath {
    let mut short = EntryPath::root();
    path.names().skip(2).for_each(|name| short.push(&name));
    if short.is_root() { path.clone() } else { short }
}

fn shown(failure: &Failure) -> String {
    let cause = failure.cause_text().map(|cause| format!(": {cause}")).unwrap_or_default();
    format!("not restored: {}{cause}", failure.message().unwrap_or_default())
}

fn of_files(
    context: &Context,
    repository: &Arc<Repository>,
    request: &Request,
    (paths, target): (Vec<EntryPath>, &Path),
) -> Result<String, Failure> {
    let options = RestoreOptions {
        root: Root::Whole,
        paths,
        filter: PathFilter::new(&[], &[])?,
        target: target.to_owned(),
        conflict: Conflict::Skip,
        delete: false,
        dry_run: false,
        verify: false,
        numeric_ids: false,
        no_ownership: false,
    };
    let progress = Progress::start(context);
    let monitor = progress.monitor();
    let report = restore_files(repository, &request.snapshot, &options, &|_| {}, monitor);
    drop(progress);
    let RestoreReport { created, skipped, same, failed, .. } = report?;
    let mut told = count(created, "thing", "things");
    told.push_str(&format!(" restored into {}", readable(target.as_os_str().as_bytes())));
    for (number, what) in [
        (skipped, "stayed as they were"),
        (same, "were there already"),
        (failed, "FAILED: `snap restore` says why"),
    ] {
        if number > 0 {
            told.push_str(&format!(", {number} {what}"));
        }
    }
    Ok(told)
}

/// As files, in the layout of mongodump.
fn of_databases(
    context: &Context,
    repository: &Arc<Repository>,
    request: &Request,
    (paths, target): (&[EntryPath], &Path),
) -> Result<String, Failure> {
    let options = DatabaseRestoreOptions { places: paths.to_vec(), ..Default::default() };
    let progress = Progress::start(context);
    let (into, monitor) = ((target, false), progress.monitor());
    let snapshot = &request.snapshot;
    let dumped =
        restore_databases_into_folder(repository, snapshot, &options, into, monitor.as_ref());
    drop(progress);
    let dumped = dumped?;
    let (there, made): (Vec<_>, Vec<_>) =
        dumped.collections.iter().partition(|collection| collection.was_there);
    let mut told = count(made.len() as u64, "collection", "collections");
    let folder = readable(target.join("mongodb").as_os_str().as_bytes());
    told.push_str(&format!(" in {folder}"));
    if !there.is_empty() {
        told.push_str(&format!(", {} stayed as they were", there.len()));
    }
    if dumped.failed > 0 {
        told.push_str(&format!(", {} FAILED: `snap restore` says why", dumped.failed));
    }
    Ok(format!("{told}; to its server: {}", command(request, paths)))
}

/// No shell has seen what was typed: `~/` is the home directory here, too.
fn at_home(context: &Context, target: &Path) -> PathBuf {
    match (target.strip_prefix("~"), context.environment.path("HOME")) {
        (Ok(rest), Some(home)) => home.join(rest),
        _ => target.to_path_buf(),
    }
}
