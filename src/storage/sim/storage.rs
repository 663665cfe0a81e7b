//! Storage as an actor of a simulated world sees it.

use std::collections::BTreeMap;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread::{self, ThreadId};

use super::actor::Crashed;
use super::schedule::Scheduler;
use super::state::Request;
use super::{Fault, Incident};
use crate::storage::{
    Call, Folder, Listed, MemoryStorage, ObjectName, Outcome, Put, Storage, StorageError, Subject,
    Verb,
};

pub(super) struct SimStorage {
    actor: usize,
    thread: ThreadId,
    scheduler: Arc<Scheduler>,
    medium: MemoryStorage,
}

/// What the trace keeps of a call.
struct Summary {
    outcome: Outcome,
    size: u64,
    digest: Option<u64>,
}

impl SimStorage {
    /// The objects of `medium`, of which nothing is read or changed but when `actor` has the turn.
    pub fn new(
        actor: usize,
        thread: ThreadId,
        scheduler: Arc<Scheduler>,
        medium: MemoryStorage,
    ) -> Self {
        Self { actor, thread, scheduler, medium }
    }

    /// Waits at the gate, does the effect or not, tells it, and kills the actor or answers.
    fn call<T>(
        &self,
        verb: Verb,
        subject: Subject,
        again: Option<&dyn Fn() -> Request>,
        effect: impl FnOnce(&MemoryStorage) -> Result<T, StorageError>,
        summary: impl FnOnce(&Result<T, StorageError>) -> Summary,
    ) -> Result<T, StorageError> {
        self.refuse_strangers(&subject)?;
        let fault = self.scheduler.call(self.actor);
        let result = match fault {
            Some(Fault::Error | Fault::CrashBefore) => unavailable(&subject),
            _ => effect(&self.medium),
        };
        if let Some(again) = again {
            self.scheduler.perhaps_late(self.actor, again);
        }
        let Summary { outcome, size, digest } = summary(&result);
        let lost = unavailable(&subject);
        let call = Call { verb, subject, outcome, size };
        self.scheduler.tell(self.actor, Incident::Call { call, fault, digest });
        match fault {
            Some(Fault::CrashBefore | Fault::CrashAfter) => self.crash(),
            Some(Fault::LostReply) => lost,
            _ => result,
        }
    }

    fn put_again(&self, name: ObjectName, bytes: Vec<u8>) -> Request {
        let memory = self.medium.clone();
        Box::new(move || {
            let outcome = Outcome::of_put(&memory.put_if_absent(&name, &bytes));
            let (subject, size) = (Subject::Object(name.clone()), bytes.len() as u64);
            Call { verb: Verb::Put, subject, outcome, size }
        })
    }

    /// The dead do nothing more, and a second thread would make the run depend on real time.
    fn refuse_strangers(&self, subject: &Subject) -> Result<(), StorageError> {
        let why = match () {
            _ if thread::current().id() != self.thread => {
                "called on another than the actor's thread"
            }
            _ if !self.scheduler.is_alive(self.actor) => "the actor is dead",
            _ => return Ok(()),
        };
        Err(StorageError::Failed { what: subject.to_string(), why: why.to_string() })
    }

    fn crash(&self) -> ! {
        self.scheduler.kill(self.actor);
        resume_unwind(Box::new(Crashed))
    }

    /// Whether an object that came or went during a listing shows in it is anybody's guess.
    fn list_over_time(&self, folder: Folder) -> Result<Vec<Listed>, StorageError> {
        let by_name = |listed: Vec<Listed>| -> BTreeMap<ObjectName, Listed> {
            listed.into_iter().map(|object| (object.name.clone(), object)).collect()
        };
        let mut before = by_name(self.medium.list(folder)?);
        self.scheduler.give_way(self.actor);
        let after = by_name(self.medium.list(folder)?);
        Ok(self.scheduler.decide(|chance| {
            let mut listed = Vec::with_capacity(after.len());
            for (name, object) in after {
                if before.remove(&name).is_some() || chance.happens(0.5) {
                    listed.push(object);
                }
            }
            listed.extend(before.into_values().filter(|_| chance.happens(0.5)));
            chance.shuffle(&mut listed);
            listed
        }))
    }
}

fn unavailable<T>(subject: &Subject) -> Result<T, StorageError> {
    let why = "simulated trouble".to_string();
    Err(StorageError::Unavailable { what: subject.to_string(), why })
}

fn digest(bytes: &[u8]) -> Option<u64> {
    blake3::hash(bytes).as_bytes().first_chunk().map(|first| u64::from_be_bytes(*first))
}

fn read(result: &Result<Vec<u8>, StorageError>) -> Summary {
    let bytes = result.as_ref().ok();
    Summary {
        outcome: Outcome::of(result),
        size: bytes.map_or(0, |bytes| bytes.len() as u64),
        digest: bytes.and_then(|bytes| digest(bytes)),
    }
}

impl Storage for SimStorage {
    fn put_if_absent(&self, name: &ObjectName, bytes: &[u8]) -> Result<Put, StorageError> {
        let (subject, size) = (Subject::Object(name.clone()), bytes.len() as u64);
        let again = || self.put_again(name.clone(), bytes.to_vec());
        let put = |memory: &MemoryStorage| {
            self.scheduler.deletions_are_durable(self.actor);
            memory.put_if_absent(name, bytes)
        };
        self.call(Verb::Put, subject.clone(), Some(&again), put, |result| Summary {
            outcome: Outcome::of_put(result),
            size,
            digest: digest(bytes),
        })
    }

    fn get(&self, name: &ObjectName, limit: u64) -> Result<Vec<u8>, StorageError> {
        let get = |memory: &MemoryStorage| memory.get(name, limit);
        self.call(Verb::Get, Subject::Object(name.clone()), None, get, read)
    }

    fn get_range(
        &self,
        name: &ObjectName,
        offset: u64,
        length: usize,
    ) -> Result<Vec<u8>, StorageError> {
        let get = |memory: &MemoryStorage| memory.get_range(name, offset, length);
        self.call(Verb::GetRange, Subject::Object(name.clone()), None, get, read)
    }

    fn list(&self, folder: Folder) -> Result<Vec<Listed>, StorageError> {
        let list = |_: &MemoryStorage| self.list_over_time(folder);
        self.call(Verb::List, Subject::Folder(folder), None, list, |result| {
            let listed = result.as_deref().unwrap_or_default();
            let names: String = listed.iter().map(|object| format!("{}\n", object.name)).collect();
            let (outcome, size) = (Outcome::of(result), listed.len() as u64);
            Summary { outcome, size, digest: digest(names.as_bytes()) }
        })
    }

    fn delete(&self, name: &ObjectName) -> Result<(), StorageError> {
        let subject = Subject::Object(name.clone());
        let again = || -> Request {
            let (memory, name, subject) = (self.medium.clone(), name.clone(), subject.clone());
            Box::new(move || {
                let outcome = Outcome::of(&memory.delete(&name));
                Call { verb: Verb::Delete, subject: subject.clone(), outcome, size: 0 }
            })
        };
        let delete = |memory: &MemoryStorage| {
            if let Some(bytes) = memory.raw(name) {
                self.scheduler.deleted(self.actor, self.put_again(name.clone(), bytes));
            }
            memory.delete(name)
        };
        self.call(Verb::Delete, subject.clone(), Some(&again), delete, |result| Summary {
            outcome: Outcome::of(result),
            size: 0,
            digest: None,
        })
    }

    fn address(&self) -> String {
        "simulation".to_string()
    }
}
