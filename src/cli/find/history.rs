//! `snap find --history PATH`

use super::failure;
use crate::cli::code::Code;
use crate::cli::context::Context;
use crate::cli::error::Failure;
use crate::cli::ls::node::{Node, hexadecimal, real_path};
use crate::cli::place::{may_hold, possible_places, shown};
use crate::cli::progress::Progress;
use crate::cli::table::{Cell, Table};
use crate::cli::text::{grouped, minute, readable, shell_word};
use crate::model::{EntryPath, Kind, Snapshot};
use crate::ops::{HistoryLine, HistoryStep, Modifier, history};
use crate::repo::BlobReader;
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;
use std::ffi::OsString;

/// `file_version`: a time in which nothing changed.
#[derive(Serialize)]
struct VersionMessage<'a> {
    hostname: &'a str,
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_hex: Option<String>,
    change: &'static str,
    first_snapshot: String,
    first_time: Timestamp,
    last_snapshot: String,
    last_time: Timestamp,
    snapshots: u64,
    /// What was there.
    #[serde(skip_serializing_if = "Option::is_none")]
    node: Option<Node>,
}

type Held<'a> = Vec<(&'a Snapshot, Vec<EntryPath>)>;

/// Prints the history of a path, by host. Snapshots of other sources say nothing about it.
pub fn show(
    context: &Context,
    reader: &BlobReader,
    snapshots: &[&Snapshot],
    path: &OsString,
) -> Result<(), Failure> {
    let mut hosts: BTreeMap<&str, Held<'_>> = BTreeMap::new();
    for snapshot in snapshots {
        if may_hold(snapshot, path)? {
            let places = possible_places(snapshot, path)?;
            hosts.entry(&snapshot.host.name).or_default().push((snapshot, places));
        }
    }
    let progress = Progress::start(context);
    let monitor = progress.monitor();
    let mut histories = Vec::new();
    for (host, held) in &hosts {
        let lines = history(reader, held, monitor.as_ref()).map_err(failure)?;
        if !lines.is_empty() {
            histories.push((*host, held, lines));
        }
    }
    drop(progress);
    let shown = shown(path)?;
    if histories.is_empty() {
        return Err(Failure::new(Code::Nothing, format!("{shown} is in no snapshot"))
            .hint("`snap find NAME` looks for a name in every folder"));
    }
    for (host, held, lines) in &histories {
        context.output.line(format!("{shown} of {}:", readable(host.as_bytes())))?;
        print_table(context, held, lines)?;
        if let Some(id) = last_of_absent(held, lines) {
            let path = shell_word(path);
            context.output.say(format!("`snap restore {id}:{path}` brings the last one back"))?;
        }
        for line in lines {
            let message = message(host, held, line);
            message.map_or(Ok(()), |message| context.output.object("file_version", &message))?;
        }
    }
    Ok(())
}

/// The last snapshot that has what is not there any more.
fn last_of_absent(held: &Held<'_>, lines: &[HistoryLine]) -> Option<String> {
    if lines.last()?.entry.is_some() {
        return None;
    }
    let last = lines.iter().rev().find(|line| line.entry.is_some())?.last;
    held.get(last).map(|(snapshot, _)| snapshot.id.short())
}

/// At most 80 wide. A line lasts until the one below it begins, so that the last snapshot of each
/// has no column.
fn print_table(context: &Context, held: &Held<'_>, lines: &[HistoryLine]) -> Result<(), Failure> {
    let zone = context.now.time_zone();
    let head = ["first", "begun"].map(Cell::left).into_iter();
    let head = head.chain([Cell::right("snapshots"), Cell::right("size")]);
    let mut table = Table::new(head.chain([Cell::left("modified"), Cell::left("what")]));
    for line in lines {
        let first = match held.get(line.first) {
            Some((snapshot, _)) => [snapshot.id.short(), minute(snapshot.begun, zone)],
            None => [String::new(), String::new()],
        };
        let (size, modified) = match &line.entry {
            None => (String::new(), String::new()),
            Some(entry) => {
                let size = match &entry.kind {
                    Kind::File(file) => grouped(file.size),
                    _ => "-".to_owned(),
                };
                (size, minute(entry.metadata.modified.timestamp(), zone))
            }
        };
        let snapshots = Cell::right(grouped(snapshots(line)));
        let what = Cell::left(word(line.step));
        let cells = first.map(Cell::left).into_iter();
        table.row(cells.chain([snapshots, Cell::right(size), Cell::left(modified), what]));
    }
    table.render().try_for_each(|line| context.output.line(line))
}

fn snapshots(line: &HistoryLine) -> u64 {
    line.last.saturating_sub(line.first).saturating_add(1) as u64
}

fn word(step: HistoryStep) -> &'static str {
    match step {
        HistoryStep::New => "new",
        HistoryStep::Back => "back",
        HistoryStep::Absent => "absent",
        HistoryStep::Changed(Modifier::Metadata) => "metadata",
        HistoryStep::Changed(Modifier::Type) => "type",
        HistoryStep::Changed(_) => "content",
    }
}

fn message<'a>(host: &'a str, held: &Held<'_>, line: &HistoryLine) -> Option<VersionMessage<'a>> {
    let (first, places) = held.get(line.first)?;
    let (last, _) = held.get(line.last)?;
    let place = places.first()?;
    let path = real_path(place);
    let is_text = std::str::from_utf8(&path).is_ok();
    Some(VersionMessage {
        hostname: host,
        path: String::from_utf8_lossy(&path).into_owned(),
        path_hex: (!is_text).then(|| hexadecimal(&path)),
        change: word(line.step),
        first_snapshot: first.id.hex(),
        first_time: first.begun,
        last_snapshot: last.id.hex(),
        last_time: last.begun,
        snapshots: snapshots(line),
        node: line.entry.as_ref().map(|entry| Node::new(place, entry)),
    })
}
