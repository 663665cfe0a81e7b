//! How writes are sent, and their answers understood.

use crate::codec::{DocumentBuilder, ElementType};
use crate::mongo::error::write_concern_error;
use crate::mongo::reply::elements;
use crate::mongo::{Connection, MongoError, ServerKind};
use bson::Document;
use std::time::Duration;

/// One command, with what it adds around each document, may be 16 MiB and 16 KiB long.
const LARGEST_BATCH: usize = 16 << 20;
/// What a document takes beside itself, at most.
const AROUND: usize = 16;
const MOST_DOCUMENTS: usize = 50_000;

/// "Duplicate key".
const IS_THERE: i32 = 11_000;

/// Before each further attempt, which looks for a server itself.
const WAITS_MILLISECONDS: [u64; 4] = [250, 1000, 3000, 6000];

impl Connection {
    /// Runs a command that changes something: once there is an answer, the change outlives the
    /// server. Replica sets see to that by themselves; a standalone server forgets, when it is
    /// killed, what it had acknowledged just before, unless it is asked to wait for its journal.
    pub(super) fn change(
        &self,
        database: &str,
        what: &str,
        command: DocumentBuilder,
    ) -> Result<Document, MongoError> {
        let command = match self.server().kind {
            ServerKind::ReplicaSet { .. } | ServerKind::Router => command,
            ServerKind::Standalone => {
                let concern = DocumentBuilder::new().string("w", "majority").finish();
                command.document("writeConcern", &concern)
            }
        };
        self.run(database, what, command)
    }

    /// Sends a write until there is an answer; with it, whether it took several attempts, of
    /// which an earlier one may have been carried out. `command` is made anew for each.
    pub(super) fn write(
        &self,
        database: &str,
        name: &str,
        command: impl Fn() -> DocumentBuilder,
    ) -> Result<(Document, bool), MongoError> {
        let what = format!("cannot write to {database}.{name}");
        let mut waits = WAITS_MILLISECONDS.iter();
        let mut is_repeated = false;
        loop {
            let answer = self.change(database, &what, command());
            let answer = answer.and_then(|answer| match write_concern_error(&what, &answer) {
                Some(error) => Err(error),
                None => Ok(answer),
            });
            match (answer, waits.next()) {
                (Ok(answer), _) => return Ok((answer, is_repeated)),
                (Err(error), Some(wait)) if error.is_passing() => {
                    std::thread::sleep(Duration::from_millis(*wait));
                    is_repeated = true;
                }
                (Err(error), _) => return Err(error),
            }
        }
    }
}

/// How many of the documents go into one command: at least one.
pub fn batch_length(documents: &[&[u8]]) -> usize {
    let mut size = 0;
    let fits = documents.iter().take(MOST_DOCUMENTS).take_while(|document| {
        size += document.len() + AROUND;
        size <= LARGEST_BATCH
    });
    fits.count().max(1)
}

pub struct WriteError {
    /// The number of the document or statement.
    pub at: usize,
    /// A document with this `_id` is there.
    pub is_there: bool,
    pub why: String,
}

pub fn write_errors(answer: &Document) -> Vec<WriteError> {
    let Ok(errors) = answer.get_array("writeErrors") else { return Vec::new() };
    let errors = errors.iter().filter_map(|error| {
        let error = error.as_document()?;
        let by_id = error.get_document("keyPattern").is_ok_and(|key| key.keys().eq(["_id"]));
        let is_there = error.get_i32("code").is_ok_and(|code| code == IS_THERE) && by_id;
        let at = usize::try_from(error.get_i32("index").ok()?).ok()?;
        Some(WriteError { at, is_there, why: error.get_str("errmsg").unwrap_or("").to_string() })
    });
    errors.collect()
}

/// `{_id: value}`; empty if there is none.
pub fn id(document: &[u8]) -> Vec<u8> {
    let elements = elements("a document", document).unwrap_or_default();
    let id = elements.iter().find(|element| element.name == b"_id");
    id.into_iter().fold(DocumentBuilder::new(), DocumentBuilder::element).finish()
}

/// `{_id: {$eq: value}}`: a regular expression, or a document of operators, is meant as a value.
pub fn by_equality(id: &[u8]) -> Vec<u8> {
    let elements = elements("an _id", id).unwrap_or_default();
    let values = elements.iter();
    let equal = values.fold(DocumentBuilder::new(), |equal, value| equal.named("$eq", value));
    DocumentBuilder::new().document("_id", &equal.finish()).finish()
}

pub fn has_empty_timestamp(document: &[u8]) -> bool {
    let elements = elements("a document", document).unwrap_or_default();
    elements.iter().any(|element| {
        element.kind == ElementType::Timestamp && element.name != b"_id" && element.value == [0; 8]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_holds_what_one_command_can() {
        let (small, large) = (vec![0; 1000], vec![0; LARGEST_BATCH]);
        assert_eq!(batch_length(&[&large, &small]), 1);
        assert_eq!(batch_length(&[&small, &large]), 1);
        assert_eq!(batch_length(&[&small, &small]), 2);
        assert_eq!(batch_length(&vec![&small[..]; 100_000]), LARGEST_BATCH / 1016);
    }

    #[test]
    fn only_empty_timestamps_on_the_top_are_endangered() {
        let empty = DocumentBuilder::new().timestamp("t", 0, 0).finish();
        let inside = DocumentBuilder::new().document("d", &empty).finish();
        assert!(has_empty_timestamp(&empty));
        assert!(!has_empty_timestamp(&inside));
        assert!(!has_empty_timestamp(&DocumentBuilder::new().timestamp("_id", 0, 0).finish()));
    }
}
