//! What is backed up: directories and files in memory. Their content is put together from a few
//! kinds of noise, so that the trees of one seed have many chunks in common.

use super::chance::Chance;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

/// Files by their paths, whose names are of letters and digits, so that paths sort like names.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    pub files: BTreeMap<String, File>,
    /// Attributes of directories, too large to be kept in their entries.
    pub attributes: BTreeMap<String, Part>,
    /// The documents of a collection, by `_id`: the length of their text, and a number that tells
    /// versions of them apart.
    pub documents: BTreeMap<i32, (usize, i32)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    pub parts: Vec<Part>,
    /// Seconds.
    pub modified: i64,
}

/// A stretch of the noise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    start: usize,
    length: usize,
}

const NOISE: usize = 2 << 20;
/// Parts begin at multiples of this, so that some are met again and again.
const STEP: usize = 8 << 10;

fn noise() -> &'static [u8] {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    BYTES.get_or_init(|| {
        let mut bytes = vec![0; NOISE];
        blake3::Hasher::new().update(b"noise").finalize_xof().fill(&mut bytes);
        bytes
    })
}

impl Part {
    /// One of the `kinds` that a seed knows.
    fn draw(chance: &mut Chance, kinds: &[usize]) -> Self {
        let start = chance.pick(kinds) * STEP;
        Self { start, length: chance.pick(&[800, 3000, 8 << 10, 20 << 10]) }
    }

    /// What does not fit into an entry.
    fn large(chance: &mut Chance, kinds: &[usize]) -> Self {
        Self { length: 70 << 10, ..Self::draw(chance, kinds) }
    }

    pub fn bytes(&self) -> &'static [u8] {
        &noise()[self.start..self.start + self.length]
    }
}

impl File {
    fn draw(chance: &mut Chance, kinds: &[usize]) -> Self {
        let parts = (0..chance.within(0..4)).map(|_| Part::draw(chance, kinds)).collect();
        Self { parts, modified: chance.within(0..1 << 30) as i64 }
    }

    pub fn bytes(&self) -> Arc<[u8]> {
        let parts: Vec<&[u8]> = self.parts.iter().map(Part::bytes).collect();
        parts.concat().into()
    }
}

/// The kinds of noise that the trees of one seed are made of.
pub fn kinds(chance: &mut Chance) -> Vec<usize> {
    let all = (NOISE - (70 << 10)) / STEP;
    (0..chance.within(6..24)).map(|_| chance.within(0..all)).collect()
}

const DIRECTORIES: [&str; 5] = ["", "data/", "data/logs/", "locales/", "scripts/tools/old/"];

impl Tree {
    pub fn draw(chance: &mut Chance, kinds: &[usize]) -> Self {
        let mut tree = Self::default();
        for _ in 0..chance.within(4..14) {
            tree.change(chance, kinds);
        }
        if chance.one_in(8) {
            let attribute = Part::large(chance, kinds);
            tree.attributes.insert("data".to_string(), attribute);
        }
        tree
    }

    /// A collection and nothing else.
    pub fn collection(chance: &mut Chance) -> Self {
        let mut tree = Self::default();
        for _ in 0..chance.within(0..30) {
            tree.change_document(chance);
        }
        tree
    }

    /// The same some time later.
    pub fn collection_later(&self, chance: &mut Chance) -> Self {
        let mut tree = self.clone();
        for _ in 0..chance.within(0..6) {
            tree.change_document(chance);
        }
        tree
    }

    fn change_document(&mut self, chance: &mut Chance) {
        let id = chance.within(0..40) as i32;
        match chance.one_in(4) {
            true => drop(self.documents.remove(&id)),
            false => {
                let length = chance.pick(&[10, 300, 5000, 20_000]);
                self.documents.insert(id, (length, chance.within(0..3) as i32));
            }
        }
    }

    /// The same some time later.
    pub fn later(&self, chance: &mut Chance, kinds: &[usize]) -> Self {
        let mut tree = self.clone();
        for _ in 0..chance.within(0..4) {
            tree.change(chance, kinds);
        }
        tree
    }

    /// A file is written, or goes; one always stays.
    fn change(&mut self, chance: &mut Chance, kinds: &[usize]) {
        let name = chance.pick(&["bot", "config", "index", "prices", "users"]);
        let path = format!("{}{name}", chance.pick(&DIRECTORIES));
        if chance.one_in(4) && self.files.len() > 1 {
            self.files.remove(&path);
        } else {
            self.files.insert(path, File::draw(chance, kinds));
        }
    }

    /// The paths of all directories below the root, sorted.
    pub fn directories(&self) -> BTreeSet<String> {
        let above =
            |path: &'_ String| path.match_indices('/').map(|(end, _)| end).collect::<Vec<_>>();
        let paths = self.files.keys();
        paths.flat_map(|path| above(path).into_iter().map(|end| path[..end].to_string())).collect()
    }

    /// The names directly in a directory (the root is empty), sorted.
    pub fn children(&self, directory: &str) -> BTreeSet<&str> {
        let folder = if directory.is_empty() { String::new() } else { format!("{directory}/") };
        let below = self.files.keys().filter_map(|path| path.strip_prefix(folder.as_str()));
        below.filter_map(|rest| rest.split('/').next()).collect()
    }

    /// The attribute of a directory that is there.
    pub fn attribute(&self, directory: &str) -> Option<Part> {
        let there = self.directories().contains(directory);
        self.attributes.get(directory).copied().filter(|_| there)
    }
}
