//! Reads one file: cut into chunks, each stored if it is new, hashed as a whole.

use super::pool::{ChunkJob, ChunkResults, Helping};
use super::problems::{FileProblem, ReadFailure};
use crate::codec::{BlobClass, Compressor, FileHasher};
use crate::model::{
    Attribute, AttributeValue, ChunkRef, ChunkTree, Content, Entry, EntryName, File, Kind,
    Metadata, Reading, Stream, Verdict, data_extents,
};
use crate::repo::{ChunkTreeWriter, RepoError, Sealing, Session, TreeSink};

/// A file that was written to each time it was read is kept as it was the last time.
const ATTEMPTS: usize = 3;
/// Attribute values of an entry beyond this many bytes are kept in chunks.
const INLINE_ATTRIBUTES: usize = 64 * 1024;

/// What one worker has for itself.
pub struct Reader<'a> {
    pub session: &'a Session,
    pub compressor: Compressor,
    buffer: Vec<u8>,
}

/// A file that was read.
pub struct ReadFile {
    pub entry: Entry,
    pub problem: Option<FileProblem>,
}

impl<'a> Reader<'a> {
    pub fn new(session: &'a Session) -> Result<Self, RepoError> {
        let compressor = session.repository().compressor()?;
        Ok(Self { session, compressor, buffer: Vec::new() })
    }

    pub fn sink(&mut self) -> TreeSink<'_> {
        TreeSink { session: self.session, compressor: &mut self.compressor }
    }

    /// Reads until the file stands still, three times at most.
    pub fn read(
        &mut self,
        name: EntryName,
        stream: &mut dyn Stream,
        helping: &Helping<'_>,
    ) -> Result<ReadFile, ReadFailure> {
        for attempt in 1.. {
            let content = stream.begin().map_err(ReadFailure::Source)?;
            let (chunks, hasher) = self.read_once(stream, helping)?;
            let verdict = stream.finish().map_err(ReadFailure::Source)?;
            let length = chunks.length().unwrap_or(0);
            let whole = length == data_length(&content);
            let reading = match verdict {
                Verdict::Steady if whole => Reading::Steady,
                Verdict::Grew if whole => Reading::Grew,
                Verdict::Ended => Reading::Steady,
                _ if attempt < ATTEMPTS => continue,
                _ => Reading::Torn,
            };
            return self.finish(name, content, chunks, hasher, reading);
        }
        unreachable!("the attempts end") // tidy: the loop above returns at its last attempt
    }

    fn finish(
        &mut self,
        name: EntryName,
        content: Content,
        chunks: ChunkTree,
        hasher: FileHasher,
        reading: Reading,
    ) -> Result<ReadFile, ReadFailure> {
        let Content { mut size, mut holes, metadata, link_group } = content;
        let length = chunks.length().unwrap_or(0);
        if length != size - holes.iter().map(|hole| hole.length).sum::<u64>() {
            // A stream; or torn and shortened: what was read is all there is, and where its
            // holes were is not known any more.
            (size, holes) = (length, Vec::new());
        }
        let hash = hasher.finish(size, &holes);
        let metadata = self.store_attributes(metadata)?;
        let kind = Kind::File(File { size, hash: Some(hash), holes, chunks, reading });
        let problem = FileProblem::of(reading);
        Ok(ReadFile { entry: Entry { name, kind, metadata, link_group }, problem })
    }

    /// One pass over the file's data. Small files stay on this thread; the chunks of large ones
    /// are offered to the other workers.
    fn read_once(
        &mut self,
        stream: &mut dyn Stream,
        helping: &Helping<'_>,
    ) -> Result<(ChunkTree, FileHasher), ReadFailure> {
        let largest = self.session.repository().chunker().parameters().largest() as usize;
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.resize(2 * largest, 0);
        let result = self.cut(stream, helping, &mut buffer, largest);
        self.buffer = buffer;
        result
    }

    fn cut(
        &mut self,
        stream: &mut dyn Stream,
        helping: &Helping<'_>,
        buffer: &mut [u8],
        largest: usize,
    ) -> Result<(ChunkTree, FileHasher), ReadFailure> {
        let mut hasher = FileHasher::new();
        let mut results = ChunkResults::new();
        let mut tree = ChunkTreeWriter::new();
        let (mut start, mut end, mut ended) = (0, 0, false);
        loop {
            if !ended && end - start < largest {
                buffer.copy_within(start..end, 0);
                (start, end) = (0, end - start);
                let read = fill(stream, &mut buffer[end..]).map_err(ReadFailure::Source)?;
                hasher.update(&buffer[end..end + read]);
                ended = read < buffer.len() - end;
                end += read;
            }
            if start == end {
                break;
            }
            let length = self.session.repository().chunker().cut(&buffer[start..end]);
            let chunk = &buffer[start..start + length];
            let only = start == 0 && ended && length == end && results.is_empty();
            if only || !helping.offer(&mut results, chunk, Sealing::Together) {
                let id = self.session.save(BlobClass::Data, chunk, &mut self.compressor)?;
                results.push_done(ChunkRef { id, length: length as u64 });
            }
            start += length;
            while let Some(chunk) = results.take_ready()? {
                tree.push(chunk, &mut self.sink())?;
            }
            helping.check()?;
        }
        while let Some(chunk) = results.wait_next(|| helping.help(self))? {
            tree.push(chunk, &mut self.sink())?;
        }
        Ok((tree.finish(&mut self.sink())?, hasher))
    }

    /// Stores a chunk that another worker cut.
    pub fn store_chunk(&mut self, job: ChunkJob) {
        let ChunkJob { bytes, sealing, result } = job;
        let (class, compressor) = (BlobClass::Data, &mut self.compressor);
        let stored = self.session.save_sealing(class, sealing, &bytes, compressor);
        result.fill(stored.map(|id| ChunkRef { id, length: bytes.len() as u64 }));
    }

    /// Moves attribute values out of an entry that would grow too large with them.
    pub fn store_attributes(&mut self, mut metadata: Metadata) -> Result<Metadata, RepoError> {
        let mut inline = 0;
        for Attribute { value, .. } in &mut metadata.attributes {
            let AttributeValue::Inline(bytes) = value else { continue };
            inline += bytes.len();
            if inline > INLINE_ATTRIBUTES && !bytes.is_empty() {
                let id = self.session.save(BlobClass::Data, bytes, &mut self.compressor)?;
                let nodes = vec![ChunkRef { id, length: bytes.len() as u64 }];
                *value = AttributeValue::Chunks(ChunkTree { depth: 0, nodes });
            }
        }
        Ok(metadata)
    }
}

/// Reads until the buffer is full or the stream ends.
fn fill(stream: &mut dyn Stream, buffer: &mut [u8]) -> Result<usize, std::io::Error> {
    let mut filled = 0;
    while filled < buffer.len() {
        match stream.read(&mut buffer[filled..])? {
            0 => break,
            read => filled += read,
        }
    }
    Ok(filled)
}

fn data_length(content: &Content) -> u64 {
    data_extents(content.size, &content.holes).map(|extent| extent.length).sum()
}
