//! What a restore would do, for each way to handle conflicts.

use super::jobs::action;
use super::{Conflict, RestoreAction, RestoreReport};
use crate::model::Presence;

/// The counts of each strategy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RestorePlan {
    pub skip: RestoreReport,
    pub overwrite: RestoreReport,
    pub newest: RestoreReport,
}

impl RestorePlan {
    pub fn of(&self, conflict: Conflict) -> &RestoreReport {
        match conflict {
            Conflict::Skip => &self.skip,
            Conflict::Overwrite => &self.overwrite,
            Conflict::Newest => &self.newest,
        }
    }

    /// Whether all strategies would do the same, for nothing else is in the way.
    pub fn is_one(&self) -> bool {
        let changes = |report: &RestoreReport| {
            let RestoreReport { created, replaced, metadata_changed, deleted, .. } = *report;
            (created, replaced, metadata_changed, deleted)
        };
        let skip = changes(&self.skip);
        changes(&self.overwrite) == skip && changes(&self.newest) == skip
    }

    /// Does the same to all, with the strategy of each.
    pub fn each(&mut self, change: impl Fn(Conflict, &mut RestoreReport)) {
        change(Conflict::Skip, &mut self.skip);
        change(Conflict::Overwrite, &mut self.overwrite);
        change(Conflict::Newest, &mut self.newest);
    }

    /// Counts one thing that is not a directory.
    pub fn weigh(&mut self, presence: Presence, size: u64) {
        self.each(|conflict, report| report.count(action(presence, conflict), size));
    }

    /// Counts one thing below something that is no directory and would have to make way.
    pub fn weigh_below(&mut self, newer: bool, size: u64) {
        self.each(|conflict, report| {
            let above = action(Presence::Differs { newer }, conflict);
            let skips = above == RestoreAction::Skip;
            report.count(if skips { RestoreAction::Skip } else { RestoreAction::Create }, size);
        });
    }
}
