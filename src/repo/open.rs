//! Making a repository, and opening one with a password or a key file.

use super::RepoError;
use super::repository::{Repository, Surroundings, object_name};
use crate::codec::{
    ChunkParameters, Class, Compression, Compressor, Decompressor, KeyRing, PasswordParameters,
    Place, Sealer, Secret, derive_from_key_file, derive_from_password, object_context, open_with,
    seal_with,
};
use crate::format::{
    self, KeySlot, Marker, RepositoryConfig, SlotHead, SlotKind, decode_ring, encode_ring,
};
use crate::model::{Entropy, KeyId, RepositoryId};
use crate::storage::{Folder, ObjectName, Put, Storage, StorageError};
use std::sync::Arc;
use zeroize::Zeroizing;

/// At most this many slots are tried with one password.
const MOST_SLOTS: usize = 64;
const LARGEST_SLOT: u64 = 64 * 1024;

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
    let ring = KeyRing::generate(entropy.as_ref());
    let slot = make_slot(id, &ring, credential, options.label, created, entropy.as_ref())?;
    storage.put_if_absent(&object_name(&format::key_name(&slot.id))?, &slot.encode())?;
    let sealer = Sealer::new(id, ring);
    let repository = Repository::new(storage, sealer, options.config, surroundings);
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
    let ring = open_ring(storage.as_ref(), marker.repository, credential, key_hint)?;
    let sealer = Sealer::new(marker.repository, ring);
    let provisional = RepositoryConfig::standard(Vec::new());
    let mut repository = Repository::new(storage, sealer, provisional, surroundings);
    match repository.read_config() {
        Ok(config) => {
            let Repository { storage, sealer, surroundings, .. } = repository;
            Ok(Repository::new(storage, sealer, config, surroundings))
        }
        // Nobody needs the settings for reading; writers are refused.
        Err(RepoError::Damaged { name, why }) => {
            repository.settings_damage = Some((name, why));
            Ok(repository)
        }
        Err(error) => Err(error),
    }
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
fn get_bounded(storage: &dyn Storage, name: &ObjectName) -> Result<Vec<u8>, RepoError> {
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

fn open_ring(
    storage: &dyn Storage,
    repository: RepositoryId,
    credential: &Credential,
    key_hint: Option<&str>,
) -> Result<KeyRing, RepoError> {
    let mut names: Vec<ObjectName> =
        storage.list(Folder::Keys)?.into_iter().map(|listed| listed.name).collect();
    names.retain(|name| key_hint.is_none_or(|hint| name.last().starts_with(hint)));
    names.sort();
    if names.is_empty() {
        return Err(RepoError::NoKeySlot { address: storage.address() });
    }
    let mut damage = None;
    let mut tried = 0;
    for name in names.iter().take(MOST_SLOTS) {
        match try_slot(storage, repository, credential, name) {
            Ok(Some(ring)) => return Ok(ring),
            Ok(None) => tried += 1,
            // Taken away after it was listed.
            Err(RepoError::Storage(StorageError::Absent { .. })) => {}
            Err(error @ RepoError::Storage(_)) => return Err(error),
            Err(error) => damage = Some(error),
        }
    }
    Err(match damage {
        Some(error) if tried == 0 || matches!(error, RepoError::TooNew { .. }) => error,
        _ => RepoError::WrongKey { tried },
    })
}

/// `None` if the slot is of another kind, or another password's.
fn try_slot(
    storage: &dyn Storage,
    repository: RepositoryId,
    credential: &Credential,
    name: &ObjectName,
) -> Result<Option<KeyRing>, RepoError> {
    let id: KeyId = name.last().parse().map_err(|error| RepoError::damaged(name, error))?;
    let bytes = get_bounded(storage, name)?;
    let slot = KeySlot::decode(id, &bytes).map_err(|error| RepoError::format(name, error))?;
    let Some(key) = slot_key(&slot.head, credential)? else { return Ok(None) };
    let context = object_context(&name.to_string());
    let place = Place { repository, class: Class::KeyRing, context: &context, epoch: 0 };
    let limit = LARGEST_SLOT as usize;
    match open_with(&key, &place, &slot.sealed_ring, limit, &mut Decompressor::new()?) {
        Ok(plain) => {
            let plain = Zeroizing::new(plain);
            Ok(Some(decode_ring(&plain).map_err(|error| RepoError::format(name, error))?))
        }
        Err(_) => Ok(None),
    }
}

fn slot_key(head: &SlotHead, credential: &Credential) -> Result<Option<Secret>, RepoError> {
    match (head.kind, credential) {
        (SlotKind::Password(parameters), Credential::Password { password, .. }) => {
            Ok(Some(derive_from_password(password, &head.salt, parameters)?))
        }
        (SlotKind::KeyFile, Credential::KeyFile(key)) => {
            Ok(Some(derive_from_key_file(key, &head.salt)))
        }
        _ => Ok(None),
    }
}

fn make_slot(
    repository: RepositoryId,
    ring: &KeyRing,
    credential: &Credential,
    label: String,
    created: jiff::Timestamp,
    entropy: &dyn Entropy,
) -> Result<KeySlot, RepoError> {
    let salt = entropy.bytes();
    let kind = match credential {
        Credential::Password { parameters, .. } => SlotKind::Password(*parameters),
        Credential::KeyFile(_) => SlotKind::KeyFile,
    };
    let head = SlotHead { kind, salt, created, label };
    let key = slot_key(&head, credential)?.ok_or(RepoError::WrongKey { tried: 0 })?;
    let id = head.id();
    let context = object_context(&format::key_name(&id));
    let place = Place { repository, class: Class::KeyRing, context: &context, epoch: 0 };
    let mut compressor = Compressor::new(Compression::None)?;
    let sealed_ring = seal_with(&key, &place, &encode_ring(ring), &mut compressor, entropy)?;
    Ok(KeySlot { id, head, sealed_ring })
}
