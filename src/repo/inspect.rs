//! What check and repair look at: objects that do not open, packs as a whole.

use super::RepoError;
use super::catalog::Catalog;
use super::repository::{Repository, object_name};
use crate::codec::{BlobClass, Class};
use crate::format::{
    self, Announcement, Commit, Damaged, Forgotten, FormatError, IndexedPack, KeySlot, Marker,
    PruneMark, RepositoryConfig, Segments,
};
use crate::model::{BlobId, PackId, SessionId, Snapshot};
use crate::storage::{Folder, ObjectName, StorageError};
use jiff::Timestamp;
use std::collections::{BTreeSet, HashMap, HashSet};

/// The largest pack that is read whole, in bytes.
const LARGEST_PACK: u64 = 1 << 30;
/// Seconds without a sign of life after which a session is not under way any more.
const A_DAY: i64 = 24 * 3600;

impl Repository {
    /// Opens every small object; returns the names of those that do not open, with the reason.
    /// The ring of a key slot opens only with its own password, and is not looked at.
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
            let listed = self.storage.list(folder)?.into_iter();
            for listed in listed.filter(|listed| format::is_object_name(&listed.name.to_string())) {
                match self.open_small(&listed.name) {
                    Ok(()) | Err(RepoError::Storage(StorageError::Absent { .. })) => {}
                    Err(error @ RepoError::Storage(_)) => return Err(error),
                    Err(error) => unreadable.push((listed.name.to_string(), error.why())),
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
            Folder::Log => Class::LogSegment,
            Folder::Top | Folder::Packs | Folder::Index => return Ok(()),
        };
        let plain = self.get_object(class, name)?;
        decode(name, &plain).map_err(|error| RepoError::format(name, error))
    }

    fn open_slot(&self, name: &ObjectName) -> Result<(), RepoError> {
        let id = name.last().parse().map_err(|error| RepoError::damaged(name, error))?;
        let bytes = self.get_whole(name, format::LARGEST_OBJECT)?;
        let slot = KeySlot::decode(id, &bytes).map_err(|error| RepoError::format(name, error))?;
        // Nobody looks at it when the ring is opened: it is not sealed with a master key.
        match slot.sealed_ring.starts_with(&0_u32.to_le_bytes()) {
            true => Ok(()),
            false => Err(RepoError::damaged(name, "its ring names a master key")),
        }
    }

    /// The names of all objects that say what is live, where it lies and how far prunes are,
    /// sorted. While they stay the same nobody commits, forgets or deletes anything.
    pub fn outline(&self) -> Result<Vec<ObjectName>, RepoError> {
        let mut names = Vec::new();
        for folder in [Folder::Index, Folder::Snapshots, Folder::Forgotten, Folder::Prune] {
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

    /// What the index says of these packs. Reads every index object that opens.
    pub fn indexed_packs(
        &self,
        wanted: &HashSet<PackId>,
    ) -> Result<HashMap<PackId, IndexedPack>, RepoError> {
        let mut found = HashMap::new();
        for id in self.list_index()? {
            match self.get_index(&id) {
                Ok(index) => {
                    let packs = index.packs.into_iter().filter(|pack| wanted.contains(&pack.id));
                    found.extend(packs.map(|pack| (pack.id, pack)));
                }
                Err(error) if error.is_damage() => {}
                Err(RepoError::Storage(StorageError::Absent { .. })) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }

    /// What is wrong with `snap.json`, beyond what opening a repository looks at.
    pub fn marker_damage(&self) -> Result<Option<String>, RepoError> {
        let name = object_name(format::MARKER_NAME)?;
        let bytes = match self.get_whole(&name, format::LARGEST_OBJECT) {
            Ok(bytes) => bytes,
            Err(RepoError::Storage(StorageError::Absent { .. })) => {
                return Ok(Some("it is missing: nobody can open the repository".to_string()));
            }
            Err(error) if error.is_damage() => return Ok(Some(error.why())),
            Err(error) => return Err(error),
        };
        Ok(match Marker::decode(&bytes) {
            Err(error) => Some(error.to_string()),
            Ok(marker) if marker.repository != self.id() => {
                Some("it names another repository".to_string())
            }
            Ok(marker) if marker.encode() != bytes => {
                Some("it was changed, though it can still be read".to_string())
            }
            Ok(_) => None,
        })
    }

    /// The snapshot that `plain` is the payload of, if it is one; no other tree blob is.
    pub fn payload(&self, id: SessionId, plain: &[u8]) -> Option<Snapshot> {
        match Commit::decode(id, plain) {
            Ok(Commit::Snapshot(snapshot)) if snapshot.tree != BlobId::new([0; 32]) => {
                Some(*snapshot)
            }
            _ => None,
        }
    }

    /// The snapshot whose spare copy a pack of session `id` points to, if there is one.
    pub fn find_payload(
        &self,
        reader: &super::BlobReader,
        id: SessionId,
    ) -> Result<Option<Snapshot>, RepoError> {
        let catalog = reader.catalog();
        let packs = catalog.all_packs().filter(|pack| pack.session == id);
        for payload in packs.filter_map(|pack| pack.payload) {
            match reader.read(BlobClass::Tree, &payload) {
                Ok(plain) => return Ok(self.payload(id, &plain)),
                Err(error) if error.is_damage() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// Sessions that a pack has the spare copy of a snapshot of, and that there is neither a
    /// commit nor a tombstone of.
    pub fn lost_commits(&self, catalog: &Catalog) -> Result<LostCommits, RepoError> {
        let signs: HashMap<SessionId, Timestamp> =
            self.undecided()?.into_iter().map(|session| (session.id, session.last_sign)).collect();
        let decided: HashSet<SessionId> = self.ledger()?.all_decided().collect();
        let there = catalog.all_packs().filter(|pack| catalog.listed().contains_key(&pack.id));
        let sessions: BTreeSet<SessionId> = there
            .filter(|pack| pack.payload.is_some() && !decided.contains(&pack.session))
            .map(|pack| pack.session)
            .collect();
        let now = self.clock().now().as_second();
        let mut found = LostCommits::default();
        for id in sessions {
            let of_its_kind = match signs.get(&id) {
                None => &mut found.lost,
                Some(sign) if now.saturating_sub(sign.as_second()) >= A_DAY => &mut found.silent,
                Some(_) => &mut found.under_way,
            };
            of_its_kind.push(id);
        }
        Ok(found)
    }
}

/// Sessions that stored all of a snapshot, and whose commit is not there. Sorted.
#[derive(Default)]
pub struct LostCommits {
    /// Not announced any more: a session's announcement goes only after it was decided.
    pub lost: Vec<SessionId>,
    /// Announced, without a sign of life for a day: killed before its commit, or the commit is
    /// lost.
    pub silent: Vec<SessionId>,
    /// Announced, with a sign of life within a day.
    pub under_way: Vec<SessionId>,
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
        Folder::Log => Segments::decode(plain).map(drop),
        _ => Ok(()),
    }
}
