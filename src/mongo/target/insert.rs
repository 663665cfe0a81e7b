//! Inserts documents as they are.

use super::replace::Replacement;
use super::write::{WriteError, batch_length, by_equality, has_empty_timestamp, id, write_errors};
use crate::codec::DocumentBuilder;
use crate::mongo::{Connection, MongoError};

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
                all.refused.extend(self.put_empty_timestamps_back(document)?);
            }
        }
        Ok(())
    }

    /// Sends one batch until there is an answer; whether it took several attempts.
    fn send(&self, documents: &[&[u8]]) -> Result<(Vec<WriteError>, bool), MongoError> {
        let (answer, is_repeated) = self.connection.write(self.database, self.name, || {
            DocumentBuilder::new()
                .string("insert", self.name)
                .boolean("ordered", self.in_order)
                .boolean("bypassDocumentValidation", true)
                .documents("documents", documents.iter().copied())
        })?;
        Ok((write_errors(&answer), is_repeated))
    }

    /// The server has put the time into them.
    fn put_empty_timestamps_back(&self, document: &[u8]) -> Result<Vec<Refusal>, MongoError> {
        let replacement = Replacement { id: id(document), document: document.to_vec() };
        match self.connection.replace(self.database, self.name, &[replacement]) {
            Ok(replaced) => Ok(replaced.refused),
            Err(error) if error.is_not_authorised() => {
                let why = "it is there, but the server has put the time into its empty \
                     timestamps, and this account may not put them back";
                Ok(vec![Refusal { id: id(document), why: why.to_string() }])
            }
            Err(error) => Err(error),
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
}
