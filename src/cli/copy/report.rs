//! What a copy says.

use crate::cli::code::Code;
use crate::cli::context::Context;
use crate::cli::error::Failure;
use crate::cli::text::{count, readable, time};
use crate::model::{SessionId, Snapshot};
use crate::ops::{CopyEstimate, CopyPlan, CopyReport};
use crate::policy::{format_duration, format_size};
use jiff::Timestamp;
use serde::Serialize;
use std::time::Duration;

/// How it ended, beside what the copy itself reports.
pub struct Ended {
    /// Snapshots that were there already.
    pub present: u64,
    /// Snapshot objects of the source that do not open.
    pub unreadable: u64,
    pub elapsed: Duration,
}

#[derive(Serialize)]
struct Copied<'a> {
    source_snapshot_id: String,
    /// The new one, once it is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    snapshot_id: Option<String>,
    time: Timestamp,
    hostname: &'a str,
    paths: Vec<String>,
    tags: &'a [String],
}

impl<'a> Copied<'a> {
    fn new(snapshot: &'a Snapshot, new: Option<SessionId>) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self {
            source_snapshot_id: snapshot.id.hex(),
            snapshot_id: new.map(|id| id.hex()),
            time: snapshot.begun,
            hostname: &snapshot.host.name,
            paths: snapshot.sources.iter().map(|source| text(&source.address)).collect(),
            tags: &snapshot.tags,
        }
    }
}

#[derive(Serialize)]
struct Summary {
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    dry_run: bool,
    snapshots_copied: u64,
    snapshots_present: u64,
    snapshots_damaged: Vec<String>,
    /// Were there already, and lacked something.
    snapshots_mended: u64,
    data_blobs: u64,
    data_added: u64,
    data_added_packed: u64,
    total_duration: f64,
}

/// Those that are there already: said if they were named, or with `-v`.
pub fn print_present(context: &Context, plan: &CopyPlan, named: bool) -> Result<(), Failure> {
    for (id, there) in plan.present.iter().filter(|_| named || context.output.is_verbose()) {
        let (id, there) = (id.short(), there.short());
        context.output.say(format!("{id} is there already, as {there}"))?;
    }
    Ok(())
}

pub fn print_copied(context: &Context, old: &Snapshot, new: &Snapshot) -> Result<(), Failure> {
    context.output.object("copied", &Copied::new(old, Some(new.id)))?;
    let what = describe(context, old);
    context.output.say(format!("copied {} as {}: {what}", old.id.short(), new.id.short()))
}

/// `2025-11-28 02:00:07, host bot, /srv/bot`.
fn describe(context: &Context, snapshot: &Snapshot) -> String {
    let begun = time(snapshot.begun, context.now.time_zone());
    let host = readable(snapshot.host.name.as_bytes());
    let paths: Vec<String> =
        snapshot.sources.iter().map(|source| readable(&source.address)).collect();
    format!("{begun}, host {host}, {}", paths.join(" "))
}

pub fn print_report(
    context: &Context,
    report: &CopyReport,
    ended: &Ended,
) -> Result<Code, Failure> {
    let CopyReport { copied, blobs_new, bytes_new, bytes_stored, .. } = *report;
    context.output.object(
        "summary",
        &Summary {
            dry_run: false,
            snapshots_copied: copied,
            snapshots_present: ended.present,
            snapshots_damaged: report.damaged.iter().map(|id| id.hex()).collect(),
            snapshots_mended: report.mended,
            data_blobs: blobs_new,
            data_added: bytes_new,
            data_added_packed: bytes_stored,
            total_duration: ended.elapsed.as_secs_f64(),
        },
    )?;
    let snapshots = count(copied, "snapshot", "snapshots");
    let mut line = format!("copied {snapshots} in {}", format_duration(ended.elapsed));
    if blobs_new > 0 {
        let blobs = count(blobs_new, "new blob", "new blobs");
        let (plain, stored) = (format_size(bytes_new), format_size(bytes_stored));
        line.push_str(&format!(": {blobs} of {plain}, {stored} stored"));
    }
    if ended.present > 0 {
        let were = count(ended.present, "was", "were");
        line.push_str(&format!("; {were} there already"));
    }
    context.output.say(line)?;
    if report.mended > 0 {
        let mended =
            count(report.mended, "of them was damaged and is", "of them were damaged and are");
        context.output.say(format!("  {mended} mended"))?;
    }
    code(report.damaged.len() as u64, ended.unreadable)
}

pub fn print_estimate(
    context: &Context,
    estimate: &CopyEstimate,
    plan: &CopyPlan,
    ended: &Ended,
) -> Result<Code, Failure> {
    let CopyEstimate { snapshots, blobs, bytes, .. } = *estimate;
    for snapshot in plan.wanted.iter().filter(|one| !estimate.damaged.contains(&one.id)) {
        context.output.object("copied", &Copied::new(snapshot, None))?;
        let (id, what) = (snapshot.id.short(), describe(context, snapshot));
        context.output.say(format!("would copy {id}: {what}"))?;
    }
    context.output.object(
        "summary",
        &Summary {
            dry_run: true,
            snapshots_copied: snapshots,
            snapshots_present: ended.present,
            snapshots_damaged: estimate.damaged.iter().map(|id| id.hex()).collect(),
            snapshots_mended: 0,
            data_blobs: blobs,
            data_added: 0,
            data_added_packed: bytes,
            total_duration: ended.elapsed.as_secs_f64(),
        },
    )?;
    let snapshots = count(snapshots, "snapshot", "snapshots");
    let blobs = count(blobs, "blob", "blobs");
    let size = format_size(bytes);
    let mut line = format!("dry run: {snapshots} would be copied, at most {blobs} of {size}");
    if ended.present > 0 {
        let are = count(ended.present, "is", "are");
        line.push_str(&format!("; {are} there already"));
    }
    context.output.say(line)?;
    code(estimate.damaged.len() as u64, ended.unreadable)
}

fn code(damaged: u64, unreadable: u64) -> Result<Code, Failure> {
    match damaged.saturating_add(unreadable) {
        0 => Ok(Code::Done),
        number => {
            let message = count(number, "snapshot is damaged", "snapshots are damaged");
            Err(Failure::new(Code::Incomplete, format!("{message}, all others are copied")).hint(
                "`snap check --read-data` of the repository copied from shows what is damaged; \
                 its next backup stores again what it still finds",
            ))
        }
    }
}
