//! Which objects hold the segments of a stream.

use crate::format::parse_segment_name;
use crate::model::StreamId;
use crate::repo::{RepoError, Repository};
use crate::storage::Folder;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// An object of a stream, as it is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    pub first: u64,
    pub last: u64,
    /// As stored.
    pub bytes: u64,
    pub stored: Timestamp,
}

/// The objects of a stream that count, ascending: none lies in another one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parts {
    pub counting: Vec<Part>,
    /// Those that lie in others.
    pub contained: Vec<Part>,
}

impl Parts {
    pub fn new(mut all: Vec<Part>) -> Self {
        // The widest first among those that begin alike.
        all.sort_by_key(|part| (part.first, std::cmp::Reverse(part.last)));
        let mut parts = Self::default();
        for part in all {
            match parts.counting.last() {
                Some(before) if part.last <= before.last => parts.contained.push(part),
                _ => parts.counting.push(part),
            }
        }
        parts
    }

    /// The object that has this segment.
    pub fn covering(&self, number: u64) -> Option<Part> {
        let at = self.counting.partition_point(|part| part.last < number);
        self.counting.get(at).copied().filter(|part| part.first <= number)
    }

    /// Stretches of numbers of which none is missing, ascending.
    pub fn runs(&self) -> Vec<(u64, u64)> {
        let mut runs: Vec<(u64, u64)> = Vec::new();
        for part in &self.counting {
            match runs.last_mut() {
                Some((_, last)) if part.first <= last.saturating_add(1) => *last = part.last,
                _ => runs.push((part.first, part.last)),
            }
        }
        runs
    }
}

impl Repository {
    /// The objects of all streams.
    pub(super) fn log_parts(&self) -> Result<BTreeMap<StreamId, Parts>, RepoError> {
        let mut streams: BTreeMap<StreamId, Vec<Part>> = BTreeMap::new();
        for listed in self.storage.list(Folder::Log)? {
            let name = listed.name.to_string();
            let Some((stream, first, last)) = parse_segment_name(&name) else { continue };
            let part = Part { first, last, bytes: listed.size, stored: listed.stored };
            streams.entry(stream).or_default().push(part);
        }
        Ok(streams.into_iter().map(|(stream, parts)| (stream, Parts::new(parts))).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(first: u64, last: u64) -> Part {
        Part { first, last, bytes: 1, stored: Timestamp::UNIX_EPOCH }
    }

    #[test]
    fn what_lies_in_another_does_not_count() {
        let parts = Parts::new(vec![part(3, 3), part(1, 4), part(5, 5), part(4, 6), part(9, 9)]);
        assert_eq!(parts.counting, [part(1, 4), part(4, 6), part(9, 9)]);
        assert_eq!(parts.contained, [part(3, 3), part(5, 5)]);
        assert_eq!(parts.covering(4), Some(part(1, 4)));
        assert_eq!(parts.covering(6), Some(part(4, 6)));
        assert_eq!(parts.covering(7), None);
        assert_eq!(parts.covering(10), None);
        assert_eq!(parts.runs(), [(1, 6), (9, 9)]);
    }
}
