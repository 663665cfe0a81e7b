//! A document that is looked for by its `_id`.

use super::each::each_document;
use crate::codec::{
    DocumentBuilder, ElementType, Elements, JsonTape, document_key, read_extended_value,
};
use crate::model::{Collection, Documents};
use crate::repo::{BlobReader, RepoError, key_of};

/// The keys that a text may stand for, the likeliest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SoughtDocument(Vec<Vec<u8>>);

/// Why a search ended early.
enum Ended {
    Found(Vec<u8>),
    Failed(RepoError),
}

impl From<RepoError> for Ended {
    fn from(error: RepoError) -> Self {
        Self::Failed(error)
    }
}

impl SoughtDocument {
    /// Of (extended) JSON: `5`, `"u1"`, `{"$oid": "…"}`, `{"session": 1}`; also of a plain string
    /// and of the 24 digits of an ObjectId.
    pub fn parse(text: &str) -> Self {
        let json = JsonTape::parse(text.as_bytes()).ok();
        let json = json.and_then(|tape| read_extended_value("_id", &tape, 0).ok());
        let string = DocumentBuilder::new().string("_id", text).finish();
        let digits: Option<Vec<u8>> = (text.len() == 24 && text.is_ascii())
            .then(|| {
                let byte = |at: usize| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
                (0..24).step_by(2).map(byte).collect()
            })
            .flatten();
        let object_id =
            digits.map(|id| DocumentBuilder::new().raw(ElementType::ObjectId, "_id", &id).finish());
        let documents = object_id.into_iter().chain(json).chain([string]);
        let mut keys: Vec<Vec<u8>> = documents.filter_map(|document| key_of(&document)).collect();
        keys.dedup();
        Self(keys)
    }

    /// Whether this is its canonical key.
    pub fn is(&self, key: &[u8]) -> bool {
        self.0.iter().any(|sought| sought == key)
    }

    /// The document of a collection. One that is sorted is read at one place; a stream until it
    /// is found.
    pub fn find(
        &self,
        reader: &BlobReader,
        collection: &Collection,
    ) -> Result<Option<Vec<u8>>, RepoError> {
        if let Documents::Stream(_) = collection.content {
            return self.find_in_stream(reader, collection);
        }
        for key in &self.0 {
            if let Some(document) = reader.find_document(collection, key)? {
                return Ok(Some(document));
            }
        }
        Ok(None)
    }

    fn find_in_stream(
        &self,
        reader: &BlobReader,
        collection: &Collection,
    ) -> Result<Option<Vec<u8>>, RepoError> {
        let ended = each_document(reader, collection, &mut |document| match key_of(document)
            .is_some_and(|key| self.0.contains(&key))
        {
            true => Err(Ended::Found(document.to_vec())),
            false => Ok(()),
        });
        match ended {
            Ok(()) => Ok(None),
            Err(Ended::Found(document)) => Ok(Some(document)),
            Err(Ended::Failed(error)) => Err(error),
        }
    }
}

/// `{"_id": …}` of a document: nothing else of it.
pub fn id_of(document: &[u8]) -> Vec<u8> {
    let id = Elements::new(document).and_then(|elements| elements.find(b"_id"));
    match id {
        Ok(Some(id)) if document_key(&id).is_ok() => DocumentBuilder::new().element(&id).finish(),
        _ => DocumentBuilder::new().finish(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_written_as_json_or_plain() {
        let key = |document: DocumentBuilder| key_of(&document.finish()).unwrap();
        let string = |text: &str| key(DocumentBuilder::new().string("_id", text));
        assert_eq!(SoughtDocument::parse("u1").0, [string("u1")]);
        assert_eq!(SoughtDocument::parse("\"u1\"").0, [string("u1"), string("\"u1\"")]);
        let five = key(DocumentBuilder::new().int32("_id", 5));
        assert_eq!(SoughtDocument::parse("5").0, [five.clone(), string("5")]);
        assert_eq!(SoughtDocument::parse("{\"$numberLong\": \"5\"}").0[0], five);
        let id = "0123456789abcdef01234567";
        let object_id = SoughtDocument::parse(&format!("{{\"$oid\": \"{id}\"}}")).0.remove(0);
        assert_eq!(SoughtDocument::parse(id).0, [object_id, string(id)]);
    }
}
