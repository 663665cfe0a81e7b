//! Entries and snapshots in words.

use crate::cli::ls::permissions;
use crate::cli::text::{count, grouped, readable, time};
use crate::model::{Entry, Kind, Reading, Snapshot, SnapshotKind};
use crate::ops::is_fuzzy;
use crate::policy::format_size;
use jiff::tz::TimeZone;

/// A line of a folder: size, time, name.
pub fn entry_line(entry: &Entry, zone: &TimeZone) -> String {
    let size = match &entry.kind {
        Kind::File(file) => format_size(file.size),
        Kind::Directory(_) => String::new(),
        Kind::Collection(collection) => format_size(collection.size),
        kind => kind.word().to_owned(),
    };
    let modified = entry.metadata.modified.timestamp().to_zoned(zone.clone());
    let modified = modified.strftime("%Y-%m-%d %H:%M");
    format!("{size:>11}  {modified}  {}", shown_name(entry))
}

/// With a slash after a directory, a link's target, and that a collection is fuzzy.
pub fn shown_name(entry: &Entry) -> String {
    match &entry.kind {
        Kind::Directory(_) => format!("{}/", entry.name),
        Kind::Symlink { target } => format!("{} -> {}", entry.name, readable(target)),
        kind if is_fuzzy(kind) => format!("{}  (fuzzy)", entry.name),
        _ => entry.name.to_string(),
    }
}

/// All that is known of an entry, a line each.
pub fn entry_details(entry: &Entry, zone: &TimeZone) -> Vec<String> {
    let metadata = &entry.metadata;
    let mut lines = vec![entry.name.to_string(), String::new()];
    lines.extend(kind_details(&entry.kind));
    if matches!(entry.kind, Kind::Collection(_) | Kind::View { .. }) {
        return lines;
    }
    lines.push(format!("{}  {:04o}", permissions(entry), metadata.mode));
    let owner = |name: &str, number: u32| match name {
        "" => number.to_string(),
        name => format!("{} ({number})", readable(name.as_bytes())),
    };
    lines.push(format!("user  {}", owner(&metadata.user_name, metadata.user)));
    lines.push(format!("group {}", owner(&metadata.group_name, metadata.group)));
    lines.push(time(metadata.modified.timestamp(), zone));
    if let Some(group) = &entry.link_group {
        lines.push(format!("hard link of /{group}"));
    }
    for attribute in &metadata.attributes {
        lines.push(format!("has {}", readable(&attribute.name)));
    }
    lines
}

fn kind_details(kind: &Kind) -> Vec<String> {
    match kind {
        Kind::File(file) => {
            let mut lines = vec![format!("file, {}", format_size(file.size)), bytes(file.size)];
            let holes = file.holes.iter().map(|hole| hole.length).fold(0, u64::saturating_add);
            if holes > 0 {
                lines.push(format!("{} of it holes", format_size(holes)));
            }
            match file.reading {
                Reading::Steady => {}
                Reading::Grew => lines.push("grew while it was read".to_owned()),
                Reading::Torn => lines.push("CHANGED while it was read".to_owned()),
            }
            lines
        }
        Kind::Directory(directory) => {
            let below = directory.summary;
            let mut lines = vec![
                "folder, with below it".to_owned(),
                format!("  {}", count(below.files, "file", "files")),
                format!("  {}", count(below.directories, "folder", "folders")),
                format!("  {}", format_size(below.bytes)),
            ];
            if directory.tree.is_none() {
                lines.push("could not be read".to_owned());
            }
            lines
        }
        Kind::Collection(collection) => vec![
            format!("collection, {}", count(collection.count, "document", "documents")),
            bytes(collection.size),
            count(collection.indexes.len() as u64, "index", "indexes"),
            match collection.moment {
                Some(moment) => format!("as of cluster time {moment}"),
                None => "FUZZY: others may have written".to_owned(),
            },
        ],
        Kind::View { .. } => vec!["view of a collection".to_owned()],
        Kind::Symlink { target } => vec!["link to".to_owned(), format!("  {}", readable(target))],
        Kind::CharacterDevice { major, minor } => {
            vec![format!("character device {major}, {minor}")]
        }
        Kind::BlockDevice { major, minor } => vec![format!("block device {major}, {minor}")],
        Kind::Fifo => vec!["pipe".to_owned()],
        Kind::Socket => vec!["socket".to_owned()],
    }
}

fn bytes(number: u64) -> String {
    format!("{} bytes", grouped(number))
}

/// What fits beside the details on a narrow terminal; those have the rest.
pub fn snapshot_line(snapshot: &Snapshot, zone: &TimeZone) -> String {
    let host = readable(snapshot.host.name.as_bytes());
    let safety = if snapshot.kind == SnapshotKind::Safety { "  (safety)" } else { "" };
    let begun = time(snapshot.begun, zone);
    let to_the_minute = begun.get(..16).unwrap_or(&begun);
    let sources: Vec<String> = addresses(snapshot).iter().map(|one| last_name(one)).collect();
    let (id, sources) = (snapshot.id.short(), sources.join(" "));
    format!("{to_the_minute}  {id}  {host}: {sources}{safety}")
}

/// `bot` for `/srv/bot`.
fn last_name(address: &str) -> String {
    let name = address.rsplit('/').find(|name| !name.is_empty());
    name.unwrap_or(address).to_owned()
}

fn addresses(snapshot: &Snapshot) -> Vec<String> {
    snapshot.sources.iter().map(|source| readable(&source.address)).collect()
}

pub fn snapshot_details(snapshot: &Snapshot, zone: &TimeZone) -> Vec<String> {
    let mut lines = vec![
        format!("snapshot {}", snapshot.id.short()),
        String::new(),
        format!("begun {}", time(snapshot.begun, zone)),
        format!("host  {}", readable(snapshot.host.name.as_bytes())),
        format!("user  {}", readable(snapshot.host.user.as_bytes())),
    ];
    lines.extend(addresses(snapshot).into_iter().map(|address| format!("of    {address}")));
    let tags: Vec<_> = snapshot.tags.iter().map(|tag| readable(tag.as_bytes())).collect();
    if !tags.is_empty() {
        lines.push(format!("tags  {}", tags.join(", ")));
    }
    lines.push(count(snapshot.summary.files, "file", "files"));
    lines.push(count(snapshot.summary.directories, "folder", "folders"));
    lines.push(format_size(snapshot.summary.bytes));
    if snapshot.problems > 0 {
        lines.push(count(snapshot.problems, "thing was not read", "things were not read"));
    }
    if snapshot.kind == SnapshotKind::Safety {
        lines.push("taken before a restore".to_owned());
    }
    lines
}
