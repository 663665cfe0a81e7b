//! What check and repair look at: objects that do not open, packs as a whole.

use super::RepoError;
use super::catalog::Catalog;
use super::repository::{Repository, object_name};
use crate::codec::{BlobClass, Class};
use crate::format::{
    self, Announcement, Commit, Damaged, Forgotten, FormatError, KeySlot, PackedBlob, PruneMark,
    RepositoryConfig,
};
use crate::model::{PackId, SessionId};
use crate::storage::{Folder, ObjectName, StorageError};
use std::collections::HashSet;

/// The largest pack that is read whole, in bytes.
const LARGEST_PACK: u64 = 1 << 30;

impl Repository {
    /// Opens every small object; returns the names of those that do not, with the reason. The
    /// ring of a key slot opens only with its own password, and is not looked at.
    pub fn unreadable_objects(&self) -> Result<Vec<(String, String)>, RepoError> {
        let folders = [
            Folder::Keys,
            Folder::Config,
            Folder::Sessions,
            Folder::Snapshots,
            Folder::Forgotten,
            Folder::Prune,
            Folder::Damaged,
        ];
        let mut unreadable = Vec::new();
        for folder in folders {
            for listed in self.storage.list(folder)? {
                match self.open_small(&listed.name) {
                    Ok(()) | Err(RepoError::Storage(StorageError::Absent { .. })) => {}
                    Err(error @ RepoError::Storage(_)) => return Err(error),
                    Err(error) => unreadable.push((listed.name.to_string(), error.to_string())),
                }
            }
        }
        unreadable.sort();
        Ok(unreadable)
    }

    fn open_small(&self, name: &ObjectName) -> Result<(), RepoError> {
        let class = match name.folder() {
            Folder::Keys => return self.open_slot(name),
            Folder::Config => Class::Config,
            Folder::Sessions => Class::Session,
            Folder::Snapshots => Class::Snapshot,
            Folder::Forgotten => Class::Forgotten,
            Folder::Prune => Class::Prune,
            Folder::Damaged => Class::Damaged,
            Folder::Top | Folder::Packs | Folder::Index => return Ok(()),
        };
        let plain = self.get_object(class, name)?;
        decode(name, &plain).map_err(|error| RepoError::format(name, error))
    }

    fn open_slot(&self, name: &ObjectName) -> Result<(), RepoError> {
        let id = name.last().parse().map_err(|error| RepoError::damaged(name, error))?;
        let bytes = self.get_whole(name, format::LARGEST_OBJECT)?;
        KeySlot::decode(id, &bytes).map_err(|error| RepoError::format(name, error))?;
        Ok(())
    }

    /// The names of all objects that say what is live and where it lies, sorted. While they stay
    /// the same nobody commits, forgets or deletes anything.
    pub fn outline(&self) -> Result<Vec<ObjectName>, RepoError> {
        let mut names = Vec::new();
        for folder in [Folder::Index, Folder::Snapshots, Folder::Forgotten] {
            names.extend(self.storage.list(folder)?.into_iter().map(|listed| listed.name));
        }
        names.sort();
        Ok(names)
    }

    /// A whole pack; `None` if it is gone.
    pub fn read_pack(&self, id: &PackId) -> Result<Option<Vec<u8>>, RepoError> {
        match self.get_whole(&object_name(&format::pack_name(id))?, LARGEST_PACK) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(RepoError::Storage(StorageError::Absent { .. })) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The blobs of a pack by its own table; `None` if that does not open.
    pub fn blobs_of_pack(
        &self,
        id: &PackId,
        size: u64,
    ) -> Result<Option<(BlobClass, Vec<PackedBlob>)>, RepoError> {
        match self.read_pack_table(id, size) {
            Ok(pack) => Ok(Some((pack.class, pack.table.blobs))),
            Err(error) if error.is_damage() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The snapshot whose spare copy lies in one of the packs of session `id`, if there is one.
    pub fn find_payload(
        &self,
        reader: &super::BlobReader,
        id: SessionId,
    ) -> Result<Option<crate::model::Snapshot>, RepoError> {
        let catalog = reader.catalog();
        let packs = catalog.index().packs().iter().filter(|pack| pack.session == id);
        for payload in packs.filter_map(|pack| pack.payload) {
            let plain = reader.read(BlobClass::Tree, &payload)?;
            if let Ok(Commit::Snapshot(snapshot)) = Commit::decode(id, &plain) {
                return Ok(Some(*snapshot));
            }
        }
        Ok(None)
    }

    /// Sessions whose commit is lost: a pack of theirs has the spare copy of a snapshot, and
    /// there is neither a commit nor a tombstone nor an announcement.
    pub fn lost_commits(&self, catalog: &Catalog) -> Result<Vec<SessionId>, RepoError> {
        let announced: HashSet<SessionId> =
            self.undecided()?.into_iter().map(|session| session.id).collect();
        let ledger = self.ledger()?;
        let packs = catalog.index().packs().iter().zip(0..);
        let mut lost: Vec<SessionId> = packs
            .filter(|(pack, number)| pack.payload.is_some() && catalog.is_counted(*number))
            .map(|(pack, _)| pack.session)
            .filter(|id| !announced.contains(id))
            .filter(|id| !ledger.decided.contains(id) && !ledger.forgotten.contains(id))
            .collect();
        lost.sort_unstable();
        lost.dedup();
        Ok(lost)
    }
}

fn decode(name: &ObjectName, plain: &[u8]) -> Result<(), FormatError> {
    match name.folder() {
        Folder::Config => RepositoryConfig::decode(plain).map(drop),
        Folder::Sessions if name.last() == "0" => Announcement::decode(plain).map(drop),
        Folder::Snapshots => {
            let id = name.last().parse();
            let id = id.map_err(|error| FormatError::malformed("snapshot", error))?;
            Commit::decode(id, plain).map(drop)
        }
        Folder::Forgotten => Forgotten::decode(plain).map(drop),
        Folder::Prune => PruneMark::decode(plain).map(drop),
        Folder::Damaged => Damaged::decode(plain).map(drop),
        _ => Ok(()),
    }
}
