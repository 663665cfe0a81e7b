//! What happened in a run.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::Fault;
use crate::storage::Call;

/// What happened, in order. Its text is the same for the same seed, byte for byte.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trace {
    pub events: Vec<Event>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The true time.
    pub at: Timestamp,
    /// `None`: the world itself.
    pub actor: Option<Arc<str>>,
    pub incident: Incident,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Incident {
    /// A storage call and what it did, which with a fault is not what the actor heard.
    Call {
        call: Call,
        fault: Option<Fault>,
        /// The first bytes of the BLAKE3 of what was put, read or listed.
        digest: Option<u64>,
    },
    /// A request that the actor had made before arrived once more.
    Late(Call),
    Pause(Duration),
    Jump(Duration),
    /// The actor's clock, or the storage's, is so far from the true time from now on.
    Set(SignedDuration),
    End(Ending),
}

/// How an actor's run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    Finished,
    Crashed,
    /// With its message.
    Panicked(String),
}

impl Trace {
    /// The last `count` events.
    pub fn last(&self, count: usize) -> Trace {
        let passed_over = self.events.len().saturating_sub(count);
        Trace { events: self.events.iter().skip(passed_over).cloned().collect() }
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.events.iter().try_for_each(|event| writeln!(f, "{event}"))
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let actor = self.actor.as_deref().unwrap_or("world");
        write!(f, "{} {actor}: {}", self.at, self.incident)
    }
}

impl fmt::Display for Incident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call { call, fault, digest } => {
                call.fmt(f)?;
                digest.map_or(Ok(()), |digest| write!(f, " #{digest:016x}"))?;
                fault.map_or(Ok(()), |fault| write!(f, " [{fault}]"))
            }
            Self::Late(call) => write!(f, "late {call}"),
            Self::Pause(time) => write!(f, "pause {time:?}"),
            Self::Jump(time) => write!(f, "time leaps {time:?}"),
            Self::Set(skew) => write!(f, "clock set, off by {skew:#}"),
            Self::End(Ending::Finished) => f.write_str("finished"),
            Self::End(Ending::Crashed) => f.write_str("crashed"),
            Self::End(Ending::Panicked(message)) => write!(f, "panicked: {message}"),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::LostReply => "lost reply",
            Self::CrashBefore => "crash before",
            Self::CrashAfter => "crash after",
        })
    }
}
