//! Which documents of a collection are hit: those between two that can still be read.

use crate::codec::{BlobClass, Elements, ExtendedJson, write_extended_value};
use crate::format::{ChildPiece, DocumentLeaf, documents};
use crate::model::BlobId;
use crate::repo::{BlobReader, RepoError};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Longer ids are cut, in characters.
const LONGEST_ID: usize = 60;

/// Documents next to each other that an object's damage touches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost<'a> {
    pub object: &'a str,
    /// So many there should be.
    pub count: u64,
    /// The `_id` of the last before them and of the first behind them, as relaxed extended JSON,
    /// where there is one that can be read.
    pub after: Option<String>,
    pub before: Option<String>,
}

impl fmt::Display for Lost<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let documents = if self.count == 1 { "document" } else { "documents" };
        write!(f, "{} {documents}", self.count)?;
        match (&self.after, &self.before) {
            (Some(after), Some(before)) => write!(f, ", _id after {after} and before {before}"),
            (Some(after), None) => write!(f, ", _id after {after}"),
            (None, Some(before)) => write!(f, ", _id before {before}"),
            (None, None) => Ok(()),
        }
    }
}

/// What is lost of one tree of documents below its root, in the order of the keys. Reads the lists
/// of the tree, and the leaves beside what is lost. Memory: one list a level, and the answer.
pub fn lost<'a>(
    reader: &BlobReader,
    root: BlobId,
    bad: &'a BTreeMap<BlobId, String>,
    blame: &dyn Fn(&ChildPiece) -> Result<BTreeSet<&'a String>, RepoError>,
) -> Result<Vec<Lost<'a>>, RepoError> {
    let mut walk = Walk { reader, lost: Vec::new(), last: None, open: false };
    let mut pieces = match reader.document_pieces(&root) {
        Err(error) if error.is_damage() => return Ok(walk.lost),
        pieces => pieces?,
    };
    while let Some(met) = or_none(pieces.step())?.flatten() {
        let child = &met.piece.child;
        let hit = match bad.get(&child.id) {
            Some(object) => Some(object),
            None => blame(child)?.into_iter().next(),
        };
        match hit {
            Some(object) => walk.hit(object, child.entries),
            None if met.level == 0 => walk.whole(child.clone()),
            None if or_none(pieces.open(&met))?.is_some() => continue,
            None => {}
        }
        pieces.pass(&met.piece);
    }
    Ok(walk.lost)
}

/// What cannot be read is passed over: it is named itself.
fn or_none<T>(read: Result<T, RepoError>) -> Result<Option<T>, RepoError> {
    match read {
        Err(error) if error.is_damage() => Ok(None),
        read => read.map(Some),
    }
}

struct Walk<'r, 'a> {
    reader: &'r BlobReader,
    lost: Vec<Lost<'a>>,
    /// The last leaf that is whole.
    last: Option<ChildPiece>,
    /// What was lost last reaches to here.
    open: bool,
}

impl<'a> Walk<'_, 'a> {
    fn hit(&mut self, object: &'a str, count: u64) {
        match self.lost.last_mut() {
            Some(lost) if self.open && lost.object == object => {
                lost.count = lost.count.saturating_add(count);
            }
            _ => {
                let after = self.last.as_ref().and_then(|leaf| self.id(leaf, false));
                self.lost.push(Lost { object, count, after, before: None });
            }
        }
        self.open = true;
    }

    fn whole(&mut self, leaf: ChildPiece) {
        if self.open {
            let before = self.id(&leaf, true);
            if let Some(lost) = self.lost.last_mut() {
                lost.before = before;
            }
        }
        self.open = false;
        self.last = Some(leaf);
    }

    /// The `_id` of the first or the last document of a leaf.
    fn id(&self, leaf: &ChildPiece, is_first: bool) -> Option<String> {
        let plain = self.reader.read(BlobClass::Data, &leaf.id).ok()?;
        let leaf = DocumentLeaf::decode(&plain).ok()?;
        let mut whole = documents(&leaf.documents).map_while(Result::ok);
        let document = if is_first { whole.next() } else { whole.last() }?;
        let id = Elements::new(document).ok()?.find(b"_id").ok()??;
        let mut text = Vec::new();
        write_extended_value(&id, ExtendedJson::Relaxed, &mut text).ok()?;
        let text = String::from_utf8_lossy(&text);
        match text.char_indices().nth(LONGEST_ID) {
            Some((end, _)) => Some(format!("{}…", text.get(..end)?)),
            None => Some(text.into_owned()),
        }
    }
}
