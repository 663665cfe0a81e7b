//! Undoes a restore of databases.

use super::{Arguments, announce};
use crate::cli::ask;
use crate::cli::code::Code;
use crate::cli::context::Context;
use crate::cli::databases::connect;
use crate::cli::error::Failure;
use crate::cli::forgetting::not_confirmed;
use crate::cli::progress::Progress;
use crate::cli::text::{count, grouped, readable};
use crate::ops::{
    DatabaseRollback, DatabaseRollbackReport, InPlaceOptions, InPlaceRun, NamespaceRollback,
};
use crate::policy::format_duration;
use crate::repo::Repository;
use crate::settings::{DatabaseAddress, SourceAddress};
use serde::Serialize;
use std::path::PathBuf;
use std::sync::Arc;

/// Shows the plan, asks, rolls back.
pub fn run(
    context: &Context,
    arguments: &Arguments,
    repository: &Arc<Repository>,
    run: &InPlaceRun,
    place: &InPlaceOptions,
) -> Result<Code, Failure> {
    announce(context, run)?;
    let connection = connect(context, &address(context, arguments, run)?)?;
    let rollback = DatabaseRollback::new(repository, &connection, &run.safety)?;
    if !arguments.yes || arguments.dry_run {
        let progress = Progress::start(context);
        let plan = rollback.plan(progress.monitor().as_ref());
        drop(progress);
        let plan = plan?;
        print_changes(context, &plan)?;
        if arguments.dry_run {
            context.output.object("summary", &Summary::new(run, &plan, true))?;
            context.output.say("dry run: nothing was changed")?;
            return Ok(Code::Done);
        }
        if plan.namespaces.iter().any(changes) && !ask::confirm("roll back?", &context.stop)? {
            return Err(not_confirmed());
        }
    }
    let progress = Progress::start(context);
    let done = rollback.run(place, &progress.monitor());
    let elapsed = progress.elapsed();
    drop(progress);
    let report = done?;
    context.output.object("summary", &Summary::new(run, &report, false))?;
    context.output.say(format!("rolled back in {}", format_duration(elapsed)))?;
    print_changes(context, &report)?;
    if let Some(safety) = &report.safety {
        context
            .output
            .say(format!("`snap rollback {}` undoes this rollback", safety.id.short()))?;
    }
    match report.failed {
        0 => Ok(Code::Done),
        failed => {
            let things = count(failed, "thing", "things");
            Err(Failure::new(Code::Failed, format!("{things} could not be rolled back"))
                .hint("they are named above; it can be run again"))
        }
    }
}

/// The server: named, or the profile's, which may have a password, or as it was reached then.
fn address(
    context: &Context,
    arguments: &Arguments,
    run: &InPlaceRun,
) -> Result<DatabaseAddress, Failure> {
    let first = run.safety.sources.first().map(|source| source.address.as_slice());
    let then = String::from_utf8_lossy(first.unwrap_or_default()).into_owned();
    let hosts = then.rsplit_once('/').map_or(then.as_str(), |(hosts, _)| hosts);
    let of = |text: &str| match SourceAddress::parse(PathBuf::from(text)) {
        SourceAddress::Database(address) => Some(address),
        SourceAddress::Path(_) => None,
    };
    if let Some(to) = &arguments.to {
        return of(to).ok_or_else(|| {
            Failure::usage(format!("{to:?} is no address of a server"))
                .hint("write --to mongodb://host:port")
        });
    }
    let profile = context.profile()?;
    let known = profile.into_iter().flat_map(|profile| profile.sources()).find_map(|source| {
        let SourceAddress::Database(address) = source else { return None };
        let shown = address.to_string().replace("***@", "");
        (shown == hosts || shown.starts_with(&format!("{hosts}/"))).then_some(address)
    });
    let unknown = || Failure::usage("the server is not known").hint("name it with --to");
    known.or_else(|| of(hosts)).ok_or_else(unknown)
}

fn changes(namespace: &NamespaceRollback) -> bool {
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
            _ if !changes(namespace) => "as it was".to_owned(),
            _ => format!("{back} as before, {} deleted", grouped(*deleted)),
        };
        context.output.say(format!("  {}: {what}", readable(name.as_bytes())))?;
    }
    Ok(())
}

#[derive(Serialize)]
struct Summary {
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
    fn new(run: &InPlaceRun, report: &DatabaseRollbackReport, dry_run: bool) -> Self {
        let all = || report.namespaces.iter();
        Self {
            dry_run,
            snapshot_id: run.safety.id.hex(),
            safety_snapshot_id: report.safety.as_ref().map(|safety| safety.id.hex()),
            collections_dropped: all().filter(|one| one.dropped).count() as u64,
            collections_replaced: all().filter(|one| one.whole).count() as u64,
            documents_restored: all().map(|one| one.restored).sum(),
            documents_deleted: all().map(|one| one.deleted).sum(),
            failed: report.failed,
        }
    }
}
