//! Repair of snapshots: lost or unreadable commits are made again from their spare copies.
//! Everything that is found stays; nothing is guessed.

use super::check::is_whole;
use super::spare::{Spares, search};
use super::tag::{Extent, store_again};
use crate::format::{SessionKind, snapshot_name};
use crate::model::{Monitor, SessionId, Snapshot};
use crate::repo::{BlobReader, Ledger, LostCommits, RepoError, Repository, Session, Writer};
use crate::storage::{Folder, ObjectName, StorageError};
use std::sync::Arc;

/// What a repair of snapshots did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SnapshotRepair {
    /// Old and new id of each snapshot that was committed again; the old one is zero where only
    /// the content was found.
    pub restored: Vec<(SessionId, SessionId)>,
    /// Forgotten marks and tombstones that did not open and were written anew.
    pub forgotten_again: Vec<SessionId>,
    /// Objects for which no spare copy was found, with the reason.
    pub hopeless: Vec<(String, String)>,
}

/// Commits again what was lost: snapshots whose commit does not open or is gone, from the spare
/// copy, each under a new session. Reads every tree.
pub fn repair_snapshots(
    repository: &Arc<Repository>,
    writer: &Writer,
    monitor: &Arc<dyn Monitor>,
) -> Result<SnapshotRepair, RepoError> {
    let catalog = repository.completed(&repository.catalog_for_reading()?)?;
    let reader = BlobReader::with_catalog(Arc::clone(repository), catalog);
    let report = SnapshotRepair::default();
    let mut repair = Repair { repository, writer, monitor, reader, report };
    let ledger = repository.ledger()?;
    let mut unknown = Vec::new();
    for (name, _) in &ledger.unreadable {
        if let (Folder::Forgotten, Ok(id)) = (name.folder(), name.last().parse())
            && !repair.forget_again(name, id)?
        {
            unknown.push((name, id));
        }
    }
    let ledger = repository.ledger()?;
    let unreadable = repair.bring_back_pointed(&ledger)?;
    repair.bring_back_searched(unreadable)?;
    for (name, id) in unknown {
        repair.explain(name, id)?;
    }
    Ok(repair.report)
}

/// Most numbers of snapshots that are accepted as lost at once: each is marked.
const MOST_ACCEPTED: u64 = 100_000;

/// Accepts what the repository does not have any more: every missing number in a chain is marked
/// as forgotten, and what was seen before is not expected again. Returns how many were marked.
pub fn accept_lost(repository: &Repository) -> Result<u64, RepoError> {
    let ends: Vec<_> = repository.witness().ends().chain(repository.last_link()).collect();
    let gaps = repository.ledger()?.gaps(&ends);
    let lost =
        gaps.iter().flat_map(|gap| (gap.first..=gap.last).map(|number| (gap.writer, number)));
    let mut count = 0;
    for (writer, number) in lost {
        if count == MOST_ACCEPTED {
            let what = format!("more than {MOST_ACCEPTED} snapshots are missing");
            return Err(RepoError::Earlier(what));
        }
        let id = SessionId::new(repository.entropy().bytes());
        repository.forget_by_link(id, writer, number)?;
        count += 1;
    }
    repository.accept(&repository.ledger()?);
    Ok(count)
}

struct Repair<'a> {
    repository: &'a Arc<Repository>,
    writer: &'a Writer,
    monitor: &'a Arc<dyn Monitor>,
    reader: BlobReader,
    report: SnapshotRepair,
}

