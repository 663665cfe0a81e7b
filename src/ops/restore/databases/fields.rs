//! Fields of raw documents, and the keys that they make.

use crate::codec::{Element, ElementType, Elements, document_key};

/// A field, also one inside embedded documents: `state.step`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldPath(String);

/// By what a document of the snapshot and one that is there are the same.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum MatchKey {
    #[default]
    Id,
    /// All of these fields; `_id`s may differ.
    Fields(Vec<FieldPath>),
}

impl FieldPath {
    /// `None` where a name is empty.
    pub fn new(path: &str) -> Option<Self> {
        path.split('.').all(|name| !name.is_empty()).then(|| Self(path.to_string()))
    }

    pub fn text(&self) -> &str {
        &self.0
    }

    /// The value; `None` where there is none. Arrays are not looked into.
    pub fn find<'a>(&self, document: &'a [u8]) -> Option<Element<'a>> {
        let mut elements = Elements::new(document).ok()?;
        let mut names = self.0.split('.').peekable();
        while let Some(name) = names.next() {
            let element = elements.find(name.as_bytes()).ok()??;
            if names.peek().is_none() {
                return Some(element);
            }
            if element.kind != ElementType::Document {
                return None;
            }
            elements = element.elements()?.ok()?;
        }
        None
    }
}

impl MatchKey {
    /// The bytes that are the same for documents that match, or why there are none.
    pub fn of(&self, document: &[u8]) -> Result<Vec<u8>, String> {
        match self {
            Self::Id => key_of(&id_element(document).ok_or("it has no _id")?),
            Self::Fields(fields) => {
                let mut whole = Vec::new();
                for field in fields {
                    let value = field.find(document).filter(is_usable);
                    let name = field.text();
                    let value = value
                        .ok_or_else(|| format!("its {name} is missing, or is no plain value"))?;
                    let key = key_of(&value)?;
                    whole.extend_from_slice(&(key.len() as u64).to_be_bytes());
                    whole.extend_from_slice(&key);
                }
                Ok(whole)
            }
        }
    }

    /// The field by which documents are looked up, and its value as the only one of a document.
    pub fn first(&self, document: &[u8]) -> Option<Vec<u8>> {
        let value = match self {
            Self::Id => id_element(document)?,
            Self::Fields(fields) => fields.first()?.find(document)?,
        };
        Some(crate::codec::DocumentBuilder::new().named("_id", &value).finish())
    }

    /// The name of that field.
    pub fn first_name(&self) -> &str {
        match self {
            Self::Id => "_id",
            Self::Fields(fields) => fields.first().map_or("_id", FieldPath::text),
        }
    }
}

/// Null is what a server takes a missing field for, and a pattern or an array stands for many.
fn is_usable(value: &Element<'_>) -> bool {
    !matches!(
        value.kind,
        ElementType::Null
            | ElementType::Undefined
            | ElementType::Array
            | ElementType::RegularExpression
    )
}

fn key_of(value: &Element<'_>) -> Result<Vec<u8>, String> {
    document_key(value).map_err(|error| error.to_string())
}

fn id_element(document: &[u8]) -> Option<Element<'_>> {
    Elements::new(document).ok()?.find(b"_id").ok()?
}

/// `{_id: value}`; empty if there is none.
pub fn only_id(document: &[u8]) -> Vec<u8> {
    let id = id_element(document);
    let builder = crate::codec::DocumentBuilder::new();
    id.iter().fold(builder, crate::codec::DocumentBuilder::element).finish()
}

/// `{_id: value}` for people.
pub fn shown_id(id: &[u8]) -> String {
    let raw = bson::RawDocumentBuf::from_bytes(id.to_vec()).ok();
    let document = raw.and_then(|raw| bson::Document::try_from(raw).ok());
    document.map_or_else(String::new, |id| bson::Bson::Document(id).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::DocumentBuilder;

    fn document() -> Vec<u8> {
        let inner = DocumentBuilder::new().int32("step", 3).finish();
        let builder = DocumentBuilder::new().int32("_id", 1).document("state", &inner);
        builder.string("phone", "+598").finish()
    }

    #[test]
    fn fields_inside_are_found() {
        let found = |path: &str| {
            let document = document();
            let found = FieldPath::new(path).unwrap().find(&document);
            found.and_then(|value| value.integer())
        };
        assert_eq!(found("state.step"), Some(3));
        assert_eq!(found("_id"), Some(1));
        for path in ["step", "state.step.more", "phone.x"] {
            assert_eq!(found(path), None, "{path}");
        }
        assert_eq!(FieldPath::new("a..b"), None);
    }

    #[test]
    fn a_key_needs_all_of_its_fields() {
        let key = |names: &[&str]| {
            let fields = names.iter().map(|name| FieldPath::new(name).unwrap());
            MatchKey::Fields(fields.collect()).of(&document())
        };
        assert!(key(&["phone", "state.step"]).is_ok());
        assert_ne!(key(&["phone", "state.step"]), key(&["state.step", "phone"]));
        assert!(key(&["phone", "gone"]).unwrap_err().contains("gone"));
    }
}
