//! Reads a snapshot back and compares it with the tree that was backed up.

use super::documents::documents;
use super::tree::Tree;
use snapstore::codec::BlobClass;
use snapstore::format::{self, PieceItems};
use snapstore::model::*;
use snapstore::repo::{BlobReader, RepoError};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Reads snapshots of one repository; what was read once is kept.
pub struct Reading<'a> {
    reader: &'a BlobReader,
    chunks: HashMap<BlobId, Vec<u8>>,
    /// Every blob that a snapshot read so far needs.
    pub needed: BTreeSet<BlobId>,
}

/// What a snapshot has: the bytes of files and of directories' attributes, by path.
#[derive(Default, PartialEq, Eq)]
struct Found {
    files: BTreeMap<String, Vec<u8>>,
    directories: BTreeSet<String>,
    attributes: BTreeMap<String, Vec<u8>>,
    documents: Vec<Vec<u8>>,
}

impl<'a> Reading<'a> {
    pub fn new(reader: &'a BlobReader) -> Self {
        Self { reader, chunks: HashMap::new(), needed: BTreeSet::new() }
    }

    /// `None` if the snapshot is the tree byte for byte, else what is not.
    pub fn difference(
        &mut self,
        snapshot: &Snapshot,
        tree: &Tree,
    ) -> Result<Option<String>, RepoError> {
        self.needed.insert(self.reader.repository().payload_id(snapshot));
        let found = self.snapshot(snapshot)?;
        for (path, file) in &tree.files {
            if found.files.get(path).is_none_or(|bytes| *bytes != *file.bytes()) {
                return Ok(Some(format!("{path} differs")));
            }
        }
        let directories = tree.directories();
        let attribute =
            |path: &String| Some((path.clone(), tree.attribute(path)?.bytes().to_vec()));
        let attributes: BTreeMap<_, _> = directories.iter().filter_map(attribute).collect();
        Ok(match () {
            () if found.files.len() != tree.files.len() => Some("there are more files".to_string()),
            () if found.directories != directories => Some("directories differ".to_string()),
            () if found.attributes != attributes => Some("attributes differ".to_string()),
            () if found.documents != documents(&tree.documents) => {
                Some("documents differ".to_string())
            }
            () => None,
        })
    }

    fn snapshot(&mut self, snapshot: &Snapshot) -> Result<Found, RepoError> {
        let mut found = Found::default();
        let mut pending = vec![(String::new(), snapshot.tree)];
        while let Some((path, tree)) = pending.pop() {
            self.needed.insert(tree);
            match self.reader.piece(&tree)?.items {
                PieceItems::Children(children) => {
                    pending.extend(children.into_iter().map(|child| (path.clone(), child.id)));
                }
                PieceItems::Entries(entries) => {
                    for entry in entries {
                        let name = String::from_utf8_lossy(entry.name.bytes()).into_owned();
                        pending.extend(self.entry(&entry, path.clone() + &name, &mut found)?);
                    }
                }
            }
        }
        Ok(found)
    }

    /// Returns what lies below the entry. Paths have `files/` before them until here.
    fn entry(
        &mut self,
        entry: &Entry,
        path: String,
        found: &mut Found,
    ) -> Result<Option<(String, BlobId)>, RepoError> {
        let below = path.strip_prefix("files/").map(str::to_string);
        if let Some(below) = &below {
            for attribute in &entry.metadata.attributes {
                let bytes = match &attribute.value {
                    AttributeValue::Inline(bytes) => bytes.clone(),
                    AttributeValue::Chunks(chunks) => self.content(chunks)?,
                };
                found.attributes.insert(below.clone(), bytes);
            }
        }
        match &entry.kind {
            Kind::File(file) => {
                found.files.insert(below.unwrap(), self.content(&file.chunks)?);
                Ok(None)
            }
            Kind::Directory(directory) => {
                found.directories.extend(below);
                Ok(directory.tree.map(|tree| (path + "/", tree)))
            }
            Kind::Collection(collection) => {
                found.documents = self.collection(collection)?;
                Ok(None)
            }
            other => panic!("a {} was never backed up", other.word()),
        }
    }

    fn collection(&mut self, collection: &Collection) -> Result<Vec<Vec<u8>>, RepoError> {
        let Documents::Tree(tree) = &collection.content else { panic!("it is no tree") };
        for root in tree.roots() {
            self.pieces(root)?;
        }
        let mut found = Vec::new();
        for part in self.reader.document_parts(tree)? {
            let bytes = self.reader.documents(&part?)?;
            found.extend(format::documents(&bytes).map(|document| document.unwrap().to_vec()));
        }
        Ok(found)
    }

    /// Notes what a tree of documents needs.
    fn pieces(&mut self, root: BlobId) -> Result<(), RepoError> {
        let mut pending = vec![root];
        while let Some(id) = pending.pop() {
            self.needed.insert(id);
            let piece = self.reader.piece(&id)?;
            let PieceItems::Children(children) = piece.items else { panic!("it has entries") };
            let children = children.iter().map(|child| child.id);
            match piece.level {
                1 => self.needed.extend(children),
                _ => pending.extend(children),
            }
        }
        Ok(())
    }

    fn content(&mut self, tree: &ChunkTree) -> Result<Vec<u8>, RepoError> {
        let mut content = Vec::new();
        let mut pending: Vec<(u8, ChunkRef)> =
            tree.nodes.iter().rev().map(|node| (tree.depth, *node)).collect();
        while let Some((depth, node)) = pending.pop() {
            self.needed.insert(node.id);
            if depth == 0 {
                content.extend_from_slice(self.chunk(&node.id)?);
            } else {
                let list = self.reader.chunk_list(&node.id, node.length)?;
                pending.extend(list.nodes.iter().rev().map(|node| (depth - 1, *node)));
            }
        }
        Ok(content)
    }

    fn chunk(&mut self, id: &BlobId) -> Result<&[u8], RepoError> {
        if !self.chunks.contains_key(id) {
            let plain = self.reader.read(BlobClass::Data, id)?;
            self.chunks.insert(*id, plain);
        }
        Ok(&self.chunks[id])
    }
}
