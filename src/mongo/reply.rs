//! Answers of the server to cursor commands, read in place.

use super::MongoError;
use crate::codec::{Element, ElementType, Elements};
use crate::model::ClusterTime;

/// What is found in an answer: where its documents lie, and the moment that it is of.
pub struct CursorReply<'a> {
    documents: Elements<'a>,
    pub at_cluster_time: Option<ClusterTime>,
}

impl<'a> CursorReply<'a> {
    pub fn read(what: &str, reply: &'a [u8]) -> Result<Self, MongoError> {
        let malformed = |why: &dyn ToString| MongoError::answer(what, why.to_string());
        let cursor = find(what, reply, b"cursor")?.ok_or_else(|| malformed(&"no cursor"))?;
        let (mut batch, mut at_cluster_time) = (None, None);
        let elements = cursor.elements().ok_or_else(|| malformed(&"no cursor"))?;
        for element in elements.map_err(|error| malformed(&error))? {
            let element = element.map_err(|error| malformed(&error))?;
            match element.name {
                b"firstBatch" | b"nextBatch" => batch = element.elements(),
                b"atClusterTime" => at_cluster_time = cluster_time(&element),
                _ => {}
            }
        }
        let documents = batch.ok_or_else(|| malformed(&"no batch"))?;
        Ok(Self { documents: documents.map_err(|error| malformed(&error))?, at_cluster_time })
    }

    /// The documents, as the server sent them.
    pub fn documents(self, what: &str) -> impl Iterator<Item = Result<&'a [u8], MongoError>> {
        self.documents.map(move |element| match element {
            Ok(Element { kind: ElementType::Document, value, .. }) => Ok(value),
            Ok(_) => Err(MongoError::answer(what, "something else than a document")),
            Err(error) => Err(MongoError::answer(what, error)),
        })
    }
}

/// The first element of this name.
pub fn find<'a>(
    what: &str,
    document: &'a [u8],
    name: &[u8],
) -> Result<Option<Element<'a>>, MongoError> {
    let found = Elements::new(document).and_then(|elements| elements.find(name));
    found.map_err(|error| MongoError::answer(what, error))
}

/// The elements, all of which hang together.
pub fn elements<'a>(what: &str, document: &'a [u8]) -> Result<Vec<Element<'a>>, MongoError> {
    let elements = Elements::new(document).and_then(Iterator::collect);
    elements.map_err(|error| MongoError::answer(what, error))
}

/// The text of an element, if it is one and UTF-8.
pub fn text(element: &Element<'_>) -> Option<String> {
    String::from_utf8(element.text()?.to_vec()).ok()
}

pub fn cluster_time(element: &Element<'_>) -> Option<ClusterTime> {
    let bytes = (element.kind == ElementType::Timestamp).then_some(element.value)?;
    let time = u64::from_le_bytes(bytes.try_into().ok()?);
    Some(ClusterTime { seconds: (time >> 32) as u32, increment: time as u32 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::DocumentBuilder;

    #[test]
    fn documents_and_moment_are_found() {
        let document = DocumentBuilder::new().int32("a", 1).finish();
        let cursor = DocumentBuilder::new()
            .documents("firstBatch", [&document[..]])
            .timestamp("atClusterTime", 7, 3)
            .finish();
        let reply = DocumentBuilder::new().document("cursor", &cursor).finish();
        let read = CursorReply::read("x", &reply).unwrap();
        assert_eq!(read.at_cluster_time, Some(ClusterTime { seconds: 7, increment: 3 }));
        let documents: Vec<_> = read.documents("x").map(Result::unwrap).collect();
        assert_eq!(documents, [&document[..]]);
    }

    #[test]
    fn an_answer_without_a_batch_is_an_error() {
        let cursor = DocumentBuilder::new().finish();
        let reply = DocumentBuilder::new().document("cursor", &cursor).finish();
        assert!(CursorReply::read("x", &reply).is_err());
        assert!(CursorReply::read("x", &cursor).is_err());
        assert!(CursorReply::read("x", b"").is_err());
    }
}
