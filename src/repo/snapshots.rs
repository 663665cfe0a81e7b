//! Snapshots, what was forgotten, and tombstones.

use super::RepoError;
use super::repository::{Repository, object_name};
use crate::codec::Class;
use crate::format::{self, Announcement, Commit, Forgotten};
use crate::model::{PackId, SessionId, Snapshot, SnapshotHash, SourcePlaces};
use crate::storage::{Folder, ObjectName, Put, StorageError};
use jiff::Timestamp;
use std::collections::{BTreeMap, HashMap, HashSet};

/// Bytes that all live snapshots may take in memory by count: 450,000 of an ordinary size (some
/// 560 bytes, 800 with what the allocator takes), 85,000 with a hundred sources each.
const MOST_MEMORY: usize = 256 << 20;
/// One that takes more bytes is a large one: it has thousands of sources or tags.
const LARGE: usize = 256 << 10;
/// Bytes of all large ones: what shows them copies them several times.
const MOST_LARGE: usize = 24 << 20;

/// What lies in `snapshots/` and `forgotten/`, read once.
#[derive(Default)]
pub struct Ledger {
    /// Committed and not forgotten, in order of `begun`.
    pub live: Vec<Snapshot>,
    /// When the storage says that each commit was stored.
    pub stored: HashMap<SessionId, Timestamp>,
    /// Every id with an object in `snapshots/`: commits, tombstones, unreadable ones.
    pub decided: HashSet<SessionId>,
    pub forgotten: HashSet<SessionId>,
    /// Writer, sequence and hash of each forgotten snapshot.
    pub forgotten_links: Vec<([u8; 16], u64, SnapshotHash)>,
    /// Commits that are forgotten: their objects may be deleted.
    pub forgotten_commits: Vec<SessionId>,
    /// Objects that do not open. Prune stops at them; everything else goes on without them.
    pub unreadable: Vec<(ObjectName, RepoError)>,
}

impl Ledger {
    /// Every session that is known to have come to its end.
    pub fn all_decided(&self) -> impl Iterator<Item = SessionId> + '_ {
        self.decided.iter().chain(&self.forgotten).copied()
    }

    /// The hashes of all snapshots, live and forgotten.
    pub fn hashes(&self) -> HashSet<SnapshotHash> {
        let forgotten = self.forgotten_links.iter().map(|(_, _, hash)| *hash);
        self.live.iter().map(snapshot_hash).chain(forgotten).collect()
    }
}

/// A session that is neither committed nor fenced.
#[derive(Debug, Clone)]
pub struct Undecided {
    pub id: SessionId,
    /// `None` if the announcement does not open.
    pub announcement: Option<Announcement>,
    /// The newest sign of life, by the storage's clock.
    pub last_sign: Timestamp,
}

/// What a session has in `sessions/`.
struct Signs {
    /// Without an announcement there are only signs that were not removed with it.
    is_announced: bool,
    last: Timestamp,
}

/// The session whose sign of life an object is.
fn announcer(name: &ObjectName) -> Option<SessionId> {
    name.rest().split('/').next()?.parse().ok()
}

