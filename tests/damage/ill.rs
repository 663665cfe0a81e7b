//! A repository of the sample that is damaged by hand, and questions about what lies where.

use super::later::Problems;
use super::sample::{Opened, Sample};
use super::tree;
use super::world::scratch;
use snapstore::format::{PieceItems, index_name, pack_name};
use snapstore::model::{
    AttributeValue, BlobId, Directory, Entry, EntryPath, Kind, Monitor, ProblemKind, SessionId,
    Silent, Snapshot,
};
use snapstore::ops::{
    CheckOptions, CheckReport, ReadData, RestoreReport, check, repair_index, repair_snapshots,
    restore,
};
use snapstore::repo::{BlobReader, Repository, Writer};
use snapstore::storage::{MemoryStorage, ObjectName, Storage};
use std::sync::Arc;

/// An opened copy of the quiet sample, on the machine that made it.
pub struct Ill<'a> {
    pub sample: &'a Sample,
    pub storage: MemoryStorage,
    opened: Opened,
}

/// Changes a bit.
pub fn flip(storage: &MemoryStorage, name: &(impl ToString + ?Sized), byte: usize) {
    let name: ObjectName = name.to_string().parse().unwrap();
    let mut bytes = storage.raw(&name).unwrap();
    bytes[byte] ^= 4;
    storage.overwrite(&name, &bytes);
}

impl<'a> Ill<'a> {
    pub fn new(sample: &'a Sample) -> Self {
        let storage = sample.quiet.fork();
        let opened = sample.open(&storage, true, 1).unwrap();
        Self { sample, storage, opened }
    }

    /// On a storage of its own, which keeps its objects in `storage`.
    pub fn on(sample: &'a Sample, storage: MemoryStorage, through: Arc<dyn Storage>) -> Self {
        let opened = sample.open_through(through, true, 1).unwrap();
        Self { sample, storage, opened }
    }

    pub fn repository(&self) -> &Arc<Repository> {
        &self.opened.repository
    }

