//! Copy: snapshots of one repository into another, which has its own keys. Ids of blobs are keyed,
//! so each blob is opened, which proves it, gets the id that it has there, and is sealed anew (but
//! not compressed again); trees are rewritten from the leaves up. What is equal stays shared: one
//! blob here is one blob there.
//!
//! Snapshots are copied one after the other, the oldest first, each in a session of its own. Killed
//! at any time, the next run goes on: a snapshot that is complete there is known by its first id
//! and its times, a blob by its id.

mod data;
mod known;
mod log;
mod node;
mod plan;
mod trees;

pub use log::{LogCopyReport, copy_log};
pub use node::{walk, walk_entry};
pub use plan::{CopyEstimate, CopyPlan, estimate_copy, plan_copy};

use super::Tally;
use crate::format::SessionKind;
use crate::model::{BlobId, Counter, Monitor, Problem, ProblemKind, SessionId, Snapshot, Stage};
use crate::ops::live::LiveBlobs;
use crate::repo::{BlobReader, RepoError, Repository, Session, Writer};
use known::Known;
use std::sync::Arc;
use trees::TreeCopy;

/// How often a session that was shut out by a prune begins again.
const FENCED_ATTEMPTS: usize = 3;

#[derive(Debug, Clone)]
pub struct CopyOptions {
    pub writer: Writer,
}

/// What a copy did.
#[derive(Debug, Default)]
pub struct CopyReport {
    pub copied: u64,
    /// Part of them cannot be read: they were left out.
    pub damaged: Vec<SessionId>,
    /// Were forgotten in the source while the copy ran.
    pub forgotten: Vec<SessionId>,
    /// That were there already, and of which something was stored anew.
    pub mended: u64,
    /// Blobs that the target did not have.
    pub blobs_new: u64,
    /// Their plain bytes.
    pub bytes_new: u64,
    /// Bytes added to the target.
    pub bytes_stored: u64,
}

/// Why a copy ended: on which side.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    #[error("{0}")]
    Source(RepoError),
    #[error("{0}")]
    Target(RepoError),
}

/// Trees are read from the source; errors of the target are named where they come up.
impl From<RepoError> for CopyError {
    fn from(error: RepoError) -> Self {
        Self::Source(error)
    }
}

fn is_damage_of_source(error: &CopyError) -> bool {
    matches!(error, CopyError::Source(error) if error.is_damage())
}

/// Copies the snapshots of `source` that the plan names, in this order; `copied` hears of each one that is
/// complete, the old and the new. A snapshot that is damaged in the source is named to the
/// monitor and left out. The target is written to, the source is only read. Where the target is
/// marked as damaged, what those that it has lack is stored anew: that reads them whole.
pub fn copy(
    source: &Arc<Repository>,
    target: &Arc<Repository>,
    plan: &CopyPlan,
    options: &CopyOptions,
    copied: &mut dyn FnMut(&Snapshot, &Snapshot),
    monitor: Arc<dyn Monitor>,
) -> Result<CopyReport, CopyError> {
    let tally = Tally::new(monitor);
    let mut report = CopyReport::default();
    let wanted = plan.wanted.as_slice();
    let damaged = plan.to_mend(source, target)?;
    if wanted.is_empty() && damaged.is_empty() {
        return Ok(report);
    }
    tally.stage(Stage::Indexing);
    let reader = BlobReader::new(Arc::clone(source)).map_err(CopyError::Source)?;
    let mut known = Known::new(reader.catalog());
    plan::learn(&mut known, &reader, target, wanted, tally.as_ref())?;
    tally.stage(Stage::Copying);
    tally.expect(Counter::SnapshotsCopied, wanted.len() as u64);
    let mut run = Run { reader: &reader, target, options, known, tally: &tally };
    for snapshot in wanted {
        match run.snapshot(snapshot) {
            Ok(new) => {
                report.copied += 1;
                copied(snapshot, &new);
            }
            Err(CopyError::Source(error)) if error.is_damage() => {
                run.left_out(snapshot, &error, &mut report)?;
            }
            Err(error) => return Err(error),
        }
        tally.add(Counter::SnapshotsCopied, 1);
    }
    for snapshot in &damaged {
        match run.mend(snapshot) {
            Ok(true) => report.mended += 1,
            Ok(false) => {}
            Err(CopyError::Source(error)) if error.is_damage() => {
                run.left_out(snapshot, &error, &mut report)?;
            }
            Err(error) => return Err(error),
        }
    }
    report.blobs_new = tally.count(Counter::BlobsNew);
    report.bytes_new = tally.count(Counter::BytesNew);
    report.bytes_stored = tally.count(Counter::BytesStored);
    Ok(report)
}

