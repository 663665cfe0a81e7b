//! One actor: its thread's life from the first gate to the last, and what it sees of the world.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;

use super::schedule::Scheduler;
use super::storage::SimStorage;
use super::{Body, Ending, message};
use crate::model::{Clock, Entropy};
use crate::storage::{MemoryStorage, Pause, Storage};

/// Everything of an actor's world that is not storage.
#[derive(Clone)]
pub struct ActorContext {
    pub name: String,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
    /// Lets simulated time pass, and others go on.
    pub pause: Pause,
    pub(super) id: usize,
    pub(super) scheduler: Arc<Scheduler>,
}

impl ActorContext {
    /// Another storage of the same world, with the same gates and faults: for this thread.
    pub fn storage(&self, medium: &MemoryStorage) -> Arc<dyn Storage> {
        let thread = thread::current().id();
        Arc::new(SimStorage::new(self.id, thread, self.scheduler.clone(), medium.clone()))
    }
}

/// What unwinds the thread of an actor that is killed.
pub(super) struct Crashed;

/// An actor that has not begun.
pub(super) struct Actor {
    pub id: usize,
    pub scheduler: Arc<Scheduler>,
    pub context: ActorContext,
}

impl Actor {
    /// The whole life, on the thread of its own that it was given.
    pub fn live(self, medium: &MemoryStorage, body: Body<'_>) {
        let storage = self.context.storage(medium);
        let lived = catch_unwind(AssertUnwindSafe(|| {
            self.scheduler.enter(self.id);
            body(storage, self.context);
        }));
        self.scheduler.leave(
            self.id,
            match lived {
                Ok(()) => Ending::Finished,
                Err(panic) if panic.is::<Crashed>() => Ending::Crashed,
                Err(panic) => Ending::Panicked(message(&*panic)),
            },
        );
    }
}
