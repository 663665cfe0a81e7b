//! Which two things are compared.

use super::is_file;
use crate::cli::asked::{Asked, find, is_id, lines_about, split};
use crate::cli::context::Context;
use crate::cli::error::Failure;
use crate::cli::moment::{self, Wanted};
use crate::cli::place::{SnapshotPlace, find_places, is_of_database};
use crate::cli::text::shell_word;
use crate::model::{Directory, Entry, EntryName, EntryPath, Kind, Metadata, Snapshot};
use crate::ops::{FILES, Until, live_path};
use crate::policy::{Filter, TimeExpression};
use crate::repo::{BlobReader, Ledger};
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// As it was typed. Without a second snapshot it is the live folders.
pub struct AskedSides {
    old: Asked,
    new: Option<Asked>,
    /// How far the databases of each go.
    until: [Option<Until>; 2],
}

/// What is compared.
pub struct Sides {
    pub old: Snapshot,
    pub old_place: SnapshotPlace,
    pub new: Side,
}

/// What the first snapshot is compared with.
pub enum Side {
    Snapshot {
        snapshot: Box<Snapshot>,
        place: Box<SnapshotPlace>,
    },
    /// The live folders, as the first snapshot knows them.
    Live {
        roots: Vec<EntryPath>,
    },
}

impl Sides {
    /// Whether it is a file on either side, whose lines can be compared.
    pub fn are_files(&self) -> bool {
        let is_new_file = match &self.new {
            Side::Snapshot { place, .. } => is_file(place),
            Side::Live { .. } => self.live_file().is_some_and(|path| path.is_file()),
        };
        is_file(&self.old_place) && is_new_file
    }

    /// Whether a collection was named.
    pub fn are_collections(&self) -> bool {
        let is_collection = |place: &SnapshotPlace| matches!(place.entry.kind, Kind::Collection(_));
        match &self.new {
            Side::Snapshot { place, .. } => is_collection(&self.old_place) && is_collection(place),
            Side::Live { .. } => false,
        }
    }

    /// The live file, where one is compared.
    pub fn live_file(&self) -> Option<PathBuf> {
        match &self.new {
            Side::Live { roots } => roots.first().map(live_path),
            Side::Snapshot { .. } => None,
        }
    }
}

/// One or two snapshots, and a path at most. `text` names the path, too.
pub fn asked(
    context: &Context,
    at: &[String],
    words: &[OsString],
    text: Option<&OsString>,
) -> Result<AskedSides, Failure> {
    if at.is_empty() {
        refuse_times(context, words)?;
        refuse_paths(words)?;
    }
    let too_many = || {
        Failure::usage("more than two snapshots were named")
            .hint("write `snap diff A B`, or `snap diff --at TIME --at TIME [PATH]`")
    };
    let (old, new) = match at {
        [] => (words.first(), words.get(1)),
        [_] | [_, _] if words.len() > 1 => return Err(too_many()),
        [_] | [_, _] => (None, None),
        _ => return Err(too_many()),
    };
    let mut until = [None; 2];
    let (mut old, mut new) = match at {
        [] => {
            let one = |word: &OsString| Asked::new(context, None, std::slice::from_ref(word));
            let old = match old {
                Some(word) => one(word)?,
                None => Asked::new(context, None, &[])?,
            };
            (old, new.map(one).transpose()?)
        }
        [old, rest @ ..] => {
            let mut one = |text: &String, side: usize| -> Result<Asked, Failure> {
                let (at, how_far) = moment::at(context, text)?;
                until[side] = how_far;
                Ok(Asked { word: None, at: Some(at), paths: words.to_vec() })
            };
            (one(old, 0)?, rest.first().map(|text| one(text, 1)).transpose()?)
        }
    };
    if let Some(text) = text {
        let sides = std::iter::once(&mut old).chain(&mut new);
        for side in sides.filter(|side| side.paths.is_empty()) {
            side.paths.push(text.clone());
        }
    }
    match &mut new {
        Some(new) if new.paths.is_empty() => new.paths.clone_from(&old.paths),
        Some(new) if old.paths.is_empty() => old.paths.clone_from(&new.paths),
        _ => {}
    }
    Ok(AskedSides { old, new, until })
}

/// A path belongs to its snapshot.
fn refuse_paths(words: &[OsString]) -> Result<(), Failure> {
    let [first, .., last] = words else { return Ok(()) };
    if is_id(split(last).0.as_bytes()) || !is_id(first.as_bytes()) {
        return Ok(());
    }
    let (id, path) = (first.to_string_lossy(), shell_word(last));
    Err(Failure::usage(format!("{path} names no snapshot"))
        .hint(format!("a path in one is written behind it: `snap diff {id}:{path}`")))
}

