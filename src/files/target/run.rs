//! What all places of one restore share.

use super::super::descent::Handle;
use super::super::owners::Owners;
use super::TargetOptions;
use super::temporary::TemporaryNames;
use super::unlock::OpenedUp;
use crate::model::{Entropy, EntryPath, Metadata, Monitor, OsEntropy, Problem, ProblemKind};
use std::collections::HashSet;
use std::io;
use std::sync::{Arc, Mutex};

/// One restore into one root.
pub(super) struct Run {
    pub root: Arc<Handle>,
    pub names: TemporaryNames,
    pub opened_up: OpenedUp,
    /// This process may give files to others and set all attributes.
    pub privileged: bool,
    root_name: String,
    options: TargetOptions,
    owners: Owners,
    monitor: Arc<dyn Monitor>,
    /// What is said once, not for every file.
    said: Mutex<HashSet<String>>,
}

/// Who is to own an entry on this system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Owner {
    pub user: u32,
    pub group: u32,
}

impl Run {
    pub fn new(
        root: Arc<Handle>,
        root_name: String,
        options: TargetOptions,
        monitor: Arc<dyn Monitor>,
    ) -> Self {
        let random = u64::from_le_bytes((&OsEntropy as &dyn Entropy).bytes());
        Self {
            root,
            names: TemporaryNames::new(random),
            opened_up: OpenedUp::default(),
            privileged: rustix::process::geteuid().is_root(),
            root_name,
            options,
            owners: Owners::default(),
            monitor,
            said: Mutex::default(),
        }
    }

    /// Whether owners and groups are to be those of the entries.
    pub fn restores_owners(&self) -> bool {
        !self.options.no_ownership
    }

    /// The owner by name if this system has the name, else by number.
    pub fn owner(&self, metadata: &Metadata) -> Owner {
        let known = |name: &str| !name.is_empty() && !self.options.numeric_ids;
        let named = |name: &str, id: u32, find: &dyn Fn(&str) -> Option<u32>| {
            Some(name).filter(|name| known(name)).and_then(find).unwrap_or(id)
        };
        Owner {
            user: named(&metadata.user_name, metadata.user, &|name| self.owners.user(name)),
            group: named(&metadata.group_name, metadata.group, &|name| self.owners.group(name)),
        }
    }

    /// Reports something about `path`.
    pub fn report(&self, kind: ProblemKind, path: &EntryPath, why: String) {
        let what = format!("{}/{path}", self.root_name.trim_end_matches('/'));
        self.monitor.problem(Problem { kind, what, why });
    }

    /// Reports that an aspect of `path` could not be restored. What the file system or this
    /// process cannot do at all is said once for each aspect, naming the first path.
    pub fn not_restored(&self, aspect: &str, path: &EntryPath, error: &io::Error) {
        use io::ErrorKind::{CrossesDevices, PermissionDenied, TooManyLinks, Unsupported};
        let cannot =
            matches!(error.kind(), PermissionDenied | Unsupported | TooManyLinks | CrossesDevices);
        if !cannot {
            self.report(ProblemKind::Unrestored, path, format!("{aspect}: {error}"));
            return;
        }
        let mut said = self.said.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if said.len() < 1000 && said.insert(aspect.to_owned()) {
            let why = format!("{aspect}: {error} (said once, it holds for others too)");
            self.report(ProblemKind::Note, path, why);
        }
    }
}
