//! Key slots: each holds the key ring, sealed with what a password or a key file gives.

use super::RepoError;
use super::open::{Credential, get_bounded};
use super::repository::{Repository, object_name};
use crate::codec::{
    Class, Compression, Compressor, Decompressor, KeyRing, Place, Secret, derive_from_key_file,
    derive_from_password, object_context, open_with, seal_with,
};
use crate::format::{self, KeySlot, SlotHead, SlotKind, decode_ring, encode_ring};
use crate::model::{Entropy, KeyId, RepositoryId};
use crate::storage::{Folder, ObjectName, Put, Storage, StorageError};
use jiff::Timestamp;
use zeroize::Zeroizing;

/// At most this many slots are tried with one password, so a repository should have no more.
pub const MOST_SLOTS: usize = 64;
/// So many names are listed: whoever can write to the storage may have put any number there.
pub(super) const MOST_LISTED: usize = 500_000;
/// So many of them are looked into, first those that are as long as slots are.
pub(super) const MOST_READ: usize = 10_000;
/// Bytes: no slot is shorter.
const SHORTEST_SLOT: u64 = 128;
/// Bytes.
pub(super) const LARGEST_SLOT: u64 = 64 * 1024;

/// What everybody can see of a slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySlotInfo {
    pub id: KeyId,
    pub kind: SlotKind,
    /// By the clock of whoever made it.
    pub created: Timestamp,
    /// For people.
    pub label: String,
    /// It is the one that opened the repository now.
    pub is_current: bool,
}

/// All slots of a repository.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeySlots {
    /// The oldest first.
    pub slots: Vec<KeySlotInfo>,
    /// Objects that are no slots, with the reason.
    pub unreadable: Vec<(String, String)>,
}

impl Repository {
    /// Reads the clear heads of all slots. Whether a slot opens shows only with its password.
    pub fn key_slots(&self) -> Result<KeySlots, RepoError> {
        let mut found = KeySlots::default();
        let (mut names, _) = likely_slots(self.storage.as_ref(), None)?;
        if let Some(own) = self.key {
            // Slots that others put beside it hide any but the own one.
            let own = object_name(&format::key_name(&own))?;
            names.retain(|name| *name != own);
            names.push(own);
        }
        for name in names {
            match read_slot(self.storage.as_ref(), &name) {
                Ok(KeySlot { id, head, .. }) => {
                    let SlotHead { kind, created, label, .. } = head;
                    let is_current = self.key == Some(id);
                    found.slots.push(KeySlotInfo { id, kind, created, label, is_current });
                }
                // Taken away after it was listed.
                Err(RepoError::Storage(StorageError::Absent { .. })) => {}
                Err(error @ RepoError::Storage(_)) => return Err(error),
                Err(error) => found.unreadable.push((name.to_string(), error.why())),
            }
        }
        found.slots.sort_by_key(|slot| (slot.created, slot.id));
        found.unreadable.sort();
        Ok(found)
    }

    /// Makes a slot for one more password or key file, and proves, from what was stored, that it
    /// opens; a slot that does not is taken away again. Costs two derivations of the key.
    pub fn add_key_slot(&self, credential: &Credential, label: String) -> Result<KeyId, RepoError> {
        let (ring, entropy) = (self.sealer.ring(), self.entropy());
        let slot = make_slot(self.id(), ring, credential, label, self.clock().now(), entropy)?;
        let name = object_name(&format::key_name(&slot.id))?;
        if self.storage.put_if_absent(&name, &slot.encode())? == Put::Exists {
            return Err(RepoError::damaged(&name, "it is there already, though it was just made"));
        }
        match try_slot(self.storage.as_ref(), self.id(), credential, &name) {
            Ok(Some((id, opened))) if opened == *ring => Ok(id),
            failed => {
                self.storage.delete(&name)?;
                let why = "the new slot did not open, and was taken away again";
                Err(failed.err().unwrap_or_else(|| RepoError::damaged(&name, why)))
            }
        }
    }

    /// Takes a slot away: what it was for opens the repository no more. Whether others are left is
    /// the caller's care.
    pub fn remove_key_slot(&self, id: &KeyId) -> Result<(), RepoError> {
        Ok(self.storage.delete(&object_name(&format::key_name(id))?)?)
    }
}

/// The names in `keys/` that are looked into, those first whose objects can be slots, in order;
/// and whether there are no others.
pub(super) fn likely_slots(
    storage: &dyn Storage,
    beginning: Option<&str>,
) -> Result<(Vec<ObjectName>, bool), RepoError> {
    let mut listed = storage.list_some(Folder::Keys, MOST_LISTED)?;
    let is_listed = listed.len() < MOST_LISTED;
    listed.retain(|listed| beginning.is_none_or(|word| listed.name.last().starts_with(word)));
    let is_unlikely = |size: u64| !(SHORTEST_SLOT..=LARGEST_SLOT).contains(&size);
    listed.sort_by(|one, other| {
        (is_unlikely(one.size), &one.name).cmp(&(is_unlikely(other.size), &other.name))
    });
    let is_whole = is_listed && listed.len() <= MOST_READ;
    listed.truncate(MOST_READ);
    Ok((listed.into_iter().map(|listed| listed.name).collect(), is_whole))
}

fn read_slot(storage: &dyn Storage, name: &ObjectName) -> Result<KeySlot, RepoError> {
    let id: KeyId = name.last().parse().map_err(|error| RepoError::damaged(name, error))?;
    let bytes = get_bounded(storage, name)?;
    KeySlot::decode(id, &bytes).map_err(|error| RepoError::format(name, error))
}

/// `None` if the slot is of another kind, or another password's.
pub(super) fn try_slot(
    storage: &dyn Storage,
    repository: RepositoryId,
    credential: &Credential,
    name: &ObjectName,
) -> Result<Option<(KeyId, KeyRing)>, RepoError> {
    let slot = read_slot(storage, name)?;
    let Some(key) = slot_key(&slot.head, credential)? else { return Ok(None) };
    let context = object_context(&name.to_string());
    let place = Place { repository, class: Class::KeyRing, context: &context, epoch: 0 };
    let limit = LARGEST_SLOT as usize;
    match open_with(&key, &place, &mut slot.sealed_ring.clone(), limit, &mut Decompressor::new()?) {
        Ok(plain) => {
            let plain = Zeroizing::new(plain);
            let ring = decode_ring(&plain).map_err(|error| RepoError::format(name, error))?;
            Ok(Some((slot.id, ring)))
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

pub(super) fn make_slot(
    repository: RepositoryId,
    ring: &KeyRing,
    credential: &Credential,
    label: String,
    created: Timestamp,
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
