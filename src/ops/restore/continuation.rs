//! Which earlier run a restore in place goes on with, and whose notes end with it.
//!
//! What an earlier run found counts as what was there before only if that run was cut off, and
//! nothing else has changed its paths in place since. Otherwise it is older than what somebody
//! has made of these paths, and would be brought back over it by a rollback.

use super::InPlaceOptions;
use super::journal::Journal;
use crate::model::{EntryPath, Host, InPlace, Snapshot};
use crate::repo::{RepoError, Repository};

/// What makes two runs the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    from: crate::model::SessionId,
    is_rollback: bool,
    paths: Vec<EntryPath>,
}

impl Identity {
    /// Of a run over `paths`, which lie in the snapshot; none are all.
    pub fn new(origin: InPlace, paths: Vec<EntryPath>) -> Self {
        Self { from: origin.from, is_rollback: origin.is_rollback, paths }
    }

    /// Of the run that a safety snapshot was taken before.
    pub fn of(safety: &Snapshot) -> Option<Self> {
        let paths = safety.sources.iter().map(|source| source.path.clone()).collect();
        safety.in_place.map(|origin| Self::new(origin, paths))
    }

    /// Whether both may change the same things.
    fn overlaps(&self, other: &Self) -> bool {
        let all = self.paths.is_empty() || other.paths.is_empty();
        let meet = |one: &EntryPath| {
            other.paths.iter().any(|other| one.starts_with(other) || other.starts_with(one))
        };
        all || self.paths.iter().any(meet)
    }
}

/// The runs of this host at one moment, if there are notes of any.
pub struct Runs<'a> {
    journal: &'a Journal,
    runs: Vec<(Identity, Snapshot)>,
}

impl<'a> Runs<'a> {
    /// Costs a look at the ledger where there are notes.
    pub fn new(
        repository: &Repository,
        journal: &'a Journal,
        host: &Host,
    ) -> Result<Self, RepoError> {
        if journal.unfinished().is_empty() {
            return Ok(Self { journal, runs: Vec::new() });
        }
        let live = repository.ledger()?.live.into_iter();
        let own = live.filter(|snapshot| snapshot.host.name == host.name);
        let runs = own.filter_map(|safety| Some((Identity::of(&safety)?, safety))).collect();
        Ok(Self { journal, runs })
    }

    /// The safety snapshot of the run that `identity` goes on with.
    pub fn to_continue(&self, identity: &Identity) -> Option<&Snapshot> {
        let fits = |(other, safety): &&(Identity, Snapshot)| {
            other == identity && self.journal.is_open(safety.id) && self.is_last(other, safety)
        };
        self.runs.iter().find(fits).map(|(_, safety)| safety)
    }

    /// Whether no other run came after it on its paths.
    fn is_last(&self, identity: &Identity, safety: &Snapshot) -> bool {
        let comes_after = |(other, run): &(Identity, Snapshot)| {
            run.id != safety.id && other.overlaps(identity) && is_later(run, safety)
        };
        !self.runs.iter().any(comes_after)
    }

    /// A run begins to change things: nobody goes on with any other on its paths.
    pub fn close_others(&self, identity: &Identity) {
        let others = self.runs.iter().filter(|(other, _)| other.overlaps(identity));
        others.for_each(|(_, safety)| self.journal.close(safety.id));
    }

    /// A run came to its end, or was undone: so did all that were the same, with those that
    /// they went on with.
    pub fn end(&self, identity: &Identity) {
        for (_, safety) in self.runs.iter().filter(|(other, _)| other == identity) {
            self.journal.end(safety.id);
            let before = safety.in_place.and_then(|origin| origin.continues);
            before.into_iter().for_each(|before| self.journal.end(before));
        }
    }
}

/// All parts of a restore or rollback have come to their end: so do the notes of those that went
/// before the last one ([`InPlaceOptions::more_follows`]), but of those that failed.
pub fn end_parts(
    repository: &Repository,
    place: &InPlaceOptions,
    safeties: &[&Snapshot],
) -> Result<(), RepoError> {
    let journal = Journal::new(&place.journal);
    let runs = Runs::new(repository, &journal, &place.host)?;
    for safety in safeties.iter().filter(|safety| journal.is_open(safety.id)) {
        journal.end(safety.id);
        Identity::of(safety).iter().for_each(|ended| runs.end(ended));
    }
    Ok(())
}

/// By the writer's own numbers where there are such: the clock may have been set back. Two that
/// cannot be told apart are both later than each other.
fn is_later(one: &Snapshot, other: &Snapshot) -> bool {
    match one.writer == other.writer {
        true => (one.sequence, one.begun) >= (other.sequence, other.begun),
        false => one.begun >= other.begun,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::SessionId;

    fn identity(paths: &[&str]) -> Identity {
        let from = SessionId::new([1; 16]);
        let paths = paths.iter().map(|path| EntryPath::parse(path.as_bytes()).unwrap()).collect();
        Identity::new(InPlace { from, is_rollback: false, continues: None }, paths)
    }

    #[test]
    fn paths_meet_where_one_lies_in_the_other() {
        let one = identity(&["files/srv/bot", "files/etc"]);
        for (paths, meets) in [
            (&["files/srv/bot/data"][..], true),
            (&["files/srv"], true),
            (&["files/home", "files/etc"], true),
            (&[], true),
            (&["files/srv/bot2"], false),
        ] {
            assert_eq!(one.overlaps(&identity(paths)), meets, "{paths:?}");
            assert_eq!(identity(paths).overlaps(&one), meets, "{paths:?}");
        }
    }
}
