//! Writes databases: collections, documents, indexes.

mod collections;
mod indexes;
mod insert;

pub use collections::Place;
pub use indexes::IndexOutcome;
pub use insert::{Inserted, Refusal};
