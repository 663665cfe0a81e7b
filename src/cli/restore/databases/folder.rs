//! `snap restore … --target DIR`: databases as files, in the layout of mongodump.

use super::DatabaseFlags;
use crate::cli::code::Code;
use crate::cli::context::Context;
use crate::cli::error::Failure;
use crate::cli::progress::Progress;
use crate::cli::restore::Arguments;
use crate::cli::text::count;
use crate::model::Snapshot;
use crate::ops::{DumpedCollection, DumpedDatabases, restore_databases_into_folder};
use crate::policy::format_size;
use crate::repo::Repository;
use serde::Serialize;
use std::path::Path;
use std::sync::Arc;

/// Whether databases belong to what was asked for: not where files alone were chosen.
pub fn is_wanted(arguments: &Arguments, names_paths: bool) -> bool {
    arguments.databases.selects() || !(names_paths || arguments.patterns.selects())
}

/// Writes the databases of a snapshot, if it has any that are wanted.
pub fn run(
    context: &Context,
    arguments: &Arguments,
    repository: &Arc<Repository>,
    snapshot: &Snapshot,
    target: &Path,
) -> Result<Code, Failure> {
    let mut options = arguments.databases.options()?;
    options.conflict = DatabaseFlags::conflict_of_files(arguments.conflict);
    let progress = Progress::start(context);
    let into = (target, arguments.dry_run);
    let monitor = progress.monitor();
    let dumped =
        restore_databases_into_folder(repository, snapshot, &options, into, monitor.as_ref());
    drop(progress);
    let dumped = dumped?;
    if dumped.collections.is_empty() {
        return Ok(Code::Nothing);
    }
    context
        .output
        .object("summary", &Summary::new(&dumped, snapshot, arguments.dry_run, target))?;
    for collection in &dumped.collections {
        context.output.say(format!("  {}", line(collection, arguments.dry_run)))?;
    }
    match dumped.failed {
        0 => Ok(Code::Done),
        failed => {
            let things = count(failed, "thing", "things");
            Err(Failure::new(Code::Failed, format!("{things} could not be restored"))
                .hint("they are named above; the rest is there, and it can be run again"))
        }
    }
}

/// `mongodb/bot/users.bson: 10 documents, 1.2 KiB`.
fn line(collection: &DumpedCollection, dry_run: bool) -> String {
    let DumpedCollection { path, is_view, documents, bytes, was_there, .. } = collection;
    match (was_there, is_view) {
        (true, _) => format!("{path}: is there and stays (--conflict overwrite replaces it)"),
        (_, true) => format!("{path}.metadata.json: view"),
        _ => {
            let documents = count(*documents, "document", "documents");
            let would = if dry_run { "would have " } else { "" };
            format!("{path}.bson: {would}{documents}, {}", format_size(*bytes))
        }
    }
}

#[derive(Serialize)]
struct Summary {
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    dry_run: bool,
    snapshot_id: String,
    target: String,
    collections: Vec<CollectionMessage>,
    failed: u64,
}

#[derive(Serialize)]
struct CollectionMessage {
    from: String,
    path: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    view: bool,
    documents: u64,
    bytes: u64,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    skipped: bool,
}

impl Summary {
    fn new(dumped: &DumpedDatabases, snapshot: &Snapshot, dry_run: bool, target: &Path) -> Self {
        let message = |one: &DumpedCollection| CollectionMessage {
            from: one.from.clone(),
            path: one.path.clone(),
            view: one.is_view,
            documents: one.documents,
            bytes: one.bytes,
            skipped: one.was_there,
        };
        Self {
            dry_run,
            snapshot_id: snapshot.id.hex(),
            target: target.display().to_string(),
            collections: dumped.collections.iter().map(message).collect(),
            failed: dumped.failed,
        }
    }
}
