//! An entry of a tree, as a record. Decoding proves everything that the model promises.

use super::FormatError;
use super::cluster_time::{packed_or_none, unpacked_or_none};
use super::record::{Bytes, Fixed, Item, record};
use crate::codec::Elements;
use crate::model::{
    Attribute, AttributeValue, BlobId, ChunkRef, ChunkTree, Collection, CollectionKind,
    Consistency, ContentHash, Directory, DocumentTree, Documents, Entry, EntryName, EntryPath,
    Extent, File, FileTime, InodeFlags, Kind, Metadata, Reading, Summary,
};
use jiff::Timestamp;

const WHAT: &str = "tree entry";
/// Lists of lists of lists of 1,000 hold more than any file system.
const DEEPEST: u8 = 6;

record! {
    EntryRecord {
        "n" => name: Bytes,
        "t" => kind: u8,
        "m" => mode: u16,
        "u" => user: u32,
        "g" => group: u32,
        "U" => user_name: String,
        "G" => group_name: String,
        "s" => modified_seconds: i64,
        "N" => modified_nanoseconds: u32,
        "f" => flags: u32,
        "x" => attributes: Vec<AttributeRecord>,
        "L" => link_group: Bytes,
        "z" => size: u64,
        "h" => hash: Option<Fixed<32>>,
        "r" => reading: u8,
        "H" => holes: Vec<Item<(u64, u64)>>,
        "d" => depth: u8,
        "c" => chunks: Vec<(Fixed<32>, u64)>,
        "T" => target: Bytes,
        "M" => major: u32,
        "i" => minor: u32,
        "D" => tree: Option<Fixed<32>>,
        "F" => files: u64,
        "S" => directories: u64,
        "B" => bytes: u64,
        "O" => options: Bytes,
        "y" => is_time_series: bool,
        "Q" => uuid: Option<Fixed<16>>,
        "I" => indexes: Vec<Item<Bytes>>,
        "W" => is_stream: bool,
        "w" => is_fuzzy: bool,
        "A" => moment: u64,
        "V" => overlays: Vec<Fixed<32>>,
        "E" => log_entry: Option<Fixed<32>>,
        "R" => scanned: i64,
    }
}

record! {
    AttributeRecord {
        "n" => name: Bytes,
        "v" => value: Bytes,
        "d" => depth: u8,
        "c" => chunks: Vec<(Fixed<32>, u64)>,
    }
}

impl From<&Entry> for EntryRecord {
    fn from(entry: &Entry) -> Self {
        let metadata = &entry.metadata;
        let mut record = Self {
            name: entry.name.bytes().to_vec().into(),
            mode: metadata.mode,
            user: metadata.user,
            group: metadata.group,
            user_name: metadata.user_name.clone(),
            group_name: metadata.group_name.clone(),
            modified_seconds: metadata.modified.seconds,
            modified_nanoseconds: metadata.modified.nanoseconds(),
            flags: metadata.flags.raw(),
            attributes: metadata.attributes.iter().map(AttributeRecord::from).collect(),
            link_group: link_group_bytes(entry).into(),
            ..Self::default()
        };
        record.set_kind(&entry.kind);
        record
    }
}

fn link_group_bytes(entry: &Entry) -> Vec<u8> {
    entry.link_group.as_ref().map(|path| path.bytes().to_vec()).unwrap_or_default()
}

impl EntryRecord {
    fn set_kind(&mut self, kind: &Kind) {
        match kind {
            Kind::File(file) => self.set_file(file),
            Kind::Directory(directory) => {
                self.kind = 1;
                self.tree = directory.tree.map(|id| (*id.bytes()).into());
                self.files = directory.summary.files;
                self.directories = directory.summary.directories;
                self.bytes = directory.summary.bytes;
            }
            Kind::Symlink { target } => {
                self.kind = 2;
                self.target = target.clone().into();
            }
            Kind::CharacterDevice { major, minor } => self.set_device(3, *major, *minor),
            Kind::BlockDevice { major, minor } => self.set_device(4, *major, *minor),
            Kind::Fifo => self.kind = 5,
            Kind::Socket => self.kind = 6,
            Kind::Collection(collection) => self.set_collection(collection),
            Kind::View { options } => {
                self.kind = 8;
                self.options = options.clone().into();
            }
        }
    }

    fn set_device(&mut self, kind: u8, major: u32, minor: u32) {
        (self.kind, self.major, self.minor) = (kind, major, minor);
    }

