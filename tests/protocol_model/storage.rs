//! What lies in the abstract repository, in few bytes.
//!
//! Packs and index objects have numbered slots. A slot is taken again only when nothing in storage
//! and nobody's memory names it, so that names are fresh, as they are in the real repository.

use std::fmt;

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
pub struct Storage {
    /// The packs that exist.
    pub packs: Set,
    /// The blobs of each pack, also of a deleted one that is still named somewhere.
    pub blobs: [Set; PACKS],
    /// The session in each pack's footer: one of [`SESSIONS`], or [`owner_prune`].
    pub owners: [u8; PACKS],
    /// The packs named under `damaged/`.
    pub damaged: Set,
    /// Something under `damaged/` says that blobs are missing, nobody knows from which pack.
    pub missing_noted: bool,
    /// The packs in which nothing can be read, whether or not somebody knows.
    pub rotten: Set,
    /// How many packs were damaged or taken away by no fault of the protocol.
    pub accidents: u8,
    /// The blobs that these had.
    pub struck: Set,
    /// Those of them of which a committed session may lack: it was committed by somebody who did
    /// not know, and nobody who knew has committed them again since.
    pub excused: [Set; SESSIONS],
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

    /// Whether anything is under `damaged/`.
    pub fn is_marked_damaged(&self) -> bool {
        self.damaged != 0 || self.missing_noted
    }

    /// The blobs of accidents that a writer who now reads `damaged/` cannot rely on any more: no
    /// pack that seems to have them is damaged unmarked.
    pub fn known_damage(&self) -> Set {
        match self.is_marked_damaged() {
            true => self.struck & !self.blobs_in(self.packs & self.rotten & !self.damaged),
            false => 0,
        }
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

impl fmt::Display for Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "packs")?;
        for pack in members(self.packs) {
            write!(f, " {pack}:")?;
            members(self.blobs[pack]).try_for_each(|blob| f.write_str(["A", "B"][blob]))?;
        }
        write!(f, "; index")?;
        for index in members(self.indexes) {
            write!(f, " {index}:{:?}", members(self.lines[index]).collect::<Vec<_>>())?;
        }
        write!(
            f,
            "; snapshots {:?}",
            members(self.sessions_that_are(Session::Committed)).collect::<Vec<_>>()
        )?;
        for mark in members(self.open_marks()) {
            write!(f, "; mark {mark}:{:?}", members(self.condemned[mark]).collect::<Vec<_>>())?;
        }
        Ok(())
    }
}
