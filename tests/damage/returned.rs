//! What was deleted may come back: from a mirror, or by the hand of whoever runs the storage.
//! Deletions that matter are objects themselves, so nothing comes of it.

use super::ill::Ill;
use super::sample::{Sample, Size};
use snapstore::storage::Folder;
use std::collections::BTreeSet;

#[test]
fn objects_that_a_prune_deleted_may_come_back() {
    let sample = Sample::new(Size::Tiny);
    let names = sample.past.names();
    let folders: BTreeSet<Folder> = names.iter().map(|name| name.folder()).collect();
    let kinds = [Folder::Packs, Folder::Index, Folder::Sessions, Folder::Snapshots];
    assert_eq!(folders, BTreeSet::from(kinds), "each kind that is ever deleted");
    for chosen in names.iter().map(|name| vec![name]).chain([names.iter().collect()]) {
        let ill = Ill::new(&sample);
        let live = ill.live();
        for name in &chosen {
            ill.storage.overwrite(name, &sample.past.raw(name).unwrap());
        }
        for ill in [&ill.elsewhere(), &ill] {
            assert_eq!(ill.damaged(), Vec::<String>::new(), "{chosen:?}");
            assert_eq!(ill.live(), live, "{chosen:?}");
            assert_eq!(ill.restore_newest().all(), Vec::<String>::new());
        }
        let new = ill.backup();
        ill.prune();
        assert!(ill.is_whole(&new), "{chosen:?}");
        assert_eq!(ill.damaged(), Vec::<String>::new(), "{chosen:?}");
        let left = chosen.iter().filter(|name| ill.storage.raw(name).is_some());
        assert_eq!(left.collect::<Vec<_>>(), Vec::<&&_>::new(), "the prune deletes them again");
    }
}

#[test]
fn a_snapshot_that_was_forgotten_stays_so() {
    let sample = Sample::new(Size::Tiny);
    let ill = Ill::new(&sample);
    let forgotten = ill.backup();
    let name = snapstore::format::snapshot_name(&forgotten.id).parse().unwrap();
    let commit = ill.storage.raw(&name).unwrap();
    ill.repository().forget(&forgotten).unwrap();
    ill.prune();
    assert!(ill.storage.raw(&name).is_none());
    ill.storage.overwrite(&name, &commit);
    assert!(!ill.live().contains(&forgotten));
    assert!(ill.repair_snapshots().restored.is_empty());
    assert_eq!(ill.damaged(), Vec::<String>::new());
}
