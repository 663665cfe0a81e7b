//! The index together with a listing of packs that was taken after it was read: only so does a
//! line count (design §5).

use super::RepoError;
use super::blob_index::{BlobIndex, Location, Merge, PackEntry};
use super::gathered::Gathered;
use super::index_cache::{IndexCache, Proof};
use super::repository::{Repository, object_name};
use super::unindexed::Unindexed;
use crate::codec::Class;
use crate::format::{self, Index};
use crate::model::{BlobId, IndexId, PackId};
use crate::storage::{Folder, Listed, StorageError};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// How often the index is read again because an object of it was replaced meanwhile.
const PATIENCE: usize = 20;

/// So many new index objects a reader takes beside the cache; more are merged into it.
const MOST_NEWER: usize = 16;

/// What a verb knows of the packs in a repository at one time.
pub struct Catalog {
    index: Arc<BlobIndex>,
    /// By pack number: the pack is listed.
    counted: Arc<Vec<bool>>,
    /// By pack number: counted, not condemned, not named damaged.
    reusable: Arc<Vec<bool>>,
    /// Every pack in storage, with its size.
    listed: Arc<HashMap<PackId, ListedPack>>,
    /// Where neither the lines of the index were proved nor packs listed, and all lines count: the
    /// index objects that the cache does not have yet.
    newer: Option<Arc<BlobIndex>>,
    /// Packs that no index names, where somebody looked into them.
    pub(super) unindexed: Option<Arc<Unindexed>>,
}

/// A pack in storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListedPack {
    /// Bytes.
    pub size: u64,
    /// By the storage's clock.
    pub stored: jiff::Timestamp,
}

impl Repository {
    /// Reads the index, then lists the packs. `barred` packs (condemned or damaged) are counted,
    /// but not reusable.
    pub fn catalog(&self, barred: &HashSet<PackId>) -> Result<Catalog, RepoError> {
        let index = self.read_index(true)?;
        self.catalog_of(index, barred)
    }

    /// The same, from the repository's own objects only: what decides about deletion does not
    /// trust the local cache.
    pub fn catalog_uncached(&self, barred: &HashSet<PackId>) -> Result<Catalog, RepoError> {
        let index = self.read_index(false)?;
        self.catalog_of(index, barred)
    }

    pub(super) fn catalog_of(
        &self,
        index: BlobIndex,
        barred: &HashSet<PackId>,
    ) -> Result<Catalog, RepoError> {
        let listed = self.list_packs()?;
        let counted: Vec<bool> =
            index.packs().iter().map(|pack| listed.contains_key(&pack.id)).collect();
        let allowed = |pack: &PackEntry| !barred.contains(&pack.id);
        let packs = index.packs().iter().zip(&counted);
        let reusable: Vec<bool> = packs.map(|(pack, there)| *there && allowed(pack)).collect();
        let (index, listed) = (Arc::new(index), Arc::new(listed));
        let (counted, reusable) = (Arc::new(counted), Arc::new(reusable));
        let (newer, unindexed) = (None, None);
        Ok(Catalog { index, counted, reusable, listed, newer, unindexed })
    }

    /// The index as the local cache has it, with what few objects are newer. It may be wrong
    /// anywhere: only for readers, who prove what they read, and look again where that fails.
    /// `None` where the cache is not of use for that.
    pub(super) fn believed_catalog(&self) -> Result<Option<Catalog>, RepoError> {
        let Some(cache) = self.cache().map(IndexCache::new) else { return Ok(None) };
        let sources = self.list_index()?;
        let cached = cache.read(Proof::WithoutLines);
        let Some(index) = cached.filter(|index| is_subset(&index.sources, &sources)) else {
            return Ok(None);
        };
        let new = missing(&index.sources, &sources);
        if new.len() > MOST_NEWER {
            return Ok(None);
        }
        let newer = match self.merge_into(Gathered::Memory(Vec::new()), new, false) {
            Err(_) => return Ok(None),
            Ok((newer, _)) => Some(Arc::new(newer)),
        };
        let all = Arc::new(vec![true; index.packs().len()]);
        let (counted, reusable) = (Arc::clone(&all), all);
        let (index, listed, unindexed) = (Arc::new(index), Arc::default(), None);
        Ok(Some(Catalog { index, counted, reusable, listed, newer, unindexed }))
    }

