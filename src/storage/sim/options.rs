//! What can happen in a simulated world, and how often.

use std::time::Duration;

/// Rates are chances per storage call, from 0 to 1.
#[derive(Debug, Clone, Default)]
pub struct SimOptions {
    /// The call fails as unavailable and has no effect.
    pub error_rate: f64,
    /// The call has its effect and yet fails as unavailable.
    pub lost_reply_rate: f64,
    /// The actor is killed, before the call's effect or after it.
    pub crash_rate: f64,
    /// A put or delete, also one that failed or whose actor is dead, arrives once more, up to 256
    /// steps later.
    pub late_rate: f64,
    /// What an actor that crashes had deleted, and had put nothing after that, is there again: by
    /// the contract of storage only a later put makes a deletion durable. A chance per object.
    pub undone_rate: f64,
    /// The longest that a call takes.
    pub latency: Duration,
    /// Time leaps forward.
    pub jump_rate: f64,
    pub longest_jump: Duration,
    /// How far an actor's clock is from the storage's at most, either way.
    pub skew: Duration,
    /// A clock is set: the storage's or an actor's, forwards or backwards. Nobody's waiting ends
    /// or lasts longer by it.
    pub set_rate: f64,
    /// How far from the true time at most, either way.
    pub farthest_set: Duration,
    /// Faults at places that are chosen, not drawn.
    pub planned: Vec<Planned>,
}

/// A fault at one call of one actor.
#[derive(Debug, Clone)]
pub struct Planned {
    pub actor: String,
    /// Counted from 0 in each run.
    pub call: usize,
    pub fault: Fault,
}

/// What goes wrong with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    Error,
    LostReply,
    CrashBefore,
    CrashAfter,
}

impl SimOptions {
    /// Nothing goes wrong; only the order of things is drawn.
    pub fn calm() -> Self {
        Self { latency: Duration::from_millis(50), ..Self::default() }
    }

    /// Everything goes wrong now and then.
    pub fn stormy() -> Self {
        Self {
            error_rate: 0.03,
            lost_reply_rate: 0.03,
            crash_rate: 0.01,
            late_rate: 0.03,
            undone_rate: 0.5,
            jump_rate: 0.01,
            longest_jump: Duration::from_secs(36 * 60 * 60),
            skew: Duration::from_secs(60 * 60),
            set_rate: 0.002,
            farthest_set: Duration::from_secs(20 * 365 * 24 * 60 * 60),
            ..Self::calm()
        }
    }
}
