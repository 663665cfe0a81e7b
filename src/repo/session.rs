//! A writer's run: announced before it reads, decided by its commit (design §5, W1 to W6).

use super::RepoError;
use super::catalog::Catalog;
use super::claimed::Claimed;
use super::frame::{OpenFrame, frame_size, is_small};
use super::packer::{OpenPack, SealedFrame};
use super::repository::{Repository, object_name};
use super::uploads::Uploads;
use crate::codec::{BlobClass, Class, Compressor};
use crate::format::{self, Announcement, Commit, ProcessIdentity, SessionKind};
use crate::model::{BlobId, Counter, Monitor, PackId, Problem, ProblemKind, SessionId, Snapshot};
use crate::storage::{Folder, ObjectName, Put};
use jiff::Timestamp;
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A sign of life is put this often.
const SIGN_OF_LIFE_SECONDS: i64 = 3600;

/// Who announces itself.
#[derive(Debug, Clone, Default)]
pub struct Writer {
    pub host: String,
    pub process: ProcessIdentity,
}

/// Whether a small blob is sealed with others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sealing {
    Together,
    /// For what is read, and has to outlive damage, piece by piece.
    Alone,
}

/// A session that may add blobs and commit a snapshot. Shared by all its threads.
pub struct Session {
    repository: Arc<Repository>,
    id: SessionId,
    monitor: Arc<dyn Monitor>,
    catalog: Arc<Catalog>,
    /// Whether W2 found an open mark, or anything is named damaged: then nothing is reused
    /// unread.
    guarded: bool,
    /// Blobs that this session uploads or has uploaded.
    claimed: Claimed,
    /// Small blobs of data that are not sealed yet.
    frame: Mutex<OpenFrame>,
    data: Mutex<OpenPack>,
    tree: Mutex<OpenPack>,
    pack_size: usize,
    frame_size: usize,
    uploads: Uploads,
    signs: Mutex<Signs>,
    committing: AtomicBool,
}

struct Signs {
    last: Timestamp,
    count: u64,
}

impl Session {
    /// W1 to W4: announces, reads open marks, the index, and the listing of packs. If that fails
    /// nobody is left to be waited for.
    pub fn begin(
        repository: &Arc<Repository>,
        kind: SessionKind,
        writer: &Writer,
        monitor: Arc<dyn Monitor>,
    ) -> Result<Self, RepoError> {
        repository.settings_are_known()?;
        let id = SessionId::new(repository.entropy().bytes());
        let begun = repository.clock().now();
        let session = repository
            .announce(id, kind, writer, begun)
            .and_then(|()| Self::announced(repository, id, kind, begun, monitor));
        if session.is_err() {
            let _ = repository.remove_announcements(id);
        }
        session
    }

    /// W2 to W4.
    fn announced(
        repository: &Arc<Repository>,
        id: SessionId,
        kind: SessionKind,
        begun: Timestamp,
        monitor: Arc<dyn Monitor>,
    ) -> Result<Self, RepoError> {
        let condemned = condemned(repository, kind)?;
        let damaged = repository.damaged_packs()?;
        let barred: HashSet<PackId> =
            condemned.iter().flatten().copied().chain(damaged.iter().copied()).collect();
        let (catalog, is_whole) = catalog(repository, &barred, monitor.as_ref())?;
        let guarded = condemned.is_some() || !damaged.is_empty() || !is_whole;
        let catalog = Arc::new(catalog);
        let pack_size = pack_size(repository, &catalog);
        let uploads = Uploads::new(Arc::clone(repository), id, Arc::clone(&monitor));
        Ok(Self {
            repository: Arc::clone(repository),
            id,
            monitor,
            catalog,
            guarded,
            claimed: Claimed::default(),
            frame: Mutex::default(),
            data: Mutex::new(OpenPack::new(BlobClass::Data)),
            tree: Mutex::new(OpenPack::new(BlobClass::Tree)),
            pack_size,
            frame_size: frame_size(repository.config.pack_size),
            uploads,
            signs: Mutex::new(Signs { last: begun, count: 0 }),
            committing: AtomicBool::new(false),
        })
    }

    pub fn id(&self) -> SessionId {
        self.id
    }

    pub fn repository(&self) -> &Arc<Repository> {
        &self.repository
    }

    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// The same, to be shared with a reader.
    pub fn catalog_shared(&self) -> Arc<Catalog> {
        Arc::clone(&self.catalog)
    }

