//! Making a repository, and opening one with a password or a key file.

use super::RepoError;
use super::keys::{LARGEST_SLOT, MOST_SLOTS, likely_slots, make_slot, try_slot};
use super::remembered_key;
use super::repository::{Repository, Surroundings, object_name};
use crate::codec::{
    ChunkParameters, Class, Compression, KeyRing, PasswordParameters, Sealer, Secret,
};
use crate::format::{self, Marker, RepositoryConfig};
use crate::model::{KeyId, RepositoryId};
use crate::storage::{Folder, ObjectName, Put, Storage, StorageError};
use std::sync::Arc;
use zeroize::Zeroizing;

/// What opens a repository.
pub enum Credential {
    Password { password: Zeroizing<Vec<u8>>, parameters: PasswordParameters },
    KeyFile(Secret),
}

/// How a new repository is made.
pub struct InitOptions {
    pub config: RepositoryConfig,
    /// Names the first key slot for people.
    pub label: String,
}

impl RepositoryConfig {
    /// The settings of a new repository: chunks of 512 KiB, zstd 3, packs of 16 MiB, 16 MiB
    /// reserve, and the given retention.
    pub fn standard(retention: Vec<(String, String)>) -> Self {
        Self {
            chunks: ChunkParameters::STANDARD,
            compression: Compression::Zstd(3),
            pack_size: 16 << 20,
            reserve: 16 << 20,
            retention,
        }
    }
}

/// Makes a repository in storage that has none. `snap.json` is put last: a crash before leaves
/// no repository, and init can be run again. Where the rest of a repository lies, nothing is
/// made: its keys are worth more than a new one.
pub fn init(
    storage: Arc<dyn Storage>,
    credential: &Credential,
    options: InitOptions,
    surroundings: Surroundings,
) -> Result<Repository, RepoError> {
    let ring = KeyRing::generate(surroundings.entropy.as_ref());
    init_with(storage, credential, options, ring, surroundings)
}

/// The same, for a repository that cuts files and trees where `like` does, if its settings have
/// the same chunk parameters: what is copied from there is shared with its own backups. Only the
/// chunk key is the same; neither opens anything of the other.
pub fn init_like(
    storage: Arc<dyn Storage>,
    credential: &Credential,
    options: InitOptions,
    like: &Repository,
    surroundings: Surroundings,
) -> Result<Repository, RepoError> {
    let mut ring = KeyRing::generate(surroundings.entropy.as_ref());
    ring.chunk_key = like.sealer.ring().chunk_key.clone();
    init_with(storage, credential, options, ring, surroundings)
}

fn init_with(
    storage: Arc<dyn Storage>,
    credential: &Credential,
    options: InitOptions,
    ring: KeyRing,
    surroundings: Surroundings,
) -> Result<Repository, RepoError> {
    let marker_name = object_name(format::MARKER_NAME)?;
    let address = storage.address();
    if !matches!(storage.get(&marker_name, LARGEST_SLOT), Err(StorageError::Absent { .. })) {
        return Err(RepoError::ExistsAlready { address });
    }
    refuse_remains(storage.as_ref(), &marker_name)?;
    remove_leftovers(storage.as_ref())?;
    let entropy = Arc::clone(&surroundings.entropy);
    let created = surroundings.clock.now();
    let id = RepositoryId::new(entropy.bytes());
    let slot = make_slot(id, &ring, credential, options.label, created, entropy.as_ref())?;
    storage.put_if_absent(&object_name(&format::key_name(&slot.id))?, &slot.encode())?;
    let sealer = Sealer::new(id, ring);
    let mut repository = Repository::new(storage, sealer, options.config, surroundings);
    repository.key = Some(slot.id);
    let config = repository.config().encode();
    repository.put_object(Class::Config, &object_name(&format::config_name(0))?, &config)?;
    let marker = Marker { repository: id, created };
    match repository.storage.put_if_absent(&marker_name, &marker.encode())? {
        Put::Created => Ok(repository),
        Put::Exists => Err(RepoError::ExistsAlready { address }),
    }
}

/// Whatever lies beside keys and settings was put by somebody who had a repository.
fn refuse_remains(storage: &dyn Storage, marker: &ObjectName) -> Result<(), RepoError> {
    let makes_no_repository = [Folder::Top, Folder::Keys, Folder::Config];
    for folder in Folder::ALL.into_iter().filter(|folder| !makes_no_repository.contains(folder)) {
        if !storage.list(folder)?.is_empty() {
            let why = format!(
                "it is missing, and the rest of a repository is there ({}/)",
                folder.word()
            );
            return Err(RepoError::damaged(marker, why));
        }
    }
    Ok(())
}

/// Keys and settings of an init that did not come to its end would be in the way.
fn remove_leftovers(storage: &dyn Storage) -> Result<(), RepoError> {
    for folder in [Folder::Config, Folder::Keys] {
        for listed in storage.list(folder)? {
            storage.delete(&listed.name)?;
        }
    }
    Ok(())
}

