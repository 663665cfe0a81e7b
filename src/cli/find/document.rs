//! `snap find --id VALUE`

use crate::cli::code::Code;
use crate::cli::context::Context;
use crate::cli::error::Failure;
use crate::cli::ls::node::real_path;
use crate::cli::progress::Progress;
use crate::cli::table::{Cell, Table};
use crate::cli::text::{grouped, minute, readable};
use crate::codec::{ExtendedJson, write_extended_json};
use crate::model::{EntryPath, Snapshot};
use crate::ops::{DocumentLine, DocumentStep, SoughtDocument, document_history};
use crate::repo::BlobReader;
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;

/// What was typed.
pub struct Asked<'a> {
    pub id: &'a str,
    pub collection: Option<&'a str>,
    pub shows_documents: bool,
}

/// `document_version`: a time in which nothing changed.
#[derive(Serialize)]
struct VersionMessage<'a> {
    hostname: &'a str,
    path: String,
    change: &'static str,
    first_snapshot: String,
    first_time: Timestamp,
    last_snapshot: String,
    last_time: Timestamp,
    snapshots: u64,
    /// Canonical extended JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<serde_json::Value>,
}

/// Prints the versions of a document, by host and collection.
pub fn show(
    context: &Context,
    reader: &BlobReader,
    snapshots: &[&Snapshot],
    asked: &Asked<'_>,
) -> Result<(), Failure> {
    let mut hosts: BTreeMap<&str, Vec<&Snapshot>> = BTreeMap::new();
    for snapshot in snapshots {
        hosts.entry(&snapshot.host.name).or_default().push(snapshot);
    }
    let sought = SoughtDocument::parse(asked.id);
    let progress = Progress::start(context);
    let monitor = progress.monitor();
    let mut found = Vec::new();
    for (host, held) in &hosts {
        let histories =
            document_history(reader, held, &sought, asked.collection, monitor.as_ref())?;
        found.extend(histories.into_iter().map(|(path, history)| (*host, held, path, history)));
    }
    drop(progress);
    if found.is_empty() {
        let message = format!("no document with the _id {} is in any snapshot", asked.id);
        return Err(Failure::new(Code::Nothing, message).hint(
            "write strings plainly, other ids as extended JSON: '{\"$numberLong\": \"5\"}'",
        ));
    }
    for (host, held, path, history) in &found {
        let shown = readable(&real_path(path));
        context.output.line(format!("{shown} of {}:", readable(host.as_bytes())))?;
        print(context, held, &history.lines, asked.shows_documents)?;
        for line in &history.lines {
            let message = message(host, path, held, line);
            message
                .map_or(Ok(()), |message| context.output.object("document_version", &message))?;
        }
    }
    Ok(())
}

fn print(
    context: &Context,
    held: &[&Snapshot],
    lines: &[DocumentLine],
    shows_documents: bool,
) -> Result<(), Failure> {
    let zone = context.now.time_zone();
    let head = [Cell::left("first"), Cell::left("begun"), Cell::right("snapshots")];
    let mut table = Table::new(head.into_iter().chain([Cell::right("size"), Cell::left("what")]));
    for line in lines {
        let (id, begun) = match held.get(line.first) {
            Some(snapshot) => (snapshot.id.short(), minute(snapshot.begun, zone)),
            None => (String::new(), String::new()),
        };
        let size = line.document.as_ref().map(|document| grouped(document.len() as u64));
        table.row([
            Cell::left(id),
            Cell::left(begun),
            Cell::right(grouped(snapshots(line))),
            Cell::right(size.unwrap_or_default()),
            Cell::left(word(line.step)),
        ]);
    }
    let mut rows = table.render();
    rows.next().map_or(Ok(()), |head| context.output.line(head))?;
    for (row, line) in rows.zip(lines) {
        context.output.line(row)?;
        if let Some(document) = line.document.as_ref().filter(|_| shows_documents) {
            let text = json(document, ExtendedJson::Relaxed);
            context.output.line(format!("    {}", readable(&text)))?;
        }
    }
    Ok(())
}

fn snapshots(line: &DocumentLine) -> u64 {
    line.last.saturating_sub(line.first).saturating_add(1) as u64
}

fn word(step: DocumentStep) -> &'static str {
    match step {
        DocumentStep::New => "new",
        DocumentStep::Changed => "content",
        DocumentStep::Absent => "absent",
        DocumentStep::Back => "back",
    }
}

fn message<'a>(
    host: &'a str,
    path: &EntryPath,
    held: &[&Snapshot],
    line: &DocumentLine,
) -> Option<VersionMessage<'a>> {
    let (first, last) = (held.get(line.first)?, held.get(line.last)?);
    let document = line.document.as_ref().map(|document| json(document, ExtendedJson::Canonical));
    Some(VersionMessage {
        hostname: host,
        path: String::from_utf8_lossy(&real_path(path)).into_owned(),
        change: word(line.step),
        first_snapshot: first.id.hex(),
        first_time: first.begun,
        last_snapshot: last.id.hex(),
        last_time: last.begun,
        snapshots: snapshots(line),
        document: document.map(|text| serde_json::from_slice(&text).unwrap_or_default()),
    })
}

fn json(document: &[u8], form: ExtendedJson) -> Vec<u8> {
    let mut text = Vec::new();
    match write_extended_json(document, form, &mut text) {
        Ok(()) => text,
        Err(_) => b"{}".to_vec(),
    }
}
