//! One change of one document, as it waits to be applied.

use super::error::Fault;
use crate::codec::{DocumentBuilder, Elements, ExtendedJson, write_extended_json};
use crate::format::documents;
use crate::model::ClusterTime;
use crate::mongo::oplog::apply_update;

/// What a change does, with the bytes of its entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub kind: StepKind,
    /// Whether what was there before must be what the change says; else it is applied to whatever
    /// is there, as by a member that catches up.
    pub is_strict: bool,
    /// Its place among all changes.
    pub number: u64,
    pub at: ClusterTime,
    /// The document; or its `{_id}`, and behind that what changes in it.
    pub object: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepKind {
    Insert,
    Update,
    /// An update that makes the document if there is none.
    Upsert,
    Delete,
}

const KINDS: [StepKind; 4] =
    [StepKind::Insert, StepKind::Update, StepKind::Upsert, StepKind::Delete];
/// Kind, strictness, number, time.
const HEAD: usize = 18;

impl Step {
    /// For the sorter; this never leaves the process.
    pub fn encode(&self) -> Vec<u8> {
        let kind = KINDS.iter().position(|kind| *kind == self.kind).unwrap_or_default();
        let mut bytes = Vec::with_capacity(HEAD + self.object.len());
        bytes.extend_from_slice(&[kind as u8, u8::from(self.is_strict)]);
        bytes.extend_from_slice(&self.number.to_le_bytes());
        bytes.extend_from_slice(&self.at.seconds.to_le_bytes());
        bytes.extend_from_slice(&self.at.increment.to_le_bytes());
        bytes.extend_from_slice(&self.object);
        bytes
    }

    /// `None` if it was not made by [`Step::encode`].
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (head, object) = bytes.split_at_checked(HEAD)?;
        let four = |at: usize| Some(u32::from_le_bytes(*head.get(at..)?.first_chunk()?));
        Some(Self {
            kind: *KINDS.get(usize::from(*head.first()?))?,
            is_strict: *head.get(1)? == 1,
            number: u64::from_le_bytes(*head.get(2..)?.first_chunk()?),
            at: ClusterTime { seconds: four(10)?, increment: four(14)? },
            object: object.to_vec(),
        })
    }

    /// Whether there is a new document after it, also where one was there.
    pub fn makes(&self) -> bool {
        self.kind == StepKind::Insert
    }

    /// What the document becomes. `Err` of a hole says why.
    pub(super) fn apply(&self, document: Option<Vec<u8>>) -> Result<Option<Vec<u8>>, Fault> {
        let hole = |why: &str| Fault::Hole { what: String::new(), why: why.to_string() };
        match (self.kind, document) {
            (StepKind::Insert, Some(_)) if self.is_strict => {
                Err(hole("was made, and is there already"))
            }
            (StepKind::Insert, _) => Ok(Some(self.object.clone())),
            (StepKind::Delete, None) if self.is_strict => {
                Err(hole("was deleted, and is not there"))
            }
            (StepKind::Delete, _) => Ok(None),
            (StepKind::Update, None) if self.is_strict => {
                Err(hole("was changed, and is not there"))
            }
            // It is deleted later on, and was when the documents were read.
            (StepKind::Update, None) => Ok(None),
            (StepKind::Update, Some(document)) => {
                updated(&document, self.parts().1, self.is_strict).map(Some)
            }
            (StepKind::Upsert, document) => {
                let (id, update) = self.parts();
                let document = document.unwrap_or_else(|| id.to_vec());
                updated(&document, update, false).map(Some)
            }
        }
    }

    /// The document that it is about, `{_id}` at least, and what follows.
    fn parts(&self) -> (&[u8], &[u8]) {
        let first = documents(&self.object).next().and_then(Result::ok);
        self.object.split_at(first.map_or(0, <[u8]>::len))
    }

    /// The `_id`, for messages.
    pub fn shown_id(&self) -> String {
        let mut text = Vec::new();
        let id = with_id(self.parts().0, &[]).unwrap_or_default();
        match write_extended_json(&id, ExtendedJson::Relaxed, &mut text) {
            Ok(()) => String::from_utf8_lossy(&text).into_owned(),
            Err(_) => "without _id".to_string(),
        }
    }
}

fn updated(document: &[u8], update: &[u8], is_strict: bool) -> Result<Vec<u8>, Fault> {
    let updated = apply_update(document, update);
    let updated = updated.map_err(|error| Fault::Unknown(format!("an update: {error}")))?;
    match updated.fits || !is_strict {
        true => Ok(updated.document),
        false => {
            let why = "was changed, and has another form than the change says".to_string();
            Err(Fault::Hole { what: String::new(), why })
        }
    }
}

/// `{_id}` of a document, and behind it what is done to it.
pub fn with_id(document: &[u8], object: &[u8]) -> Result<Vec<u8>, Fault> {
    let id = Elements::new(document)?.find(b"_id")?;
    let id = id.ok_or_else(|| Fault::Unknown("a change without _id".to_string()))?;
    Ok([&DocumentBuilder::new().element(&id).finish(), object].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(kind: StepKind, is_strict: bool, object: Vec<u8>) -> Step {
        let at = ClusterTime { seconds: 7, increment: 3 };
        Step { kind, is_strict, number: 1 << 40, at, object }
    }

    fn document(value: i32) -> Vec<u8> {
        DocumentBuilder::new().int32("_id", 1).int32("v", value).finish()
    }

    #[test]
    fn steps_read_back() {
        for kind in KINDS {
            let step = step(kind, true, document(5));
            assert_eq!(Step::decode(&step.encode()), Some(step));
        }
        assert_eq!(Step::decode(&[0; 17]), None);
        assert_eq!(Step::decode(&[9; 18]), None);
    }

    #[test]
    fn holes_are_seen_where_all_is_exact_and_passed_over_where_not() {
        use StepKind::{Delete, Insert, Update};
        let there = Some(document(1));
        for (kind, before) in [(Insert, there.clone()), (Update, None), (Delete, None)] {
            let object = match kind {
                Update => with_id(&document(2), &document(2)).unwrap(),
                _ => document(2),
            };
            let hole = step(kind, true, object.clone());
            assert!(matches!(hole.apply(before.clone()), Err(Fault::Hole { .. })));
            assert_eq!(hole.shown_id().replace(' ', ""), "{\"_id\":1}");
            assert!(step(kind, false, object).apply(before).is_ok());
        }
        let update = with_id(&document(2), &document(2)).unwrap();
        let updated = step(Update, true, update).apply(there.clone()).unwrap();
        assert_eq!(updated, Some(document(2)));
        assert_eq!(step(Delete, true, document(1)).apply(there).unwrap(), None);
    }

    #[test]
    fn an_upsert_makes_what_is_missing() {
        let second = DocumentBuilder::new().int32("_id", 1).finish();
        let set = DocumentBuilder::new().int32("v", 4).finish();
        let update = DocumentBuilder::new().int32("$v", 1).document("$set", &set).finish();
        for before in [None, Some(document(1))] {
            let step = step(StepKind::Upsert, true, with_id(&second, &update).unwrap());
            assert_eq!(step.apply(before).unwrap(), Some(document(4)));
        }
    }
}
