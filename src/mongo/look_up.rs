//! Documents by their ids, as they are at a moment.

use super::connection::{at_moment, raw};
use super::reply::{CursorReply, find};
use super::{Connection, MongoError};
use crate::codec::{DocumentBuilder, Element, ElementType, document_key};
use crate::model::ClusterTime;
use futures_util::StreamExt;
use std::collections::HashMap;

/// Ids in one question.
const MOST_IDS: usize = 1000;
/// Documents of one answer, in bytes; where they are more, fewer are asked for.
const MOST_BYTES: usize = 24 << 20;
/// What a question may take.
const MOST_QUESTION_BYTES: usize = 4 << 20;

/// Where documents are looked up.
#[derive(Debug, Clone)]
pub struct LookUp {
    pub database: String,
    /// The collection that holds the documents.
    pub name: String,
    pub at: ClusterTime,
    /// The size of a document, about, in bytes.
    pub average: u64,
}

/// An id that is looked up: its canonical key, and `{_id: value}`.
pub type Asked<'a> = (&'a [u8], &'a [u8]);

/// The documents that were found, by key.
type Found = HashMap<Vec<u8>, Vec<u8>>;

impl Connection {
    /// Gives each id to `each`, in the order they are given in, with its document; `None` if there
    /// is none. Memory: some 24 MiB.
    pub fn look_up<E: From<MongoError>>(
        &self,
        place: &LookUp,
        asked: &[Asked<'_>],
        mut each: impl FnMut(&[u8], Option<&[u8]>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut rest = asked;
        let usual = (MOST_BYTES as u64 / 4 / place.average.max(1)).clamp(1, MOST_IDS as u64);
        let mut most = usual as usize;
        while !rest.is_empty() {
            let (now, behind) = rest.split_at(together(rest, most));
            match self.patiently(|| self.found(place, now))? {
                Some(found) => {
                    for (key, _) in now {
                        each(key, found.get(*key).map(Vec::as_slice))?;
                    }
                    rest = behind;
                    most = (most * 2).min(usual as usize);
                }
                None => most = (now.len() / 2).max(1),
            }
        }
        Ok(())
    }

    /// `None` if they are too large to be asked for together.
    fn found(&self, place: &LookUp, asked: &[Asked<'_>]) -> Result<Option<Found>, MongoError> {
        let what = format!("{}.{}", place.database, place.name);
        let command = raw(&what, at_moment(question(&what, place, asked)?, Some(place.at)))?;
        let failed = |error| MongoError::of_command(&what, &error);
        self.runtime.block_on(async {
            let database = self.client.database(&place.database);
            let cursor = database.run_raw_cursor_command(command).batch().await;
            let (mut cursor, mut found) = (cursor.map_err(failed)?, Found::new());
            let (mut bytes, mut is_first) = (0, true);
            while let Some(answer) = cursor.next().await {
                let answer = answer.map_err(failed)?;
                let reply = CursorReply::read(&what, answer.as_raw_document().as_bytes())?;
                // One on a collection that is gone answers ok, and empty, without the moment.
                if std::mem::take(&mut is_first) && reply.at_cluster_time != Some(place.at) {
                    return Err(MongoError::Absent { what: what.clone() });
                }
                for document in reply.documents(&what) {
                    let document = document?;
                    bytes += document.len();
                    found.insert(key(&what, document)?, document.to_vec());
                }
                if bytes > MOST_BYTES && asked.len() > 1 {
                    return Ok(None);
                }
            }
            Ok(Some(found))
        })
    }
}

/// How many of these can be asked for in one question.
fn together(asked: &[Asked<'_>], most: usize) -> usize {
    let mut bytes = 0;
    let fits = |(_, id): &&Asked<'_>| {
        bytes += id.len() + 8;
        bytes <= MOST_QUESTION_BYTES && value(id).is_some_and(|id| is_plain(&id))
    };
    asked.iter().take(most).take_while(fits).count().max(1)
}

fn value(id: &[u8]) -> Option<Element<'_>> {
    find("an id", id, b"_id").ok()?
}

/// Whether a filter means by a value nothing but what is equal to it.
fn is_plain(id: &Element<'_>) -> bool {
    matches!(
        id.kind,
        ElementType::ObjectId
            | ElementType::String
            | ElementType::Int32
            | ElementType::Int64
            | ElementType::Double
            | ElementType::Decimal128
            | ElementType::Boolean
            | ElementType::DateTime
            | ElementType::Timestamp
            | ElementType::Binary
    )
}

/// Plain values by a filter; others one by one by their place in the index, which has no meaning
/// but order. A range with an open end leaves out MaxKey, which is equal only to itself.
fn question(
    what: &str,
    place: &LookUp,
    asked: &[Asked<'_>],
) -> Result<DocumentBuilder, MongoError> {
    let by_id = DocumentBuilder::new().int32("_id", 1).finish();
    let command = DocumentBuilder::new().string("find", &place.name).document("hint", &by_id);
    let command = command.int32("batchSize", MOST_IDS as i32 + 1);
    let single = match asked {
        [(_, id)] => value(id).filter(|value| !is_plain(value)).map(|value| (*id, value)),
        _ => None,
    };
    Ok(match single {
        Some((id, value)) if value.kind == ElementType::MaxKey => command.document("filter", id),
        Some((id, _)) => command.document("min", id).int32("limit", 1),
        None => {
            let values = asked.iter().enumerate().map(|(at, (_, id))| {
                value(id).map(|value| (at, value)).ok_or_else(|| MongoError::answer(what, "no id"))
            });
            let mut array = DocumentBuilder::new();
            for value in values {
                let (at, value) = value?;
                array = array.named(at.to_string(), &value);
            }
            let among = DocumentBuilder::new().raw(ElementType::Array, "$in", &array.finish());
            let filter = DocumentBuilder::new().document("_id", &among.finish());
            command.document("filter", &filter.finish())
        }
    })
}

fn key(what: &str, document: &[u8]) -> Result<Vec<u8>, MongoError> {
    let id = find(what, document, b"_id")?;
    let id = id.ok_or_else(|| MongoError::answer(what, "a document has no _id"))?;
    document_key(&id).map_err(|error| MongoError::answer(what, error))
}
