//! One prune from its announcement to its end.

use super::choose::{Choice, Thrift, choose};
use super::copy::{rescue, rewrite};
use super::damage::{look_after_marks, read_or_set_aside};
use super::steps::{Condemned, delete_condemned, fence_dead, tidy_up, wait_for_writers};
use super::survey::{PackUse, Survey, survey};
use super::{PruneOptions, PrunePlan, PruneReport};
use crate::format::{PruneMark, SessionKind};
use crate::model::{Counter, Monitor, PackId, Stage};
use crate::repo::{RepoError, Repository, Session};
use crate::storage::{Put, StorageError};
use std::sync::Arc;

/// What a prune would do now. Changes nothing.
pub fn plan_prune(
    repository: &Arc<Repository>,
    thrift: Thrift,
    monitor: &dyn Monitor,
) -> Result<PrunePlan, RepoError> {
    monitor.stage(Stage::Planning);
    let survey = survey(repository, monitor)?;
    let choice = choose(&survey.packs, thrift);
    let bytes = |packs: &[PackUse]| packs.iter().map(|pack| pack.size).sum();
    Ok(PrunePlan {
        packs: survey.packs.len() as u64,
        bytes: bytes(&survey.packs),
        packs_dead: choice.dead.len() as u64,
        bytes_dead: bytes(&choice.dead),
        packs_rewritten: choice.rewritten.len() as u64,
        bytes_rewritten: bytes(&choice.rewritten),
        bytes_copied: choice.rewritten.iter().map(|pack| pack.live).sum(),
        bytes_left: choice.left,
        bytes_under_way: survey.bytes_under_way,
    })
}

/// Frees the space that no snapshot needs. May be killed at any point, and run at the same time
/// as anything else, other prunes too.
pub fn prune(
    repository: &Arc<Repository>,
    options: &PruneOptions<'_>,
    monitor: &Arc<dyn Monitor>,
) -> Result<PruneReport, RepoError> {
    repository.storage().release_reserve()?;
    let mut report = PruneReport::default();
    let result = match round(repository, options, options.thrift, monitor, &mut report) {
        Err(RepoError::Storage(StorageError::Full { .. })) => {
            // No room for new packs: what is dead as a whole goes first, and makes some.
            let thrift = Thrift { rewrite: false, ..options.thrift };
            round(repository, options, thrift, monitor, &mut report)
                .and_then(|()| round(repository, options, options.thrift, monitor, &mut report))
        }
        other => other,
    };
    repository.storage().restore_reserve()?;
    result.map(|()| report)
}

/// P0 to the end, under one session.
fn round(
    repository: &Arc<Repository>,
    options: &PruneOptions<'_>,
    thrift: Thrift,
    monitor: &Arc<dyn Monitor>,
    report: &mut PruneReport,
) -> Result<(), RepoError> {
    let session =
        Session::begin(repository, SessionKind::Prune, &options.writer, Arc::clone(monitor))?;
    let mut run = Run { repository, options, thrift, monitor: monitor.as_ref(), session, report };
    let result = run.all();
    // Also after an error: what this session uploaded is nobody's, and nobody waits for it.
    let ended = run.session.end();
    result.and(ended)
}

struct Run<'a> {
    repository: &'a Arc<Repository>,
    options: &'a PruneOptions<'a>,
    thrift: Thrift,
    monitor: &'a dyn Monitor,
    session: Session,
    report: &'a mut PruneReport,
}

impl Run<'_> {
    /// P1: an unfinished mark is adopted first.
    fn all(&mut self) -> Result<(), RepoError> {
        loop {
            let progress = self.repository.mark_progress()?;
            let open = progress.iter().find(|(_, progress)| progress.marked && !progress.done);
            match open {
                Some((&number, progress)) => {
                    let (repository, own) = (self.repository, &self.session);
                    let mark = read_or_set_aside(repository, self.options, own, number)?;
                    let Some(mark) = mark else { continue };
                    let finalised = progress.finalised;
                    if !self.finish(number, &mark.condemned, finalised)? {
                        return Ok(());
                    }
                }
                None => {
                    let number = progress.keys().next_back().map_or(0, |number| number + 1);
                    if self.own(number)? {
                        return Ok(());
                    }
                }
            }
            if self.monitor.stopped() {
                return Err(RepoError::Stopped);
            }
        }
    }

    /// P2 to P9 of a mark of this prune. False if another prune was first.
    fn own(&mut self, number: u64) -> Result<bool, RepoError> {
        self.monitor.stage(Stage::Planning);
        self.report.fenced += fence_dead(self.repository, self.options, &self.session)?;
        let survey = survey(self.repository, self.monitor)?;
        look_after_marks(self.repository, &survey)?;
        let choice = choose(&survey.packs, self.thrift);
        let condemned = self.condemn(&survey, &choice)?;
        self.report.bytes_left = choice.left;
        if condemned.is_empty() {
            tidy_up(self.repository, &self.session)?;
            return Ok(true);
        }
        self.monitor.stage(Stage::Marking);
        let mark = PruneMark { session: self.session.id(), condemned };
        if self.repository.put_mark(number, &mark)? == Put::Exists
            && self.repository.read_mark(number)? != mark
        {
            return Ok(false);
        }
        self.finish(number, &mark.condemned, false)?;
        Ok(true)
    }

    /// The dead packs, and those whose live blobs were written anew. Sorted.
    fn condemn(&mut self, survey: &Survey, choice: &Choice) -> Result<Vec<PackId>, RepoError> {
        let mut condemned: Vec<PackId> = choice.dead.iter().map(|pack| pack.id).collect();
        if !choice.rewritten.is_empty() {
            self.monitor.stage(Stage::Rewriting);
            let rewritten = rewrite(survey, &choice.rewritten, &self.session, self.monitor)?;
            self.session.flush()?;
            self.report.packs_rewritten += rewritten.len() as u64;
            let copied: u64 = choice.rewritten.iter().map(|pack| pack.live).sum();
            self.report.bytes_copied += copied;
            condemned.extend(rewritten);
        }
        condemned.sort_unstable();
        Ok(condemned)
    }

    /// P4 to P9. False if writers were waited for in vain.
    fn finish(
        &mut self,
        number: u64,
        condemned: &[PackId],
        finalised: bool,
    ) -> Result<bool, RepoError> {
        let condemned = Condemned::new(condemned);
        if !finalised {
            self.monitor.stage(Stage::Waiting);
            let waited =
                wait_for_writers(self.repository, self.options, &self.session, self.monitor)?;
            self.report.fenced += waited.fenced;
            if !waited.still_there.is_empty() {
                self.report.waiting_for = waited.still_there;
                return Ok(false);
            }
            self.monitor.stage(Stage::Rewriting);
            self.report.missing = rescue(self.repository, &condemned, &self.session, self.monitor)?;
            self.session.flush()?;
            self.repository.put_final(number, self.session.id())?;
        }
        self.monitor.stage(Stage::Deleting);
        let deleted = delete_condemned(self.repository, &condemned, &self.session, self.monitor)?;
        self.monitor.add(Counter::PacksDeleted, deleted.packs);
        self.report.packs_deleted += deleted.packs;
        self.report.bytes_deleted += deleted.bytes;
        self.repository.put_done(number, self.session.id())?;
        tidy_up(self.repository, &self.session)?;
        Ok(true)
    }
}
