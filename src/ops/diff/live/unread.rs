//! What could not be read.

use crate::model::{Counter, EntryPath, Monitor, Problem, ProblemKind};
use std::fmt::Display;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Passes everything on, and counts what could not be read.
pub struct Unread {
    inner: Arc<dyn Monitor>,
    count: AtomicU64,
}

impl Unread {
    pub fn new(inner: Arc<dyn Monitor>) -> Self {
        Self { inner, count: AtomicU64::new(0) }
    }

    /// What everything is passed on to.
    pub fn inner(&self) -> &Arc<dyn Monitor> {
        &self.inner
    }

    /// A file that cannot be read, by its path in the snapshot.
    pub fn note(&self, path: &EntryPath, why: &dyn Display) {
        let shown = path.to_string();
        let what = format!("/{}", shown.split_once('/').map_or("", |(_, rest)| rest));
        self.problem(Problem { kind: ProblemKind::Unreadable, what, why: why.to_string() });
    }

    pub fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }
}

impl Monitor for Unread {
    fn add(&self, counter: Counter, amount: u64) {
        self.inner.add(counter, amount);
    }

    fn problem(&self, problem: Problem) {
        if problem.kind == ProblemKind::Unreadable {
            self.count.fetch_add(1, Ordering::Relaxed);
        }
        self.inner.problem(problem);
    }

    fn stopped(&self) -> bool {
        self.inner.stopped()
    }
}
