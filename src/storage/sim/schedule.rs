//! The gates: each thread passes its turn on and sleeps until it has it again. There is no thread
//! of the scheduler's own.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use super::actor::{Actor, ActorContext};
use super::chance::{Chance, SimEntropy};
use super::state::{Late, Request, Stage, Standing, State};
use super::time::{SimClock, SimTime};
use super::{Ending, Event, Fault, Incident, Run, SimOptions, Trace};
use crate::storage::Pause;

pub(super) struct Scheduler {
    seed: u64,
    time: SimTime,
    /// The storage's.
    clock: SimClock,
    state: Mutex<State>,
}

impl Scheduler {
    pub fn new(seed: u64, options: SimOptions, time: SimTime, clock: SimClock) -> Self {
        Self { seed, time, clock, state: Mutex::new(State::new(seed, options)) }
    }

    pub fn set_options(&self, options: SimOptions) {
        self.state().options = options;
    }

    /// Prepares a run.
    pub fn begin(self: &Arc<Self>, names: &[&str]) -> Vec<Actor> {
        let mut state = self.state();
        state.first = state.actors.len();
        state.trace = Trace::default();
        state.favourite = None;
        state.patience = 1 << state.chance.below(7);
        names.iter().map(|name| self.actor(&mut state, name)).collect()
    }

    fn actor(self: &Arc<Self>, state: &mut State, name: &str) -> Actor {
        let id = state.actors.len();
        let clock = SimClock::new(self.time.clone(), state.skew());
        state.actors.push(Standing {
            name: name.into(),
            stage: Stage::Waiting { until: self.time.now() },
            calls: 0,
            turn_came: Arc::default(),
            deleted: Vec::new(),
            clock: clock.clone(),
        });
        let scheduler = self.clone();
        let pause: Pause = Arc::new(move |time| scheduler.pause(id, time));
        let context = ActorContext {
            name: name.to_string(),
            clock: Arc::new(clock),
            entropy: Arc::new(SimEntropy::new(self.seed, id)),
            pause,
            id,
            scheduler: self.clone(),
        };
        Actor { id, scheduler: self.clone(), context }
    }

    /// Gives the first turn.
    pub fn open(&self) {
        self.pass_turn(&mut self.state());
    }

    /// What the run was.
    pub fn end(&self) -> Run {
        let mut state = self.state();
        let trace = std::mem::take(&mut state.trace);
        let ending = |actor: &Standing| match &actor.stage {
            Stage::Ended(ending) => ending.clone(),
            _ => Ending::Panicked("did not end".to_string()),
        };
        Run { trace, endings: state.actors.iter().skip(state.first).map(ending).collect() }
    }

    /// The first gate: waits for the first turn.
    pub fn enter(&self, id: usize) {
        drop(self.await_turn(id, self.state()));
    }

    /// The gate of a storage call; returns what is to go wrong with it.
    pub fn call(&self, id: usize) -> Option<Fault> {
        let mut state = self.gate(id, Duration::ZERO);
        let latency = state.options.latency;
        self.time.pass(state.chance.duration(latency));
        state.draw_fault(id)
    }

    /// Lets others go on in the middle of a call.
    pub fn give_way(&self, id: usize) {
        drop(self.gate(id, Duration::ZERO));
    }

    fn pause(&self, id: usize, time: Duration) {
        if self.is_alive(id) {
            self.tell(id, Incident::Pause(time));
            drop(self.gate(id, time));
        }
    }

    /// Whether the actor can still do anything.
    pub fn is_alive(&self, id: usize) -> bool {
        !std::thread::panicking() && !matches!(self.state().actors[id].stage, Stage::Ended(_))
    }

    /// The actor is dead from now on; its turn lasts until [`Scheduler::leave`].
    pub fn kill(&self, id: usize) {
        let mut state = self.state();
        state.actors[id].stage = Stage::Ended(Ending::Crashed);
        let actor = state.actors[id].name.clone();
        for request in std::mem::take(&mut state.actors[id].deleted) {
            let rate = state.options.undone_rate;
            if state.chance.happens(rate) {
                let due = state.step + 1;
                state.late.push(Late { due, actor: actor.clone(), request });
            }
        }
    }

