//! Prune marks: `prune/<g>.mark`, `.final`, `.done`.

use super::RepoError;
use super::repository::{Repository, object_name};
use crate::codec::Class;
use crate::format::{self, PruneMark};
use crate::model::SessionId;
use crate::storage::{Folder, Put};
use std::collections::BTreeMap;

/// How far a prune got.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    pub marked: bool,
    pub finalised: bool,
    pub done: bool,
}

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

    /// Marks without `.done`, with the packs they condemn. One that does not open is an error:
    /// what it condemns is unknown.
    pub fn open_marks(&self) -> Result<Vec<(u64, PruneMark)>, RepoError> {
        let progress = self.mark_progress()?;
        let open = progress.into_iter().filter(|(_, progress)| progress.marked && !progress.done);
        open.map(|(number, _)| Ok((number, self.read_mark(number)?))).collect()
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

    fn put_step(&self, name: &str, session: SessionId) -> Result<Put, RepoError> {
        let step = PruneMark { session, condemned: Vec::new() };
        self.put_object(Class::Prune, &object_name(name)?, &step.encode())
    }
}
