//! Objects by the beginning of their id.

use crate::cli::code::Code;
use crate::cli::error::Failure;
use crate::format::is_object_name;
use crate::repo::Repository;
use crate::storage::{Folder, Listed};
use std::collections::BTreeSet;

/// The object in a folder whose id begins like `text`. What an object has below it (a session's
/// signs of life) counts as it.
pub fn by_beginning(
    repository: &Repository,
    folder: Folder,
    what: &str,
    text: &str,
) -> Result<String, Failure> {
    let id = |listed: Listed| {
        let name = listed.name.to_string();
        let rest = name.split_once('/').map_or("", |(_, rest)| rest);
        let id = match folder {
            Folder::Packs => listed.name.last(),
            _ => rest.split('/').next().unwrap_or_default(),
        };
        is_object_name(&name).then(|| id.to_owned())
    };
    let listed = repository.storage().list(folder)?;
    only(what, text, listed.into_iter().filter_map(id).collect())
}

/// The one of these ids that begins like `text`.
pub fn only(what: &str, text: &str, ids: BTreeSet<String>) -> Result<String, Failure> {
    let beginning = beginning(what, text)?;
    let mut found = ids.iter().filter(|id| id.starts_with(&beginning));
    match (found.next(), found.count()) {
        (Some(id), 0) => Ok(id.clone()),
        (None, _) => Err(nothing(what, text, &ids)),
        (Some(_), more) => Err(ambiguous(what, text, more + 1)),
    }
}

/// In the one spelling that ids have.
pub fn beginning(what: &str, text: &str) -> Result<String, Failure> {
    let is_id = text.len() >= 4 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    match is_id {
        true => Ok(text.to_ascii_lowercase()),
        false => Err(Failure::usage(format!("{text:?} is not the id of {} {what}", article(what)))
            .hint("write at least four hexadecimal digits of it")),
    }
}

fn article(word: &str) -> &'static str {
    if word.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" }
}

pub fn ambiguous(what: &str, text: &str, count: usize) -> Failure {
    Failure::usage(format!("{count} objects ({what}) have ids that begin with {text}"))
        .hint("write more digits of the one you mean")
}

fn nothing(what: &str, text: &str, ids: &BTreeSet<String>) -> Failure {
    let failure = Failure::new(Code::Nothing, format!("there is no {what} {text}"));
    let some: Vec<&str> = ids.iter().take(5).map(|id| id.get(..8).unwrap_or(id)).collect();
    match some.is_empty() {
        true => failure.hint("the repository has none at all"),
        false if ids.len() > some.len() => {
            failure.hint(format!("there are {}: {}, …", ids.len(), some.join(", ")))
        }
        false => failure.hint(format!("there are: {}", some.join(", "))),
    }
}
