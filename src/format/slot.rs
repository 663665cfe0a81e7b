//! `keys/<key id>`: a clear head that says how to make a key of a password or a key file, and
//! the key ring, sealed with that key. The id is made from the head, so a changed head is seen.

use super::FormatError;
use super::list::List;
use super::record::{self, Fixed, TimeRecord, record};
use crate::codec::{Epoch, KeyRing, PasswordParameters, Secret};
use crate::model::KeyId;
use jiff::Timestamp;

const WHAT: &str = "key slot";

/// What opens a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlotKind {
    Password(PasswordParameters),
    KeyFile,
}

/// The clear part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotHead {
    pub kind: SlotKind,
    pub salt: [u8; 16],
    pub created: Timestamp,
    /// For people: `anna@server`.
    pub label: String,
}

/// A slot as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySlot {
    pub id: KeyId,
    pub head: SlotHead,
    pub sealed_ring: Vec<u8>,
}

record! {
    HeadRecord {
        "v" => version: u32,
        "k" => kind: u8,
        "s" => salt: Fixed<16>,
        "m" => memory_kib: u32,
        "t" => passes: u32,
        "p" => lanes: u32,
        "c" => created: TimeRecord,
        "l" => label: String,
    }
}

record! {
    RingRecord {
        "v" => version: u32,
        "e" => epochs: List<EpochRecord>,
        "d" => data_id_key: Fixed<32>,
        "t" => tree_id_key: Fixed<32>,
        "c" => chunk_key: Fixed<32>,
    }
}

record! {
    EpochRecord {
        "n" => number: u32,
        "k" => key: Fixed<32>,
    }
}

impl SlotHead {
    fn encode(&self) -> Vec<u8> {
        let mut record = HeadRecord {
            salt: self.salt.into(),
            created: self.created.into(),
            label: self.label.clone(),
            ..HeadRecord::default()
        };
        match self.kind {
            SlotKind::Password(parameters) => {
                record.memory_kib = parameters.memory_kib();
                record.passes = parameters.passes();
                record.lanes = parameters.lanes();
            }
            SlotKind::KeyFile => record.kind = 1,
        }
        record::encode(&record)
    }

    fn decode(bytes: &[u8]) -> Result<Self, FormatError> {
        let record: HeadRecord = record::decode(WHAT, bytes)?;
        record::readable(record.version)?;
        let kind = match record.kind {
            0 => SlotKind::Password(
                PasswordParameters::new(record.memory_kib, record.passes, record.lanes)
                    .map_err(|error| FormatError::malformed(WHAT, error))?,
            ),
            1 => SlotKind::KeyFile,
            other => return Err(FormatError::malformed(WHAT, format!("kind {other} is unknown"))),
        };
        let created = record.created.timestamp(WHAT)?;
        Ok(Self { kind, salt: record.salt.into_array(), created, label: record.label })
    }

    /// The first 16 bytes of the head's BLAKE3.
    pub fn id(&self) -> KeyId {
        id_of(&self.encode())
    }
}

fn id_of(head: &[u8]) -> KeyId {
    let mut id = [0; 16];
    id.copy_from_slice(&blake3::hash(head).as_bytes()[..16]);
    KeyId::new(id)
}

impl KeySlot {
    /// Head length (32 bits little-endian), head, sealed ring.
    pub fn encode(&self) -> Vec<u8> {
        let head = self.head.encode();
        let mut bytes = u32::try_from(head.len()).unwrap_or(u32::MAX).to_le_bytes().to_vec();
        bytes.extend_from_slice(&head);
        bytes.extend_from_slice(&self.sealed_ring);
        bytes
    }

    /// `id` is from the object's name; a head that does not belong to it is refused.
    pub fn decode(id: KeyId, bytes: &[u8]) -> Result<Self, FormatError> {
        let short = || FormatError::malformed(WHAT, "it is too short");
        let (length, rest) = bytes.split_first_chunk::<4>().ok_or_else(short)?;
        let length = u32::from_le_bytes(*length) as usize;
        let (head, ring) = rest.split_at_checked(length).ok_or_else(short)?;
        if id_of(head) != id {
            return Err(FormatError::malformed(WHAT, "its head does not match its name"));
        }
        Ok(Self { id, head: SlotHead::decode(head)?, sealed_ring: ring.to_vec() })
    }
}

/// The plain bytes of a key ring.
pub fn encode_ring(ring: &KeyRing) -> zeroize::Zeroizing<Vec<u8>> {
    let epoch =
        |epoch: &Epoch| EpochRecord { number: epoch.number, key: (*epoch.key.bytes()).into() };
    let record = RingRecord {
        version: 0,
        epochs: ring.epochs().iter().map(epoch).collect(),
        data_id_key: (*ring.data_id_key.bytes()).into(),
        tree_id_key: (*ring.tree_id_key.bytes()).into(),
        chunk_key: (*ring.chunk_key.bytes()).into(),
    };
    zeroize::Zeroizing::new(record::encode(&record))
}

pub fn decode_ring(bytes: &[u8]) -> Result<KeyRing, FormatError> {
    let record: RingRecord = record::decode("key ring", bytes)?;
    record::readable(record.version)?;
    let epoch = |epoch: &EpochRecord| Epoch {
        number: epoch.number,
        key: Secret::new(epoch.key.into_array()),
    };
    KeyRing::new(
        record.epochs.iter().map(epoch).collect(),
        Secret::new(record.data_id_key.into_array()),
        Secret::new(record.tree_id_key.into_array()),
        Secret::new(record.chunk_key.into_array()),
    )
    .ok_or_else(|| FormatError::malformed("key ring", "its epochs are not ascending"))
}
