//! Keys that come and go. The first is never taken away.

use super::site::{Place, Site, credential};
use snapstore::codec::Secret;
use snapstore::ops::{self, KeyError};
use snapstore::repo::{self, Credential, RepoError, Repository};
use snapstore::storage::sim::ActorContext;
use snapstore::storage::{Storage, StorageError};
use std::sync::Arc;

impl Site {
    /// A new key is made; then it may be replaced by a second one, or taken away. All of it goes
    /// through the gates, opening too.
    pub fn change_keys(&self, context: &ActorContext, number: u8) -> Result<(), RepoError> {
        let storage = self.storage_for_keys(context);
        let open = |key: &Credential| {
            repo::open(Arc::clone(&storage), key, None, self.surroundings(context))
        };
        let first = open(&credential(Place::Home))?;
        let added = add(self, &first, number)?;
        match context.entropy.bytes::<1>()[0] % 3 {
            0 => {
                let by_new = open(&key(number))?;
                self.notes().keys.remove(&number);
                let replaced = ops::replace_key(&by_new, &key(number + 1), None);
                if matches!(replaced, Ok(_) | Err(KeyError::OldStays { .. })) {
                    self.notes().keys.insert(number + 1);
                }
                replaced.map_err(repo_error)?;
            }
            1 => {
                let slots = first.key_slots()?.slots;
                let slot = slots.into_iter().find(|slot| slot.id == added);
                self.notes().keys.remove(&number);
                match slot {
                    Some(slot) => ops::remove_key(&first, &slot, false).map_err(repo_error)?,
                    None => self.fail(&context.name, "a new key is not listed"),
                }
            }
            _ => drop(open(&key(number))?),
        }
        Ok(())
    }

    fn storage_for_keys(&self, context: &ActorContext) -> Arc<dyn Storage> {
        self.patiently(context.storage(self.world.memory()), context)
    }

    /// Every key that was reported and not taken away opens.
    pub fn keys_open(&self, context: &ActorContext) {
        let keys = self.notes().keys.clone();
        for number in keys {
            let storage = Arc::new(self.world.memory().clone());
            if let Err(error) = repo::open(storage, &key(number), None, self.surroundings(context))
            {
                self.fail("examination", format!("key {number}: {error}"));
            }
        }
    }
}

fn add(
    site: &Site,
    repository: &Repository,
    number: u8,
) -> Result<snapstore::model::KeyId, RepoError> {
    let id = ops::add_key(repository, &key(number), String::new()).map_err(repo_error)?;
    site.notes().keys.insert(number);
    Ok(id)
}

fn key(number: u8) -> Credential {
    Credential::KeyFile(Secret::new([number; 32]))
}

/// What else may go wrong is no trouble of storage: a failure, in words.
fn repo_error(error: KeyError) -> RepoError {
    match error {
        KeyError::Repo(error) | KeyError::OldStays { why: error, .. } => error,
        other => RepoError::Storage(StorageError::Failed {
            what: "keys".to_string(),
            why: other.to_string(),
        }),
    }
}
