use super::super::stat::Stat;
use super::*;
use crate::model::{EntryPath, FileTime};

/// A fingerprint that is like no other number's.
fn fingerprint(folder: &Path, number: usize) -> Fingerprint {
    let path = folder.join("thing");
    std::fs::write(&path, vec![0; number]).unwrap();
    let file = std::fs::File::open(&path).unwrap();
    Fingerprint::new(&Stat::of_open(file).unwrap(), 0)
}

struct World {
    folder: tempfile::TempDir,
    sources: Vec<PathBuf>,
}

impl World {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), sources: vec!["/a".into(), "/b".into()] }
    }

    fn cache(&self) -> UnchangedCache {
        UnchangedCache::open(self.folder.path(), &self.sources)
    }

    /// Records a directory of the root and commits.
    fn record(&self, names: &[Vec<u8>], child: &Fingerprint, spoiled: &[&str]) {
        let recording = self.cache().record().unwrap();
        let mut directory = DirectoryRecord::new(PathKey::ROOT, child);
        for name in names {
            directory.add(name, child, &recording);
        }
        directory.store(&recording);
        for path in spoiled {
            recording.spoil(&EntryPath::parse(path.as_bytes()).unwrap());
        }
        recording.commit(SessionId::new([7; 16])).unwrap();
    }

    fn file(&self) -> PathBuf {
        self.cache().path
    }
}

fn names(names: &[&str]) -> Vec<Vec<u8>> {
    names.iter().map(|name| name.as_bytes().to_vec()).collect()
}

#[test]
fn what_was_recorded_is_found_in_order() {
    let world = World::new();
    let child = fingerprint(world.folder.path(), 5);
    world.record(&names(&["a", "b", "d"]), &child, &["d"]);
    let cache = world.cache();
    assert_eq!(cache.snapshot(), Some(SessionId::new([7; 16])));
    let mut children = cache.children(PathKey::ROOT).unwrap();
    assert!(children.own_matches(&child));
    assert!(children.find(b"a").unwrap().matches(&child));
    assert!(!children.find(b"b").unwrap().matches(&fingerprint(world.folder.path(), 6)));
    assert!(children.find(b"c").is_none());
    assert!(!children.find(b"d").unwrap().matches(&child), "it was spoiled");
    assert!(children.all_found());
    assert!(cache.children(PathKey::ROOT.child(b"a")).is_none());
}

#[test]
fn missing_names_are_noticed() {
    let world = World::new();
    let child = fingerprint(world.folder.path(), 1);
    world.record(&names(&["a", "b", "c"]), &child, &[]);
    for asked in [&["a", "c"][..], &["a", "b"], &["b", "c"], &[]] {
        let mut children = world.cache().children(PathKey::ROOT).unwrap();
        for name in asked {
            assert!(children.find(name.as_bytes()).is_some());
        }
        assert!(!children.all_found(), "{asked:?}");
    }
}

#[test]
fn large_directories_go_on_in_further_segments() {
    let world = World::new();
    let child = fingerprint(world.folder.path(), 1);
    let many: Vec<_> = (0..50_000).map(|n| format!("{n:08}").into_bytes()).collect();
    world.record(&many, &child, &[]);
    let cache = world.cache();
    let mut children = cache.children(PathKey::ROOT).unwrap();
    assert!(many.iter().all(|name| children.find(name).is_some()));
    assert!(children.all_found());
}

#[test]
fn recent_entries_never_compare_equal() {
    let world = World::new();
    let child = fingerprint(world.folder.path(), 1);
    assert!(child.matches(&child));
    assert!(!Fingerprint::doubtful().matches(&Fingerprint::doubtful()));
    let long_ago = FileTime::new(1, 0).unwrap();
    assert!(!child.unless_after(long_ago).matches(&child));
    assert!(child.unless_after(FileTime::new(i64::MAX, 0).unwrap()).matches(&child));
}

#[test]
fn damage_is_absence_and_never_a_panic() {
    let world = World::new();
    let child = fingerprint(world.folder.path(), 1);
    world.record(&names(&["a", "b"]), &child, &["b"]);
    let file = world.file();
    let good = std::fs::read(&file).unwrap();
    for position in 0..good.len() {
        let mut bad = good.clone();
        bad[position] ^= 0x55;
        std::fs::write(&file, &bad).unwrap();
        let cache = world.cache();
        if let Some(mut children) = cache.children(PathKey::ROOT) {
            panic!("byte {position} does not count: {:?}", children.find(b"a"));
        }
    }
    for length in 0..good.len() {
        std::fs::write(&file, &good[..length]).unwrap();
        assert!(world.cache().snapshot().is_none());
    }
}

#[test]
fn only_committed_recordings_count() {
    let world = World::new();
    drop(world.cache().record().unwrap());
    assert!(world.cache().snapshot().is_none());
    assert_eq!(std::fs::read_dir(world.folder.path()).unwrap().count(), 0);
}

#[test]
fn leftovers_of_killed_runs_are_removed_and_those_of_living_ones_are_not() {
    let world = World::new();
    let living = world.cache().record().unwrap();
    let dead = world.file().with_extension("0123456789abcdef.tmp");
    std::fs::write(&dead, "half").unwrap();
    world.cache();
    assert!(!dead.exists());
    living.commit(SessionId::new([1; 16])).unwrap();
    assert!(world.cache().snapshot().is_some());
}
