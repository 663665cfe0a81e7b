//! Pieces of trees, and lists of chunks: the contents of tree blobs.

use super::FormatError;
use super::list::List;
use super::record::{self, Bytes, Fixed, record};
use super::tree_entry::{EntryRecord, decode_chunks, encode_chunks};
use crate::model::{BlobId, ChunkTree, Entry};

const WHAT: &str = "tree piece";

/// A piece of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// 0: entries; n: pieces of level n - 1.
    pub level: u8,
    pub items: PieceItems,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PieceItems {
    /// Ascending by name.
    Entries(Vec<Entry>),
    /// Ascending by last name; never empty.
    Children(Vec<ChildPiece>),
}

/// A piece, as the piece above knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChildPiece {
    /// The name of its last entry.
    pub last: Vec<u8>,
    pub id: BlobId,
    /// How many entries, or documents, are below.
    pub entries: u64,
    /// In trees of documents at level 1 only: the bytes of one large document, and `id` is zeros.
    pub chunks: ChunkTree,
}

record! {
    PieceRecord {
        "v" => version: u32,
        "l" => level: u8,
        "e" => entries: List<EntryRecord>,
        "c" => children: List<ChildRecord>,
    }
}

record! {
    ChildRecord {
        "k" => last: Bytes,
        "i" => id: Fixed<32>,
        "e" => entries: u64,
        "d" => depth: u8,
        "c" => chunks: List<(Fixed<32>, u64)>,
    }
}

/// The canonical bytes of one entry: pieces are put together from these.
pub fn encode_entry(entry: &Entry) -> Vec<u8> {
    record::encode(&EntryRecord::from(entry))
}

impl ChildPiece {
    /// A piece that is a blob.
    pub fn of(id: BlobId, last: Vec<u8>, entries: u64) -> Self {
        Self { last, id, entries, chunks: ChunkTree::default() }
    }
}

impl Piece {
    /// A piece of level 0 from `count` encoded entries laid end to end.
    pub fn encode_entries(count: usize, encoded: &[u8]) -> Vec<u8> {
        if count == 0 {
            return record::encode(&PieceRecord::default());
        }
        // A map of one key, "e", whose value is an array of the entries.
        let mut bytes = Vec::with_capacity(encoded.len() + 8);
        bytes.extend_from_slice(&[0x81, 0xa1, b'e']);
        push_array_length(&mut bytes, count);
        bytes.extend_from_slice(encoded);
        bytes
    }

