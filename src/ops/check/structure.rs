//! Every tree can be read, and every blob that is needed is in a pack that is there.

use super::findings::Findings;
use super::packs::name_unindexed;
use crate::format::{self, PieceItems};
use crate::model::{
    AttributeValue, BlobId, ChunkTree, Counter, Directory, Documents, Entry, Kind, Monitor, PackId,
};
use crate::ops::live::LiveBlobs;
use crate::ops::reach::collection_pieces;
use crate::repo::{BlobReader, Catalog, Ledger, RepoError};
use std::collections::HashSet;

/// What the walk met.
pub struct Walked {
    pub trees: u64,
    pub blobs: u64,
    /// By the index of the reader's catalog.
    pub needed: LiveBlobs,
}

enum Pending {
    Piece(BlobId),
    /// A list of pieces of a collection.
    Documents(BlobId),
    List {
        id: BlobId,
        length: u64,
        depth: u8,
    },
}

/// Reads every tree once, and finds every needed blob in a pack that is there.
pub fn check(
    reader: &BlobReader,
    ledger: &Ledger,
    findings: &mut Findings,
    monitor: &dyn Monitor,
) -> Result<Walked, RepoError> {
    let catalog = reader.catalog();
    let walked = Walked { trees: 0, blobs: 0, needed: LiveBlobs::new(catalog.index()) };
    let (pending, unindexed) = (Vec::new(), HashSet::new());
    let mut walk = Walk { reader, catalog: &catalog, findings, walked, pending, unindexed };
    for snapshot in &ledger.live {
        walk.need(&reader.repository().payload_id(snapshot))?;
        walk.pending.push(Pending::Piece(snapshot.tree));
        while let Some(next) = walk.pending.pop() {
            if monitor.stopped() {
                return Err(RepoError::Stopped);
            }
            walk.look(next)?;
        }
        monitor.add(Counter::SnapshotsChecked, 1);
    }
    name_unindexed(&catalog, &walk.unindexed, walk.findings);
    Ok(walk.walked)
}

struct Walk<'a> {
    reader: &'a BlobReader,
    catalog: &'a Catalog,
    findings: &'a mut Findings,
    walked: Walked,
    pending: Vec<Pending>,
    /// Packs that are needed, and that no index names.
    unindexed: HashSet<PackId>,
}

impl Walk<'_> {
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

    fn look(&mut self, next: Pending) -> Result<(), RepoError> {
        let (Pending::Piece(id) | Pending::Documents(id) | Pending::List { id, .. }) = &next;
        let id = *id;
        if !self.need(&id)? {
            return Ok(());
        }
        let looked = match next {
            Pending::Piece(id) => self.piece(&id),
            Pending::Documents(id) => self.documents(&id),
            Pending::List { id, length, depth } => self.list(&id, length, depth),
        };
        match looked {
            Err(error) if error.is_damage() => {
                self.damaged(&id, &error);
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

    fn piece(&mut self, id: &BlobId) -> Result<(), RepoError> {
        let piece = self.reader.piece(id)?;
        self.walked.trees += 1;
        match piece.items {
            PieceItems::Children(children) => {
                self.pending.extend(children.into_iter().map(|child| Pending::Piece(child.id)));
            }
            PieceItems::Entries(entries) => {
                entries.iter().try_for_each(|entry| self.entry(entry))?;
            }
        }
        Ok(())
    }

    /// The leaves are data: they are only there, or not.
    fn documents(&mut self, id: &BlobId) -> Result<(), RepoError> {
        let piece = self.reader.piece(id)?;
        self.walked.trees += 1;
        for child in collection_pieces(id, &piece)? {
            match (piece.level, child.chunks.nodes.is_empty()) {
                (1, true) => {
                    self.need(&child.id)?;
                }
                (1, false) => self.chunks(&child.chunks)?,
                _ => self.pending.push(Pending::Documents(child.id)),
            }
        }
        Ok(())
    }

    fn list(&mut self, id: &BlobId, length: u64, depth: u8) -> Result<(), RepoError> {
        let list = self.reader.chunk_list(id, length)?;
        if list.depth + 1 != depth {
            let why = "its depth is another".to_string();
            return Err(RepoError::Damaged { name: format!("list of chunks {id}"), why });
        }
        self.chunks(&list)
    }

    fn entry(&mut self, entry: &Entry) -> Result<(), RepoError> {
        match &entry.kind {
            Kind::Directory(Directory { tree: Some(tree), .. }) => {
                self.pending.push(Pending::Piece(*tree));
            }
            Kind::File(file) => self.chunks(&file.chunks)?,
            Kind::Collection(collection) => match &collection.content {
                Documents::Tree(tree) => self.pending.extend(tree.roots().map(Pending::Documents)),
                Documents::Stream(chunks) => self.chunks(chunks)?,
            },
            _ => {}
        }
        for attribute in &entry.metadata.attributes {
            if let AttributeValue::Chunks(chunks) = &attribute.value {
                self.chunks(chunks)?;
            }
        }
        Ok(())
    }

    fn chunks(&mut self, chunks: &ChunkTree) -> Result<(), RepoError> {
        for node in &chunks.nodes {
            match chunks.depth {
                0 => {
                    self.need(&node.id)?;
                }
                depth => {
                    let (id, length) = (node.id, node.length);
                    self.pending.push(Pending::List { id, length, depth });
                }
            }
        }
        Ok(())
    }
}
