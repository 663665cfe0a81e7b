//! Where the leaves of collections stand: what each must then hold is compared when its pack is
//! read, so that it is read and taken apart once.

use crate::format::{ChildPiece, PieceItems};
use crate::model::BlobId;
use crate::repo::{BlobIndex, BlobReader, DocumentPiece, LeafProof, MetPiece, RepoError};
use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes of lists that are kept while packs are read, about.
const KEPT_BYTES: usize = 48 << 20;

/// The places of leaves and lists in trees of documents. Memory: some 10 bytes for each place of a
/// list; where leaves are noted, some 40 bytes for each of theirs. A leaf that many snapshots have
/// between the same keys has one.
pub struct Leaves {
    /// How many documents each root counts; those of bases are told from those of overlays.
    roots: HashMap<(BlobId, bool), u64>,
    hasher: RandomState,
    /// Hashes of all places that were met.
    met: HashSet<u64>,
    notes: bool,
    lists: Vec<BlobId>,
    /// Sorted by leaf once all are noted.
    places: Vec<Place>,
    kept: Mutex<VecDeque<Kept>>,
}

/// A list by its number, with its bytes in memory.
struct Kept {
    number: u32,
    bytes: usize,
    list: Arc<Vec<ChildPiece>>,
}

/// A leaf in a list. Which keys it has, the list says: they are not held here.
#[derive(Clone, Copy)]
struct Place {
    /// Its first line in the index.
    leaf: u32,
    at: Child,
    /// The piece before: the leaf's keys lie behind its last one.
    before: Option<Child>,
    is_base: bool,
}

/// The number of a list, and of a child in it.
#[derive(Clone, Copy)]
struct Child {
    list: u32,
    number: u32,
}

/// The way through one tree.
pub struct Way {
    before: Option<Child>,
    /// The list that was met last, by its number.
    list: Option<(BlobId, u32)>,
    is_base: bool,
}

impl Way {
    pub fn new(is_base: bool) -> Self {
        Self { before: None, list: None, is_base }
    }
}

impl Leaves {
    /// `notes`: where leaves stand is noted, for packs will be read.
    pub fn new(notes: bool) -> Self {
        Self {
            roots: HashMap::new(),
            hasher: RandomState::new(),
            met: HashSet::new(),
            notes,
            lists: Vec::new(),
            places: Vec::new(),
            kept: Mutex::default(),
        }
    }

    /// How many documents a root counts that was met before.
    pub fn counted(&self, root: &BlobId, is_base: bool) -> Option<u64> {
        self.roots.get(&(*root, is_base)).copied()
    }

    pub fn met_root(&mut self, root: &BlobId, is_base: bool, count: u64) {
        self.roots.insert((*root, is_base), count);
    }

    /// Whether a piece was not met between these keys yet. Leaves always are, where nothing is
    /// noted of them.
    pub fn is_new(&mut self, met: &MetPiece, is_base: bool) -> bool {
        if met.level == 0 && !self.notes {
            return true;
        }
        let DocumentPiece { after, child } = &met.piece;
        let place = (child.id, met.level, after, &child.last, child.entries, is_base);
        self.met.insert(self.hasher.hash_one(place))
    }

    /// Goes behind a piece, opened or not. A leaf that `is_new` is noted.
    pub fn pass(&mut self, way: &mut Way, met: &MetPiece, index: &BlobIndex, is_new: bool) {
        if !self.notes {
            return;
        }
        let at = Child { list: self.number(way, met.list), number: met.number };
        let leaf = index.lines_of(&met.piece.child.id);
        // What no index names is named itself.
        if is_new
            && !leaf.is_empty()
            && let Ok(leaf) = u32::try_from(leaf.start)
        {
            let (before, is_base) = (way.before, way.is_base);
            self.places.push(Place { leaf, at, before, is_base });
        }
        way.before = Some(at);
    }

    fn number(&mut self, way: &mut Way, list: BlobId) -> u32 {
        if let Some((_, number)) = way.list.filter(|(id, _)| *id == list) {
            return number;
        }
        let number = u32::try_from(self.lists.len()).unwrap_or(u32::MAX);
        self.lists.push(list);
        way.list = Some((list, number));
        number
    }

    /// To be called when all were noted.
    pub fn sort(&mut self) {
        self.places.sort_unstable_by_key(|place| place.leaf);
    }

    /// Why a data blob, of which this is the plain content, is not the leaf that stands in some
    /// tree; `None` also if it is no leaf.
    pub fn wrong(
        &self,
        reader: &BlobReader,
        index: &BlobIndex,
        id: &BlobId,
        plain: &[u8],
    ) -> Result<Option<String>, RepoError> {
        if self.places.is_empty() {
            return Ok(None);
        }
        let Ok(leaf) = u32::try_from(index.lines_of(id).start) else { return Ok(None) };
        let from = self.places.partition_point(|place| place.leaf < leaf);
        let places = self.places.get(from..).unwrap_or_default();
        let mut proof = None;
        for place in places.iter().take_while(|place| place.leaf == leaf) {
            let Some(piece) = self.piece(reader, place)? else { continue };
            // Ids are cut in the index.
            if piece.child.id != *id {
                continue;
            }
            let proof = proof.get_or_insert_with(|| LeafProof::new(plain));
            if let Err(why) = proof.prove(&piece, place.is_base) {
                return Ok(Some(why));
            }
        }
        Ok(None)
    }

    /// `None` if a list cannot be read: it is named itself.
    fn piece(
        &self,
        reader: &BlobReader,
        place: &Place,
    ) -> Result<Option<DocumentPiece>, RepoError> {
        let before = match place.before {
            Some(before) => self.child(reader, before)?.map(|child| child.last),
            None => Some(Vec::new()),
        };
        let child = self.child(reader, place.at)?;
        Ok(before.zip(child).map(|(after, child)| DocumentPiece { after, child }))
    }

    fn child(&self, reader: &BlobReader, at: Child) -> Result<Option<ChildPiece>, RepoError> {
        let list = match self.list(reader, at.list) {
            Err(error) if error.is_damage() => return Ok(None),
            list => list?,
        };
        Ok(list.get(at.number as usize).cloned())
    }

    fn list(&self, reader: &BlobReader, number: u32) -> Result<Arc<Vec<ChildPiece>>, RepoError> {
        let lock = || self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = lock().iter().find(|kept| kept.number == number) {
            return Ok(Arc::clone(&kept.list));
        }
        let list = match self.lists.get(number as usize).map(|id| reader.piece(id)).transpose()? {
            Some(piece) => match piece.items {
                PieceItems::Children(children) => children,
                PieceItems::Entries(_) => Vec::new(),
            },
            None => Vec::new(),
        };
        let list = Arc::new(list);
        let mut kept = lock();
        kept.push_back(Kept { number, bytes: bytes(&list), list: Arc::clone(&list) });
        let mut size: usize = kept.iter().map(|kept| kept.bytes).sum();
        while size > KEPT_BYTES {
            let Some(oldest) = kept.pop_front() else { break };
            size -= oldest.bytes;
        }
        Ok(list)
    }
}

/// In memory, about.
fn bytes(list: &[ChildPiece]) -> usize {
    let heap = |child: &ChildPiece| child.last.len() + 40 * child.chunks.nodes.len();
    size_of_val(list) + list.iter().map(heap).sum::<usize>()
}
