//! What is left of a repository is left alone, and used as far as it goes.

use super::ill::{Ill, flip};
use super::sample::{Sample, Size, credential};
use snapstore::format::RepositoryConfig;
use snapstore::model::Silent;
use snapstore::repo::{InitOptions, RepoError, init};
use snapstore::storage::{Folder, ObjectName, Storage};
use std::sync::Arc;

#[test]
fn init_does_not_touch_a_repository_that_lost_its_marker() {
    let sample = Sample::new(Size::Tiny);
    let storage = sample.quiet.fork();
    let marker: ObjectName = "snap.json".parse().unwrap();
    storage.remove(&marker);
    let before = storage.names();
    let options =
        || InitOptions { config: RepositoryConfig::standard(Vec::new()), label: String::new() };
    let surroundings = sample.surroundings(None, 1);
    let made = init(Arc::new(storage.clone()), &credential(), options(), surroundings.clone());
    let why = "snap.json is damaged: it is missing, and the rest of a repository is there (packs/)";
    assert_eq!(made.err().unwrap().to_string(), why);
    assert_eq!(storage.names(), before);
    assert_eq!(sample.open(&storage, false, 1).err().unwrap().to_string(), why);
    // But an init that was killed is not in the way of the next.
    for name in storage.names() {
        let stays = matches!(name.folder(), Folder::Keys | Folder::Config);
        if !stays {
            storage.delete(&name).unwrap();
        }
    }
    init(Arc::new(storage.clone()), &credential(), options(), surroundings).unwrap();
}

#[test]
fn readers_do_without_the_settings_and_writers_do_not() {
    let sample = Sample::new(Size::Tiny);
    for is_lost in [true, false] {
        let ill = Ill::new(&sample);
        match is_lost {
            true => drop(ill.storage.remove(&"config/0".parse().unwrap())),
            false => flip(&ill.storage, "config/0", 50),
        }
        let ill = ill.elsewhere();
        assert_eq!(ill.restore_newest().all(), Vec::<String>::new());
        assert!(ill.damaged()[0].starts_with("config"));
        let error = sample.backup(ill.repository(), Arc::new(Silent)).unwrap_err().to_string();
        assert!(error.starts_with("config"), "{error}");
        assert!(sample.prune(ill.repository(), true).is_err());
        let config = RepositoryConfig::standard(vec![("daily".into(), "3".into())]);
        ill.repository().put_config(&config).unwrap();
        let ill = ill.elsewhere();
        assert_eq!(ill.repository().config(), &config);
        assert_eq!(ill.damaged(), Vec::<String>::new());
        ill.backup();
    }
}

#[test]
fn what_nothing_reads_is_noted_and_stands_for_nothing() {
    let sample = Sample::new(Size::Tiny);
    let ill = Ill::new(&sample);
    let pack = ill.pack_of("bot/newer");
    let id = pack.rsplit('/').next().unwrap();
    let elsewhere = format!("packs/{}/{id}", if pack.contains("/00/") { "01" } else { "00" });
    let strangers = ["config/007", "prune/00.mark", "snapshots/latest", "keys/old", &elsewhere];
    let bytes = ill.storage.raw(&pack.parse().unwrap()).unwrap();
    for stranger in strangers {
        ill.storage.overwrite(&stranger.parse().unwrap(), &bytes);
    }
    let ill = ill.elsewhere();
    let report = ill.check(false);
    assert_eq!(report.damages, []);
    for stranger in strangers {
        let note = format!("{stranger} is not the name of an object: nothing reads it");
        assert!(report.notes.contains(&note), "{stranger}: {:?}", report.notes);
    }
    ill.backup();
    ill.prune();
    ill.storage.remove(&pack.parse().unwrap());
    assert!(ill.damaged().contains(&pack), "its copy in another folder is not found by readers");
}

#[test]
fn a_changed_footer_is_damage_and_no_newer_format() {
    let sample = Sample::new(Size::Tiny);
    let whole = Ill::new(&sample);
    let pack = whole.pack_of("bot/newer");
    let index = whole.index_of(&pack);
    let length = whole.storage.raw(&pack.parse().unwrap()).unwrap().len();
    for byte in length - 40..length {
        for bit in 0..8 {
            let ill = Ill::new(&sample);
            let mut bytes = ill.storage.raw(&pack.parse().unwrap()).unwrap();
            bytes[byte] ^= 1 << bit;
            ill.storage.overwrite(&pack.parse().unwrap(), &bytes);
            assert_eq!(ill.damaged(), std::slice::from_ref(&pack));
            // Also where only the pack itself says what is in it.
            ill.storage.remove(&index);
            let ill = ill.elsewhere();
            assert!(ill.damaged().contains(&pack), "byte {byte}, bit {bit}");
            ill.repair_index();
            let pruned = sample.prune(ill.repository(), true);
            assert!(!matches!(pruned, Err(RepoError::TooNew { .. })), "byte {byte}, bit {bit}");
        }
    }
}