    /// All packs in storage. One in a folder that is not its own is not found by readers, and
    /// does not count.
    pub fn list_packs(&self) -> Result<HashMap<PackId, ListedPack>, RepoError> {
        let listed = self.storage.list(Folder::Packs)?;
        let pack = |listed: &Listed| {
            let id = listed.name.last().parse().ok()?;
            if listed.name.rest() != format::pack_name(&id).strip_prefix("packs/")? {
                return None;
            }
            Some((id, ListedPack { size: listed.size, stored: listed.stored }))
        };
        Ok(listed.iter().filter_map(pack).collect())
    }

    fn read_index(&self, cached: bool) -> Result<BlobIndex, RepoError> {
        until_whole(|| self.try_read_index(cached))
    }

    fn try_read_index(&self, cached: bool) -> Result<BlobIndex, RepoError> {
        let sources = self.list_index()?;
        let cache = self.cache().filter(|_| cached).map(IndexCache::new);
        let Some(cache) = cache else { return self.merged_index(sources) };
        let old = cache.read(Proof::Whole);
        if let Some(old) = old.filter(|old| is_subset(&old.sources, &sources)) {
            if old.sources == sources {
                return Ok(old);
            }
            let new = missing(&old.sources, &sources);
            let mut objects = new.iter().map(|id| self.get_index(id));
            return self.write_cache(&cache, Some(&old), sources.clone(), &mut objects);
        }
        let mut objects = sources.iter().map(|id| self.get_index(id));
        self.write_cache(&cache, None, sources.clone(), &mut objects)
    }

    /// A cache that cannot be written is done without.
    fn write_cache(
        &self,
        cache: &IndexCache,
        old: Option<&BlobIndex>,
        sources: Vec<IndexId>,
        objects: &mut dyn Iterator<Item = Result<Index, RepoError>>,
    ) -> Result<BlobIndex, RepoError> {
        match cache.write(old, sources.clone(), objects) {
            Err(RepoError::Local { .. }) => self.merged_index(sources),
            other => other,
        }
    }

    fn merged_index(&self, sources: Vec<IndexId>) -> Result<BlobIndex, RepoError> {
        Ok(self.merged(sources, false)?.0)
    }

    /// Merges index objects, read from the repository alone. With `passes_over` damaged ones are
    /// left out, and named with the reason. The lines are sorted in the cache's folder, in a file
    /// that nobody else sees; where none can be written, in memory.
    pub(super) fn merged(
        &self,
        sources: Vec<IndexId>,
        passes_over: bool,
    ) -> Result<(BlobIndex, Vec<(String, String)>), RepoError> {
        let file = self.cache().and_then(|folder| Gathered::in_folder(&folder).ok());
        if let Some(lines) = file {
            match self.merge_into(lines, sources.clone(), passes_over) {
                Err(RepoError::Local { .. }) => {}
                done => return done,
            }
        }
        self.merge_into(Gathered::Memory(Vec::new()), sources, passes_over)
    }

    fn merge_into(
        &self,
        mut lines: Gathered,
        sources: Vec<IndexId>,
        passes_over: bool,
    ) -> Result<(BlobIndex, Vec<(String, String)>), RepoError> {
        let local = |cause| RepoError::Local { what: "the index".to_string(), cause };
        let (mut merge, mut left_out) = (Merge::default(), Vec::new());
        for id in &sources {
            match self.get_index(id) {
                Ok(index) => merge.add(&index, &mut |line| lines.push(line).map_err(local))?,
                Err(error) if passes_over && error.is_damage() => {
                    left_out.push((format::index_name(id), error.why()));
                }
                Err(error) => return Err(error),
            }
        }
        let lines = lines.sorted().map_err(local)?;
        Ok((BlobIndex { sources, packs: merge.packs, lines }, left_out))
    }

    /// The ids of all index objects, sorted.
    pub fn list_index(&self) -> Result<Vec<IndexId>, RepoError> {
        let listed = self.storage.list(Folder::Index)?;
        let id = |listed: Listed| listed.name.last().parse().ok();
        let mut ids: Vec<IndexId> = listed.into_iter().filter_map(id).collect();
        ids.sort_unstable();
        Ok(ids)
    }

