//! The whole: a scenario, the rules or one mutant of them, what may happen next, and what must
//! hold in every state.

use std::fmt;

use super::mutants::Mutant;
use super::scenario::Scenario;
use super::state::State;
use super::storage::{FIRST, PRUNES, Session, Set, Storage, WRITERS, members, only, writer_of};

#[derive(Debug, Clone, Copy)]
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
    Repair,
    Somebody,
}

/// What a way to the end may have to avoid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Work,
    Crash,
    Fence,
    Forget,
    Accident,
    Notice,
}

impl Step {
    pub fn new(actor: Actor, text: &'static str) -> Self {
        Self { actor, kind: Kind::Work, text, about: None }
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
        match self.actor {
            Actor::Writer(number) => write!(f, "writer {number}  {}", self.text)?,
            Actor::Prune(number) => write!(f, "prune {number}   {}", self.text)?,
            Actor::Repair => write!(f, "repair    {}", self.text)?,
            Actor::Somebody => write!(f, "somebody  {}", self.text)?,
        }
        self.about.map_or(Ok(()), |thing| write!(f, " {thing}"))
    }
}

impl Model {
    pub fn new(scenario: Scenario) -> Self {
        Self { scenario, mutant: None }
    }

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
        for number in 0..PRUNES {
            self.prune_steps(state, number, out);
        }
        self.forget(state, out);
        self.lose_commit(state, out);
        self.damage_steps(state, out);
        self.repair_steps(state, out);
        for (_, next) in out {
            next.settle();
        }
    }

    fn forget(&self, state: &State, out: &mut Vec<(Step, State)>) {
        for session in members(state.storage.sessions_that_are(Session::Committed)) {
            let mut next = *state;
            next.storage.sessions[session] = Session::Absent;
            let step = Step::new(Actor::Somebody, "forgets snapshot").about(session);
            out.push((step.of(Kind::Forget), next));
        }
    }

    /// The commit of the first snapshot vanishes: a repair may bring it back.
    fn lose_commit(&self, state: &State, out: &mut Vec<(Step, State)>) {
        let is_there = state.storage.sessions[FIRST] == Session::Committed;
        if self.scenario.repairer && is_there {
            let mut next = *state;
            next.storage.sessions[FIRST] = Session::Absent;
            let step = Step::new(Actor::Somebody, "takes away a commit");
            out.push((step.of(Kind::Accident), next));
        }
    }

    /// The blobs of the snapshots that these sessions commit.
    pub fn blobs_of(&self, sessions: Set) -> Set {
        members(sessions).fold(0, |blobs, session| {
            blobs
                | match writer_of(session) {
                    Some(writer) => self.scenario.wants[writer],
                    None if session == FIRST => self.scenario.first,
                    None => 0,
                }
        })
    }

    pub fn live_blobs(&self, storage: &Storage) -> Set {
        self.blobs_of(storage.sessions_that_are(Session::Committed))
    }

    /// Whether a live snapshot has a blob that nobody could restore, by the protocol's fault: no
    /// undamaged pack that exists and is named by an index object that exists holds it.
    pub fn lost(&self, state: &State) -> Option<String> {
        let storage = &state.storage;
        let reachable = storage.named_by(storage.indexes) & storage.packs & !storage.rotten;
        let there = storage.blobs_in(reachable);
        let is_lost =
            |session: usize| self.blobs_of(only(session)) & !there & !storage.excused[session] != 0;
        members(storage.sessions_that_are(Session::Committed))
            .any(is_lost)
            .then(|| "a live snapshot has lost a blob".to_owned())
    }
}
