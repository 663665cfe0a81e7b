//! Snapshots to look into that are only in memory.

use super::contents::Contents;
use crate::model::{
    BlobId, Directory, Entry, EntryName, EntryPath, File, FileTime, Host, Kind, Metadata, Snapshot,
    SnapshotSource, Summary,
};
use crate::ops::view::Root;
use crate::policy::test_snapshots::Example;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Trees by their number, files by name and size.
#[derive(Default)]
pub struct Sample {
    trees: BTreeMap<BlobId, Vec<Arc<Entry>>>,
    files: BTreeMap<(Vec<u8>, usize), Vec<u8>>,
    pub snapshots: Vec<Arc<Snapshot>>,
}

/// Something in a directory.
pub enum Thing<'a> {
    File(&'a [u8], &'a [u8]),
    Folder(&'a [u8], u8),
    Link(&'a [u8], &'a [u8]),
}

pub fn tree(number: u8) -> BlobId {
    BlobId::new([number; 32])
}

impl Sample {
    /// A directory; things must come sorted.
    pub fn with(mut self, number: u8, things: &[Thing<'_>]) -> Self {
        let entries = things.iter().map(|thing| Arc::new(entry(thing))).collect();
        self.trees.insert(tree(number), entries);
        for thing in things {
            if let Thing::File(name, content) = thing {
                self.files.insert((name.to_vec(), content.len()), content.to_vec());
            }
        }
        self
    }

    /// A snapshot with this root directory, begun at that hour; the newest last.
    pub fn snapshot(mut self, hour: u8, root: u8) -> Self {
        let example = Example::at(hour, &format!("2025-11-28T{hour:02}:00:00Z")).make();
        let path = EntryPath::parse(b"files/srv/bot").unwrap();
        let source = SnapshotSource::new(b"/srv/bot".to_vec(), path, example.begun);
        let snapshot = Snapshot {
            host: Host { name: "bot".to_owned(), user: "maria".to_owned(), uid: 0, gid: 0 },
            sources: vec![source],
            tree: tree(root),
            summary: Summary { files: 3, directories: 2, bytes: 4096 },
            ..example
        };
        self.snapshots.insert(0, Arc::new(snapshot));
        self
    }
}

fn entry(thing: &Thing<'_>) -> Entry {
    let (name, kind, mode) = match thing {
        Thing::File(name, content) => {
            let size = content.len() as u64;
            (name, Kind::File(File { size, ..File::default() }), 0o644)
        }
        Thing::Folder(name, number) => {
            let summary = Summary { files: 2, directories: 1, bytes: 4096 };
            let directory = Directory { tree: Some(tree(*number)), summary };
            (name, Kind::Directory(directory), 0o755)
        }
        Thing::Link(name, target) => (name, Kind::Symlink { target: target.to_vec() }, 0o777),
    };
    let metadata = Metadata {
        mode,
        modified: FileTime::new(1_764_288_000, 0).unwrap(),
        user: 1000,
        group: 1000,
        user_name: "maria".to_owned(),
        ..Metadata::default()
    };
    Entry { name: EntryName::new(*name).unwrap(), kind, metadata, link_group: None }
}

impl Contents for Sample {
    fn root(&self, snapshot: &Snapshot) -> Result<Root, String> {
        Ok(Root { snapshot: snapshot.id, tree: Some(snapshot.tree), entries: 5 })
    }

    fn length(&self, _: &Snapshot, tree: &BlobId) -> Result<u64, String> {
        let entries = self.trees.get(tree).ok_or("this folder is damaged")?;
        Ok(entries.len() as u64)
    }

    fn entries(
        &self,
        _: &Snapshot,
        tree: &BlobId,
        first: u64,
        count: u64,
    ) -> Result<Vec<Arc<Entry>>, String> {
        let entries = self.trees.get(tree).ok_or("this folder is damaged")?;
        Ok(entries.iter().skip(first as usize).take(count as usize).cloned().collect())
    }

    fn find(&self, of: &Snapshot, path: &EntryPath) -> Result<Option<Arc<Entry>>, String> {
        let (mut here, mut found) = (Some(of.tree), None);
        for name in path.names() {
            let Some(entries) = here.and_then(|tree| self.trees.get(&tree)) else {
                return Ok(None);
            };
            found = entries.iter().find(|entry| entry.name == name).cloned();
            here = match found.as_ref().map(|entry| &entry.kind) {
                Some(Kind::Directory(directory)) => directory.tree,
                _ => None,
            };
        }
        Ok(found)
    }

    fn read(
        &self,
        _: &Snapshot,
        entry: &Entry,
        offset: u64,
        length: usize,
    ) -> Result<Vec<u8>, String> {
        let Kind::File(File { size, .. }) = entry.kind else { return Err("no file".to_owned()) };
        let key = (entry.name.bytes().to_vec(), size as usize);
        let content = self.files.get(&key).ok_or("this file is damaged")?;
        Ok(content.iter().skip(offset as usize).take(length).copied().collect())
    }
}
