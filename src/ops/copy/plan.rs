//! Which snapshots a copy is about, and how much it would be.

use super::known::Known;
use super::node::walk;
use super::{CopyError, is_damage_of_source};
use crate::model::{BlobId, Monitor, Problem, ProblemKind, SessionId, Snapshot, Stage};
use crate::ops::live::LiveBlobs;
use crate::policy::{Candidate, GroupBy, Lineage, Policy, Span, decide, group, succeeded};
use crate::repo::{BlobReader, Catalog, Ledger, Repository};
use jiff::Zoned;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

/// Which snapshots are to be copied.
#[derive(Debug, Default)]
pub struct CopyPlan {
    /// The oldest first.
    pub wanted: Vec<Snapshot>,
    /// Those that are there already, with the id that they have there.
    pub present: Vec<(SessionId, SessionId)>,
}

/// What a copy would do.
#[derive(Debug, Default)]
pub struct CopyEstimate {
    pub snapshots: u64,
    /// Blobs that may have to be copied: whether one is there shows only when it is read.
    pub blobs: u64,
    /// Their bytes as they are stored in the source.
    pub bytes: u64,
    pub damaged: Vec<SessionId>,
}

/// Looks which of the `chosen` snapshots are in the target already, by their first id and their
/// times. Of several that are one moment the newest is meant.
pub fn plan_copy(source: &Ledger, chosen: &HashSet<SessionId>, target: &[Snapshot]) -> CopyPlan {
    let there: HashMap<Lineage, SessionId> =
        target.iter().map(|snapshot| (Lineage::of(snapshot), snapshot.id)).collect();
    let successors = succeeded(&source.live, &source.stored);
    let newest: HashSet<SessionId> =
        chosen.iter().map(|id| *successors.get(id).unwrap_or(id)).collect();
    let mut plan = CopyPlan::default();
    for snapshot in source.live.iter().filter(|snapshot| newest.contains(&snapshot.id)) {
        match there.get(&Lineage::of(snapshot)) {
            Some(id) => plan.present.push((snapshot.id, *id)),
            None => plan.wanted.push(snapshot.clone()),
        }
    }
    plan
}

impl CopyPlan {
    /// The snapshots that the target has and that may lack something there: all, if it is marked
    /// as damaged.
    pub(super) fn to_mend(
        &self,
        source: &Repository,
        target: &Repository,
    ) -> Result<Vec<Snapshot>, CopyError> {
        let is_damaged = !target.damaged_packs().map_err(CopyError::Target)?.is_empty();
        if !is_damaged || self.present.is_empty() {
            return Ok(Vec::new());
        }
        let present: HashSet<SessionId> = self.present.iter().map(|(id, _)| *id).collect();
        let mut live = source.ledger().map_err(CopyError::Source)?.live;
        live.retain(|snapshot| present.contains(&snapshot.id));
        Ok(live)
    }

    /// Leaves out what `policy` would not keep in the target, beside what is there: the next prune
    /// there would forget it again. Returns how many that are. A policy that makes no sense leaves
    /// nothing out.
    pub fn apply(&mut self, policy: &Policy, target: &[Snapshot], now: &Zoned) -> u64 {
        let all: Vec<Snapshot> = self.wanted.iter().chain(target).cloned().collect();
        let mut forgotten = HashSet::new();
        for group in group(&all, GroupBy::default()) {
            let candidate = |snapshot: &&Snapshot| Candidate::new(snapshot, snapshot.begun);
            let candidates: Vec<Candidate> = group.snapshots.iter().map(candidate).collect();
            let decisions = decide(&candidates, policy, Span::SAFETY, now).unwrap_or_default();
            forgotten.extend(decisions.iter().filter(|one| !one.keep).map(|one| one.id));
        }
        let before = self.wanted.len();
        self.wanted.retain(|snapshot| !forgotten.contains(&snapshot.id));
        (before - self.wanted.len()) as u64
    }
}

/// Learns the ids of what is in the target already, where that helps: for each host and its
/// sources, from the newest snapshot that both have.
pub fn learn(
    known: &mut Known,
    reader: &BlobReader,
    target: &Arc<Repository>,
    wanted: &[Snapshot],
    monitor: &dyn Monitor,
) -> Result<(), CopyError> {
    let source = reader.repository().ledger().map_err(CopyError::Source)?;
    let there = target.ledger().map_err(CopyError::Target)?;
    let there: HashMap<Lineage, &Snapshot> =
        there.live.iter().map(|snapshot| (Lineage::of(snapshot), snapshot)).collect();
    let mut newest: BTreeMap<_, (&Snapshot, &Snapshot)> = BTreeMap::new();
    for snapshot in &source.live {
        if let Some(copy) = there.get(&Lineage::of(snapshot)) {
            newest.insert(kinship(snapshot), (snapshot, copy));
        }
    }
    let other = BlobReader::new(Arc::clone(target)).map_err(CopyError::Target)?;
    for name in wanted.iter().map(kinship).collect::<HashSet<_>>() {
        if let Some((snapshot, copy)) = newest.get(&name)
            && known.learn(reader, &other, (snapshot.tree, copy.tree), monitor)?
        {
            known.rely_on(copy.id);
        }
    }
    Ok(())
}

/// Host and sources: snapshots that share them have much in common.
fn kinship(snapshot: &Snapshot) -> (&str, Vec<&[u8]>) {
    let sources = snapshot.sources.iter().map(|source| source.address.as_slice());
    (&snapshot.host.name, sources.collect())
}

/// How much a copy would be. Reads trees, and no data; changes nothing. Without a target all is
/// new.
pub fn estimate_copy(
    source: &Arc<Repository>,
    target: Option<&Arc<Repository>>,
    wanted: &[Snapshot],
    monitor: &dyn Monitor,
) -> Result<CopyEstimate, CopyError> {
    monitor.stage(Stage::Planning);
    let reader = BlobReader::new(Arc::clone(source)).map_err(CopyError::Source)?;
    let mut known = Known::new(reader.catalog());
    if let Some(target) = target.filter(|_| !wanted.is_empty()) {
        learn(&mut known, &reader, target, wanted, monitor)?;
    }
    let catalog = known.catalog();
    let mut estimate = CopyEstimate::default();
    for snapshot in wanted {
        match add(&mut estimate, &reader, &catalog, &mut known.seen, snapshot.tree, monitor) {
            Ok(()) => estimate.snapshots += 1,
            Err(error) if is_damage_of_source(&error) => {
                let (kind, what) =
                    (ProblemKind::Damage, format!("snapshot {}", snapshot.id.short()));
                monitor.problem(Problem { kind, what, why: error.to_string() });
                estimate.damaged.push(snapshot.id);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(estimate)
}

fn add(
    estimate: &mut CopyEstimate,
    reader: &BlobReader,
    catalog: &Catalog,
    seen: &mut LiveBlobs,
    root: BlobId,
    monitor: &dyn Monitor,
) -> Result<(), CopyError> {
    walk(reader, catalog.index(), seen, root, monitor, &mut |_, id| {
        estimate.blobs += 1;
        estimate.bytes +=
            catalog.locate(id).first().map_or(0, |(_, at)| u64::from(at.place.share()));
        Ok(())
    })
}
