//! `packs/<hh>/<pack id>`: blobs, a sealed table of them, and a clear footer of fixed length.

use super::record::{self, Bytes, Fixed, record};
use super::{FormatError, Frame, LARGEST_BLOB, Place};
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

/// A blob and its place in a pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackedBlob {
    pub id: BlobId,
    pub place: Place,
}

/// What is in a pack.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PackTable {
    /// In the order in which they lie, without gaps: those of a frame follow each other.
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
    /// The blobs of each frame.
    pub fn frames(&self) -> impl Iterator<Item = &[PackedBlob]> {
        self.blobs.chunk_by(|one, next| one.place.frame == next.place.frame)
    }

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

/// A line: id, stored length of the frame that begins with this blob or 0, plain length. Offsets
/// follow from the lengths before.
pub(super) fn encode_lines(blobs: &[PackedBlob]) -> Vec<u8> {
    let mut lines = Vec::with_capacity(blobs.len() * LINE);
    for PackedBlob { id, place } in blobs {
        let stored = if place.start == 0 { place.frame.stored } else { 0 };
        lines.extend_from_slice(id.bytes());
        lines.extend_from_slice(&stored.to_le_bytes());
        lines.extend_from_slice(&place.plain.to_le_bytes());
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
    let mut blobs: Vec<PackedBlob> = Vec::with_capacity(lines.len());
    let mut frames = Frames::default();
    for line in lines {
        let (id, stored, plain) = decode_line(line);
        let place = frames.next(stored, plain);
        let place = place.map_err(|why| FormatError::malformed(what, why))?;
        if place.start == 0 {
            close(&mut blobs);
        }
        blobs.push(PackedBlob { id, place });
    }
    close(&mut blobs);
    Ok(blobs)
}

/// The last frame is as long as its blobs together.
fn close(blobs: &mut [PackedBlob]) {
    let Some(Place { frame, start, plain }) = blobs.last().map(|blob| blob.place) else { return };
    let (offset, length) = (frame.offset, start.saturating_add(plain));
    let of_frame = |blob: &&mut PackedBlob| blob.place.frame.offset == offset;
    blobs.iter_mut().rev().take_while(of_frame).for_each(|blob| blob.place.frame.plain = length);
}

/// Where frames lie, from their lengths.
#[derive(Default)]
struct Frames {
    /// The frame that may go on, its plain length as far as it is known.
    frame: Option<Frame>,
}

impl Frames {
    fn next(&mut self, stored: u32, plain: u32) -> Result<Place, &'static str> {
        let place = match (self.frame, stored) {
            (None, 0) => return Err("its first blob is in no frame"),
            // Empty ones lie alone, so that no two begin at one place.
            (Some(frame), 0) if frame.plain == 0 || plain == 0 => {
                return Err("an empty blob of it lies with others");
            }
            (Some(frame), 0) => Place { frame, start: frame.plain, plain },
            (before, stored) => {
                let offset = before.map_or(Some(0), |frame| frame.offset.checked_add(frame.stored));
                let offset = offset.ok_or("its blobs exceed 4 GiB")?;
                Place { frame: Frame { offset, stored, plain: 0 }, start: 0, plain }
            }
        };
        let end = place.start.checked_add(plain).filter(|end| *end as usize <= LARGEST_BLOB);
        let end = end.ok_or("a blob of it is too large")?;
        if place.frame.stored as usize > LARGEST_STORED {
            return Err("a blob of it is too large");
        }
        if place.frame.offset.checked_add(place.frame.stored).is_none() {
            return Err("its blobs exceed 4 GiB");
        }
        self.frame = Some(Frame { plain: end, ..place.frame });
        Ok(place)
    }
}

/// Id, stored and plain length.
fn decode_line(line: &[u8; LINE]) -> (BlobId, u32, u32) {
    let mut id = [0; 32];
    let (mut stored, mut plain) = ([0; 4], [0; 4]);
    id.copy_from_slice(&line[..32]);
    stored.copy_from_slice(&line[32..36]);
    plain.copy_from_slice(&line[36..]);
    (BlobId::new(id), u32::from_le_bytes(stored), u32::from_le_bytes(plain))
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
