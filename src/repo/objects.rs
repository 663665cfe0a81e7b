//! Single objects, as they are: for looking at.

use super::RepoError;
use super::repository::{Repository, object_name};
use crate::codec::Class;
use crate::format::{self, Announcement, Damaged, Forgotten, KeySlot};
use crate::model::{KeyId, PackId, SessionId};

impl Repository {
    /// A key slot: its head, and the ring that stays sealed.
    pub fn read_slot(&self, id: KeyId) -> Result<KeySlot, RepoError> {
        let name = object_name(&format::key_name(&id))?;
        let bytes = self.get_whole(&name, format::LARGEST_OBJECT)?;
        KeySlot::decode(id, &bytes).map_err(|error| RepoError::format(&name, error))
    }

    /// What a session said of itself when it began.
    pub fn read_announcement(&self, id: SessionId) -> Result<Announcement, RepoError> {
        let name = object_name(&format::session_name(&id, 0))?;
        let plain = self.get_object(Class::Session, &name)?;
        Announcement::decode(&plain).map_err(|error| RepoError::format(&name, error))
    }

    /// What is left of a snapshot that was forgotten.
    pub fn read_forgotten_mark(&self, id: SessionId) -> Result<Forgotten, RepoError> {
        let name = object_name(&format::forgotten_name(&id))?;
        let plain = self.get_object(Class::Forgotten, &name)?;
        Forgotten::decode(&plain).map_err(|error| RepoError::format(&name, error))
    }

    /// Why a pack is marked as damaged.
    pub fn read_damage_mark(&self, id: PackId) -> Result<Damaged, RepoError> {
        let name = object_name(&format::damaged_name(&id))?;
        let plain = self.get_object(Class::Damaged, &name)?;
        Damaged::decode(&plain).map_err(|error| RepoError::format(&name, error))
    }
}
