//! Follows the log from what snapshots have to a later moment.

use super::chains::{Chains, MissingLink};
use super::command::Command;
use super::entry::{Entry, Operation, OperationKind, Role};
use super::reader::{LogReader, decoded};
use super::starts::Starts;
use super::touched::{Touched, TouchedId, Unfollowed};
use crate::codec::{DocumentBuilder, Element, document_key};
use crate::model::ClusterTime;
use crate::mongo::{Connection, MongoError};
use std::collections::{BTreeMap, HashMap};

/// Touched documents of all collections, in memory.
const MOST_BYTES: usize = 64 << 20;

/// A collection as a snapshot has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogBase {
    pub uuid: [u8; 16],
    /// The moment that it is of.
    pub from: ClusterTime,
    /// BLAKE3 of the entry that the log had there.
    pub entry: [u8; 32],
}

/// What was touched of each collection, by UUID.
pub type Followed = HashMap<[u8; 16], Result<Touched, Unfollowed>>;

impl Connection {
    /// What was touched of each of these collections after its moment and up to `to`.
    pub fn follow(&self, bases: &[LogBase], to: ClusterTime) -> Result<Followed, MongoError> {
        self.patiently(|| {
            let mut follower = Follower::new(self, bases, to);
            match follower.run(bases) {
                Err(error) if !error.is_passing() => {
                    follower.unknown(None, Unfollowed::NotUnderstood);
                }
                run => run?,
            }
            let states = follower.states.into_iter();
            Ok(states.map(|(uuid, state)| (uuid, state.touched)).collect())
        })
    }
}

struct Follower<'a> {
    connection: &'a Connection,
    to: ClusterTime,
    states: HashMap<[u8; 16], State>,
    chains: Chains<Vec<Effect>>,
    bytes: usize,
}

/// What is known of one collection.
struct State {
    from: ClusterTime,
    /// Of the entry there.
    term: i64,
    wall: Option<i64>,
    touched: Result<Touched, Unfollowed>,
}

impl State {
    /// Why the log does not tell all, if it ends in this term.
    fn unfollowed(&self, term: i64, starts: &Starts) -> Option<Unfollowed> {
        starts.interruption(self.wall, self.term == term)
    }
}

/// What an operation means for the collections that are followed.
enum Effect {
    Touch {
        uuid: [u8; 16],
        key: Vec<u8>,
        touched: TouchedId,
    },
    /// Of this collection, or of all, nothing is known any more.
    Unknown {
        uuid: Option<[u8; 16]>,
    },
}

impl<'a> Follower<'a> {
    fn new(connection: &'a Connection, bases: &[LogBase], to: ClusterTime) -> Self {
        let state = |base: &LogBase| State {
            from: base.from,
            term: -1,
            wall: None,
            touched: Err(Unfollowed::TooShort),
        };
        let states = bases.iter().map(|base| (base.uuid, state(base))).collect();
        Self { connection, to, states, chains: Chains::default(), bytes: 0 }
    }

    fn run(&mut self, bases: &[LogBase]) -> Result<(), MongoError> {
        let Some(start) = self.begin(bases)? else { return Ok(()) };
        if start == self.to {
            return Ok(());
        }
        let mut reader = self.connection.read_log(start, self.to);
        let mut last: Option<(ClusterTime, i64)> = None;
        while let Some(answer) = reader.next_answer()? {
            for raw in LogReader::entries(&answer)? {
                let entry = decoded(raw?)?;
                if last.is_none() && entry.at != start {
                    break;
                }
                last = Some((entry.at, entry.term));
                self.entry(&entry)?;
            }
            if last.is_none() {
                break;
            }
        }
        self.end(last)
    }

    /// Looks for the entries where the snapshots left off; the first of those that are there.
    fn begin(&mut self, bases: &[LogBase]) -> Result<Option<ClusterTime>, MongoError> {
        let mut by_moment: BTreeMap<ClusterTime, Vec<&LogBase>> = BTreeMap::new();
        for base in bases.iter().filter(|base| base.from <= self.to) {
            by_moment.entry(base.from).or_default().push(base);
        }
        let mut start = None;
        for (moment, bases) in by_moment {
            let Some(raw) = self.connection.log_entry(moment)? else { continue };
            let hash = *blake3::hash(&raw).as_bytes();
            let Entry { term, wall, .. } = decoded(&raw)?;
            for base in bases.into_iter().filter(|base| base.entry == hash) {
                let touched = Ok(Touched::default());
                self.states.insert(base.uuid, State { from: moment, term, wall, touched });
                start = start.or(Some(moment));
            }
        }
        Ok(start)
    }

    /// What was read must reach to the end, and be all that was written.
    fn end(&mut self, last: Option<(ClusterTime, i64)>) -> Result<(), MongoError> {
        let Some((_, term)) = last.filter(|(at, _)| *at == self.to) else {
            self.unknown(None, Unfollowed::TooShort);
            return Ok(());
        };
        if self.chains.has_prepared() {
            self.unknown(None, Unfollowed::NotUnderstood);
        }
        let starts = self.connection.starts()?;
        let unfollowed: Vec<([u8; 16], Unfollowed)> = self
            .states
            .iter()
            .filter_map(|(uuid, state)| Some((*uuid, state.unfollowed(term, &starts)?)))
            .collect();
        for (uuid, why) in unfollowed {
            self.unknown(Some(uuid), why);
        }
        Ok(())
    }

