//! The catalog as it is, by `listCollections` and `listIndexes`.

use super::{Listed, ListedKind, required, uuid};
use crate::codec::DocumentBuilder;
use crate::mongo::reply::elements;
use crate::mongo::{Connection, MongoError};

const WHAT: &str = "the list of collections";

/// "Namespace not found": it was dropped since it was listed.
const NOT_FOUND: i32 = 26;
/// "Command not supported on a view".
const IS_A_VIEW: i32 = 166;

impl Connection {
    pub(super) fn catalog_now(&self, database: &str) -> Result<Vec<Listed>, MongoError> {
        let command = DocumentBuilder::new().int32("listCollections", 1);
        let (lines, _) = self.list(database, WHAT, command)?;
        let mut listed = Vec::new();
        for line in &lines {
            listed.extend(self.listed(database, line)?);
        }
        Ok(listed)
    }

    fn listed(&self, database: &str, line: &[u8]) -> Result<Option<Listed>, MongoError> {
        let line = elements(WHAT, line)?;
        let Some(kind) = ListedKind::of(&required(WHAT, &line, "type")?) else { return Ok(None) };
        let name = required(WHAT, &line, "name")?;
        let inside = |name: &[u8]| line.iter().find(|element| element.name == name);
        let options = match inside(b"options") {
            Some(options) => options.value.to_vec(),
            None => DocumentBuilder::new().finish(),
        };
        let info = inside(b"info").map_or(Ok(Vec::new()), |info| elements(WHAT, info.value))?;
        let indexes = match kind {
            ListedKind::Collection => self.indexes(database, &name)?,
            ListedKind::View | ListedKind::TimeSeries => Vec::new(),
        };
        Ok(Some(Listed { name, kind, options, uuid: uuid(&info), indexes }))
    }

    /// The specifications of a collection's indexes, as they are.
    pub(crate) fn indexes(&self, database: &str, name: &str) -> Result<Vec<Vec<u8>>, MongoError> {
        let what = format!("the indexes of {database}.{name}");
        let command = DocumentBuilder::new().string("listIndexes", name);
        match self.list(database, &what, command) {
            Ok((indexes, _)) => indexes
                .iter()
                .map(|index| {
                    let index = elements(&what, index)?;
                    let kept = index.iter().filter(|element| !is_told_only(element.name));
                    Ok(kept.fold(DocumentBuilder::new(), DocumentBuilder::element).finish())
                })
                .collect(),
            Err(error) if error.code() == Some(NOT_FOUND) => Ok(Vec::new()),
            Err(error) if error.code() == Some(IS_A_VIEW) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }
}

/// What a list tells of an index, and the specification does not have.
fn is_told_only(name: &[u8]) -> bool {
    matches!(name, b"ns" | b"clustered")
}
