//! The change log goes into another repository, an object after the other.

use super::CopyError;
use crate::model::{Monitor, Problem, ProblemKind};
use crate::repo::{LogStream, RepoError, Repository};
use crate::storage::Put;
use std::sync::Arc;

/// What became of the change log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LogCopyReport {
    /// Objects that were copied.
    pub objects: u64,
    /// Streams of which another log is there.
    pub refused: u64,
}

/// Copies what the target lacks of every stream, but for what was pruned there. The chain is the
/// same there, so both stay provable. Killed, the next run goes on.
pub fn copy_log(
    source: &Arc<Repository>,
    target: &Arc<Repository>,
    monitor: &dyn Monitor,
) -> Result<LogCopyReport, CopyError> {
    let (streams, damaged) = source.log_streams().map_err(CopyError::Source)?;
    for (name, error) in damaged {
        let why = format!("it is not copied: {}", error.why());
        monitor.problem(Problem { kind: ProblemKind::Damage, what: name, why });
    }
    let mut report = LogCopyReport::default();
    for stream in streams {
        let there = target.log_stream(stream.server(), stream.databases());
        let there = there.map_err(CopyError::Target)?;
        if let Some(there) = &there
            && !is_same(&stream, there)?
        {
            report.refused += 1;
            let what = format!("the change log of {}", stream.server());
            let why = "another one is there: `snap protect` writes into that repository itself";
            let why = why.to_string();
            monitor.problem(Problem { kind: ProblemKind::Note, what, why });
            continue;
        }
        report.objects += copy_stream(source, target, &stream, there.as_ref(), monitor)?;
    }
    Ok(report)
}

/// Whether both are one chain, as far as both reach.
fn is_same(stream: &LogStream, there: &LogStream) -> Result<bool, CopyError> {
    let number = stream.newest().number.min(there.newest().number);
    let header = |of: &LogStream| match of.header(number) {
        Ok(header) => Ok(Some(header)),
        Err(error) if error.is_damage() => Ok(None),
        Err(RepoError::LogPruned { .. }) => Ok(None),
        Err(error) => Err(error),
    };
    let ours = header(stream).map_err(CopyError::Source)?;
    let theirs = header(there).map_err(CopyError::Target)?;
    Ok(ours.is_none() || theirs.is_none() || ours == theirs)
}

fn copy_stream(
    source: &Arc<Repository>,
    target: &Arc<Repository>,
    stream: &LogStream,
    there: Option<&LogStream>,
    monitor: &dyn Monitor,
) -> Result<u64, CopyError> {
    let first = there.map_or(0, LogStream::first_number);
    let is_there = |range| there.is_some_and(|there| there.covers(range));
    let mut copied = 0;
    for (begin, end) in stream.objects().filter(|range| range.1 >= first && !is_there(*range)) {
        if monitor.stopped() {
            return Err(CopyError::Target(RepoError::Stopped));
        }
        let segments = match source.read_segments(&stream.id, begin, end) {
            Ok(Some(segments)) => segments,
            // Merged meanwhile: the next copy finds it.
            Ok(None) => continue,
            Err(error) if error.is_damage() => {
                let what = error.to_string();
                let why = "it is not copied".to_string();
                monitor.problem(Problem { kind: ProblemKind::Damage, what, why });
                continue;
            }
            Err(error) => return Err(CopyError::Source(error)),
        };
        let id = target.log_stream_id(stream.server(), stream.databases());
        let put = target.put_segments(&id, &segments).map_err(CopyError::Target)?;
        copied += u64::from(put == Put::Created);
    }
    Ok(copied)
}
