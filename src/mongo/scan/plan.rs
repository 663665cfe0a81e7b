//! How a collection is divided among sessions.

use super::ScanOptions;
use crate::codec::{DocumentBuilder, Element, document_key};
use crate::mongo::reply::{elements, find};
use crate::mongo::{Connection, MongoError, Order};

/// Bytes of documents in one range, about.
const RANGE_BYTES: u64 = 24 << 20;
/// Boundaries are chosen among so many times as many ids, taken at random.
const SAMPLED: u64 = 10;
const MOST_RANGES: u64 = 4096;

/// What one session reads with one cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Documents from `from` on (of all if it is none) up to before `to`: each `{_id: value}`.
    Range { from: Option<Vec<u8>>, to: Option<Vec<u8>> },
    /// The one document whose id is MaxKey, which a range with an open end leaves out.
    MaxKey,
    /// All, sorted by the server.
    Sorted,
    /// All, as they lie there.
    Natural,
}

/// The parts of a collection in order, and the average size of its documents in bytes.
pub fn parts(
    connection: &Connection,
    options: &ScanOptions,
) -> Result<(Vec<Part>, u64), MongoError> {
    let (size, count) = size(connection, options);
    let average = size / count.max(1);
    let parts = match options.order {
        Order::Sorted => vec![Part::Sorted],
        Order::Natural => vec![Part::Natural],
        Order::Index => {
            let ranges = (size / RANGE_BYTES).min(MOST_RANGES).min(count / 1000);
            ranged(boundaries(connection, options, ranges))
        }
    };
    Ok((parts, average))
}

fn ranged(boundaries: Vec<Vec<u8>>) -> Vec<Part> {
    let starts = std::iter::once(None).chain(boundaries.iter().cloned().map(Some));
    let ends = boundaries.iter().cloned().map(Some).chain(std::iter::once(None));
    let ranges = starts.zip(ends).map(|(from, to)| Part::Range { from, to });
    ranges.chain([Part::MaxKey]).collect()
}

/// Bytes and documents, roughly; zeros where that may not be known.
fn size(connection: &Connection, options: &ScanOptions) -> (u64, u64) {
    let command = DocumentBuilder::new().string("collStats", &options.name);
    let Ok(answer) = connection.run(&options.database, "the size", command) else { return (0, 0) };
    let number = |name: &str| {
        let number = answer.get(name);
        let number = number.and_then(|n| {
            n.as_i64().or(n.as_i32().map(i64::from)).or(n.as_f64().map(|n| n as i64))
        });
        number.and_then(|number| u64::try_from(number).ok()).unwrap_or(0)
    };
    (number("size"), number("count"))
}

/// Ids that divide a collection into `ranges` parts of about the same size, ascending. They only
/// divide the work: what they are is not important. Fewer, or none, where they cannot be had.
fn boundaries(connection: &Connection, options: &ScanOptions, ranges: u64) -> Vec<Vec<u8>> {
    if ranges < 2 {
        return Vec::new();
    }
    let sample = DocumentBuilder::new().int32("size", (ranges * SAMPLED) as i32).finish();
    let only = DocumentBuilder::new().int32("_id", 1).finish();
    let stages = [
        DocumentBuilder::new().document("$sample", &sample).finish(),
        DocumentBuilder::new().document("$project", &only).finish(),
    ];
    let command = DocumentBuilder::new()
        .string("aggregate", &options.name)
        .documents("pipeline", stages.iter().map(Vec::as_slice))
        .document("cursor", &DocumentBuilder::new().finish());
    let sampled = connection.list(&options.database, "a sample", command);
    let Ok((sampled, _)) = sampled else { return Vec::new() };
    let mut keyed: Vec<(Vec<u8>, Vec<u8>)> = sampled.iter().filter_map(|id| keyed(id)).collect();
    keyed.sort_unstable();
    keyed.dedup_by(|one, other| one.0 == other.0);
    let step = (keyed.len() / ranges as usize).max(1);
    keyed.into_iter().skip(step).step_by(step).map(|(_, id)| id).collect()
}

/// The key of a document, and `{_id: value}`.
fn keyed(document: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let id = find("a sample", document, b"_id").ok()??;
    Some((document_key(&id).ok()?, only_id(&id)))
}

/// `{_id: value}`.
pub fn only_id(id: &Element<'_>) -> Vec<u8> {
    DocumentBuilder::new().named("_id", id).finish()
}

/// The `_id` of a document, as `{_id: value}` with its key.
pub fn id_of(what: &str, document: &[u8]) -> Result<(Vec<u8>, Vec<u8>), MongoError> {
    let elements = elements(what, document)?;
    let id = elements.iter().find(|element| element.name == b"_id");
    let id = id.ok_or_else(|| MongoError::answer(what, "a document has no _id"))?;
    let key = document_key(id).map_err(|error| MongoError::answer(what, error))?;
    Ok((only_id(id), key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_meet() {
        let id = |n| DocumentBuilder::new().int32("_id", n).finish();
        let parts = ranged(vec![id(1), id(2)]);
        let expected = [
            Part::Range { from: None, to: Some(id(1)) },
            Part::Range { from: Some(id(1)), to: Some(id(2)) },
            Part::Range { from: Some(id(2)), to: None },
            Part::MaxKey,
        ];
        assert_eq!(parts, expected);
        assert_eq!(ranged(Vec::new()), [Part::Range { from: None, to: None }, Part::MaxKey]);
    }
}
