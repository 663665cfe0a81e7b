//! Entries of other snapshots that become part of this one.

use crate::codec::{BlobClass, Compressor};
use crate::model::{AttributeValue, ChunkRef, ChunkTree, Entry, EntryName, EntryPath, Kind};
use crate::ops::backup::previous::{PreviousTree, has_all};
use crate::repo::{BlobReader, ChunkTreeWriter, RepoError, Session, TreeSink};

/// Makes sure that the repository keeps what entries name.
pub struct Certainty<'a> {
    session: &'a Session,
    reader: &'a BlobReader,
    pub compressor: Compressor,
    /// All that the snapshots in question hold is there for sure.
    unread: bool,
}

impl<'a> Certainty<'a> {
    pub fn new(
        session: &'a Session,
        reader: &'a BlobReader,
        unread: bool,
    ) -> Result<Self, RepoError> {
        let compressor = session.repository().compressor()?;
        Ok(Self { session, reader, compressor, unread })
    }

    pub fn sink(&mut self) -> TreeSink<'_> {
        TreeSink { session: self.session, compressor: &mut self.compressor }
    }

    /// The entry, whose blobs this session may rely on: those that may go are stored again.
    pub fn certain(&mut self, mut entry: Entry) -> Result<Entry, RepoError> {
        if self.unread || has_all(&entry, self.reader, self.session) {
            return Ok(entry);
        }
        if let Kind::File(file) = &mut entry.kind {
            file.chunks = self.store_again(&file.chunks)?;
        }
        for attribute in &mut entry.metadata.attributes {
            if let AttributeValue::Chunks(chunks) = &mut attribute.value {
                *chunks = self.store_again(chunks)?;
            }
        }
        Ok(entry)
    }

    fn store_again(&mut self, chunks: &ChunkTree) -> Result<ChunkTree, RepoError> {
        let mut writer = ChunkTreeWriter::new();
        let (reader, session) = (self.reader, self.session);
        let compressor = &mut self.compressor;
        reader.each_chunk(chunks, &mut |chunk| {
            let plain = reader.read(BlobClass::Data, &chunk.id)?;
            let id = session.save(BlobClass::Data, &plain, compressor)?;
            let mut sink = TreeSink { session, compressor };
            writer.push(ChunkRef { id, length: plain.len() as u64 }, &mut sink)
        })?;
        writer.finish(&mut self.sink())
    }
}

/// What an earlier run found absent: asked in the order of the walk.
pub struct EarlierAbsent<'a>(Option<PreviousTree<'a>>);

impl<'a> EarlierAbsent<'a> {
    pub fn new(reader: &'a BlobReader, tree: Option<crate::model::BlobId>) -> Self {
        Self(tree.map(|tree| PreviousTree::new(reader, tree)))
    }

    pub fn has(&mut self, directory: &EntryPath, name: &EntryName) -> Result<bool, RepoError> {
        match &mut self.0 {
            Some(tree) => Ok(tree.find(directory, name)?.is_some()),
            None => Ok(false),
        }
    }
}
