//! What waits to be read in a walk over the trees, and what trees name.

use crate::format::{Piece, PieceItems};
use crate::model::{AttributeValue, BlobId, ChunkTree, Collection, Directory, Entry, Kind};
use crate::ops::tree_batches::TreeBatches;
use crate::repo::RepoError;

pub enum Pending {
    Piece(BlobId),
    /// What a piece that was read before names from that number on.
    Rest(BlobId, usize),
    List {
        id: BlobId,
        length: u64,
        depth: u8,
    },
}

/// What a tree names. Workers make these of entries, and free the entries themselves: a piece
/// that one thread builds up and another takes down has both wait for the allocator.
pub enum Named {
    Blob(BlobId),
    Tree(Pending),
    Collection(Box<Collection>),
}

/// What was read.
pub enum Looked {
    /// What a piece names, and from where on it is wanted.
    Piece(Vec<Named>, usize),
    /// A piece that is longer than the index says, and from where on it is wanted.
    Longer(usize),
    List(Vec<Named>),
}

impl Pending {
    pub fn id(&self) -> &BlobId {
        let (Pending::Piece(id) | Pending::Rest(id, _) | Pending::List { id, .. }) = self;
        id
    }

    pub fn read(&self, trees: &TreeBatches<'_>) -> Result<Looked, RepoError> {
        match self {
            Pending::Piece(id) => piece(trees, id, 0),
            Pending::Rest(id, from) => piece(trees, id, *from),
            Pending::List { id, length, depth } => list(trees, id, *length, *depth),
        }
    }
}

fn piece(trees: &TreeBatches<'_>, id: &BlobId, from: usize) -> Result<Looked, RepoError> {
    let piece = trees.piece(id)?;
    Ok(piece.map_or(Looked::Longer(from), |piece| Looked::Piece(named(&piece), from)))
}

fn list(trees: &TreeBatches<'_>, id: &BlobId, length: u64, depth: u8) -> Result<Looked, RepoError> {
    let list = trees.reader().chunk_list(id, length)?;
    if list.depth.checked_add(1) != Some(depth) {
        let why = "its depth is another".to_string();
        return Err(RepoError::Damaged { name: format!("list of chunks {id}"), why });
    }
    Ok(Looked::List(named_chunks(&list).collect()))
}

/// All that a piece names, in its order.
pub fn named(piece: &Piece) -> Vec<Named> {
    match &piece.items {
        PieceItems::Children(children) => {
            children.iter().map(|child| Named::Tree(Pending::Piece(child.id))).collect()
        }
        PieceItems::Entries(entries) => {
            let mut all = Vec::with_capacity(entries.len());
            entries.iter().for_each(|entry| name(entry, &mut all));
            all
        }
    }
}

fn name(entry: &Entry, all: &mut Vec<Named>) {
    match &entry.kind {
        Kind::Directory(Directory { tree: Some(tree), .. }) => {
            all.push(Named::Tree(Pending::Piece(*tree)));
        }
        Kind::File(file) => all.extend(named_chunks(&file.chunks)),
        Kind::Collection(collection) => all.push(Named::Collection(collection.clone())),
        _ => {}
    }
    for attribute in &entry.metadata.attributes {
        if let AttributeValue::Chunks(chunks) = &attribute.value {
            all.extend(named_chunks(chunks));
        }
    }
}

/// The chunks of a file, or the lists of them.
pub fn named_chunks(chunks: &ChunkTree) -> impl Iterator<Item = Named> + '_ {
    chunks.nodes.iter().map(|node| match chunks.depth {
        0 => Named::Blob(node.id),
        depth => Named::Tree(Pending::List { id: node.id, length: node.length, depth }),
    })
}