/// Opens the repository in `storage`. `key_hint` (the start of a key id) tries that slot only.
pub fn open(
    storage: Arc<dyn Storage>,
    credential: &Credential,
    key_hint: Option<&str>,
    surroundings: Surroundings,
) -> Result<Repository, RepoError> {
    let marker = read_marker(storage.as_ref())?;
    let id = marker.repository;
    // Whatever others put into the storage keeps nobody out who was in before.
    let known = remembered_key::read(&surroundings, id).filter(|_| key_hint.is_none());
    let (key, ring) = open_ring(storage.as_ref(), id, credential, (key_hint, known))?;
    if known != Some(key) {
        remembered_key::write(&surroundings, id, key);
    }
    let sealer = Sealer::new(marker.repository, ring);
    let provisional = RepositoryConfig::standard(Vec::new());
    let mut repository = Repository::new(storage, sealer, provisional, surroundings);
    match repository.read_config() {
        Ok(config) => {
            let Repository { storage, sealer, surroundings, .. } = repository;
            repository = Repository::new(storage, sealer, config, surroundings);
        }
        // Nobody needs the settings for reading; writers are refused.
        Err(RepoError::Damaged { name, why }) => {
            repository.settings_damage = Some((name, why));
        }
        Err(error) => return Err(error),
    }
    repository.key = Some(key);
    Ok(repository)
}

/// What `snap.json` says; needs no key.
pub fn read_marker(storage: &dyn Storage) -> Result<Marker, RepoError> {
    let name = object_name(format::MARKER_NAME)?;
    let bytes = match get_bounded(storage, &name) {
        Err(RepoError::Storage(StorageError::Absent { .. })) => {
            refuse_remains(storage, &name)?;
            return Err(RepoError::NoRepository { address: storage.address() });
        }
        other => other?,
    };
    Marker::decode(&bytes).map_err(|error| RepoError::format(&name, error))
}

/// An object that is small in every repository that snap wrote.
pub(super) fn get_bounded(storage: &dyn Storage, name: &ObjectName) -> Result<Vec<u8>, RepoError> {
    match storage.get(name, LARGEST_SLOT) {
        Err(StorageError::TooLarge { size, .. }) => {
            Err(RepoError::damaged(name, format!("it is {size} bytes long")))
        }
        Err(StorageError::Failed { why, .. }) => {
            Err(RepoError::damaged(name, format!("it cannot be read: {why}")))
        }
        other => Ok(other?),
    }
}

/// The slots that may be tried, in order, and whether there are no others. Of more than are looked at one is found by its whole id
/// only.
fn slot_names(
    storage: &dyn Storage,
    key_hint: Option<&str>,
) -> Result<(Vec<ObjectName>, bool), RepoError> {
    if let Some(Ok(id)) = key_hint.map(str::parse::<KeyId>) {
        let name = object_name(&format::key_name(&id))?;
        return match storage.get_range(&name, 0, 0) {
            Err(StorageError::Absent { .. }) => Ok((Vec::new(), true)),
            _ => Ok((vec![name], true)),
        };
    }
    likely_slots(storage, key_hint)
}

fn open_ring(
    storage: &dyn Storage,
    repository: RepositoryId,
    credential: &Credential,
    (key_hint, known): (Option<&str>, Option<KeyId>),
) -> Result<(KeyId, KeyRing), RepoError> {
    let mut tried = 0;
    let known = known.map(|known| object_name(&format::key_name(&known))).transpose()?;
    if let Some(known) = &known {
        match try_slot(storage, repository, credential, known) {
            Ok(Some(opened)) => return Ok(opened),
            Ok(None) => tried += 1,
            // Gone, or no slot any more: what there is now counts.
            Err(_) => {}
        }
    }
    let (names, is_whole) = slot_names(storage, key_hint)?;
    if names.is_empty() {
        return Err(RepoError::NoKeySlot { address: storage.address() });
    }
    let mut damage = None;
    let was_tried = known.filter(|_| tried > 0);
    for name in names.iter().filter(|name| was_tried.as_ref() != Some(*name)) {
        // What is no slot costs nothing to try, and hides none.
        if tried == MOST_SLOTS {
            break;
        }
        match try_slot(storage, repository, credential, name) {
            Ok(Some(opened)) => return Ok(opened),
            Ok(None) => tried += 1,
            // Taken away after it was listed.
            Err(RepoError::Storage(StorageError::Absent { .. })) => {}
            Err(error @ RepoError::Storage(_)) => return Err(error),
            Err(error) => damage = Some(error),
        }
    }
    Err(match damage {
        Some(error) if tried == 0 && is_whole || matches!(error, RepoError::TooNew { .. }) => error,
        _ if !is_whole => RepoError::NoKeyAmongMany { tried },
        _ => RepoError::WrongKey { tried },
    })
}
