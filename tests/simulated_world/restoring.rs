//! A restore into memory, and what came of it.

use super::site::Site;
use super::tree::Tree;
use snapstore::files::PathFilter;
use snapstore::model::*;
use snapstore::ops::{self, Conflict, RestoreError, RestoreOptions, Root, Tally};
use snapstore::repo::{BlobReader, RepoError, Repository};
use snapstore::storage::sim::ActorContext;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

/// What was restored, by path.
#[derive(Default)]
struct Restored {
    files: BTreeMap<String, Vec<u8>>,
    directories: BTreeSet<String>,
}

/// A target in memory, empty at first.
#[derive(Default)]
struct MemoryTarget {
    restored: Arc<Mutex<Restored>>,
    /// The directory last entered.
    above: Vec<String>,
}

struct MemorySlot {
    restored: Arc<Mutex<Restored>>,
    path: String,
    kind: Kind,
}

impl MemoryTarget {
    fn path(&self, entry: &Entry) -> String {
        let name = String::from_utf8_lossy(entry.name.bytes()).into_owned();
        self.above.iter().cloned().chain([name]).collect::<Vec<_>>().join("/")
    }
}

impl Target for MemoryTarget {
    fn enter(&mut self, entry: &Entry, _: bool) -> Result<(), TargetError> {
        self.restored.lock().unwrap().directories.insert(self.path(entry));
        self.above.push(String::from_utf8_lossy(entry.name.bytes()).into_owned());
        Ok(())
    }

    fn finish(&mut self, _: &Entry, _: &dyn ContentSource) -> Result<(), TargetError> {
        Ok(())
    }

    fn leave(&mut self) {
        self.above.pop();
    }

    fn slot_of(&mut self, entry: &Arc<Entry>) -> Result<Box<dyn Slot>, TargetError> {
        let (restored, kind) = (Arc::clone(&self.restored), entry.kind.clone());
        Ok(Box::new(MemorySlot { restored, path: self.path(entry), kind }))
    }

    fn children(&mut self) -> Result<Vec<EntryName>, TargetError> {
        Ok(Vec::new())
    }

    fn remove(&mut self, _: &EntryName) -> Result<u64, TargetError> {
        Err(TargetError::Refused("nothing is ever in the way".to_string()))
    }

    fn sync(&mut self) -> Result<(), TargetError> {
        Ok(())
    }
}

impl Slot for MemorySlot {
    fn compare(&mut self) -> Result<Presence, TargetError> {
        let there = match self.kind {
            Kind::Directory(_) => self.restored.lock().unwrap().directories.contains(&self.path),
            _ => self.restored.lock().unwrap().files.contains_key(&self.path),
        };
        Ok(if there { Presence::Same } else { Presence::Absent })
    }

    fn write(&mut self, content: &dyn ContentSource) -> Result<(), TargetError> {
        let Kind::File(file) = &self.kind else { panic!("only files are written") };
        let mut bytes = Vec::new();
        content.read(&file.chunks, &mut |piece| {
            bytes.extend_from_slice(piece);
            Ok(())
        })?;
        self.restored.lock().unwrap().files.insert(self.path.clone(), bytes);
        Ok(())
    }

    fn link(&mut self, _: &EntryPath, _: &dyn ContentSource) -> Result<(), TargetError> {
        Err(TargetError::Refused("nothing is linked".to_string()))
    }

    fn write_metadata(&mut self, _: &dyn ContentSource) -> Result<(), TargetError> {
        Ok(())
    }
}

impl Site {
    /// Restores the files of every snapshot: what is said to be restored is what was backed up.
    pub fn restore(
        &self,
        repository: &Arc<Repository>,
        context: &ActorContext,
    ) -> Result<(), RepoError> {
        for snapshot in repository.ledger()?.live {
            let tree = self.notes().trees[&snapshot.tags[0]].clone();
            let target = MemoryTarget::default();
            let restored = Arc::clone(&target.restored);
            let reader = BlobReader::new(Arc::clone(repository))?;
            let mut target: Option<Box<dyn Target>> = Some(Box::new(target));
            let (options, tally) = (options(), Tally::new(Arc::new(Silent)));
            let report =
                ops::restore_into(&reader, &snapshot, &options, &mut target, &|_| (), &tally);
            match report {
                Ok(report) if report.failed == 0 => {
                    let restored = restored.lock().unwrap();
                    if let Some(why) = difference(&restored, &tree) {
                        self.fail(&context.name, why);
                    }
                }
                // It says that it is not whole: storage was away, or the snapshot was forgotten.
                Ok(_) => {}
                Err(RestoreError::Repo(error)) => {
                    if !error.is_damage() || repository.is_live(snapshot.id)? {
                        return Err(error);
                    }
                }
                Err(error) => self.fail(&context.name, error),
            }
        }
        Ok(())
    }
}

fn options() -> RestoreOptions {
    RestoreOptions {
        paths: Vec::new(),
        root: Root::Whole,
        filter: PathFilter::new(&[], &[]).unwrap(),
        target: PathBuf::new(),
        conflict: Conflict::Overwrite,
        delete: false,
        dry_run: false,
        verify: false,
        numeric_ids: false,
        no_ownership: false,
    }
}

fn difference(restored: &Restored, tree: &Tree) -> Option<String> {
    let differs = tree.files.iter().find(|(path, file)| {
        restored.files.get(*path).is_none_or(|bytes| **bytes != *file.bytes())
    });
    match differs {
        Some((path, _)) => Some(format!("{path} is restored otherwise")),
        None if restored.files.len() != tree.files.len() => Some("more is restored".to_string()),
        None if restored.directories != tree.directories() => {
            Some("other directories are restored".to_string())
        }
        None => None,
    }
}
