//! Walking real trees. The tests run as root or not; those that need root say so.

use crate::files_memory::{Earlier, Problems, Snapshot};
use jiff::{SignedDuration, Timestamp};
use snapstore::files::{FilesSource, RuleSettings, Rules, SourceOptions, UnchangedCache};
use snapstore::model::*;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A folder of things to back up, beside a cache folder.
struct World {
    folder: tempfile::TempDir,
    problems: Arc<Problems>,
    rules: RuleSettings,
    one_file_system: bool,
    /// How far after now the backup is said to begin, so that fresh files count as settled.
    later: SignedDuration,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("cache")).unwrap();
        fs::create_dir(folder.path().join("tree")).unwrap();
        Self {
            folder,
            problems: Problems::new(),
            rules: RuleSettings::default(),
            one_file_system: false,
            later: SignedDuration::from_secs(10),
        }
    }

    fn tree(&self) -> PathBuf {
        self.folder.path().join("tree")
    }

    fn write(&self, path: &str, content: &str) -> PathBuf {
        let path = self.tree().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    fn cache(&self, paths: &[PathBuf]) -> UnchangedCache {
        UnchangedCache::open(&self.folder.path().join("cache"), paths)
    }

    fn source(&self, paths: &[PathBuf]) -> FilesSource {
        let begun = Timestamp::now() + self.later;
        let options = SourceOptions { begun, one_file_system: self.one_file_system };
        let rules = Rules::new(&self.rules).unwrap();
        let cache = Some(self.cache(paths));
        FilesSource::new(paths, rules, cache, options, self.problems.clone()).unwrap()
    }

    /// One backup of `paths`, after `earlier`.
    fn backup_of(&self, paths: &[PathBuf], earlier: Option<&Snapshot>) -> Snapshot {
        let mut source = self.source(paths);
        let snapshot = Snapshot::take(&mut source, &mut Earlier::new(earlier));
        source.recording().unwrap().commit(SessionId::new([1; 16])).unwrap();
        snapshot
    }

    fn backup(&self, earlier: Option<&Snapshot>) -> Snapshot {
        self.backup_of(&[self.tree()], earlier)
    }

    /// The paths below the tree.
    fn paths(&self, snapshot: &Snapshot) -> Vec<String> {
        let prefix = format!("{}/", self.tree().display()).split_off(1);
        let paths = snapshot.paths();
        paths.iter().filter_map(|path| Some(path.strip_prefix(&prefix)?.to_owned())).collect()
    }
}

#[test]
fn a_second_backup_of_the_same_tree_reads_nothing() {
    let world = World::new();
    for name in ["a", "b/c", "b/d/e"] {
        world.write(name, name);
    }
    let first = world.backup(None);
    assert_eq!(world.paths(&first), ["a", "b", "b/c", "b/d", "b/d/e"]);
    assert_eq!((first.streamed, first.known, first.recorded), (3, 0, 0));
    let second = world.backup(Some(&first));
    assert_eq!((second.streamed, second.recorded), (0, 3));
    assert!(second.unchanged_directories >= 3);
    assert_eq!(first.events, second.events);
}
