//! What of the snapshot goes where.

use super::Arguments;
use crate::cli::asked::{Asked, split};
use crate::cli::error::Failure;
use crate::cli::place::{SnapshotPlace, find_places};
use crate::cli::text::shell_word;
use crate::model::{EntryName, EntryPath, Kind, Snapshot, SnapshotSource};
use crate::ops::{FILES, MONGODB, Root};
use crate::repo::{BlobReader, Repository};
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub struct Destination {
    pub target: PathBuf,
    pub root: Root,
    /// Paths in the snapshot.
    pub paths: Vec<EntryPath>,
}

/// In place, below a folder, the content of one folder, or one thing under another name. Paths
/// that were named must be in the snapshot.
pub fn find(
    arguments: &Arguments,
    repository: &Arc<Repository>,
    snapshot: &Snapshot,
    asked: &Asked,
) -> Result<Destination, Failure> {
    let mut places = Vec::new();
    if !asked.paths.is_empty() {
        let reader = BlobReader::for_reading(Arc::clone(repository))?;
        places = find_places(&reader, snapshot, &asked.paths)?;
    }
    match (&arguments.to, &arguments.target) {
        (Some(to), _) => renamed(to, places),
        (None, Some(target)) if is_joined(arguments) => content(target, places, arguments),
        (None, Some(target)) => Ok(Destination {
            target: target.clone(),
            root: Root::Whole,
            paths: places.into_iter().map(|place| place.path).collect(),
        }),
        (None, None) => Ok(in_place(snapshot, places)),
    }
}

/// Whether any of its sources are files.
pub fn has_files(snapshot: &Snapshot) -> bool {
    snapshot.sources.iter().any(|source| begins(source, FILES))
}

pub fn has_databases(snapshot: &Snapshot) -> bool {
    snapshot.sources.iter().any(|source| begins(source, MONGODB))
}

fn begins(source: &SnapshotSource, name: &[u8]) -> bool {
    source.path.names().next().is_some_and(|first| first.bytes() == name)
}

/// Whether it was written `ID:PATH`.
fn is_joined(arguments: &Arguments) -> bool {
    let first =
        arguments.words.first().filter(|_| arguments.at.is_none() && arguments.before.is_none());
    first.is_some_and(|word| split(word).1.is_some())
}

/// Everything means all sources: what they lie in is not theirs.
fn in_place(snapshot: &Snapshot, places: Vec<SnapshotPlace>) -> Destination {
    let mut paths: Vec<EntryPath> = places.into_iter().map(|place| place.path).collect();
    if paths.is_empty() {
        paths = snapshot.sources.iter().map(|source| source.path.clone()).collect();
    }
    Destination { target: PathBuf::from("/"), root: Root::Whole, paths }
}

/// `ID:FOLDER --target DIR`: what is in the folder goes into the target itself.
fn content(
    target: &Path,
    mut places: Vec<SnapshotPlace>,
    arguments: &Arguments,
) -> Result<Destination, Failure> {
    let (Some(SnapshotPlace { path, entry }), true) = (places.pop(), places.is_empty()) else {
        let word = arguments.words.first().map(|word| split(word).0);
        let word = word.as_ref().map_or_else(String::new, |word: &OsString| shell_word(word));
        return Err(Failure::usage("ID:PATH with --target takes no further paths").hint(format!(
            "write `snap restore {word} PATH… --target DIR`: then whole paths are made"
        )));
    };
    let root = match entry.kind {
        Kind::Directory(_) => Root::Folder(path),
        _ => Root::One(path, entry.name),
    };
    Ok(Destination { target: target.to_owned(), root, paths: Vec::new() })
}

/// `--to PATH`.
fn renamed(to: &Path, mut places: Vec<SnapshotPlace>) -> Result<Destination, Failure> {
    let (Some(place), true) = (places.pop(), places.is_empty()) else {
        return Err(Failure::usage("--to gives one thing another name: name one path")
            .hint("such as `snap restore latest:/srv/bot/config.py --to /tmp/config.old.py`"));
    };
    let is_folder = || {
        let shown = to.display();
        Failure::usage(format!("{shown} is no name for it"))
            .hint("--to is the whole new path, with the name; --target names a folder")
    };
    let absolute = std::path::absolute(to).map_err(|_| is_folder())?;
    if to.as_os_str().as_bytes().ends_with(b"/") && !matches!(place.entry.kind, Kind::Directory(_))
    {
        return Err(is_folder());
    }
    let (Some(target), Some(name)) = (absolute.parent(), absolute.file_name()) else {
        return Err(is_folder());
    };
    let name = EntryName::new(name.as_bytes()).map_err(|_| is_folder())?;
    Ok(Destination {
        target: target.to_owned(),
        root: Root::One(place.path, name),
        paths: Vec::new(),
    })
}
