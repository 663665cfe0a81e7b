//! Which snapshots are meant: filters and ids.

use super::code::Code;
use super::context::Context;
use super::error::Failure;
use super::keep::split_tags;
use crate::model::{SessionId, Snapshot};
use crate::policy::{Filter, begun_in_future};
use crate::repo::{Ledger, RepoError, Repository};
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
pub fn by_id<'a>(snapshots: &'a [Snapshot], text: &str) -> Result<&'a Snapshot, Failure> {
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
