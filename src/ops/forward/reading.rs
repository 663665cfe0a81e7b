//! The first pass: the log is read once, decides which collections there are, and leaves the
//! changes of documents sorted by collection, key and order.

use super::catalog::{Catalog, VIEWS};
use super::commands::split;
use super::entries::ChangeLog;
use super::error::{Fault, ForwardError};
use super::shelf::{Kept, Shelf};
use super::step::{Step, StepKind, with_id};
use super::until::Until;
use crate::codec::{Element, document_key};
use crate::model::{ClusterTime, Counter, Monitor};
use crate::mongo::oplog::{Chains, Command, Entry, MissingLink, Operation, OperationKind, Role};
use crate::ops::sorter::Sorter;
use std::path::Path;

/// Changes that wait in memory to be sorted, in bytes.
const SORTED_BYTES: usize = 48 << 20;
/// Parts of open transactions in memory, in bytes.
const PARTS_BYTES: usize = 16 << 20;

/// What the log has left.
pub struct Read {
    pub catalog: Catalog,
    /// By UUID and key.
    pub steps: Sorter,
    pub last: Option<LastChange>,
    /// Changes of documents.
    pub count: u64,
}

/// The last change that counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastChange {
    pub at: ClusterTime,
    /// When the server wrote it, in milliseconds since 1970.
    pub wall: Option<i64>,
    /// `database.collection`, or `database.$cmd`.
    pub namespace: String,
}

struct Reading<'a> {
    catalog: Catalog,
    until: Until,
    floor: ClusterTime,
    held: ClusterTime,
    chains: Chains<Kept>,
    shelf: Shelf,
    steps: Sorter,
    count: u64,
    number: u64,
    last: Option<LastChange>,
    /// The last entry that was looked at, and the first prepared part that waits.
    seen: Option<ClusterTime>,
    prepared: Option<ClusterTime>,
    monitor: &'a dyn Monitor,
}

/// Reads the log from where the snapshot is.
pub fn read(
    catalog: Catalog,
    log: &dyn ChangeLog,
    until: Until,
    place: &Path,
    monitor: &dyn Monitor,
) -> Result<Read, ForwardError> {
    let floor = catalog.floor.unwrap_or_default();
    let held = catalog.held.unwrap_or(floor);
    let mut entries = log.entries(floor)?;
    let mut reading = Reading {
        catalog,
        until,
        floor,
        held,
        chains: Chains::default(),
        shelf: Shelf::new(place.to_path_buf(), PARTS_BYTES),
        steps: Sorter::new(place, SORTED_BYTES),
        count: 0,
        number: 0,
        last: None,
        seen: None,
        prepared: None,
        monitor,
    };
    let mut is_past = false;
    while let Some(raw) = entries.next()? {
        if monitor.stopped() {
            return Err(ForwardError::Stopped);
        }
        is_past = match reading.entry(raw, is_past)? {
            After::GoOn => false,
            After::Past => true,
            After::End => return Ok(reading.finish()),
        };
    }
    match reading.prepared.filter(|_| reading.chains.has_prepared()) {
        Some(at) => Err(ForwardError::Undecided { at }),
        None => Ok(reading.finish()),
    }
}

/// What comes after an entry.
enum After {
    GoOn,
    /// All that counts was read, but for what decides prepared transactions.
    Past,
    End,
}

