//! The whole: a scenario, the rules or one mutant of them, what may happen next, and what must
//! hold in every state.

use std::fmt;

use super::mutants::Mutant;
use super::state::{FIRST, Session, Set, State, Storage, WRITERS, members, writer_of};

/// What there is at the beginning, and who may do what.
#[derive(Debug, Clone, Copy)]
pub struct Scenario {
    pub storage: Storage,
    /// The blobs of the snapshot that is there at the beginning.
    pub first: Set,
    /// The blobs of each writer's snapshot; 0: there is no such writer.
    pub wants: [Set; WRITERS],
    /// How many sessions a writer may try before it gives up.
    pub rounds: u8,
    /// How many runs each prune has, one after the other.
    pub runs: [u8; 2],
    /// The sessions whose snapshots somebody may forget.
    pub forgettable: Set,
    /// Whether a prune's run may end anywhere, if another follows.
    pub crashes: bool,
    pub planning: Planning,
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

pub struct Model {
    pub scenario: Scenario,
    pub mutant: Option<Mutant>,
}

/// One call of one actor, for people to read.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    pub actor: Actor,
    pub kind: Kind,
    text: &'static str,
    about: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    Writer(usize),
    Prune(usize),
    Somebody,
}

/// What a way to the end may have to avoid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Work,
    Crash,
    Fence,
    Forget,
}

impl Step {
    pub fn writer(number: usize, text: &'static str) -> Self {
        Self { actor: Actor::Writer(number), kind: Kind::Work, text, about: None }
    }

    pub fn prune(number: usize, text: &'static str) -> Self {
        Self { actor: Actor::Prune(number), kind: Kind::Work, text, about: None }
    }

    pub fn of(self, kind: Kind) -> Self {
        Self { kind, ..self }
    }

    pub fn about(self, thing: usize) -> Self {
        Self { about: Some(thing), ..self }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}", self.actor, self.text)?;
        self.about.map_or(Ok(()), |about| write!(f, " {about}"))
    }
}

impl Model {
    pub fn mutates(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    pub fn prunes_are_alike(&self) -> bool {
        self.scenario.runs[0] == self.scenario.runs[1]
    }

    pub fn first_state(&self) -> State {
        State { storage: self.scenario.storage, ..State::default() }
    }

    /// Everything that may happen next.
    pub fn steps(&self, state: &State, out: &mut Vec<(Step, State)>) {
        for number in 0..WRITERS {
            self.writer_steps(state, number, out);
        }
        for number in 0..2 {
            self.prune_steps(state, number, out);
        }
        self.forget(state, out);
        for (_, next) in out {
            next.settle();
        }
    }

    fn forget(&self, state: &State, out: &mut Vec<(Step, State)>) {
        let live = state.storage.sessions_that_are(Session::Committed);
        for session in members(live & self.scenario.forgettable) {
            let mut next = *state;
            next.storage.sessions[session] = Session::Absent;
            let (actor, kind) = (Actor::Somebody, Kind::Forget);
            out.push((Step { actor, kind, text: "forgets", about: Some(session) }, next));
        }
    }

    /// The blobs of the snapshot that this session commits.
    fn snapshot(&self, session: usize) -> Set {
        match writer_of(session) {
            Some(writer) => self.scenario.wants[writer],
            None if session == FIRST => self.scenario.first,
            None => 0,
        }
    }

    pub fn blobs_of(&self, sessions: Set) -> Set {
        members(sessions).fold(0, |blobs, session| blobs | self.snapshot(session))
    }

    pub fn live_blobs(&self, storage: &Storage) -> Set {
        self.blobs_of(storage.sessions_that_are(Session::Committed))
    }

    /// The blobs of live snapshots that nobody could restore: no pack that exists and is named by
    /// an index object that exists holds them.
    pub fn lost(&self, state: &State) -> Set {
        let storage = &state.storage;
        self.live_blobs(storage)
            & !storage.blobs_in(storage.named_by(storage.indexes) & storage.packs)
    }
}