impl Repository {
    /// Reads all snapshots. Costs one small read a snapshot. Where all together are larger than
    /// any that snap writes, the largest count as unreadable. What was seen here before and is
    /// not there any more is found by the way: see [`Repository::take_missed`].
    pub fn ledger(&self) -> Result<Ledger, RepoError> {
        let mut ledger = Ledger::default();
        let (mut moved, mut memory, mut large) = (false, 0_usize, 0_usize);
        let mut places = SourcePlaces::default();
        let mut commits = self.storage.list(Folder::Snapshots)?;
        commits.sort_by_key(|listed| listed.size);
        self.read_forgotten(&mut ledger)?;
        for listed in commits {
            let Ok(id) = listed.name.last().parse::<SessionId>() else { continue };
            ledger.decided.insert(id);
            ledger.stored.insert(id, listed.stored);
            match self.read_commit(id) {
                Ok(Commit::Tombstone { .. }) => {}
                Ok(Commit::Snapshot(_)) if ledger.forgotten.contains(&id) => {
                    ledger.forgotten_commits.push(id);
                }
                Ok(Commit::Snapshot(mut snapshot)) => {
                    let bytes = places.share(&mut snapshot);
                    memory = memory.saturating_add(bytes);
                    if bytes > LARGE {
                        large = large.saturating_add(bytes);
                    }
                    match memory <= MOST_MEMORY && large <= MOST_LARGE {
                        true => ledger.live.push(*snapshot),
                        false => ledger.unreadable.push(too_many(listed.name)),
                    }
                }
                // Deleted after the listing: it was forgotten.
                Err(RepoError::Storage(StorageError::Absent { .. })) => moved = true,
                Err(error @ (RepoError::Storage(_) | RepoError::TooNew { .. })) => {
                    return Err(error);
                }
                Err(error) => ledger.unreadable.push((listed.name, error)),
            }
        }
        if !moved {
            self.observe(&ledger);
        }
        ledger.live.sort_by_key(|snapshot| (snapshot.begun, snapshot.taken, snapshot.id));
        Ok(ledger)
    }

    fn read_forgotten(&self, ledger: &mut Ledger) -> Result<(), RepoError> {
        for listed in self.storage.list(Folder::Forgotten)? {
            let Ok(id) = listed.name.last().parse::<SessionId>() else { continue };
            let forgotten = self.get_object(Class::Forgotten, &listed.name).and_then(|plain| {
                Forgotten::decode(&plain).map_err(|error| RepoError::format(&listed.name, error))
            });
            match forgotten {
                Ok(forgotten) => {
                    ledger.forgotten.insert(id);
                    let Forgotten { writer, sequence, hash, .. } = forgotten;
                    ledger.forgotten_links.push((writer, sequence, hash));
                }
                Err(error @ (RepoError::Storage(_) | RepoError::TooNew { .. })) => {
                    return Err(error);
                }
                Err(error) => ledger.unreadable.push((listed.name, error)),
            }
        }
        Ok(())
    }

    /// What lies at `snapshots/<s>`.
    pub fn read_commit(&self, id: SessionId) -> Result<Commit, RepoError> {
        let name = object_name(&format::snapshot_name(&id))?;
        let plain = self.get_object(Class::Snapshot, &name)?;
        Commit::decode(id, &plain).map_err(|error| RepoError::format(&name, error))
    }

