//! Which snapshots stay: the rules of restic's `forget` (0.17 and later), over one group.

mod keep;
mod period;
mod reason;
mod rules;
mod span;
#[cfg(test)]
mod tests;

pub use keep::Keep;
pub use period::{Bucket, Period};
pub use reason::Reason;
pub use rules::Policy;
pub use span::Span;

use crate::model::{SessionId, Snapshot, SnapshotKind};
use jiff::{SignedDuration, Timestamp, Zoned};
use std::cmp::Reverse;

/// Why a policy is not one, or is not applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    #[error("the policy would keep no snapshot at all: give it at least one rule that keeps some")]
    KeepsNothing,
    #[error(
        "the policy would keep none of the group's {count} snapshots: change it, or forget them \
         by their ids"
    )]
    ForgetsAll { count: usize },
    #[error("{text:?} is not a number of snapshots: write a number such as 7, or \"unlimited\"")]
    Keep { text: String },
    #[error(
        "{text:?} is not a length of time: {why}; write numbers with y, m (months), w, d or h, \
         such as 14d or 1y6m"
    )]
    Span { text: String, why: String },
    #[error("cannot group by {word:?}: write host, paths and tags, joined by commas, or nothing")]
    GroupBy { word: String },
}

/// A snapshot, as far as retention looks at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    pub id: SessionId,
    pub begun: Timestamp,
    pub tags: Vec<String>,
    /// Its `begun` is not to be believed ([`begun_in_future`]): it is kept and fills no slot.
    pub future: bool,
    /// A safety snapshot: kept for a time of its own, and fills no slot.
    pub safety: bool,
}

impl Candidate {
    /// `stored` is the storage's own stamp of the snapshot's object.
    pub fn new(snapshot: &Snapshot, stored: Timestamp) -> Self {
        Self {
            id: snapshot.id,
            begun: snapshot.begun,
            tags: snapshot.tags.clone(),
            future: begun_in_future(snapshot.begun, stored),
            safety: snapshot.kind == SnapshotKind::Safety,
        }
    }
}

/// Whether a snapshot says that it was begun more than 10 minutes after it was stored: a clock
/// that was ahead, or a forged time. (A `begun` before `stored` is normal: imports, copies.)
pub fn begun_in_future(begun: Timestamp, stored: Timestamp) -> bool {
    begun.duration_since(stored) > SignedDuration::from_mins(10)
}

/// What becomes of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    pub id: SessionId,
    pub begun: Timestamp,
    /// False: forget it.
    pub keep: bool,
    /// Why; all that apply, at least one.
    pub reasons: Vec<Reason>,
}

/// Decides over the snapshots of one group; the answer is newest first (then by id).
///
/// Each rule for itself goes from the newest snapshot to the oldest and keeps the newest of each
/// calendar hour, day, ISO week, month or year, in `now`'s time zone, until its count is used up.
/// A count that is not used up by then also keeps the oldest snapshot of all. A `within` rule
/// reaches back from the newest snapshot of the group, not from `now`: what is no longer backed
/// up does not fade away. A snapshot is kept if any rule keeps it.
///
/// Safety snapshots stay for `safety` ([`Span::SAFETY`] by default) from their `begun`. They and
/// those of the future fill no slot, nor are they the newest or the oldest to any rule.
///
/// Refuses a policy that keeps nothing, and one that would forget every ordinary snapshot of the
/// group: the caller leaves the group as it is and says so.
///
/// Deciding again over what was kept keeps all of it, and another rule never forgets more.
pub fn decide(
    candidates: &[Candidate],
    policy: &Policy,
    safety: Span,
    now: &Zoned,
) -> Result<Vec<Decision>, PolicyError> {
    policy.check()?;
    let (special, mut ordinary): (Vec<_>, Vec<_>) =
        candidates.iter().partition(|candidate| candidate.future || candidate.safety);
    ordinary.sort_by_key(|candidate| newest_first(candidate.begun, candidate.id));
    let mut decisions = by_rules(&ordinary, policy, now)?;
    decisions.extend(special.into_iter().map(|candidate| beside_rules(candidate, safety, now)));
    decisions.sort_by_key(|decision| newest_first(decision.begun, decision.id));
    Ok(decisions)
}

fn newest_first(begun: Timestamp, id: SessionId) -> Reverse<(Timestamp, SessionId)> {
    Reverse((begun, id))
}

/// The decisions over ordinary snapshots, which come newest first.
fn by_rules(
    ordinary: &[&Candidate],
    policy: &Policy,
    now: &Zoned,
) -> Result<Vec<Decision>, PolicyError> {
    let kept = policy.reasons(ordinary, now.time_zone());
    if !kept.is_empty() && kept.iter().all(Vec::is_empty) {
        return Err(PolicyError::ForgetsAll { count: kept.len() });
    }
    let decision = |(candidate, reasons): (&&Candidate, Vec<Reason>)| {
        let keep = !reasons.is_empty();
        let reasons = if keep { reasons } else { vec![Reason::NoRule] };
        Decision { id: candidate.id, begun: candidate.begun, keep, reasons }
    };
    Ok(ordinary.iter().zip(kept).map(decision).collect())
}

/// The decision over a snapshot that fills no slot.
fn beside_rules(candidate: &Candidate, safety: Span, now: &Zoned) -> Decision {
    let end = safety.after(&candidate.begun.to_zoned(now.time_zone().clone()));
    let over = end.is_some_and(|end| end <= now.timestamp());
    let (keep, reason) = match (candidate.future, over) {
        (true, _) => (true, Reason::Future),
        (false, false) => (true, Reason::Safety(safety)),
        (false, true) => (false, Reason::SafetyOver(safety)),
    };
    Decision { id: candidate.id, begun: candidate.begun, keep, reasons: vec![reason] }
}
