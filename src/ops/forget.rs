//! Forget: which snapshots a policy keeps, and letting the others go. Space comes back with the
//! next prune.

use crate::model::{Monitor, SessionId, Snapshot, SnapshotKind};
use crate::policy::{
    Candidate, Decision, Filter, GroupBy, GroupKey, Policy, PolicyError, Reason, Span, decide,
    group, succeeded,
};
use crate::repo::{RepoError, Repository};
use crate::storage::StorageError;
use jiff::Zoned;
use std::cmp::Reverse;
use std::collections::HashMap;

/// What a policy decides, group by group.
#[derive(Debug, Clone)]
pub struct ForgetPlan {
    pub groups: Vec<ForgetGroup>,
}

/// One group of snapshots: those of one host and set of paths, say.
#[derive(Debug, Clone)]
pub struct ForgetGroup {
    pub key: GroupKey,
    /// Newest first.
    pub decisions: Vec<(Snapshot, Decision)>,
    /// Why the policy was not applied here: then everything stays.
    pub refused: Option<PolicyError>,
}

impl ForgetPlan {
    /// The snapshots that go.
    pub fn forgotten(&self) -> impl Iterator<Item = &Snapshot> {
        let decisions = self.groups.iter().filter(|group| group.refused.is_none());
        let decisions = decisions.flat_map(|group| &group.decisions);
        decisions.filter(|(_, decision)| !decision.keep).map(|(snapshot, _)| snapshot)
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ForgetError {
    #[error(transparent)]
    Repo(#[from] RepoError),
    #[error(transparent)]
    Policy(#[from] PolicyError),
}

/// Applies a policy to the snapshots that `filter` lets through, and to all safety snapshots of its
/// hosts, which go by their age alone. Changes nothing. Of those that
/// are one moment, because a change of tags was killed half-way, only the newest counts: the
/// others go.
pub fn plan_forget(
    repository: &Repository,
    policy: &Policy,
    by: GroupBy,
    filter: &Filter,
    now: &Zoned,
) -> Result<ForgetPlan, ForgetError> {
    policy.check()?;
    let ledger = repository.ledger()?;
    let hosts = Filter { hosts: filter.hosts.clone(), ..Filter::default() };
    let is_meant = |snapshot: &&Snapshot| match snapshot.kind {
        SnapshotKind::Safety => hosts.matches(snapshot),
        _ => filter.matches(snapshot),
    };
    let successors = succeeded(&ledger.live, &ledger.stored);
    let mut groups = Vec::new();
    for group in group(ledger.live.iter().filter(is_meant), by) {
        let by_id: HashMap<SessionId, &Snapshot> =
            group.snapshots.iter().map(|snapshot| (snapshot.id, *snapshot)).collect();
        let candidate = |snapshot: &&Snapshot| {
            let stored = ledger.stored.get(&snapshot.id).copied().unwrap_or(snapshot.begun);
            Candidate::new(snapshot, stored)
        };
        let counting = group.snapshots.iter().filter(|s| !successors.contains_key(&s.id));
        let candidates: Vec<Candidate> = counting.map(candidate).collect();
        let decided = decide(&candidates, policy, Span::SAFETY, now);
        let (decisions, refused) = match decided {
            Ok(decisions) => (decisions, None),
            Err(error) => (Vec::new(), Some(error)),
        };
        let with_snapshot = |decision: Decision| {
            by_id.get(&decision.id).map(|snapshot| ((*snapshot).clone(), decision))
        };
        let mut decisions: Vec<_> = decisions.into_iter().filter_map(with_snapshot).collect();
        if refused.is_none() {
            let double =
                |snapshot: &&Snapshot| Some(doubled(snapshot, *successors.get(&snapshot.id)?));
            decisions.extend(group.snapshots.iter().filter_map(double));
            // Behind the one that counts.
            decisions.sort_by_key(|(snapshot, _)| Reverse(snapshot.begun));
        }
        groups.push(ForgetGroup { key: group.key, decisions, refused });
    }
    Ok(ForgetPlan { groups })
}

fn doubled(snapshot: &Snapshot, by: SessionId) -> (Snapshot, Decision) {
    let Snapshot { id, begun, .. } = *snapshot;
    (snapshot.clone(), Decision { id, begun, keep: false, reasons: vec![Reason::Succeeded(by)] })
}

/// Forgets snapshots, one after the other. May be stopped and run again.
pub fn forget<'a>(
    repository: &Repository,
    snapshots: impl Iterator<Item = &'a Snapshot>,
    monitor: &dyn Monitor,
) -> Result<u64, RepoError> {
    let mut forgotten = 0;
    for snapshot in snapshots {
        if monitor.stopped() {
            return Err(RepoError::Stopped);
        }
        forget_one(repository, snapshot)?;
        forgotten += 1;
    }
    Ok(forgotten)
}

/// On a full disk the reserve makes room: forgetting is what frees space.
fn forget_one(repository: &Repository, snapshot: &Snapshot) -> Result<(), RepoError> {
    match repository.forget(snapshot) {
        Err(RepoError::Storage(StorageError::Full { .. })) => {
            repository.storage().release_reserve()?;
            repository.forget(snapshot)
        }
        done => done,
    }
}