    fn entry(&mut self, entry: &Entry<'_>) -> Result<(), MongoError> {
        match entry.role {
            Role::Part { is_prepared } => {
                let effects = self.effects(entry);
                self.chains.keep(entry.at, entry.previous, is_prepared, effects);
            }
            Role::Abort => drop(self.parts(entry)?),
            Role::Commit { .. } => {
                let mut parts = self.parts(entry)?;
                // A base may hold it or not, whatever the place of this entry says.
                parts.iter_mut().for_each(forget_before);
                self.apply(entry.at, parts);
            }
            Role::End => {
                let mut effects = self.parts(entry)?;
                effects.extend(self.effects(entry));
                self.apply(entry.at, effects);
            }
            Role::Alone => {
                let effects = self.effects(entry);
                self.apply(entry.at, effects);
            }
        }
        Ok(())
    }

    /// What the parts before this entry do, also of those before the moment where reading began.
    fn parts(&mut self, entry: &Entry<'_>) -> Result<Vec<Effect>, MongoError> {
        loop {
            let MissingLink(at) = match self.chains.take(entry.previous) {
                Ok(parts) => return Ok(parts.into_iter().flatten().collect()),
                Err(missing) => missing,
            };
            let raw = self.connection.log_entry(at)?;
            let part = raw.as_deref().map(decoded).transpose()?;
            match part.as_ref().map(|part| (part, part.role)) {
                Some((part, Role::Part { is_prepared })) => {
                    let effects = self.effects(part);
                    self.chains.keep(at, part.previous, is_prepared, effects);
                }
                _ => return Ok(vec![Effect::Unknown { uuid: None }]),
            }
        }
    }

    fn effects(&self, entry: &Entry<'_>) -> Vec<Effect> {
        let mut effects = Vec::new();
        // A user's own `applyOps` writes what it is told to, whatever was there.
        let is_told = entry.has_previous
            || !matches!(entry.operation.kind, OperationKind::Command(Command::ApplyOperations));
        for operation in entry.operations() {
            match operation {
                Ok(operation) => effects.extend(self.effect(&operation, is_told)),
                Err(_) => effects.push(Effect::Unknown { uuid: None }),
            }
        }
        effects
    }

    fn effect(&self, operation: &Operation<'_>, is_told: bool) -> Option<Effect> {
        let (id, was_there) = match &operation.kind {
            OperationKind::Nothing => return None,
            OperationKind::Command(Command::Other(_)) | OperationKind::Other(_) => {
                return Some(Effect::Unknown { uuid: operation.uuid });
            }
            // One that is there again under its UUID is not what it was.
            OperationKind::Command(Command::Create | Command::Drop) => {
                return Some(Effect::Unknown { uuid: operation.uuid });
            }
            OperationKind::Command(Command::Rename { dropped: Some(dropped), .. }) => {
                return Some(Effect::Unknown { uuid: Some(*dropped) });
            }
            // The documents of a collection that is still there are as they were.
            OperationKind::Command(_) => return None,
            OperationKind::Insert { id } => (id, Some(false)),
            OperationKind::Update { id, is_upsert: false } | OperationKind::Delete { id } => {
                (id, Some(true))
            }
            OperationKind::Update { id, is_upsert: true } => (id, None),
        };
        let Some(uuid) = operation.uuid else { return Some(Effect::Unknown { uuid: None }) };
        // Of others nothing is kept, nor of those that have to be read whole anyway.
        self.states.get(&uuid)?.touched.as_ref().ok()?;
        let key = id.as_ref().map(key);
        Some(match key {
            Some(Some((key, id))) => {
                let was_there = was_there.filter(|_| is_told);
                Effect::Touch { uuid, key, touched: TouchedId { id, was_there } }
            }
            _ => Effect::Unknown { uuid: Some(uuid) },
        })
    }

    fn apply(&mut self, at: ClusterTime, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Unknown { uuid } => {
                    self.unknown_after(uuid, at);
                }
                Effect::Touch { uuid, key, touched } => self.touch(at, uuid, key, touched),
            }
        }
    }

    fn touch(&mut self, at: ClusterTime, uuid: [u8; 16], key: Vec<u8>, touched: TouchedId) {
        let Some(state) = self.states.get_mut(&uuid).filter(|state| at > state.from) else {
            return;
        };
        if let Ok(all) = &mut state.touched {
            self.bytes += all.add(key, touched);
        }
        if self.bytes > MOST_BYTES {
            self.unknown(Some(uuid), Unfollowed::TooMuch);
        }
    }

    /// Something at this moment is not understood.
    fn unknown_after(&mut self, uuid: Option<[u8; 16]>, at: ClusterTime) {
        let is_after = |state: &State| at > state.from;
        let concerned: Vec<[u8; 16]> = self
            .states
            .iter()
            .filter(|(known, state)| uuid.is_none_or(|uuid| uuid == **known) && is_after(state))
            .map(|(uuid, _)| *uuid)
            .collect();
        for uuid in concerned {
            self.unknown(Some(uuid), Unfollowed::NotUnderstood);
        }
    }

    fn unknown(&mut self, uuid: Option<[u8; 16]>, why: Unfollowed) {
        for (known, state) in &mut self.states {
            if uuid.is_none_or(|uuid| uuid == *known)
                && let Ok(touched) = &state.touched
            {
                self.bytes = self.bytes.saturating_sub(touched.bytes());
                state.touched = Err(why);
            }
        }
    }
}

fn forget_before(effect: &mut Effect) {
    if let Effect::Touch { touched, .. } = effect {
        touched.was_there = None;
    }
}

/// The canonical key of an id, and `{_id: value}`.
fn key(id: &Element<'_>) -> Option<(Vec<u8>, Vec<u8>)> {
    let key = document_key(id).ok()?;
    Some((key, DocumentBuilder::new().named("_id", id).finish()))
}
