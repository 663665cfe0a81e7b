//! What is known about MongoDB: connect, catalog, scan, and write back. Asynchronous only inside:
//! every function here blocks, and must not be called on a thread of the runtime that it is given.
//!
//! Documents are raw bytes from the wire to the caller. They never go through the driver's own
//! documents, which would lose names that come twice and text that is not UTF-8.

mod address;
mod catalog;
mod connection;
mod error;
mod look_up;
pub mod oplog;
mod query;
mod reply;
mod scan;
mod server;
mod target;

pub use address::Address;
pub use catalog::{Catalog, Namespace, NamespaceKind, Order, is_id_index};
pub use connection::Connection;
pub use error::MongoError;
pub use look_up::{Asked, LookUp};
pub use query::{Query, QueryError};
pub use scan::{Batch, Scan, ScanOptions};
pub use server::{Server, ServerKind};
pub use target::{Accounts, IndexOutcome, Inserted, Place, Refusal, Replaced, Replacement};