    /// Whether what lies under `parent` may be taken over without looking at its blobs: no mark
    /// was open and no pack is damaged, and the snapshot is there and not forgotten, looked up
    /// after that.
    pub fn may_reuse_unread(&self, parent: SessionId) -> Result<bool, RepoError> {
        Ok(!self.guarded && self.repository.is_live(parent)?)
    }

    /// Whether the repository has the blob for sure, so that it need not be uploaded.
    pub fn has(&self, id: &BlobId) -> bool {
        self.catalog.is_reusable(id) || self.claimed.contains(id)
    }

    /// Stores a blob unless it is there. Returns its id. Costs a hash, and, where the blob is
    /// new, compression and sealing on the calling thread; of small ones for all that have
    /// gathered.
    pub fn save(
        &self,
        class: BlobClass,
        plain: &[u8],
        compressor: &mut Compressor,
    ) -> Result<BlobId, RepoError> {
        self.save_sealing(class, Sealing::Together, plain, compressor)
    }

    /// The same, sealed as is asked.
    pub fn save_sealing(
        &self,
        class: BlobClass,
        sealing: Sealing,
        plain: &[u8],
        compressor: &mut Compressor,
    ) -> Result<BlobId, RepoError> {
        let id = self.repository.identify(class, plain);
        if self.claim(&id, plain.len()) {
            match sealing {
                Sealing::Together => self.add_plain(class, id, plain, compressor)?,
                Sealing::Alone => {
                    self.add_sealed(class, self.seal_alone(class, id, plain, compressor)?)?;
                }
            }
        }
        Ok(id)
    }

    fn seal_alone(
        &self,
        class: BlobClass,
        id: BlobId,
        plain: &[u8],
        compressor: &mut Compressor,
    ) -> Result<SealedFrame, RepoError> {
        let (sealer, entropy) = (&self.repository.sealer, self.repository.entropy());
        let bytes = sealer.seal(class.class(), id.bytes(), plain, compressor, entropy)?;
        Ok(SealedFrame::alone(id, plain.len() as u32, bytes))
    }

    /// Whether the caller has to store it.
    pub(super) fn claim(&self, id: &BlobId, length: usize) -> bool {
        if self.catalog.is_reusable(id) || !self.claimed.claim(id) {
            return false;
        }
        self.monitor.add(Counter::BlobsNew, 1);
        self.monitor.add(Counter::BytesNew, length as u64);
        true
    }

    /// Adds a blob, whether or not the repository, or this session, has it.
    pub fn add_plain(
        &self,
        class: BlobClass,
        id: BlobId,
        plain: &[u8],
        compressor: &mut Compressor,
    ) -> Result<(), RepoError> {
        if !is_small(self.frame_size, class, plain) {
            return self.add_sealed(class, self.seal_alone(class, id, plain, compressor)?);
        }
        let full = lock(&self.frame).push(self.frame_size, id, plain);
        full.map_or(Ok(()), |frame| self.close(frame, compressor))
    }

    fn close(&self, frame: OpenFrame, compressor: &mut Compressor) -> Result<(), RepoError> {
        let class = BlobClass::Data;
        self.add_sealed(class, frame.seal(&self.repository, class, compressor)?)
    }

    /// Adds blobs that are sealed already (copied from another pack), whether or not the
    /// repository, or this session, has them: another prune may have condemned what it uploaded.
    pub fn add_sealed(&self, class: BlobClass, frame: SealedFrame) -> Result<(), RepoError> {
        let full = {
            let mut pack = lock(self.open_pack(class));
            pack.push(frame);
            (pack.size() >= self.pack_size)
                .then(|| std::mem::replace(&mut *pack, self.uploads.open_pack(class)))
        };
        match full {
            Some(pack) => self.upload(pack),
            None => Ok(()),
        }
    }

    fn open_pack(&self, class: BlobClass) -> &Mutex<OpenPack> {
        match class {
            BlobClass::Data => &self.data,
            BlobClass::Tree => &self.tree,
        }
    }

    fn upload(&self, pack: OpenPack) -> Result<(), RepoError> {
        self.uploads.put(pack)?;
        self.sign_of_life()
    }

