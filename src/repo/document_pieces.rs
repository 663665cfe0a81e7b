//! The pieces of one tree of documents: its leaves and large documents, in order.

use super::RepoError;
use super::reader::BlobReader;
use super::window::Window;
use crate::format::{ChildPiece, Piece, PieceItems};
use crate::model::BlobId;

/// A leaf, or a large document; where a walk meets lists, one of those.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentPiece {
    /// The last key of the piece before; empty for the first.
    pub after: Vec<u8>,
    pub child: ChildPiece,
}

/// The pieces of one tree. Memory: one list a level, or less where those are larger than any that
/// snap writes. Every list is proved to be what the one above says: its level, between which keys
/// it lies, and how many documents are below.
pub struct DocumentPieces<'a> {
    reader: &'a BlobReader,
    /// Lists with pieces still to come, the lowest last.
    lists: Vec<OpenList<'a>>,
    last: Vec<u8>,
    counted: u64,
}

struct OpenList<'a> {
    id: BlobId,
    /// That its pieces must have.
    level: u8,
    taken: u32,
    pieces: Window<'a, ChildPiece>,
}

/// A piece of any level, met in a walk by hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetPiece {
    /// At 0 it is a leaf or a large document, else a list.
    pub level: u8,
    pub piece: DocumentPiece,
    /// The list that it is in, and its number there.
    pub list: BlobId,
    pub number: u32,
}

impl BlobReader {
    /// The pieces of the tree of documents with this root.
    pub fn document_pieces(&self, root: &BlobId) -> Result<DocumentPieces<'_>, RepoError> {
        let list = self.document_list(root)?;
        let counted = sum(children(&list)).ok_or_else(|| damaged(root, TOO_MANY))?;
        let mut pieces =
            DocumentPieces { reader: self, lists: Vec::new(), last: Vec::new(), counted };
        pieces.push(root, list);
        Ok(pieces)
    }

    fn document_list(&self, id: &BlobId) -> Result<Piece, RepoError> {
        let piece = self.piece(id)?;
        match &piece.items {
            PieceItems::Entries(_) => {
                Err(damaged(id, "it holds entries, and stands for a collection"))
            }
            PieceItems::Children(_) => Ok(piece),
        }
    }
}

const TOO_MANY: &str = "it counts more documents than there can be";

fn damaged(id: &BlobId, why: impl Into<String>) -> RepoError {
    RepoError::Damaged { name: format!("tree blob {id}"), why: why.into() }
}

fn children(list: &Piece) -> &[ChildPiece] {
    match &list.items {
        PieceItems::Children(children) => children,
        PieceItems::Entries(_) => &[],
    }
}

fn sum(children: &[ChildPiece]) -> Option<u64> {
    children.iter().try_fold(0_u64, |sum, child| sum.checked_add(child.entries))
}

/// That a list is the one that stands there in the list above.
fn prove(list: &Piece, level: u8, place: &DocumentPiece) -> Result<(), String> {
    let DocumentPiece { after, child } = place;
    let (Some(first), Some(last)) = (children(list).first(), children(list).last()) else {
        return Err("it is empty".to_string());
    };
    if list.level != level {
        return Err("its level is another than the one above says".to_string());
    }
    if first.last <= *after || last.last != child.last {
        return Err("it is not between the keys that the list above says".to_string());
    }
    match sum(children(list)) {
        Some(sum) if sum == child.entries => Ok(()),
        Some(sum) => {
            Err(format!("it counts {sum} documents, and the list above {}", child.entries))
        }
        None => Err(TOO_MANY.to_string()),
    }
}

