//! Where databases and collections lie: `mongodb/rs0/bot/users`, the same after a slash as lists
//! show it, `mongodb://host/bot/users` as the source was given, or short, `bot/users`, where no
//! other server has a database of that name.

use crate::model::{EntryName, EntryPath, Snapshot, escape_name, unescape_name};
use crate::ops::MONGODB;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

/// The place that a whole address or path names; `None` if it is of no database.
pub fn named(snapshot: &Snapshot, word: &OsStr) -> Option<EntryPath> {
    let bytes = word.as_bytes();
    if is_address(word) {
        let sources = snapshot.sources.iter().filter(|source| is_of_database(&source.path));
        let places = sources.filter_map(|source| {
            let rest = bytes.strip_prefix(source.address.as_slice())?;
            let is_below = rest.is_empty() || rest.starts_with(b"/");
            is_below.then(|| below(&source.path, rest)).flatten()
        });
        return places.max_by_key(|place| place.bytes().len());
    }
    let path = bytes.strip_prefix(b"/").unwrap_or(bytes);
    let rest = path.strip_prefix(MONGODB)?;
    let is_below = rest.is_empty() || rest.starts_with(b"/");
    let root = EntryPath::parse(MONGODB).ok()?;
    is_below.then(|| below(&root, rest)).flatten()
}

/// The places that `DATABASE[/COLLECTION]` may stand for: one for each server that has such a
/// database.
pub fn short(snapshot: &Snapshot, word: &OsStr) -> Vec<EntryPath> {
    let bytes = word.as_bytes();
    if bytes.starts_with(b"/") || bytes.starts_with(b".") || is_address(word) {
        return Vec::new();
    }
    let split = bytes.iter().position(|byte| *byte == b'/').unwrap_or(bytes.len());
    let (database, rest) = bytes.split_at(split);
    let sources = snapshot.sources.iter().filter(|source| is_of_database(&source.path));
    let places = sources.filter_map(|source| {
        let name = source.path.names().next_back()?;
        let is_it = name.bytes() == database
            || unescape_name(&name).is_some_and(|name| name.as_bytes() == database);
        is_it.then(|| below(&source.path, rest)).flatten()
    });
    let mut places: Vec<EntryPath> = places.collect();
    places.dedup();
    places
}

/// Whether it is no path of files for certain.
pub fn is_address(word: &OsStr) -> bool {
    let bytes = word.as_bytes();
    bytes.starts_with(b"mongodb://") || bytes.starts_with(b"mongodb+srv://")
}

/// Whether it lies where databases are.
pub fn is_of_database(path: &EntryPath) -> bool {
    path.names().next().is_some_and(|first| first.bytes() == MONGODB)
}

fn below(root: &EntryPath, rest: &[u8]) -> Option<EntryPath> {
    let mut place = root.clone();
    for name in rest.split(|byte| *byte == b'/').filter(|name| !name.is_empty()) {
        let written = EntryName::new(name).ok()?;
        // `100%` is `100%25` there; whoever writes that means the same.
        let is_escaped = unescape_name(&written).is_some();
        let plain = std::str::from_utf8(name).ok().filter(|_| !is_escaped);
        let escaped = plain.and_then(|plain| escape_name(plain).ok());
        place.push(&escaped.unwrap_or(written));
    }
    Some(place)
}
