//! What somebody who has the keys could write.

mod blobs;
mod databases;
mod entries;
mod keys;
mod log;
mod objects;
mod trees;

use super::forge::Forge;

/// One hostile repository.
pub struct Attack {
    pub name: &'static str,
    pub make: fn(&mut Forge),
    pub outcome: Outcome,
}

impl Attack {
    /// A minute or more, where others take seconds.
    pub fn is_long(&self) -> bool {
        matches!(self.outcome, Outcome::Endless | Outcome::Vast)
    }
}

/// How it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// `check --read-data` says so, with these words.
    Named(&'static str),
    /// No command opens the repository; with these words.
    Closed(&'static str),
    /// It is well formed: what it has is restored, in the target, or refused there.
    Restored,
    /// It is well formed, and takes for ever to walk; a walk can be stopped.
    Endless,
    /// It is more than anybody waits for: whatever reads all of it ends or can be stopped.
    Vast,
}

/// All of them.
pub fn all() -> Vec<Attack> {
    let kinds = [
        blobs::attacks(),
        trees::attacks(),
        entries::attacks(),
        objects::attacks(),
        keys::attacks(),
        log::attacks(),
        databases::attacks(),
    ];
    kinds.into_iter().flatten().collect()
}

fn attack(name: &'static str, outcome: Outcome, make: fn(&mut Forge)) -> Attack {
    Attack { name, make, outcome }
}
