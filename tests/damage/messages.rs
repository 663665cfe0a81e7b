//! Damage is named by object and by the files that it touches.

use super::ill::{Ill, flip};
use super::sample::{Sample, Size};
use snapstore::model::ProblemKind;
use snapstore::ops::Damage;

/// The pack of the newest snapshot's only new file.
fn newer_pack(sample: &Sample) -> (Ill<'_>, String) {
    let ill = Ill::new(sample);
    let pack = ill.pack_of("bot/newer");
    (ill, pack)
}

#[test]
fn a_changed_pack_is_named_with_the_files_that_need_it() {
    let sample = Sample::new(Size::Tiny);
    let (ill, pack) = newer_pack(&sample);
    flip(&ill.storage, &pack, 30);
    let newer = format!("{}:{}", sample.newest.short(), sample.root().join("bot/newer").display());
    let damage = Damage {
        object: pack.clone(),
        why: "it was changed: 1 of its 1 blobs does not open".to_string(),
        files: vec![newer.clone()],
        more_files: 0,
        snapshots: vec![sample.newest],
        was_known: false,
    };
    assert_eq!(ill.check(false).damages, [damage]);
    let said = ill.restore_newest().of(ProblemKind::Unrestored);
    let [(what, why)] = said.as_slice() else { panic!("{said:?}") };
    assert!(newer.ends_with(what), "{what}");
    assert!(why.starts_with("blob "), "{why}");
    let end = format!(" in {pack} is damaged: it was changed, or is not what its name says");
    assert!(why.ends_with(&end), "{why}");
}

#[test]
fn a_missing_pack_is_named_with_the_directories_that_need_it() {
    let sample = Sample::new(Size::Tiny);
    let ill = Ill::new(&sample);
    let pack = ill.tree_pack_of("bot");
    ill.storage.remove(&pack.parse().unwrap());
    let report = ill.check(false);
    let [damage] = report.damages.as_slice() else { panic!("{report:#?}") };
    assert_eq!((damage.object.as_str(), damage.why.as_str()), (pack.as_str(), "it is missing"));
    assert_eq!(damage.files, [format!("{}:/", sample.newest.short())]);
    let error = ill.restore_newest_fails();
    assert!(error.starts_with("blob "), "{error}");
    assert!(error.ends_with(&format!(" is missing: {pack} is gone")), "{error}");
}

#[test]
fn a_part_of_a_directory_is_named_by_the_directory() {
    let sample = Sample::new(Size::Rich);
    let ill = Ill::new(&sample);
    let (pack, offset) = ill.first_piece_of("wide");
    flip(&ill.storage, &pack, offset + 30);
    let report = ill.check(false);
    let [damage] = report.damages.as_slice() else { panic!("{report:#?}") };
    let wide = format!("{}:{}/", sample.newest.short(), sample.root().join("wide").display());
    assert_eq!((&damage.object, &damage.files), (&pack, &vec![wide]));
}

#[test]
fn what_lies_in_an_attribute_touches_its_file() {
    let sample = Sample::new(Size::Rich);
    let ill = Ill::new(&sample);
    let Some((pack, offset)) = ill.large_attribute_of("empty.txt") else { return };
    flip(&ill.storage, &pack, offset + 30);
    let report = ill.check(false);
    let [damage] = report.damages.as_slice() else { panic!("{report:#?}") };
    let file = sample.root().join("empty.txt");
    let of = |id: snapstore::model::SessionId| format!("{}:{}", id.short(), file.display());
    let newest = ill.live().last().map(|snapshot| of(snapshot.id)).unwrap();
    assert_eq!(damage.object, pack);
    // With those of small files that are sealed together with it.
    assert!(damage.files.contains(&newest), "{newest}: {damage:#?}");
}

#[test]
fn many_files_are_counted() {
    let sample = Sample::new(Size::Tiny);
    let names: Vec<String> = (10..30).map(|number| format!("bot/many{number}")).collect();
    for name in &names {
        std::fs::write(sample.root().join(name), name).unwrap();
    }
    let ill = Ill::new(&sample);
    let id = ill.backup().id;
    ill.storage.remove(&ill.pack_of_in(&id, "bot/many10").parse().unwrap());
    let report = ill.check(false);
    let [damage] = report.damages.as_slice() else { panic!("{report:#?}") };
    let first = format!("{}:{}", id.short(), sample.root().join("bot/many10").display());
    assert_eq!((damage.files.len(), damage.more_files), (10, 10));
    assert_eq!(damage.files[0], first);
}

#[test]
fn a_pack_cut_short_or_extended_says_by_how_much() {
    let sample = Sample::new(Size::Tiny);
    let (ill, pack) = newer_pack(&sample);
    let name = pack.parse().unwrap();
    let mut bytes = ill.storage.raw(&name).unwrap();
    let length = bytes.len();
    bytes.push(0);
    ill.storage.overwrite(&name, &bytes);
    let why = format!(
        "it is {} bytes long instead of {length}; it was changed, but every blob in it still \
         opens, and its own table does not open",
        length + 1
    );
    assert_eq!(ill.check(false).damages[0].why, why);
    let size = format!("it is {} bytes long instead of {length}", length + 1);
    assert_eq!(ill.check_structure(false).damages[0].why, size);
}

#[test]
fn a_lost_index_object_is_told_by_its_packs() {
    let sample = Sample::new(Size::Tiny);
    let (ill, pack) = newer_pack(&sample);
    let index = ill.index_of(&pack);
    ill.storage.remove(&index);
    let report = ill.check(false);
    let named = report.damages.iter().find(|damage| damage.object == pack).unwrap();
    assert_eq!(
        named.why,
        "no index names it, and snapshots need it: `snap repair index` mends that"
    );
    assert!(report.damages.iter().all(|damage| damage.files.is_empty()), "nothing is lost");
    flip(&ill.storage, &ill.index_of_any(), 50);
    let report = ill.check(false);
    let named = report.damages.iter().find(|damage| damage.object.starts_with("index/")).unwrap();
    assert_eq!(
        named.why,
        "its content does not match its name: `snap repair index` makes it again from the packs"
    );
    assert_eq!(ill.restore_newest().all(), Vec::<String>::new());
}
