//! The second pass: the documents that were changed are found in the snapshot, in the order of
//! their keys, and written once as they became: an overlay over the snapshot's trees.

use super::catalog::{BUCKETS, Catalog, Followed, Uuid};
use super::error::ForwardError;
use super::growing::Growing;
use super::steps::Steps;
use super::until::Until;
use crate::codec::Elements;
use crate::model::{
    ClusterTime, Collection, CollectionKind, Consistency, DocumentTree, Documents, Monitor,
};
use crate::mongo::is_id_index;
use crate::repo::{BlobReader, BlobSink, DocumentFinder, DocumentPieces, Layer, RepoError};
use std::collections::{HashMap, VecDeque};
use std::path::Path;
use std::sync::Arc;

/// What is needed to apply changes.
pub struct Applying<'a> {
    pub reader: &'a BlobReader,
    pub sink: &'a dyn BlobSink,
    pub place: &'a Path,
    pub until: Until,
    pub last: Option<ClusterTime>,
    pub monitor: &'a dyn Monitor,
}

/// How many documents there are, and their bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub count: u64,
    pub size: u64,
}

impl Counts {
    pub fn change(&mut self, before: Option<&[u8]>, after: Option<&[u8]>) {
        let of = |document: Option<&[u8]>| {
            document.map_or((0, 0), |document| (1, document.len() as u64))
        };
        let ((gone, fewer), (come, more)) = (of(before), of(after));
        self.count = self.count.saturating_add(come).saturating_sub(gone);
        self.size = self.size.saturating_add(more).saturating_sub(fewer);
    }
}

impl Applying<'_> {
    /// All collections that there are in the end, by UUID.
    pub fn run(
        &self,
        catalog: &Catalog,
        mut steps: Steps,
    ) -> Result<HashMap<Uuid, Collection>, ForwardError> {
        let mut contents = HashMap::new();
        while let Some((uuid, _)) = steps.next()? {
            match catalog.collections.get(&uuid) {
                None => steps.skip(&uuid)?,
                Some(followed) if is_natural(followed)? => {
                    contents.insert(uuid, self.natural(&uuid, followed, &mut steps)?);
                }
                Some(followed) => {
                    contents.insert(uuid, self.tree(&uuid, followed, &mut steps)?);
                }
            }
        }
        let collection = |(uuid, followed): (&Uuid, &Followed)| {
            Ok((*uuid, self.collection(*uuid, followed, contents.remove(uuid))?))
        };
        catalog.collections.iter().map(collection).collect()
    }

    /// A collection, with what became of its documents if any was changed.
    fn collection(
        &self,
        uuid: Uuid,
        followed: &Followed,
        content: Option<(Documents, Counts)>,
    ) -> Result<Collection, ForwardError> {
        let base = followed.base.as_ref().map(|base| base.collection.as_ref());
        let (content, counts) = match (content, base) {
            (Some(content), _) => content,
            (None, Some(base)) => (base.content.clone(), counts_of(base)),
            (None, None) if is_natural(followed)? => {
                (Documents::Stream(Default::default()), Counts::default())
            }
            (None, None) => (Documents::default(), Counts::default()),
        };
        Ok(Collection {
            kind: match series_name(followed)? {
                Some(_) => CollectionKind::TimeSeries,
                None => CollectionKind::Ordinary,
            },
            options: followed.options.clone(),
            uuid: Some(uuid),
            indexes: followed.indexes.clone(),
            content,
            count: counts.count,
            size: counts.size,
            consistency: base.map_or(Consistency::Exact, |base| base.consistency),
            moment: match self.until {
                Until::Time(time) => Some(time),
                Until::Wall(_) => self.last,
            },
            log_entry: None,
            scanned: base.and_then(|base| base.scanned),
        })
    }

    fn tree(
        &self,
        uuid: &Uuid,
        followed: &Followed,
        steps: &mut Steps,
    ) -> Result<(Documents, Counts), ForwardError> {
        let base = followed.base.as_ref().map(|base| base.collection.as_ref());
        let tree = base.and_then(|base| match &base.content {
            Documents::Tree(tree) => Some(tree.clone()),
            Documents::Stream(_) => None,
        });
        let mut below = tree.clone().unwrap_or_default();
        let mut finder = DocumentFinder::new(self.reader, &below)?;
        // There may be no more overlays: the newest becomes a part of this one.
        let newest = match below.overlays.len() >= DocumentTree::MOST_OVERLAYS {
            true => below.overlays.pop(),
            false => None,
        };
        let mut newest = Overlay::new(self.reader, newest.as_ref())?;
        let mut counts = base.map_or_else(Counts::default, counts_of);
        let is_new = below.base.is_none() && below.overlays.is_empty();
        let (mut growing, mut is_any) = (Growing::new(self.sink)?, false);
        while let Some(key) = steps.next_of(uuid)? {
            if self.monitor.stopped() {
                return Err(ForwardError::Stopped);
            }
            let before = finder.find(&key)?;
            let after = steps.apply((uuid, &key), followed, before.clone())?.document;
            if before == after {
                continue;
            }
            counts.change(before.as_deref(), after.as_deref());
            newest.give_before(&key, &mut growing)?;
            newest.drop(&key)?;
            if after.is_some() || !is_new {
                is_any = true;
                growing.add(key, after.as_deref())?;
            }
        }
        newest.give_rest(&mut growing)?;
        let root = growing.finish()?;
        let grown = match (root, is_new) {
            (root, true) => DocumentTree::of(root),
            (Some(root), false) if is_any => {
                below.overlays.push(root);
                below
            }
            _ => tree.unwrap_or_default(),
        };
        Ok((Documents::Tree(grown), counts))
    }
}

