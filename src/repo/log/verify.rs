//! Whether a stream is whole: for checks.

use super::LogStream;
use super::entries::entry_time;
use super::listing::Part;
use crate::format::{SegmentHeader, Segments, documents, segment_name};
use crate::repo::RepoError;

/// What was looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct VerifiedLog {
    pub objects: u64,
    /// As stored, of those that were read.
    pub bytes: u64,
}

impl LogStream {
    /// Tells `found` of each object that is missing; with `read` every object is opened, and of
    /// each that is damaged, or does not follow the one before it, is told too.
    pub fn verify(
        &self,
        read: bool,
        stopped: &dyn Fn() -> bool,
        found: &mut dyn FnMut(String, String),
    ) -> Result<VerifiedLog, RepoError> {
        self.tell_missing(found)?;
        let mut verified = VerifiedLog::default();
        let mut before: Option<SegmentHeader> = None;
        for part in &self.parts.counting {
            verified.objects += 1;
            if !read {
                continue;
            }
            if stopped() {
                return Err(RepoError::Stopped);
            }
            verified.bytes += part.bytes;
            let name = segment_name(&self.id, part.first, part.last);
            let why = match self.object_of(part.first) {
                Ok(segments) => {
                    let why = why_wrong(&segments, *part, before.as_ref());
                    before = segments.headers.into_iter().find(|one| one.number == part.last);
                    why
                }
                // Somebody pruned it meanwhile.
                Err(RepoError::LogPruned { .. }) => None,
                Err(error) if error.is_damage() => {
                    before = None;
                    Some(error.why())
                }
                Err(error) => return Err(error),
            };
            if let Some(why) = why {
                found(name, why);
            }
        }
        Ok(verified)
    }

    /// Numbers that two listings miss: a merge moves segments while one is made.
    fn tell_missing(&self, found: &mut dyn FnMut(String, String)) -> Result<(), RepoError> {
        let runs = self.parts.runs();
        if runs.len() < 2 {
            return Ok(());
        }
        let again = self.repository.log_parts()?.remove(&self.id).unwrap_or_default();
        let first = again.counting.first().map_or(u64::MAX, |part| part.first);
        for pair in runs.windows(2) {
            let [(_, end), (begin, _)] = pair else { continue };
            let (missing, last) = (end + 1, begin - 1);
            if missing < first || again.covering(missing).is_some() {
                continue;
            }
            let why = match missing == last {
                true => "it is missing, and later segments are there".to_string(),
                false => format!("segments {missing} to {last} are missing"),
            };
            found(segment_name(&self.id, missing, missing), why);
        }
        Ok(())
    }
}

/// What is wrong with an object that opens.
fn why_wrong(segments: &Segments, part: Part, before: Option<&SegmentHeader>) -> Option<String> {
    let first = segments.headers.iter().find(|header| header.number == part.first)?;
    let is_next = before.filter(|before| before.number.checked_add(1) == Some(first.number));
    if is_next.is_some_and(|before| !before.is_followed_by(first)) {
        return Some("it does not follow the segment before it".to_string());
    }
    for (header, entries) in segments.each() {
        let mut last = None;
        for entry in documents(entries) {
            let at = entry.ok().and_then(entry_time);
            if at.is_none() || at <= last || at > Some(header.end.at) {
                return Some(format!("segment {}: its entries are out of order", header.number));
            }
            last = at;
        }
        if last != header.last_kept {
            return Some(format!("segment {}: its last entry is another", header.number));
        }
    }
    None
}
