//! One entry, as a line and as JSON.

use crate::cli::text::{count, grouped, time};
use crate::model::{Collection, CollectionKind, Entry, EntryPath, Kind, Reading};
use crate::ops::is_fuzzy;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

/// `node`; names are restic's.
#[derive(Serialize)]
pub struct Node {
    name: String,
    #[serde(rename = "type")]
    kind: &'static str,
    path: String,
    /// The path's bytes in hexadecimal, where it is not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    path_hex: Option<String>,
    uid: u32,
    gid: u32,
    #[serde(skip_serializing_if = "String::is_empty")]
    user: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    group: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    mode: u16,
    permissions: String,
    mtime: Timestamp,
    /// As `snap find --content` takes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    content_hash: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    linktarget: Option<String>,
    /// Written to while it was read, each time: it may mix several states.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    torn: bool,
    #[serde(flatten)]
    collection: Option<CollectionNode>,
}

/// What only collections have.
#[derive(Serialize)]
struct CollectionNode {
    documents: u64,
    indexes: u64,
    /// `exact` or `fuzzy`.
    consistency: &'static str,
    /// Seconds and the number of the operation within the second.
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster_time: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    time_series: bool,
}

impl CollectionNode {
    fn of(entry: &Entry) -> Option<Self> {
        let Kind::Collection(collection) = &entry.kind else { return None };
        Some(Self {
            documents: collection.count,
            indexes: collection.indexes.len() as u64,
            consistency: if is_fuzzy(&entry.kind) { "fuzzy" } else { "exact" },
            cluster_time: collection.moment.map(|moment| moment.to_string()),
            time_series: collection.kind == CollectionKind::TimeSeries,
        })
    }
}

impl Node {
    pub fn new(path: &EntryPath, entry: &Entry) -> Self {
        let bytes = real_path(path);
        let is_text = std::str::from_utf8(&bytes).is_ok();
        let metadata = &entry.metadata;
        Self {
            name: String::from_utf8_lossy(entry.name.bytes()).into_owned(),
            kind: entry.kind.word(),
            path: String::from_utf8_lossy(&bytes).into_owned(),
            path_hex: (!is_text).then(|| hexadecimal(&bytes)),
            uid: metadata.user,
            gid: metadata.group,
            user: metadata.user_name.clone(),
            group: metadata.group_name.clone(),
            size: match &entry.kind {
                Kind::File(file) => Some(file.size),
                Kind::Collection(collection) => Some(collection.size),
                _ => None,
            },
            mode: metadata.mode,
            permissions: permissions(entry),
            mtime: metadata.modified.timestamp(),
            content_hash: match &entry.kind {
                Kind::File(file) => file.hash.map(|hash| hash.hex()),
                _ => None,
            },
            linktarget: match &entry.kind {
                Kind::Symlink { target } => Some(String::from_utf8_lossy(target).into_owned()),
                _ => None,
            },
            torn: matches!(&entry.kind, Kind::File(file) if file.reading == Reading::Torn),
            collection: CollectionNode::of(entry),
        }
    }
}

pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `/srv/bot` for `files/srv/bot`; what is no file keeps its whole path.
pub fn real_path(path: &EntryPath) -> Vec<u8> {
    let mut real = Vec::with_capacity(path.bytes().len() + 1);
    let is_file = path.names().next().is_none_or(|first| first.bytes() == b"files");
    for name in path.names().skip(usize::from(is_file)) {
        real.push(b'/');
        real.extend_from_slice(name.bytes());
    }
    real
}

/// The real path, readable; a directory's with a slash at the end, a collection's with the word
/// fuzzy behind it where it is.
pub fn shown_path(path: &EntryPath, entry: &Entry) -> String {
    let text = path.to_string();
    let text = match text.split_once('/') {
        Some(("files", rest)) => rest,
        None => "",
        Some(_) => &text,
    };
    let end = if matches!(entry.kind, Kind::Directory(_)) { "/" } else { "" };
    let fuzzy = if is_fuzzy(&entry.kind) { "  fuzzy" } else { "" };
    format!("/{text}{end}{fuzzy}")
}

