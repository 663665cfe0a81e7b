//! What is known about Linux file systems: walking them, what an inode is beside its content,
//! which entries are unchanged, and putting them back safely.
//!
//! Invariants: no link below what was given is followed; directories are held by descriptors,
//! of which only a bounded number is open; nothing recurses; names are bytes.

mod descent;
mod expand;
mod holes;
mod listing;
mod node;
mod owners;
mod rules;
mod source;
mod stat;
mod target;
mod unchanged;

pub use expand::expand;
pub use rules::{PathFilter, PathMatcher, RuleError, RuleSettings, Rules, Selection};
pub use source::{FilesSource, SourceOptions, SourceRoot};
pub use target::{FilesTarget, Look, TargetOptions};
pub use unchanged::{Recording, UnchangedCache};
