//! Pure decisions: which snapshots stay, which one is meant, what a time or a size stands for.
//! `now` and the time zone are arguments; the one thing looked up is a zone that a text names.

mod duration;
mod size_expression;

pub use duration::format_duration;
pub use size_expression::{SizeError, format_size, parse_size};
