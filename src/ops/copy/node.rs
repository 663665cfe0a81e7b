//! Tree blobs as a graph: what each of them names, and the same blob with other ids in it.

use crate::codec::BlobClass;
use crate::format::{ChildPiece, ChunkList, Piece, PieceItems, encode_entry};
use crate::model::{AttributeValue, BlobId, ChunkTree, Directory, Documents, Entry, Kind, Monitor};
use crate::ops::live::LiveBlobs;
use crate::ops::reach::collection_pieces;
use crate::repo::{BlobIndex, BlobReader, RepoError};

/// A tree blob that something names.
#[derive(Debug, Clone, Copy)]
pub enum Node {
    Piece(BlobId),
    /// A list of pieces of a collection.
    Documents(BlobId),
    /// `depth` is that of the list which names it.
    List {
        id: BlobId,
        length: u64,
        depth: u8,
    },
}

/// What is in a tree blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    Piece(Piece),
    /// A list of pieces of a collection, and its level: at 1 the pieces are data.
    Documents(u8, Vec<ChildPiece>),
    List(ChunkTree),
}

/// What a tree blob names.
#[derive(Debug, Default)]
pub struct Links {
    pub data: Vec<BlobId>,
    pub trees: Vec<Node>,
}

impl Node {
    pub fn id(&self) -> BlobId {
        let (Self::Piece(id) | Self::Documents(id) | Self::List { id, .. }) = self;
        *id
    }

    pub fn read(&self, reader: &BlobReader) -> Result<Content, RepoError> {
        match *self {
            Self::Piece(id) => Ok(Content::Piece(reader.piece(&id)?)),
            Self::Documents(id) => {
                let piece = reader.piece(&id)?;
                Ok(Content::Documents(piece.level, collection_pieces(&id, &piece)?.to_vec()))
            }
            Self::List { id, length, depth } => {
                let list = reader.chunk_list(&id, length)?;
                if list.depth.checked_add(1) != Some(depth) {
                    let why = "its depth is another".to_string();
                    return Err(RepoError::Damaged { name: format!("tree blob {id}"), why });
                }
                Ok(Content::List(list))
            }
        }
    }
}

impl Content {
    /// In an order that is the same for contents that differ in ids only.
    pub fn links(&self) -> Links {
        let mut links = Links::default();
        match self {
            Self::List(list) => links.add_chunks(list),
            Self::Documents(level, children) => {
                children.iter().for_each(|child| links.add_documents(*level, child));
            }
            Self::Piece(Piece { items: PieceItems::Children(children), .. }) => {
                links.trees.extend(children.iter().map(|child| Node::Piece(child.id)));
            }
            Self::Piece(Piece { items: PieceItems::Entries(entries), .. }) => {
                entries.iter().for_each(|entry| links.add_entry(entry));
            }
        }
        links
    }

    /// The same with the ids that `translate` gives; `None` if it lacks one.
    pub fn translated(mut self, translate: &dyn Fn(&BlobId) -> Option<BlobId>) -> Option<Self> {
        match &mut self {
            Self::List(list) => translate_chunks(list, translate)?,
            Self::Documents(_, children) => {
                for child in children {
                    translate_documents(child, translate)?;
                }
            }
            Self::Piece(Piece { items: PieceItems::Children(children), .. }) => {
                for ChildPiece { id, .. } in children {
                    *id = translate(id)?;
                }
            }
            Self::Piece(Piece { items: PieceItems::Entries(entries), .. }) => {
                entries.iter_mut().try_for_each(|entry| translate_entry(entry, translate))?;
            }
        }
        Some(self)
    }

    /// The plain bytes of the blob: canonical, so equal contents are equal blobs.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::List(list) => ChunkList::encode(list),
            Self::Documents(level, children) => Piece::encode_children(*level, children),
            Self::Piece(Piece { level, items: PieceItems::Children(children) }) => {
                Piece::encode_children(*level, children)
            }
            Self::Piece(Piece { items: PieceItems::Entries(entries), .. }) => {
                let encoded: Vec<u8> = entries.iter().flat_map(encode_entry).collect();
                Piece::encode_entries(entries.len(), &encoded)
            }
        }
    }
}

impl Links {
    fn add_entry(&mut self, entry: &Entry) {
        match &entry.kind {
            Kind::Directory(Directory { tree: Some(tree), .. }) => {
                self.trees.push(Node::Piece(*tree));
            }
            Kind::File(file) => self.add_chunks(&file.chunks),
            Kind::Collection(collection) => match &collection.content {
                Documents::Tree(tree) => self.trees.extend(tree.roots().map(Node::Documents)),
                Documents::Stream(chunks) => self.add_chunks(chunks),
            },
            Kind::Directory(_) | Kind::View { .. } | Kind::Symlink { .. } => {}
            Kind::CharacterDevice { .. } | Kind::BlockDevice { .. } | Kind::Fifo | Kind::Socket => {
            }
        }
        for attribute in &entry.metadata.attributes {
            if let AttributeValue::Chunks(chunks) = &attribute.value {
                self.add_chunks(chunks);
            }
        }
    }

