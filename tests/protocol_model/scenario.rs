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
    /// The second writer begins when the first has ended, as a copy of two snapshots does.
    pub in_a_row: bool,
    /// How many packs are damaged or taken away.
    pub accidents: u8,
    /// Whether somebody repairs the index.
    pub repairs: bool,
    /// The second writer is a repair of the first snapshot, whose commit may vanish: it has nothing
    /// but what lies in the repository.
    pub repairer: bool,
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
            in_a_row: false,
            accidents: 0,
            repairs: false,
            repairer: false,
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
        self.storage.rotten = damaged;
        self
    }

    /// What is unlike the smallest, for people.
    pub fn title(&self) -> String {
        let words = [
            (self.crashes, "crashes"),
            (self.slow_listings, "slow listings"),
            (self.in_a_row, "one writer after the other"),
            (self.repairs, "a repair of the index"),
            (self.repairer, "a repair of a snapshot"),
            (self.storage.packs == 0, "from nothing"),
            (self.storage.damaged != 0, "a damaged pack"),
            (self.storage.marks != 0, "a half-done prune"),
            (self.storage.sessions[DEAD] != Session::Absent, "a dead writer"),
            (self.storage.packs == 1, "mixed packs"),
        ];
        let words: Vec<&str> = words.iter().filter(|(is, _)| *is).map(|(_, word)| *word).collect();
        let writers = self.wants.iter().filter(|wants| **wants != 0).count();
        format!(
            "{writers} writers of {:?} in {} rounds, prunes {:?}, {:?}, {} accidents, {}",
            self.wants,
            self.rounds,
            self.runs,
            self.planning,
            self.accidents,
            words.join(", ")
        )
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

    pub fn in_a_row(self) -> Self {
        Self { in_a_row: true, ..self }
    }

    pub fn with_accidents(self, accidents: u8) -> Self {
        Self { accidents, ..self }
    }

    pub fn with_repair(self) -> Self {
        Self { repairs: true, ..self }
    }

    pub fn with_repairer(self) -> Self {
        Self { repairer: true, ..self }
    }

    pub fn listing_slowly(self) -> Self {
        Self { slow_listings: true, ..self }
    }
}
