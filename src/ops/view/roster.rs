//! The list of snapshots, read again from time to time.

use crate::repo::{Ledger, RepoError, Repository};
use crate::storage::{Folder, ObjectName};
use jiff::{SignedDuration, Timestamp};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The snapshots of a repository, as they were at most some seconds ago.
pub struct Roster {
    repository: Arc<Repository>,
    every: SignedDuration,
    state: Mutex<State>,
}

struct State {
    looked: Timestamp,
    /// All that lies in `snapshots/` and `forgotten/`: what says that nothing has changed.
    names: Vec<ObjectName>,
    ledger: Arc<Ledger>,
}

impl Roster {
    /// Reads the list. It is read again at most `every` so often.
    pub fn new(repository: Arc<Repository>, every: SignedDuration) -> Result<Self, RepoError> {
        let looked = repository.clock().now();
        let names = names(&repository)?;
        let ledger = Arc::new(repository.ledger()?);
        let state = Mutex::new(State { looked, names, ledger });
        Ok(Self { repository, every, state })
    }

    /// The list as it was last read.
    pub fn known(&self) -> Arc<Ledger> {
        Arc::clone(&self.lock().ledger)
    }

    /// The list, read again if it is time for that: two listings, and all of it only if there is
    /// something new. After an error, [`Roster::known`] is still there.
    pub fn current(&self) -> Result<Arc<Ledger>, RepoError> {
        let mut state = self.lock();
        let now = self.repository.clock().now();
        let age = now.duration_since(state.looked);
        if age.abs() < self.every {
            return Ok(Arc::clone(&state.ledger));
        }
        state.looked = now;
        let names = names(&self.repository)?;
        if names != state.names {
            state.ledger = Arc::new(self.repository.ledger()?);
            state.names = names;
        }
        Ok(Arc::clone(&state.ledger))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn names(repository: &Repository) -> Result<Vec<ObjectName>, RepoError> {
    let mut names = Vec::new();
    for folder in [Folder::Snapshots, Folder::Forgotten] {
        names.extend(repository.storage().list(folder)?.into_iter().map(|listed| listed.name));
    }
    names.sort();
    Ok(names)
}
