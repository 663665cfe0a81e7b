//! Ranges of files.

use super::View;
use super::tree::Part;
use crate::codec::BlobClass;
use crate::model::{BlobId, ChunkRef, ChunkTree, File, data_extents};
use crate::repo::RepoError;
use std::sync::Arc;

/// A file's content, prepared for reading anywhere in it. Memory grows with the number of its
/// holes.
pub struct FileContent {
    size: u64,
    /// The parts that are no holes, ascending.
    spans: Vec<Span>,
    chunks: ChunkTree,
}

/// Bytes of a file that are stored.
struct Span {
    offset: u64,
    length: u64,
    /// Of its first byte among all that are stored.
    stored: u64,
}

impl Span {
    fn end(&self) -> u64 {
        self.offset.saturating_add(self.length)
    }
}

impl FileContent {
    pub fn new(file: &File) -> Self {
        let mut stored = 0_u64;
        let spans = data_extents(file.size, &file.holes).map(|extent| {
            let span = Span { offset: extent.offset, length: extent.length, stored };
            stored = stored.saturating_add(extent.length);
            span
        });
        Self { size: file.size, spans: spans.collect(), chunks: file.chunks.clone() }
    }

    pub fn size(&self) -> u64 {
        self.size
    }

    /// The first stored byte at or after `offset`; `None` if there is only a hole, or nothing.
    pub fn next_data(&self, offset: u64) -> Option<u64> {
        let span = self.spans_since(offset).next()?;
        Some(span.offset.max(offset))
    }

    /// The beginning of the first hole at or after `offset`, where the end of the file counts as
    /// one; `None` after it.
    pub fn next_hole(&self, offset: u64) -> Option<u64> {
        if offset >= self.size {
            return None;
        }
        match self.spans_since(offset).next() {
            Some(span) if span.offset <= offset => Some(span.end()),
            _ => Some(offset),
        }
    }

    fn spans_since(&self, offset: u64) -> impl Iterator<Item = &Span> {
        let first = self.spans.partition_point(|span| span.end() <= offset);
        self.spans.iter().skip(first)
    }
}

impl View {
    /// Up to `length` bytes of a file from `offset`; fewer only at its end. Holes are zeros.
    pub fn read(
        &self,
        content: &FileContent,
        offset: u64,
        length: usize,
    ) -> Result<Vec<u8>, RepoError> {
        let left = content.size.saturating_sub(offset);
        let length = usize::try_from(left).unwrap_or(usize::MAX).min(length);
        let end = offset.saturating_add(length as u64);
        let mut bytes = vec![0; length];
        for span in content.spans_since(offset).take_while(|span| span.offset < end) {
            let (from, to) = (span.offset.max(offset), span.end().min(end));
            let start = usize::try_from(from.saturating_sub(offset)).unwrap_or(usize::MAX);
            let until = usize::try_from(to.saturating_sub(offset)).unwrap_or(usize::MAX);
            let stored = span.stored.saturating_add(from.saturating_sub(span.offset));
            if let Some(part) = bytes.get_mut(start..until) {
                self.copy_data(&content.chunks, stored, part)?;
            }
        }
        Ok(bytes)
    }

    /// Fills `out` with the plain bytes of a chunk tree from `offset`. There must be as many.
    pub(super) fn copy_data(
        &self,
        tree: &ChunkTree,
        mut offset: u64,
        mut out: &mut [u8],
    ) -> Result<(), RepoError> {
        while !out.is_empty() {
            let (chunk, start) = self.chunk_at(tree, offset)?;
            let plain = self.chunk(&chunk)?;
            let skipped = usize::try_from(offset.saturating_sub(start)).unwrap_or(usize::MAX);
            let found = plain.get(skipped..).unwrap_or_default();
            let count = found.len().min(out.len());
            let (filled, rest) = out.split_at_mut(count);
            filled.copy_from_slice(found.get(..count).unwrap_or_default());
            if count == 0 {
                return Err(ends_early());
            }
            out = rest;
            offset = offset.saturating_add(count as u64);
        }
        Ok(())
    }

    /// The chunk that holds byte `offset` of a tree, and where it begins.
    fn chunk_at(&self, tree: &ChunkTree, offset: u64) -> Result<(ChunkRef, u64), RepoError> {
        let mut start = 0;
        let (mut node, mut depth) = (holding(&tree.nodes, &mut start, offset)?, tree.depth);
        while depth > 0 {
            match self.chunk_list(&node.id, node.length)?.as_ref() {
                Part::Chunks(list) if list.depth == depth - 1 => {
                    node = holding(&list.nodes, &mut start, offset)?;
                }
                _ => return Err(malformed(&node.id, "its depth is another")),
            }
            depth -= 1;
        }
        Ok((node, start))
    }

    fn chunk(&self, chunk: &ChunkRef) -> Result<Arc<Vec<u8>>, RepoError> {
        let plain = self.chunks.get(chunk.id, || {
            let plain = self.reader.read(BlobClass::Data, &chunk.id)?;
            let bytes = plain.len();
            Ok::<_, RepoError>((Arc::new(plain), bytes))
        })?;
        match plain.len() as u64 == chunk.length {
            true => Ok(plain),
            false => Err(malformed(&chunk.id, "it is not as long as it should be")),
        }
    }
}

/// The node that holds byte `offset`, where the first begins at `start`; which becomes its own.
fn holding(nodes: &[ChunkRef], start: &mut u64, offset: u64) -> Result<ChunkRef, RepoError> {
    for node in nodes {
        let end = start.saturating_add(node.length);
        if offset < end {
            return Ok(*node);
        }
        *start = end;
    }
    Err(ends_early())
}

fn ends_early() -> RepoError {
    let why = "its chunks are shorter than it is".to_owned();
    RepoError::Damaged { name: "a file's content".to_owned(), why }
}

fn malformed(id: &BlobId, why: &str) -> RepoError {
    RepoError::Damaged { name: format!("blob {id}"), why: why.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Extent;

    fn sparse(size: u64, holes: &[(u64, u64)]) -> FileContent {
        let hole = |&(offset, length): &(u64, u64)| Extent { offset, length };
        FileContent::new(&File { size, holes: holes.iter().map(hole).collect(), ..File::default() })
    }

    #[test]
    fn data_and_holes_are_found_as_lseek_does() {
        let content = sparse(20_000, &[(4096, 4096), (16_384, 3616)]);
        let data: Vec<_> =
            [0, 4095, 4096, 8192, 16_384].iter().map(|at| content.next_data(*at)).collect();
        assert_eq!(data, [Some(0), Some(4095), Some(8192), Some(8192), None]);
        let holes: Vec<_> =
            [0, 4096, 8191, 8192, 17_000, 20_000].iter().map(|at| content.next_hole(*at)).collect();
        assert_eq!(holes, [Some(4096), Some(4096), Some(8191), Some(16_384), Some(17_000), None]);
        assert_eq!(sparse(10, &[]).next_hole(3), Some(10));
        assert_eq!(sparse(0, &[]).next_data(0), None);
    }

    #[test]
    fn spans_count_what_is_stored() {
        let content = sparse(20_000, &[(4096, 4096)]);
        let spans: Vec<_> =
            content.spans.iter().map(|span| (span.offset, span.length, span.stored)).collect();
        assert_eq!(spans, [(0, 4096, 0), (8192, 11_808, 4096)]);
    }
}
