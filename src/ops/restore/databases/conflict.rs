//! What happens with a document where another is there.

use super::fields::FieldPath;
use super::merge::merge;
use crate::codec::{DocumentBuilder, Elements, document_key};

/// What happens where a document is there already, and differs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum DocumentConflict {
    /// It stays.
    #[default]
    Skip,
    Overwrite,
    /// It gets the fields of both.
    Merge {
        /// Where both have a field, that which is there stays.
        live_wins: bool,
    },
    /// It is replaced if it is older by this field.
    Newest {
        field: FieldPath,
    },
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// What is there stays.
    Keep,
    /// This comes in its place: the document of the snapshot.
    Overwrite(Vec<u8>),
    /// This comes in its place: both merged.
    Merge(Vec<u8>),
    /// It cannot be decided, and what is there stays.
    Impossible(String),
}

impl DocumentConflict {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::Overwrite => "overwrite",
            Self::Merge { .. } => "merge",
            Self::Newest { .. } => "newest",
        }
    }

    /// Whether buckets of a time series can be treated so.
    pub fn fits_time_series(&self) -> bool {
        matches!(self, Self::Skip | Self::Overwrite)
    }

    /// For two documents that differ; `snapshot` has the `_id` of `live` already.
    pub fn decide(&self, snapshot: &[u8], live: &[u8]) -> Decision {
        match self {
            Self::Skip => Decision::Keep,
            Self::Overwrite => Decision::Overwrite(snapshot.to_vec()),
            Self::Merge { live_wins } => match merge(snapshot, live, *live_wins) {
                Ok(merged) if merged == live => Decision::Keep,
                Ok(merged) => Decision::Merge(merged),
                Err(why) => Decision::Impossible(why),
            },
            Self::Newest { field } => match is_newer(snapshot, live, field) {
                Ok(true) => Decision::Overwrite(snapshot.to_vec()),
                Ok(false) => Decision::Keep,
                Err(why) => Decision::Impossible(why),
            },
        }
    }
}

/// Whether the field says that `one` is newer than `other`. A document without it is older than
/// any that has it.
fn is_newer(one: &[u8], other: &[u8], field: &FieldPath) -> Result<bool, String> {
    let key = |document: &[u8]| -> Result<Option<Vec<u8>>, String> {
        let value = field.find(document);
        value.map(|value| document_key(&value).map_err(|error| error.to_string())).transpose()
    };
    Ok(match (key(one)?, key(other)?) {
        (None, _) => false,
        (Some(_), None) => true,
        // The first byte is the kind of the value.
        (Some(one), Some(other)) if one.first() == other.first() => one > other,
        (Some(_), Some(_)) => {
            let name = field.text();
            return Err(format!("its {name} is of another kind than that of the one there"));
        }
    })
}

/// The document with the `_id` of another, in the place of its own.
pub fn with_id_of(document: &[u8], other: &[u8]) -> Vec<u8> {
    let id = Elements::new(other).ok().and_then(|elements| elements.find(b"_id").ok()?);
    let (Some(id), Ok(elements)) = (id, Elements::new(document)) else { return document.to_vec() };
    let elements = elements.filter_map(Result::ok);
    let copied = elements.fold(DocumentBuilder::new(), |copied, element| {
        copied.element(if element.name == b"_id" { &id } else { &element })
    });
    copied.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(date: i64) -> Vec<u8> {
        DocumentBuilder::new().int32("_id", 1).date("seen", date).finish()
    }

    #[test]
    fn the_newer_one_wins_and_none_is_oldest() {
        let newest = DocumentConflict::Newest { field: FieldPath::new("seen").unwrap() };
        let none = DocumentBuilder::new().int32("_id", 1).finish();
        let text = DocumentBuilder::new().int32("_id", 1).string("seen", "2025").finish();
        assert_eq!(newest.decide(&seen(2), &seen(1)), Decision::Overwrite(seen(2)));
        assert_eq!(newest.decide(&seen(1), &seen(2)), Decision::Keep);
        assert_eq!(newest.decide(&seen(1), &seen(1)), Decision::Keep);
        assert_eq!(newest.decide(&seen(1), &none), Decision::Overwrite(seen(1)));
        assert_eq!(newest.decide(&none, &seen(1)), Decision::Keep);
        assert!(matches!(newest.decide(&text, &seen(1)), Decision::Impossible(_)));
    }

    #[test]
    fn the_id_is_exchanged_in_its_place() {
        let one = DocumentBuilder::new().int32("a", 1).int32("_id", 2).finish();
        let other = DocumentBuilder::new().string("_id", "x").finish();
        let expected = DocumentBuilder::new().int32("a", 1).string("_id", "x").finish();
        assert_eq!(with_id_of(&one, &other), expected);
    }
}
