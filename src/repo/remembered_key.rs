//! Which key slot opened a repository last on this machine: it is tried first, so that slots which
//! others put beside it, however many, keep nobody out. The name of a slot is no secret.

use super::repository::Surroundings;
use crate::model::{KeyId, RepositoryId};
use std::path::PathBuf;

fn path(surroundings: &Surroundings, repository: RepositoryId) -> Option<PathBuf> {
    surroundings.cache.as_ref().map(|cache| cache.join(repository.hex()).join("key"))
}

/// `None` if nothing is known.
pub fn read(surroundings: &Surroundings, repository: RepositoryId) -> Option<KeyId> {
    let text = std::fs::read_to_string(path(surroundings, repository)?).ok()?;
    text.trim().parse().ok()
}

/// Best effort, like all of the cache.
pub fn write(surroundings: &Surroundings, repository: RepositoryId, key: KeyId) {
    let Some(path) = path(surroundings, repository) else { return };
    let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
    let written = path
        .parent()
        .map_or(Ok(()), std::fs::create_dir_all)
        .and_then(|()| std::fs::write(&temporary, format!("{key}\n")))
        .and_then(|()| std::fs::rename(&temporary, &path));
    if written.is_err() {
        let _ = std::fs::remove_file(&temporary);
    }
}
