//! `sessions/<s>/<n>`: announcements (n = 0) and signs of life.

use super::FormatError;
use super::record::{self, Fixed, TimeRecord, record};
use jiff::Timestamp;

const WHAT: &str = "session announcement";

/// A writer says that it is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announcement {
    pub kind: SessionKind,
    pub host: String,
    pub process: ProcessIdentity,
    pub begun: Timestamp,
}

/// What a session does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SessionKind {
    Backup,
    Prune,
    Repair,
    Copy,
}

/// Enough to tell, on the same machine, whether a process is still running.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProcessIdentity {
    /// BLAKE3 of the machine id; zeros where there is none.
    pub machine: [u8; 32],
    /// Of the running kernel.
    pub boot: [u8; 16],
    /// The inode of the PID namespace.
    pub namespace: u64,
    pub process: u32,
    /// Clock ticks after boot.
    pub started: u64,
}

record! {
    AnnouncementRecord {
        "v" => version: u32,
        "k" => kind: u8,
        "h" => host: String,
        "m" => machine: Fixed<32>,
        "b" => boot: Fixed<16>,
        "n" => namespace: u64,
        "p" => process: u32,
        "s" => started: u64,
        "t" => begun: TimeRecord,
    }
}

impl Announcement {
    pub fn encode(&self) -> Vec<u8> {
        record::encode(&AnnouncementRecord {
            version: 0,
            kind: self.kind as u8,
            host: self.host.clone(),
            machine: self.process.machine.into(),
            boot: self.process.boot.into(),
            namespace: self.process.namespace,
            process: self.process.process,
            started: self.process.started,
            begun: self.begun.into(),
        })
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, FormatError> {
        let record: AnnouncementRecord = record::decode(WHAT, bytes)?;
        record::readable(record.version)?;
        let kind = match record.kind {
            0 => SessionKind::Backup,
            1 => SessionKind::Prune,
            2 => SessionKind::Repair,
            3 => SessionKind::Copy,
            other => return Err(FormatError::malformed(WHAT, format!("kind {other} is unknown"))),
        };
        let process = ProcessIdentity {
            machine: record.machine.into_array(),
            boot: record.boot.into_array(),
            namespace: record.namespace,
            process: record.process,
            started: record.started,
        };
        Ok(Self { kind, host: record.host, process, begun: record.begun.timestamp(WHAT)? })
    }
}
