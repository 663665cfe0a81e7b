//! What is known of the way from one repository to another: which id a blob has in the other, and
//! which part of the trees lies there for sure.

use super::CopyError;
use super::node::{Links, Node};
use crate::format::{forgotten_name, snapshot_name};
use crate::model::{BlobId, Monitor, SessionId};
use crate::ops::live::LiveBlobs;
use crate::repo::{BlobIndex, BlobReader, Catalog, RepoError, Repository, Session};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The ids of blobs in the other repository. Ids are keyed, so one is known only after the blob
/// was opened, or its counterpart was found. Memory: 32 bytes a blob of the index.
pub struct Ids {
    catalog: Arc<Catalog>,
    table: Mutex<Table>,
}

struct Table {
    /// By the first line of the blob; zeros where nothing is known.
    lines: Vec<[u8; BlobId::LENGTH]>,
    /// Of blobs that no line names.
    others: HashMap<BlobId, BlobId>,
}

impl Ids {
    fn new(catalog: Arc<Catalog>) -> Self {
        let lines = vec![[0; BlobId::LENGTH]; catalog.index().len()];
        Self { catalog, table: Mutex::new(Table { lines, others: HashMap::new() }) }
    }

    pub fn get(&self, id: &BlobId) -> Option<BlobId> {
        let lines = self.catalog.index().lines_of(id);
        let table = lock(&self.table);
        if lines.is_empty() {
            return table.others.get(id).copied();
        }
        let there = table.lines.get(lines.start).filter(|there| **there != [0; BlobId::LENGTH]);
        there.map(|there| BlobId::new(*there))
    }