    /// The last gate. An actor that was killed stays so, also if it caught what killed it.
    pub fn leave(&self, id: usize, ending: Ending) {
        let mut state = self.state();
        let ending = match (&state.actors[id].stage, ending) {
            (Stage::Ended(Ending::Crashed), Ending::Finished) => Ending::Crashed,
            (_, ending) => ending,
        };
        state.actors[id].stage = Stage::Ended(ending.clone());
        state.tell(self.time.now(), Some(id), Incident::End(ending));
        self.pass_turn(&mut state);
    }

    pub fn tell(&self, id: usize, incident: Incident) {
        self.state().tell(self.time.now(), Some(id), incident);
    }

    /// Perhaps the request will arrive once more.
    pub fn perhaps_late(&self, id: usize, request: &dyn Fn() -> Request) {
        let mut state = self.state();
        let rate = state.options.late_rate;
        if state.chance.happens(rate) {
            let longest = 1 << state.chance.below(9);
            let due = state.step + 1 + state.chance.below(longest) as u64;
            let actor = state.actors[id].name.clone();
            state.late.push(Late { due, actor, request: request() });
        }
    }

    /// An actor deleted something; `undo` brings it back. As long as the actor puts nothing more
    /// that is not durable: if it crashes, perhaps the object is there again.
    pub fn deleted(&self, id: usize, undo: Request) {
        self.state().actors[id].deleted.push(undo);
    }

    pub fn deletions_are_durable(&self, id: usize) {
        self.state().actors[id].deleted.clear();
    }

    /// Something that the world decides, where an actor's call leaves it open.
    pub fn decide<T>(&self, draw: impl FnOnce(&mut Chance) -> T) -> T {
        draw(&mut self.state().chance)
    }

    fn gate(&self, id: usize, pause: Duration) -> MutexGuard<'_, State> {
        let mut state = self.state();
        let until = self.time.now().saturating_add(pause).unwrap_or(Timestamp::MAX);
        state.actors[id].stage = Stage::Waiting { until };
        self.pass_turn(&mut state);
        self.await_turn(id, state)
    }

    fn await_turn<'a>(&self, id: usize, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        let turn_came = state.actors[id].turn_came.clone();
        while state.turn != Some(id) {
            state = turn_came.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.actors[id].stage = Stage::Running;
        state
    }

    fn pass_turn(&self, state: &mut State) {
        state.step += 1;
        self.deliver_late(state);
        self.leap(state);
        state.perhaps_set_clock(&self.clock, self.time.now());
        self.pass_idle_time(state);
        state.turn = state.choose(self.time.now());
        if let Some(next) = state.turn {
            state.actors[next].turn_came.notify_one();
        }
    }

    fn deliver_late(&self, state: &mut State) {
        let step = state.step;
        let due = state.late.extract_if(.., |late| late.due <= step).collect::<Vec<_>>();
        for Late { actor, request, .. } in due {
            let incident = Incident::Late(request());
            let event = Event { at: self.time.now(), actor: Some(actor), incident };
            state.trace.events.push(event);
        }
    }

    fn leap(&self, state: &mut State) {
        let (rate, longest) = (state.options.jump_rate, state.options.longest_jump);
        if state.chance.happens(rate) {
            let time = state.chance.duration(longest);
            self.time.pass(time);
            state.tell(self.time.now(), None, Incident::Jump(time));
        }
    }

    /// If all wait for a time, it comes.
    fn pass_idle_time(&self, state: &State) {
        let earliest = state.waiting().map(|(_, until)| until).min();
        let idle = earliest.map(|earliest| earliest.duration_since(self.time.now()));
        self.time.pass(idle.and_then(|idle| idle.try_into().ok()).unwrap_or_default());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
