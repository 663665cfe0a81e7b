//! What a key's value may be.

use super::expand::{Base, expand};
use super::part::parse_part;
use super::value::Value;
use crate::files::{RuleSettings, Rules};
use crate::policy::parse_size;
use crate::settings::SourceAddress;
use crate::settings::{Address, SettingsError};
use jiff::SignedDuration;
use std::ffi::OsStr;
use std::time::Duration;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Switch,
    Text,
    /// A path of this machine, expanded.
    Path,
    /// Where a repository is.
    Address,
    Source,
    /// A pattern of gitignore's kind.
    Pattern,
    /// `NAME` or `NAME:HEADER`.
    Marker,
    /// A tag: text without commas.
    Tag,
    Size,
    /// A number of snapshots, or `unlimited`.
    Keep,
    /// A length of calendar time.
    Span,
    GroupBy,
    /// A part of the data.
    Part,
    /// Minutes and the like.
    Duration,
}

impl Kind {
    /// What is expected, for people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Switch => "true or false",
            Self::Text | Self::Tag => "text",
            Self::Path => "a path",
            Self::Address => "the path of a repository",
            Self::Source => "a path",
            Self::Pattern => "a pattern",
            Self::Marker => "NAME or NAME:HEADER",
            Self::Size => "a size such as 500k, \"10M\" or \"1.5G\"",
            Self::Keep => "a number such as 7, or \"unlimited\"",
            Self::Span => "a length of time such as \"14d\" or \"1y6m\"",
            Self::GroupBy => "host, paths and tags, joined by commas",
            Self::Part => "a part such as \"1/7\", \"5%\" or \"10G\"",
            Self::Duration => "a duration such as \"20m\" or \"1h30m\"",
        }
    }

    /// Whether a whole number will do in place of text.
    pub fn takes_number(self) -> bool {
        matches!(self, Self::Size | Self::Keep)
    }

    /// Reads a value that is written as text.
    pub fn parse(self, text: &str, base: &Base) -> Result<Value, String> {
        // One group of everything has no words.
        if text.is_empty() && self != Self::GroupBy {
            return Err("it is empty".to_owned());
        }
        match self {
            Self::Switch => Err(format!("write {}, without quotes", self.words())),
            Self::Text => Ok(Value::Text(text.to_owned())),
            Self::Tag => tag(text),
            Self::Path => Ok(Value::Path(expand(text, base)?)),
            Self::Address => address(text, base),
            Self::Source => Ok(Value::Source(SourceAddress::parse_in(text, base)?)),
            Self::Pattern => {
                let exclude = vec![text.to_owned()];
                rule(text, &RuleSettings { exclude, ..RuleSettings::default() })
            }
            Self::Marker => {
                let exclude_if_present = vec![text.to_owned()];
                rule(text, &RuleSettings { exclude_if_present, ..RuleSettings::default() })
            }
            Self::Size => parse_size(text).map(Value::Size).map_err(|error| error.to_string()),
            Self::Keep => text.parse().map(Value::Keep).map_err(readable),
            Self::Span => text.parse().map(Value::Span).map_err(readable),
            Self::GroupBy => text.parse().map(Value::GroupBy).map_err(readable),
            Self::Part => {
                let read = parse_part(text)?;
                Ok(Value::Part { read, text: text.to_owned() })
            }
            Self::Duration => parse_duration(text).map(Value::Duration),
        }
    }
}

fn readable(error: impl ToString) -> String {
    error.to_string()
}

fn tag(text: &str) -> Result<Value, String> {
    match text.contains(',') {
        true => Err("a tag has no comma: write [\"one\", \"other\"]".to_owned()),
        false => Ok(Value::Text(text.trim().to_owned())),
    }
}

/// A remote address is kept as it is: whether it is served shows when it is used.
fn address(text: &str, base: &Base) -> Result<Value, String> {
    match Address::parse(OsStr::new(text)) {
        Ok(Address::Local(_)) => Ok(Value::Address(expand(text, base)?.into_os_string())),
        Err(SettingsError::RemoteAddress { .. }) => Ok(Value::Address(text.into())),
        Err(error) => Err(error.to_string()),
    }
}

fn rule(text: &str, settings: &RuleSettings) -> Result<Value, String> {
    Rules::new(settings).map_err(readable)?;
    Ok(Value::Text(text.to_owned()))
}

/// Hours, minutes and seconds; here `m` is a minute, for nobody lets a check run for months.
/// `20m`, `1h30m`.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is not {}", Kind::Duration.words());
    let duration: SignedDuration = text.parse().map_err(|_| wrong())?;
    match duration.is_positive() {
        true => Ok(duration.unsigned_abs()),
        false => Err(wrong()),
    }
}