    /// Puts a sign of life if the last is an hour old. Cheap otherwise: long work between uploads
    /// calls it often.
    pub fn sign_of_life(&self) -> Result<(), RepoError> {
        let now = self.repository.clock().now();
        let number = {
            let mut signs = lock(&self.signs);
            if now.as_second() - signs.last.as_second() < SIGN_OF_LIFE_SECONDS {
                return Ok(());
            }
            signs.last = now;
            signs.count += 1;
            signs.count
        };
        let name = object_name(&format::session_name(&self.id, number))?;
        self.repository.put_object(Class::Session, &name, &[])?;
        Ok(())
    }

    /// W5: everything added so far is durable and in the index when this returns.
    pub fn flush(&self) -> Result<(), RepoError> {
        let frame = std::mem::take(&mut *lock(&self.frame));
        if !frame.is_empty() {
            self.close(frame, &mut self.repository.compressor()?)?;
        }
        for class in [BlobClass::Data, BlobClass::Tree] {
            let pack = std::mem::replace(&mut *lock(self.open_pack(class)), OpenPack::new(class));
            if !pack.is_empty() {
                self.upload(pack)?;
            }
        }
        self.uploads.finish()
    }

    /// W5 and W6: flushes, with a spare copy of the payload, puts the commit, and takes the
    /// announcement away: where that is gone and a spare copy is there, the commit was there.
    /// `snapshot.id` must be this session's.
    pub fn commit(&self, snapshot: &Snapshot) -> Result<(), RepoError> {
        self.put_commit(snapshot)?;
        // A prune does it otherwise.
        let _ = self.end();
        Ok(())
    }

    /// Commits a snapshot anew, in this writer's chain: `like` is one that was committed before
    /// under its id, with what is to change. Returns what was committed.
    pub fn commit_again(&self, like: Snapshot) -> Result<Snapshot, RepoError> {
        let link = self.repository.next_link()?;
        let snapshot = Snapshot {
            id: self.id,
            writer: link.writer,
            sequence: link.sequence,
            previous: link.previous,
            original: Some(like.original.unwrap_or(like.id)),
            ..like
        };
        self.commit(&snapshot)?;
        self.repository.remember_snapshot(&snapshot);
        Ok(snapshot)
    }

    fn put_commit(&self, snapshot: &Snapshot) -> Result<(), RepoError> {
        if self.guarded {
            self.renew_spares()?;
        }
        let payload = Commit::Snapshot(Box::new(snapshot.clone())).encode();
        self.committing.store(true, Ordering::Relaxed);
        self.add_spare(&payload)?;
        self.flush()?;
        let name = object_name(&format::snapshot_name(&self.id))?;
        let sealed = self.repository.seal_named(Class::Snapshot, &name, &payload)?;
        match self.repository.storage.put_if_absent(&name, &sealed)? {
            Put::Created => Ok(()),
            Put::Exists => self.look_at_taken_commit(&sealed),
        }
    }

    /// A damaged pack may hold the spare copies of other snapshots, which are there themselves.
    fn renew_spares(&self) -> Result<(), RepoError> {
        let mut compressor = self.repository.compressor()?;
        for snapshot in self.repository.ledger()?.live {
            let payload = Commit::Snapshot(Box::new(snapshot)).encode();
            self.save(BlobClass::Tree, &payload, &mut compressor)?;
        }
        Ok(())
    }

    /// Puts the spare copy of the payload into the last tree pack, whose table names it.
    fn add_spare(&self, payload: &[u8]) -> Result<(), RepoError> {
        let id = self.repository.identify(BlobClass::Tree, payload);
        if self.has(&id) {
            return Ok(());
        }
        let mut compressor = self.repository.compressor()?;
        let frame = self.seal_alone(BlobClass::Tree, id, payload, &mut compressor)?;
        let mut pack = lock(&self.tree);
        pack.push(frame);
        pack.set_payload(id);
        Ok(())
    }

    /// An earlier, lost reply, or a tombstone.
    fn look_at_taken_commit(&self, sealed: &[u8]) -> Result<(), RepoError> {
        let name = object_name(&format::snapshot_name(&self.id))?;
        let found = self.repository.storage.get(&name, format::LARGEST_OBJECT)?;
        if found == sealed {
            return Ok(());
        }
        match self.repository.read_commit(self.id)? {
            Commit::Tombstone { .. } => Err(RepoError::Fenced { session: self.id }),
            Commit::Snapshot(_) => Err(RepoError::damaged(&name, "it is another session's")),
        }
    }

