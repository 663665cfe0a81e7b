//! A tree of documents that is being written: leaves may be on their way to the repository, where
//! other workers store them.

use super::{DatabaseSaver, SaveFailure};
use crate::codec::BlobClass;
use crate::format::ChildPiece;
use crate::model::{BlobId, ChunkRef, ChunkTree};
use crate::ops::backup::pool::ChunkResults;
use crate::repo::{
    ChunkTreeWriter, CutDocuments, DocumentTreeWriter, LeafCutter, OutOfOrder, RepoError, Sealing,
    Session,
};
use std::collections::VecDeque;

/// A base or an overlay, being written in the order of the keys.
pub struct Growing<'a> {
    cutter: LeafCutter<'a>,
    cut: Vec<CutDocuments>,
    tree: DocumentTreeWriter,
    results: ChunkResults,
    /// The last key and count of each leaf in `results`.
    described: VecDeque<(Vec<u8>, u64)>,
    entries: u64,
}

impl From<OutOfOrder> for SaveFailure {
    fn from(_: OutOfOrder) -> Self {
        Self::NoOrder
    }
}

impl<'a> Growing<'a> {
    pub fn new(session: &'a Session) -> Self {
        Self {
            cutter: LeafCutter::new(session.repository()),
            cut: Vec::new(),
            tree: DocumentTreeWriter::new(),
            results: ChunkResults::new(),
            described: VecDeque::new(),
            entries: 0,
        }
    }

    /// Whether nothing was added.
    pub fn is_empty(&self) -> bool {
        self.entries == 0
    }

    /// Adds a document, or a key that is deleted.
    pub fn add(
        &mut self,
        key: Vec<u8>,
        document: Option<&[u8]>,
        saver: &mut DatabaseSaver<'_>,
    ) -> Result<(), SaveFailure> {
        self.entries += 1;
        match document {
            Some(document) => self.cutter.push(key, document, &mut self.cut)?,
            None => self.cutter.delete(key, &mut self.cut)?,
        }
        Ok(self.store(saver)?)
    }

    /// Adds a piece that is stored already.
    pub fn keep(
        &mut self,
        piece: ChildPiece,
        saver: &mut DatabaseSaver<'_>,
    ) -> Result<(), RepoError> {
        self.end_leaf(saver)?;
        self.entries += piece.entries;
        self.tree.kept(piece, &mut saver.reader.sink())
    }

    /// The root; `None` if nothing was added.
    pub fn finish(mut self, saver: &mut DatabaseSaver<'_>) -> Result<Option<BlobId>, RepoError> {
        self.end_leaf(saver)?;
        self.tree.finish(&mut saver.reader.sink())
    }

    fn end_leaf(&mut self, saver: &mut DatabaseSaver<'_>) -> Result<(), RepoError> {
        self.cut.extend(self.cutter.end());
        self.store(saver)?;
        self.settle(saver)
    }

    fn store(&mut self, saver: &mut DatabaseSaver<'_>) -> Result<(), RepoError> {
        for documents in std::mem::take(&mut self.cut) {
            match documents {
                CutDocuments::Leaf { last, count, plain } => {
                    self.described.push_back((last, count));
                    saver.chunk(&plain, Sealing::Alone, &mut self.results)?;
                    while let Some(chunk) = self.results.take_ready()? {
                        self.stored(chunk, saver)?;
                    }
                }
                CutDocuments::Large { key, document } => {
                    self.settle(saver)?;
                    let chunks = saver.large(&document)?;
                    self.tree.large(key, chunks, &mut saver.reader.sink())?;
                }
            }
        }
        Ok(())
    }

    /// Waits for all leaves that are on their way.
    fn settle(&mut self, saver: &mut DatabaseSaver<'_>) -> Result<(), RepoError> {
        loop {
            let (helping, reader) = (saver.helping, &mut saver.reader);
            match self.results.wait_next(|| helping.help(reader))? {
                Some(chunk) => self.stored(chunk, saver)?,
                None => return Ok(()),
            }
        }
    }

    fn stored(&mut self, chunk: ChunkRef, saver: &mut DatabaseSaver<'_>) -> Result<(), RepoError> {
        let Some((last, count)) = self.described.pop_front() else { return Ok(()) };
        self.tree.leaf(last, count, chunk.id, &mut saver.reader.sink())
    }
}

impl DatabaseSaver<'_> {
    /// Has a blob stored, by whoever has time.
    pub(super) fn chunk(
        &mut self,
        plain: &[u8],
        sealing: Sealing,
        results: &mut ChunkResults,
    ) -> Result<(), RepoError> {
        if !self.helping.offer(results, plain, sealing) {
            let (class, compressor) = (BlobClass::Data, &mut self.reader.compressor);
            let id = self.session.save_sealing(class, sealing, plain, compressor)?;
            results.push_done(ChunkRef { id, length: plain.len() as u64 });
        }
        Ok(())
    }

    fn large(&mut self, document: &[u8]) -> Result<ChunkTree, RepoError> {
        let mut writer = ChunkTreeWriter::new();
        let mut rest = document;
        while !rest.is_empty() {
            let (chunk, behind) = rest.split_at(self.session.repository().chunker().cut(rest));
            rest = behind;
            let id = self.session.save(BlobClass::Data, chunk, &mut self.reader.compressor)?;
            let chunk = ChunkRef { id, length: chunk.len() as u64 };
            writer.push(chunk, &mut self.reader.sink())?;
        }
        writer.finish(&mut self.reader.sink())
    }
}
