//! A simulated world: several verbs beside each other over one storage, each on a thread of its
//! own, and yet everything that happens follows from one seed.
//!
//! Every storage call and every pause is a gate, and exactly one thread runs between two gates. At
//! each gate a scheduler draws who goes on. So an actor's own computing happens in one piece, as
//! nobody else could see it anyway, and the same seed gives the same run, byte for byte.
//!
//! What can go wrong with storage is drawn too: calls that fail, answers that are lost, requests
//! that arrive again late, actors that are killed. See [`SimOptions`].
//!
//! What an actor must keep to: storage calls only on the thread that it was started on (pools of
//! size 1), time and chance only from its [`ActorContext`], no waiting for another actor except
//! through storage and pauses, and no order that comes from a randomly seeded hash map.

mod actor;
mod chance;
mod options;
mod schedule;
mod state;
mod storage;
mod time;
mod trace;

#[cfg(test)]
mod tests;

pub use actor::ActorContext;
pub use options::{Fault, Planned, SimOptions};
pub use trace::{Ending, Event, Incident, Trace};

use std::any::Any;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;

use super::{MemoryStorage, Storage};
use crate::model::Clock;
use schedule::Scheduler;
use time::{SimClock, SimTime};

/// What an actor does, from its first storage call to its end.
pub type Body<'a> = Box<dyn FnOnce(Arc<dyn Storage>, ActorContext) + Send + 'a>;

/// A storage, a clock and a seed. The storage and the clock live on from run to run, so that a
/// second run can look at what the first one left.
pub struct SimWorld {
    seed: u64,
    scheduler: Arc<Scheduler>,
    memory: MemoryStorage,
    clock: Arc<SimClock>,
}

/// How a run went.
#[derive(Debug, Clone)]
pub struct Run {
    /// Everything that happened, in order.
    pub trace: Trace,
    /// One for each actor, in the order in which they were given.
    pub endings: Vec<Ending>,
}

impl SimWorld {
    /// An empty storage on 28 November 2025, two o'clock UTC.
    pub fn new(seed: u64, options: SimOptions) -> Self {
        let time = SimTime::new();
        let clock = Arc::new(SimClock::new(time.clone(), jiff::SignedDuration::ZERO));
        let memory = MemoryStorage::new(clock.clone());
        let scheduler = Arc::new(Scheduler::new(seed, options, time, SimClock::clone(&clock)));
        Self { seed, scheduler, memory, clock }
    }

    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The storage itself, without gates and faults: to set up and to look at between runs.
    pub fn memory(&self) -> &MemoryStorage {
        &self.memory
    }

    /// The storage's clock. Actors' own clocks may differ, by [`SimOptions::skew`], and all may be
    /// set.
    pub fn clock(&self) -> Arc<dyn Clock> {
        self.clock.clone()
    }

    /// What can happen from now on.
    pub fn set_options(&self, options: SimOptions) {
        self.scheduler.set_options(options);
    }

    /// Starts the actors and returns when all have ended. When one panics, other than by a
    /// simulated crash, so does this in the end, with the seed, the actor and the last of what
    /// happened in the message.
    pub fn run(&self, actors: Vec<(&str, Body<'_>)>) -> Run {
        let names: Vec<&str> = actors.iter().map(|(name, _)| *name).collect();
        let lives = self.scheduler.begin(&names);
        thread::scope(|scope| {
            for ((name, body), life) in actors.into_iter().zip(lives) {
                let builder = thread::Builder::new().name(format!("{name}, seed {}", self.seed));
                let life = || life.live(&self.memory, body);
                // tidy: the simulated world serves tests, which end by panicking
                builder.spawn_scoped(scope, life).expect("a thread can be started");
            }
            self.scheduler.open();
        });
        let run = self.scheduler.end();
        for (name, ending) in names.iter().zip(&run.endings) {
            if let Ending::Panicked(message) = ending {
                let (seed, last) = (self.seed, run.trace.last(40));
                // tidy: the simulated world serves tests, which end by panicking
                panic!("seed {seed}: {name} panicked: {message}\nWhat happened before:\n{last}");
            }
        }
        run
    }
}

/// Runs `examine` for each seed. A panic is passed on with the seed in the message.
pub fn explore(seeds: Range<u64>, examine: impl Fn(u64)) {
    for seed in seeds {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| examine(seed))) {
            // tidy: the simulated world serves tests, which end by panicking
            panic!("seed {seed}: {}", message(&*panic));
        }
    }
}

/// What a panic said.
fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| text.to_string());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "without a message".to_string())
}