    pub fn set(&self, id: &BlobId, there: BlobId) {
        let lines = self.catalog.index().lines_of(id);
        let mut table = lock(&self.table);
        match table.lines.get_mut(lines.start).filter(|_| !lines.is_empty()) {
            Some(line) => *line = *there.bytes(),
            None => {
                table.others.insert(*id, there);
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a copy knows. It outlives the sessions of its snapshots.
pub struct Known {
    catalog: Arc<Catalog>,
    /// Hints: whether the blob is still there is for each session to look up, unless it is seen.
    pub ids: Ids,
    /// What lies below the trees of `bases`.
    pub seen: LiveBlobs,
    /// Snapshots of the other repository.
    bases: Vec<SessionId>,
}

impl Known {
    /// `catalog` is that of the repository that is copied from.
    pub fn new(catalog: Arc<Catalog>) -> Self {
        let seen = LiveBlobs::new(catalog.index());
        Self { ids: Ids::new(Arc::clone(&catalog)), catalog, seen, bases: Vec::new() }
    }

    pub fn index(&self) -> &BlobIndex {
        self.catalog.index()
    }

    pub fn catalog(&self) -> Arc<Catalog> {
        Arc::clone(&self.catalog)
    }

    /// All that is seen lies below this snapshot, too, or below those before.
    pub fn rely_on(&mut self, base: SessionId) {
        self.bases.push(base);
    }

    /// Forgets what is seen: each blob will be looked up.
    pub fn doubt(&mut self) {
        self.seen = LiveBlobs::new(self.catalog.index());
        self.bases.clear();
    }

    /// Whether a session may rely unread on what is seen (design §5, W5): where it may not,
    /// nothing is seen any more, and each blob will be looked up.
    pub fn begin(&mut self, session: &Session) -> Result<(), RepoError> {
        let relies = match self.bases.last() {
            Some(last) => {
                session.may_reuse_unread(*last)? && are_live(session.repository(), &self.bases)?
            }
            None => false,
        };
        if !relies {
            self.doubt();
        }
        Ok(())
    }

    /// Goes through a tree and its counterpart in the other repository, reading no data, and
    /// learns the ids. False, and then nothing more is seen than before, if they are not the
    /// same but for the ids, or cannot be read.
    pub fn learn(
        &mut self,
        reader: &BlobReader,
        other: &BlobReader,
        roots: (BlobId, BlobId),
        monitor: &dyn Monitor,
    ) -> Result<bool, CopyError> {
        let before = self.seen.clone();
        let learned = self.compare(reader, other, roots, monitor);
        if !matches!(learned, Ok(true)) {
            self.seen = before;
        }
        match learned {
            Err(CopyError::Source(error) | CopyError::Target(error)) if error.is_damage() => {
                Ok(false)
            }
            learned => learned,
        }
    }

    fn compare(
        &mut self,
        reader: &BlobReader,
        other: &BlobReader,
        (root, there): (BlobId, BlobId),
        monitor: &dyn Monitor,
    ) -> Result<bool, CopyError> {
        let mut pending = vec![(Node::Piece(root), Node::Piece(there))];
        while let Some((node, counterpart)) = pending.pop() {
            if !self.seen.mark(self.catalog.index(), &node.id()) {
                if self.ids.get(&node.id()) != Some(counterpart.id()) {
                    return Ok(false);
                }
                continue;
            }
            if monitor.stopped() {
                return Err(CopyError::Source(RepoError::Stopped));
            }
            let content = node.read(reader).map_err(CopyError::Source)?;
            let expected = counterpart.read(other).map_err(CopyError::Target)?;
            let (links, theirs) = (content.links(), expected.links());
            let pairs = pairs(&links, &theirs);
            if content.translated(&|id| pairs.get(id).copied()) != Some(expected) {
                return Ok(false);
            }
            self.ids.set(&node.id(), counterpart.id());
            for (id, there) in links.data.iter().zip(&theirs.data) {
                self.seen.mark(self.catalog.index(), id);
                self.ids.set(id, *there);
            }
            pending.extend(links.trees.into_iter().zip(theirs.trees));
        }
        Ok(true)
    }
}

fn pairs(links: &Links, theirs: &Links) -> HashMap<BlobId, BlobId> {
    let data = links.data.iter().copied().zip(theirs.data.iter().copied());
    let trees = links.trees.iter().zip(&theirs.trees).map(|(node, other)| (node.id(), other.id()));
    data.chain(trees).collect()
}

/// Whether all of them are committed and not forgotten, looked up now.
fn are_live(repository: &Repository, snapshots: &[SessionId]) -> Result<bool, RepoError> {
    let names: HashSet<String> =
        repository.outline()?.into_iter().map(|name| name.to_string()).collect();
    Ok(snapshots
        .iter()
        .all(|id| names.contains(&snapshot_name(id)) && !names.contains(&forgotten_name(id))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{BlobClass, FileHasher, Secret};
    use crate::format::{RepositoryConfig, SessionKind};
    use crate::model::{
        ChunkRef, ChunkTree, Entry, EntryName, File, Kind, Metadata, OsEntropy, Silent, SystemClock,
    };
    use crate::repo::{Credential, InitOptions, Surroundings, TreeSink, TreeWriter, Writer, init};
    use crate::storage::MemoryStorage;

    fn repository() -> Arc<Repository> {
        let (clock, entropy) = (Arc::new(SystemClock), Arc::new(OsEntropy));
        let storage = Arc::new(MemoryStorage::new(Arc::new(SystemClock)));
        let surroundings = Surroundings { clock, entropy, cache: None, workers: 1 };
        let config = RepositoryConfig::standard(Vec::new());
        let options = InitOptions { config, label: String::new() };
        let key = Credential::KeyFile(Secret::new([1; 32]));
        Arc::new(init(storage, &key, options, surroundings).unwrap())
    }

    /// A tree of one file; its id, and that of the file's content.
    fn tree(repository: &Arc<Repository>, content: &[u8]) -> (BlobId, BlobId) {
        let (kind, writer) = (SessionKind::Backup, Writer::default());
        let session = Session::begin(repository, kind, &writer, Arc::new(Silent)).unwrap();
        let mut compressor = repository.compressor().unwrap();
        let id = session.save(BlobClass::Data, content, &mut compressor).unwrap();
        let length = content.len() as u64;
        let mut hasher = FileHasher::new();
        hasher.update(content);
        let hash = Some(hasher.finish(length, &[]));
        let chunks = ChunkTree { depth: 0, nodes: vec![ChunkRef { id, length }] };
        let file = File { size: length, hash, chunks, ..File::default() };
        let (name, metadata) = (EntryName::new(&b"file"[..]).unwrap(), Metadata::default());
        let entry = Entry { name, kind: Kind::File(file), metadata, link_group: None };
        let mut sink = TreeSink { session: &session, compressor: &mut compressor };
        let mut tree = TreeWriter::new();
        tree.push(&entry, &mut sink).unwrap();
        let root = tree.finish(&mut sink).unwrap();
        session.flush().unwrap();
        session.end().unwrap();
        (root, id)
    }

    #[test]
    fn ids_are_learned_from_a_copy_and_from_nothing_else() {
        let (here, there) = (repository(), repository());
        let (root, data) = tree(&here, b"one");
        let (copy, data_there) = tree(&there, b"one");
        let (other, _) = tree(&there, b"two");
        let reader = BlobReader::new(here).unwrap();
        let other_reader = BlobReader::new(there).unwrap();
        let mut known = Known::new(reader.catalog());
        let mut learn = |counterpart| {
            let learned = known.learn(&reader, &other_reader, (root, counterpart), &Silent);
            let seen = known.seen.contains(known.catalog.index(), &data);
            (learned.unwrap(), seen, known.ids.get(&data), known.ids.get(&root))
        };
        assert_eq!(learn(other), (false, false, None, None));
        assert_eq!(learn(BlobId::new([7; 32])), (false, false, None, None));
        assert_eq!(learn(copy), (true, true, Some(data_there), Some(copy)));
    }
}
