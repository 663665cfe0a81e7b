//! What a check has found so far.

use super::touched::Files;
use super::{CheckReport, Damage};
use crate::format::{damaged_name, pack_name};
use crate::model::{BlobId, PackId, SessionId, Snapshot};
use crate::repo::{Missed, Repository, UNKNOWN_PACK};
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// The object that is named where blobs are missing and no index says from which pack.
pub const INDEX: &str = "index";

/// What is not as it should be, by object.
pub struct Findings {
    /// Objects by name, with the reason.
    pub objects: BTreeMap<String, String>,
    /// Packs that are damaged, or missing and needed.
    pub packs: BTreeMap<PackId, String>,
    /// Needed blobs that cannot be had, with the object to blame.
    pub blobs: BTreeMap<BlobId, String>,
    /// Needed blobs that no pack has.
    pub nowhere: BTreeSet<BlobId>,
    /// Packs that were marked before.
    pub marked: HashSet<PackId>,
    /// Packs that were read now, and those of them that are whole.
    pub read: HashSet<PackId>,
    pub whole: HashSet<PackId>,
    pub notes: Vec<String>,
}

/// The begin of a sentence.
pub fn needed_blobs(count: u64) -> String {
    match count {
        1 => "1 blob that snapshots need is".to_string(),
        count => format!("{count} blobs that snapshots need are"),
    }
}

impl Findings {
    pub fn new(marked: HashSet<PackId>) -> Self {
        Self {
            objects: BTreeMap::new(),
            packs: BTreeMap::new(),
            blobs: BTreeMap::new(),
            nowhere: BTreeSet::new(),
            marked,
            read: HashSet::new(),
            whole: HashSet::new(),
            notes: Vec::new(),
        }
    }

    /// Whether nothing was found so far.
    pub fn is_clean(&self) -> bool {
        self.objects.is_empty() && self.packs.is_empty() && self.nowhere.is_empty()
    }

    /// Names an object; what was found of it first stays.
    pub fn object(&mut self, name: String, why: impl Into<String>) {
        self.objects.entry(name).or_insert_with(|| why.into());
    }

    /// Leaves of collections that are not what the lists above them say.
    pub fn leaves(&mut self, wrong: Vec<(BlobId, String)>) {
        for (id, why) in wrong {
            let object = format!("data blob {id}");
            self.object(object.clone(), why);
            self.blobs.insert(id, object);
        }
    }

    /// A needed blob that lay in `pack`, as far as is known.
    pub fn missing(&mut self, id: BlobId, pack: Option<PackId>) {
        let object = match pack {
            Some(pack) => {
                self.packs.insert(pack, "it is missing".to_string());
                pack_name(&pack)
            }
            None => {
                self.nowhere.insert(id);
                INDEX.to_string()
            }
        };
        self.blobs.insert(id, object);
    }

    /// Best effort: a check may run on a repository that it cannot write.
    pub fn mark(&self, repository: &Repository) {
        for (pack, why) in &self.packs {
            if self.objects.contains_key(&damaged_name(pack)) {
                let _ = repository.unmark_damaged(pack);
            }
            let _ = repository.mark_damaged(pack, why);
        }
        if let Some(why) = self.why_nowhere() {
            let _ = repository.mark_damaged(&UNKNOWN_PACK, &why);
        }
        for pack in self.marked.intersection(&self.whole) {
            let _ = repository.unmark_damaged(pack);
        }
    }

    fn why_nowhere(&self) -> Option<String> {
        let first = self.nowhere.first()?;
        Some(format!(
            "{} in no pack that there is, {first} among them",
            needed_blobs(self.nowhere.len() as u64)
        ))
    }

    /// What was seen before and is not there any more. Numbers that are gone are gaps already.
    pub fn missed(&mut self, missed: &Missed) {
        let object = match missed {
            Missed::Gone(_) => return,
            Missed::Another { writer, .. } => {
                format!("chain of writer {}", SessionId::new(*writer).short())
            }
            Missed::Marks { .. } => "what was forgotten".to_string(),
        };
        self.object(object, missed.to_string());
    }

    /// A snapshot that is neither there nor forgotten, and whose spare copy was met.
    pub fn stray(&mut self, snapshot: &Snapshot) {
        let writer = SessionId::new(snapshot.writer).short();
        let begun = snapshot.begun.strftime("%Y-%m-%d %H:%M:%SZ");
        let why = format!(
            "its snapshot {}, begun {begun}, is neither there nor forgotten, and a spare copy is: \
             `snap repair snapshots` brings it back",
            snapshot.sequence
        );
        self.objects.insert(format!("chain of writer {writer}"), why);
    }

    /// Puts everything into words.
    pub fn report(mut self, mut files: BTreeMap<String, Files>, report: &mut CheckReport) {
        if let Some(why) = self.why_nowhere() {
            self.object(INDEX.to_string(), why);
        }
        let known: HashSet<String> = self.marked.iter().map(pack_name).collect();
        let packs = self.packs.into_iter().map(|(pack, why)| (pack_name(&pack), why));
        let objects: BTreeMap<String, String> = self.objects.into_iter().chain(packs).collect();
        let damage = |(object, why): (String, String)| {
            let Files { named, more, snapshots } = files.remove(&object).unwrap_or_default();
            let was_known = known.contains(&object);
            Damage { object, why, files: named, more_files: more, snapshots, was_known }
        };
        report.damages = objects.into_iter().map(damage).collect();
        report.notes = self.notes;
    }
}
