//! Why a snapshot is kept or forgotten.

use super::{Bucket, Keep, Period, Span};
use crate::model::SessionId;
use std::fmt;

/// A reason, displayed for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// Kept: one of the last so many.
    Last(Keep),
    /// Kept: the newest of its hour, day, week, month or year.
    Newest { bucket: Bucket, within: Option<Span> },
    /// Kept: the oldest of all, under a rule whose count is not used up.
    Oldest { period: Period, within: Option<Span> },
    /// Kept: younger than this, seen from the newest of the group.
    Within(Span),
    /// Kept: it has all of these tags.
    Tags(Vec<String>),
    /// Kept: its time cannot be right.
    Future,
    /// Kept: a safety snapshot whose time is not over.
    Safety(Span),
    /// Forgotten: a safety snapshot whose time is over.
    SafetyOver(Span),
    /// Forgotten: this one is the same moment, with the tags that it has now.
    Succeeded(SessionId),
    /// Forgotten: nothing keeps it.
    NoRule,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Last(Keep::Unlimited) => f.write_str("all are kept"),
            Self::Last(keep) => write!(f, "last {keep}"),
            Self::Newest { bucket, within } => {
                write!(f, "{} snapshot {bucket}", bucket.period().word())?;
                write_within(*within, f)
            }
            Self::Oldest { period, within } => {
                write!(f, "oldest {}", period.word())?;
                write_within(*within, f)
            }
            Self::Within(span) => write!(f, "within {span}"),
            Self::Tags(tags) => write_tags(tags, f),
            Self::Future => f.write_str("its time lies in the future of the storage's clock"),
            Self::Safety(span) => write!(f, "safety snapshot, kept for {span}"),
            Self::SafetyOver(span) => write!(f, "safety snapshot, older than {span}"),
            Self::Succeeded(by) => write!(f, "succeeded by {}", by.short()),
            Self::NoRule => f.write_str("no rule keeps it"),
        }
    }
}

fn write_within(within: Option<Span>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    within.map_or(Ok(()), |span| write!(f, " within {span}"))
}

fn write_tags(tags: &[String], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match tags {
        [tag] if tag.is_empty() => f.write_str("no tags"),
        [tag] => write!(f, "tag {tag}"),
        _ => write!(f, "tags {}", tags.join(", ")),
    }
}
