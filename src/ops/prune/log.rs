//! What becomes of the change log: its head goes when no restore within the time that is kept
//! needs it, and what is older than a day is merged. See `docs/decisions/0012`.

use crate::model::{ClusterTime, SessionId};
use crate::ops::newest_base_before;
use crate::policy::Span;
use crate::repo::{LogStream, MergedLog, RepoError, Repository};
use jiff::{SignedDuration, Timestamp, Zoned};
use std::collections::HashSet;
use std::sync::Arc;

/// A restore that began when its time was still kept is not disturbed for so long.
const GRACE: SignedDuration = SignedDuration::from_hours(24);

/// What pruning the log does, or would do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LogPruneReport {
    /// Objects that lie before all that is kept.
    pub deleted: u64,
    /// Their bytes.
    pub bytes: u64,
    pub merged: MergedLog,
}

/// What of each stream is not needed to restore any moment of the last `keep` before `now`, by the
/// bases that are left without `forgotten`.
fn needless(
    repository: &Arc<Repository>,
    keep: Span,
    now: &Zoned,
    forgotten: &HashSet<SessionId>,
) -> Result<Vec<(LogStream, u64)>, RepoError> {
    let mut live = repository.ledger()?.live;
    live.retain(|snapshot| !forgotten.contains(&snapshot.id));
    let mut needless = Vec::new();
    for stream in repository.log_streams()?.0 {
        // A clock that is years ahead takes nothing away: the log's own end counts.
        let end = stream.newest().end.at.timestamp().min(now.timestamp());
        let Some(begin) = keep.before(&end.to_zoned(now.time_zone().clone())) else { continue };
        let begin = begin.checked_sub(GRACE).unwrap_or(Timestamp::MIN);
        let base = newest_base_before(&live, &stream, begin).unwrap_or(begin);
        let seconds = u32::try_from(base.as_second().max(0)).unwrap_or(u32::MAX);
        let base = ClusterTime { seconds, increment: 0 };
        if let Some(number) = stream.needed_from(base)? {
            needless.push((stream, number));
        }
    }
    Ok(needless)
}

/// What [`prune_log`] would delete, and [`merge_log`] merge, about.
pub fn plan_prune_log(
    repository: &Arc<Repository>,
    keep: Span,
    now: &Zoned,
    forgotten: &HashSet<SessionId>,
) -> Result<LogPruneReport, RepoError> {
    let mut report = LogPruneReport::default();
    for (stream, number) in needless(repository, keep, now, forgotten)? {
        let (objects, bytes) = stream.before(number);
        report.deleted += objects;
        report.bytes += bytes;
        report.merged.replaced += stream.mergeable();
    }
    Ok(report)
}

/// Deletes what is not needed any more, the oldest first. May be killed at any point, and run
/// beside anything.
pub fn prune_log(
    repository: &Arc<Repository>,
    keep: Span,
    now: &Zoned,
) -> Result<LogPruneReport, RepoError> {
    let mut report = LogPruneReport::default();
    for (stream, number) in needless(repository, keep, now, &HashSet::new())? {
        report.bytes += stream.before(number).1;
        report.deleted += stream.delete_before(number)?;
    }
    Ok(report)
}

/// Merges what is older than a day. May be killed at any point, and run beside anything.
pub fn merge_log(repository: &Arc<Repository>) -> Result<MergedLog, RepoError> {
    let mut merged = MergedLog::default();
    for stream in repository.log_streams()?.0 {
        let of_stream = stream.merge()?;
        merged.objects += of_stream.objects;
        merged.replaced += of_stream.replaced;
    }
    Ok(merged)
}
