//! A tree to be saved and a place to restore it to, for tests of both.

use crate::files_memory::{Earlier, Event, Problems, Restored, Snapshot};
use jiff::Timestamp;
use snapstore::codec::FileHasher;
use snapstore::files::{FilesSource, FilesTarget, Rules, SourceOptions, TargetOptions};
use snapstore::model::*;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A tree to be saved, and a target.
pub struct World {
    pub source: tempfile::TempDir,
    pub target: tempfile::TempDir,
    pub problems: Arc<Problems>,
}

impl World {
    pub fn new() -> Self {
        Self::of(tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap())
    }

    pub fn of(source: tempfile::TempDir, target: tempfile::TempDir) -> Self {
        Self { source, target, problems: Problems::new() }
    }

    pub fn at(&self, name: &str) -> PathBuf {
        self.source.path().join(name)
    }

    /// Where `name` of the source is restored to.
    pub fn restored(&self, name: &str) -> PathBuf {
        let path = self.at(name);
        self.target.path().join(path.strip_prefix("/").unwrap())
    }

    pub fn write(&self, name: &str, content: &str) {
        fs::create_dir_all(self.at(name).parent().unwrap()).unwrap();
        fs::write(self.at(name), content).unwrap();
    }

    pub fn snapshot(&self) -> Snapshot {
        snapshot_of(self.source.path())
    }

    pub fn target(&self) -> FilesTarget {
        let options = TargetOptions::default();
        FilesTarget::new(self.target.path(), options, self.problems.clone()).unwrap()
    }

    pub fn restore(&self, snapshot: &Snapshot) -> Restored {
        snapshot.restore(&mut self.target())
    }

    /// Panics unless what was restored is what was saved, sockets aside.
    pub fn assert_restored(&self, snapshot: &Snapshot) {
        let again = snapshot_of(&self.restored("."));
        let (mut saved, restored) =
            (manifest(snapshot, self.source.path()), manifest(&again, &self.restored(".")));
        saved.retain(|_, (kind, _, _)| *kind != Kind::Socket);
        for (path, entry) in &saved {
            assert_eq!(Some(entry), restored.get(path), "{}", path.display());
        }
        assert_eq!(saved.len(), restored.len());
    }

    /// Sent to the walk of `snapshot`, the target is in the source's directory.
    pub fn enter_all(&self, snapshot: &Snapshot, target: &mut FilesTarget) {
        let depth = self.source.path().components().count() - 1;
        for event in snapshot.events.iter().take(depth) {
            let Event::Enter(entry) = event else { panic!() };
            target.enter(entry, false).unwrap();
        }
    }

    pub fn entry<'a>(&self, snapshot: &'a Snapshot, name: &str) -> &'a Entry {
        snapshot.by_path()[&entry_path(&self.at(name))]
    }

    pub fn slot(&self, snapshot: &Snapshot, name: &str) -> Box<dyn Slot> {
        let mut target = self.target();
        self.enter_all(snapshot, &mut target);
        target.slot(self.entry(snapshot, name)).unwrap()
    }

    pub fn leftovers(&self) -> usize {
        let names = fs::read_dir(self.restored(".")).unwrap();
        names
            .filter(|entry| {
                entry.as_ref().unwrap().file_name().as_encoded_bytes().starts_with(b".snap")
            })
            .count()
    }
}

pub fn entry_path(path: &Path) -> EntryPath {
    EntryPath::parse_lenient(path.as_os_str().as_encoded_bytes()).unwrap()
}

pub fn snapshot_of(path: &Path) -> Snapshot {
    let options = SourceOptions { begun: Timestamp::now(), one_file_system: false };
    let monitor = Problems::new();
    let paths = [path.to_owned()];
    let mut source =
        FilesSource::new(&paths, Rules::default(), None, options, monitor.clone()).unwrap();
    let snapshot = Snapshot::take(&mut source, &mut Earlier::new(None));
    assert!(monitor.0.lock().unwrap().is_empty(), "{monitor:?}");
    snapshot
}

pub type Manifest = BTreeMap<PathBuf, (Kind, Metadata, Option<PathBuf>)>;

/// What there is below `root`, by its path from there. Holes count by their content.
pub fn manifest(snapshot: &Snapshot, root: &Path) -> Manifest {
    use std::os::unix::ffi::OsStrExt;
    let root = root.canonicalize().unwrap();
    let relative = |path: &EntryPath| {
        let absolute = Path::new("/").join(std::ffi::OsStr::from_bytes(path.bytes()));
        absolute.strip_prefix(&root).ok().map(Path::to_owned)
    };
    let mut manifest = Manifest::new();
    snapshot.each(&mut |path, entry| {
        let Some(path) = relative(path) else { return };
        let mut kind = entry.kind.clone();
        if let Kind::File(file) = &mut kind
            && file.size < 20_000_000
        {
            let mut hasher = FileHasher::new();
            hasher.update(&snapshot.content(file));
            *file = File { size: file.size, ..File::default() };
            file.hash = Some(hasher.finish(0, &[]));
        }
        let group = entry.link_group.as_ref().and_then(relative);
        manifest.insert(path, (kind, entry.metadata.clone(), group));
    });
    manifest
}
