//! Where a path that people know lies in a snapshot: `/srv/bot` is `files/srv/bot`, and
//! `bot/users` may be `mongodb/rs0/bot/users`.

mod databases;

pub use databases::is_of_database;

use super::code::Code;
use super::error::Failure;
use super::text::{readable, shell_word};
use crate::model::{BlobId, Entry, EntryName, EntryPath, Snapshot, SnapshotKind};
use crate::ops::FILES;
use crate::repo::{BlobReader, RepoError};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

/// So few names of a folder are looked up one by one.
const FEW: usize = 8;

/// Something in a snapshot.
pub struct SnapshotPlace {
    pub path: EntryPath,
    pub entry: Entry,
}

/// Finds each of the paths; relative ones begin at the current directory. One that is not there
/// is an error that names it.
pub fn find_places(
    reader: &BlobReader,
    snapshot: &Snapshot,
    words: &[OsString],
) -> Result<Vec<SnapshotPlace>, Failure> {
    words.iter().map(|word| find_place(reader, snapshot, word)).collect()
}

fn find_place(
    reader: &BlobReader,
    snapshot: &Snapshot,
    word: &OsString,
) -> Result<SnapshotPlace, Failure> {
    let mut found = Vec::new();
    for path in candidates(snapshot, word)? {
        if let Some(entry) = reader.find_path(&snapshot.tree, &path)? {
            found.push(SnapshotPlace { path, entry });
        }
    }
    match (found.pop(), found.is_empty()) {
        (Some(place), true) => Ok(place),
        (Some(place), false) => {
            found.push(place);
            chosen(found, word)
        }
        (None, _) => Err(missing(reader, snapshot, word)?),
    }
}

/// Of several places: a file of that path as it was given comes before one of its real path; but
/// what may be a file or a collection, or lies on several servers, is not guessed.
fn chosen(found: Vec<SnapshotPlace>, word: &OsString) -> Result<SnapshotPlace, Failure> {
    let databases = found.iter().filter(|place| databases::is_of_database(&place.path));
    let names: Vec<String> = databases.map(|place| place.path.to_string()).collect();
    let is_named = databases::is_address(word) || word.as_bytes().starts_with(b"/");
    match (names.is_empty() || is_named, found.into_iter().next()) {
        (true, Some(first)) => Ok(first),
        _ => Err(Failure::usage(format!("{} may be several things", shell_word(word)))
            .hint(format!("write the whole path: {}", names.join(", or ")))),
    }
}

fn missing(reader: &BlobReader, snapshot: &Snapshot, given: &OsString) -> Result<Failure, Failure> {
    let name = shown(given)?;
    let message = format!("{name} is not in snapshot {}", snapshot.id.short());
    let hint = match last_with(reader, snapshot, given)? {
        Some(last) => {
            let id = last.id.short();
            let path = shell_word(OsStr::new(&name));
            format!("the last that has it is {id}: `snap restore {id}:{path}` brings it back")
        }
        None => {
            let id = snapshot.id.short();
            format!("no other snapshot has it; `snap ls {id}` shows what is in this one")
        }
    };
    Ok(Failure::new(Code::Nothing, message).hint(hint))
}

/// The sources of a snapshot, in order of their paths. A folder that holds many of them is read
/// once.
pub fn find_sources(
    reader: &BlobReader,
    snapshot: &Snapshot,
) -> Result<Vec<SnapshotPlace>, RepoError> {
    let mut folders: BTreeMap<EntryPath, BTreeSet<EntryName>> = BTreeMap::new();
    for source in &snapshot.sources {
        let mut folder = source.path.clone();
        if let Some(name) = source.path.names().next_back() {
            folder.pop();
            folders.entry(folder).or_default().insert(name);
        }
    }
    let mut places = Vec::new();
    for (folder, names) in folders {
        let Some(tree) = tree_of(reader, snapshot, &folder)? else { continue };
        let mut found = Vec::new();
        if names.len() < FEW {
            for name in &names {
                found.extend(reader.find_entry(&tree, name.bytes())?);
            }
        } else {
            for entry in reader.entries(&tree)? {
                found.extend(Some(entry?).filter(|entry| names.contains(&entry.name)));
            }
        }
        let place = |entry: Entry| SnapshotPlace { path: folder.join(&entry.name), entry };
        places.extend(found.into_iter().map(place));
    }
    places.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(places)
}

fn tree_of(
    reader: &BlobReader,
    snapshot: &Snapshot,
    folder: &EntryPath,
) -> Result<Option<BlobId>, RepoError> {
    if folder.is_root() {
        return Ok(Some(snapshot.tree));
    }
    Ok(reader.find_path(&snapshot.tree, folder)?.and_then(|entry| entry.tree()))
}

