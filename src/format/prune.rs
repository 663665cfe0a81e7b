//! `prune/<g>.mark`, `.final`, `.done`: the steps of a prune, each an object of its own.

use super::FormatError;
use super::record::{self, Bytes, Fixed, record};
use crate::model::{PackId, SessionId};

const WHAT: &str = "prune mark";

/// The packs that a prune condemns. `.final` and `.done` repeat only the session that put them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PruneMark {
    pub session: SessionId,
    /// Sorted.
    pub condemned: Vec<PackId>,
}

record! {
    MarkRecord {
        "v" => version: u32,
        "s" => session: Fixed<16>,
        "c" => condemned: Bytes,
    }
}

impl PruneMark {
    pub fn encode(&self) -> Vec<u8> {
        let condemned: Vec<u8> = self.condemned.iter().flat_map(|pack| *pack.bytes()).collect();
        record::encode(&MarkRecord {
            version: 0,
            session: (*self.session.bytes()).into(),
            condemned: condemned.into(),
        })
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, FormatError> {
        let record: MarkRecord = record::decode(WHAT, bytes)?;
        record::readable(record.version)?;
        let (packs, rest) = record.condemned.as_chunks::<{ PackId::LENGTH }>();
        let condemned: Vec<PackId> = packs.iter().copied().map(PackId::new).collect();
        if !rest.is_empty() || !condemned.is_sorted_by(|a, b| a < b) {
            return Err(FormatError::malformed(WHAT, "its packs are not whole or not sorted"));
        }
        Ok(Self { session: SessionId::new(record.session.into_array()), condemned })
    }
}
