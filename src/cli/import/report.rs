//! What an import did, for people and as JSON.

use crate::cli::context::Context;
use crate::cli::error::Failure;
use crate::cli::text::{count, shell_word, time_with_zone};
use crate::ops::{ImportReport, Importable, ImportedDatabase, Verdict};
use crate::policy::format_size;
use jiff::Timestamp;
use serde::Serialize;

/// `summary`, of each backup.
#[derive(Serialize)]
struct Summary<'a> {
    imported: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    dry_run: bool,
    /// It was imported before.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    was_there: bool,
    backup_start: Timestamp,
    databases: Vec<Database<'a>>,
    checksums: Checksums<'a>,
    data_added_packed: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    snapshot_id: Option<String>,
}

#[derive(Serialize)]
struct Database<'a> {
    name: &'a str,
    collections: u64,
    documents: u64,
    bytes: u64,
    consistency: &'static str,
}

#[derive(Serialize)]
struct Checksums<'a> {
    verdict: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    form: Option<&'a str>,
}

impl<'a> From<&'a Verdict> for Checksums<'a> {
    fn from(verdict: &'a Verdict) -> Self {
        match verdict {
            Verdict::None => Self { verdict: "none", form: None },
            Verdict::Verified { form, .. } => Self { verdict: "verified", form: Some(form) },
            Verdict::Unknown { .. } => Self { verdict: "unknown", form: None },
        }
    }
}

impl<'a> From<&'a ImportedDatabase> for Database<'a> {
    fn from(database: &'a ImportedDatabase) -> Self {
        let ImportedDatabase { name, collections, documents, bytes } = database;
        let (collections, documents, bytes) = (*collections, *documents, *bytes);
        Self { name, collections, documents, bytes, consistency: "fuzzy" }
    }
}

pub fn print(
    context: &Context,
    importable: &Importable,
    report: &ImportReport,
    dry_run: bool,
) -> Result<(), Failure> {
    let output = &context.output;
    let summary = Summary {
        imported: importable.path.to_string_lossy().into_owned(),
        dry_run,
        was_there: report.was_there,
        backup_start: report.begun,
        databases: report.databases.iter().map(Database::from).collect(),
        checksums: (&report.checksums).into(),
        data_added_packed: report.bytes_stored,
        snapshot_id: report.snapshot.as_ref().map(|snapshot| snapshot.id.hex()),
    };
    output.object("summary", &summary)?;
    let path = shell_word(importable.path.as_os_str());
    let begun = time_with_zone(report.begun, context.now.time_zone());
    let id = report.snapshot.as_ref().map(|snapshot| snapshot.id.short()).unwrap_or_default();
    output.say(match (dry_run, report.was_there) {
        (_, true) => format!("{path} of {begun} is snapshot {id} already: nothing was saved"),
        (true, false) => format!("dry run: {path} of {begun} can be imported"),
        (false, false) => format!("saved snapshot {id} of {path}, begun {begun}"),
    })?;
    for database in &report.databases {
        output.say(line(database))?;
    }
    if let Some(sums) = sums(&report.checksums) {
        output.say(format!("  sums    {sums}"))?;
    }
    if !dry_run && !report.was_there {
        output.say(format!("  data    stored as {}", format_size(report.bytes_stored)))?;
    }
    Ok(())
}

fn line(database: &ImportedDatabase) -> String {
    let ImportedDatabase { name, collections, documents, bytes } = database;
    format!(
        "  mongo   {name}: {}, {}; {}; fuzzy",
        count(*collections, "collection", "collections"),
        count(*documents, "document", "documents"),
        format_size(*bytes)
    )
}

fn sums(verdict: &Verdict) -> Option<String> {
    match verdict {
        Verdict::None => None,
        Verdict::Verified { form, collections } => {
            let collections = count(*collections, "collection", "collections");
            Some(format!("{collections} verified: sha256 of {form}"))
        }
        Verdict::Unknown { collections } => {
            let collections = count(*collections, "collection", "collections");
            Some(format!("{collections} not verified: what they are of cannot be known"))
        }
    }
}
