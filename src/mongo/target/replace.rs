//! Replaces and deletes documents, named by their `_id`.

use super::insert::Refusal;
use super::write::{batch_length, by_equality, has_empty_timestamp, write_errors};
use crate::codec::{DocumentBuilder, Elements};
use crate::mongo::{Connection, MongoError};

/// A document to put in the place of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replacement {
    /// `{_id: value}`, raw, as it is there.
    pub id: Vec<u8>,
    /// Whole, with that `_id`.
    pub document: Vec<u8>,
}

/// What became of documents.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Replaced {
    pub replaced: u64,
    pub refused: Vec<Refusal>,
}

impl Connection {
    /// Puts documents in the place of those with the same `_id`; one that is gone meanwhile is
    /// put there again. Validators are passed over; empty timestamps stay empty.
    pub fn replace(
        &self,
        database: &str,
        name: &str,
        replacements: &[Replacement],
    ) -> Result<Replaced, MongoError> {
        let mut all = Replaced::default();
        let statements: Vec<Vec<u8>> = replacements.iter().map(statement).collect();
        let mut rest: Vec<&[u8]> = statements.iter().map(Vec::as_slice).collect();
        let mut at = 0;
        while !rest.is_empty() {
            let batch: Vec<&[u8]> = rest.drain(..batch_length(&rest)).collect();
            let (answer, _) = self.write(database, name, || {
                DocumentBuilder::new()
                    .string("update", name)
                    .boolean("ordered", false)
                    .boolean("bypassDocumentValidation", true)
                    .documents("updates", batch.iter().copied())
            })?;
            let errors = write_errors(&answer);
            all.replaced += (batch.len() - errors.len().min(batch.len())) as u64;
            for error in errors {
                let Some(replacement) = replacements.get(at + error.at) else { continue };
                all.refused.push(Refusal { id: replacement.id.clone(), why: error.why });
            }
            at += batch.len();
        }
        Ok(all)
    }

    /// Deletes the documents with these `_id`s, `{_id: value}` each; how many were there.
    pub fn delete(&self, database: &str, name: &str, ids: &[Vec<u8>]) -> Result<u64, MongoError> {
        let statements: Vec<Vec<u8>> = ids
            .iter()
            .map(|id| {
                DocumentBuilder::new().document("q", &by_equality(id)).int32("limit", 1).finish()
            })
            .collect();
        let mut rest: Vec<&[u8]> = statements.iter().map(Vec::as_slice).collect();
        let mut deleted = 0;
        while !rest.is_empty() {
            let batch: Vec<&[u8]> = rest.drain(..batch_length(&rest)).collect();
            let (answer, _) = self.write(database, name, || {
                DocumentBuilder::new()
                    .string("delete", name)
                    .boolean("ordered", false)
                    .documents("deletes", batch.iter().copied())
            })?;
            deleted += answer.get_i32("n").map_or(0, |n| u64::try_from(n).unwrap_or(0));
            if let Some(error) = write_errors(&answer).into_iter().next() {
                let what = format!("cannot delete from {database}.{name}");
                return Err(MongoError::answer(what, error.why));
            }
        }
        Ok(deleted)
    }
}

/// One update. The server puts the time into every empty timestamp on the top of what replaces,
/// and takes names that begin with `$` for operators; not so in what a pipeline makes.
fn statement(replacement: &Replacement) -> Vec<u8> {
    let Replacement { id, document } = replacement;
    let update = DocumentBuilder::new().document("q", &by_equality(id));
    let update = match has_empty_timestamp(document) || has_operators(document) {
        false => update.document("u", document),
        true => {
            let literal = DocumentBuilder::new().document("$literal", document).finish();
            let stage = DocumentBuilder::new().document("$replaceWith", &literal).finish();
            update.documents("u", [&stage[..]])
        }
    };
    update.boolean("upsert", true).finish()
}

fn has_operators(document: &[u8]) -> bool {
    let Ok(mut elements) = Elements::new(document) else { return false };
    elements.any(|element| element.is_ok_and(|element| element.name.starts_with(b"$")))
}
