//! Walks a [`Tree`] as the files source walks a file system, with a cache of what it looked like
//! when it was last backed up.

use super::tree::{File, Part, Tree};
use snapstore::model::*;
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

pub struct TreeSource {
    steps: VecDeque<Next>,
    directory: EntryPath,
    /// Of each open directory: whether all in it is as it was recorded.
    unchanged: Vec<bool>,
}

/// What comes next in the walk.
enum Next {
    Enter { name: String, same_names: bool },
    File { name: String, file: File, same: bool, known: bool },
    Leave { attribute: Option<Part>, same: bool },
}

impl TreeSource {
    /// `recorded` is the tree of the snapshot whose entries may be taken over.
    pub fn new(tree: &Tree, recorded: Option<&Tree>) -> Self {
        let mut walk = Walk { tree, recorded, steps: VecDeque::new() };
        walk.directory("");
        // The root is neither entered nor left.
        Self { steps: walk.steps, directory: EntryPath::root(), unchanged: vec![false] }
    }
}

struct Walk<'a> {
    tree: &'a Tree,
    recorded: Option<&'a Tree>,
    steps: VecDeque<Next>,
}

impl Walk<'_> {
    fn directory(&mut self, path: &str) {
        for name in self.tree.children(path) {
            let below = if path.is_empty() { name.to_string() } else { format!("{path}/{name}") };
            match self.tree.files.get(&below) {
                Some(file) => self.file(name, &below, file),
                None => self.below(name, &below),
            }
        }
    }

    fn file(&mut self, name: &str, path: &str, file: &File) {
        let before = self.recorded.and_then(|recorded| recorded.files.get(path));
        let (same, known) = (before == Some(file), before.is_some());
        self.steps.push_back(Next::File {
            name: name.to_string(),
            file: file.clone(),
            same,
            known,
        });
    }

    fn below(&mut self, name: &str, path: &str) {
        let before = self.recorded.filter(|recorded| !recorded.children(path).is_empty());
        let same_names =
            before.is_some_and(|recorded| recorded.children(path) == self.tree.children(path));
        self.steps.push_back(Next::Enter { name: name.to_string(), same_names });
        self.directory(path);
        let attribute = self.tree.attribute(path);
        let same = before.is_some_and(|recorded| recorded.attribute(path) == attribute);
        self.steps.push_back(Next::Leave { attribute, same });
    }
}

impl Source for TreeSource {
    fn next(&mut self, recorded: &mut dyn Recorded) -> Result<Option<Step>, SourceError> {
        let Some(next) = self.steps.pop_front() else { return Ok(None) };
        Ok(Some(match next {
            Next::Enter { name, same_names } => {
                let name = EntryName::new(name.as_bytes()).unwrap();
                self.directory.push(&name);
                self.unchanged.push(same_names);
                Step::Enter { name }
            }
            Next::File { name, file, same, known } => {
                self.file(&name, &file, same, known, recorded)
            }
            Next::Leave { attribute, same } => self.leave(attribute, same),
        }))
    }
}

impl TreeSource {
    fn file(
        &mut self,
        name: &str,
        file: &File,
        same: bool,
        known: bool,
        recorded: &mut dyn Recorded,
    ) -> Step {
        let name = EntryName::new(name.as_bytes()).unwrap();
        let unchanged = same && recorded.reusable(&self.directory, &name);
        *self.unchanged.last_mut().unwrap() &= unchanged;
        let (bytes, path) = (file.bytes(), self.directory.join(&name));
        let origin = match unchanged {
            true => Origin::Recorded { size: bytes.len() as u64 },
            false => {
                let metadata = metadata(file.modified, None);
                Origin::Stream { stream: Box::new(Bytes { bytes, path, metadata, at: 0 }), known }
            }
        };
        Step::Entry { name, origin }
    }

    fn leave(&mut self, attribute: Option<Part>, same: bool) -> Step {
        self.directory.pop();
        let children_unchanged = self.unchanged.pop().unwrap();
        *self.unchanged.last_mut().unwrap() &= children_unchanged && same;
        let metadata = (!same).then(|| metadata(0, attribute));
        Step::Leave { metadata, children_unchanged }
    }
}

fn metadata(modified: i64, attribute: Option<Part>) -> Metadata {
    let attribute = attribute.map(|part| Attribute {
        name: b"user.note".to_vec(),
        value: AttributeValue::Inline(part.bytes().to_vec()),
    });
    let modified = FileTime::new(modified, 0).unwrap();
    Metadata { modified, attributes: attribute.into_iter().collect(), ..Metadata::default() }
}

/// The content of a file.
struct Bytes {
    bytes: Arc<[u8]>,
    path: EntryPath,
    metadata: Metadata,
    at: usize,
}

impl Stream for Bytes {
    fn begin(&mut self) -> Result<Content, io::Error> {
        self.at = 0;
        let (size, metadata) = (self.bytes.len() as u64, self.metadata.clone());
        Ok(Content { size, holes: Vec::new(), metadata, link_group: None })
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, io::Error> {
        let rest = &self.bytes[self.at..];
        let length = rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        self.at += length;
        Ok(length)
    }

    fn finish(&mut self) -> Result<Verdict, io::Error> {
        Ok(Verdict::Steady)
    }

    fn path(&self) -> &EntryPath {
        &self.path
    }
}