/// The newest snapshot of the same host that has a path.
fn last_with(
    reader: &BlobReader,
    missing: &Snapshot,
    given: &OsString,
) -> Result<Option<Snapshot>, Failure> {
    let mut live = reader.repository().ledger()?.live;
    live.retain(|snapshot| {
        snapshot.kind == SnapshotKind::Backup && snapshot.host.name == missing.host.name
    });
    for snapshot in live.into_iter().rev() {
        for path in candidates(&snapshot, given)? {
            // What cannot be read is of no help.
            if let Ok(Some(_)) = reader.find_path(&snapshot.tree, &path) {
                return Ok(Some(snapshot));
            }
        }
    }
    Ok(None)
}

/// Whether the snapshot's sources hold the path, or some of what is below it.
pub fn may_hold(snapshot: &Snapshot, word: &OsString) -> Result<bool, Failure> {
    let candidates = candidates(snapshot, word)?;
    Ok(snapshot.sources.iter().any(|source| {
        let near =
            |path: &EntryPath| path.starts_with(&source.path) || source.path.starts_with(path);
        candidates.iter().any(near)
    }))
}

/// Where in a snapshot a path may be.
pub fn possible_places(snapshot: &Snapshot, word: &OsString) -> Result<Vec<EntryPath>, Failure> {
    candidates(snapshot, word)
}

/// The path as people know it, absolute as written.
pub fn shown(word: &OsString) -> Result<String, Failure> {
    let bytes = word.as_bytes();
    if databases::is_address(word) || bytes.starts_with(b"mongodb/") || bytes == b"mongodb" {
        return Ok(readable(bytes));
    }
    Ok(readable(absolute(word)?.as_os_str().as_bytes()))
}

/// A source that was given through a link lies under its real path: a path that begins like the
/// source as it was given is meant there, too. Databases come last.
fn candidates(snapshot: &Snapshot, word: &OsString) -> Result<Vec<EntryPath>, Failure> {
    if let Some(place) = databases::named(snapshot, word).filter(|_| !is_absolute(word)) {
        return Ok(vec![place]);
    }
    if databases::is_address(word) {
        return Ok(Vec::new());
    }
    let mut candidates = file_candidates(snapshot, &absolute(word)?)?;
    candidates.extend(databases::named(snapshot, word));
    candidates.extend(databases::short(snapshot, word));
    Ok(candidates)
}

fn is_absolute(word: &OsString) -> bool {
    word.as_bytes().starts_with(b"/")
}

fn file_candidates(snapshot: &Snapshot, given: &Path) -> Result<Vec<EntryPath>, Failure> {
    let mut candidates = vec![below(&files(), given)?];
    for source in &snapshot.sources {
        let address = Path::new(std::ffi::OsStr::from_bytes(&source.address));
        if let Ok(rest) = given.strip_prefix(address) {
            let path = below(&source.path, rest)?;
            if !candidates.contains(&path) {
                candidates.push(path);
            }
        }
    }
    Ok(candidates)
}

fn files() -> EntryPath {
    EntryPath::parse(FILES).unwrap_or_default()
}

fn below(root: &EntryPath, path: &Path) -> Result<EntryPath, Failure> {
    let mut below = root.clone();
    for component in path.components() {
        if let Component::Normal(name) = component {
            let name = EntryName::new(name.as_bytes()).map_err(Failure::usage)?;
            below.push(&name);
        }
    }
    Ok(below)
}

/// Without `.` and `..`, as written: links are not looked up, they may be gone.
fn absolute(word: &OsString) -> Result<PathBuf, Failure> {
    let absolute = std::path::absolute(word).map_err(|_| Failure::usage("a path is empty"))?;
    let mut path = PathBuf::new();
    for component in absolute.components() {
        match component {
            Component::ParentDir => {
                path.pop();
            }
            other => path.push(other),
        }
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_made_absolute_as_written() {
        let shown = |word: &str| absolute(&word.into()).unwrap().display().to_string();
        assert_eq!(shown("/srv/../etc/./x/"), "/etc/x");
        assert_eq!(shown("/../.."), "/");
        assert_eq!(shown("x"), std::env::current_dir().unwrap().join("x").display().to_string());
        assert!(absolute(&"".into()).is_err());
    }

    #[test]
    fn a_path_lies_below_files() {
        let path = below(&files(), Path::new("/srv/bot")).unwrap();
        assert_eq!(path.bytes(), b"files/srv/bot");
        assert_eq!(below(&files(), Path::new("/")).unwrap().bytes(), b"files");
    }
}