/// Times are no names of snapshots.
fn refuse_times(context: &Context, words: &[OsString]) -> Result<(), Failure> {
    let is_time = |word: &OsString| {
        let text = word.to_str().unwrap_or_default();
        let is_name = text.eq_ignore_ascii_case("latest")
            || text.len() >= 4 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        !is_name && TimeExpression::parse(text, &context.now).is_ok()
    };
    let Some(time) = words.iter().find(|word| is_time(word)) else { return Ok(()) };
    let latest = |word: &OsString| word.eq_ignore_ascii_case("latest");
    let times = words.iter().map(|word| if latest(word) { "now".into() } else { word.clone() });
    let times: Vec<_> = times.map(|word| format!("--at {}", shell_word(&word))).collect();
    let message = format!("{} is a time, and no snapshot", shell_word(time));
    let hint = match words.iter().all(|word| is_time(word) || latest(word)) {
        true => format!("write `snap diff {}`", times.join(" ")),
        false => "name both by id, or both by time: `snap diff --at TIME --at TIME`".to_owned(),
    };
    Err(Failure::usage(message).hint(hint))
}

/// Looks everything up, and says on the side what was taken.
pub fn resolve(
    context: &Context,
    reader: &BlobReader,
    ledger: &Ledger,
    filter: &Filter,
    asked: AskedSides,
) -> Result<Sides, Failure> {
    let old = find(context, ledger, &asked.old, filter)?.clone();
    let other = match &asked.new {
        Some(asked) => Some(find(context, ledger, asked, filter)?.clone()),
        None => None,
    };
    // Live folders have no databases.
    let until = asked.until.map(|until| until.filter(|_| other.is_some()));
    let rolled = |snapshot, asked: &Asked, until| {
        let say = |line: String| {
            context.output.aside_line(&line);
            Ok(())
        };
        let names_paths = !asked.paths.is_empty();
        let names_files = asked.paths.iter().all(|path| path.as_bytes().starts_with(b"/"));
        let wanted = Wanted {
            repository: reader.repository(),
            ledger,
            asked,
            until: if names_paths && names_files { None } else { until },
            addresses: &[],
            wants_files: true,
            say: &say,
        };
        moment::rolled(context, &wanted, snapshot)
    };
    let old = rolled(old, &asked.old, until[0])?;
    let other = match (other, &asked.new) {
        (Some(other), Some(asked)) => Some(rolled(other, asked, until[1])?),
        _ => None,
    };
    let has = other.as_ref().is_some_and(|other| has_databases(&old) || has_databases(other));
    let is_whole = asked.old.paths.is_empty() && has;
    let old_place = place(reader, &old, &asked.old, is_whole)?;
    let about = |snapshot: &Snapshot, asked: &Asked| {
        for line in lines_about(context, snapshot, asked.at.as_ref()) {
            context.output.aside_line(&line);
        }
    };
    about(&old, &asked.old);
    let new = match (&asked.new, other) {
        (None, _) | (_, None) => {
            let roots = match asked.old.paths.is_empty() {
                true => {
                    let paths = old.sources.iter().map(|source| source.path.clone());
                    paths.filter(|path| !is_of_database(path)).collect()
                }
                false => vec![old_place.path.clone()],
            };
            context.output.aside_line("and the live folders");
            Side::Live { roots }
        }
        (Some(asked), Some(snapshot)) => {
            about(&snapshot, asked);
            let place = Box::new(place(reader, &snapshot, asked, is_whole)?);
            Side::Snapshot { snapshot: Box::new(snapshot), place }
        }
    };
    Ok(Sides { old, old_place, new })
}

fn has_databases(snapshot: &Snapshot) -> bool {
    snapshot.sources.iter().any(|source| is_of_database(&source.path))
}

/// Files and databases, as one folder.
fn whole_snapshot(snapshot: &Snapshot) -> Result<SnapshotPlace, Failure> {
    let kind = Kind::Directory(Directory { tree: Some(snapshot.tree), summary: snapshot.summary });
    // It has no name of its own, and none is shown.
    let name = EntryName::new(FILES).map_err(Failure::usage)?;
    let entry = Entry { name, kind, metadata: Metadata::default(), link_group: None };
    Ok(SnapshotPlace { path: EntryPath::root(), entry })
}

/// The one path, or all: with databases of the whole snapshot, else of its files.
fn place(
    reader: &BlobReader,
    snapshot: &Snapshot,
    asked: &Asked,
    whole: bool,
) -> Result<SnapshotPlace, Failure> {
    if whole {
        return whole_snapshot(snapshot);
    }
    let all = [OsString::from("/")];
    let words = if asked.paths.is_empty() { &all[..] } else { &asked.paths };
    let place = find_places(reader, snapshot, words)?.into_iter().next();
    place.ok_or_else(|| Failure::usage("no path was named"))
}
