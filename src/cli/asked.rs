//! Which snapshot a command is about: an id, `latest`, or a time.

use super::code::Code;
use super::context::Context;
use super::error::Failure;
use super::place::{may_hold, shown};
use super::select::{by_id, in_future};
use super::text::{count, readable, shell_word, time_with_zone};
use crate::model::{Snapshot, SnapshotKind};
use crate::ops::fuzzy_collections;
use crate::policy::{Filter, TimeExpression, choose};
use crate::repo::{BlobReader, Ledger};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// What was typed: `ID PATH…`, `ID:PATH`, `latest PATH…`, or `--at TIME PATH…`.
pub struct Asked {
    /// `None` with `--at`.
    pub word: Option<OsString>,
    pub at: Option<TimeExpression>,
    /// With `ID:PATH`, that path is the first.
    pub paths: Vec<OsString>,
}

impl Asked {
    pub fn new(
        context: &Context,
        at: Option<&String>,
        words: &[OsString],
    ) -> Result<Self, Failure> {
        let at = at.map(|text| TimeExpression::parse(text, &context.now)).transpose()?;
        match (&at, words.split_first()) {
            (Some(_), _) => Ok(Self { word: None, at, paths: words.to_vec() }),
            (None, Some((word, paths))) => {
                let (word, joined) = split(word);
                let paths = joined.into_iter().chain(paths.iter().cloned()).collect();
                Ok(Self { word: Some(word), at, paths })
            }
            (None, None) => Err(Failure::usage("no snapshot was named")
                .hint("write an id, latest, or --at TIME; `snap snapshots` shows what there is")),
        }
    }

    /// A snapshot by its id or `latest`, whatever it holds.
    pub fn named(word: &OsString) -> Self {
        Self { word: Some(word.clone()), at: None, paths: Vec::new() }
    }
}

/// `ID:PATH` in its two parts. Anything else is left whole: a path may have a colon too.
pub fn split(word: &OsString) -> (OsString, Option<OsString>) {
    let bytes = word.as_bytes();
    let Some(colon) = bytes.iter().position(|byte| *byte == b':') else {
        return (word.clone(), None);
    };
    let (id, path) = (&bytes[..colon], &bytes[colon + 1..]);
    match is_id(id) && !path.is_empty() {
        true => (OsString::from_vec(id.to_vec()), Some(OsString::from_vec(path.to_vec()))),
        false => (word.clone(), None),
    }
}

/// Whether a word can be the name of a snapshot.
pub fn is_id(word: &[u8]) -> bool {
    word.eq_ignore_ascii_case(b"latest")
        || (word.len() >= 4 && word.iter().all(u8::is_ascii_hexdigit))
}

/// The snapshot that is meant: by time (`--at`), or by an id or `latest`. Chosen by time it is of
/// this host, unless the filter names others, and has sources that hold the paths.
pub fn find<'a>(
    context: &Context,
    ledger: &'a Ledger,
    asked: &Asked,
    filter: &Filter,
) -> Result<&'a Snapshot, Failure> {
    let paths = &asked.paths;
    let at = match (asked.at, asked.word.as_ref()) {
        (Some(at), _) => at,
        (None, Some(word)) if word.eq_ignore_ascii_case("latest") => TimeExpression::Latest,
        (None, word) => {
            let text = word.map(|word| word.to_string_lossy().into_owned()).unwrap_or_default();
            return by_id(&ledger.live, &text).map_err(|error| or_time(context, &text, error));
        }
    };
    let mut holding = Vec::new();
    for snapshot in &ledger.live {
        let holds = paths.iter().map(|path| may_hold(snapshot, path));
        if holds.collect::<Result<Vec<_>, _>>()?.into_iter().all(|holds| holds) {
            holding.push(snapshot);
        }
    }
    let mut own = filter.clone();
    if own.hosts.is_empty() {
        own.hosts.push(context.host()?.name);
    }
    let future = in_future(ledger);
    match choose(holding.iter().copied(), &at, &own, &future) {
        Some(found) => Ok(found),
        None => {
            let elsewhere = choose(holding, &at, filter, &future);
            Err(nothing(context, ledger, &at, &own, elsewhere, paths)?)
        }
    }
}

