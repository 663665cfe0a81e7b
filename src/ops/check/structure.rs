//! What can be checked without reading the data: every small object opens, every needed blob is
//! in a pack that is there, every tree can be read.

use super::Findings;
use crate::format::{self, PieceItems};
use crate::model::{AttributeValue, BlobId, ChunkTree, Counter, Directory, Entry, Kind, Monitor};
use crate::ops::live::LiveBlobs;
use crate::repo::{BlobReader, Catalog, Ledger, RepoError, Repository};
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// Settings, key slots, marks, snapshots, announcements: each is opened.
pub fn check_small_objects(
    repository: &Repository,
    findings: &mut Findings,
) -> Result<(), RepoError> {
    for (name, why) in repository.unreadable_objects()? {
        findings.objects.insert(name, why);
    }
    for id in repository.damaged_packs()? {
        let why = "an earlier check or restore found it damaged".to_string();
        if repository.list_packs()?.contains_key(&id) {
            findings.notes.push(format!("{}: {why}", format::pack_name(&id)));
        }
    }
    Ok(())
}

/// The index without the objects that do not open; they are named.
pub fn catalog(repository: &Repository, findings: &mut Findings) -> Result<Catalog, RepoError> {
    let (catalog, unreadable) = repository.catalog_of_readable()?;
    for (name, why) in unreadable {
        findings.objects.insert(name, why);
    }
    for id in repository.lost_commits(&catalog)? {
        let why =
            "it is missing, and a spare copy is there: `snap repair snapshots` brings it back";
        findings.objects.insert(format::snapshot_name(&id), why.to_string());
    }
    Ok(catalog)
}

/// Every number in a writer's chain is there: live, or forgotten.
pub fn check_chains(ledger: &Ledger, findings: &mut Findings) {
    let mut chains: BTreeMap<[u8; 16], BTreeSet<u64>> = BTreeMap::new();
    let live = ledger.live.iter().map(|snapshot| (snapshot.writer, snapshot.sequence));
    for (writer, sequence) in live.chain(ledger.forgotten_links.iter().copied()) {
        chains.entry(writer).or_default().insert(sequence);
    }
    for (writer, sequences) in chains {
        let mut expected = 1;
        for sequence in sequences {
            if sequence > expected {
                let writer = crate::model::SessionId::new(writer).short();
                let why = format!(
                    "snapshots {expected} to {} of writer {writer} are neither there nor forgotten",
                    sequence - 1
                );
                findings.objects.insert(format!("chain of writer {writer}"), why);
            }
            expected = sequence.saturating_add(1);
        }
    }
}

