//! A tree of documents that is being written, beside the repository or into it.

use crate::codec::{BlobClass, Compressor};
use crate::model::{BlobId, ChunkRef, ChunkTree};
use crate::repo::{
    BlobSink, ChunkTreeWriter, CutDocuments, DocumentTreeWriter, LeafCutter, OutOfOrder, RepoError,
    TreeSink,
};

/// A base or an overlay, written in the order of the keys. Memory: a leaf.
pub struct Growing<'a> {
    sink: &'a dyn BlobSink,
    compressor: Compressor,
    cutter: LeafCutter<'a>,
    cut: Vec<CutDocuments>,
    tree: DocumentTreeWriter,
}

impl<'a> Growing<'a> {
    pub fn new(sink: &'a dyn BlobSink) -> Result<Self, RepoError> {
        let repository = sink.repository();
        Ok(Self {
            sink,
            compressor: repository.compressor()?,
            cutter: LeafCutter::new(repository),
            cut: Vec::new(),
            tree: DocumentTreeWriter::new(),
        })
    }

    /// Adds a document, or a key that is deleted; keys must ascend.
    pub fn add(&mut self, key: Vec<u8>, document: Option<&[u8]>) -> Result<(), RepoError> {
        let added = match document {
            Some(document) => self.cutter.push(key, document, &mut self.cut),
            None => self.cutter.delete(key, &mut self.cut),
        };
        added.map_err(|error: OutOfOrder| RepoError::Damaged {
            name: "a collection".to_string(),
            why: error.to_string(),
        })?;
        self.store()
    }

    /// The root; `None` if nothing was added.
    pub fn finish(mut self) -> Result<Option<BlobId>, RepoError> {
        self.cut.extend(self.cutter.end());
        self.store()?;
        let mut sink = TreeSink { session: self.sink, compressor: &mut self.compressor };
        self.tree.finish(&mut sink)
    }

    fn store(&mut self) -> Result<(), RepoError> {
        for documents in std::mem::take(&mut self.cut) {
            match documents {
                CutDocuments::Leaf { last, count, plain } => {
                    let id = self.sink.save(BlobClass::Data, &plain, &mut self.compressor)?;
                    let mut sink =
                        TreeSink { session: self.sink, compressor: &mut self.compressor };
                    self.tree.leaf(last, count, id, &mut sink)?;
                }
                CutDocuments::Large { key, document } => {
                    let mut stream = GrowingStream::new(self.sink)?;
                    stream.add(&document)?;
                    let chunks = stream.finish()?;
                    let mut sink =
                        TreeSink { session: self.sink, compressor: &mut self.compressor };
                    self.tree.large(key, chunks, &mut sink)?;
                }
            }
        }
        Ok(())
    }
}

/// Bytes that are cut like a file. Memory: a chunk.
pub struct GrowingStream<'a> {
    sink: &'a dyn BlobSink,
    compressor: Compressor,
    waiting: Vec<u8>,
    writer: ChunkTreeWriter,
}

impl<'a> GrowingStream<'a> {
    pub fn new(sink: &'a dyn BlobSink) -> Result<Self, RepoError> {
        let compressor = sink.repository().compressor()?;
        Ok(Self { sink, compressor, waiting: Vec::new(), writer: ChunkTreeWriter::new() })
    }

    pub fn add(&mut self, bytes: &[u8]) -> Result<(), RepoError> {
        self.waiting.extend_from_slice(bytes);
        self.cut(self.sink.repository().chunker().parameters().largest() as usize)
    }

    pub fn finish(mut self) -> Result<ChunkTree, RepoError> {
        self.cut(1)?;
        let mut sink = TreeSink { session: self.sink, compressor: &mut self.compressor };
        self.writer.finish(&mut sink)
    }

    /// Stores chunks while at least `least` bytes wait.
    fn cut(&mut self, least: usize) -> Result<(), RepoError> {
        let mut taken = 0;
        while let Some(rest) = self.waiting.get(taken..).filter(|rest| rest.len() >= least) {
            let length = self.sink.repository().chunker().cut(rest);
            let chunk = rest.get(..length).unwrap_or(rest);
            taken += chunk.len();
            let id = self.sink.save(BlobClass::Data, chunk, &mut self.compressor)?;
            let chunk = ChunkRef { id, length: chunk.len() as u64 };
            let mut sink = TreeSink { session: self.sink, compressor: &mut self.compressor };
            self.writer.push(chunk, &mut sink)?;
        }
        self.waiting.drain(..taken);
        Ok(())
    }
}
