//! The parts of snapshots, folders and types.

use super::{Arguments, By};
use crate::cli::context::Context;
use crate::cli::error::Failure;
use crate::cli::json::SnapshotMessage;
use crate::cli::place::SnapshotPlace;
use crate::cli::progress::Progress;
use crate::cli::table::{Cell, Table};
use crate::cli::text::{count, grouped, minute, readable};
use crate::model::{EntryPath, Snapshot};
use crate::ops::{
    Blobs, Grouping, Share, ShareName, SnapshotShare, share_of_entries, share_of_snapshots,
};
use crate::policy::format_size;
use crate::repo::BlobReader;
use serde::Serialize;

/// So many folders or types are shown if nothing else is said.
const TOP: usize = 20;

/// `snapshot`, with its part; the names are those of restic's snapshot summaries.
#[derive(Serialize)]
struct SnapshotShareMessage {
    #[serde(flatten)]
    snapshot: SnapshotMessage,
    added_blobs: u64,
    data_added: u64,
    data_added_packed: u64,
    only_blobs: u64,
    data_only: u64,
    data_only_packed: u64,
}

impl From<&SnapshotShare> for SnapshotShareMessage {
    fn from(share: &SnapshotShare) -> Self {
        let SnapshotShare { snapshot, added, only } = share;
        Self {
            snapshot: SnapshotMessage::from(snapshot),
            added_blobs: added.count,
            data_added: added.plain,
            data_added_packed: added.stored,
            only_blobs: only.count,
            data_only: only.plain,
            data_only_packed: only.stored,
        }
    }
}

/// A table of snapshots, oldest first, with what they brought and what only they have. Their paths
/// would not fit into 80 columns; `snap snapshots` shows them.
pub fn by_snapshot(
    context: &Context,
    arguments: &Arguments,
    mut shares: Vec<SnapshotShare>,
) -> Result<(), Failure> {
    if let Some(top) = arguments.top {
        shares.sort_by_key(|share| std::cmp::Reverse(share.only.stored));
        shares.truncate(top);
    }
    let zone = context.now.time_zone();
    let head = ["id", "begun", "host"].map(Cell::left);
    let sizes = ["size", "added", "only here"].map(Cell::right);
    let mut table = Table::new(head.into_iter().chain(sizes));
    for share in &shares {
        context.output.object("snapshot", &SnapshotShareMessage::from(share))?;
        let SnapshotShare { snapshot, added, only } = share;
        table.row([
            Cell::left(snapshot.id.short()),
            Cell::left(minute(snapshot.begun, zone)),
            Cell::left(readable(snapshot.host.name.as_bytes())),
            Cell::right(format_size(snapshot.summary.bytes)),
            Cell::right(format_size(added.stored)),
            Cell::right(format_size(only.stored)),
        ]);
    }
    table.render().try_for_each(|line| context.output.line(line))?;
    let snapshots = count(shares.len() as u64, "snapshot", "snapshots");
    let added = shares.iter().fold(Blobs::default(), |sum, share| sum.with(share.added));
    context.output.say(format!("{snapshots} added {}", format_size(added.stored)))?;
    context.output.say("\"only here\" is what nothing needs once that one alone is forgotten")
}

/// `share`: a folder's or a type's part.
#[derive(Serialize)]
struct ShareMessage<'a> {
    by: &'static str,
    name: &'a str,
    files: u64,
    restore_size: u64,
    total_blob_count: u64,
    total_uncompressed_size: u64,
    total_size: u64,
}

/// Of places in one snapshot.
pub fn of_places(
    context: &Context,
    arguments: &Arguments,
    by: By,
    reader: &BlobReader,
    places: &[SnapshotPlace],
) -> Result<(), Failure> {
    let progress = Progress::start(context);
    let entries = places.iter().map(|place| (&place.path, &place.entry));
    let monitor = progress.monitor();
    let shares = share_of_entries(reader, entries, grouping(by, arguments), monitor.as_ref());
    drop(progress);
    print(context, arguments, by, &shares?, "files")
}

/// Of all that snapshots have.
pub fn of_snapshots(
    context: &Context,
    arguments: &Arguments,
    by: By,
    reader: &BlobReader,
    snapshots: &[Snapshot],
) -> Result<(), Failure> {
    let progress = Progress::start(context);
    let (grouping, monitor) = (grouping(by, arguments), progress.monitor());
    let shares = share_of_snapshots(reader, snapshots, grouping, monitor.as_ref());
    drop(progress);
    print(context, arguments, by, &shares?, "versions")
}

fn grouping(by: By, arguments: &Arguments) -> Grouping {
    match by {
        By::Folder => Grouping::Folder { depth: arguments.depth },
        By::Snapshot | By::Type => Grouping::Type,
    }
}

fn print(
    context: &Context,
    arguments: &Arguments,
    by: By,
    shares: &[Share],
    files: &str,
) -> Result<(), Failure> {
    let most = match (arguments.top, context.output.is_json()) {
        (Some(top), _) => top,
        (None, true) => usize::MAX,
        (None, false) => TOP,
    };
    let (shown, rest) = shares.split_at(shares.len().min(most));
    let by = if by == By::Folder { "folder" } else { "type" };
    let head = [files, "size", "unique", "stored"].map(Cell::right);
    let mut table = Table::new(head.into_iter().chain([Cell::left(by)]));
    for share in shown {
        let name = name(&share.name);
        context.output.object("share", &message(by, &name, share))?;
        table.row(cells(share, name));
    }
    if !rest.is_empty() {
        table.row(cells(&sum(rest), format!("({} more)", grouped(rest.len() as u64))));
    }
    table.row(cells(&sum(shares), "(all)".to_owned()));
    table.render().try_for_each(|line| context.output.line(line))
}

fn message<'a>(by: &'static str, name: &'a str, share: &Share) -> ShareMessage<'a> {
    ShareMessage {
        by,
        name,
        files: share.files,
        restore_size: share.size,
        total_blob_count: share.blobs.count,
        total_uncompressed_size: share.blobs.plain,
        total_size: share.blobs.stored,
    }
}

fn cells(share: &Share, name: String) -> [Cell; 5] {
    let size = |bytes| Cell::right(format_size(bytes));
    [
        Cell::right(grouped(share.files)),
        size(share.size),
        size(share.blobs.plain),
        size(share.blobs.stored),
        Cell::left(name),
    ]
}

fn sum(shares: &[Share]) -> Share {
    let none = Share { name: ShareName::Others, files: 0, size: 0, blobs: Blobs::default() };
    shares.iter().fold(none, |sum, share| Share {
        name: ShareName::Others,
        files: sum.files.saturating_add(share.files),
        size: sum.size.saturating_add(share.size),
        blobs: sum.blobs.with(share.blobs),
    })
}

fn name(name: &ShareName) -> String {
    match name {
        ShareName::Folder(path) => real_path(path),
        ShareName::Extension(extension) if extension.is_empty() => "(no extension)".to_owned(),
        ShareName::Extension(extension) => extension.clone(),
        ShareName::Kind("dir") => "(folders)".to_owned(),
        ShareName::Kind(word) => format!("({word})"),
        ShareName::Others => "(others)".to_owned(),
    }
}

/// `/srv/bot/` for `files/srv/bot`, readable.
fn real_path(path: &EntryPath) -> String {
    let text = path.to_string();
    match text.split_once('/') {
        Some(("files", rest)) => format!("/{rest}/"),
        None if text == "files" => "/".to_owned(),
        _ => format!("/{text}/"),
    }
}