/// Sizes of packs are what the index says.
pub fn check_packs(
    repository: &Repository,
    catalog: &Catalog,
    findings: &mut Findings,
) -> Result<(), RepoError> {
    let indexed: HashSet<_> = catalog.index().packs().iter().map(|pack| pack.id).collect();
    for pack in catalog.index().packs() {
        match catalog.listed().get(&pack.id) {
            Some(listed) if listed.size != u64::from(pack.size) => {
                let why = format!("it is {} bytes long instead of {}", listed.size, pack.size);
                findings.packs.insert(pack.id, why);
            }
            _ => {}
        }
    }
    let mut orphans: Vec<_> =
        catalog.listed().iter().filter(|(id, _)| !indexed.contains(id)).collect();
    orphans.sort_by_key(|(id, _)| **id);
    for (id, listed) in orphans {
        match repository.read_pack_table(id, listed.size) {
            Ok(_) => findings.notes.push(format!(
                "{} is in no index: of a writer under way, or of one that was killed",
                format::pack_name(id)
            )),
            Err(error) if error.is_damage() => {
                findings.packs.insert(*id, error.to_string());
            }
            Err(RepoError::Storage(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// What the walk met.
#[derive(Default)]
pub struct Walked {
    pub trees: u64,
    pub blobs: u64,
}

enum Pending {
    Piece(BlobId),
    List { id: BlobId, length: u64, depth: u8 },
}

/// Reads every tree once, and finds every needed blob in a pack that is there.
pub fn check_trees(
    reader: &BlobReader,
    ledger: &Ledger,
    findings: &mut Findings,
    monitor: &dyn Monitor,
) -> Result<Walked, RepoError> {
    let catalog = reader.catalog();
    let mut walk = Walk {
        reader,
        catalog: &catalog,
        seen: LiveBlobs::new(catalog.index()),
        findings,
        walked: Walked::default(),
        pending: Vec::new(),
    };
    for snapshot in &ledger.live {
        let spare = reader.repository().payload_id(snapshot);
        walk.need(&spare);
        walk.pending.push(Pending::Piece(snapshot.tree));
        while let Some(next) = walk.pending.pop() {
            if monitor.stopped() {
                return Err(RepoError::Stopped);
            }
            walk.look(next)?;
        }
        monitor.add(Counter::SnapshotsChecked, 1);
    }
    Ok(walk.walked)
}

struct Walk<'a> {
    reader: &'a BlobReader,
    catalog: &'a Catalog,
    seen: LiveBlobs,
    findings: &'a mut Findings,
    walked: Walked,
    pending: Vec<Pending>,
}

impl Walk<'_> {
    /// A needed blob: true if it is met for the first time and can be looked into.
    fn need(&mut self, id: &BlobId) -> bool {
        if !self.seen.mark(self.catalog.index(), id) {
            return false;
        }
        self.walked.blobs += 1;
        let there = !self.catalog.locate(id).is_empty();
        if !there {
            let object = match self.catalog.index().find(id).next() {
                Some(at) => {
                    let pack = self.catalog.index().packs()[at.pack as usize].id;
                    self.findings.packs.insert(pack, "it is missing".to_string());
                    format::pack_name(&pack)
                }
                None => {
                    let object = format!("blob {id}");
                    let why = "no index names it".to_string();
                    self.findings.objects.insert(object.clone(), why);
                    object
                }
            };
            self.findings.blobs.insert(*id, object);
        }
        there
    }

    fn look(&mut self, next: Pending) -> Result<(), RepoError> {
        let (Pending::Piece(id) | Pending::List { id, .. }) = &next;
        let id = *id;
        if !self.need(&id) {
            return Ok(());
        }
        let looked = match next {
            Pending::Piece(id) => self.piece(&id),
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
        let object = match error {
            RepoError::DamagedBlob { pack, .. } => {
                self.findings.packs.insert(*pack, error.to_string());
                format::pack_name(pack)
            }
            _ => {
                let object = format!("tree blob {id}");
                self.findings.objects.insert(object.clone(), error.to_string());
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
            PieceItems::Entries(entries) => entries.iter().for_each(|entry| self.entry(entry)),
        }
        Ok(())
    }

    fn list(&mut self, id: &BlobId, length: u64, depth: u8) -> Result<(), RepoError> {
        let list = self.reader.chunk_list(id, length)?;
        if list.depth + 1 != depth {
            let why = "its depth is another".to_string();
            return Err(RepoError::Damaged { name: format!("list of chunks {id}"), why });
        }
        self.chunks(&list);
        Ok(())
    }

    fn entry(&mut self, entry: &Entry) {
        match &entry.kind {
            Kind::Directory(Directory { tree: Some(tree), .. }) => {
                self.pending.push(Pending::Piece(*tree));
            }
            Kind::File(file) => self.chunks(&file.chunks),
            _ => {}
        }
        for attribute in &entry.metadata.attributes {
            if let AttributeValue::Chunks(chunks) = &attribute.value {
                self.chunks(chunks);
            }
        }
    }

    fn chunks(&mut self, chunks: &ChunkTree) {
        for node in &chunks.nodes {
            match chunks.depth {
                0 => {
                    self.need(&node.id);
                }
                depth => {
                    let (id, length) = (node.id, node.length);
                    self.pending.push(Pending::List { id, length, depth });
                }
            }
        }
    }
}
