//! Which snapshots are meant: filters, ids, times.

use super::code::Code;
use super::context::Context;
use super::error::Failure;
use super::keep::split_tags;
use super::place::may_hold;
use super::text::{count, readable, time_with_zone};
use crate::model::{SessionId, Snapshot};
use crate::policy::{Filter, TimeExpression, begun_in_future, choose};
use crate::repo::{Ledger, RepoError, Repository};
use crate::settings::this_host;
use std::collections::HashSet;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

/// `--host`, `--path` and `--tag`.
#[derive(clap::Args, Debug, Clone, Default)]
#[command(next_help_heading = "Which snapshots")]
pub struct FilterFlags {
    /// Only those of this host (may be repeated: any of them)
    #[arg(long, value_name = "NAME")]
    pub host: Vec<String>,
    /// Only those of this source (may be repeated: all of them)
    #[arg(long, value_name = "PATH")]
    pub path: Vec<PathBuf>,
    /// Only those with all of these tags, joined by commas (may be repeated: any of them)
    #[arg(long, value_name = "TAGS")]
    pub tag: Vec<String>,
}

impl FilterFlags {
    pub fn filter(&self) -> Result<Filter, Failure> {
        let absolute = |path: &PathBuf| {
            let path = std::path::absolute(path).map_err(|_| Failure::usage("--path is empty"))?;
            let path: PathBuf = path.components().collect();
            Ok::<_, Failure>(OsString::from(path).into_vec())
        };
        Ok(Filter {
            hosts: self.host.clone(),
            paths: self.path.iter().map(absolute).collect::<Result<_, _>>()?,
            tags: self.tag.iter().map(|tags| split_tags(tags)).collect(),
        })
    }
}

/// Reads all snapshots; those that cannot be read are named.
pub fn read_ledger(context: &Context, repository: &Repository) -> Result<Ledger, Failure> {
    let mut ledger = repository.ledger()?;
    ledger.unreadable.sort_by(|(one, _), (other, _)| one.cmp(other));
    for (name, error) in &ledger.unreadable {
        let why = match error {
            RepoError::Damaged { why, .. } => why.clone(),
            other => other.to_string(),
        };
        context.output.warning(&name.to_string(), &why, "reading snapshots");
    }
    Ok(ledger)
}

/// [`Code::Damage`] if a snapshot could not be read.
pub fn code_of(ledger: &Ledger) -> Code {
    if ledger.unreadable.is_empty() { Code::Done } else { Code::Damage }
}

/// Snapshots whose time lies in the future of the storage's clock.
pub fn in_future(ledger: &Ledger) -> HashSet<SessionId> {
    let is_ahead = |snapshot: &&Snapshot| {
        let stored = ledger.stored.get(&snapshot.id);
        stored.is_some_and(|stored| begun_in_future(snapshot.begun, *stored))
    };
    ledger.live.iter().filter(is_ahead).map(|snapshot| snapshot.id).collect()
}

/// The snapshot whose id begins like `text` (at least four digits).
fn by_id<'a>(snapshots: &'a [Snapshot], text: &str) -> Result<&'a Snapshot, Failure> {
    let is_id = text.len() >= 4
        && text.len() <= 2 * SessionId::LENGTH
        && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_id {
        return Err(Failure::usage(format!("{text:?} is no snapshot"))
            .hint("write an id as `snap snapshots` shows them (at least four digits), or latest"));
    }
    let text = text.to_ascii_lowercase();
    let mut found = snapshots.iter().filter(|snapshot| snapshot.id.hex().starts_with(&text));
    match (found.next(), found.count()) {
        (Some(snapshot), 0) => Ok(snapshot),
        (None, _) => Err(Failure::new(Code::Nothing, format!("there is no snapshot {text}"))
            .hint("`snap snapshots` shows those that are there")),
        (Some(_), more) => {
            let message = format!("{} have ids that begin with {text}", more + 1);
            Err(Failure::usage(message).hint("write more digits of the one you mean"))
        }
    }
}

/// The snapshot that is meant: by time (`--at`), or by an id or `latest`. Chosen by time it is of
/// this host, unless the filter names others, and has a source that holds `paths`.
pub fn find<'a>(
    context: &Context,
    ledger: &'a Ledger,
    word: Option<&OsString>,
    at: Option<&TimeExpression>,
    filter: &Filter,
    paths: &[OsString],
) -> Result<&'a Snapshot, Failure> {
    let at = match (at, word) {
        (Some(at), _) => *at,
        (None, Some(word)) if word.eq_ignore_ascii_case("latest") => TimeExpression::Latest,
        (None, word) => {
            let text = word.map(|word| word.to_string_lossy()).unwrap_or_default();
            return by_id(&ledger.live, &text);
        }
    };
    let mut holding = Vec::new();
    for snapshot in &ledger.live {
        let holds = paths.iter().map(|path| may_hold(snapshot, path));
        if holds.collect::<Result<Vec<_>, _>>()?.into_iter().all(|holds| holds) {
            holding.push(snapshot.clone());
        }
    }
    let mut own = filter.clone();
    if own.hosts.is_empty() {
        own.hosts.push(this_host(None).name);
    }
    let future = in_future(ledger);
    match choose(&holding, &at, &own, &future) {
        Some(found) => by_exact_id(ledger, found.id),
        None => {
            let elsewhere = choose(&holding, &at, filter, &future);
            Err(nothing(context, ledger, &at, &own, elsewhere, !paths.is_empty()))
        }
    }
}

fn by_exact_id(ledger: &Ledger, id: SessionId) -> Result<&Snapshot, Failure> {
    let found = ledger.live.iter().find(|snapshot| snapshot.id == id);
    found.ok_or_else(|| Failure::new(Code::Nothing, format!("there is no snapshot {id}")))
}

fn nothing(
    context: &Context,
    ledger: &Ledger,
    at: &TimeExpression,
    filter: &Filter,
    elsewhere: Option<&Snapshot>,
    by_path: bool,
) -> Failure {
    let when = match at {
        TimeExpression::Latest => String::new(),
        TimeExpression::Moment(moment) => {
            let last = time_with_zone(moment.last, context.now.time_zone());
            format!(" begun not after {last}")
        }
    };
    let hosts = filter.hosts.join(" or ");
    let holding = if by_path { " that holds such paths" } else { "" };
    let message = format!("there is no snapshot of host {hosts}{when}{holding}");
    let failure = Failure::new(Code::Nothing, message);
    match elsewhere {
        Some(other) => {
            failure.hint(format!("there is one of another host: --host {}", other.host.name))
        }
        None => {
            let live = count(ledger.live.len() as u64, "snapshot", "snapshots");
            failure.hint(format!("the repository holds {live}: `snap snapshots` shows them"))
        }
    }
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
    lines.push(format!("snapshot {} of {host}, begun {begun}", snapshot.id.short()));
    lines
}
