//! The steps of a prune that are not about blobs: fencing, waiting, deleting, tidying.

use super::PruneOptions;
use super::balance::Balance;
use crate::format::{Index, IndexedPack, SessionKind};
use crate::model::{Counter, IndexId, Monitor, PackId, SessionId};
use crate::ops::portion::Portion;
use crate::repo::{RepoError, Repository, Session, Undecided};
use crate::storage::{Put, StorageError};
use std::collections::HashSet;
use std::time::Duration;

/// A session without a sign of life for so long is dead, by the storage's own time stamps.
pub const DEAD_AFTER_SECONDS: i64 = 24 * 3600;
const POLL: Duration = Duration::from_millis(500);
/// So many index objects are put together.
pub const MANY_INDEXES: usize = 16;

/// The packs of a mark.
pub struct Condemned {
    sorted: Vec<PackId>,
}

impl Condemned {
    pub fn new(packs: &[PackId]) -> Self {
        let mut sorted = packs.to_vec();
        sorted.sort_unstable();
        Self { sorted }
    }

    pub fn contains(&self, pack: &PackId) -> bool {
        self.sorted.binary_search(pack).is_ok()
    }

    pub fn iter(&self) -> impl Iterator<Item = &PackId> {
        self.sorted.iter()
    }
}

/// P1: dead sessions, prunes among them, are shut out now, so that what they left can go.
pub fn fence_dead(
    repository: &Repository,
    options: &PruneOptions<'_>,
    own: &Session,
) -> Result<u64, RepoError> {
    let mut fenced = 0;
    let undecided = repository.undecided()?;
    let now = storage_now(&undecided, own.id());
    for session in undecided.iter().filter(|session| session.id != own.id()) {
        if is_dead(session, options, now)
            && repository.tombstone(session.id, own.id())? == Put::Created
        {
            fenced += 1;
        }
    }
    Ok(fenced)
}

/// The newest time stamp of the storage: at least that of this session's own announcement.
fn storage_now(undecided: &[Undecided], own: SessionId) -> Option<i64> {
    let own = undecided.iter().find(|session| session.id == own)?;
    Some(own.last_sign.as_second())
}

fn is_dead(session: &Undecided, options: &PruneOptions<'_>, now: Option<i64>) -> bool {
    let age = now.map_or(0, |now| now.saturating_sub(session.last_sign.as_second()));
    options.named_dead.contains(&session.id)
        || (options.is_dead)(session)
        || age > DEAD_AFTER_SECONDS
}

/// How the wait for writers ended.
#[derive(Default)]
pub struct Waited {
    pub fenced: u64,
    /// For people.
    pub still_there: Vec<String>,
}

/// P4 and P5: each session that is undecided now is waited for, or shut out if it is dead.
/// Prunes are not waited for.
pub fn wait_for_writers(
    repository: &Repository,
    options: &PruneOptions<'_>,
    own: &Session,
    monitor: &dyn Monitor,
) -> Result<Waited, RepoError> {
    let mut waited = Waited::default();
    let mut waiting_for: Option<HashSet<SessionId>> = None;
    let mut left = options.patience;
    loop {
        // Its time stamp is also how the storage's clock is known.
        own.sign_of_life()?;
        let undecided = repository.undecided()?;
        let now = storage_now(&undecided, own.id());
        let writers: Vec<&Undecided> = undecided
            .iter()
            .filter(|session| session.id != own.id() && !is_prune(session))
            .filter(|session| waiting_for.as_ref().is_none_or(|ids| ids.contains(&session.id)))
            .collect();
        let (dead, alive): (Vec<_>, Vec<_>) =
            writers.into_iter().partition(|session| is_dead(session, options, now));
        for session in dead {
            let put = repository.tombstone(session.id, own.id())?;
            waited.fenced += u64::from(put == Put::Created);
        }
        if alive.is_empty() {
            return Ok(waited);
        }
        if left.is_zero() {
            waited.still_there = alive.into_iter().map(describe).collect();
            return Ok(waited);
        }
        if monitor.stopped() {
            return Err(RepoError::Stopped);
        }
        // Later sessions see the mark, and need not be waited for.
        waiting_for = Some(alive.iter().map(|session| session.id).collect());
        (options.pause)(POLL.min(left));
        left = left.saturating_sub(POLL);
    }
}