/// As `ls -l` shows it.
pub fn long_line(path: &EntryPath, entry: &Entry, zone: &TimeZone) -> String {
    let target = match &entry.kind {
        Kind::Symlink { target } => format!(" -> {}", crate::cli::text::readable(target)),
        _ => String::new(),
    };
    format!("{} {}{target}", long_columns(entry, zone), shown_path(path, entry))
}

/// Mode, owner, size and time; of a collection its documents, indexes, bytes, and the second of
/// its cluster time.
pub fn long_columns(entry: &Entry, zone: &TimeZone) -> String {
    let metadata = &entry.metadata;
    match &entry.kind {
        Kind::Collection(collection) => return collection_columns(collection, zone),
        Kind::View { .. } => return format!("{:<28} {:>14} {:<19}", "v view", "-", "-"),
        _ => {}
    }
    let owner = |name: &str, number: u32| match name {
        "" => number.to_string(),
        name => name.escape_default().to_string(),
    };
    let size = match &entry.kind {
        Kind::File(file) => grouped(file.size),
        Kind::CharacterDevice { major, minor } | Kind::BlockDevice { major, minor } => {
            format!("{major}, {minor}")
        }
        _ => "-".to_owned(),
    };
    format!(
        "{} {:<8} {:<8} {size:>14} {}",
        permissions(entry),
        owner(&metadata.user_name, metadata.user),
        owner(&metadata.group_name, metadata.group),
        time(metadata.modified.timestamp(), zone),
    )
}

fn collection_columns(collection: &Collection, zone: &TimeZone) -> String {
    let indexes = collection.indexes.len() as u64;
    let counts =
        format!("D {} docs, {}", grouped(collection.count), count(indexes, "index", "indexes"));
    let moment = collection.moment.map(|moment| time(moment.timestamp(), zone));
    let moment = moment.unwrap_or_else(|| "-".to_owned());
    format!("{counts:<28} {:>14} {moment:<19}", grouped(collection.size))
}

/// `drwxr-sr-t`.
pub fn permissions(entry: &Entry) -> String {
    let mode = entry.metadata.mode;
    let kind = match entry.kind {
        Kind::File(_) => '-',
        Kind::Directory(_) => 'd',
        Kind::Symlink { .. } => 'l',
        Kind::CharacterDevice { .. } => 'c',
        Kind::BlockDevice { .. } => 'b',
        Kind::Fifo => 'p',
        Kind::Socket => 's',
        Kind::Collection(_) => 'D',
        Kind::View { .. } => 'v',
    };
    let mut text = String::from(kind);
    for (shift, special, letter) in [(6, 0o4000, 's'), (3, 0o2000, 's'), (0, 0o1000, 't')] {
        let bits = mode >> shift;
        text.push(if bits & 4 > 0 { 'r' } else { '-' });
        text.push(if bits & 2 > 0 { 'w' } else { '-' });
        text.push(match (bits & 1 > 0, mode & special > 0) {
            (true, false) => 'x',
            (false, false) => '-',
            (true, true) => letter,
            (false, true) => letter.to_ascii_uppercase(),
        });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{EntryName, Metadata};

    fn entry(mode: u16, kind: Kind) -> Entry {
        let name = EntryName::new(b"x".as_slice()).unwrap();
        let metadata = Metadata { mode, ..Metadata::default() };
        Entry { name, kind, metadata, link_group: None }
    }

    #[test]
    fn permissions_are_shown_as_ls_does() {
        for (mode, text) in [(0o755, "prwxr-xr-x"), (0o7777, "prwsrwsrwt"), (0o7000, "p--S--S--T")]
        {
            assert_eq!(permissions(&entry(mode, Kind::Fifo)), text);
        }
    }

    #[test]
    fn paths_are_shown_as_they_were() {
        let path = EntryPath::parse(b"files/srv/\xff").unwrap();
        let fifo = entry(0o600, Kind::Fifo);
        assert_eq!(shown_path(&path, &fifo), "/srv/\\xff");
        let node = serde_json::to_value(Node::new(&path, &fifo)).unwrap();
        assert_eq!(node["path"], "/srv/\u{fffd}");
        assert_eq!(node["path_hex"], "2f7372762fff");
        assert!(node.get("size").is_none());
    }
}