impl Reading<'_> {
    fn finish(self) -> Read {
        let Self { catalog, steps, last, count, .. } = self;
        Read { catalog, steps, last, count }
    }

    fn entry(&mut self, raw: Vec<u8>, was_past: bool) -> Result<After, ForwardError> {
        let entry = Entry::read(&raw);
        let entry = entry.map_err(|error| Fault::from(error).at(self.floor, self.seen))?;
        let at = entry.at;
        let is_past = was_past || self.until.is_before(&entry);
        if is_past && !self.chains.has_prepared() {
            return Ok(After::End);
        }
        self.monitor.add(Counter::BytesProcessed, raw.len() as u64);
        let done = match is_past {
            true => self.decided(&entry),
            false => self.counted(&entry),
        };
        done.map_err(|fault| fault.at(at, self.seen))?;
        if is_past {
            return Ok(After::Past);
        }
        self.seen = Some(at);
        Ok(After::GoOn)
    }

    /// Behind the end: only what decides a transaction that was prepared before.
    fn decided(&mut self, entry: &Entry<'_>) -> Result<(), Fault> {
        match entry.role {
            Role::Commit { at: Some(at) } if self.until.includes(at, self.seen) => {
                self.end(entry, at, false)
            }
            Role::Commit { .. } | Role::Abort => {
                // One that is not there was prepared behind the end.
                drop(self.chains.take(entry.previous));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn counted(&mut self, entry: &Entry<'_>) -> Result<(), Fault> {
        match entry.role {
            Role::Part { is_prepared } => {
                if is_prepared {
                    self.prepared =
                        self.prepared.filter(|_| self.chains.has_prepared()).or(Some(entry.at));
                }
                let kept = self.shelf.keep(entry.raw.to_vec())?;
                self.chains.keep(entry.at, entry.previous, is_prepared, kept);
                Ok(())
            }
            Role::Abort => {
                if let Ok(parts) = self.chains.take(entry.previous) {
                    for part in parts {
                        self.shelf.take(part)?;
                    }
                }
                Ok(())
            }
            Role::Commit { at } => self.end(entry, at.unwrap_or(entry.at), false),
            Role::End => self.end(entry, entry.at, true),
            Role::Alone => self.operations(entry, entry.at),
        }
    }

    /// A transaction counts from `at` on; `holds` says whether its end has operations too.
    fn end(&mut self, entry: &Entry<'_>, at: ClusterTime, holds: bool) -> Result<(), Fault> {
        let parts = match self.chains.take(entry.previous) {
            Ok(parts) => parts,
            // All of it is in what the snapshot has.
            Err(_) if at <= self.held => return Ok(()),
            Err(MissingLink(missing)) => {
                let why = format!("is not there, and its end is at {}", entry.at);
                let what = format!("a part of a transaction, of {missing},");
                return Err(Fault::Hole { what, why });
            }
        };
        for part in parts {
            let raw = self.shelf.take(part)?;
            self.operations(&Entry::read(&raw)?, at)?;
        }
        if holds { self.operations(entry, at) } else { self.mark(entry, at) }
    }

    /// All operations of an entry, which count from `at` on.
    fn operations(&mut self, entry: &Entry<'_>, at: ClusterTime) -> Result<(), Fault> {
        if at <= self.floor {
            return Ok(());
        }
        // A user's own `applyOps` writes what it is told to, whatever was there.
        let is_own = !entry.has_previous
            && matches!(entry.operation.kind, OperationKind::Command(Command::ApplyOperations));
        for operation in entry.operations() {
            let operation = operation?;
            self.number = self.number.saturating_add(1);
            if self.operation(&operation, at, !is_own)? && at > self.held {
                let namespace = String::from_utf8_lossy(operation.namespace).into_owned();
                self.last = Some(LastChange { at, wall: entry.wall, namespace });
            }
        }
        Ok(())
    }

    /// That the end of a transaction is the last that counts.
    fn mark(&mut self, entry: &Entry<'_>, at: ClusterTime) -> Result<(), Fault> {
        if let Some(last) = self.last.as_mut().filter(|last| last.at == at) {
            last.wall = entry.wall;
        }
        Ok(())
    }

    /// Whether it is one of the databases that are rolled forward.
    fn operation(
        &mut self,
        operation: &Operation<'_>,
        at: ClusterTime,
        is_told: bool,
    ) -> Result<bool, Fault> {
        let place = (at, self.number);
        match &operation.kind {
            OperationKind::Nothing => return Ok(false),
            OperationKind::Command(command) => {
                self.catalog.command(operation, command, place)?;
                return Ok(self.catalog.has_database(split(operation.namespace)?.0));
            }
            _ => {}
        }
        let (database, name) = split(operation.namespace)?;
        if !self.catalog.has_database(database) {
            return Ok(false);
        }
        if name == VIEWS {
            return self.view(operation, database).map(|()| true);
        }
        let (id, kind) = match &operation.kind {
            OperationKind::Insert { id } => (id, StepKind::Insert),
            OperationKind::Update { id, is_upsert: false } => (id, StepKind::Update),
            OperationKind::Update { id, is_upsert: true } => (id, StepKind::Upsert),
            OperationKind::Delete { id } => (id, StepKind::Delete),
            OperationKind::Other(other) => {
                let other = String::from_utf8_lossy(other);
                return Err(Fault::Unknown(format!("the operation {other:?}")));
            }
            OperationKind::Nothing | OperationKind::Command(_) => return Ok(false),
        };
        let unknown = |what: &str| Fault::Unknown(format!("{what} of {database}.{name}"));
        let uuid = operation.uuid.ok_or_else(|| unknown("a change without a UUID"))?;
        if self.catalog.holds(&uuid, at) {
            return Ok(true);
        }
        let Some(followed) = self.catalog.collections.get(&uuid) else {
            self.catalog.meet_stranger(uuid, &format!("{database}.{name}"));
            return Ok(true);
        };
        let id = id.as_ref().ok_or_else(|| unknown("a change without an _id"))?;
        let is_strict = is_told && followed.is_strict && kind != StepKind::Upsert;
        self.step((uuid, id), kind, operation, is_strict, place).map(|()| true)
    }

    fn step(
        &mut self,
        (uuid, id): ([u8; 16], &Element<'_>),
        kind: StepKind,
        operation: &Operation<'_>,
        is_strict: bool,
        (at, number): (ClusterTime, u64),
    ) -> Result<(), Fault> {
        let object = match kind {
            StepKind::Insert => operation.object.to_vec(),
            StepKind::Update | StepKind::Upsert => {
                with_id(operation.second.unwrap_or_default(), operation.object)?
            }
            StepKind::Delete => with_id(operation.object, &[])?,
        };
        let key = [&uuid[..], &document_key(id)?].concat();
        let step = Step { kind, is_strict, number, at, object };
        self.count += 1;
        self.monitor.add(Counter::EntriesProcessed, 1);
        Ok(self.steps.push(key, step.encode())?)
    }

    fn view(&mut self, operation: &Operation<'_>, database: &str) -> Result<(), Fault> {
        match &operation.kind {
            OperationKind::Insert { .. } => self.catalog.insert_view(database, operation.object),
            OperationKind::Update { .. } => {
                let id = operation.second.unwrap_or_default();
                self.catalog.update_view(database, id, operation.object)
            }
            OperationKind::Delete { .. } => self.catalog.delete_view(database, operation.object),
            _ => Ok(()),
        }
    }
}
