//! `index/<index id>`: which blob lies where.

use super::FormatError;
use super::list::List;
use super::pack::{decode_lines, decode_payload, encode_lines};
use super::record::{self, Bytes, Fixed, record};
use super::{PackTable, PackedBlob};
use crate::codec::BlobClass;
use crate::model::{PackId, SessionId};

const WHAT: &str = "index";

/// The tables of some packs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// The session that wrote it.
    pub session: SessionId,
    pub packs: Vec<IndexedPack>,
}

/// One pack's table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexedPack {
    pub id: PackId,
    /// The session that wrote the pack.
    pub session: SessionId,
    pub class: BlobClass,
    /// Bytes of the whole pack.
    pub size: u32,
    pub table: PackTable,
}

record! {
    IndexRecord {
        "v" => version: u32,
        "s" => session: Fixed<16>,
        "p" => packs: List<PackRecord>,
    }
}

record! {
    PackRecord {
        "i" => id: Fixed<32>,
        "s" => session: Fixed<16>,
        "c" => class: u8,
        "z" => size: u32,
        "b" => blobs: Bytes,
        "p" => payload: Fixed<32>,
    }
}

impl Index {
    pub fn encode(&self) -> Vec<u8> {
        record::encode(&IndexRecord {
            version: 0,
            session: (*self.session.bytes()).into(),
            packs: self.packs.iter().map(PackRecord::from).collect(),
        })
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, FormatError> {
        let record: IndexRecord = record::decode(WHAT, bytes)?;
        record::readable(record.version)?;
        let packs: Result<Vec<_>, _> = record.packs.iter().map(IndexedPack::try_from).collect();
        Ok(Self { session: SessionId::new(record.session.into_array()), packs: packs? })
    }
}

impl From<&IndexedPack> for PackRecord {
    fn from(pack: &IndexedPack) -> Self {
        Self {
            id: (*pack.id.bytes()).into(),
            session: (*pack.session.bytes()).into(),
            class: pack.class.class() as u8,
            size: pack.size,
            blobs: encode_lines(&pack.table.blobs).into(),
            payload: pack.table.payload.map(|id| *id.bytes()).unwrap_or_default().into(),
        }
    }
}

impl TryFrom<&PackRecord> for IndexedPack {
    type Error = FormatError;

    fn try_from(record: &PackRecord) -> Result<Self, FormatError> {
        let class = match record.class {
            1 => BlobClass::Data,
            2 => BlobClass::Tree,
            other => return Err(FormatError::malformed(WHAT, format!("class {other} is unknown"))),
        };
        let blobs: Vec<PackedBlob> = decode_lines(WHAT, &record.blobs)?;
        let payload = decode_payload(record.payload);
        Ok(Self {
            id: PackId::new(record.id.into_array()),
            session: SessionId::new(record.session.into_array()),
            class,
            size: record.size,
            table: PackTable { blobs, payload },
        })
    }
}
