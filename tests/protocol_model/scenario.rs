//! How large a model is, and where it begins.

use super::storage::{DEAD, FIRST, PRUNES, Session, Set, Storage, WRITERS};

pub const A: Set = 1;
pub const B: Set = 2;

/// What there is at the beginning, and who may do what.
#[derive(Debug, Clone, Copy)]
pub struct Scenario {
    pub storage: Storage,
    /// The blobs of the snapshot that is there at the beginning.
    pub first: Set,
    /// The blobs of each writer's snapshot; 0: there is no such writer.
    pub wants: [Set; WRITERS],
    /// How many sessions a writer tries before it gives up.
    pub rounds: u8,
    /// How many runs each prune has, one after the other.
    pub runs: [u8; PRUNES],
    /// Whether a prune's run may end anywhere, if another follows.
    pub crashes: bool,
    pub planning: Planning,
    /// Whether listings of the index and of packs take their time.
    pub slow_listings: bool,
}

/// How P2 goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Planning {
    /// As it should, call by call.
    Stepwise,
    /// As it should, in one step.
    AtOnce,
    /// All packs are condemned.
    Everything,
    /// Any packs are condemned, also such as are gone but still named.
    Anything,
}

impl Scenario {
    /// One snapshot is there, of blob A; a dead blob B; a pack for each, both named by one index
    /// object. Writers try once, nothing crashes, P2 goes call by call.
    pub fn new(wants: [Set; WRITERS], runs: [u8; PRUNES]) -> Self {
        let mut storage = Storage::default();
        storage.sessions[FIRST] = Session::Committed;
        let packs = storage.put_pack(A, FIRST as u8) | storage.put_pack(B, FIRST as u8);
        storage.put_index(packs, 0);
        Self {
            storage,
            first: A,
            wants,
            rounds: 1,
            runs,
            crashes: false,
            planning: Planning::Stepwise,
            slow_listings: false,
        }
    }

    /// Nothing is there.
    pub fn empty(self) -> Self {
        Self { storage: Storage::default(), ..self }
    }

    /// The live and the dead blob are in one pack.
    pub fn mixed(mut self) -> Self {
        self.storage.packs = 0;
        self.storage.blobs = Default::default();
        self.storage.lines[0] = self.storage.put_pack(A | B, FIRST as u8);
        self
    }

    /// A writer died after it had uploaded a pack.
    pub fn with_dead_writer(mut self) -> Self {
        self.storage.sessions[DEAD] = Session::Announced;
        self.storage.put_pack(A, DEAD as u8);
        self
    }

    /// A prune died when it had deleted one of two packs, after `.final`, and no index object.
    pub fn with_half_done_prune(mut self) -> Self {
        let gone = self.storage.put_pack(A, FIRST as u8);
        let left = self.storage.put_pack(A | B, FIRST as u8);
        self.storage.lines[0] |= gone | left;
        self.storage.packs &= !gone;
        self.storage.condemned[0] = gone | left;
        (self.storage.marks, self.storage.finals) = (1, 1);
        self
    }

    /// Both blobs are also in a damaged pack.
    pub fn with_damaged_pack(mut self) -> Self {
        let damaged = self.storage.put_pack(A | B, FIRST as u8);
        self.storage.put_index(damaged, 0);
        self.storage.damaged = damaged;
        self
    }

    pub fn rounds(self, rounds: u8) -> Self {
        Self { rounds, ..self }
    }

    pub fn crashing(self) -> Self {
        Self { crashes: true, ..self }
    }

    pub fn planning(self, planning: Planning) -> Self {
        Self { planning, ..self }
    }

    pub fn listing_slowly(self) -> Self {
        Self { slow_listings: true, ..self }
    }
}
