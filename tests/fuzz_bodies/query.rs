//! A filter and a document that it is asked about: as BSON, or the filter as JSON.

use super::reading::read;
use snapstore::codec::{DocumentBuilder, ElementType, JsonTape, read_extended_json};
use snapstore::format::documents;
use snapstore::mongo::Query;

pub fn body(bytes: &[u8]) {
    let mut whole = documents(bytes).map_while(Result::ok);
    if let Some(filter) = whole.next() {
        holds(filter, whole.next().unwrap_or(filter));
    }
    if let Some(tape) = read(JsonTape::parse(bytes))
        && let Some(filter) = read(read_extended_json(&tape, 0, false))
    {
        holds(&filter, &filter);
    }
}

/// The laws of logic.
fn holds(filter: &[u8], document: &[u8]) {
    let Some(query) = read(Query::new(filter)) else { return };
    let fits = query.fits(document);
    for (operator, expected) in [("$and", fits), ("$or", fits), ("$nor", !fits)] {
        let wrapped = DocumentBuilder::new().documents(operator, [filter, filter]).finish();
        // Unless that is too deep.
        if let Some(query) = read(Query::new(&wrapped)) {
            assert_eq!(query.fits(document), expected, "{operator}");
        }
    }
    let all = DocumentBuilder::new().raw(ElementType::Document, "a", document).finish();
    query.fits(&all);
}
