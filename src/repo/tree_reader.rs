//! Reads trees as streams: a directory of a million entries is never in memory whole.

use super::RepoError;
use super::reader::BlobReader;
use super::window::Window;
use crate::format::{ChildPiece, PieceItems};
use crate::model::{BlobId, Entry, EntryName, EntryPath, Monitor};

/// The entries of one tree, in order. Memory: one piece a level, or less where many trees are
/// read at once. After an error, where a piece cannot be read, those that come after it may still
/// be asked for.
pub struct TreeEntries<'a> {
    reader: &'a BlobReader,
    entries: Option<Window<'a, Entry>>,
    /// The next piece, and the level that it must have; that of a root is not known before.
    next: Option<(BlobId, Option<u8>)>,
    /// Pieces behind that, with the level that each must have; the lowest list last.
    pieces: Vec<(u8, Window<'a, ChildPiece>)>,
    last: Option<EntryName>,
    monitor: Option<&'a dyn Monitor>,
}

impl<'a> TreeEntries<'a> {
    /// Opens the tree with this root piece.
    pub fn open(reader: &'a BlobReader, root: &BlobId) -> Result<Self, RepoError> {
        let mut entries = Self::new(reader, Some(*root));
        entries.open_piece()?;
        Ok(entries)
    }

    /// The same, and nothing is read yet; `None` is a tree without entries.
    pub fn new(reader: &'a BlobReader, root: Option<BlobId>) -> Self {
        let next = root.map(|root| (root, None));
        Self { reader, entries: None, next, pieces: Vec::new(), last: None, monitor: None }
    }

    /// Where the user asks to stop, the next piece is [`RepoError::Stopped`]: from a root down to
    /// the first entry there may be sixteen pieces of 16 MiB.
    pub fn stopped_by(self, monitor: &'a dyn Monitor) -> Self {
        Self { monitor: Some(monitor), ..self }
    }

    /// The next piece, and its level if that is known, where all entries of the pieces before were
    /// taken and it is not opened yet.
    pub fn next_piece(&mut self) -> Result<Option<(BlobId, Option<u8>)>, RepoError> {
        if let Some(entries) = &mut self.entries {
            if entries.peek()?.is_some() {
                return Ok(None);
            }
            self.entries = None;
        }
        while let (None, Some((level, pieces))) = (self.next, self.pieces.last_mut()) {
            let level = *level;
            match pieces.take_next()? {
                Some(piece) => self.next = Some((piece.id, Some(level))),
                None => drop(self.pieces.pop()),
            }
        }
        Ok(self.next)
    }

    /// Reads the next piece: its entries come next, or its children do. False if there is none.
    pub fn open_piece(&mut self) -> Result<bool, RepoError> {
        let next = self.next_piece()?;
        self.pass_over();
        next.map_or(Ok(false), |(id, level)| self.load(&id, level).map(|()| true))
    }

    /// Leaves out the next piece.
    pub fn pass_over(&mut self) {
        self.next = None;
    }

    /// The next entry, which stays the next.
    pub fn peek(&mut self) -> Result<Option<&Entry>, RepoError> {
        while self.next_piece()?.is_some() {
            if self.monitor.is_some_and(Monitor::stopped) {
                return Err(RepoError::Stopped);
            }
            self.open_piece()?;
        }
        self.entries.as_mut().map_or(Ok(None), Window::peek)
    }

    fn load(&mut self, id: &BlobId, level: Option<u8>) -> Result<(), RepoError> {
        let piece = self.reader.piece(id)?;
        if level.is_some_and(|level| level != piece.level) {
            return Err(self.malformed(id, "its level is another than the one above says"));
        }
        match &piece.items {
            PieceItems::Entries(_) => {
                self.entries = Some(Window::new(self.reader, *id, piece.items));
            }
            PieceItems::Children(_) => {
                let below = piece.level - 1;
                self.pieces.push((below, Window::new(self.reader, *id, piece.items)));
            }
        }
        Ok(())
    }

    fn malformed(&self, id: &BlobId, why: &str) -> RepoError {
        RepoError::Damaged { name: format!("tree blob {id}"), why: why.to_string() }
    }

    fn try_next(&mut self) -> Result<Option<Entry>, RepoError> {
        self.peek()?;
        let entry = self.entries.as_mut().map_or(Ok(None), Window::take_next)?;
        if let Some(entry) = &entry {
            if self.last.as_ref().is_some_and(|last| *last >= entry.name) {
                (self.entries, self.next, self.pieces) = (None, None, Vec::new());
                let why = "the names of its pieces are not ascending".to_string();
                return Err(RepoError::Damaged { name: "a tree".to_string(), why });
            }
            self.last = Some(entry.name.clone());
        }
        Ok(entry)
    }
}

impl Iterator for TreeEntries<'_> {
    type Item = Result<Entry, RepoError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.try_next().transpose()
    }
}

impl BlobReader {
    /// The entries of a tree, in order.
    pub fn entries(&self, tree: &BlobId) -> Result<TreeEntries<'_>, RepoError> {
        TreeEntries::open(self, tree)
    }

    /// The entry of this name in a tree. Reads one piece a level.
    pub fn find_entry(&self, tree: &BlobId, name: &[u8]) -> Result<Option<Entry>, RepoError> {
        let mut id = *tree;
        let mut level = None;
        loop {
            let piece = self.piece(&id)?;
            if level.is_some_and(|level| level != piece.level) {
                let why = "its level is another than the one above says".to_string();
                return Err(RepoError::Damaged { name: format!("tree blob {id}"), why });
            }
            match piece.items {
                PieceItems::Entries(entries) => {
                    return Ok(entries.into_iter().find(|entry| entry.name.bytes() == name));
                }
                PieceItems::Children(children) => {
                    let at = children.partition_point(|child| child.last.as_slice() < name);
                    let Some(child) = children.get(at) else { return Ok(None) };
                    id = child.id;
                    level = Some(piece.level - 1);
                }
            }
        }
    }

    /// The entry at a path below a root; `None` if there is none. The root itself has no entry.
    pub fn find_path(&self, root: &BlobId, path: &EntryPath) -> Result<Option<Entry>, RepoError> {
        let mut tree = Some(*root);
        let mut found = None;
        for name in path.names() {
            let Some(directory) = tree else { return Ok(None) };
            found = self.find_entry(&directory, name.bytes())?;
            tree = found.as_ref().and_then(Entry::tree);
        }
        Ok(found)
    }
}
