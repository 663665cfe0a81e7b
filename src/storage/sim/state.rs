//! Where everybody stands, who goes on, and what goes wrong.
//!
//! At a gate the turn mostly stays with the favourite, and now and then another one is drawn. How
//! seldom is drawn for each run, so that there are runs in which every call is followed by another
//! actor's, and runs in which one actor does all its work between two calls of another. (That long
//! stretches find what evenly mixed ones miss is from Burckhardt et al., "A Randomized Scheduler
//! with Probabilistic Guarantees of Finding Bugs", 2010.)

use std::sync::{Arc, Condvar};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::chance::Chance;
use super::time::SimClock;
use super::{Ending, Event, Fault, Incident, SimOptions, Trace};
use crate::storage::Call;

pub(super) struct State {
    pub options: SimOptions,
    pub chance: Chance,
    /// Of all runs, so that no id comes twice.
    pub actors: Vec<Standing>,
    /// The first of this run.
    pub first: usize,
    pub turn: Option<usize>,
    pub favourite: Option<usize>,
    /// Another favourite is drawn at one gate in so many.
    pub patience: usize,
    /// Gates passed.
    pub step: u64,
    pub late: Vec<Late>,
    pub trace: Trace,
}

pub(super) struct Standing {
    pub name: Arc<str>,
    pub stage: Stage,
    pub calls: usize,
    pub turn_came: Arc<Condvar>,
    pub clock: SimClock,
    /// What brings back that of which the deletion is not durable yet.
    pub deleted: Vec<Request>,
}

pub(super) enum Stage {
    Waiting { until: Timestamp },
    Running,
    Ended(Ending),
}

/// A request that will arrive once more.
pub(super) struct Late {
    pub due: u64,
    pub actor: Arc<str>,
    pub request: Request,
}

/// Does its effect again, where it was meant for, and says what came of it.
pub(super) type Request = Box<dyn Fn() -> Call + Send>;

impl State {
    pub fn new(seed: u64, options: SimOptions) -> Self {
        Self {
            options,
            chance: Chance::new(seed),
            actors: Vec::new(),
            first: 0,
            turn: None,
            favourite: None,
            patience: 1,
            step: 0,
            late: Vec::new(),
            trace: Trace::default(),
        }
    }

    /// Who goes on, of those that need not wait.
    pub fn choose(&mut self, now: Timestamp) -> Option<usize> {
        let ready = self.waiting().filter(|(_, until)| *until <= now).map(|(id, _)| id);
        let ready: Vec<usize> = ready.collect();
        if ready.is_empty() {
            return None;
        }
        let fickle = self.chance.below(self.patience) == 0;
        match self.favourite {
            Some(favourite) if !fickle && ready.contains(&favourite) => {}
            _ => self.favourite = Some(ready[self.chance.below(ready.len())]),
        }
        self.favourite
    }

    pub fn waiting(&self) -> impl Iterator<Item = (usize, Timestamp)> {
        self.actors.iter().enumerate().filter_map(|(id, actor)| match actor.stage {
            Stage::Waiting { until } => Some((id, until)),
            _ => None,
        })
    }

    pub fn skew(&mut self) -> SignedDuration {
        self.either_way(self.options.skew)
    }

    fn either_way(&mut self, most: Duration) -> SignedDuration {
        let skew = SignedDuration::try_from(self.chance.duration(most)).unwrap_or_default();
        if self.chance.happens(0.5) { skew } else { -skew }
    }

    /// Perhaps sets a clock, the storage's or that of an actor of this run.
    pub fn perhaps_set_clock(&mut self, of_storage: &SimClock, now: Timestamp) {
        if !self.chance.happens(self.options.set_rate) {
            return;
        }
        let skew = self.either_way(self.options.farthest_set);
        let drawn = self.first + self.chance.below(self.actors.len() - self.first + 1);
        let actor = self.actors.get(drawn);
        actor.map_or(of_storage, |actor| &actor.clock).set(skew);
        let id = actor.map(|_| drawn);
        self.tell(now, id, Incident::Set(skew));
    }

    /// What goes wrong with the next call of an actor.
    pub fn draw_fault(&mut self, id: usize) -> Option<Fault> {
        let actor = &mut self.actors[id];
        let call = actor.calls;
        actor.calls += 1;
        let mut planned = self.options.planned.iter();
        if let Some(planned) = planned.find(|p| p.call == call && *p.actor == *actor.name) {
            return Some(planned.fault);
        }
        let SimOptions { crash_rate, error_rate, lost_reply_rate, .. } = self.options;
        if self.chance.happens(crash_rate) {
            let before = self.chance.happens(0.5);
            return Some(if before { Fault::CrashBefore } else { Fault::CrashAfter });
        }
        if self.chance.happens(error_rate) {
            return Some(Fault::Error);
        }
        self.chance.happens(lost_reply_rate).then_some(Fault::LostReply)
    }

    pub fn tell(&mut self, at: Timestamp, id: Option<usize>, incident: Incident) {
        let actor = id.map(|id| self.actors[id].name.clone());
        self.trace.events.push(Event { at, actor, incident });
    }
}
