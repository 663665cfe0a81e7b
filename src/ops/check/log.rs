//! The change log: no segment is missing between others, and each is what it should be.

use super::findings::Findings;
use crate::model::{Counter, Monitor};
use crate::repo::{RepoError, Repository};
use std::sync::Arc;

/// Without `read` only the newest segment of each stream is opened.
pub fn check(
    repository: &Arc<Repository>,
    read: bool,
    findings: &mut Findings,
    monitor: &dyn Monitor,
) -> Result<(), RepoError> {
    let (streams, damaged) = repository.log_streams()?;
    for (name, error) in damaged {
        findings.object(name, error.why());
    }
    for stream in streams {
        let stopped = || monitor.stopped();
        let mut found = |name: String, why: String| findings.object(name, why);
        let verified = stream.verify(read, &stopped, &mut found)?;
        monitor.add(Counter::BytesChecked, verified.bytes);
    }
    Ok(())
}
