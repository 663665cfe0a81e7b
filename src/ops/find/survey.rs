//! The search itself: each piece of each directory is read once, and what was found is kept with
//! the pieces that lead to it.

use super::{Criteria, FindError, MOST_FOUND};
use crate::format::{ChildPiece, PieceItems, encode_entry};
use crate::model::{
    BlobId, ChunkTree, Counter, Directory, Entry, EntryName, EntryPath, Kind, Monitor, Problem,
    ProblemKind, Summary,
};
use crate::repo::{BlobReader, RepoError, Window};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

/// So many pieces are remembered to hold nothing.
const MOST_BARREN: usize = 1 << 20;

/// A piece; where folders matter, a piece at one place.
pub type Key = [u8; 16];

/// Something that matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Without chunks, attributes and what is below.
    pub entry: Entry,
    /// What is equal for equal versions.
    pub version: [u8; 16],
}

/// What was found in and below a piece.
pub enum Node {
    Entries(Vec<Item>),
    Pieces(Vec<Key>),
}

/// A name that matches, or leads to what does.
pub struct Item {
    pub name: EntryName,
    pub found: Option<Rc<Found>>,
    pub below: Option<Key>,
}

/// A piece that is being searched.
struct Frame<'a> {
    key: Key,
    rest: Rest<'a>,
    /// It is the root piece of a directory, whose name stands at the end of the path.
    is_named: bool,
}

enum Rest<'a> {
    Entries { left: Window<'a, Entry>, items: Vec<Item> },
    Pieces { level: u8, left: Window<'a, ChildPiece>, keys: Vec<Key> },
}

pub struct Survey<'a> {
    reader: &'a BlobReader,
    criteria: &'a mut Criteria,
    monitor: &'a dyn Monitor,
    minds_folders: bool,
    nodes: HashMap<Key, Node>,
    barren: HashSet<Key>,
    found: usize,
    unread: u64,
    /// Of the directory that is being searched.
    path: EntryPath,
}

impl<'a> Survey<'a> {
    pub fn new(
        reader: &'a BlobReader,
        criteria: &'a mut Criteria,
        monitor: &'a dyn Monitor,
    ) -> Self {
        Self {
            reader,
            minds_folders: criteria.minds_folders(),
            criteria,
            monitor,
            nodes: HashMap::new(),
            barren: HashSet::new(),
            found: 0,
            unread: 0,
            path: EntryPath::root(),
        }
    }

    pub fn nodes(&self) -> &HashMap<Key, Node> {
        &self.nodes
    }

    /// How many pieces could not be read.
    pub fn unread(&self) -> u64 {
        self.unread
    }

    /// Searches a tree, unless it was searched before. `None` if nothing in it matches.
    pub fn tree(&mut self, root: BlobId) -> Result<Option<Key>, FindError> {
        self.path = EntryPath::root();
        let key = self.key(&root);
        let mut frames: Vec<Frame<'a>> = Vec::new();
        frames.extend(self.frame(&root, None, false)?);
        while let Some(frame) = frames.last_mut() {
            if self.monitor.stopped() {
                return Err(FindError::Stopped);
            }
            let below = match &mut frame.rest {
                Rest::Entries { left, items } => match left.take_next()? {
                    Some(entry) => Some(self.entry(entry, items)?),
                    None => None,
                },
                Rest::Pieces { level, left, keys } => match left.take_next()? {
                    Some(child) => Some(self.child(*level, &child, keys)?),
                    None => None,
                },
            };
            match below {
                Some(below) => frames.extend(below),
                None => {
                    if let Some(frame) = frames.pop() {
                        self.finish(frame);
                    }
                }
            }
        }
        Ok(self.nodes.contains_key(&key).then_some(key))
    }

    /// What a piece is known by.
    fn key(&self, id: &BlobId) -> Key {
        let mut hasher = blake3::Hasher::new();
        hasher.update(id.bytes());
        if self.minds_folders {
            hasher.update(self.path.bytes());
        }
        let mut key = Key::default();
        hasher.finalize_xof().fill(&mut key);
        key
    }

