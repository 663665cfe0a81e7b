//! `config/<n>`: the settings of a repository; the highest n counts.

use super::FormatError;
use super::list::List;
use super::record::{self, record};
use crate::codec::{ChunkParameters, Compression};

const WHAT: &str = "configuration";

/// What all writers of a repository agree on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryConfig {
    pub chunks: ChunkParameters,
    pub compression: Compression,
    /// Bytes; packs grow with the repository from there.
    pub pack_size: u32,
    /// Bytes that a local repository keeps free for the day when the disk is full.
    pub reserve: u64,
    /// The retention policy, as `snap prune` would be told it: `--keep-daily` is `("daily", "30")`.
    pub retention: Vec<(String, String)>,
}

record! {
    ConfigRecord {
        "v" => version: u32,
        "n" => least: u32,
        "a" => average: u32,
        "x" => largest: u32,
        "z" => level: u8,
        "p" => pack_size: u32,
        "r" => reserve: u64,
        "k" => retention: List<(String, String)>,
    }
}

impl RepositoryConfig {
    pub fn encode(&self) -> Vec<u8> {
        record::encode(&ConfigRecord {
            version: 0,
            least: self.chunks.least(),
            average: self.chunks.average(),
            largest: self.chunks.largest(),
            level: match self.compression {
                Compression::None => 0,
                Compression::Zstd(level) => u8::try_from(level).unwrap_or(3),
            },
            pack_size: self.pack_size,
            reserve: self.reserve,
            retention: self.retention.clone().into(),
        })
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, FormatError> {
        let record: ConfigRecord = record::decode(WHAT, bytes)?;
        record::readable(record.version)?;
        let chunks = ChunkParameters::new(record.least, record.average, record.largest)
            .map_err(|error| FormatError::malformed(WHAT, error))?;
        let compression = match record.level {
            0 => Compression::None,
            level => Compression::Zstd(i32::from(level.min(19))),
        };
        Ok(Self {
            chunks,
            compression,
            pack_size: record.pack_size.clamp(64 * 1024, 64 << 20),
            reserve: record.reserve,
            retention: record.retention.into_iter().collect(),
        })
    }
}
