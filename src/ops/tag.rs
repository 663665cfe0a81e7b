//! Tag: snapshots are immutable, so a change of tags commits a successor with the same content
//! and times, and then forgets what it succeeds. Killed in between it leaves both, which count as
//! one moment; the next change of tags, or a policy, lets the old one go.

use super::copy::walk;
use super::live::LiveBlobs;
use crate::format::SessionKind;
use crate::model::{Monitor, SessionId, Snapshot};
use crate::policy::succeeded;
use crate::repo::{BlobReader, RepoError, Repository, Session, Writer};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// How often a session that was shut out by a prune begins again.
const FENCED_ATTEMPTS: usize = 3;

/// What becomes of the tags of a snapshot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TagChange {
    /// These in place of all that it has.
    pub set: Option<Vec<String>>,
    pub add: Vec<String>,
    /// Also of those that are added.
    pub remove: Vec<String>,
}

impl TagChange {
    /// The new tags: sorted, no doubles.
    pub fn of(&self, tags: &[String]) -> Vec<String> {
        let kept = self.set.as_deref().unwrap_or(tags);
        let all: BTreeSet<&String> = kept.iter().chain(&self.add).collect();
        all.into_iter().filter(|tag| !self.remove.contains(tag)).cloned().collect()
    }
}

/// What a change of tags did.
#[derive(Debug, Default)]
pub struct TagReport {
    pub changed: u64,
    /// Had these tags already.
    pub unchanged: u64,
    /// Were left as they are, because part of them cannot be read just when it had to be stored
    /// again.
    pub damaged: Vec<(SessionId, RepoError)>,
}

/// Changes the tags of snapshots, one after the other; `changed` hears of each that was, the old
/// one and the new. May be stopped and run again.
pub fn tag(
    repository: &Arc<Repository>,
    writer: &Writer,
    snapshots: &[Snapshot],
    change: &TagChange,
    changed: &mut dyn FnMut(&Snapshot, &Snapshot),
    monitor: &Arc<dyn Monitor>,
) -> Result<TagReport, RepoError> {
    let ledger = repository.ledger()?;
    let successors = succeeded(&ledger.live, &ledger.stored);
    let newest = |snapshot: &Snapshot| *successors.get(&snapshot.id).unwrap_or(&snapshot.id);
    let wanted: BTreeSet<SessionId> = snapshots.iter().map(newest).collect();
    let mut report = TagReport::default();
    for snapshot in ledger.live.iter().filter(|snapshot| wanted.contains(&snapshot.id)) {
        if monitor.stopped() {
            return Err(RepoError::Stopped);
        }
        let tags = change.of(&snapshot.tags);
        if tags == snapshot.tags {
            report.unchanged += 1;
        } else {
            match succeed(repository, writer, snapshot, &tags, monitor) {
                Ok(successor) => {
                    repository.forget(snapshot)?;
                    report.changed += 1;
                    changed(snapshot, &successor);
                }
                Err(error) if error.is_damage() => {
                    report.damaged.push((snapshot.id, error));
                    continue;
                }
                Err(error) => return Err(error),
            }
        }
        forget_preceding(repository, &ledger.live, &successors, snapshot.id)?;
    }
    Ok(report)
}

/// What a killed change of tags has left.
fn forget_preceding(
    repository: &Repository,
    live: &[Snapshot],
    successors: &HashMap<SessionId, SessionId>,
    newest: SessionId,
) -> Result<(), RepoError> {
    let precedes = |snapshot: &&Snapshot| successors.get(&snapshot.id) == Some(&newest);
    live.iter().filter(precedes).try_for_each(|snapshot| repository.forget(snapshot))
}

/// Commits the successor.
fn succeed(
    repository: &Arc<Repository>,
    writer: &Writer,
    old: &Snapshot,
    tags: &[String],
    monitor: &Arc<dyn Monitor>,
) -> Result<Snapshot, RepoError> {
    let mut attempt = 1;
    loop {
        let session = Session::begin(repository, SessionKind::Copy, writer, Arc::clone(monitor))?;
        match commit(&session, old, tags, monitor.as_ref()) {
            Ok(successor) => return Ok(successor),
            Err(RepoError::Fenced { .. }) if attempt < FENCED_ATTEMPTS => {
                session.give_up();
            }
            Err(error) => {
                session.give_up();
                return Err(error);
            }
        }
        attempt += 1;
    }
}

fn commit(
    session: &Session,
    old: &Snapshot,
    tags: &[String],
    monitor: &dyn Monitor,
) -> Result<Snapshot, RepoError> {
    let repository = session.repository();
    if !session.may_reuse_unread(old.id)? {
        if !repository.is_live(old.id)? {
            return Err(RepoError::Forgotten(old.id));
        }
        let reader = BlobReader::sharing(Arc::clone(repository), session.catalog_shared());
        store_again(session, &reader, old, Extent::Whole, monitor)?;
    }
    session.commit_again(Snapshot { tags: tags.to_vec(), ..old.clone() })
}

/// How much of a snapshot must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    Whole,
    /// What cannot be read is lost, and no reason to leave the rest.
    WhatIsLeft,
}

/// While a prune is under way, or something is damaged, nothing is relied on unread: what lies
/// only in packs that are condemned or damaged is stored again.
pub(super) fn store_again(
    session: &Session,
    reader: &BlobReader,
    snapshot: &Snapshot,
    extent: Extent,
    monitor: &dyn Monitor,
) -> Result<(), RepoError> {
    let catalog = reader.catalog();
    let mut seen = LiveBlobs::new(catalog.index());
    let mut compressor = session.repository().compressor()?;
    walk(reader, catalog.index(), &mut seen, snapshot.tree, monitor, &mut |class, id| {
        session.sign_of_life()?;
        if session.has(id) {
            return Ok(());
        }
        match reader.read(class, id) {
            Ok(plain) => session.save(class, &plain, &mut compressor).map(drop),
            Err(error) if error.is_damage() && extent == Extent::WhatIsLeft => Ok(()),
            Err(error) => Err(error),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn tags_are_set_added_and_removed() {
        let change = |set: Option<&str>, add, remove| TagChange {
            set: set.map(words),
            add: words(add),
            remove: words(remove),
        };
        for (change, tags) in [
            (change(None, "a c", ""), "a b c"),
            (change(None, "", "b x"), "c"),
            (change(Some("z a a"), "", ""), "a z"),
            (change(Some(""), "", ""), ""),
            (change(None, "a", "a b"), "c"),
        ] {
            assert_eq!(change.of(&words("b c")), words(tags), "{change:?}");
        }
    }
}
