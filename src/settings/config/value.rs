//! A value of `snap.toml`, read and checked.

use crate::ops::ReadData;
use crate::policy::{GroupBy, Keep, Span};
use crate::settings::SourceAddress;
use crate::settings::source::redacted;
use serde::{Serialize, Serializer};
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Switch(bool),
    Text(String),
    Path(PathBuf),
    Address(OsString),
    Source(SourceAddress),
    /// Bytes.
    Size(u64),
    Keep(Keep),
    Span(Span),
    GroupBy(GroupBy),
    Part {
        read: ReadData,
        text: String,
    },
    Duration(Duration),
}

impl fmt::Display for Value {
    /// Without the credentials of addresses.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Switch(on) => write!(f, "{on}"),
            Self::Text(text) | Self::Part { text, .. } => f.write_str(text),
            Self::Path(path) => write!(f, "{}", path.display()),
            Self::Address(address) => f.write_str(&redacted(&address.to_string_lossy())),
            Self::Source(source) => write!(f, "{source}"),
            Self::Size(bytes) => write!(f, "{bytes}"),
            Self::Keep(keep) => write!(f, "{keep}"),
            Self::Span(span) => write!(f, "{span}"),
            Self::GroupBy(by) => write!(f, "{by}"),
            Self::Duration(duration) => match jiff::SignedDuration::try_from(*duration) {
                Ok(duration) => write!(f, "{duration:#}"),
                Err(_) => write!(f, "{} s", duration.as_secs()),
            },
        }
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use crate::policy::Keep::Count;
        match self {
            Self::Switch(on) => serializer.serialize_bool(*on),
            Self::Size(bytes) => serializer.serialize_u64(*bytes),
            Self::Keep(Count(count)) => serializer.serialize_u32(*count),
            other => serializer.collect_str(other),
        }
    }
}
