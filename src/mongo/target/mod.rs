//! Writes databases: collections, documents, indexes.

mod accounts;
mod collections;
mod indexes;
mod insert;
mod lookup;
mod replace;
mod write;

pub use accounts::Accounts;
pub use collections::Place;
pub use indexes::IndexOutcome;
pub use insert::{Inserted, Refusal};
pub use replace::{Replaced, Replacement};
