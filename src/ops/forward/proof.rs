//! Proves the log: each snapshot of databases, rolled forward to the time of the next one, must be
//! what that one has, document by document.

use super::choose::{Choice, choose_base, saved_at};
use super::error::ForwardError;
use super::until::Until;
use super::{ForwardRequest, is_own_affair, roll_forward};
use crate::model::{
    ClusterTime, Collection, Consistency, Entry, EntryPath, Kind, Monitor, Snapshot, SnapshotKind,
    SnapshotSource, unescape_name,
};
use crate::ops::backup::is_of_databases;
use crate::ops::documents::diff_documents;
use crate::repo::{BlobReader, RepoError, Repository};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

/// One snapshot held against the one before it, rolled forward.
#[derive(Debug, Clone)]
pub struct LogProof {
    pub base: Snapshot,
    pub next: Snapshot,
    pub outcome: LogProofOutcome,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogProofOutcome {
    /// All that could be compared is the same; the others were not read at that moment.
    Equal { collections: u64, others: u64, changes: u64 },
    /// The first difference: `database.collection`, and what differs there.
    Differs { namespace: String, what: String },
    /// The log does not lead from the one to the other.
    NoLog,
    /// It does, and cannot be applied.
    Failed(String),
}

/// Rolls each snapshot forward to the next one of the same databases, and compares. `hear` is
/// told of each. Takes about as long as to restore all changes, and disk space in `scratch` for
/// those between two snapshots.
pub fn prove_log(
    repository: &Arc<Repository>,
    scratch: &Path,
    monitor: &dyn Monitor,
    hear: &mut dyn FnMut(&LogProof),
) -> Result<(), ForwardError> {
    let mut last: BTreeMap<Vec<EntryPath>, Snapshot> = BTreeMap::new();
    let mut live = repository.ledger()?.live;
    live.retain(|snapshot| snapshot.kind == SnapshotKind::Backup);
    live.sort_by_key(|snapshot| (snapshot.taken, snapshot.begun, snapshot.id));
    for next in live {
        let what = comparable(&next);
        if what.is_empty() {
            continue;
        }
        if let Some(base) = last.insert(what, next.clone()) {
            let outcome = match prove(repository, (&base, &next), scratch, monitor) {
                Err(error @ (ForwardError::Hole { .. } | ForwardError::Unknown { .. })) => {
                    LogProofOutcome::Failed(error.to_string())
                }
                outcome => outcome?,
            };
            hear(&LogProof { base, next, outcome });
            repository.forget_blobs_beside();
        }
    }
    Ok(())
}

/// What is held against the same of the next snapshot: servers with all their databases, and
/// single databases.
fn comparable(snapshot: &Snapshot) -> Vec<EntryPath> {
    let with_all = whole_databases(snapshot).filter(|source| source.database().is_with_all);
    let servers = with_all.map(|source| {
        let names = source.path.names().take(2);
        names.fold(EntryPath::root(), |path, name| path.join(&name))
    });
    let servers: BTreeSet<EntryPath> = servers.collect();
    let is_single = |place: &EntryPath| !servers.iter().any(|server| place.starts_with(server));
    let singles = places(snapshot).into_iter().filter(is_single);
    servers.iter().cloned().chain(singles).collect()
}

/// Where the databases of a snapshot lie that it has whole, but for the server's own.
fn places(snapshot: &Snapshot) -> BTreeSet<EntryPath> {
    let is_users = |path: &EntryPath| {
        let name = path.names().last().as_ref().and_then(unescape_name);
        name.is_some_and(|name| !is_own_affair(&name))
    };
    whole_databases(snapshot).map(|source| source.path.clone()).filter(is_users).collect()
}

fn whole_databases(snapshot: &Snapshot) -> impl Iterator<Item = &SnapshotSource> {
    let whole = snapshot.sources.iter().filter(|source| !source.database().is_partial);
    whole.filter(|source| is_of_databases(&source.path))
}

fn prove(
    repository: &Arc<Repository>,
    (base, next): (&Snapshot, &Snapshot),
    scratch: &Path,
    monitor: &dyn Monitor,
) -> Result<LogProofOutcome, ForwardError> {
    let reader = BlobReader::new(Arc::clone(repository))?;
    let Some(at) = saved_at(&reader, next)? else { return Ok(LogProofOutcome::NoLog) };
    let until = Until::Time(at);
    let Choice::Base(chosen) = choose_base(repository, next, &[base], until)? else {
        return Ok(LogProofOutcome::NoLog);
    };
    let logs = chosen.logs();
    let request = ForwardRequest { repository, base, rest: base, logs: &logs, until, scratch };
    let forward = roll_forward(&request, monitor)?;
    let compared = Comparing { reader: &reader, at, collections: 0, others: 0 };
    compared.run(base, &forward.snapshot, next, forward.changes).map_err(ForwardError::from)
}

struct Comparing<'a> {
    reader: &'a BlobReader,
    at: ClusterTime,
    collections: u64,
    others: u64,
}

