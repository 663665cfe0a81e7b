//! Every tree can be read, and every blob that is needed is in a pack that is there.

use super::findings::Findings;
use super::leaves::{Leaves, Way};
use super::packs::name_unindexed;
use super::pending::{Looked, Named, Pending, named, named_chunks};
use crate::format;
use crate::model::{BlobId, Collection, Counter, DocumentTree, Documents, Monitor, PackId};
use crate::ops::live::LiveBlobs;
use crate::ops::tree_batches::{Batch, TreeBatches};
use crate::repo::{BlobReader, Catalog, DocumentPieces, Ledger, MetPiece, RepoError};
use std::collections::HashSet;

/// What waits to be looked at is no more, about, some 100 MiB: no folder that snap writes comes
/// near. Where it would be more, a part of a piece is taken, and the piece is read again for the
/// rest.
const MOST_PENDING: usize = 1 << 21;

/// What the walk met.
pub struct Walked {
    pub trees: u64,
    pub blobs: u64,
    /// By the index of the reader's catalog.
    pub needed: LiveBlobs,
    pub leaves: Leaves,
}

/// Reads every tree once, and finds every needed blob in a pack that is there. `notes_leaves`:
/// packs will be read, and the leaves of collections in them compared with what their lists say.
pub fn check(
    reader: &BlobReader,
    ledger: &Ledger,
    findings: &mut Findings,
    notes_leaves: bool,
    monitor: &dyn Monitor,
) -> Result<Walked, RepoError> {
    let catalog = reader.catalog();
    let needed = LiveBlobs::new(catalog.index());
    let walked = Walked { trees: 0, blobs: 0, needed, leaves: Leaves::new(notes_leaves) };
    let (pending, unindexed) = (Vec::new(), HashSet::new());
    let mut walk =
        Walk { reader, catalog: &catalog, findings, monitor, walked, pending, unindexed };
    let trees = TreeBatches::new(reader, catalog.index())?;
    for snapshot in &ledger.live {
        walk.need(&reader.repository().payload_id(snapshot))?;
        walk.pending.push(Pending::Piece(snapshot.tree));
        while !walk.pending.is_empty() {
            walk.stop_if_asked()?;
            walk.look_at_next(&trees)?;
        }
        monitor.add(Counter::SnapshotsChecked, 1);
    }
    name_unindexed(&catalog, &walk.unindexed, walk.findings);
    walk.walked.leaves.sort();
    Ok(walk.walked)
}

struct Walk<'a> {
    reader: &'a BlobReader,
    catalog: &'a Catalog,
    findings: &'a mut Findings,
    monitor: &'a dyn Monitor,
    walked: Walked,
    pending: Vec<Pending>,
    /// Packs that are needed, and that no index names.
    unindexed: HashSet<PackId>,
}

