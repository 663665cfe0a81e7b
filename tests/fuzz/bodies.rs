//! The bodies of `tests/fuzz_bodies`, for programs of libFuzzer.

// What `fuzz_bodies/merge.rs` compiles once more looks for it here.
use snapstore::codec;

#[path = "../fuzz_bodies/mod.rs"]
pub mod fuzz_bodies;