    fn set_file(&mut self, file: &File) {
        self.size = file.size;
        self.hash = file.hash.map(|hash| (*hash.bytes()).into());
        self.reading = file.reading as u8;
        self.holes = file.holes.iter().map(|hole| Item((hole.offset, hole.length))).collect();
        (self.depth, self.chunks) = encode_chunks(&file.chunks);
    }

    fn kind(&self) -> Result<Kind, FormatError> {
        let (major, minor) = (self.major, self.minor);
        Ok(match self.kind {
            0 => Kind::File(self.file()?),
            1 => Kind::Directory(Directory {
                tree: self.tree.map(|id| BlobId::new(id.into_array())),
                summary: Summary {
                    files: self.files,
                    directories: self.directories,
                    bytes: self.bytes,
                },
            }),
            2 => Kind::Symlink { target: symlink_target(&self.target)? },
            3 => Kind::CharacterDevice { major, minor },
            4 => Kind::BlockDevice { major, minor },
            5 => Kind::Fifo,
            6 => Kind::Socket,
            7 => Kind::Collection(Box::new(self.collection()?)),
            8 => Kind::View { options: bson_document(&self.options)? },
            other => return Err(malformed(format!("kind {other} is unknown"))),
        })
    }

    fn file(&self) -> Result<File, FormatError> {
        let holes: Vec<Extent> =
            self.holes.iter().map(|&Item((offset, length))| Extent { offset, length }).collect();
        let data = data_length(self.size, &holes).ok_or_else(|| malformed("its holes overlap"))?;
        let chunks = decode_chunks(self.depth, &self.chunks)?;
        if chunks.length() != Some(data) {
            return Err(malformed("its chunks are not as long as its data"));
        }
        let reading = match self.reading {
            0 => Reading::Steady,
            1 => Reading::Grew,
            2 => Reading::Torn,
            other => return Err(malformed(format!("reading {other} is unknown"))),
        };
        let hash = self.hash.map(|hash| ContentHash::new(hash.into_array()));
        Ok(File { size: self.size, hash, holes, chunks, reading })
    }

    fn set_collection(&mut self, collection: &Collection) {
        self.kind = 7;
        self.options = collection.options.clone().into();
        self.is_time_series = collection.kind == CollectionKind::TimeSeries;
        self.uuid = collection.uuid.map(Fixed::from);
        self.indexes = collection.indexes.iter().map(|index| Item(index.clone().into())).collect();
        self.is_fuzzy = collection.consistency == Consistency::Fuzzy;
        self.moment = packed_or_none(collection.moment);
        self.log_entry = collection.log_entry.map(Fixed::from);
        self.scanned = collection.scanned.map_or(0, Timestamp::as_second);
        (self.files, self.bytes) = (collection.count, collection.size);
        match &collection.content {
            Documents::Tree(tree) => {
                self.tree = tree.base.map(|id| (*id.bytes()).into());
                self.overlays = tree.overlays.iter().map(|id| (*id.bytes()).into()).collect();
            }
            Documents::Stream(chunks) => {
                self.is_stream = true;
                (self.depth, self.chunks) = encode_chunks(chunks);
            }
        }
    }

    fn collection(&self) -> Result<Collection, FormatError> {
        let kind = match self.is_time_series {
            true => CollectionKind::TimeSeries,
            false => CollectionKind::Ordinary,
        };
        let consistency = if self.is_fuzzy { Consistency::Fuzzy } else { Consistency::Exact };
        let indexes: Result<Vec<_>, _> =
            self.indexes.iter().map(|index| bson_document(&index.0)).collect();
        Ok(Collection {
            kind,
            options: bson_document(&self.options)?,
            uuid: self.uuid.map(Fixed::into_array),
            indexes: indexes?,
            content: self.documents()?,
            count: self.files,
            size: self.bytes,
            consistency,
            moment: unpacked_or_none(self.moment),
            log_entry: self.log_entry.map(Fixed::into_array),
            scanned: self.scanned()?,
        })
    }

    fn documents(&self) -> Result<Documents, FormatError> {
        let id = |id: &Fixed<32>| BlobId::new(id.into_array());
        if !self.is_stream {
            let overlays: Vec<BlobId> = self.overlays.iter().map(id).collect();
            if overlays.len() > DocumentTree::MOST_OVERLAYS {
                return Err(malformed("it has more overlays than there may be"));
            }
            return Ok(Documents::Tree(DocumentTree {
                base: self.tree.as_ref().map(id),
                overlays,
            }));
        }
        let chunks = decode_chunks(self.depth, &self.chunks)?;
        match chunks.length() == Some(self.bytes) {
            true => Ok(Documents::Stream(chunks)),
            false => Err(malformed("its chunks are not as long as its documents")),
        }
    }