    fn add_documents(&mut self, level: u8, child: &ChildPiece) {
        match (level, child.chunks.nodes.is_empty()) {
            (1, true) => self.data.push(child.id),
            (1, false) => self.add_chunks(&child.chunks),
            _ => self.trees.push(Node::Documents(child.id)),
        }
    }

    fn add_chunks(&mut self, chunks: &ChunkTree) {
        let nodes = chunks.nodes.iter();
        match chunks.depth {
            0 => self.data.extend(nodes.map(|node| node.id)),
            depth => self.trees.extend(nodes.map(|node| {
                let (id, length) = (node.id, node.length);
                Node::List { id, length, depth }
            })),
        }
    }
}

fn translate_entry(entry: &mut Entry, translate: &dyn Fn(&BlobId) -> Option<BlobId>) -> Option<()> {
    match &mut entry.kind {
        Kind::Directory(Directory { tree: Some(tree), .. }) => *tree = translate(tree)?,
        Kind::File(file) => translate_chunks(&mut file.chunks, translate)?,
        Kind::Collection(collection) => match &mut collection.content {
            Documents::Tree(tree) => {
                for root in tree.roots_mut() {
                    *root = translate(root)?;
                }
            }
            Documents::Stream(chunks) => translate_chunks(chunks, translate)?,
        },
        Kind::Directory(_) | Kind::View { .. } | Kind::Symlink { .. } => {}
        Kind::CharacterDevice { .. } | Kind::BlockDevice { .. } | Kind::Fifo | Kind::Socket => {}
    }
    for attribute in &mut entry.metadata.attributes {
        if let AttributeValue::Chunks(chunks) = &mut attribute.value {
            translate_chunks(chunks, translate)?;
        }
    }
    Some(())
}

/// A large document has chunks, and no id of its own.
fn translate_documents(
    child: &mut ChildPiece,
    translate: &dyn Fn(&BlobId) -> Option<BlobId>,
) -> Option<()> {
    match child.chunks.nodes.is_empty() {
        true => child.id = translate(&child.id)?,
        false => translate_chunks(&mut child.chunks, translate)?,
    }
    Some(())
}

fn translate_chunks(
    chunks: &mut ChunkTree,
    translate: &dyn Fn(&BlobId) -> Option<BlobId>,
) -> Option<()> {
    for node in &mut chunks.nodes {
        node.id = translate(&node.id)?;
    }
    Some(())
}

/// Calls `visit` with every blob below (and with) the piece `root` that was not `seen` before.
/// Reads the trees, not the data. Memory: ids that are still to come, one bit a blob.
pub fn walk<E: From<RepoError>>(
    reader: &BlobReader,
    index: &BlobIndex,
    seen: &mut LiveBlobs,
    root: BlobId,
    monitor: &dyn Monitor,
    visit: &mut dyn FnMut(BlobClass, &BlobId) -> Result<(), E>,
) -> Result<(), E> {
    let links = Links { trees: vec![Node::Piece(root)], ..Links::default() };
    walk_links(reader, index, seen, links, monitor, visit)
}

/// The same of what one entry names.
pub fn walk_entry<E: From<RepoError>>(
    reader: &BlobReader,
    index: &BlobIndex,
    seen: &mut LiveBlobs,
    entry: &Entry,
    monitor: &dyn Monitor,
    visit: &mut dyn FnMut(BlobClass, &BlobId) -> Result<(), E>,
) -> Result<(), E> {
    let mut links = Links::default();
    links.add_entry(entry);
    walk_links(reader, index, seen, links, monitor, visit)
}

fn walk_links<E: From<RepoError>>(
    reader: &BlobReader,
    index: &BlobIndex,
    seen: &mut LiveBlobs,
    links: Links,
    monitor: &dyn Monitor,
    visit: &mut dyn FnMut(BlobClass, &BlobId) -> Result<(), E>,
) -> Result<(), E> {
    for id in links.data.iter().filter(|id| seen.mark(index, id)) {
        visit(BlobClass::Data, id)?;
    }
    let mut pending = links.trees;
    while let Some(node) = pending.pop() {
        if !seen.mark(index, &node.id()) {
            continue;
        }
        if monitor.stopped() {
            return Err(RepoError::Stopped.into());
        }
        let Links { data, trees } = node.read(reader)?.links();
        visit(BlobClass::Tree, &node.id())?;
        for id in data.iter().filter(|id| seen.mark(index, id)) {
            visit(BlobClass::Data, id)?;
        }
        pending.extend(trees.into_iter().rev());
    }
    Ok(())
}
