//! `packs/<hh>/<pack id>`: blobs, a sealed table of them, and a clear footer of fixed length.

use super::record::{self, Bytes, Fixed, record};
use super::{FormatError, LARGEST_BLOB};
use crate::codec::BlobClass;
use crate::model::{BlobId, SessionId};

const WHAT: &str = "pack table";
const MAGIC: &[u8; 8] = b"snappack";

/// Bytes of the footer.
pub const FOOTER_LENGTH: usize = 40;

/// A blob of the largest size, sealed.
const LARGEST_STORED: usize = LARGEST_BLOB + 64;

/// Bytes of one blob's line in a table or index.
const LINE: usize = 40;

/// Where a blob lies in its pack, and how long it is when opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackedBlob {
    pub id: BlobId,
    /// From the start of the pack.
    pub offset: u32,
    /// As sealed.
    pub stored: u32,
    pub plain: u32,
}

/// What is in a pack.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PackTable {
    /// In the order in which they lie, without gaps.
    pub blobs: Vec<PackedBlob>,
    /// The blob that is the spare copy of a snapshot's payload.
    pub payload: Option<BlobId>,
}

/// The end of a pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackFooter {
    pub class: BlobClass,
    pub session: SessionId,
    /// Bytes of the sealed table before the parity.
    pub table: u32,
    /// Bytes of parity before the footer; always 0 for now.
    pub parity: u32,
}

record! {
    TableRecord {
        "v" => version: u32,
        "b" => blobs: Bytes,
        "p" => payload: Fixed<32>,
    }
}

impl PackTable {
    pub fn encode(&self) -> Vec<u8> {
        record::encode(&TableRecord {
            version: 0,
            blobs: encode_lines(&self.blobs).into(),
            payload: self.payload.map(|id| *id.bytes()).unwrap_or_default().into(),
        })
    }

    /// Blobs are laid end to end from offset 0.
    pub fn decode(bytes: &[u8]) -> Result<Self, FormatError> {
        let record: TableRecord = record::decode(WHAT, bytes)?;
        record::readable(record.version)?;
        Ok(Self {
            blobs: decode_lines(WHAT, &record.blobs)?,
            payload: decode_payload(record.payload),
        })
    }
}

pub(super) fn decode_payload(payload: Fixed<32>) -> Option<BlobId> {
    (payload != Fixed::default()).then(|| BlobId::new(payload.into_array()))
}

/// A line: id, stored length, plain length. Offsets follow from the stored lengths before.
pub(super) fn encode_lines(blobs: &[PackedBlob]) -> Vec<u8> {
    let mut lines = Vec::with_capacity(blobs.len() * LINE);
    for blob in blobs {
        lines.extend_from_slice(blob.id.bytes());
        lines.extend_from_slice(&blob.stored.to_le_bytes());
        lines.extend_from_slice(&blob.plain.to_le_bytes());
    }
    lines
}

pub(super) fn decode_lines(
    what: &'static str,
    lines: &[u8],
) -> Result<Vec<PackedBlob>, FormatError> {
    let (lines, rest) = lines.as_chunks::<LINE>();
    if !rest.is_empty() {
        return Err(FormatError::malformed(what, "a line of it is cut short"));
    }
    let mut offset = 0_u32;
    let mut blobs = Vec::with_capacity(lines.len());
    for line in lines {
        let blob = decode_line(line, offset);
        if blob.stored as usize > LARGEST_STORED || blob.plain as usize > LARGEST_BLOB {
            return Err(FormatError::malformed(what, "a blob of it is too large"));
        }
        let end = offset.checked_add(blob.stored);
        offset = end.ok_or_else(|| FormatError::malformed(what, "its blobs exceed 4 GiB"))?;
        blobs.push(blob);
    }
    Ok(blobs)
}

fn decode_line(line: &[u8; LINE], offset: u32) -> PackedBlob {
    let mut id = [0; 32];
    let (mut stored, mut plain) = ([0; 4], [0; 4]);
    id.copy_from_slice(&line[..32]);
    stored.copy_from_slice(&line[32..36]);
    plain.copy_from_slice(&line[36..]);
    let (stored, plain) = (u32::from_le_bytes(stored), u32::from_le_bytes(plain));
    PackedBlob { id: BlobId::new(id), offset, stored, plain }
}

impl PackFooter {
    /// Parity length, table length (32 bits little-endian each), class, version (one byte each),
    /// six zeros, session id, magic.
    pub fn encode(&self) -> [u8; FOOTER_LENGTH] {
        let mut bytes = [0; FOOTER_LENGTH];
        bytes[..4].copy_from_slice(&self.parity.to_le_bytes());
        bytes[4..8].copy_from_slice(&self.table.to_le_bytes());
        bytes[8] = self.class.class() as u8;
        bytes[16..32].copy_from_slice(self.session.bytes());
        bytes[32..].copy_from_slice(MAGIC);
        bytes
    }

    pub fn decode(bytes: &[u8; FOOTER_LENGTH]) -> Result<Self, FormatError> {
        const FOOTER: &str = "pack footer";
        if bytes[32..] != MAGIC[..] {
            return Err(FormatError::malformed(FOOTER, "its magic is another"));
        }
        record::readable(u32::from(bytes[9]))?;
        let word = |at: usize| {
            u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
        };
        let class = match bytes[8] {
            1 => BlobClass::Data,
            2 => BlobClass::Tree,
            other => {
                return Err(FormatError::malformed(FOOTER, format!("class {other} is unknown")));
            }
        };
        let mut session = [0; 16];
        session.copy_from_slice(&bytes[16..32]);
        Ok(Self { class, session: SessionId::new(session), table: word(4), parity: word(0) })
    }
}
