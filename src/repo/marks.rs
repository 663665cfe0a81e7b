//! Prune marks: `prune/<g>.mark`, `.final`, `.done`.

use super::RepoError;
use super::repository::{Repository, object_name};
use crate::codec::Class;
use crate::format::{self, PruneMark};
use crate::model::SessionId;
use crate::storage::{Folder, Put, StorageError};
use std::collections::BTreeMap;

/// Prunes with a number above are left as they are: no repository comes to so many.
const MOST_MENDED: u64 = 1 << 20;

/// How far a prune got.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    pub marked: bool,
    pub finalised: bool,
    pub done: bool,
}

/// The number of a mark, and what it says.
pub type NumberedMark = (u64, Result<PruneMark, RepoError>);

impl Repository {
    /// Every generation of prune marks, from one listing.
    pub fn mark_progress(&self) -> Result<BTreeMap<u64, Progress>, RepoError> {
        let mut marks: BTreeMap<u64, Progress> = BTreeMap::new();
        for listed in self.storage.list(Folder::Prune)? {
            if !format::is_object_name(&listed.name.to_string()) {
                continue;
            }
            let Some((number, step)) = listed.name.last().split_once('.') else { continue };
            let Ok(number) = number.parse() else { continue };
            let progress = marks.entry(number).or_default();
            match step {
                "mark" => progress.marked = true,
                "final" => progress.finalised = true,
                "done" => progress.done = true,
                _ => {}
            }
        }
        Ok(marks)
    }

    /// Marks without `.done`, with the packs they condemn. What one that does not open condemns
    /// is unknown: for whoever relies on packs that is an error.
    pub fn open_marks(&self) -> Result<Vec<NumberedMark>, RepoError> {
        let progress = self.mark_progress()?;
        let open = progress.into_iter().filter(|(_, progress)| progress.marked && !progress.done);
        let read = |number: u64| match self.read_mark(number) {
            Err(error) if !error.is_damage() => Err(error),
            read => Ok((number, read)),
        };
        open.map(|(number, _)| read(number)).collect()
    }

    pub fn read_mark(&self, number: u64) -> Result<PruneMark, RepoError> {
        let name = object_name(&format::mark_name(number))?;
        let plain = self.get_object(Class::Prune, &name)?;
        PruneMark::decode(&plain).map_err(|error| RepoError::format(&name, error))
    }

    /// P3.
    pub fn put_mark(&self, number: u64, mark: &PruneMark) -> Result<Put, RepoError> {
        self.put_object(Class::Prune, &object_name(&format::mark_name(number))?, &mark.encode())
    }

    /// P7.
    pub fn put_final(&self, number: u64, session: SessionId) -> Result<Put, RepoError> {
        self.put_step(&format::final_name(number), session)
    }

    /// P9.
    pub fn put_done(&self, number: u64, session: SessionId) -> Result<Put, RepoError> {
        self.put_step(&format::done_name(number), session)
    }

    /// Writes anew what does not open, or is missing, of prunes that are at their end, and
    /// returns the names. What such an object says nobody needs any more.
    pub fn mend_marks(&self, session: SessionId) -> Result<Vec<String>, RepoError> {
        let progress = self.mark_progress()?;
        let last = progress.keys().next_back().copied();
        let numbers = last.map_or(0..0, |last| 0..last.saturating_add(1).min(MOST_MENDED));
        let mut mended = Vec::new();
        for number in numbers {
            let Progress { marked, done, .. } = progress.get(&number).copied().unwrap_or_default();
            if marked && !done {
                continue;
            }
            // `.done` first: it never looks as if the prune was still open.
            for name in
                [format::done_name, format::final_name, format::mark_name].map(|n| n(number))
            {
                if !self.is_step(&name)? {
                    self.storage.delete(&object_name(&name)?)?;
                    self.put_step(&name, session)?;
                    mended.push(name);
                }
            }
        }
        Ok(mended)
    }

    fn is_step(&self, name: &str) -> Result<bool, RepoError> {
        let name = object_name(name)?;
        match self.get_object(Class::Prune, &name) {
            Ok(plain) => Ok(PruneMark::decode(&plain).is_ok()),
            Err(RepoError::Storage(StorageError::Absent { .. })) => Ok(false),
            Err(error) if error.is_damage() => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn put_step(&self, name: &str, session: SessionId) -> Result<Put, RepoError> {
        let step = PruneMark { session, condemned: Vec::new() };
        self.put_object(Class::Prune, &object_name(name)?, &step.encode())
    }
}
