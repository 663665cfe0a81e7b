//! The names of objects.

use crate::model::{IndexId, KeyId, PackId, SessionId};

/// `snap.json`.
pub const MARKER_NAME: &str = "snap.json";

pub fn key_name(id: &KeyId) -> String {
    format!("keys/{id}")
}

pub fn config_name(number: u64) -> String {
    format!("config/{number}")
}

pub fn pack_name(id: &PackId) -> String {
    let hex = id.hex();
    format!("packs/{}/{hex}", &hex[..2])
}

pub fn index_name(id: &IndexId) -> String {
    format!("index/{id}")
}

pub fn session_name(id: &SessionId, number: u64) -> String {
    format!("sessions/{id}/{number}")
}

pub fn snapshot_name(id: &SessionId) -> String {
    format!("snapshots/{id}")
}

pub fn forgotten_name(id: &SessionId) -> String {
    format!("forgotten/{id}")
}

pub fn mark_name(generation: u64) -> String {
    format!("prune/{generation}.mark")
}

pub fn final_name(generation: u64) -> String {
    format!("prune/{generation}.final")
}

pub fn done_name(generation: u64) -> String {
    format!("prune/{generation}.done")
}

pub fn damaged_name(id: &PackId) -> String {
    format!("damaged/{id}")
}
