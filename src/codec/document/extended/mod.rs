//! Extended JSON 2 (<https://github.com/mongodb/specifications>): documents as JSON texts, and
//! back.

mod read;
mod wrapper;
mod write;

pub use read::{ExtendedJsonError, read_extended_json, read_extended_value};
pub use write::{ExtendedJson, write_extended_json, write_extended_value};
