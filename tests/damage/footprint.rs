//! Which files need which blobs, and which blobs a damage takes away: worked out from the
//! repository as it was, so that what a restore must still bring is known.

use snapstore::format::{Frame, PieceItems, pack_name};
use snapstore::model::{
    AttributeValue, BlobId, ChunkTree, Directory, EntryPath, Kind, SessionId, Silent, Snapshot,
};
use snapstore::ops::{CheckOptions, ReadData, check};
use snapstore::repo::{BlobReader, Repository};
use snapstore::storage::{MemoryStorage, ObjectName};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

/// What every path of every snapshot needs, and where it lies.
pub struct Footprint {
    /// Paths below the folder that was backed up.
    needs: HashMap<SessionId, BTreeMap<PathBuf, BTreeSet<BlobId>>>,
    /// Snapshots that are not forgotten.
    live: Vec<SessionId>,
    /// The spare copies of these.
    spares: HashSet<BlobId>,
    places: HashMap<BlobId, Vec<(ObjectName, Range<usize>)>>,
    /// Packs that a prune under way is to delete.
    condemned: HashSet<ObjectName>,
    whole: MemoryStorage,
}

impl Footprint {
    /// `root` is the folder that was backed up, as it appears in these snapshots.
    pub fn new(
        repository: &Arc<Repository>,
        storage: &MemoryStorage,
        snapshots: &[Snapshot],
        root: &str,
    ) -> Self {
        let options = CheckOptions { read: ReadData::All, mark: false, ..CheckOptions::default() };
        let report = check(repository, options, Arc::new(Silent)).unwrap();
        assert_eq!(report.damages, [], "the sample is whole");
        let reader = BlobReader::new(Arc::clone(repository)).unwrap();
        let mut needs = HashMap::new();
        for snapshot in snapshots {
            let mut walk = Walk { reader: &reader, root, found: BTreeMap::new() };
            walk.piece(&snapshot.tree, &EntryPath::root(), &BTreeSet::new());
            needs.insert(snapshot.id, walk.found);
        }
        let live = repository.ledger().unwrap().live;
        let marks = repository.open_marks().unwrap().into_iter();
        let condemned = marks.flat_map(|(_, mark)| mark.unwrap().condemned);
        Self {
            needs,
            live: live.iter().map(|snapshot| snapshot.id).collect(),
            spares: live.iter().map(|snapshot| repository.payload_id(snapshot)).collect(),
            places: places(repository),
            condemned: condemned.map(|pack| pack_name(&pack).parse().unwrap()).collect(),
            whole: storage.fork(),
        }
    }

    /// Blobs that lie nowhere in `storage` as they lay before.
    pub fn lost(&self, storage: &MemoryStorage) -> HashSet<BlobId> {
        self.lost_of(storage, &|_| true)
    }

    /// The same after a prune has deleted what it condemned, where there is another copy.
    pub fn lost_after_prune(&self, storage: &MemoryStorage) -> HashSet<BlobId> {
        self.lost_of(storage, &|name| !self.condemned.contains(name))
    }

    fn lost_of(
        &self,
        storage: &MemoryStorage,
        stays: &dyn Fn(&ObjectName) -> bool,
    ) -> HashSet<BlobId> {
        let mut is_same: HashMap<(ObjectName, usize), bool> = HashMap::new();
        let mut there = |(name, range): &(ObjectName, Range<usize>)| {
            *is_same.entry((name.clone(), range.start)).or_insert_with(|| {
                let before = self.whole.raw(name).unwrap();
                let now = storage.raw(name).unwrap_or_default();
                now.get(range.clone()) == before.get(range.clone())
            })
        };
        let mut lost = HashSet::new();
        for (id, places) in &self.places {
            let staying: Vec<_> = places.iter().filter(|(name, _)| stays(name)).collect();
            let is_there = match staying.is_empty() {
                true => places.iter().any(&mut there),
                false => staying.into_iter().any(&mut there),
            };
            if !is_there {
                lost.insert(*id);
            }
        }
        lost
    }

    /// Whether snapshots need something that is only in this pack.
    pub fn needs_pack(&self, name: &ObjectName) -> bool {
        let without = self.whole.fork();
        without.remove(name);
        let lost = self.lost(&without);
        let mut needs = self.live.iter().flat_map(|id| self.needs[id].values());
        needs.any(|needs| !needs.is_disjoint_from(&lost)) || !lost.is_disjoint(&self.spares)
    }

    /// Paths of a snapshot that need none of these blobs.
    pub fn untouched<'a>(
        &'a self,
        snapshot: &SessionId,
        lost: &'a HashSet<BlobId>,
    ) -> impl Iterator<Item = &'a PathBuf> {
        let needs = self.needs[snapshot].iter();
        needs.filter(|(_, needs)| needs.is_disjoint_from(lost)).map(|(path, _)| path)
    }
}

trait Disjoint {
    fn is_disjoint_from(&self, lost: &HashSet<BlobId>) -> bool;
}

impl Disjoint for BTreeSet<BlobId> {
    fn is_disjoint_from(&self, lost: &HashSet<BlobId>) -> bool {
        lost.is_empty() || !self.iter().any(|id| lost.contains(id))
    }
}

fn places(repository: &Repository) -> HashMap<BlobId, Vec<(ObjectName, Range<usize>)>> {
    let mut places: HashMap<BlobId, Vec<_>> = HashMap::new();
    for (id, listed) in repository.list_packs().unwrap() {
        let name: ObjectName = pack_name(&id).parse().unwrap();
        for blob in repository.read_pack_table(&id, listed.size).unwrap().table.blobs {
            let Frame { offset, stored, .. } = blob.place.frame;
            let range = offset as usize..(offset + stored) as usize;
            places.entry(blob.id).or_default().push((name.clone(), range));
        }
    }
    places
}

struct Walk<'a> {
    reader: &'a BlobReader,
    root: &'a str,
    found: BTreeMap<PathBuf, BTreeSet<BlobId>>,
}

impl Walk<'_> {
    /// `above` is what is needed to get here.
    fn piece(&mut self, id: &BlobId, path: &EntryPath, above: &BTreeSet<BlobId>) {
        let mut needed = above.clone();
        needed.insert(*id);
        match self.reader.piece(id).unwrap().items {
            PieceItems::Children(children) => {
                children.iter().for_each(|child| self.piece(&child.id, path, &needed));
            }
            PieceItems::Entries(entries) => {
                for entry in entries {
                    let path = path.join(&entry.name);
                    let mut own = needed.clone();
                    if let Kind::File(file) = &entry.kind {
                        self.chunks(&file.chunks, &mut own);
                    }
                    for attribute in &entry.metadata.attributes {
                        if let AttributeValue::Chunks(chunks) = &attribute.value {
                            self.chunks(chunks, &mut own);
                        }
                    }
                    if let Some(below) = path.to_string().strip_prefix(self.root) {
                        let below = PathBuf::from(below.trim_start_matches('/'));
                        self.found.insert(below, own);
                    }
                    if let Kind::Directory(Directory { tree: Some(tree), .. }) = &entry.kind {
                        self.piece(tree, &path, &needed);
                    }
                }
            }
        }
    }

    fn chunks(&self, chunks: &ChunkTree, needed: &mut BTreeSet<BlobId>) {
        for node in &chunks.nodes {
            needed.insert(node.id);
            if chunks.depth > 0 {
                let below = self.reader.chunk_list(&node.id, node.length).unwrap();
                self.chunks(&below, needed);
            }
        }
    }
}
