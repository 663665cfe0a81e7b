//! Makes indexes.

use crate::codec::DocumentBuilder;
use crate::mongo::reply::{find, text};
use crate::mongo::{Connection, MongoError};

/// What became of one index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexOutcome {
    pub name: String,
    pub result: Result<(), MongoError>,
}

impl Connection {
    /// Makes indexes by their specifications: all with one pass over the documents, or, where the
    /// server refuses that, one by one. Those that are there already are made.
    pub fn create_indexes(
        &self,
        database: &str,
        name: &str,
        specifications: &[Vec<u8>],
        is_collated: bool,
    ) -> Vec<IndexOutcome> {
        let specifications: Vec<Vec<u8>> =
            specifications.iter().map(|index| explicit(index, is_collated)).collect();
        if specifications.is_empty() {
            return Vec::new();
        }
        let together = self.try_create_indexes(database, name, &specifications);
        specifications
            .iter()
            .map(|index| {
                let result = match &together {
                    Ok(()) => Ok(()),
                    Err(_) => self.try_create_indexes(database, name, std::slice::from_ref(index)),
                };
                IndexOutcome { name: index_name(index), result }
            })
            .collect()
    }

    fn try_create_indexes(
        &self,
        database: &str,
        name: &str,
        specifications: &[Vec<u8>],
    ) -> Result<(), MongoError> {
        let names: Vec<String> = specifications.iter().map(|index| index_name(index)).collect();
        let what = format!("cannot create the index {} of {database}.{name}", names.join(", "));
        let command = DocumentBuilder::new()
            .string("createIndexes", name)
            .documents("indexes", specifications.iter().map(Vec::as_slice));
        self.change(database, &what, command).map(drop)
    }
}

/// The name of an index, for people.
fn index_name(specification: &[u8]) -> String {
    let name = find("index", specification, b"name").ok().flatten();
    name.as_ref().and_then(text).unwrap_or_else(|| "without a name".to_string())
}

/// A specification without a collation means the simple one; given to a collection that has
/// another, it would mean that.
fn explicit(specification: &[u8], is_collated: bool) -> Vec<u8> {
    let has_collation = matches!(find("index", specification, b"collation"), Ok(Some(_)));
    let Ok(elements) = crate::codec::Elements::new(specification) else {
        return specification.to_vec();
    };
    if has_collation || !is_collated {
        return specification.to_vec();
    }
    let simple = DocumentBuilder::new().string("locale", "simple").finish();
    let copied = elements.filter_map(Result::ok);
    let copied = copied.fold(DocumentBuilder::new(), |index, element| index.element(&element));
    copied.document("collation", &simple).finish()
}
