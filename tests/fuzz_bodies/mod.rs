//! What is done with any bytes that come from outside: one body for each thing that decodes. Run by
//! `tests/fuzzing.rs` over the corpus and mutations of it, and by `cargo fuzz` (`tests/fuzz`).
//!
//! Each body holds more than "no panic": what decodes is written again and decodes to the same,
//! what is said about it holds, and errors are values that can be printed.

pub mod address;
pub mod archive;
pub mod configuration;
pub mod document;
pub mod extended_json;
pub mod ignore_patterns;
pub mod import;
pub mod index;
pub mod json_backup;
pub mod key_slot;
pub mod marks;
pub mod merge;
pub mod oplog;
pub mod pack_table;
pub mod payload;
pub mod query;
pub mod reading;
pub mod segment;
pub mod settings;
pub mod snapshot;
pub mod time_expression;
pub mod tree_piece;
pub mod update;

/// A thing that decodes.
pub struct Target {
    /// Of its module, its program in `tests/fuzz`, and its corpus in `fixtures/fuzz`.
    pub name: &'static str,
    pub body: fn(&[u8]),
    /// The most memory that may be taken for a byte of input, and beside that, in bytes.
    pub memory: (usize, usize),
    /// The stack that must do, in bytes.
    pub stack: usize,
}

const fn target(name: &'static str, body: fn(&[u8]), for_each: usize, beside: usize) -> Target {
    // Threads of snap have four times as much.
    Target { name, body, memory: (for_each, beside), stack: 512 * 1024 }
}

const MIB: usize = 1 << 20;

pub const TARGETS: [Target; 21] = [
    target("address", address::body, 32, MIB),
    target("archive", archive::body, 64, 64 * MIB),
    target("configuration", configuration::body, 128, MIB),
    target("document", document::body, 64, MIB),
    target("extended_json", extended_json::body, 256, MIB),
    target("ignore_patterns", ignore_patterns::body, 1024, 64 * MIB),
    target("index", index::body, 512, MIB),
    target("json_backup", json_backup::body, 256, 64 * MIB),
    target("key_slot", key_slot::body, 256, MIB),
    target("marks", marks::body, 64, MIB),
    target("merge", merge::body, 64, MIB),
    target("oplog", oplog::body, 64, MIB),
    target("pack_table", pack_table::body, 64, MIB),
    target("payload", payload::body, 64, 4 * MIB),
    target("query", query::body, 1024, 64 * MIB),
    target("segment", segment::body, 2048, MIB),
    // Only the main thread reads it.
    Target { stack: 4 * MIB, ..target("settings", settings::body, 1024, 4 * MIB) },
    target("snapshot", snapshot::body, 512, MIB),
    target("time_expression", time_expression::body, 64, MIB),
    target("tree_piece", tree_piece::body, 2048, MIB),
    // A short update may fill an array up to the largest document.
    target("update", update::body, 256, 128 * MIB),
];