fn is_prune(session: &Undecided) -> bool {
    let kind = session.announcement.as_ref().map(|announcement| announcement.kind);
    kind == Some(SessionKind::Prune)
}

fn describe(session: &Undecided) -> String {
    match &session.announcement {
        None => format!("session {} (its announcement does not open)", session.id.short()),
        Some(announcement) => format!(
            "session {} on {} (process {}, since {})",
            session.id.short(),
            announcement.host,
            announcement.process.process,
            announcement.begun.strftime("%Y-%m-%d %H:%M:%SZ")
        ),
    }
}

/// What P8 removed.
#[derive(Default)]
pub struct Deleted {
    pub packs: u64,
    pub bytes: u64,
}

/// P8: new index objects without the condemned packs, then the old ones go, then the packs.
pub fn delete_condemned(
    repository: &Repository,
    condemned: &Condemned,
    own: &Session,
    balance: &mut Balance,
    monitor: &dyn Monitor,
) -> Result<Deleted, RepoError> {
    replace_indexes(repository, condemned, own, balance)?;
    let listed = repository.list_packs()?;
    let mut deleted = Deleted::default();
    for pack in condemned.iter() {
        repository.delete_pack(pack)?;
        repository.unmark_damaged(pack)?;
        if let Some(listed) = listed.get(pack) {
            deleted.packs += 1;
            deleted.bytes += listed.size;
            monitor.add(Counter::BytesDeleted, listed.size);
        }
    }
    Ok(deleted)
}

fn replace_indexes(
    repository: &Repository,
    condemned: &Condemned,
    own: &Session,
    balance: &mut Balance,
) -> Result<(), RepoError> {
    let mut old: Vec<IndexId> = Vec::new();
    let mut new: HashSet<IndexId> = HashSet::new();
    let mut put = |packs: Vec<IndexedPack>, balance: &mut Balance| {
        let id = repository.put_index(&Index { session: own.id(), packs })?;
        balance.own_index(id);
        new.insert(id);
        Ok::<(), RepoError>(())
    };
    let mut kept = Portion::default();
    let mut seen: HashSet<PackId> = HashSet::new();
    let all = repository.list_index()?;
    let merges = all.len() >= MANY_INDEXES;
    for id in all {
        let index = match repository.get_index(&id) {
            Ok(index) => index,
            // Another prune replaced it.
            Err(RepoError::Storage(StorageError::Absent { .. })) => continue,
            Err(error) => return Err(error),
        };
        if index.session == own.id() {
            balance.own_index(id);
        }
        if merges || index.packs.iter().any(|pack| condemned.contains(&pack.id)) {
            old.push(id);
            let packs = index.packs.into_iter();
            let packs = packs.filter(|pack| !condemned.contains(&pack.id));
            for pack in packs.filter(|pack| seen.insert(pack.id)) {
                if let Some(full) = kept.push(pack) {
                    put(full, balance)?;
                }
            }
        }
    }
    if let Some(rest) = kept.finish() {
        put(rest, balance)?;
    }
    for id in old.iter().filter(|id| !new.contains(id)) {
        repository.delete_index(id)?;
    }
    Ok(())
}

/// P9, after `.done`: what is decided needs no announcement, what is forgotten no commit.
pub fn tidy_up(repository: &Repository, own: &Session) -> Result<(), RepoError> {
    let own = own.id();
    repository.remove_decided(own)?;
    repository.delete_forgotten_commits()?;
    repository.storage().sweep(&|session: &str| {
        // Asked after the leftover was seen; what cannot be looked up stays.
        let finished = |id: SessionId| id != own && repository.is_finished(id).unwrap_or(false);
        session.parse().is_ok_and(finished)
    })?;
    Ok(())
}
