//! `forgotten/<s>`: snapshot s does not count any more. Kept for ever, so that the gap in its
//! writer's chain is explained.

use super::FormatError;
use super::record::{self, Fixed, TimeRecord, record};
use crate::model::SnapshotHash;
use jiff::Timestamp;

const WHAT: &str = "forgotten mark";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forgotten {
    pub writer: [u8; 16],
    pub sequence: u64,
    pub hash: SnapshotHash,
    pub when: Timestamp,
}

record! {
    ForgottenRecord {
        "v" => version: u32,
        "w" => writer: Fixed<16>,
        "q" => sequence: u64,
        "h" => hash: Fixed<32>,
        "t" => when: TimeRecord,
    }
}

impl Forgotten {
    pub fn encode(&self) -> Vec<u8> {
        record::encode(&ForgottenRecord {
            version: 0,
            writer: self.writer.into(),
            sequence: self.sequence,
            hash: (*self.hash.bytes()).into(),
            when: self.when.into(),
        })
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, FormatError> {
        let record: ForgottenRecord = record::decode(WHAT, bytes)?;
        record::readable(record.version)?;
        Ok(Self {
            writer: record.writer.into_array(),
            sequence: record.sequence,
            hash: SnapshotHash::new(record.hash.into_array()),
            when: record.when.timestamp(WHAT)?,
        })
    }
}
