//! `snapstore`: a content-addressed, deduplicating, encrypted snapshot store.
//!
//! The modules are floors of a house; a module imports only from lower floors
//! (`docs/architecture.md` is the map, `tests/tidy.rs` the guard).

// floor 0
pub mod model;
// floor 1
pub mod codec;
pub mod format;
pub mod policy;
// floor 2
pub mod storage;
// floor 3
pub mod files;
pub mod mongo;
pub mod repo;
// floor 4
pub mod ops;
// floor 5
pub mod settings;
// floor 7
pub mod cli;
