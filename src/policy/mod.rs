//! Pure decisions: which snapshots stay, which one is meant, what a time or a size stands for.
//! `now` and the time zone are arguments; the one thing looked up is a zone that a text names.

mod choose;
mod duration;
mod filter;
mod grouping;
mod retention;
mod size_expression;
mod succession;
#[cfg(test)]
pub(crate) mod test_snapshots;
mod time_expression;

pub use choose::choose;
pub use duration::format_duration;
pub use filter::Filter;
pub use grouping::{Group, GroupBy, GroupKey, group};
pub use retention::{
    Bucket, Candidate, Decision, Keep, Period, Policy, PolicyError, Reason, Span, begun_in_future,
    decide,
};
pub use size_expression::{SizeError, format_size, parse_size};
pub use succession::{Lineage, succeeded};
pub use time_expression::{Moment, TimeError, TimeExpression, parse_exact};