    /// The same from a machine that knows nothing.
    pub fn elsewhere(&self) -> Ill<'a> {
        let opened = self.sample.open(&self.storage, false, 1).unwrap();
        Ill { sample: self.sample, storage: self.storage.clone(), opened }
    }

    pub fn check(&self, mark: bool) -> CheckReport {
        self.check_with(CheckOptions { read: ReadData::All, mark, ..CheckOptions::default() })
    }

    pub fn check_structure(&self, mark: bool) -> CheckReport {
        self.check_with(CheckOptions { read: ReadData::None, mark, ..CheckOptions::default() })
    }

    fn check_with(&self, options: CheckOptions) -> CheckReport {
        check(self.repository(), options, Arc::new(Silent)).unwrap()
    }

    /// The names of what check finds.
    pub fn damaged(&self) -> Vec<String> {
        self.check(false).damages.into_iter().map(|damage| damage.object).collect()
    }

    pub fn backup(&self) -> Snapshot {
        let report = self.sample.backup(self.repository(), Arc::new(Silent)).unwrap();
        report.snapshot.unwrap()
    }

    pub fn prune(&self) {
        self.sample.prune(self.repository(), true).unwrap();
    }

    pub fn repair_index(&self) -> Vec<String> {
        let monitor: Arc<dyn Monitor> = Arc::new(Silent);
        repair_index(self.repository(), &Writer::default(), &monitor).unwrap().objects_removed
    }

    pub fn repair_snapshots(&self) -> snapstore::ops::SnapshotRepair {
        let monitor: Arc<dyn Monitor> = Arc::new(Silent);
        repair_snapshots(self.repository(), &Writer::default(), &monitor).unwrap()
    }

    pub fn live(&self) -> Vec<Snapshot> {
        self.repository().ledger().unwrap().live
    }

    pub fn snapshot(&self, id: &SessionId) -> Snapshot {
        self.live().into_iter().find(|snapshot| snapshot.id == *id).unwrap()
    }

    fn restore(
        &self,
        snapshot: &Snapshot,
        dry_run: bool,
    ) -> (Result<RestoreReport, String>, Problems) {
        let target = scratch();
        let problems = Arc::new(Problems::default());
        let mut options = self.sample.restore_options(target.path());
        options.dry_run = dry_run;
        let monitor = Arc::clone(&problems) as Arc<dyn Monitor>;
        let report = restore(self.repository(), snapshot, &options, &|_| {}, monitor);
        let report = report.map_err(|error| error.to_string());
        (report, Arc::into_inner(problems).unwrap())
    }

    /// What a restore of the newest snapshot of the sample says.
    pub fn restore_newest(&self) -> Problems {
        let (report, problems) = self.restore(&self.snapshot(&self.sample.newest), false);
        report.unwrap();
        problems
    }

    pub fn restore_newest_dry(&self) {
        self.restore(&self.snapshot(&self.sample.newest), true).0.unwrap();
    }

    /// The error of such a restore.
    pub fn restore_newest_fails(&self) -> String {
        self.restore(&self.snapshot(&self.sample.newest), false).0.unwrap_err()
    }

    /// Whether a snapshot of the source as it is comes back whole.
    pub fn is_whole(&self, snapshot: &Snapshot) -> bool {
        let target = scratch();
        let options = self.sample.restore_options(target.path());
        let report = restore(self.repository(), snapshot, &options, &|_| {}, Arc::new(Silent));
        let root = self.sample.root();
        let found = tree::read(&target.path().join(root.strip_prefix("/").unwrap()));
        report.is_ok_and(|report| report.failed == 0) && found == tree::read(&root)
    }

    fn entry(&self, snapshot: &SessionId, path: &str) -> Entry {
        let path = format!("files{}/{path}", self.sample.root().display());
        let path = EntryPath::parse(path.trim_end_matches('/').as_bytes()).unwrap();
        let reader = BlobReader::new(Arc::clone(self.repository())).unwrap();
        reader.find_path(&self.snapshot(snapshot).tree, &path).unwrap().unwrap()
    }

    /// Where a blob lies.
    fn place(&self, id: &BlobId) -> (String, usize) {
        let reader = BlobReader::new(Arc::clone(self.repository())).unwrap();
        let (pack, at) = reader.catalog().locate(id)[0];
        (pack_name(&pack), at.place.frame.offset as usize)
    }

    /// The pack with the first chunk of a file.
    pub fn pack_of_in(&self, snapshot: &SessionId, path: &str) -> String {
        let Kind::File(file) = self.entry(snapshot, path).kind else { panic!("{path} is no file") };
        self.place(&file.chunks.nodes[0].id).0
    }

    pub fn pack_of(&self, path: &str) -> String {
        self.pack_of_in(&self.sample.newest, path)
    }

    fn tree_of(&self, path: &str) -> BlobId {
        match self.entry(&self.sample.newest, path).kind {
            Kind::Directory(Directory { tree: Some(tree), .. }) => tree,
            other => panic!("{path} is {other:?}"),
        }
    }

    pub fn tree_pack_of(&self, path: &str) -> String {
        self.place(&self.tree_of(path)).0
    }

    /// The first leaf of a directory of several pieces.
    pub fn first_piece_of(&self, path: &str) -> (String, usize) {
        let reader = BlobReader::new(Arc::clone(self.repository())).unwrap();
        match reader.piece(&self.tree_of(path)).unwrap().items {
            PieceItems::Children(children) => self.place(&children[0].id),
            PieceItems::Entries(_) => panic!("{path} is one piece"),
        }
    }

    /// An attribute value that is kept in chunks, where the file system could keep it.
    pub fn large_attribute_of(&self, path: &str) -> Option<(String, usize)> {
        let entry = self.entry(&self.sample.newest, path);
        entry.metadata.attributes.iter().find_map(|attribute| match &attribute.value {
            AttributeValue::Chunks(chunks) => Some(self.place(&chunks.nodes[0].id)),
            AttributeValue::Inline(_) => None,
        })
    }

    /// An index object that names the pack.
    pub fn index_of(&self, pack: &str) -> ObjectName {
        let names = |id: &&snapstore::model::IndexId| {
            let index = self.repository().get_index(id).unwrap();
            index.packs.iter().any(|indexed| pack_name(&indexed.id) == pack)
        };
        let all = self.repository().list_index().unwrap();
        index_name(all.iter().find(names).unwrap()).parse().unwrap()
    }

    pub fn index_of_any(&self) -> ObjectName {
        index_name(&self.repository().list_index().unwrap()[0]).parse().unwrap()
    }
}

impl Problems {
    /// What was reported of one kind: path and reason.
    pub fn of(&self, kind: ProblemKind) -> Vec<(String, String)> {
        let problems = self.0.lock().unwrap();
        let wanted = problems.iter().filter(|problem| problem.kind == kind);
        wanted.map(|problem| (problem.what.clone(), problem.why.clone())).collect()
    }

    pub fn all(&self) -> Vec<String> {
        let problems = self.0.lock().unwrap();
        problems.iter().map(|problem| format!("{}: {}", problem.what, problem.why)).collect()
    }
}
