//! Snapshots whose commit was lost are noticed, and brought back from their spare copies.

use super::ill::{Ill, flip};
use super::sample::{Sample, Size};
use snapstore::format::{Commit, SessionKind, session_name, snapshot_name};
use snapstore::model::{SessionId, Silent, Snapshot};
use snapstore::repo::{Session, Writer};
use snapstore::storage::ObjectName;
use std::sync::Arc;

fn object(id: &SessionId) -> ObjectName {
    snapshot_name(id).parse().unwrap()
}

fn announcement(id: &SessionId) -> ObjectName {
    session_name(id, 0).parse().unwrap()
}

/// Has a prune write all trees anew, so that no pack points to a spare copy any more.
fn rewrite_trees(ill: &Ill<'_>) {
    let reader = snapstore::repo::BlobReader::new(ill.repository().clone()).unwrap();
    for pack in reader.catalog().index().packs().iter().filter(|pack| pack.payload.is_some()) {
        ill.repository().mark_damaged(&pack.id, "for a test").unwrap();
    }
    ill.prune();
    ill.prune();
    let reader = snapstore::repo::BlobReader::new(ill.repository().clone()).unwrap();
    assert!(reader.catalog().index().packs().iter().all(|pack| pack.payload.is_none()));
}

fn trees(ill: &Ill<'_>) -> Vec<Snapshot> {
    let mut live = ill.live();
    live.iter_mut().for_each(|snapshot| {
        // What a commit under a new session may change.
        snapshot.id = SessionId::new([0; 16]);
        (snapshot.writer, snapshot.sequence) = ([0; 16], 0);
        (snapshot.previous, snapshot.original) = (None, None);
    });
    live
}

#[test]
fn the_newest_is_missed_where_it_was_made_and_elsewhere() {
    let sample = Sample::new(Size::Tiny);
    let ill = Ill::new(&sample);
    let id = ill.backup().id;
    ill.storage.remove(&object(&id));
    let [chain, commit] = ill.damaged().try_into().unwrap();
    assert!(chain.starts_with("chain of writer "), "{chain}");
    assert_eq!(commit, snapshot_name(&id));
    assert_eq!(ill.elsewhere().damaged(), [snapshot_name(&id)]);
}

/// A backup as it looks when it was killed just before its commit.
fn killed_backup(ill: &Ill<'_>) -> SessionId {
    let (writer, monitor) = (Writer::default(), Arc::new(Silent));
    let session = Session::begin(ill.repository(), SessionKind::Backup, &writer, monitor).unwrap();
    let id = session.id();
    let announced = ill.storage.raw(&announcement(&id)).unwrap();
    let newest = ill.live().pop().unwrap();
    session.commit(&Snapshot { id, begun: ill.repository().clock().now(), ..newest }).unwrap();
    ill.storage.remove(&object(&id));
    ill.storage.overwrite(&announcement(&id), &announced);
    id
}

#[test]
fn a_backup_that_was_killed_before_its_commit_is_no_damage_and_can_be_brought_back() {
    let sample = Sample::new(Size::Tiny);
    let ill = Ill::new(&sample).elsewhere();
    let id = killed_backup(&ill);
    let report = ill.check(false);
    let note = format!("session {} has stored a snapshot and is about to commit it", id.short());
    assert_eq!((report.damages, report.notes), (Vec::new(), vec![note]));
    assert_eq!(ill.repair_snapshots().restored, []);
    sample.clock.advance(jiff::SignedDuration::from_hours(25));
    let report = ill.check(false);
    let note = format!("session {} stored a snapshot and did not commit it", id.short());
    assert!(report.damages.is_empty() && report.notes[0].starts_with(&note), "{report:?}");
    let restored = ill.repair_snapshots().restored;
    assert_eq!((restored.len(), restored[0].0), (1, id));
    assert!(ill.is_whole(ill.live().last().unwrap()));
}

#[test]
fn one_that_no_pack_points_to_is_found_among_the_trees() {
    for is_unreadable in [false, true] {
        let sample = Sample::new(Size::Tiny);
        let ill = Ill::new(&sample).elsewhere();
        rewrite_trees(&ill);
        let before = trees(&ill);
        let lost = object(&sample.newest);
        match is_unreadable {
            true => flip(&ill.storage, &lost, 40),
            false => drop(ill.storage.remove(&lost)),
        }
        let report = ill.check(false);
        let why = &report.damages[0].why;
        assert!(why.contains("a spare copy is: `snap repair snapshots` brings it back"), "{why}");
        let repair = ill.repair_snapshots();
        assert_eq!((repair.restored.len(), repair.hopeless.len()), (1, 0), "{repair:?}");
        assert_eq!(trees(&ill), before);
        assert_eq!(ill.damaged(), Vec::<String>::new());
        assert!(ill.is_whole(ill.live().last().unwrap()));
        ill.prune();
        assert_eq!(ill.repair_snapshots(), snapstore::ops::SnapshotRepair::default());
    }
}

#[test]
fn a_tombstone_is_known_by_the_lack_of_any_copy() {
    let sample = Sample::new(Size::Tiny);
    let ill = Ill::new(&sample);
    let is_tombstone =
        |id: &SessionId| matches!(ill.repository().read_commit(*id), Ok(Commit::Tombstone { .. }));
    let ledger = ill.repository().ledger().unwrap();
    let tombstone = *ledger.decided.iter().find(|id| is_tombstone(id)).unwrap();
    flip(&ill.storage, &object(&tombstone), 40);
    let error = sample.prune(ill.repository(), true).unwrap_err().to_string();
    assert!(error.starts_with(&format!("{} is damaged", object(&tombstone))), "{error}");
    let repair = ill.repair_snapshots();
    assert_eq!(repair.forgotten_again, [tombstone]);
    assert!(is_tombstone(&tombstone));
    ill.prune();
    assert_eq!(ill.damaged(), Vec::<String>::new());
}

#[test]
fn a_commit_is_never_taken_for_a_tombstone_while_its_copy_may_be_somewhere() {
    let sample = Sample::new(Size::Tiny);
    let ill = Ill::new(&sample);
    let lost = object(&sample.newest);
    let trees = ill.tree_pack_of("bot");
    flip(&ill.storage, &lost, 40);
    let whole = ill.storage.raw(&trees.parse().unwrap()).unwrap();
    ill.storage.overwrite(&trees.parse().unwrap(), &vec![0; whole.len()]);
    let repair = ill.repair_snapshots();
    assert_eq!(repair.hopeless[0].0, lost.to_string());
    assert!(ill.repository().ledger().unwrap().unreadable.iter().any(|(name, _)| *name == lost));
    // The disk comes back.
    ill.storage.overwrite(&trees.parse().unwrap(), &whole);
    assert_eq!(ill.repair_snapshots().restored.len(), 1);
    assert_eq!(ill.damaged(), Vec::<String>::new());
}
