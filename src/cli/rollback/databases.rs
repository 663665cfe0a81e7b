//! Undoes a restore of databases.

use super::Arguments;
use crate::cli::context::Context;
use crate::cli::databases::connect;
use crate::cli::error::Failure;
use crate::cli::progress::Progress;
use crate::cli::restore::{connect_to, origins};
use crate::cli::text::{count, grouped, readable};
use crate::mongo::Connection;
use crate::ops::{
    DatabaseRollback, DatabaseRollbackReport, InPlaceOptions, InPlacePart, InPlaceRun,
    NamespaceRollback,
};
use crate::policy::format_duration;
use crate::repo::Repository;
use crate::settings::{DatabaseAddress, SourceAddress};
use serde::Serialize;
use std::path::PathBuf;
use std::sync::Arc;

/// The server of each part, `None` for files.
pub fn connect_all(
    context: &Context,
    arguments: &Arguments,
    run: &InPlaceRun,
) -> Result<Vec<Option<Connection>>, Failure> {
    let is_of_databases = |part: &InPlacePart| DatabaseRollback::is_of_databases(&part.safety);
    let servers = run.parts().filter(|part| is_of_databases(part)).count();
    if servers != 1 && arguments.to.is_some() {
        return Err(Failure::usage(format!("--to names one server, and this is of {servers}"))
            .hint("without --to each is found in SNAP_MONGODB, the profile or the snapshot"));
    }
    let connected = |part: &InPlacePart| match is_of_databases(part) {
        true => server(context, arguments, part).map(Some),
        false => Ok(None),
    };
    run.parts().map(connected).collect()
}

/// The one that is named, or where it was restored.
fn server(
    context: &Context,
    arguments: &Arguments,
    part: &InPlacePart,
) -> Result<Connection, Failure> {
    if let Some(to) = &arguments.to {
        return connect(context, &named(to)?);
    }
    match origins(&part.safety, &[]).first() {
        Some(origin) => connect_to(context, &part.safety, origin, &[]),
        None => Err(Failure::usage("the server is not known").hint("name it with --to")),
    }
}

fn named(to: &str) -> Result<DatabaseAddress, Failure> {
    match SourceAddress::parse(PathBuf::from(to)) {
        SourceAddress::Database(address) => Ok(address),
        SourceAddress::Path(_) => Err(Failure::usage(format!("{to:?} is no address of a server"))
            .hint("write --to mongodb://host:port")),
    }
}

/// What it would do, which is shown.
pub fn plan(
    context: &Context,
    repository: &Arc<Repository>,
    part: &InPlacePart,
    server: &Connection,
) -> Result<DatabaseRollbackReport, Failure> {
    let rollback = DatabaseRollback::new(repository, server, &part.safety)?;
    let progress = Progress::start(context);
    let plan = rollback.plan(progress.monitor().as_ref());
    drop(progress);
    let plan = plan?;
    print_changes(context, &plan)?;
    Ok(plan)
}

pub fn perform(
    context: &Context,
    repository: &Arc<Repository>,
    part: &InPlacePart,
    server: &Connection,
    place: &InPlaceOptions,
) -> Result<DatabaseRollbackReport, Failure> {
    let rollback = DatabaseRollback::new(repository, server, &part.safety)?;
    let progress = Progress::start(context);
    let done = rollback.run(place, &progress.monitor());
    let elapsed = progress.elapsed();
    drop(progress);
    let report = done?;
    context.output.object("summary", &Summary::new(part, &report, false))?;
    context.output.say(format!("rolled back in {}", format_duration(elapsed)))?;
    print_changes(context, &report)?;
    Ok(report)
}

/// Whether anything is or would be changed.
pub fn changes(report: &DatabaseRollbackReport) -> bool {
    report.namespaces.iter().any(is_changed)
}

fn is_changed(namespace: &NamespaceRollback) -> bool {
    let NamespaceRollback { dropped, whole, restored, deleted, .. } = namespace;
    *dropped || *whole || restored + deleted > 0
}

fn print_changes(context: &Context, report: &DatabaseRollbackReport) -> Result<(), Failure> {
    for namespace in &report.namespaces {
        let NamespaceRollback { name, dropped, whole, restored, deleted } = namespace;
        let back = count(*restored, "document", "documents");
        let what = match (dropped, whole) {
            (true, _) => "dropped, for it was not there".to_owned(),
            (_, true) => format!("all of it as it was, {back}"),
            _ if !is_changed(namespace) => "as it was".to_owned(),
            _ => format!("{back} as before, {} deleted", grouped(*deleted)),
        };
        context.output.say(format!("  {}: {what}", readable(name.as_bytes())))?;
    }
    Ok(())
}

#[derive(Serialize)]
pub struct Summary {
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    dry_run: bool,
    snapshot_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    safety_snapshot_id: Option<String>,
    collections_dropped: u64,
    collections_replaced: u64,
    documents_restored: u64,
    documents_deleted: u64,
    failed: u64,
}

impl Summary {
    pub fn new(part: &InPlacePart, report: &DatabaseRollbackReport, dry_run: bool) -> Self {
        let all = || report.namespaces.iter();
        Self {
            dry_run,
            snapshot_id: part.safety.id.hex(),
            safety_snapshot_id: report.safety.as_ref().map(|safety| safety.id.hex()),
            collections_dropped: all().filter(|one| one.dropped).count() as u64,
            collections_replaced: all().filter(|one| one.whole).count() as u64,
            documents_restored: all().map(|one| one.restored).sum(),
            documents_deleted: all().map(|one| one.deleted).sum(),
            failed: report.failed,
        }
    }
}