    /// A piece of level 1 or above.
    pub fn encode_children(level: u8, children: &[ChildPiece]) -> Vec<u8> {
        let child = |child: &ChildPiece| {
            let (depth, chunks) = encode_chunks(&child.chunks);
            ChildRecord {
                last: child.last.clone().into(),
                id: (*child.id.bytes()).into(),
                entries: child.entries,
                depth,
                chunks,
            }
        };
        let children = children.iter().map(child).collect();
        record::encode(&PieceRecord { level, children, ..PieceRecord::default() })
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, FormatError> {
        let record: PieceRecord = record::decode(WHAT, bytes)?;
        record::readable(record.version)?;
        let items = match record.level {
            0 if record.children.is_empty() => PieceItems::Entries(decode_entries(&record)?),
            1..=16 if record.entries.is_empty() => {
                PieceItems::Children(decode_children(record.level, record.children)?)
            }
            _ => return Err(FormatError::malformed(WHAT, "its level does not fit its content")),
        };
        Ok(Self { level: record.level, items })
    }
}

fn decode_entries(record: &PieceRecord) -> Result<Vec<Entry>, FormatError> {
    let entries: Vec<Entry> =
        record.entries.iter().map(EntryRecord::entry).collect::<Result<_, _>>()?;
    match entries.is_sorted_by(|a, b| a.name < b.name) {
        true => Ok(entries),
        false => Err(FormatError::malformed(WHAT, "its names are not ascending")),
    }
}

fn decode_children(level: u8, records: List<ChildRecord>) -> Result<Vec<ChildPiece>, FormatError> {
    let child = |record: ChildRecord| {
        let chunks = decode_chunks(record.depth, &record.chunks)?;
        let id = BlobId::new(record.id.into_array());
        if !chunks.nodes.is_empty() && (level > 1 || record.entries != 1 || *id.bytes() != [0; 32])
        {
            return Err(FormatError::malformed(
                WHAT,
                "a large document stands for more than itself",
            ));
        }
        Ok(ChildPiece { last: record.last.into_vec(), id, entries: record.entries, chunks })
    };
    let children: Vec<ChildPiece> = records.into_iter().map(child).collect::<Result<_, _>>()?;
    match !children.is_empty() && children.is_sorted_by(|a, b| a.last < b.last) {
        true => Ok(children),
        false => Err(FormatError::malformed(WHAT, "its pieces are none, or not ascending")),
    }
}

/// MessagePack's array header in its shortest form.
fn push_array_length(bytes: &mut Vec<u8>, length: usize) {
    match u16::try_from(length) {
        Ok(short) if short < 16 => bytes.push(0x90 | (short as u8)),
        Ok(short) => {
            bytes.push(0xdc);
            bytes.extend_from_slice(&short.to_be_bytes());
        }
        Err(_) => {
            bytes.push(0xdd);
            bytes.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
        }
    }
}

/// A list of chunks, or of lists, for files that have more than [`ChunkTree::WIDEST`].
pub struct ChunkList;

record! {
    ListRecord {
        "v" => version: u32,
        "d" => depth: u8,
        "c" => chunks: List<(Fixed<32>, u64)>,
    }
}

impl ChunkList {
    pub fn encode(chunks: &ChunkTree) -> Vec<u8> {
        let (depth, chunks) = encode_chunks(chunks);
        record::encode(&ListRecord { version: 0, depth, chunks })
    }

    pub fn decode(bytes: &[u8]) -> Result<ChunkTree, FormatError> {
        let record: ListRecord = record::decode("list of chunks", bytes)?;
        record::readable(record.version)?;
        decode_chunks(record.depth, &record.chunks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ChunkRef, EntryName, File, Kind, Metadata};

    fn file(name: &[u8]) -> Entry {
        let chunks =
            ChunkTree { depth: 0, nodes: vec![ChunkRef { id: BlobId::new([3; 32]), length: 70 }] };
        Entry {
            name: EntryName::new(name).unwrap(),
            kind: Kind::File(File { size: 70, chunks, ..File::default() }),
            metadata: Metadata { mode: 0o644, ..Metadata::default() },
            link_group: None,
        }
    }

    fn encoded(entries: &[Entry]) -> Vec<u8> {
        let bytes: Vec<u8> = entries.iter().flat_map(encode_entry).collect();
        Piece::encode_entries(entries.len(), &bytes)
    }

    #[test]
    fn pieces_put_together_from_entries_are_canonical() {
        for count in [0, 1, 15, 16, 300] {
            let entries: Vec<_> = (0..count).map(|n| file(format!("{n:04}").as_bytes())).collect();
            let bytes = encoded(&entries);
            let records = entries.iter().map(EntryRecord::from).collect();
            assert_eq!(
                bytes,
                record::encode(&PieceRecord { entries: records, ..Default::default() })
            );
            let piece = Piece::decode(&bytes).unwrap();
            assert_eq!(piece.items, PieceItems::Entries(entries));
        }
    }

    #[test]
    fn disorder_is_refused() {
        assert!(Piece::decode(&encoded(&[file(b"b"), file(b"a")])).is_err());
        assert!(Piece::decode(&encoded(&[file(b"a"), file(b"a")])).is_err());
        assert!(Piece::decode(&Piece::encode_children(0, &[])).is_ok());
        assert!(Piece::decode(&Piece::encode_children(1, &[])).is_err());
    }

    #[test]
    fn a_file_with_chunks_of_another_length_is_refused() {
        let mut entry = file(b"a");
        let Kind::File(content) = &mut entry.kind else { unreachable!() };
        content.size = 71;
        assert!(Piece::decode(&encoded(&[entry])).is_err());
    }
}
