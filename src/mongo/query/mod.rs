//! Filters over raw documents, in the server's query language and with its meaning for arrays:
//! equality, `$eq $ne $gt $gte $lt $lte $in $nin $exists $not $regex`, and `$and $or $nor` of
//! them. What else there is in that language is refused by its name.
//!
//! Values compare as in an index without a collation; those of different kinds never do, but for
//! numbers, which are all one kind.

mod parse;
mod path;
mod pattern;

pub use parse::QueryError;

use crate::codec::{DocumentBuilder, Element, ElementType, Elements, document_key};
use path::{FieldPath, candidates};
use pattern::Pattern;

/// A filter.
#[derive(Debug, Clone)]
pub struct Query(Condition);

#[derive(Debug, Clone)]
enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
    Field { path: FieldPath, test: Test },
}

/// What a field is looked at for; it holds if it does for any of its values.
#[derive(Debug, Clone)]
enum Test {
    Equal(Value),
    Order { than: Value, less: bool, greater: bool, equal: bool },
    OneOf(Vec<Test>),
    Exists,
    Matches(Pattern),
}

/// A value to compare with: the only element of a document.
#[derive(Debug, Clone)]
struct Value {
    document: Vec<u8>,
    key: Vec<u8>,
}

impl Query {
    /// Of a filter as a document.
    pub fn new(filter: &[u8]) -> Result<Self, QueryError> {
        parse::conditions(filter).map(Self)
    }

    /// Whether it holds for a document. One that does not hang together fits nothing.
    pub fn fits(&self, document: &[u8]) -> bool {
        self.0.holds(document)
    }
}

impl Condition {
    /// As deep as the filter is nested, which has its bound.
    fn holds(&self, document: &[u8]) -> bool {
        match self {
            Self::All(all) => all.iter().all(|one| one.holds(document)),
            Self::Any(any) => any.iter().any(|one| one.holds(document)),
            Self::Not(not) => !not.holds(document),
            Self::Field { path, test } => {
                let with_items = !matches!(test, Test::Exists);
                let found = candidates(document, path, with_items);
                found.iter().any(|value| test.holds(value.as_ref()))
            }
        }
    }
}

impl Test {
    /// `None` stands for a field that is not there.
    fn holds(&self, value: Option<&Element<'_>>) -> bool {
        match self {
            Self::Exists => value.is_some(),
            Self::OneOf(tests) => tests.iter().any(|test| test.holds(value)),
            Self::Equal(wanted) => wanted.equals(value),
            Self::Matches(pattern) => value.is_some_and(|value| pattern.fits(value)),
            Self::Order { than, less, greater, equal } => {
                if than.equals(value) {
                    return *equal;
                }
                let key = value.and_then(|value| document_key(value).ok());
                key.is_some_and(|key| {
                    let is_comparable = key.first() == than.key.first()
                        && !is_not_a_number(&key)
                        && !is_not_a_number(&than.key);
                    is_comparable && ((*less && key < than.key) || (*greater && key > than.key))
                })
            }
        }
    }
}

impl Value {
    fn new(element: &Element<'_>) -> Result<Self, QueryError> {
        let key = document_key(element).map_err(|error| QueryError::Broken(error.to_string()))?;
        Ok(Self { document: DocumentBuilder::new().named("v", element).finish(), key })
    }

    fn is_null(&self) -> bool {
        let element = Elements::new(&self.document).ok().and_then(|mut elements| elements.next());
        matches!(element, Some(Ok(Element { kind: ElementType::Null, .. })))
    }

    /// Null is also what is not there.
    fn equals(&self, value: Option<&Element<'_>>) -> bool {
        match value {
            None => self.is_null(),
            Some(value) if value.kind == ElementType::Undefined => self.is_null(),
            Some(value) => document_key(value).is_ok_and(|key| key == self.key),
        }
    }
}

/// Of a key: it has no order among the numbers.
fn is_not_a_number(key: &[u8]) -> bool {
    const NUMBER: u8 = 30;
    const NOT_A_NUMBER: u8 = 1;
    key == [NUMBER, NOT_A_NUMBER]
}

#[cfg(test)]
mod tests {
    use super::*;
    use bson::{Document, doc};

    fn raw(document: &Document) -> Vec<u8> {
        bson::RawDocumentBuf::try_from(document).unwrap().into_bytes()
    }

    fn fits(filter: Document, document: Document) -> bool {
        Query::new(&raw(&filter)).unwrap().fits(&raw(&document))
    }

    #[test]
    fn fields_inside_are_compared() {
        let document = doc! { "a": { "b": 5 }, "list": [{ "n": 1 }, { "n": 2 }], "t": "text" };
        for filter in [
            doc! {},
            doc! { "a.b": 5.0 },
            doc! { "a": { "b": 5 } },
            doc! { "a.b": { "$gt": 4, "$lte": 5 } },
            doc! { "list.n": 2 },
            doc! { "list.1.n": 2 },
            doc! { "list.n": { "$in": [7, 2] } },
            doc! { "gone": null },
            doc! { "t": { "$regex": "^TE", "$options": "i" } },
            doc! { "$or": [{ "t": "x" }, { "a.b": { "$not": { "$gt": 5 } } }] },
            doc! { "$nor": [{ "t": "x" }] },
        ] {
            assert!(fits(filter.clone(), document.clone()), "{filter}");
        }
        for filter in [
            doc! { "a.b": "5" },
            doc! { "a.b": { "$gt": "4" } },
            doc! { "list.n": { "$nin": [7, 2] } },
            doc! { "list.n": { "$ne": 2 } },
            doc! { "gone": { "$exists": true } },
            doc! { "a": { "b": 5, "c": 1 } },
        ] {
            assert!(!fits(filter.clone(), document.clone()), "{filter}");
        }
    }

    #[test]
    fn what_is_not_known_is_refused_by_name() {
        for (filter, name) in [
            (doc! { "a": { "$near": 1 } }, "$near"),
            (doc! { "$where": "1" }, "$where"),
            (doc! { "a": { "$not": { "$size": 1 } } }, "$size"),
            (doc! { "a": { "$regex": "(?=x)" } }, "(?=x)"),
            (doc! { "$or": 1 }, "$or"),
            (doc! { "a": { "$in": 1 } }, "$in"),
            (doc! { "a": { "$gt": 1, "b": 1 } }, "b"),
        ] {
            let error = Query::new(&raw(&filter)).unwrap_err().to_string();
            assert!(error.contains(name), "{filter}: {error}");
        }
    }
}
