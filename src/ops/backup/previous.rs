//! What the last snapshot has of a source: looked up in walk order, so that each piece of a tree
//! is read once.

use crate::codec::BlobClass;
use crate::format::LARGEST_BLOB;
use crate::model::{
    Attribute, AttributeValue, BlobId, ChunkTree, Entry, EntryName, EntryPath, Kind, Metadata,
    Recorded,
};
use crate::repo::{BlobReader, RepoError, Session, TreeEntries};
use std::iter::Peekable;

/// A cursor over a tree, asked in the order of a walk.
pub struct PreviousTree<'a> {
    reader: &'a BlobReader,
    root: BlobId,
    /// Open directories, from the root down.
    open: Vec<OpenDirectory<'a>>,
}

struct OpenDirectory<'a> {
    path: EntryPath,
    /// `None`: the last snapshot has no such directory.
    entries: Option<Peekable<TreeEntries<'a>>>,
}

impl<'a> PreviousTree<'a> {
    pub fn new(reader: &'a BlobReader, root: BlobId) -> Self {
        Self { reader, root, open: Vec::new() }
    }

    /// The entry of this name. Names must be asked for in walk order: within a directory
    /// ascending, directories depth first.
    pub fn find(
        &mut self,
        directory: &EntryPath,
        name: &EntryName,
    ) -> Result<Option<Entry>, RepoError> {
        self.go_to(directory)?;
        self.advance(name)
    }

    fn go_to(&mut self, directory: &EntryPath) -> Result<(), RepoError> {
        while self.open.last().is_some_and(|open| !directory.starts_with(&open.path)) {
            self.open.pop();
        }
        if self.open.is_empty() {
            let entries = Some(self.reader.entries(&self.root)?.peekable());
            self.open.push(OpenDirectory { path: EntryPath::root(), entries });
        }
        let depth = self.open.len() - 1;
        let names: Vec<EntryName> = directory.names().skip(depth).collect();
        for name in names {
            let tree = self.advance(&name)?.and_then(|entry| entry.tree());
            let entries = match tree {
                Some(tree) => Some(self.reader.entries(&tree)?.peekable()),
                None => None,
            };
            let path = self.open.last().map(|open| open.path.join(&name)).unwrap_or_default();
            self.open.push(OpenDirectory { path, entries });
        }
        Ok(())
    }

    /// Metadata of the last snapshot, to be kept. Where the repository does not hold attribute values
    /// for sure they are read, to be stored again.
    pub fn certain(
        &self,
        mut metadata: Metadata,
        session: &Session,
    ) -> Result<Metadata, RepoError> {
        let is_certain = |attribute: &Attribute| match &attribute.value {
            AttributeValue::Chunks(chunks) => has_chunks(chunks, self.reader, session),
            AttributeValue::Inline(_) => true,
        };
        if metadata.attributes.iter().all(is_certain) {
            return Ok(metadata);
        }
        for Attribute { value, .. } in &mut metadata.attributes {
            if let AttributeValue::Chunks(chunks) = value {
                *value = AttributeValue::Inline(self.attribute(chunks)?);
            }
        }
        Ok(metadata)
    }

    fn attribute(&self, chunks: &ChunkTree) -> Result<Vec<u8>, RepoError> {
        let mut value = Vec::new();
        self.reader.each_chunk(chunks, &mut |chunk| {
            value.extend(self.reader.read(BlobClass::Data, &chunk.id)?);
            match value.len() <= LARGEST_BLOB {
                true => Ok(()),
                false => Err(RepoError::Damaged {
                    name: "the last snapshot".to_string(),
                    why: "an attribute in it is too large".to_string(),
                }),
            }
        })?;
        Ok(value)
    }

    /// Moves the innermost directory on to `name`.
    fn advance(&mut self, name: &EntryName) -> Result<Option<Entry>, RepoError> {
        let Some(OpenDirectory { entries: Some(entries), .. }) = self.open.last_mut() else {
            return Ok(None);
        };
        loop {
            match entries.peek() {
                None => return Ok(None),
                Some(Ok(entry)) if entry.name > *name => return Ok(None),
                Some(Ok(entry)) if entry.name == *name => return Ok(Some(entry.clone())),
                Some(_) => {
                    entries.next().transpose()?;
                }
            }
        }
    }
}

/// Answers the walk: may this entry be taken over unread?
pub enum Reuse<'a> {
    /// There is no last snapshot, or nothing of it is to be used.
    Nothing,
    /// Everything in it is there for sure.
    Everything,
    /// Each blob is looked up: a prune is under way, or something is damaged.
    Checked { previous: PreviousTree<'a>, reader: &'a BlobReader, session: &'a Session },
}

impl Recorded for Reuse<'_> {
    fn reusable(&mut self, directory: &EntryPath, name: &EntryName) -> bool {
        match self {
            Reuse::Nothing => false,
            Reuse::Everything => true,
            Reuse::Checked { previous, reader, session } => {
                match previous.find(directory, name) {
                    Ok(Some(entry)) => has_all(&entry, reader, session),
                    // What cannot be read is read again from the source.
                    _ => false,
                }
            }
        }
    }
}

/// Whether the repository holds every blob of an entry for sure.
pub fn has_all(entry: &Entry, reader: &BlobReader, session: &Session) -> bool {
    let attributes = entry.metadata.attributes.iter().filter_map(|a| match &a.value {
        AttributeValue::Chunks(chunks) => Some(chunks),
        AttributeValue::Inline(_) => None,
    });
    let content = match &entry.kind {
        Kind::File(file) => Some(&file.chunks),
        _ => None,
    };
    attributes.chain(content).all(|chunks| has_chunks(chunks, reader, session))
}

fn has_chunks(chunks: &ChunkTree, reader: &BlobReader, session: &Session) -> bool {
    let mut stack = vec![chunks.clone()];
    while let Some(list) = stack.pop() {
        for node in &list.nodes {
            if !session.has(&node.id) {
                return false;
            }
            if list.depth > 0 {
                match reader.chunk_list(&node.id, node.length) {
                    Ok(below) if below.depth + 1 == list.depth => stack.push(below),
                    _ => return false,
                }
            }
        }
    }
    true
}