/// One run over many snapshots.
struct Run<'a> {
    reader: &'a BlobReader,
    target: &'a Arc<Repository>,
    options: &'a CopyOptions,
    known: Known,
    tally: &'a Arc<Tally>,
}

impl Run<'_> {
    /// Stores what the target lacks of a snapshot that it has; whether that was anything.
    fn mend(&mut self, snapshot: &Snapshot) -> Result<bool, CopyError> {
        let before = self.tally.count(Counter::BlobsNew);
        let monitor = Arc::clone(self.tally) as Arc<dyn Monitor>;
        let session = Session::begin(self.target, SessionKind::Copy, &self.options.writer, monitor)
            .map_err(CopyError::Target)?;
        // Nothing that was copied before is relied on unread.
        self.known.doubt();
        let done = self.known.seen.clone();
        let stored = self
            .trees(&session, snapshot, done)
            .and_then(|_| session.flush().and_then(|()| session.end()).map_err(CopyError::Target));
        // What it met was looked up in this session only.
        self.known.doubt();
        match stored {
            Ok(()) => Ok(self.tally.count(Counter::BlobsNew) > before),
            Err(error) => {
                session.give_up();
                Err(error)
            }
        }
    }

    /// Copies one, again if a prune shut the session out.
    fn snapshot(&mut self, snapshot: &Snapshot) -> Result<Snapshot, CopyError> {
        let mut attempt = 1;
        loop {
            match self.attempt(snapshot) {
                Err(CopyError::Target(RepoError::Fenced { .. })) if attempt < FENCED_ATTEMPTS => {}
                done => return done,
            }
            attempt += 1;
        }
    }

    fn attempt(&mut self, snapshot: &Snapshot) -> Result<Snapshot, CopyError> {
        let monitor = Arc::clone(self.tally) as Arc<dyn Monitor>;
        let writer = &self.options.writer;
        let session = Session::begin(self.target, SessionKind::Copy, writer, monitor)
            .map_err(CopyError::Target)?;
        let before = self.known.begin(&session).map(|()| self.known.seen.clone());
        let (done, copied) = match before {
            Ok(done) => (done.clone(), self.transfer(&session, snapshot, done)),
            Err(error) => (self.known.seen.clone(), Err(CopyError::Target(error))),
        };
        match &copied {
            Ok(_) => self.known.rely_on(session.id()),
            Err(_) => {
                // What was uploaded is kept, but under no snapshot yet.
                self.known.seen = done;
                session.give_up();
            }
        }
        copied
    }

    fn transfer(
        &mut self,
        session: &Session,
        snapshot: &Snapshot,
        done: LiveBlobs,
    ) -> Result<Snapshot, CopyError> {
        let tree = self.trees(session, snapshot, done)?;
        // The parent that it names is not there, or has another id.
        let copy = Snapshot { tree, parent: None, ..snapshot.clone() };
        session.commit_again(copy).map_err(CopyError::Target)
    }

    /// Stores all of a snapshot but itself; returns the id that its tree has there.
    fn trees(
        &mut self,
        session: &Session,
        snapshot: &Snapshot,
        done: LiveBlobs,
    ) -> Result<BlobId, CopyError> {
        let monitor = self.tally.as_ref();
        data::copy_data(self.reader, session, &mut self.known, snapshot.tree, monitor)?;
        let trees = TreeCopy {
            reader: self.reader,
            session,
            index: self.known.index(),
            ids: &self.known.ids,
            done,
            compressor: self.target.compressor().map_err(CopyError::Target)?,
            monitor,
        };
        trees.run(snapshot.tree)
    }

    fn left_out(
        &self,
        snapshot: &Snapshot,
        error: &RepoError,
        report: &mut CopyReport,
    ) -> Result<(), CopyError> {
        let what = format!("snapshot {}", snapshot.id.short());
        if self.reader.repository().is_live(snapshot.id).map_err(CopyError::Source)? {
            report.damaged.push(snapshot.id);
            let why = format!("it is not copied: {error}");
            self.tally.problem(Problem { kind: ProblemKind::Damage, what, why });
        } else {
            report.forgotten.push(snapshot.id);
            let why = "it was forgotten while the copy ran".to_string();
            self.tally.problem(Problem { kind: ProblemKind::Note, what, why });
        }
        Ok(())
    }
}
