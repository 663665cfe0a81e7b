//! The server's log of changes (`local.oplog.rs`): one decoder for all who follow it, and which
//! documents were touched since a moment.
//!
//! Everything here works on the raw bytes of entries, and asks the server for what it cannot tell
//! from those. What is not understood is said to be so, and never passed over.

mod apply;
mod chains;
mod command;
mod cut;
mod entry;
mod follow;
mod open;
mod operations;
mod reader;
mod starts;
mod tail;
mod touched;

pub use apply::{UpdateError, Updated, apply_update};
pub use chains::{Chains, MissingLink};
pub use command::Command;
pub use cut::Protected;
pub use entry::{Entry, Operation, OperationKind, Role};
pub use follow::{Followed, LogBase};
pub use open::OpenTransactions;
pub use operations::Operations;
pub use reader::LogReader;
pub use tail::{LogTail, Tailed};
pub use touched::{Touched, TouchedId, Unfollowed};
