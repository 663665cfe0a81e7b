//! What lets documents expire is made last, and not at all where documents that were just
//! restored would be gone within a minute.

use crate::codec::{DocumentBuilder, Element, ElementType, Elements};
use crate::mongo::{Connection, MongoError};
use jiff::Timestamp;

/// The field by whose date documents expire, and after how many seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expiry {
    field: Vec<u8>,
    seconds: i64,
}

impl Expiry {
    /// Of an index.
    pub fn of_index(specification: &[u8]) -> Option<Self> {
        let seconds = find(specification, b"expireAfterSeconds")?.integer()?;
        let key = find(specification, b"key")?;
        let mut fields = key.elements()?.ok()?;
        let field = fields.next()?.ok()?.name.to_vec();
        Some(Self { field, seconds })
    }

    /// Of a time series, or a collection clustered by dates.
    pub fn of_options(options: &[u8]) -> Option<Self> {
        let seconds = find(options, b"expireAfterSeconds")?.integer()?;
        let time_field = find(options, b"timeseries")
            .and_then(|series| series.elements()?.ok()?.find(b"timeField").ok()?)
            .and_then(|field| Some(field.text()?.to_vec()));
        Some(Self { field: time_field.unwrap_or_else(|| b"_id".to_vec()), seconds })
    }

    /// Whether documents that are there now would expire at once.
    pub fn is_due(
        &self,
        connection: &Connection,
        database: &str,
        name: &str,
        now: Timestamp,
    ) -> Result<bool, MongoError> {
        let before = now.as_millisecond().saturating_sub(self.seconds.saturating_mul(1000));
        connection.has_older(database, name, &self.field, before)
    }

    /// For mongosh: makes the index that was held back.
    pub fn index_command(database: &str, name: &str, specification: &[u8]) -> String {
        let indexes = DocumentBuilder::new().documents("indexes", [specification]).finish();
        let indexes = find(&indexes, b"indexes").map(|indexes| shown(&indexes)).unwrap_or_default();
        format!(
            "db.getSiblingDB({database:?}).runCommand({{createIndexes: {name:?}, indexes: {indexes}}})"
        )
    }

    /// For mongosh: sets the option that was held back.
    pub fn option_command(&self, database: &str, name: &str) -> String {
        let seconds = self.seconds;
        format!(
            "db.getSiblingDB({database:?}).runCommand({{collMod: {name:?}, expireAfterSeconds: {seconds}}})"
        )
    }
}

fn find<'a>(document: &'a [u8], name: &[u8]) -> Option<Element<'a>> {
    Elements::new(document).and_then(|elements| elements.find(name)).ok()?
}

/// A value as mongosh reads it, where it is of a kind that specifications have.
fn shown(element: &Element<'_>) -> String {
    let parsed =
        bson::RawDocumentBuf::from_bytes(DocumentBuilder::new().named("v", element).finish());
    let parsed = parsed.ok().and_then(|raw| bson::Document::try_from(raw).ok());
    let value = parsed.and_then(|document| document.get("v").cloned());
    match (value, element.kind) {
        (Some(value), _) => value.to_string(),
        (None, ElementType::Null) => "null".to_string(),
        (None, _) => "?".to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index() -> Vec<u8> {
        let key = DocumentBuilder::new().int32("seen", 1).finish();
        DocumentBuilder::new()
            .int32("v", 2)
            .document("key", &key)
            .string("name", "seen_1")
            .int32("expireAfterSeconds", 60)
            .finish()
    }

    #[test]
    fn expiry_is_found() {
        let found = Expiry::of_index(&index()).unwrap();
        assert_eq!(found, Expiry { field: b"seen".to_vec(), seconds: 60 });
        assert_eq!(Expiry::of_options(&DocumentBuilder::new().finish()), None);
    }

    #[test]
    fn the_command_can_be_typed() {
        assert_eq!(
            Expiry::index_command("bot", "sessions", &index()),
            "db.getSiblingDB(\"bot\").runCommand({createIndexes: \"sessions\", indexes: \
             [{ \"v\": 2, \"key\": { \"seen\": 1 }, \"name\": \"seen_1\", \
             \"expireAfterSeconds\": 60 }]})"
        );
    }
}
