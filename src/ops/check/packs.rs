//! Index and packs from the outside: index objects open, packs have the size that the index
//! says, and are in it.

use super::findings::{Findings, needed_blobs};
use super::objects::lost_commit;
use crate::format::pack_name;
use crate::model::PackId;
use crate::ops::live::LiveBlobs;
use crate::repo::{BlobReader, Catalog, LostCommits, RepoError, Repository};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Returns a reader of all that can be read, also of what no index names.
pub fn check(
    repository: &Arc<Repository>,
    findings: &mut Findings,
) -> Result<BlobReader, RepoError> {
    let (catalog, unreadable) = repository.catalog_of_readable(&HashSet::new())?;
    for (name, why) in unreadable {
        findings.object(name, format!("{why}: `snap repair index` makes it again from the packs"));
    }
    let catalog = repository.completed(&catalog)?;
    check_commits(repository, &catalog, findings)?;
    check_sizes(&catalog, findings);
    for (id, why) in catalog.unreadable() {
        findings.packs.insert(*id, format!("{why}, and no index names it"));
    }
    Ok(BlobReader::with_catalog(Arc::clone(repository), catalog))
}

/// A session that was killed just before its commit looks like one whose commit was lost, until
/// a prune shuts it out: that is worth a note.
fn check_commits(
    repository: &Repository,
    catalog: &Catalog,
    findings: &mut Findings,
) -> Result<(), RepoError> {
    let LostCommits { lost, silent, under_way } = repository.lost_commits(catalog)?;
    lost.into_iter().for_each(|id| lost_commit(id, findings));
    findings.notes.extend(silent.iter().map(|id| {
        format!(
            "session {} stored a snapshot and did not commit it, or its commit is lost: `snap \
             repair snapshots` brings it back, the next prune removes it",
            id.short()
        )
    }));
    findings.notes.extend(under_way.iter().map(|id| {
        format!("session {} has stored a snapshot and is about to commit it", id.short())
    }));
    Ok(())
}

fn check_sizes(catalog: &Catalog, findings: &mut Findings) {
    for pack in catalog.index().packs() {
        match catalog.listed().get(&pack.id) {
            Some(listed) if listed.size != u64::from(pack.size) => {
                let why = format!("it is {} bytes long instead of {}", listed.size, pack.size);
                findings.packs.insert(pack.id, why);
            }
            _ => {}
        }
    }
}

/// Packs that no index names: `needed` are those that snapshots need.
pub fn name_unindexed(catalog: &Catalog, needed: &HashSet<PackId>, findings: &mut Findings) {
    for pack in catalog.unindexed() {
        let name = pack_name(&pack.id);
        match needed.contains(&pack.id) {
            true => {
                let why =
                    "no index names it, and snapshots need it: `snap repair index` mends that";
                findings.object(name, why);
            }
            false => findings.notes.push(format!(
                "{name} is in no index: of a writer under way, or of one that was killed"
            )),
        }
    }
}

/// What an earlier check or restore marked. Where nothing is lost by it any more, for its blobs
/// are elsewhere too, it is only worth a note.
pub fn check_marked(catalog: &Catalog, needed: &LiveBlobs, findings: &mut Findings) {
    let only_there = blobs_only_in(&findings.marked, catalog, needed);
    let mut marked: Vec<PackId> = findings.marked.iter().copied().collect();
    marked.sort_unstable();
    marked.retain(|pack| catalog.listed().contains_key(pack));
    for pack in marked {
        let name = pack_name(&pack);
        if findings.whole.contains(&pack) {
            findings.notes.push(format!("{name} was marked as damaged, and is whole"));
            continue;
        }
        let loses = match findings.read.contains(&pack) {
            true => findings.blobs.values().any(|object| *object == name),
            false => only_there.contains_key(&pack),
        };
        let found = match loses {
            true => findings.packs.get(&pack).cloned(),
            false => findings.packs.remove(&pack),
        };
        let why = "an earlier check or restore found it damaged";
        match (loses, found) {
            (true, Some(_)) => {}
            (true, None) => {
                let count = only_there.get(&pack).copied().unwrap_or_default();
                let why = format!("{why}, and {} only there", needed_blobs(count));
                findings.object(name, why);
            }
            (false, found) => {
                let why = found.as_deref().unwrap_or(why);
                findings.notes.push(format!(
                    "{name}: {why}; nothing is lost by it: the next prune removes it"
                ));
            }
        }
    }
}

/// How many needed blobs of each of these packs lie in no other pack.
fn blobs_only_in(
    marked: &HashSet<PackId>,
    catalog: &Catalog,
    needed: &LiveBlobs,
) -> HashMap<PackId, u64> {
    let mut counts = HashMap::new();
    let index = catalog.index();
    if marked.is_empty() {
        return counts;
    }
    let mut line = 0;
    while line < index.len() {
        let lines = line..line + index.count_from(line).max(1);
        line = lines.end;
        if !needed.is_marked(lines.start) {
            continue;
        }
        let places = lines.filter_map(|line| index.location(line));
        let places = places.filter(|at| catalog.is_counted(at.pack));
        let packs: Vec<PackId> = places.filter_map(|at| index.pack_at(at)).collect();
        if packs.iter().all(|pack| marked.contains(pack)) {
            packs.iter().for_each(|pack| *counts.entry(*pack).or_default() += 1);
        }
    }
    counts
}
