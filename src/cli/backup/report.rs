//! What a backup did, for people and as JSON.

use super::Arguments;
use super::databases::{DatabaseMessage, line};
use crate::cli::context::Context;
use crate::cli::error::Failure;
use crate::cli::text::{count, grouped};
use crate::model::Snapshot;
use crate::ops::BackupReport;
use crate::policy::format_size;
use jiff::Timestamp;
use serde::Serialize;

#[derive(Serialize)]
pub struct Summary {
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    dry_run: bool,
    files_new: u64,
    files_changed: u64,
    files_unmodified: u64,
    files_read: u64,
    left_out: u64,
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
    #[serde(skip_serializing_if = "Vec::is_empty")]
    databases: Vec<DatabaseMessage>,
    total_duration: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    backup_start: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    snapshot_id: Option<String>,
}

impl Summary {
    pub fn new(report: &BackupReport, dry_run: bool, total_duration: f64) -> Self {
        Self {
            dry_run,
            files_new: report.files_new,
            files_changed: report.files_changed,
            files_unmodified: report.files_unchanged,
            files_read: report.files_read,
            left_out: report.left_out,
            dirs_new: report.directories_new,
            dirs_changed: report.directories_changed,
            dirs_unmodified: report.directories_unchanged,
            data_blobs: report.blobs_new,
            data_added: report.bytes_new,
            data_added_packed: report.bytes_stored,
            total_files_processed: report.summary.files,
            total_bytes_processed: report.summary.bytes,
            problems: report.problems,
            files_grown: report.grown,
            databases: report.databases.iter().map(DatabaseMessage::from).collect(),
            total_duration,
            backup_start: report.snapshot.as_ref().map(|snapshot| snapshot.begun),
            snapshot_id: report.snapshot.as_ref().map(|snapshot| snapshot.id.hex()),
        }
    }
}

pub fn print(
    context: &Context,
    arguments: &Arguments,
    report: &BackupReport,
    duration: &str,
) -> Result<(), Failure> {
    let output = &context.output;
    output.say(headline(arguments, report.snapshot.as_ref()))?;
    let BackupReport { files_new, files_changed, files_unchanged, .. } = report;
    let database_bytes: u64 = report.databases.iter().map(|database| database.bytes).sum();
    output.say(format!(
        "  files   {} new, {} changed, {} unchanged; {}",
        grouped(*files_new),
        grouped(*files_changed),
        grouped(*files_unchanged),
        format_size(report.summary.bytes.saturating_sub(database_bytes)),
    ))?;
    report.databases.iter().try_for_each(|database| output.say(line(database)))?;
    let (new, stored) = (format_size(report.bytes_new), format_size(report.bytes_stored));
    output.say(match arguments.dry_run {
        true => format!("  data    {new} new, found in {duration}"),
        false => format!("  data    {new} new, stored as {stored}, in {duration}"),
    })?;
    if report.left_out > 0 {
        let entries = count(report.left_out, "entry", "entries");
        output.say(format!("  left out  {entries} by rules (-vv lists them)"))?;
    }
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
