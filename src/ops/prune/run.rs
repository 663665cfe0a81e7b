//! One prune from its announcement to its end.

use super::balance::Balance;
use super::choose::{Choice, Thrift, choose};
use super::copy::{rescue, rewrite};
use super::damage::{look_after_marks, read_or_set_aside};
use super::steps::{Condemned, delete_condemned, fence_dead, tidy_up, wait_for_writers};
use super::survey::{Survey, survey};
use super::{PruneOptions, PruneReport};
use crate::format::{PruneMark, SessionKind, mark_name};
use crate::model::{Counter, Monitor, PackId, Stage};
use crate::ops::Tally;
use crate::repo::{Progress, RepoError, Repository, Session};
use crate::storage::{Put, StorageError, probe};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Frees the space that no snapshot needs. May be killed at any point, and run at the same time
/// as anything else, other prunes too.
pub fn prune(
    repository: &Arc<Repository>,
    options: &PruneOptions<'_>,
    monitor: &Arc<dyn Monitor>,
) -> Result<PruneReport, RepoError> {
    repository.storage().release_reserve()?;
    let result = check_store(repository, options)
        .and_then(|()| balanced(repository, options, &Tally::new(Arc::clone(monitor))));
    repository.storage().restore_reserve(repository.config().reserve)?;
    result
}

/// Prunes, and weighs what came of it.
fn balanced(
    repository: &Arc<Repository>,
    options: &PruneOptions<'_>,
    tally: &Arc<Tally>,
) -> Result<PruneReport, RepoError> {
    let mut balance = Balance::default();
    let mut report = PruneReport::default();
    let monitor = Arc::clone(tally) as Arc<dyn Monitor>;
    frugally(repository, options, &monitor, &mut balance, &mut report)?;
    let written = tally.count(Counter::BytesStored);
    report.bytes_freed = balance.freed(repository, report.bytes_deleted, written)?;
    Ok(report)
}

/// A prune beside writers rests on put-if-absent and on listings that show what was put.
fn check_store(repository: &Repository, options: &PruneOptions<'_>) -> Result<(), RepoError> {
    let storage = repository.storage().as_ref();
    if options.alone || probe(storage, repository.entropy())?.is_sound() {
        return Ok(());
    }
    Err(RepoError::UnsoundStore { address: storage.address() })
}

/// Prunes; on a full disk what is dead as a whole goes first.
fn frugally(
    repository: &Arc<Repository>,
    options: &PruneOptions<'_>,
    monitor: &Arc<dyn Monitor>,
    balance: &mut Balance,
    report: &mut PruneReport,
) -> Result<(), RepoError> {
    match round(repository, options, options.thrift, monitor, balance, report) {
        Err(RepoError::Storage(StorageError::Full { .. })) => {
            // No room for new packs: what is dead as a whole goes first, and makes some.
            let thrift = Thrift { rewrite: false, ..options.thrift };
            round(repository, options, thrift, monitor, balance, report)?;
            round(repository, options, options.thrift, monitor, balance, report)
        }
        other => other,
    }
}

/// P0 to the end, under one session.
fn round(
    repository: &Arc<Repository>,
    options: &PruneOptions<'_>,
    thrift: Thrift,
    monitor: &Arc<dyn Monitor>,
    balance: &mut Balance,
    report: &mut PruneReport,
) -> Result<(), RepoError> {
    let session =
        Session::begin(repository, SessionKind::Prune, &options.writer, Arc::clone(monitor))?;
    let monitor = monitor.as_ref();
    let mut run = Run { repository, options, thrift, monitor, session, balance, report };
    let begun = run.balance.begin(repository);
    let result = begun.and_then(|()| run.all());
    // Also after an error: what this session uploaded is nobody's, and nobody waits for it.
    let ended = run.session.end();
    result.and(ended)
}

/// What a prune meets when another one deletes what it still looks at.
fn is_gone(error: &RepoError) -> bool {
    error.is_damage() || matches!(error, RepoError::Storage(StorageError::Absent { .. }))
}

/// How a round through P1 ended.
enum Outcome {
    /// There is nothing more to do, or writers were waited for in vain.
    Ended,
    /// There may be more.
    Again,
}

struct Run<'a> {
    repository: &'a Arc<Repository>,
    options: &'a PruneOptions<'a>,
    thrift: Thrift,
    monitor: &'a dyn Monitor,
    session: Session,
    balance: &'a mut Balance,
    report: &'a mut PruneReport,
}

