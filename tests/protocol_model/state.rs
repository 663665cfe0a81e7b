//! A state of the whole: what lies in storage, and what each actor remembers.

use super::damage::Repair;
use super::prune::Prune;
use super::storage::{
    FIRST, PACKS, PRUNES, SESSIONS, Session, Set, Storage, WRITERS, members, only, session_of,
    writer_of,
};
use super::writer::Writer;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct State {
    pub storage: Storage,
    pub writers: [Writer; WRITERS],
    pub prunes: [Prune; PRUNES],
    pub repair: Repair,
}

impl State {
    /// The index objects that somebody has in mind.
    pub fn remembered_indexes(&self) -> Set {
        self.writers.iter().fold(0, |all, writer| all | writer.listing.indexes)
            | self.prunes.iter().fold(0, |all, prune| all | prune.remembered_indexes())
            | self.repair.indexes
            | self.repair.listing.indexes
    }

    fn remembered_packs(&self) -> Set {
        self.writers.iter().fold(0, |all, writer| all | writer.remembered_packs())
            | self.prunes.iter().fold(0, |all, prune| all | prune.remembered_packs())
            | self.repair.packs
            | self.repair.listing.packs
    }

    /// Drops what can never matter again, so that states which differ only in that are one.
    pub fn settle(&mut self) {
        self.settle_sessions();
        self.settle_excuses();
        let worked_on = self.prunes.iter().fold(0, |marks, prune| marks | prune.mark());
        let indexes = self.storage.indexes | self.remembered_indexes();
        let remembered = self.remembered_packs();
        let storage = &mut self.storage;
        for mark in members(!(storage.open_marks() | worked_on)) {
            storage.condemned[mark] = 0;
        }
        for index in members(!indexes) {
            storage.lines[index] = 0;
        }
        let condemned = storage.condemned_by(storage.open_marks() | worked_on);
        let named = storage.named_by(indexes) | condemned | remembered;
        let known = storage.packs | named;
        storage.damaged &= known;
        storage.rotten &= known;
        self.writers.iter_mut().for_each(|writer| writer.damaged &= known);
        self.prunes.iter_mut().for_each(|prune| prune.damaged &= known);
        for pack in members(!(storage.packs | named)) {
            storage.blobs[pack] = 0;
        }
        for pack in 0..PACKS {
            let owner = usize::from(storage.owners[pack]);
            let matters = storage.is_undecided(owner) || owner >= SESSIONS;
            if !matters || storage.packs & only(pack) == 0 {
                storage.owners[pack] = FIRST as u8;
            }
        }
    }

    /// Only what is committed can lack anything.
    fn settle_excuses(&mut self) {
        for session in 0..SESSIONS {
            if self.storage.sessions[session] != Session::Committed {
                self.storage.excused[session] = 0;
            }
        }
    }

    /// A tombstone matters as long as its writer has not met it.
    fn settle_sessions(&mut self) {
        for session in members(self.storage.sessions_that_are(Session::Fenced)) {
            let met = writer_of(session).is_none_or(|number| {
                let writer = &self.writers[number];
                writer.ended() || session != session_of(number, writer.round)
            });
            if met {
                self.storage.sessions[session] = Session::Absent;
            }
        }
        let undecided = self.storage.sessions_that_are(Session::Announced);
        for prune in &mut self.prunes {
            prune.settle(undecided);
        }
    }
}

const _: () = assert!(SESSIONS <= 8 && PRUNES == 2);