pub fn counts_of(collection: &Collection) -> Counts {
    Counts { count: collection.count, size: collection.size }
}

/// Of the buckets of a time series, its name.
pub fn series_name(followed: &Followed) -> Result<Option<&str>, RepoError> {
    let series = Elements::new(&followed.options).and_then(|options| options.find(b"timeseries"));
    let series = series.map_err(|error| RepoError::Damaged {
        name: "the options of a collection".to_string(),
        why: error.to_string(),
    })?;
    Ok(followed.name.strip_prefix(BUCKETS).filter(|_| series.is_some()))
}

/// Whether documents are kept in natural order.
fn is_natural(followed: &Followed) -> Result<bool, RepoError> {
    if let Some(base) = &followed.base {
        return Ok(matches!(base.collection.content, Documents::Stream(_)));
    }
    let option = |name: &[u8]| {
        let option = Elements::new(&followed.options).and_then(|options| options.find(name));
        option.map_err(|error| RepoError::Damaged {
            name: "the options of a collection".to_string(),
            why: error.to_string(),
        })
    };
    let is_capped = option(b"capped")?.is_some_and(|capped| capped.is_true());
    let is_clustered = option(b"clusteredIndex")?.is_some() || series_name(followed)?.is_some();
    let has_id_index = followed.indexes.iter().any(|index| is_id_index(index));
    Ok(is_capped || !(is_clustered || has_id_index))
}

/// What an overlay says of keys, in their order.
struct Overlay<'a> {
    reader: &'a BlobReader,
    pieces: Option<DocumentPieces<'a>>,
    ready: VecDeque<(Vec<u8>, Option<Vec<u8>>)>,
}

impl<'a> Overlay<'a> {
    fn new(reader: &'a BlobReader, root: Option<&crate::model::BlobId>) -> Result<Self, RepoError> {
        let pieces = root.map(|root| reader.document_pieces(root)).transpose()?;
        Ok(Self { reader, pieces, ready: VecDeque::new() })
    }

    fn peek(&mut self) -> Result<Option<&Vec<u8>>, RepoError> {
        while self.ready.is_empty() {
            let next = self.pieces.as_mut().and_then(Iterator::next).transpose()?;
            let Some(piece) = next else { return Ok(None) };
            let layer: Arc<Layer> = self.reader.layer(&piece, false)?;
            let all = layer.within(&[], &piece.child.last);
            self.ready
                .extend(all.map(|(key, document)| (key.to_vec(), document.map(<[u8]>::to_vec))));
        }
        Ok(self.ready.front().map(|(key, _)| key))
    }

    fn give_before(&mut self, key: &[u8], growing: &mut Growing<'_>) -> Result<(), RepoError> {
        while self.peek()?.is_some_and(|next| next.as_slice() < key) {
            if let Some((key, document)) = self.ready.pop_front() {
                growing.add(key, document.as_deref())?;
            }
        }
        Ok(())
    }

    fn drop(&mut self, key: &[u8]) -> Result<(), RepoError> {
        if self.peek()?.is_some_and(|next| next == key) {
            self.ready.pop_front();
        }
        Ok(())
    }

    fn give_rest(&mut self, growing: &mut Growing<'_>) -> Result<(), RepoError> {
        while self.peek()?.is_some() {
            if let Some((key, document)) = self.ready.pop_front() {
                growing.add(key, document.as_deref())?;
            }
        }
        Ok(())
    }
}