    fn scanned(&self) -> Result<Option<Timestamp>, FormatError> {
        match self.scanned {
            0 => Ok(None),
            seconds => Timestamp::from_second(seconds).map(Some).map_err(malformed),
        }
    }

    fn metadata(&self) -> Result<Metadata, FormatError> {
        let modified = FileTime::new(self.modified_seconds, self.modified_nanoseconds)
            .ok_or_else(|| malformed("its time has more than a second of nanoseconds"))?;
        let attributes: Result<Vec<_>, _> =
            self.attributes.iter().map(AttributeRecord::attribute).collect();
        Ok(Metadata {
            mode: self.mode & 0o7777,
            user: self.user,
            group: self.group,
            user_name: self.user_name.clone(),
            group_name: self.group_name.clone(),
            modified,
            attributes: attributes?,
            flags: InodeFlags::from_raw(self.flags),
        })
    }

    pub(super) fn entry(&self) -> Result<Entry, FormatError> {
        let name = EntryName::new(self.name.as_slice()).map_err(malformed)?;
        let link_group = match self.link_group.is_empty() {
            true => None,
            false => Some(EntryPath::parse(&self.link_group).map_err(malformed)?),
        };
        Ok(Entry { name, kind: self.kind()?, metadata: self.metadata()?, link_group })
    }
}

fn malformed(why: impl ToString) -> FormatError {
    FormatError::malformed(WHAT, why)
}

/// A BSON document, whose elements hang together at least on the top.
fn bson_document(bytes: &[u8]) -> Result<Vec<u8>, FormatError> {
    let elements = Elements::new(bytes)
        .and_then(|mut elements| elements.try_for_each(|element| element.map(drop)));
    elements.map(|()| bytes.to_vec()).map_err(malformed)
}

fn symlink_target(target: &[u8]) -> Result<Vec<u8>, FormatError> {
    match target.is_empty() || target.contains(&0) {
        true => Err(malformed("its link has no target, or one with a NUL byte")),
        false => Ok(target.to_vec()),
    }
}

/// Bytes outside the holes; `None` if the holes are not ascending, disjoint, apart and inside.
fn data_length(size: u64, holes: &[Extent]) -> Option<u64> {
    let mut free_from = 0;
    let mut data = size;
    for hole in holes {
        let end = hole.offset.checked_add(hole.length)?;
        let aligned = hole.offset % 4096 == 0 && (hole.length % 4096 == 0 || end == size);
        let apart = hole.offset > free_from || (hole.offset == 0 && free_from == 0);
        if hole.length == 0 || !aligned || !apart || end > size {
            return None;
        }
        free_from = end;
        data = data.checked_sub(hole.length)?;
    }
    Some(data)
}

pub(super) fn encode_chunks(chunks: &ChunkTree) -> (u8, Vec<(Fixed<32>, u64)>) {
    let node = |node: &ChunkRef| ((*node.id.bytes()).into(), node.length);
    (chunks.depth, chunks.nodes.iter().map(node).collect())
}

pub(super) fn decode_chunks(
    depth: u8,
    nodes: &[(Fixed<32>, u64)],
) -> Result<ChunkTree, FormatError> {
    if depth > DEEPEST {
        return Err(malformed("its list of chunks is too deep"));
    }
    let node = |(id, length): &(Fixed<32>, u64)| ChunkRef {
        id: BlobId::new(id.into_array()),
        length: *length,
    };
    Ok(ChunkTree { depth, nodes: nodes.iter().map(node).collect() })
}

impl From<&Attribute> for AttributeRecord {
    fn from(attribute: &Attribute) -> Self {
        let mut record = Self { name: attribute.name.clone().into(), ..AttributeRecord::default() };
        match &attribute.value {
            AttributeValue::Inline(value) => record.value = value.clone().into(),
            AttributeValue::Chunks(chunks) => (record.depth, record.chunks) = encode_chunks(chunks),
        }
        record
    }
}

impl AttributeRecord {
    fn attribute(&self) -> Result<Attribute, FormatError> {
        if self.name.is_empty() || self.name.contains(&0) {
            return Err(malformed("an attribute has no name, or one with a NUL byte"));
        }
        let value = match self.chunks.is_empty() {
            true => AttributeValue::Inline(self.value.to_vec()),
            false => AttributeValue::Chunks(decode_chunks(self.depth, &self.chunks)?),
        };
        Ok(Attribute { name: self.name.to_vec(), value })
    }
}
