//! Documents by their ids, as they are at a moment.

use super::connection::{at_moment, raw};
use super::reply::{CursorReply, find};
use super::{Connection, MongoError};
use crate::codec::{DocumentBuilder, Element, ElementType, Elements, document_key};
use crate::model::ClusterTime;
use futures_util::StreamExt;
use std::collections::{HashMap, VecDeque};
use tokio::task::JoinHandle;

/// Ids in one question.
const MOST_IDS: usize = 1000;
/// Documents of one answer, in bytes; where they are more, fewer are asked for.
const MOST_BYTES: usize = 12 << 20;
/// Questions on their way at one time.
const QUESTIONS: usize = 4;
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

/// The documents that were found, by key; `None` if they are too large to be asked for together.
type Found = Option<HashMap<Vec<u8>, Vec<u8>>>;

/// A question on its way, with what it asks for.
type Waiting<'a> = (&'a [Asked<'a>], JoinHandle<Result<Found, MongoError>>);

impl Connection {
    /// Gives each id to `each`, in the order they are given in, with its document; `None` if there
    /// is none. Memory: some 50 MiB.
    pub fn look_up<E: From<MongoError>>(
        &self,
        place: &LookUp,
        asked: &[Asked<'_>],
        mut each: impl FnMut(&[u8], Option<&[u8]>) -> Result<(), E>,
    ) -> Result<(), E> {
        let usual = (MOST_BYTES as u64 / 4 / place.average.max(1)).clamp(1, MOST_IDS as u64);
        let (mut rest, mut waiting) = (asked, VecDeque::<Waiting<'_>>::new());
        loop {
            while waiting.len() < QUESTIONS && !rest.is_empty() {
                let (now, behind) = rest.split_at(together(rest, usual as usize));
                rest = behind;
                waiting.push_back((now, self.runtime.spawn(self.question(place, now)?)));
            }
            let Some((now, found)) = waiting.pop_front() else { return Ok(()) };
            match self.runtime.block_on(found) {
                Ok(Ok(Some(found))) => {
                    for (key, _) in now {
                        each(key, found.get(*key).map(Vec::as_slice))?;
                    }
                }
                Ok(Err(error)) if !error.is_passing() => return Err(error.into()),
                _ => self.look_up_slowly(place, now, &mut each)?,
            }
        }
    }

    /// One question after another, again where the server passes through something, for fewer at
    /// once where they are too large.
    fn look_up_slowly<E: From<MongoError>>(
        &self,
        place: &LookUp,
        asked: &[Asked<'_>],
        each: &mut impl FnMut(&[u8], Option<&[u8]>) -> Result<(), E>,
    ) -> Result<(), E> {
        let (mut rest, mut most) = (asked, asked.len());
        while !rest.is_empty() {
            let (now, behind) = rest.split_at(together(rest, most));
            let ask = || self.runtime.block_on(self.question(place, now)?);
            match self.patiently(ask)? {
                Some(found) => {
                    for (key, _) in now {
                        each(key, found.get(*key).map(Vec::as_slice))?;
                    }
                    rest = behind;
                }
                None => most = (now.len() / 2).max(1),
            }
        }
        Ok(())
    }

    fn question(
        &self,
        place: &LookUp,
        asked: &[Asked<'_>],
    ) -> Result<impl Future<Output = Result<Found, MongoError>> + Send + use<>, MongoError> {
        let what = format!("{}.{}", place.database, place.name);
        let command = raw(&what, at_moment(question(&what, place, asked)?, Some(place.at)))?;
        let (database, at) = (self.client.database(&place.database), place.at);
        let is_single = asked.len() == 1;
        Ok(async move {
            let failed = |error| MongoError::of_command(&what, &error);
            let cursor = database.run_raw_cursor_command(command).batch().await;
            let (mut cursor, mut found) = (cursor.map_err(failed)?, HashMap::new());
            let (mut bytes, mut is_first) = (0, true);
            while let Some(answer) = cursor.next().await {
                let answer = answer.map_err(failed)?;
                let reply = CursorReply::read(&what, answer.as_raw_document().as_bytes())?;
                // One on a collection that is gone answers ok, and empty, without the moment.
                if std::mem::take(&mut is_first) && reply.at_cluster_time != Some(at) {
                    return Err(MongoError::Absent { what });
                }
                for document in reply.documents(&what) {
                    let document = document?;
                    bytes += document.len();
                    found.insert(key(&what, document)?, document.to_vec());
                }
                if bytes > MOST_BYTES && !is_single {
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
    ) || is_plain_document(id)
}

/// A document is compared as a whole, unless it looks like an operator.
fn is_plain_document(id: &Element<'_>) -> bool {
    let is_plain = |mut fields: Elements<'_>| {
        fields.all(|field| field.is_ok_and(|field| !field.name.starts_with(b"$")))
    };
    id.kind == ElementType::Document && Elements::new(id.value).is_ok_and(is_plain)
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
