//! Inserts documents as they are.

use crate::codec::{DocumentBuilder, ElementType};
use crate::mongo::error::write_concern_error;
use crate::mongo::reply::elements;
use crate::mongo::{Connection, MongoError};
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

/// What became of documents.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inserted {
    pub inserted: u64,
    /// Documents whose `_id` was there already: they stayed as they were.
    pub present: u64,
    pub refused: Vec<Refusal>,
}

/// A document that the server did not take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// `{_id: value}`, raw.
    pub id: Vec<u8>,
    pub why: String,
}

impl Connection {
    /// Inserts documents, in as many commands as it takes. Validators are passed over: what was
    /// in the collection may go back. Empty timestamps stay empty. With `in_order` nothing is
    /// inserted before what comes before it (capped collections keep the order).
    pub fn insert(
        &self,
        database: &str,
        name: &str,
        documents: &[&[u8]],
        in_order: bool,
    ) -> Result<Inserted, MongoError> {
        let mut all = Inserted::default();
        let mut rest = documents;
        while !rest.is_empty() {
            let (batch, behind) = rest.split_at(batch_length(rest));
            rest = behind;
            let inserting = Inserting { connection: self, database, name, in_order };
            inserting.batch(batch, &mut all)?;
        }
        Ok(all)
    }
}

/// How many of the documents go into one command: at least one.
fn batch_length(documents: &[&[u8]]) -> usize {
    let mut size = 0;
    let fits = documents.iter().take(MOST_DOCUMENTS).take_while(|document| {
        size += document.len() + AROUND;
        size <= LARGEST_BATCH
    });
    fits.count().max(1)
}

struct Inserting<'a> {
    connection: &'a Connection,
    database: &'a str,
    name: &'a str,
    in_order: bool,
}

impl Inserting<'_> {
    fn batch(&self, documents: &[&[u8]], all: &mut Inserted) -> Result<(), MongoError> {
        let mut rest = documents;
        while !rest.is_empty() {
            let (errors, is_repeated) = self.send(rest)?;
            // In order, the server stops where it fails.
            let done = match errors.first().filter(|_| self.in_order) {
                Some(error) => rest.len().min(error.at + 1),
                None => rest.len(),
            };
            let (done, behind) = rest.split_at(done);
            self.count(done, errors, is_repeated, all)?;
            rest = behind;
        }
        Ok(())
    }

    fn count(
        &self,
        documents: &[&[u8]],
        errors: Vec<WriteError>,
        is_repeated: bool,
        all: &mut Inserted,
    ) -> Result<(), MongoError> {
        let mut failed = vec![false; documents.len()];
        for error in errors {
            let Some(document) = documents.get(error.at) else { continue };
            failed[error.at] = true;
            match error.is_there {
                // An attempt whose answer was lost may have put it there.
                true if is_repeated && self.is_same(document)? => failed[error.at] = false,
                true => all.present += 1,
                false => all.refused.push(Refusal { id: id(document), why: error.why }),
            }
        }
        let put = documents.iter().zip(failed).filter(|(_, failed)| !failed).map(|(put, _)| *put);
        for document in put {
            all.inserted += 1;
            if has_empty_timestamp(document) {
                self.put_empty_timestamps_back(document)?;
            }
        }
        Ok(())
    }

    /// Sends one batch until there is an answer; whether it took several attempts.
    fn send(&self, documents: &[&[u8]]) -> Result<(Vec<WriteError>, bool), MongoError> {
        let what = format!("cannot write to {}.{}", self.database, self.name);
        let mut waits = WAITS_MILLISECONDS.iter();
        let mut is_repeated = false;
        loop {
            let command = DocumentBuilder::new()
                .string("insert", self.name)
                .boolean("ordered", self.in_order)
                .boolean("bypassDocumentValidation", true)
                .documents("documents", documents.iter().copied());
            let answer = self.connection.run(self.database, &what, command);
            let answer = answer.and_then(|answer| match write_concern_error(&what, &answer) {
                Some(error) => Err(error),
                None => Ok(answer),
            });
            match (answer, waits.next()) {
                (Ok(answer), _) => return Ok((write_errors(&answer), is_repeated)),
                (Err(error), Some(wait)) if error.is_passing() => {
                    std::thread::sleep(Duration::from_millis(*wait));
                    is_repeated = true;
                }
                (Err(error), _) => return Err(error),
            }
        }
    }

    fn is_same(&self, document: &[u8]) -> Result<bool, MongoError> {
        let what = format!("a document of {}.{}", self.database, self.name);
        let command = DocumentBuilder::new()
            .string("find", self.name)
            .document("filter", &by_equality(&id(document)))
            .int32("limit", 1);
        let (found, _) = self.connection.list(self.database, &what, command)?;
        Ok(found.first().is_some_and(|found| *found == document))
    }

    /// The server puts the time into every empty timestamp on the top of what is inserted or
    /// replaced, and not into what a pipeline makes.
    fn put_empty_timestamps_back(&self, document: &[u8]) -> Result<(), MongoError> {
        let what = format!("cannot write to {}.{}", self.database, self.name);
        let literal = DocumentBuilder::new().document("$literal", document).finish();
        let stage = DocumentBuilder::new().document("$replaceWith", &literal).finish();
        let update = DocumentBuilder::new()
            .document("q", &by_equality(&id(document)))
            .documents("u", [&stage[..]])
            .finish();
        let command = DocumentBuilder::new()
            .string("update", self.name)
            .boolean("bypassDocumentValidation", true)
            .documents("updates", [&update[..]]);
        let answer = self.connection.run(self.database, &what, command)?;
        match write_errors(&answer).into_iter().next() {
            None => Ok(()),
            Some(error) => Err(MongoError::answer(what, error.why)),
        }
    }
}

struct WriteError {
    at: usize,
    is_there: bool,
    why: String,
}

fn write_errors(answer: &Document) -> Vec<WriteError> {
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
fn id(document: &[u8]) -> Vec<u8> {
    let elements = elements("a document", document).unwrap_or_default();
    let id = elements.iter().find(|element| element.name == b"_id");
    id.into_iter().fold(DocumentBuilder::new(), DocumentBuilder::element).finish()
}

/// `{_id: {$eq: value}}`: a regular expression, or a document of operators, is meant as a value.
fn by_equality(id: &[u8]) -> Vec<u8> {
    let elements = elements("an _id", id).unwrap_or_default();
    let values = elements.iter();
    let equal = values.fold(DocumentBuilder::new(), |equal, value| equal.named("$eq", value));
    DocumentBuilder::new().document("_id", &equal.finish()).finish()
}

fn has_empty_timestamp(document: &[u8]) -> bool {
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