impl Run<'_> {
    /// P1 again and again, until there is nothing more to do.
    fn all(&mut self) -> Result<(), RepoError> {
        loop {
            if self.monitor.stopped() {
                return Err(RepoError::Stopped);
            }
            let progress = self.repository.mark_progress()?;
            match self.next(&progress) {
                Ok(Outcome::Ended) => return Ok(()),
                Ok(Outcome::Again) => {}
                Err(error) if is_gone(&error) && self.repository.mark_progress()? != progress => {
                    // Another prune got further meanwhile, and deleted what was looked for.
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// P1: an unfinished mark is adopted first.
    fn next(&mut self, progress: &BTreeMap<u64, Progress>) -> Result<Outcome, RepoError> {
        let open = progress.iter().find(|(_, progress)| progress.marked && !progress.done);
        if let Some((&number, progress)) = open {
            let mark = read_or_set_aside(self.repository, self.options, &self.session, number)?;
            let Some(mark) = mark else { return Ok(Outcome::Again) };
            let condemned = Condemned::new(&mark.condemned);
            if !progress.finalised
                && let Some(outcome) = self.wait_and_rescue(number, &condemned)?
            {
                return Ok(outcome);
            }
            self.delete(number, &condemned)?;
            return Ok(Outcome::Again);
        }
        let last = progress.keys().next_back().copied();
        let next = last.map_or(Some(0), |last| last.checked_add(1));
        let too_many = || RepoError::Damaged {
            name: mark_name(u64::MAX),
            why: "no number of a mark comes after it".to_string(),
        };
        self.own(next.ok_or_else(too_many)?)
    }

    /// P2 to P9 of a mark of this prune.
    fn own(&mut self, number: u64) -> Result<Outcome, RepoError> {
        self.monitor.stage(Stage::Planning);
        self.report.fenced += fence_dead(self.repository, self.options, &self.session)?;
        let survey = survey(self.repository, self.monitor)?;
        look_after_marks(self.repository, &survey)?;
        let thrift = self.thrift.for_packs_of(self.repository.config().pack_size);
        let choice = choose(&survey.uses.free, thrift);
        let condemned = self.condemn(&survey, &choice)?;
        // It holds the whole index, and what follows reads another.
        drop(survey);
        self.report.bytes_left = choice.left;
        if condemned.is_empty() {
            tidy_up(self.repository, &self.session)?;
            return Ok(Outcome::Ended);
        }
        self.monitor.stage(Stage::Marking);
        let mark = PruneMark { session: self.session.id(), condemned };
        if self.repository.put_mark(number, &mark)? == Put::Exists
            && self.repository.read_mark(number)? != mark
        {
            // Another prune was first.
            return Ok(Outcome::Again);
        }
        let condemned = Condemned::new(&mark.condemned);
        if let Some(outcome) = self.wait_and_rescue(number, &condemned)? {
            return Ok(outcome);
        }
        self.delete(number, &condemned)?;
        Ok(Outcome::Ended)
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

    /// P4 to P7; an outcome if there is nothing to go on with.
    fn wait_and_rescue(
        &mut self,
        number: u64,
        condemned: &Condemned,
    ) -> Result<Option<Outcome>, RepoError> {
        self.monitor.stage(Stage::Waiting);
        let waited = wait_for_writers(self.repository, self.options, &self.session, self.monitor)?;
        self.report.fenced += waited.fenced;
        if !waited.still_there.is_empty() {
            self.report.waiting_for = waited.still_there;
            return Ok(Some(Outcome::Ended));
        }
        self.monitor.stage(Stage::Rewriting);
        let missing = rescue(self.repository, condemned, &self.session, self.monitor)?;
        self.session.flush()?;
        if missing > 0 && self.is_finalised(number)? {
            // Another prune was first, and deletes what was forgotten meanwhile.
            return Ok(Some(Outcome::Again));
        }
        self.report.missing = missing;
        self.repository.put_final(number, self.session.id())?;
        Ok(None)
    }

    fn is_finalised(&self, number: u64) -> Result<bool, RepoError> {
        let progress = self.repository.mark_progress()?;
        Ok(progress.get(&number).is_some_and(|progress| progress.finalised))
    }

    /// P8 and P9.
    fn delete(&mut self, number: u64, condemned: &Condemned) -> Result<(), RepoError> {
        self.monitor.stage(Stage::Deleting);
        let (session, balance) = (&self.session, &mut *self.balance);
        let deleted = delete_condemned(self.repository, condemned, session, balance, self.monitor)?;
        self.monitor.add(Counter::PacksDeleted, deleted.packs);
        self.report.packs_deleted += deleted.packs;
        self.report.bytes_deleted += deleted.bytes;
        self.repository.put_done(number, self.session.id())?;
        tidy_up(self.repository, &self.session)
    }
}
