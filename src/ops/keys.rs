//! Keys: one more password or key file, one less, one in place of another. The key ring itself
//! stays: it is sealed anew for each.

use crate::model::KeyId;
use crate::repo::{Credential, KeySlotInfo, MOST_SLOTS, RepoError, Repository};

#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error(transparent)]
    Repo(#[from] RepoError),
    #[error("the repository has {MOST_SLOTS} key slots, and more would not be tried")]
    Full,
    #[error("key {} is the only one: without it nobody could open the repository", .0.short())]
    Only(KeyId),
    #[error("key {} is the one that opened the repository now", .0.short())]
    InUse(KeyId),
    #[error("the slot that opened the repository is not there any more")]
    CurrentGone,
    /// The new one opens the repository.
    #[error("the new key is made, but the old one, {}, could not be removed: {why}", .old.short())]
    OldStays { old: KeyId, why: RepoError },
}

/// Makes a slot, proved to open before this returns. Nothing else changes.
pub fn add_key(
    repository: &Repository,
    credential: &Credential,
    label: String,
) -> Result<KeyId, KeyError> {
    let slots = repository.key_slots()?;
    match slots.slots.len() + slots.unreadable.len() < MOST_SLOTS {
        true => Ok(repository.add_key_slot(credential, label)?),
        false => Err(KeyError::Full),
    }
}

/// Takes a slot away; never the last one, and the one in use only if `also_in_use`. (Two that are
/// run at once could take the last two away: nothing in storage keeps them apart.)
pub fn remove_key(
    repository: &Repository,
    slot: &KeySlotInfo,
    also_in_use: bool,
) -> Result<(), KeyError> {
    let others = repository.key_slots()?.slots.into_iter().filter(|other| other.id != slot.id);
    if others.count() == 0 {
        return Err(KeyError::Only(slot.id));
    }
    if slot.is_current && !also_in_use {
        return Err(KeyError::InUse(slot.id));
    }
    Ok(repository.remove_key_slot(&slot.id)?)
}

/// Makes a slot and takes the one in use away, in this order: killed in between it leaves both.
/// Returns the old id and the new one. Without a label the old one's is kept.
pub fn replace_key(
    repository: &Repository,
    credential: &Credential,
    label: Option<String>,
) -> Result<(KeyId, KeyId), KeyError> {
    let current = current_key(repository)?;
    let new = add_key(repository, credential, label.unwrap_or(current.label))?;
    let old = current.id;
    match repository.remove_key_slot(&old) {
        Ok(()) => Ok((old, new)),
        Err(why) => Err(KeyError::OldStays { old, why }),
    }
}

/// The slot that opened the repository.
pub fn current_key(repository: &Repository) -> Result<KeySlotInfo, KeyError> {
    let slots = repository.key_slots()?.slots;
    slots.into_iter().find(|slot| slot.is_current).ok_or(KeyError::CurrentGone)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Secret;
    use crate::format::RepositoryConfig;
    use crate::model::{OsEntropy, SystemClock};
    use crate::repo::{InitOptions, Surroundings, init, open};
    use crate::storage::MemoryStorage;
    use std::sync::Arc;

    fn surroundings() -> Surroundings {
        let (clock, entropy) = (Arc::new(SystemClock), Arc::new(OsEntropy));
        Surroundings { clock, entropy, cache: None, workers: 1 }
    }

    fn key(number: u8) -> Credential {
        Credential::KeyFile(Secret::new([number; 32]))
    }

    fn repository() -> Repository {
        let config = RepositoryConfig::standard(Vec::new());
        let options = InitOptions { config, label: "first".to_string() };
        init(Arc::new(MemoryStorage::new(Arc::new(SystemClock))), &key(1), options, surroundings())
            .unwrap()
    }

    fn opens(repository: &Repository, key: &Credential) -> Result<Repository, RepoError> {
        open(Arc::clone(repository.storage()), key, None, surroundings())
    }

    #[test]
    fn a_key_takes_the_place_of_another() {
        let repository = repository();
        let (old, new) = replace_key(&repository, &key(2), None).unwrap();
        assert!(matches!(opens(&repository, &key(1)), Err(RepoError::WrongKey { tried: 1 })));
        let current = current_key(&opens(&repository, &key(2)).unwrap()).unwrap();
        assert_eq!((current.id, current.label.as_str()), (new, "first"));
        assert_ne!(old, new);
        assert!(matches!(current_key(&repository), Err(KeyError::CurrentGone)));
    }

    #[test]
    fn the_last_key_stays_and_so_does_the_one_in_use() {
        let repository = repository();
        let first = current_key(&repository).unwrap();
        assert!(matches!(remove_key(&repository, &first, true), Err(KeyError::Only(_))));
        add_key(&repository, &key(2), String::new()).unwrap();
        assert!(matches!(remove_key(&repository, &first, false), Err(KeyError::InUse(_))));
        remove_key(&repository, &first, true).unwrap();
        assert!(opens(&repository, &key(1)).is_err());
        opens(&repository, &key(2)).unwrap();
    }

    #[test]
    fn the_slot_that_opened_last_is_found_among_any_number() {
        let repository = repository();
        let ids: Vec<KeyId> = (2..=150)
            .map(|number| repository.add_key_slot(&key(number), String::new()).unwrap())
            .collect();
        // 64 are tried, in the order of their names.
        let (number, id) = (2..).zip(&ids).max_by_key(|(_, id)| **id).unwrap();
        assert!(matches!(opens(&repository, &key(number)), Err(RepoError::WrongKey { tried: 64 })));
        let folder = tempfile::tempdir().unwrap();
        let with_cache = |hint: Option<&str>| {
            let cache = Some(folder.path().to_path_buf());
            let surroundings = Surroundings { cache, ..surroundings() };
            open(Arc::clone(repository.storage()), &key(number), hint, surroundings)
        };
        with_cache(Some(&id.hex())).unwrap();
        let opened = with_cache(None).unwrap();
        assert_eq!(current_key(&opened).unwrap().id, *id);
        // Gone, it is no longer looked for; another one is remembered in its place.
        repository.remove_key_slot(id).unwrap();
        assert!(matches!(with_cache(None), Err(RepoError::WrongKey { tried: 64 })));
    }

    #[test]
    fn no_key_is_made_that_would_not_be_tried() {
        let repository = repository();
        for number in 2..=64 {
            add_key(&repository, &key(number), String::new()).unwrap();
        }
        assert!(matches!(add_key(&repository, &key(65), String::new()), Err(KeyError::Full)));
        for number in 1..=64 {
            opens(&repository, &key(number)).unwrap();
        }
    }
}