    /// After an error: what was uploaded is kept, and used by later sessions; this one ends. If it
    /// came as far as its commit, which may yet arrive, it shuts itself out first. Returns whether
    /// there is, and will be, no commit of it for sure.
    pub fn give_up(&self) -> bool {
        let is_out = match self.committing.load(Ordering::Relaxed) {
            true => self.shut_out(),
            false => self.flush().or(Ok(())).map(|()| true),
        };
        is_out.and_then(|is_out| self.end().or(Ok(())).map(|()| is_out)).unwrap_or(false)
    }

    /// Whether a tombstone stands where the commit would.
    fn shut_out(&self) -> Result<bool, RepoError> {
        Ok(match self.repository.tombstone(self.id, self.id)? {
            Put::Created => true,
            Put::Exists => {
                matches!(self.repository.read_commit(self.id), Ok(Commit::Tombstone { .. }))
            }
        })
    }

    /// Ends a session that is decided, commits nothing, or is a prune: its announcement goes, so
    /// that nobody waits for it. Nothing of it may be relied on by this process any more.
    pub fn end(&self) -> Result<(), RepoError> {
        self.repository.remove_announcements(self.id)
    }
}

/// W2: what open marks condemn; `None` if no mark is open. A prune relies on no pack, and is
/// needed to set aside a mark that does not open.
fn condemned(repository: &Repository, kind: SessionKind) -> Result<Option<Vec<PackId>>, RepoError> {
    let mut condemned = None;
    for (_, mark) in repository.open_marks()? {
        let condemned = condemned.get_or_insert_with(Vec::new);
        match mark {
            Ok(mark) => condemned.extend(mark.condemned),
            Err(_) if kind == SessionKind::Prune => {}
            Err(error) => return Err(error),
        }
    }
    Ok(condemned)
}

/// W3 and W4; and whether every index object could be read. What one that could not names is
/// stored again.
fn catalog(
    repository: &Repository,
    barred: &HashSet<PackId>,
    monitor: &dyn Monitor,
) -> Result<(Catalog, bool), RepoError> {
    match repository.catalog(barred) {
        Err(error) if error.is_damage() => {
            let (catalog, unreadable) = repository.catalog_of_readable(barred)?;
            for (what, why) in unreadable {
                let why = format!("{why}: `snap repair index` makes it again from the packs");
                monitor.problem(Problem { kind: ProblemKind::Damage, what, why });
            }
            Ok((catalog, false))
        }
        other => Ok((other?, true)),
    }
}

/// Packs grow with the repository: 16 MiB up to 128 GiB, at most 64 MiB.
fn pack_size(repository: &Repository, catalog: &Catalog) -> usize {
    let stored: u64 = catalog.listed().values().map(|pack| pack.size).sum();
    let least = repository.config.pack_size as usize;
    let grown = usize::try_from(stored / 8192).unwrap_or(usize::MAX);
    grown.clamp(least, least.max(64 << 20))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Repository {
    /// W1.
    pub(super) fn announce(
        &self,
        id: SessionId,
        kind: SessionKind,
        writer: &Writer,
        begun: Timestamp,
    ) -> Result<(), RepoError> {
        let announcement = Announcement {
            kind,
            host: writer.host.clone(),
            process: writer.process.clone(),
            begun,
        };
        let name = object_name(&format::session_name(&id, 0))?;
        self.put_object(Class::Session, &name, &announcement.encode())?;
        Ok(())
    }

    /// Announces a repair, which adds nothing that a prune could take for garbage.
    pub fn announce_repair(&self, writer: &Writer) -> Result<SessionId, RepoError> {
        let id = SessionId::new(self.entropy().bytes());
        self.announce(id, SessionKind::Repair, writer, self.clock().now())?;
        Ok(id)
    }

    /// Seals an object under its name.
    pub(super) fn seal_named(
        &self,
        class: Class,
        name: &ObjectName,
        plain: &[u8],
    ) -> Result<Vec<u8>, RepoError> {
        self.seal_object(class, &crate::codec::object_context(&name.to_string()), plain)
    }

    /// Removes `sessions/<s>/*` of a decided session; the announcement goes last, so that what an
    /// interruption leaves is found again.
    pub fn remove_announcements(&self, id: SessionId) -> Result<(), RepoError> {
        let folder = format!("{id}/");
        let mut names: Vec<ObjectName> =
            self.storage.list(Folder::Sessions)?.into_iter().map(|listed| listed.name).collect();
        names.retain(|name| name.rest().starts_with(&folder));
        names.sort_by_key(|name| name.last() == "0");
        names.iter().try_for_each(|name| Ok(self.storage.delete(name)?))
    }
}