impl Comparing<'_> {
    fn run(
        mut self,
        base: &Snapshot,
        ours: &Snapshot,
        theirs: &Snapshot,
        changes: u64,
    ) -> Result<LogProofOutcome, RepoError> {
        for place in &places(base) | &places(theirs) {
            let database = place.names().last().as_ref().and_then(unescape_name);
            let database = database.unwrap_or_default();
            let (ours, theirs) = (self.inside(ours, &place)?, self.inside(theirs, &place)?);
            let before = self.inside(base, &place)?;
            for (name, theirs) in &theirs {
                let ours = ours.get(name);
                if let Some(what) = self.entry(ours, theirs)? {
                    let namespace = format!("{database}.{name}");
                    return Ok(LogProofOutcome::Differs { namespace, what });
                }
            }
            for (name, more) in ours.iter().filter(|(name, _)| !theirs.contains_key(*name)) {
                // One that was made since may have been left out of the next snapshot.
                if before.get(name).map(uuid) != Some(uuid(more)) {
                    self.others += 1;
                    continue;
                }
                let (namespace, what) =
                    (format!("{database}.{name}"), "it should not be there any more".to_string());
                return Ok(LogProofOutcome::Differs { namespace, what });
            }
        }
        let Self { collections, others, .. } = self;
        Ok(LogProofOutcome::Equal { collections, others, changes })
    }

    fn inside(
        &self,
        snapshot: &Snapshot,
        place: &EntryPath,
    ) -> Result<BTreeMap<String, Entry>, RepoError> {
        let directory = self.reader.find_path(&snapshot.tree, place)?;
        let mut inside = BTreeMap::new();
        if let Some(tree) = directory.and_then(|directory| directory.tree()) {
            for entry in self.reader.entries(&tree)? {
                let entry = entry?;
                inside.extend(unescape_name(&entry.name).map(|name| (name, entry)));
            }
        }
        Ok(inside)
    }

    /// What differs, if anything does.
    fn entry(&mut self, ours: Option<&Entry>, theirs: &Entry) -> Result<Option<String>, RepoError> {
        let Some(ours) = ours else { return Ok(Some("it is missing".to_string())) };
        match (&ours.kind, &theirs.kind) {
            (Kind::View { options: ours }, Kind::View { options: theirs }) => {
                Ok((ours != theirs).then(|| "the view is another".to_string()))
            }
            (Kind::Collection(ours), Kind::Collection(theirs)) => self.collection(ours, theirs),
            _ => Ok(Some("one is a view, the other a collection".to_string())),
        }
    }

    fn collection(
        &mut self,
        ours: &Collection,
        theirs: &Collection,
    ) -> Result<Option<String>, RepoError> {
        let is_then = theirs.moment == Some(self.at);
        if theirs.consistency != Consistency::Exact || !is_then {
            self.others += 1;
            return Ok(None);
        }
        if ours.uuid != theirs.uuid {
            return Ok(Some("it is another collection of the same name".to_string()));
        }
        let mut first = None;
        let compared = diff_documents(self.reader, Some(ours), Some(theirs), &mut |change| {
            let what = match (change.old, change.new) {
                (Some(_), None) => "is there, and should not be",
                (None, _) => "is missing",
                (Some(_), Some(_)) => "is another",
            };
            first = Some(format!("the document {} {what}", shown(&change.id())));
            false
        })?;
        match compared {
            Some(_) => self.collections += 1,
            None => self.others += 1,
        }
        let is_counted = compared.is_none() || ours.count == theirs.count;
        let wrong = (!is_counted).then(|| {
            format!("it is counted as {} documents, and has {}", ours.count, theirs.count)
        });
        Ok(first.or(wrong))
    }
}

fn uuid(entry: &Entry) -> Option<[u8; 16]> {
    match &entry.kind {
        Kind::Collection(collection) => collection.uuid,
        _ => None,
    }
}

/// `{"_id": 5}`
fn shown(id: &[u8]) -> String {
    let mut text = Vec::new();
    match crate::codec::write_extended_json(id, crate::codec::ExtendedJson::Relaxed, &mut text) {
        Ok(()) => String::from_utf8_lossy(&text).into_owned(),
        Err(_) => "that has no _id".to_string(),
    }
}
