//! Old segments are merged into larger objects, and at last deleted: by a prune. See
//! `docs/decisions/0012`.

use super::LogStream;
use super::listing::Part;
use crate::format::{Segments, segment_name};
use crate::model::ClusterTime;
use crate::repo::RepoError;
use crate::repo::repository::object_name;
use crate::storage::Put;

/// Segments are merged when the storage has had them for so long, by its own stamps. Nobody who
/// writes relies on what it listed more than an hour ago, so no put of a number is under way then.
const MERGED_AFTER_SECONDS: i64 = 24 * 3600;
const HOUR_SECONDS: i64 = 3600;
/// Bytes of entries of a merged object: one segment may be longer by itself.
const MERGED_BYTES: usize = 16 << 20;

/// What merging did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MergedLog {
    /// Objects that were put.
    pub objects: u64,
    /// Objects that lay in those, and were deleted.
    pub replaced: u64,
}

impl LogStream {
    /// Merges what was stored in the same hour, a day or longer before the newest object.
    pub fn merge(&self) -> Result<MergedLog, RepoError> {
        let mut done = MergedLog::default();
        for part in &self.parts.contained {
            done.replaced += u64::from(self.delete_contained(*part)?);
        }
        for group in self.groups() {
            self.merge_group(&group, &mut done)?;
        }
        Ok(done)
    }

    /// How many objects would come into larger ones.
    pub fn mergeable(&self) -> u64 {
        self.groups().iter().map(|group| group.len() as u64).sum()
    }

    /// Objects of one segment each that follow each other and come into one.
    fn groups(&self) -> Vec<Vec<Part>> {
        let parts = &self.parts.counting;
        let newest = parts.iter().map(|part| part.stored.as_second()).max().unwrap_or_default();
        let mut groups: Vec<Vec<Part>> = Vec::new();
        for part in parts.iter().filter(|part| part.first == part.last) {
            let stored = part.stored.as_second();
            if newest.saturating_sub(stored) < MERGED_AFTER_SECONDS {
                continue;
            }
            let hour = |part: &Part| part.stored.as_second().div_euclid(HOUR_SECONDS);
            let group = groups.last_mut().filter(|group| {
                let goes_on = |last: &Part| last.last + 1 == part.first && hour(last) == hour(part);
                group.last().is_some_and(goes_on)
            });
            match group {
                Some(group) => group.push(*part),
                None => groups.push(vec![*part]),
            }
        }
        groups.retain(|group| group.len() > 1);
        groups
    }

    fn merge_group(&self, group: &[Part], done: &mut MergedLog) -> Result<(), RepoError> {
        let mut merged = Segments::default();
        for part in group {
            let read = self.repository.read_segments(&self.id, part.first, part.last);
            let next = match read {
                Ok(Some(next)) => next,
                // Somebody else was faster, or a check has to name it.
                Ok(None) => Segments::default(),
                Err(error) if error.is_damage() => Segments::default(),
                Err(error) => return Err(error),
            };
            let follows = match (merged.headers.last(), next.headers.first()) {
                (Some(last), Some(first)) => last.is_followed_by(first),
                _ => false,
            };
            if !follows || merged.entries.len() + next.entries.len() > MERGED_BYTES {
                self.put_merged(&std::mem::take(&mut merged), done)?;
            }
            merged.headers.extend(next.headers);
            merged.entries.extend_from_slice(&next.entries);
        }
        self.put_merged(&merged, done)
    }

    /// Puts the larger object, and only then deletes what lies in it.
    fn put_merged(&self, merged: &Segments, done: &mut MergedLog) -> Result<(), RepoError> {
        let [first, .., last] = merged.headers.as_slice() else { return Ok(()) };
        let put = self.repository.put_segments(&self.id, merged)?;
        if put == Put::Exists {
            let there = self.repository.read_segments(&self.id, first.number, last.number)?;
            if there.is_none() {
                return Ok(());
            }
        }
        done.objects += 1;
        for header in &merged.headers {
            self.delete(header.number, header.number)?;
            done.replaced += 1;
        }
        Ok(())
    }

    /// Deletes an object that lies in another one, if that one opens.
    fn delete_contained(&self, part: Part) -> Result<bool, RepoError> {
        let around = self.part_of(part.first).filter(|around| around.last >= part.last);
        let Some(around) = around else { return Ok(false) };
        match self.repository.read_segments(&self.id, around.first, around.last) {
            Ok(Some(_)) => self.delete(part.first, part.last).map(|()| true),
            Ok(None) => Ok(false),
            Err(error) if error.is_damage() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The number of the first segment that a base of this moment, or a later one, needs; `None`
    /// if the log ends before it.
    pub fn needed_from(&self, base: ClusterTime) -> Result<Option<u64>, RepoError> {
        let windows = self.windows()?;
        let Some(window) = windows.iter().find(|window| window.last.at >= base) else {
            return Ok(None);
        };
        let segment = self.segment_after(window.numbers, base)?;
        Ok(Some(match segment.oldest_open {
            Some(open) => self.segment_of((window.numbers.0, segment.number), open)?.number,
            None => segment.number,
        }))
    }

    /// The objects whose segments all lie before this one, and their bytes. The newest object
    /// always stays: who writes goes on after it.
    pub fn before(&self, number: u64) -> (u64, u64) {
        let old = self.old(number);
        (old.len() as u64, old.iter().map(|part| part.bytes).sum())
    }

    /// Deletes these objects, the oldest first, and returns how many.
    pub fn delete_before(&self, number: u64) -> Result<u64, RepoError> {
        let old = self.old(number);
        for part in &old {
            self.delete(part.first, part.last)?;
        }
        Ok(old.len() as u64)
    }

    fn old(&self, number: u64) -> Vec<Part> {
        let newest = self.parts.counting.last().map_or(0, |part| part.first);
        let all = self.parts.counting.iter().chain(&self.parts.contained);
        let mut old: Vec<Part> =
            all.filter(|part| part.last < number.min(newest)).copied().collect();
        old.sort_by_key(|part| part.first);
        old
    }

    fn delete(&self, first: u64, last: u64) -> Result<(), RepoError> {
        let name = object_name(&segment_name(&self.id, first, last))?;
        Ok(self.repository.storage.delete(&name)?)
    }
}
