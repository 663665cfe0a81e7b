//! What integration tests stand on: a [`World`] to run `snap` in, and transcripts of sessions in
//! it. `docs/testing.md` shows how they are used.

mod builtin;
mod expectation;
mod normalise;
mod transcript;
mod world;

pub use transcript::play;
pub use world::{Output, World};
