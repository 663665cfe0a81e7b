//! Looks documents up that may be in the way of others.

use crate::codec::{DocumentBuilder, ElementType, Elements};
use crate::mongo::connection::raw;
use crate::mongo::reply::CursorReply;
use crate::mongo::{Connection, MongoError};
use futures_util::StreamExt;
use std::cell::RefCell;

impl Connection {
    /// Shows every document whose `_id` is one of these, `{_id: value}` each. Where a connection
    /// breaks documents are shown again.
    pub fn each_by_id(
        &self,
        database: &str,
        name: &str,
        ids: &[Vec<u8>],
        see: &mut dyn FnMut(&[u8]),
    ) -> Result<(), MongoError> {
        self.each_with(database, name, b"_id", ids, see)
    }

    /// Shows every document that has one of these values, or an array with one of them, in the
    /// field `field` (dotted). Each value is the only element of a document. Where a connection
    /// breaks documents are shown again.
    pub fn each_with(
        &self,
        database: &str,
        name: &str,
        field: &[u8],
        values: &[Vec<u8>],
        see: &mut dyn FnMut(&[u8]),
    ) -> Result<(), MongoError> {
        let mut array = DocumentBuilder::new();
        for (at, value) in values.iter().enumerate() {
            let element = Elements::new(value).ok().and_then(|mut all| all.next());
            let Some(Ok(element)) = element else { continue };
            array = array.named(at.to_string(), &element);
        }
        let one_of =
            DocumentBuilder::new().raw(ElementType::Array, "$in", &array.finish()).finish();
        let filter = DocumentBuilder::new().document(field, &one_of).finish();
        let command = DocumentBuilder::new().string("find", name).document("filter", &filter);
        let what = format!("{database}.{name}");
        let see = RefCell::new(see);
        self.patiently(|| self.each(database, &what, command.clone(), &mut **see.borrow_mut()))
    }

    /// Whether a document is there.
    pub fn is_empty(&self, database: &str, name: &str) -> Result<bool, MongoError> {
        let command = DocumentBuilder::new().string("find", name).int32("limit", 1);
        let mut is_empty = true;
        let what = format!("{database}.{name}");
        self.each(database, &what, command, &mut |_| is_empty = false)?;
        Ok(is_empty)
    }

    /// How many documents are there, by looking at them all.
    pub fn count(&self, database: &str, name: &str) -> Result<u64, MongoError> {
        let what = format!("the number of documents in {database}.{name}");
        let stage = DocumentBuilder::new().string("$count", "n").finish();
        let command = DocumentBuilder::new()
            .string("aggregate", name)
            .documents("pipeline", [&stage[..]])
            .document("cursor", &DocumentBuilder::new().finish());
        let (lines, _) = self.list(database, &what, command)?;
        let Some(line) = lines.first() else { return Ok(0) };
        let number = crate::mongo::reply::find(&what, line, b"n")?;
        let number = number.and_then(|number| u64::try_from(number.integer()?).ok());
        number.ok_or_else(|| MongoError::answer(&what, "no number"))
    }

    /// Runs a cursor command to its end, and shows what it brings as it comes.
    fn each(
        &self,
        database: &str,
        what: &str,
        command: DocumentBuilder,
        see: &mut dyn FnMut(&[u8]),
    ) -> Result<(), MongoError> {
        let failed = |error| MongoError::of_command(what, &error);
        let command = raw(what, command)?;
        self.runtime.block_on(async {
            let database = self.client.database(database);
            let mut cursor =
                database.run_raw_cursor_command(command).batch().await.map_err(failed)?;
            while let Some(batch) = cursor.next().await {
                let batch = batch.map_err(failed)?;
                let reply = CursorReply::read(what, batch.as_raw_document().as_bytes())?;
                for document in reply.documents(what) {
                    see(document?);
                }
            }
            Ok(())
        })
    }
}
