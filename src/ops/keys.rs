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
    repository.remove_key_slot(&current.id)?;
    Ok((current.id, new))
}

/// The slot that opened the repository.
pub fn current_key(repository: &Repository) -> Result<KeySlotInfo, KeyError> {
    let slots = repository.key_slots()?.slots;
    slots.into_iter().find(|slot| slot.is_current).ok_or(KeyError::CurrentGone)
}
