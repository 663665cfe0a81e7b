//! The safety snapshot: what a restore in place is about to replace, delete or give other
//! metadata, and what it is about to make.
//!
//! It is made in one walk over what is wanted, what is there, and, in a rollback, what is not
//! wanted. What is found to differ is stored by the workers of a backup.

mod absent;
mod earlier;
mod frame;
mod names;
mod remains;
mod walk;

use super::in_place::{Change, InPlaceOptions, asked};
use super::journal::Journal;
use super::{RestoreError, RestoreReport};
use crate::format::SessionKind;
use crate::model::{
    BlobId, Counter, InPlace, Monitor, ProblemKind, Snapshot, SnapshotKind, SnapshotSource, Stage,
    Summary,
};
use crate::ops::Tally;
use crate::ops::backup::assemble::Assembler;
use crate::ops::backup::pool::{Helping, Pool};
use crate::ops::backup::{files_metadata, files_name};
use crate::repo::{BlobReader, RepoError, Session};
use earlier::Certainty;
use std::sync::Arc;
use walk::Walk;

/// How often one that was shut out by a prune begins again.
const FENCED_ATTEMPTS: usize = 3;

/// What a safety snapshot is taken for.
pub struct Request<'a> {
    pub change: &'a Change<'a>,
    pub origin: InPlace,
    /// That of an earlier run of the same that was killed.
    pub earlier: Option<&'a Snapshot>,
    pub journal: &'a Journal,
}

/// What came of it.
pub struct Safety {
    /// `None`: nothing is to be changed.
    pub snapshot: Option<Snapshot>,
    /// What the restore will do.
    pub report: RestoreReport,
}

/// Takes the safety snapshot; when this returns it is committed, and durable. An error means
/// that there is none.
pub fn take(request: &Request<'_>, tally: &Arc<Tally>) -> Result<Safety, RestoreError> {
    let mut attempt = 1;
    loop {
        match attempt_once(request, tally) {
            Err(RestoreError::Repo(RepoError::Fenced { .. })) if attempt < FENCED_ATTEMPTS => {}
            done => return done,
        }
        attempt += 1;
    }
}

fn attempt_once(request: &Request<'_>, tally: &Arc<Tally>) -> Result<Safety, RestoreError> {
    let repository = request.change.reader.repository();
    // Its own sums: what is stored here is none of the restore's.
    let own = Tally::new(Arc::clone(tally) as Arc<dyn Monitor>);
    own.stage(Stage::Reading);
    let monitor = Arc::clone(&own) as Arc<dyn Monitor>;
    let writer = &request.change.place.writer;
    let session = Session::begin(repository, SessionKind::Backup, writer, monitor)?;
    let taken = run(&session, request, &own);
    // What was committed although the storage reports an error is one that was cut off.
    if taken.is_err() && session.give_up() {
        request.journal.end(session.id());
    }
    taken
}

fn run(
    session: &Session,
    request: &Request<'_>,
    tally: &Arc<Tally>,
) -> Result<Safety, RestoreError> {
    let Walked { tree, summary, report, is_empty } = walk(session, request, tally)?;
    let unread = tally.problems(ProblemKind::Unreadable) + tally.problems(ProblemKind::Torn);
    if unread > 0 {
        return Err(RestoreError::Unsaved(unread));
    }
    if is_empty {
        session.flush()?;
        session.end()?;
        return Ok(Safety { snapshot: None, report });
    }
    tally.stage(Stage::Committing);
    let Request { change, origin, .. } = request;
    let snapshot = safety_snapshot(session, change.place, *origin, asked(change), (tree, summary))?;
    request.journal.begin(session.id());
    session.commit(&snapshot)?;
    session.repository().remember_snapshot(&snapshot);
    Ok(Safety { snapshot: Some(snapshot), report })
}

/// What the walk made.
struct Walked {
    tree: BlobId,
    summary: Summary,
    report: RestoreReport,
    is_empty: bool,
}

fn walk(
    session: &Session,
    request: &Request<'_>,
    tally: &Arc<Tally>,
) -> Result<Walked, RestoreError> {
    let repository = session.repository();
    let reader = BlobReader::sharing(Arc::clone(repository), session.catalog_shared());
    let relied = [Some(request.change.snapshot), request.earlier];
    let mut unread = true;
    for snapshot in relied.into_iter().flatten() {
        unread &= session.may_reuse_unread(snapshot.id)?;
    }
    let certainty = Certainty::new(session, &reader, unread)?;
    let mut assembler = Assembler::new(session, tally.as_ref(), None, None, false)?;
    let helping = Helping::new(repository.workers(), tally.as_ref());
    std::thread::scope(|scope| {
        let mut pool = Pool::start(scope, repository.workers(), session, &helping)?;
        assembler.enter(files_name());
        let mut sink = |step| {
            tally.add(Counter::EntriesProcessed, 1);
            assembler.step(step, &mut pool)?;
            session.sign_of_life()?;
            helping.check()
        };
        let walk = Walk::new(request, &reader, certainty, &mut sink, tally)?;
        let found = walk.run()?;
        if let Some(absent) = &found.absent {
            assembler.beside(absent)?;
        }
        assembler.end_source(files_metadata())?;
        let (tree, summary, _) = assembler.finish()?;
        let is_empty = found.absent.is_none() && !found.stored;
        // `files` itself is a directory of the snapshot, as in a backup.
        Ok(Walked { tree, summary, report: found.report, is_empty })
    })
}

/// A safety snapshot that is ready to be committed.
pub fn safety_snapshot(
    session: &Session,
    place: &InPlaceOptions,
    origin: InPlace,
    sources: Vec<SnapshotSource>,
    (tree, summary): (BlobId, Summary),
) -> Result<Snapshot, RepoError> {
    let link = session.repository().next_link()?;
    Ok(Snapshot {
        id: session.id(),
        kind: SnapshotKind::Safety,
        begun: place.begun,
        taken: place.begun,
        host: place.host.clone(),
        sources,
        tags: Vec::new(),
        tree,
        summary,
        problems: 0,
        writer: link.writer,
        sequence: link.sequence,
        previous: link.previous,
        parent: None,
        original: None,
        program: place.program.clone(),
        in_place: Some(origin),
    })
}