    /// Opens a piece; `None` if it was searched before, or is damaged.
    fn frame(
        &mut self,
        id: &BlobId,
        level: Option<u8>,
        is_named: bool,
    ) -> Result<Option<Frame<'a>>, FindError> {
        let key = self.key(id);
        if self.nodes.contains_key(&key) || self.barren.contains(&key) {
            return Ok(None);
        }
        let piece = match self.reader.piece(id) {
            Err(error) if error.is_damage() => {
                self.barren.insert(key);
                self.go_on_without(&error);
                return Ok(None);
            }
            piece => piece?,
        };
        if level.is_some_and(|level| level != piece.level) {
            let why = "its level is another than the one above says".to_owned();
            return Err(RepoError::Damaged { name: format!("tree blob {id}"), why }.into());
        }
        let rest = match &piece.items {
            PieceItems::Entries(entries) => {
                self.monitor.add(Counter::EntriesProcessed, entries.len() as u64);
                Rest::Entries {
                    left: Window::new(self.reader, *id, piece.items),
                    items: Vec::new(),
                }
            }
            PieceItems::Children(_) => {
                let level = piece.level.saturating_sub(1);
                Rest::Pieces {
                    level,
                    left: Window::new(self.reader, *id, piece.items),
                    keys: Vec::new(),
                }
            }
        };
        Ok(Some(Frame { key, rest, is_named }))
    }

    /// The search goes on without what is in and below something damaged.
    pub fn go_on_without(&mut self, error: &RepoError) {
        self.unread += 1;
        let (kind, what) = (ProblemKind::Damage, format!("/{}", self.path));
        self.monitor.problem(Problem { kind, what, why: error.to_string() });
    }

    /// Looks at an entry; returns the piece to be searched next, if it leads to one.
    fn entry(
        &mut self,
        entry: Entry,
        items: &mut Vec<Item>,
    ) -> Result<Option<Frame<'a>>, FindError> {
        let found = match self.criteria.match_entry(&self.path, &entry)? {
            true => {
                self.found += 1;
                Some(Rc::new(slim(&entry)))
            }
            false => None,
        };
        if self.found > MOST_FOUND {
            return Err(FindError::TooMany);
        }
        let Some(tree) = entry.tree() else {
            if found.is_some() {
                items.push(Item { name: entry.name, found, below: None });
            }
            return Ok(None);
        };
        self.path.push(&entry.name);
        let below = Some(self.key(&tree));
        items.push(Item { name: entry.name, found, below });
        let frame = self.frame(&tree, None, true)?;
        if frame.is_none() {
            self.path.pop();
        }
        Ok(frame)
    }

    fn child(
        &mut self,
        level: u8,
        child: &ChildPiece,
        keys: &mut Vec<Key>,
    ) -> Result<Option<Frame<'a>>, FindError> {
        keys.push(self.key(&child.id));
        self.frame(&child.id, Some(level), false)
    }

    /// Keeps what a piece leads to.
    fn finish(&mut self, frame: Frame<'_>) {
        if frame.is_named {
            self.path.pop();
        }
        let nodes = &self.nodes;
        let node = match frame.rest {
            Rest::Entries { mut items, .. } => {
                for item in &mut items {
                    item.below = item.below.filter(|below| nodes.contains_key(below));
                }
                items.retain(|item| item.found.is_some() || item.below.is_some());
                (!items.is_empty()).then_some(Node::Entries(items))
            }
            Rest::Pieces { mut keys, .. } => {
                keys.retain(|key| nodes.contains_key(key));
                (!keys.is_empty()).then_some(Node::Pieces(keys))
            }
        };
        match node {
            Some(node) => {
                self.nodes.insert(frame.key, node);
            }
            None => {
                // Forgotten ones are searched again: slower, not wrong.
                if self.barren.len() >= MOST_BARREN {
                    self.barren.clear();
                }
                self.barren.insert(frame.key);
            }
        }
    }
}

/// What is shown of an entry, and what tells its versions apart: everything but what is below it
/// and how its content was cut.
fn slim(entry: &Entry) -> Found {
    let mut slim = entry.clone();
    slim.link_group = None;
    match &mut slim.kind {
        Kind::File(file) if file.hash.is_some() => file.chunks = ChunkTree::default(),
        Kind::Directory(directory) => {
            *directory = Directory { tree: None, summary: Summary::default() };
        }
        // The same documents, read at another time, are no other version.
        Kind::Collection(collection) => collection.moment = None,
        _ => {}
    }
    let mut version = [0; 16];
    blake3::Hasher::new().update(&encode_entry(&slim)).finalize_xof().fill(&mut version);
    slim.metadata.attributes = Vec::new();
    match (&mut slim.kind, &entry.kind) {
        (Kind::File(file), _) => (file.chunks, file.holes) = (ChunkTree::default(), Vec::new()),
        (Kind::Collection(slim), Kind::Collection(whole)) => slim.moment = whole.moment,
        _ => {}
    }
    Found { entry: slim, version }
}