impl Walk<'_> {
    fn stop_if_asked(&self) -> Result<(), RepoError> {
        match self.monitor.stopped() {
            true => Err(RepoError::Stopped),
            false => Ok(()),
        }
    }

    /// A needed blob: true if it is met for the first time and can be looked into.
    fn need(&mut self, id: &BlobId) -> Result<bool, RepoError> {
        if !self.walked.needed.mark(self.catalog.index(), id) {
            return Ok(false);
        }
        self.walked.blobs += 1;
        let lies_in = self.catalog.last_place(id);
        let there = match self.catalog.locate(id).first() {
            Some((pack, _)) if lies_in.is_none() => {
                self.unindexed.insert(*pack);
                true
            }
            Some(_) => true,
            // A prune may have moved it meanwhile.
            None => self.reader.finds(id)?,
        };
        if !there {
            self.findings.missing(*id, lies_in);
        }
        Ok(there)
    }

    /// The last ones: so a walk goes down before it goes on, and little is pending.
    fn look_at_next(&mut self, trees: &TreeBatches<'_>) -> Result<(), RepoError> {
        let batch = self.next_batch(trees)?;
        let read = trees.read(&batch, |pending| pending.read(trees));
        for (pending, looked) in batch.trees.iter().zip(read) {
            let looked = looked.and_then(|looked| self.look(pending.id(), looked));
            self.or_damaged(pending.id(), looked)?;
        }
        Ok(())
    }

    /// Those of them that were not met before. The rest of a piece is looked at alone, once
    /// nothing above it is pending.
    fn next_batch(&mut self, trees: &TreeBatches<'_>) -> Result<Batch<Pending>, RepoError> {
        let mut batch = Batch::new();
        while !batch.is_full()
            && let Some(next) = self.pending.pop()
        {
            let (id, is_rest) = (*next.id(), matches!(next, Pending::Rest(..)));
            if is_rest && !batch.trees.is_empty() {
                self.pending.push(next);
                break;
            }
            if is_rest || self.need(&id)? {
                trees.push(&mut batch, &id, next);
            }
        }
        Ok(batch)
    }

    fn look(&mut self, id: &BlobId, looked: Looked) -> Result<(), RepoError> {
        match looked {
            Looked::Piece(all, from) => self.piece(id, all, from),
            Looked::Longer(from) => self.piece(id, named(&self.reader.piece(id)?), from),
            Looked::List(all) => self.each(all, id),
        }
    }

    fn or_damaged(&mut self, id: &BlobId, looked: Result<(), RepoError>) -> Result<(), RepoError> {
        match looked {
            Err(error) if error.is_damage() => {
                self.damaged(id, &error);
                Ok(())
            }
            other => other,
        }
    }

    fn damaged(&mut self, id: &BlobId, error: &RepoError) {
        let object = match error.pack() {
            Some(pack) => {
                self.findings.packs.insert(pack, error.to_string());
                format::pack_name(&pack)
            }
            None => {
                let object = format!("tree blob {id}");
                self.findings.object(object.clone(), error.why());
                object
            }
        };
        self.findings.blobs.insert(*id, object);
    }

    /// What a piece names from that number on, or some of it.
    fn piece(&mut self, id: &BlobId, all: Vec<Named>, from: usize) -> Result<(), RepoError> {
        if from == 0 {
            self.walked.trees += 1;
        }
        let most = (MOST_PENDING.saturating_sub(self.pending.len()) / 16).max(1);
        if all.len().saturating_sub(from) > most {
            self.pending.push(Pending::Rest(*id, from.saturating_add(most)));
        }
        self.each(all.into_iter().skip(from).take(most), id)
    }

    /// What the tree `of` names.
    fn each(&mut self, all: impl IntoIterator<Item = Named>, of: &BlobId) -> Result<(), RepoError> {
        for one in all {
            match one {
                Named::Blob(id) => {
                    self.need(&id)?;
                }
                Named::Tree(next) => self.pending.push(next),
                Named::Collection(collection) => self.collection(&collection, of)?,
            }
        }
        Ok(())
    }

    fn collection(&mut self, collection: &Collection, piece: &BlobId) -> Result<(), RepoError> {
        let is_empty = matches!(&collection.content, Documents::Tree(tree) if tree.is_empty());
        if is_empty && collection.count > 0 {
            let why =
                format!("a collection in it counts {} documents, and has none", collection.count);
            self.findings.object(format!("tree blob {piece}"), why);
        }
        match &collection.content {
            Documents::Tree(tree) => self.documents(collection, tree),
            Documents::Stream(chunks) => self.each(named_chunks(chunks), piece),
        }
    }

    fn documents(&mut self, collection: &Collection, tree: &DocumentTree) -> Result<(), RepoError> {
        let base = tree.base.iter().map(|root| (root, true));
        for (root, is_base) in base.chain(tree.overlays.iter().map(|root| (root, false))) {
            let looked = self.document_tree(root, is_base, collection);
            self.or_damaged(root, looked)?;
        }
        Ok(())
    }

    /// Each tree is walked once, and its count compared with each entry that names it.
    fn document_tree(
        &mut self,
        root: &BlobId,
        is_base: bool,
        collection: &Collection,
    ) -> Result<(), RepoError> {
        self.stop_if_asked()?;
        if self.need(root)? {
            self.walked.trees += 1;
        }
        if let Some(count) = self.walked.leaves.counted(root, is_base) {
            return prove_count(root, count, collection);
        }
        if self.findings.blobs.contains_key(root) {
            return Ok(());
        }
        let pieces = self.reader.document_pieces(root)?;
        let count = pieces.counted();
        self.walked.leaves.met_root(root, is_base, count);
        self.document_pieces(pieces, is_base)?;
        prove_count(root, count, collection)
    }

    /// Lists are looked at once between the same keys. The leaves are data: they are only there,
    /// or not.
    fn document_pieces(
        &mut self,
        mut pieces: DocumentPieces<'_>,
        is_base: bool,
    ) -> Result<(), RepoError> {
        let mut way = Way::new(is_base);
        while let Some(met) = pieces.step()? {
            self.stop_if_asked()?;
            if !self.opened(&mut pieces, &met, is_base)? {
                let is_new = met.level == 0 && self.document_piece(&met, is_base)?;
                self.walked.leaves.pass(&mut way, &met, self.catalog.index(), is_new);
                pieces.pass(&met.piece);
            }
        }
        Ok(())
    }

    /// A list that was not looked at between these keys; false for all else.
    fn opened(
        &mut self,
        pieces: &mut DocumentPieces<'_>,
        met: &MetPiece,
        is_base: bool,
    ) -> Result<bool, RepoError> {
        let id = &met.piece.child.id;
        if met.level == 0 {
            return Ok(false);
        }
        if self.need(id)? {
            self.walked.trees += 1;
        }
        if !self.walked.leaves.is_new(met, is_base) || self.findings.blobs.contains_key(id) {
            return Ok(false);
        }
        let opened = pieces.open(met);
        let is_open = opened.is_ok();
        self.or_damaged(id, opened)?;
        Ok(is_open)
    }

    /// A leaf or a large document; whether it is a leaf of which nothing was noted so far.
    fn document_piece(&mut self, met: &MetPiece, is_base: bool) -> Result<bool, RepoError> {
        let child = &met.piece.child;
        if met.piece.is_large() {
            self.each(named_chunks(&child.chunks), &child.id)?;
            return Ok(false);
        }
        self.need(&child.id)?;
        Ok(self.walked.leaves.is_new(met, is_base))
    }
}

/// What is laid over a base may replace or delete what is below.
fn prove_count(root: &BlobId, count: u64, collection: &Collection) -> Result<(), RepoError> {
    let Documents::Tree(tree) = &collection.content else { return Ok(()) };
    if !tree.overlays.is_empty() || count == collection.count {
        return Ok(());
    }
    Err(RepoError::Damaged {
        name: format!("tree blob {root}"),
        why: format!(
            "it counts {count} documents, and the entry of the collection {}",
            collection.count
        ),
    })
}