impl DocumentPieces<'_> {
    /// How many documents there are by the root; of an overlay, with the keys that it deletes.
    pub fn counted(&self) -> u64 {
        self.counted
    }

    /// Passes over what ends before a key. Of lists it reads those on the way to that key.
    pub fn seek(&mut self, key: &[u8]) -> Result<(), RepoError> {
        self.drop_ended()?;
        while let Some(list) = self.lists.last_mut() {
            let level = list.level;
            let ends_before = list.pieces.peek()?.is_some_and(|child| child.last.as_slice() < key);
            if !ends_before && level == 0 {
                return Ok(());
            }
            let Some(met) = self.step()? else { return Ok(()) };
            match ends_before {
                true => self.pass(&met.piece),
                false => self.open(&met)?,
            }
            self.drop_ended()?;
        }
        Ok(())
    }

    /// The last key of the pieces so far.
    pub(super) fn passed(&self) -> &[u8] {
        &self.last
    }

    fn drop_ended(&mut self) -> Result<(), RepoError> {
        while let Some(list) = self.lists.last_mut() {
            if list.pieces.peek()?.is_some() {
                return Ok(());
            }
            self.lists.pop();
        }
        Ok(())
    }

    /// The next piece, which is then either opened, if it is a list, or passed over.
    pub fn step(&mut self) -> Result<Option<MetPiece>, RepoError> {
        self.drop_ended()?;
        let Some(list) = self.lists.last_mut() else { return Ok(None) };
        let Some(child) = list.pieces.take_next()? else { return Ok(None) };
        let (level, id, number) = (list.level, list.id, list.taken);
        list.taken = list.taken.saturating_add(1);
        // Within a list that is proved they ascend: the first key of all may be none.
        if child.last <= self.last {
            self.lists.clear();
            return Err(damaged(&id, "the keys of its pieces do not ascend"));
        }
        let piece = DocumentPiece { after: self.last.clone(), child };
        Ok(Some(MetPiece { level, piece, list: id, number }))
    }

    /// Reads a list: the pieces in it come next.
    pub fn open(&mut self, list: &MetPiece) -> Result<(), RepoError> {
        let id = &list.piece.child.id;
        let piece = self.reader.document_list(id)?;
        prove(&piece, list.level, &list.piece).map_err(|why| damaged(id, why))?;
        self.push(id, piece);
        Ok(())
    }

    /// What comes next lies behind this piece.
    pub fn pass(&mut self, piece: &DocumentPiece) {
        self.last.clone_from(&piece.child.last);
    }

    fn push(&mut self, id: &BlobId, list: Piece) {
        let level = list.level.saturating_sub(1);
        let pieces = Window::new(self.reader, *id, list.items);
        self.lists.push(OpenList { id: *id, level, taken: 0, pieces });
    }

    fn try_next(&mut self) -> Result<Option<DocumentPiece>, RepoError> {
        while let Some(met) = self.step()? {
            if met.level == 0 {
                self.pass(&met.piece);
                return Ok(Some(met.piece));
            }
            self.open(&met)?;
        }
        Ok(None)
    }
}

impl Iterator for DocumentPieces<'_> {
    type Item = Result<DocumentPiece, RepoError>;

    /// After an error, where a piece cannot be read, those that come after it may still be asked
    /// for.
    fn next(&mut self) -> Option<Self::Item> {
        self.try_next().transpose()
    }
}

impl DocumentPiece {
    /// Whether a key would be in it.
    pub fn covers(&self, key: &[u8]) -> bool {
        let last = self.child.last.as_slice();
        self.after.as_slice() < key && (key == last || key < last && !self.is_large())
    }

    /// Whether it is one document, kept in chunks.
    pub fn is_large(&self) -> bool {
        !self.child.chunks.nodes.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ChunkTree;

    fn child(last: u8, entries: u64) -> ChildPiece {
        let id = BlobId::new([last; BlobId::LENGTH]);
        ChildPiece { last: vec![last], id, entries, chunks: ChunkTree::default() }
    }

    /// A list of level 1 with these, below one that says: behind 10, up to 30, 5 documents.
    fn proved(children: Vec<ChildPiece>) -> Result<(), String> {
        let list = Piece { level: 1, items: PieceItems::Children(children) };
        let place = DocumentPiece { after: vec![10], child: child(30, 5) };
        prove(&list, 1, &place)
    }

    #[test]
    fn a_list_is_what_the_one_above_says() {
        assert_eq!(proved(vec![child(20, 2), child(30, 3)]), Ok(()));
        assert_eq!(proved(vec![child(11, 5), child(30, 0)]), Ok(()));
    }

    #[test]
    fn a_list_that_is_another_is_refused() {
        let huge = vec![child(20, u64::MAX), child(30, 6)];
        for (why, children) in [
            ("it is empty", vec![]),
            ("not between the keys", vec![child(10, 2), child(30, 3)]),
            ("not between the keys", vec![child(20, 2), child(29, 3)]),
            ("not between the keys", vec![child(20, 2), child(31, 3)]),
            ("it counts 4 documents, and the list above 5", vec![child(20, 1), child(30, 3)]),
            (TOO_MANY, huge),
        ] {
            let error = proved(children).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn a_list_of_another_level_is_refused() {
        let list = Piece { level: 2, items: PieceItems::Children(vec![child(30, 5)]) };
        let place = DocumentPiece { after: Vec::new(), child: child(30, 5) };
        assert!(prove(&list, 1, &place).unwrap_err().contains("level"));
        assert_eq!(prove(&list, 2, &place), Ok(()));
    }
}
