//! The abstract repository: what lies in storage and what each actor remembers, in few bytes.
//!
//! Packs and index objects have numbered slots. A slot is taken again only when nothing in storage
//! and nobody's memory names it, so that names are fresh, as they are in the real repository.

use super::prune::Prune;
use super::writer::Writer;

pub const PACKS: usize = 8;
pub const INDEXES: usize = 8;
pub const MARKS: usize = 8;
pub const WRITERS: usize = 2;
pub const PRUNES: usize = 2;
/// The sessions that a writer may try.
pub const ROUNDS: usize = 3;
/// The session of the snapshot that is there at the beginning; decided.
pub const FIRST: usize = 0;
/// The session of a writer that died before the beginning.
pub const DEAD: usize = 1;
const FIRST_OF_WRITERS: usize = 2;
/// Sessions that may commit a snapshot.
pub const SESSIONS: usize = FIRST_OF_WRITERS + WRITERS * ROUNDS;

/// A set of packs, index objects, marks, blobs or sessions, one bit each.
pub type Set = u8;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct State {
    pub storage: Storage,
    pub writers: [Writer; WRITERS],
    pub prunes: [Prune; PRUNES],
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Storage {
    /// The packs that exist.
    pub packs: Set,
    /// The blobs of each pack, also of a deleted one that is still named somewhere.
    pub blobs: [Set; PACKS],
    /// The session in each pack's footer: one of [`SESSIONS`], or [`owner_prune`].
    pub owners: [u8; PACKS],
    /// The index objects that exist.
    pub indexes: Set,
    /// The packs that each index object names.
    pub lines: [Set; INDEXES],
    pub sessions: [Session; SESSIONS],
    pub marks: Set,
    pub finals: Set,
    pub dones: Set,
    /// The packs that each mark names.
    pub condemned: [Set; MARKS],
}

/// What lies under `sessions/s/0`, `snapshots/s` and `forgotten/s`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Session {
    /// Nothing; or a snapshot that is forgotten, or a tombstone that nobody will ever meet.
    #[default]
    Absent,
    /// Announced and undecided.
    Announced,
    Committed,
    /// A tombstone.
    Fenced,
}

pub fn session_of(writer: usize, round: u8) -> usize {
    FIRST_OF_WRITERS + writer * ROUNDS + usize::from(round)
}

/// The writer whose session this is.
pub fn writer_of(session: usize) -> Option<usize> {
    session.checked_sub(FIRST_OF_WRITERS).map(|place| place / ROUNDS)
}

/// The owner of the packs of a prune's run that has not ended.
pub fn owner_prune(prune: usize) -> u8 {
    (SESSIONS + prune) as u8
}

/// The members of a set, ascending.
pub fn members(set: Set) -> Members {
    Members(set)
}

/// See [`members`].
pub struct Members(Set);

impl Iterator for Members {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let member = self.0.trailing_zeros();
        self.0 &= self.0.wrapping_sub(1);
        (member < Set::BITS).then_some(member as usize)
    }
}

pub fn only(member: usize) -> Set {
    1 << member
}

pub fn set_of(members: impl Iterator<Item = usize>) -> Set {
    members.fold(0, |set, member| set | only(member))
}

impl Storage {
    /// The call `put packs/…`, as a set of one pack.
    pub fn put_pack(&mut self, blobs: Set, owner: u8) -> Set {
        let pack = self.blobs.iter().position(|&blobs| blobs == 0).expect("PACKS is too small");
        self.packs |= only(pack);
        self.blobs[pack] = blobs;
        self.owners[pack] = owner;
        only(pack)
    }

    /// The call `put index/…`; `remembered` are objects whose names must not be used again.
    pub fn put_index(&mut self, packs: Set, remembered: Set) {
        let index = (self.indexes | remembered).trailing_ones() as usize;
        assert!(index < INDEXES, "INDEXES is too small");
        self.indexes |= only(index);
        self.lines[index] = packs;
    }

    /// All packs that these index objects name.
    pub fn named_by(&self, indexes: Set) -> Set {
        members(indexes).fold(0, |packs, index| packs | self.lines[index])
    }

    /// All blobs in these packs.
    pub fn blobs_in(&self, packs: Set) -> Set {
        members(packs).fold(0, |blobs, pack| blobs | self.blobs[pack])
    }

    pub fn open_marks(&self) -> Set {
        self.marks & !self.dones
    }

    /// All packs that these marks condemn.
    pub fn condemned_by(&self, marks: Set) -> Set {
        members(marks).fold(0, |packs, mark| packs | self.condemned[mark])
    }

    pub fn sessions_that_are(&self, wanted: Session) -> Set {
        set_of((0..SESSIONS).filter(|&session| self.sessions[session] == wanted))
    }

    /// The packs whose owner is one of these.
    pub fn packs_of(&self, owners: impl Fn(usize) -> bool) -> Set {
        set_of(members(self.packs).filter(|&pack| owners(usize::from(self.owners[pack]))))
    }

    pub fn is_undecided(&self, session: usize) -> bool {
        self.sessions.get(session) == Some(&Session::Announced)
    }
}

impl State {
    /// The index objects that somebody has in mind.
    pub fn remembered_indexes(&self) -> Set {
        self.writers.iter().fold(0, |all, writer| all | writer.listing.indexes)
            | self.prunes.iter().fold(0, |all, prune| all | prune.remembered_indexes())
    }

    fn remembered_packs(&self) -> Set {
        self.writers.iter().fold(0, |all, writer| all | writer.remembered_packs())
            | self.prunes.iter().fold(0, |all, prune| all | prune.remembered_packs())
    }

    /// Drops what can never matter again, so that states which differ only in that are one.
    pub fn settle(&mut self) {
        self.settle_sessions();
        let worked_on = self.prunes.iter().fold(0, |marks, prune| marks | prune.mark());
        let indexes = self.storage.indexes | self.remembered_indexes();
        let remembered = self.remembered_packs();
        let storage = &mut self.storage;
        for mark in members(storage.dones & !worked_on) {
            storage.condemned[mark] = 0;
        }
        for index in members(!indexes) {
            storage.lines[index] = 0;
        }
        let named = storage.named_by(indexes) | storage.condemned_by(storage.marks) | remembered;
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