    /// One index object, proved to be the one of this name.
    pub fn get_index(&self, id: &IndexId) -> Result<Index, RepoError> {
        let name = object_name(&format::index_name(id))?;
        let sealed = self.get_whole(&name, format::LARGEST_OBJECT)?;
        if blake3::hash(&sealed).as_bytes() != id.bytes() {
            return Err(RepoError::damaged(&name, "its content does not match its name"));
        }
        let plain = self.open_object(Class::Index, &name, &[0; 32], &sealed)?;
        Index::decode(&plain).map_err(|error| RepoError::format(&name, error))
    }

    /// Stores an index object.
    pub fn put_index(&self, index: &Index) -> Result<IndexId, RepoError> {
        let sealed = self.seal_object(Class::Index, &[0; 32], &index.encode())?;
        let id = IndexId::new(*blake3::hash(&sealed).as_bytes());
        self.storage.put_if_absent(&object_name(&format::index_name(&id))?, &sealed)?;
        Ok(id)
    }
}

/// Reads the index with `read`, again when an object of it was replaced meanwhile.
pub(super) fn until_whole<T>(read: impl Fn() -> Result<T, RepoError>) -> Result<T, RepoError> {
    for _ in 0..PATIENCE {
        match read() {
            Err(RepoError::Storage(StorageError::Absent { name }))
                if name.folder() == Folder::Index => {}
            done => return done,
        }
    }
    Err(RepoError::Earlier("the index changed each time it was read; try again".to_string()))
}

fn is_subset(part: &[IndexId], whole: &[IndexId]) -> bool {
    part.iter().all(|id| whole.binary_search(id).is_ok())
}

/// What is in `whole` and not in `part`.
fn missing(part: &[IndexId], whole: &[IndexId]) -> Vec<IndexId> {
    whole.iter().filter(|id| part.binary_search(id).is_err()).copied().collect()
}

impl Catalog {
    pub fn index(&self) -> &BlobIndex {
        &self.index
    }

    /// Whether the blob may be relied on without being uploaded.
    pub fn is_reusable(&self, id: &BlobId) -> bool {
        self.index.find(id).any(|at| self.flag(&self.reusable, at))
    }

    /// Every place where the blob can be read, those that may be relied on first.
    pub fn locate(&self, id: &BlobId) -> Vec<(PackId, Location)> {
        let mut found: Vec<Location> =
            self.index.find(id).filter(|at| self.flag(&self.counted, *at)).collect();
        found.sort_by_key(|at| !self.flag(&self.reusable, *at));
        let indexed = found.into_iter().map(|at| (self.index.pack_at(at), at));
        let others = self.newer.as_deref().into_iter();
        let others = others.chain(self.unindexed.iter().map(|unindexed| &unindexed.index));
        let others = others.flat_map(|index| index.find(id).map(|at| (index.pack_at(at), at)));
        indexed.chain(others).filter_map(|(pack, at)| Some((pack?, at))).collect()
    }

    /// Where the index says that the blob lies, or lay.
    pub fn last_place(&self, id: &BlobId) -> Option<PackId> {
        self.index.find(id).find_map(|at| self.index.pack_at(at))
    }

    /// The index objects that were there when it was made, sorted.
    pub fn sources(&self) -> &[IndexId] {
        &self.index.sources
    }

    /// Whether it is nothing but what the cache says.
    pub(super) fn is_believed(&self) -> bool {
        self.newer.is_some()
    }

    /// Whether packs that no index names were looked into.
    pub fn is_complete(&self) -> bool {
        self.unindexed.is_some()
    }

    pub(super) fn with(&self, unindexed: Arc<Unindexed>) -> Self {
        Self {
            index: Arc::clone(&self.index),
            counted: Arc::clone(&self.counted),
            reusable: Arc::clone(&self.reusable),
            listed: Arc::clone(&self.listed),
            newer: self.newer.clone(),
            unindexed: Some(unindexed),
        }
    }

    fn flag(&self, flags: &[bool], at: Location) -> bool {
        flags.get(at.pack as usize).copied().unwrap_or(false)
    }

    /// Whether the pack of this number is in storage.
    pub fn is_counted(&self, pack: u32) -> bool {
        self.counted.get(pack as usize).copied().unwrap_or(false)
    }

    /// Whether blobs in the pack of this number may be relied on.
    pub fn is_reusable_pack(&self, pack: u32) -> bool {
        self.reusable.get(pack as usize).copied().unwrap_or(false)
    }

    /// Every pack in storage, indexed or not.
    pub fn listed(&self) -> &HashMap<PackId, ListedPack> {
        &self.listed
    }
}
