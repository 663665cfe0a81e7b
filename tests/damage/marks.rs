//! What is damaged is marked, so that the next backup that still has the data heals it; and the
//! mark goes when it has done its work.

use super::ill::{Ill, flip};
use super::sample::{Sample, Size};
use snapstore::model::{Monitor, Problem, ProblemKind, Silent};
use snapstore::repo::UNKNOWN_PACK;
use std::sync::Arc;

fn marks(ill: &Ill<'_>) -> Vec<String> {
    let marked = ill.repository().damaged_packs().unwrap();
    marked.iter().map(snapstore::format::pack_name).collect()
}

#[test]
fn a_backup_without_warning_builds_on_what_is_damaged_and_a_mark_is_the_warning() {
    let sample = Sample::new(Size::Tiny);
    let ill = Ill::new(&sample);
    let pack = ill.pack_of("bot/newer");
    flip(&ill.storage, &pack, 30);
    assert!(!ill.is_whole(&ill.backup()), "nothing was read that was unchanged");
    assert_eq!(marks(&ill), [pack], "the restore said so");
    assert!(ill.is_whole(&ill.backup()));
}

#[test]
fn a_dry_run_marks_nothing_and_a_restore_also_what_it_lacks() {
    let sample = Sample::new(Size::Tiny);
    let ill = Ill::new(&sample);
    let (data, tree) = (ill.pack_of("bot/newer"), ill.tree_pack_of("bot"));
    ill.storage.remove(&data.parse().unwrap());
    ill.restore_newest_dry();
    assert_eq!(marks(&ill), Vec::<String>::new());
    ill.restore_newest();
    assert_eq!(marks(&ill), [data]);
    ill.storage.remove(&tree.parse().unwrap());
    ill.restore_newest_fails();
    assert_eq!(marks(&ill).len(), 2);
    assert!(ill.is_whole(&ill.backup()));
}

#[test]
fn a_healed_pack_is_a_note_until_a_prune_removes_it() {
    let sample = Sample::new(Size::Tiny);
    let ill = Ill::new(&sample);
    let pack = ill.pack_of("bot/newer");
    flip(&ill.storage, &pack, 30);
    assert_eq!(ill.check(true).damages.len(), 1);
    let marked = ill.check_structure(true);
    // It is looked at again, without --read-data too.
    assert_eq!(marked.damages[0].why, "it was changed: 1 of its 1 blobs does not open");
    assert_eq!(marked.damages[0].snapshots, [sample.newest]);
    ill.backup();
    for report in [ill.check(true), ill.check_structure(true)] {
        assert_eq!(report.damages, []);
        assert!(report.notes.iter().any(|note| note.starts_with(&pack)), "{:?}", report.notes);
    }
    ill.prune();
    assert_eq!((ill.check(true).notes, marks(&ill)), (Vec::new(), Vec::new()));
    assert!(ill.storage.raw(&pack.parse().unwrap()).is_none());
}

#[test]
fn a_pack_that_is_whole_after_all_loses_its_mark() {
    let sample = Sample::new(Size::Tiny);
    let ill = Ill::new(&sample);
    let pack = ill.pack_of("bot/newer");
    let id = pack.rsplit('/').next().unwrap().parse().unwrap();
    ill.repository().mark_damaged(&id, "a cable was loose").unwrap();
    let report = ill.check(true);
    assert_eq!(report.damages, []);
    assert_eq!(report.notes, [format!("{pack} was marked as damaged, and is whole")]);
    assert_eq!(marks(&ill), Vec::<String>::new());
}

#[test]
fn a_prune_leaves_the_next_backup_the_knowledge_of_what_is_missing() {
    let sample = Sample::new(Size::Tiny);
    let ill = Ill::new(&sample);
    let pack = ill.pack_of("bot/newer");
    ill.storage.remove(&pack.parse().unwrap());
    ill.prune();
    ill.prune();
    assert_eq!(ill.damaged(), std::slice::from_ref(&pack), "it is still known what is missing");
    assert!(ill.is_whole(&ill.backup()));
    ill.prune();
    assert_eq!((ill.damaged(), marks(&ill)), (Vec::new(), Vec::new()));
}

#[test]
fn what_is_missing_without_a_trace_is_healed_too() {
    let sample = Sample::new(Size::Tiny);
    let ill = Ill::new(&sample);
    let pack = ill.pack_of("bot/newer");
    let index = ill.index_of(&pack);
    ill.storage.remove(&pack.parse().unwrap());
    ill.storage.remove(&index);
    ill.repair_index();
    let report = ill.check(true);
    assert_eq!(report.damages[0].object, "index");
    assert!(report.damages[0].why.starts_with("1 blob that snapshots need is in no pack"));
    assert_eq!(report.damages[0].files.len(), 1);
    assert!(ill.repository().damaged_packs().unwrap().contains(&UNKNOWN_PACK));
    ill.prune();
    assert!(ill.is_whole(&ill.backup()));
    ill.prune();
    assert_eq!((ill.damaged(), marks(&ill)), (Vec::new(), Vec::new()));
}

/// Hears of damage.
#[derive(Default)]
struct Ears(std::sync::Mutex<Vec<Problem>>);

impl Monitor for Ears {
    fn problem(&self, problem: Problem) {
        self.0.lock().unwrap().push(problem);
    }
}

#[test]
fn a_backup_does_without_an_index_object_that_does_not_open() {
    let sample = Sample::new(Size::Tiny);
    let ill = Ill::new(&sample).elsewhere();
    let index = ill.index_of(&ill.pack_of("bot/newer"));
    flip(&ill.storage, &index, 30);
    let ears = Arc::new(Ears::default());
    let report = sample.backup(ill.repository(), Arc::clone(&ears) as Arc<dyn Monitor>).unwrap();
    assert!(ill.is_whole(&report.snapshot.unwrap()));
    let heard = ears.0.lock().unwrap();
    let damage = heard.iter().find(|problem| problem.kind == ProblemKind::Damage).unwrap();
    assert_eq!(damage.what, index.to_string());
    assert!(damage.why.contains("`snap repair index`"), "{}", damage.why);
}

#[test]
fn an_open_mark_is_set_aside_only_when_no_prune_can_be_at_work() {
    let sample = Sample::new(Size::Tiny);
    let storage = sample.busy.fork();
    flip(&storage, "prune/1.mark", 60);
    let opened = sample.open(&storage, false, 1).unwrap();
    let error = sample.backup(&opened.repository, Arc::new(Silent)).unwrap_err().to_string();
    assert!(error.starts_with("prune/1.mark is damaged"), "{error}");
    // A prune on another machine, which may know what the mark says.
    let writer = snapstore::repo::Writer::default();
    let kind = snapstore::format::SessionKind::Prune;
    let monitor = Arc::new(Silent);
    let other =
        snapstore::repo::Session::begin(&opened.repository, kind, &writer, monitor).unwrap();
    let error = sample.prune(&opened.repository, false).unwrap_err().to_string();
    assert!(error.starts_with("prune/1.mark is damaged"), "{error}");
    other.end().unwrap();
    sample.prune(&opened.repository, false).unwrap();
    sample.backup(&opened.repository, Arc::new(Silent)).unwrap();
}