impl Repair<'_> {
    /// A forgotten mark that does not open. Its name says that the snapshot was forgotten; the
    /// rest is in the commit, or in its spare copy; false if they are not there any more.
    fn forget_again(&mut self, name: &ObjectName, id: SessionId) -> Result<bool, RepoError> {
        let commit = match self.repository.read_commit(id) {
            Ok(crate::format::Commit::Snapshot(snapshot)) => Some(*snapshot),
            Ok(_) => None,
            Err(RepoError::Storage(StorageError::Absent { .. })) => None,
            Err(error) if error.is_damage() => None,
            Err(error) => return Err(error),
        };
        let known = match commit {
            Some(snapshot) => Some(snapshot),
            None => self.repository.find_payload(&self.reader, id)?,
        };
        let Some(snapshot) = known else { return Ok(false) };
        self.repository.storage().delete(name)?;
        self.repository.forget(&snapshot)?;
        self.report.forgotten_again.push(id);
        Ok(true)
    }

    /// A snapshot that was forgotten and of which nothing more is known: where a number is still
    /// missing in a chain it was this one's.
    fn explain(&mut self, name: &ObjectName, id: SessionId) -> Result<(), RepoError> {
        let gaps = self.repository.ledger()?.gaps(&[]);
        let (writer, number) = gaps.first().map_or(([0; 16], 0), |gap| (gap.writer, gap.first));
        self.repository.storage().delete(name)?;
        self.repository.forget_by_link(id, writer, number)?;
        self.report.forgotten_again.push(id);
        Ok(())
    }

    /// Commits that are gone or do not open, and that a pack of their session has a copy of.
    /// Returns those that do not open and have none.
    fn bring_back_pointed(&mut self, ledger: &Ledger) -> Result<Vec<SessionId>, RepoError> {
        let mut left = Vec::new();
        let LostCommits { mut lost, silent, .. } =
            self.repository.lost_commits(&self.reader.catalog())?;
        for id in silent {
            match self.repository.find_payload(&self.reader, id)? {
                Some(snapshot) if is_whole(&self.reader, &snapshot, self.monitor.as_ref())? => {
                    self.bring_back(&snapshot, Extent::Whole)?;
                }
                _ => {}
            }
        }
        for (name, _) in &ledger.unreadable {
            let Ok(id) = name.last().parse::<SessionId>() else { continue };
            match (name.folder(), ledger.forgotten.contains(&id)) {
                (Folder::Snapshots, true) => self.repository.storage().delete(name)?,
                (Folder::Snapshots, false) => lost.push(id),
                _ => {}
            }
        }
        for id in lost {
            match self.repository.find_payload(&self.reader, id)? {
                Some(snapshot) => self.bring_back(&snapshot, Extent::WhatIsLeft)?,
                None if ledger.decided.contains(&id) => left.push(id),
                None => self.is_hopeless(id),
            }
        }
        Ok(left)
    }

    /// Under a new session; the old one is forgotten.
    fn bring_back(&mut self, snapshot: &Snapshot, extent: Extent) -> Result<(), RepoError> {
        let Some(new) = self.commit_again(snapshot, extent)? else { return Ok(()) };
        self.repository.forget(snapshot)?;
        self.delete_commit(snapshot.id)?;
        self.report.restored.push((snapshot.id, new));
        Ok(())
    }

    /// Copies that no pack points to any more. When every tree could be read, a commit that does
    /// not open and has no copy was none: of each that counted there is one.
    fn bring_back_searched(&mut self, unreadable: Vec<SessionId>) -> Result<(), RepoError> {
        let ledger = self.repository.ledger()?;
        let mut known = ledger.hashes();
        let Spares { found, is_complete } =
            search(&self.reader, &mut known, self.monitor.as_ref())?;
        for snapshot in found {
            // Of one that was forgotten, and whose mark is lost, a prune may have left nothing
            // but this.
            let is_whole = || is_whole(&self.reader, &snapshot, self.monitor.as_ref());
            let extent = match unreadable.is_empty() {
                true if is_whole()? => Extent::Whole,
                true => continue,
                false => Extent::WhatIsLeft,
            };
            if let Some(new) = self.commit_same(&snapshot, extent)? {
                self.report.restored.push((snapshot.id, new));
            }
        }
        for id in unreadable {
            match is_complete {
                true => {
                    self.delete_commit(id)?;
                    self.repository.tombstone(id, id)?;
                    self.report.forgotten_again.push(id);
                }
                false => self.is_hopeless(id),
            }
        }
        Ok(())
    }

    fn is_hopeless(&mut self, id: SessionId) {
        let why = "no spare copy of it was found in any pack".to_string();
        self.report.hopeless.push((snapshot_name(&id), why));
    }

    fn delete_commit(&self, id: SessionId) -> Result<(), RepoError> {
        match snapshot_name(&id).parse::<ObjectName>() {
            Ok(name) => Ok(self.repository.storage().delete(&name)?),
            Err(_) => Ok(()),
        }
    }

    /// The same content and times under a new session, in this writer's chain.
    fn commit_again(&self, old: &Snapshot, extent: Extent) -> Result<Option<SessionId>, RepoError> {
        self.hold(old, extent, |session| Ok(session.commit_again(old.clone())?.id))
    }

    /// The very same snapshot under a new session: so its place in its chain is filled again,
    /// though the session that it had is not known.
    fn commit_same(&self, old: &Snapshot, extent: Extent) -> Result<Option<SessionId>, RepoError> {
        self.hold(old, extent, |session| {
            session.commit(&Snapshot { id: session.id(), ..old.clone() })?;
            Ok(session.id())
        })
    }

    /// Lets `commit` commit a snapshot in a session that holds on to all of it. Without its commit
    /// it was nobody's: a prune may be about to delete what it needs, so what may not be relied
    /// on is stored again. `None` if the prune was faster, and it is to be whole.
    fn hold(
        &self,
        old: &Snapshot,
        extent: Extent,
        commit: impl Fn(&Session) -> Result<SessionId, RepoError>,
    ) -> Result<Option<SessionId>, RepoError> {
        let monitor = Arc::clone(self.monitor);
        let session = Session::begin(self.repository, SessionKind::Repair, self.writer, monitor)?;
        let secured = match self.secure(&session, old, extent) {
            Err(error) if error.is_damage() => {
                session.give_up();
                return Ok(None);
            }
            secured => secured,
        };
        let committed = secured.and_then(|()| commit(&session));
        if committed.is_err() {
            session.give_up();
        }
        committed.map(Some)
    }

    fn secure(&self, session: &Session, old: &Snapshot, extent: Extent) -> Result<(), RepoError> {
        let catalog = self.repository.completed(session.catalog())?;
        let reader = BlobReader::with_catalog(Arc::clone(self.repository), catalog);
        match store_again(session, &reader, old, extent, self.monitor.as_ref()) {
            Err(error) if error.is_damage() && extent == Extent::WhatIsLeft => Ok(()),
            done => done,
        }
    }
}