    /// Whether the session is a commit and not forgotten, looked up now.
    pub fn is_live(&self, id: SessionId) -> Result<bool, RepoError> {
        match self.read_commit(id) {
            Ok(Commit::Snapshot(_)) => Ok(!self.is_forgotten(id)?),
            Ok(Commit::Tombstone { .. }) => Ok(false),
            Err(RepoError::Storage(StorageError::Absent { .. })) => Ok(false),
            Err(error) if error.is_damage() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// This snapshot if it is live, else a live one of the same content that succeeds it: its tags
    /// were changed.
    pub fn live_successor(&self, id: SessionId) -> Result<Option<SessionId>, RepoError> {
        if self.is_live(id)? {
            return Ok(Some(id));
        }
        let mut live = self.ledger()?.live.into_iter().rev();
        Ok(live.find(|snapshot| snapshot.original == Some(id)).map(|snapshot| snapshot.id))
    }

    fn is_forgotten(&self, id: SessionId) -> Result<bool, RepoError> {
        let name = object_name(&format::forgotten_name(&id))?;
        match self.storage.get(&name, format::LARGEST_OBJECT) {
            Ok(_) => Ok(true),
            Err(StorageError::Absent { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Makes a snapshot not count any more. Doing it twice is fine.
    pub fn forget(&self, snapshot: &Snapshot) -> Result<(), RepoError> {
        let forgotten = Forgotten {
            writer: snapshot.writer,
            sequence: snapshot.sequence,
            hash: snapshot_hash(snapshot),
            when: self.clock().now(),
        };
        let name = object_name(&format::forgotten_name(&snapshot.id))?;
        self.put_object(Class::Forgotten, &name, &forgotten.encode())?;
        Ok(())
    }

    /// Forgets a snapshot of which nothing more is known than its place in a chain; 0 stands
    /// for none.
    pub fn forget_by_link(
        &self,
        id: SessionId,
        writer: [u8; 16],
        sequence: u64,
    ) -> Result<(), RepoError> {
        let hash = SnapshotHash::new([0; SnapshotHash::LENGTH]);
        let forgotten = Forgotten { writer, sequence, hash, when: self.clock().now() };
        let name = object_name(&format::forgotten_name(&id))?;
        self.put_object(Class::Forgotten, &name, &forgotten.encode())?;
        Ok(())
    }

    /// Fences a session: from now on it cannot commit. Returns whether it was decided by this
    /// call (`Exists` means that it was decided before).
    pub fn tombstone(&self, id: SessionId, by: SessionId) -> Result<Put, RepoError> {
        let name = object_name(&format::snapshot_name(&id))?;
        self.put_object(Class::Snapshot, &name, &Commit::Tombstone { by }.encode())
    }

    /// Sessions that have announced themselves and are not decided. Announcements are listed
    /// first, decisions after.
    pub fn undecided(&self) -> Result<Vec<Undecided>, RepoError> {
        let signs = self.signs_of_life()?;
        let decided = self.list_decided()?;
        let mut undecided = Vec::new();
        for (id, Signs { is_announced, last }) in signs {
            if is_announced && !decided.contains(&id) {
                undecided.extend(self.read_undecided(id, last)?);
            }
        }
        Ok(undecided)
    }

    /// `None` if the session has ended meanwhile.
    fn read_undecided(
        &self,
        id: SessionId,
        last_sign: Timestamp,
    ) -> Result<Option<Undecided>, RepoError> {
        let name = object_name(&format::session_name(&id, 0))?;
        let announcement = match self.get_object(Class::Session, &name) {
            Ok(plain) => Announcement::decode(&plain).ok(),
            Err(RepoError::Storage(StorageError::Absent { .. })) => return Ok(None),
            Err(error @ RepoError::Storage(_)) => return Err(error),
            Err(_) => None,
        };
        Ok(Some(Undecided { id, announcement, last_sign }))
    }

    /// What lies in `sessions/`, by session.
    fn signs_of_life(&self) -> Result<BTreeMap<SessionId, Signs>, RepoError> {
        let mut signs: BTreeMap<SessionId, Signs> = BTreeMap::new();
        for listed in self.storage.list(Folder::Sessions)? {
            let Some(id) = announcer(&listed.name) else { continue };
            let first = Signs { is_announced: false, last: listed.stored };
            let signs = signs.entry(id).or_insert(first);
            signs.last = listed.stored.max(signs.last);
            signs.is_announced |= listed.name.last() == "0";
        }
        Ok(signs)
    }

    fn list_decided(&self) -> Result<HashSet<SessionId>, RepoError> {
        let mut decided: HashSet<SessionId> = HashSet::new();
        for folder in [Folder::Snapshots, Folder::Forgotten] {
            let listed = self.storage.list(folder)?;
            decided.extend(listed.iter().filter_map(|l| l.name.last().parse::<SessionId>().ok()));
        }
        Ok(decided)
    }
}

fn too_many(name: ObjectName) -> (ObjectName, RepoError) {
    let (most, large) = (MOST_MEMORY >> 20, MOST_LARGE >> 20);
    let why = format!(
        "all snapshots together take more than {most} MiB of memory, or the large ones more than \
         {large}; it is a large one"
    );
    let error = RepoError::damaged(&name, why);
    (name, error)
}

/// The link in a writer's chain.
pub fn snapshot_hash(snapshot: &Snapshot) -> SnapshotHash {
    let payload = Commit::Snapshot(Box::new(snapshot.clone())).encode();
    SnapshotHash::new(*blake3::hash(&payload).as_bytes())
}

impl Repository {
    /// The id of the spare copy of a snapshot's payload.
    pub fn payload_id(&self, snapshot: &Snapshot) -> crate::model::BlobId {
        let payload = Commit::Snapshot(Box::new(snapshot.clone())).encode();
        self.identify(crate::codec::BlobClass::Tree, &payload)
    }
}

/// What a prune removes at its end.
impl Repository {
    /// Removes announcements of decided sessions, and signs of life without an announcement, but
    /// for those of `own`.
    pub fn remove_decided(&self, own: SessionId) -> Result<(), RepoError> {
        let names: Vec<ObjectName> =
            self.storage.list(Folder::Sessions)?.into_iter().map(|listed| listed.name).collect();
        let is_announced = |id: &SessionId| {
            names.iter().any(|name| name.last() == "0" && announcer(name) == Some(*id))
        };
        let decided = self.list_decided()?;
        for name in &names {
            let ended = |id: &SessionId| decided.contains(id) || !is_announced(id);
            if announcer(name).is_some_and(|id| id != own && ended(&id)) {
                self.storage.delete(name)?;
            }
        }
        Ok(())
    }

    /// Whether a session is decided, or has taken its announcement away.
    pub fn is_finished(&self, id: SessionId) -> Result<bool, RepoError> {
        match self.storage.get(&object_name(&format::session_name(&id, 0))?, format::LARGEST_OBJECT)
        {
            Err(StorageError::Absent { .. }) => return Ok(true),
            Err(error) => return Err(error.into()),
            Ok(_) => {}
        }
        match self.storage.get(&object_name(&format::snapshot_name(&id))?, format::LARGEST_OBJECT) {
            Err(StorageError::Absent { .. }) => self.is_forgotten(id),
            Err(error) => Err(error.into()),
            Ok(_) => Ok(true),
        }
    }

    /// Removes the commits of forgotten snapshots; `forgotten/s` stays for ever.
    pub fn delete_forgotten_commits(&self) -> Result<(), RepoError> {
        for id in self.ledger()?.forgotten_commits {
            self.storage.delete(&object_name(&format::snapshot_name(&id))?)?;
        }
        Ok(())
    }

    pub fn delete_pack(&self, id: &PackId) -> Result<(), RepoError> {
        Ok(self.storage.delete(&object_name(&format::pack_name(id))?)?)
    }

    pub fn delete_index(&self, id: &crate::model::IndexId) -> Result<(), RepoError> {
        Ok(self.storage.delete(&object_name(&format::index_name(id))?)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{BlobId, EntryPath, Host, SnapshotKind, SnapshotSource, Summary};

    /// Two tags, and so many sources.
    fn snapshot(number: u64, sources: usize) -> Snapshot {
        let path = |at: usize| {
            let path = format!("mongodb/rs0.example.org/production/collection{at:03}");
            let address = format!("mongodb://{path}").into_bytes();
            let path = EntryPath::parse(path.as_bytes()).unwrap();
            SnapshotSource::new(address, path, Timestamp::UNIX_EPOCH)
        };
        let text = |text: &str| text.to_string();
        Snapshot {
            id: SessionId::new([7; 16]),
            kind: SnapshotKind::Backup,
            begun: Timestamp::UNIX_EPOCH,
            taken: Timestamp::UNIX_EPOCH,
            host: Host { name: text("server.example.org"), user: text("backup"), uid: 1, gid: 1 },
            sources: (0..sources).map(path).collect(),
            tags: vec![text("daily"), text("before the upgrade")],
            tree: BlobId::new([7; 32]),
            summary: Summary::default(),
            problems: 0,
            writer: [7; 16],
            sequence: number,
            previous: Some(SnapshotHash::new([7; 32])),
            parent: None,
            original: None,
            program: text("snap 0.1.0"),
            in_place: None,
        }
    }

    /// In memory, by count.
    fn bytes(snapshots: u64, sources: usize) -> usize {
        let mut places = SourcePlaces::default();
        (0..snapshots).map(|number| places.share(&mut snapshot(number, sources))).sum()
    }

    #[test]
    fn snapshots_that_people_make_stay_below_the_bound() {
        let (ordinary, large) = (bytes(100, 1) * 1_000, bytes(100, 100) * 500);
        assert!(ordinary < MOST_MEMORY / 4, "100,000 ordinary ones take {ordinary}");
        assert!(large < MOST_MEMORY, "50,000 of a hundred sources take {large}");
    }
}