/// A time is no name of a snapshot.
fn or_time(context: &Context, text: &str, error: Failure) -> Failure {
    let is_time = error.code() == Code::Usage && TimeExpression::parse(text, &context.now).is_ok();
    match is_time {
        true => error.hint(format!("for a time write --at {}", shell_word(OsStr::new(text)))),
        false => error,
    }
}

fn nothing(
    context: &Context,
    ledger: &Ledger,
    at: &TimeExpression,
    filter: &Filter,
    elsewhere: Option<&Snapshot>,
    paths: &[OsString],
) -> Result<Failure, Failure> {
    let when = match at {
        TimeExpression::Latest => String::new(),
        TimeExpression::Moment(moment) => {
            let last = time_with_zone(moment.last, context.now.time_zone());
            format!(" begun not after {last}")
        }
    };
    let hosts = filter.hosts.join(" or ");
    let names = paths.iter().map(shown).collect::<Result<Vec<_>, _>>()?.join(" and ");
    let holding = if paths.is_empty() { "" } else { " whose sources hold " };
    let message = format!("there is no snapshot of host {hosts}{when}{holding}{names}");
    let failure = Failure::new(Code::Nothing, message);
    Ok(match elsewhere {
        Some(other) => {
            failure.hint(format!("there is one of another host: --host {}", other.host.name))
        }
        None => {
            let is_backup = |snapshot: &&Snapshot| snapshot.kind == SnapshotKind::Backup;
            let live = ledger.live.iter().filter(is_backup).count() as u64;
            let live = count(live, "snapshot", "snapshots");
            failure.hint(format!("the repository holds {live}: `snap snapshots` shows them"))
        }
    })
}

/// Which snapshot was taken, and which instant a time stood for.
pub fn lines_about(
    context: &Context,
    snapshot: &Snapshot,
    at: Option<&TimeExpression>,
) -> Vec<String> {
    let zone = context.now.time_zone();
    let mut lines = Vec::new();
    if let Some(TimeExpression::Moment(moment)) = at {
        let last = time_with_zone(moment.last, zone);
        lines.push(format!("the newest snapshot begun not after {last}:"));
        for source in snapshot.sources.iter().filter(|source| source.as_of > moment.last) {
            let (address, time) = (readable(&source.address), time_with_zone(source.as_of, zone));
            lines.push(format!("  {address} is as of {time}, which is later"));
        }
    }
    let host = readable(snapshot.host.name.as_bytes());
    let begun = time_with_zone(snapshot.begun, zone);
    let sources = sources_in_short(snapshot);
    lines.push(format!("snapshot {} of {host}{sources}, begun {begun}", snapshot.id.short()));
    lines.extend(not_whole_line(snapshot));
    lines
}

/// That parts of a snapshot could not be read when it was taken, if that was so.
pub fn not_whole_line(snapshot: &Snapshot) -> Option<String> {
    let things = count(snapshot.problems, "thing", "things");
    (snapshot.problems > 0)
        .then(|| format!("  it is not whole: {things} could not be read whole when it was taken"))
}

/// `: /srv/bot and 2 more`
fn sources_in_short(snapshot: &Snapshot) -> String {
    let more = snapshot.sources.len().saturating_sub(1);
    match (snapshot.sources.first(), more) {
        (None, _) => String::new(),
        (Some(source), 0) => format!(": {}", readable(&source.address)),
        (Some(source), more) => format!(": {} and {more} more", readable(&source.address)),
    }
}

/// That collections of a snapshot were read while others wrote, if some were. What cannot be read
/// is told elsewhere.
pub fn fuzzy_line(reader: &BlobReader, snapshot: &Snapshot) -> Option<String> {
    let fuzzy = fuzzy_collections(reader, snapshot).unwrap_or_default();
    let collections = count(fuzzy, "collection is", "collections are");
    (fuzzy > 0).then(|| format!("  {collections} fuzzy: read while others may have written"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_id_before_a_colon_is_split_off() {
        let parts = |word: &str| {
            let (id, path) = split(&word.into());
            (id.into_string().unwrap(), path.map(|path| path.into_string().unwrap()))
        };
        assert_eq!(parts("latest:/a:b"), ("latest".into(), Some("/a:b".into())));
        assert_eq!(parts("1a2b:c"), ("1a2b".into(), Some("c".into())));
        for whole in ["1a2b", "1a2b:", "1a2:/x", "/srv:x", "./1a2b:x"] {
            assert_eq!(parts(whole), (whole.to_owned(), None));
        }
    }
}
