//! Nobody waits for ever, and nothing is left behind: from every state, whoever goes on comes to
//! an end, and one run of prune that nobody disturbs leaves only what live snapshots need.

use super::explore::{Seen, fingerprint};
use super::model::{Actor, Kind, Model, Step};
use super::scenario::{A, B, Scenario};
use super::state::State;
use super::storage::{FIRST, SESSIONS, Session, members, session_of};

/// What is known of ways to the end.
pub struct Ends {
    /// Everybody goes on, and nobody is taken for dead any more.
    together: Model,
    /// Everybody is dead but a new prune.
    alone: Model,
    known_together: Seen,
    known_alone: Seen,
}

const LONGEST: usize = 500;

impl Ends {
    pub fn new(model: &Model) -> Self {
        let scenario = model.scenario;
        let one_more_round = Scenario { rounds: scenario.rounds + 1, crashes: false, ..scenario };
        let one_run = Scenario { runs: [1, 0], crashes: false, ..scenario };
        Self {
            together: Model { scenario: one_more_round, ..*model },
            alone: Model { scenario: one_run, ..*model },
            known_together: Seen::default(),
            known_alone: Seen::default(),
        }
    }

    /// What is wrong with the ways to the end from here, if anything is.
    pub fn fault(&mut self, state: &State) -> Option<String> {
        self.fault_alone(*state).or_else(|| self.fault_together(*state))
    }

    fn fault_together(&mut self, mut state: State) -> Option<String> {
        for _ in 0..LONGEST {
            if !self.known_together.add(fingerprint(&self.together, &state), 0) {
                return None;
            }
            let Some((step, next)) =
                self.together.first_step(&state, |step| step.kind == Kind::Work)
            else {
                return self.fault_alone(state);
            };
            if let Actor::Writer(number) = step.actor
                && next.writers[number].ended()
                && next.storage.sessions[session_of(number, 0)] != Session::Committed
            {
                return Some(format!("writer {number} does not commit"));
            }
            state = next;
        }
        Some(format!("all together come to no end: {state:?}"))
    }

    fn fault_alone(&mut self, mut state: State) -> Option<String> {
        state.prunes = Default::default();
        for owner in state.storage.owners.iter_mut().filter(|owner| **owner >= SESSIONS as u8) {
            *owner = FIRST as u8;
        }
        state.settle();
        for _ in 0..LONGEST {
            if !self.known_alone.add(fingerprint(&self.alone, &state), 0) {
                return None;
            }
            let of_prune = |step: &Step| step.actor == Actor::Prune(0);
            match self.alone.first_step(&state, of_prune) {
                Some((_, next)) => state = next,
                None => return self.left_behind(&state),
            }
        }
        Some(format!("a prune alone comes to no end: {state:?}"))
    }

    fn left_behind(&self, state: &State) -> Option<String> {
        let storage = &state.storage;
        let live = self.alone.live_blobs(storage);
        let named = storage.named_by(storage.indexes);
        let fault = if !self.alone.prune_ended(state, 0) {
            "a prune alone does not end"
        } else if storage.open_marks() != 0 {
            "a mark stays open"
        } else if storage.sessions_that_are(Session::Announced) != 0 {
            "a session stays undecided"
        } else if named != storage.packs {
            "the index is not what packs are there"
        } else if members(storage.packs).any(|pack| storage.blobs[pack] & !live != 0) {
            "a dead blob stays"
        } else {
            return None;
        };
        Some(format!("{fault}: {storage}"))
    }
}

impl Model {
    /// What is wrong if all die now, a check marks what it finds, and then one backup of everything
    /// runs: afterwards nothing of it is lost.
    pub fn does_not_heal(&self, state: &State) -> Option<String> {
        let everything = Scenario { wants: [A | B, 0], runs: [0, 0], rounds: 1, ..self.scenario };
        let model = Model { scenario: Scenario { repairer: false, ..everything }, ..*self };
        let session = session_of(0, 0);
        let mut state = State { storage: state.storage, ..State::default() };
        state.storage.sessions[session] = Session::Absent;
        state.storage.accidents = model.scenario.accidents;
        state.settle();
        for _ in 0..LONGEST {
            let first = |kind| model.first_step(&state, |step| step.kind == kind);
            match first(Kind::Notice).or_else(|| first(Kind::Work)) {
                Some((_, next)) => state = next,
                None => break,
            }
        }
        let storage = &state.storage;
        let reachable = storage.named_by(storage.indexes) & storage.packs & !storage.rotten;
        let heals = storage.sessions[session] == Session::Committed
            && (A | B) & !storage.blobs_in(reachable) == 0;
        (!heals).then(|| format!("a check and a backup do not heal it: {storage}"))
    }

    /// The first thing that may happen of those that are wanted.
    fn first_step(&self, state: &State, wanted: impl Fn(&Step) -> bool) -> Option<(Step, State)> {
        let mut steps = Vec::new();
        self.steps(state, &mut steps);
        steps.into_iter().find(|(step, _)| wanted(step))
    }
}
