//! `snap.json`: says that this is a repository, and which. Clear JSON, for people and for
//! programs that have no key.

use super::{FormatError, VERSION};
use crate::model::RepositoryId;
use serde::{Deserialize, Serialize};

pub const MAGIC: &str = "snap repository";

/// What a repository says of itself to everybody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marker {
    pub repository: RepositoryId,
    pub created: jiff::Timestamp,
}

#[derive(Serialize, Deserialize)]
struct MarkerJson {
    magic: String,
    version: u32,
    repository: String,
    created: jiff::Timestamp,
}

#[derive(Deserialize)]
struct VersionJson {
    magic: String,
    version: u32,
}

impl Marker {
    /// Pretty-printed JSON with a line feed at its end.
    pub fn encode(&self) -> Vec<u8> {
        let json = MarkerJson {
            magic: MAGIC.to_string(),
            version: VERSION,
            repository: self.repository.hex(),
            created: self.created,
        };
        let mut text = serde_json::to_vec_pretty(&json).unwrap_or_default();
        text.push(b'\n');
        text
    }

    /// Unknown members are passed over; another magic or a newer version is refused.
    pub fn decode(bytes: &[u8]) -> Result<Self, FormatError> {
        let malformed = |error: &dyn ToString| FormatError::malformed(MAGIC, error.to_string());
        let head: VersionJson = serde_json::from_slice(bytes).map_err(|error| malformed(&error))?;
        if head.magic != MAGIC {
            return Err(malformed(&"its magic is another"));
        }
        if head.version > VERSION {
            return Err(FormatError::TooNew { found: head.version });
        }
        let json: MarkerJson = serde_json::from_slice(bytes).map_err(|error| malformed(&error))?;
        let repository = json.repository.parse().map_err(|error| malformed(&error))?;
        Ok(Self { repository, created: json.created })
    }
}
