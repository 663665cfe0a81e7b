//! `damaged/<pack id>`: this pack does not hold what it should; nothing in it is reused.

use super::FormatError;
use super::record::{self, TimeRecord, record};
use jiff::Timestamp;

const WHAT: &str = "damage mark";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damaged {
    /// What was found, for people.
    pub why: String,
    pub when: Timestamp,
}

record! {
    DamagedRecord {
        "v" => version: u32,
        "w" => why: String,
        "t" => when: TimeRecord,
    }
}

impl Damaged {
    pub fn encode(&self) -> Vec<u8> {
        record::encode(&DamagedRecord { version: 0, why: self.why.clone(), when: self.when.into() })
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, FormatError> {
        let record: DamagedRecord = record::decode(WHAT, bytes)?;
        record::readable(record.version)?;
        Ok(Self { why: record.why, when: record.when.timestamp(WHAT)? })
    }
}
