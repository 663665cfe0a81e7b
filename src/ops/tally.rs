//! Counts what is reported on its way to the monitor, so that a verb's report can say it.

use crate::model::{Counter, Fate, Monitor, Problem, ProblemKind, Stage};
use std::collections::HashMap;
use std::fmt::Display;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// A monitor that passes everything on and keeps the sums.
pub struct Tally {
    inner: Arc<dyn Monitor>,
    counters: [AtomicU64; COUNTERS],
    problems: Mutex<HashMap<ProblemKind, u64>>,
}

const COUNTERS: usize = Counter::BytesRewritten as usize + 1;

impl Tally {
    pub fn new(inner: Arc<dyn Monitor>) -> Arc<Self> {
        let counters = std::array::from_fn(|_| AtomicU64::new(0));
        Arc::new(Self { inner, counters, problems: Mutex::default() })
    }

    pub fn count(&self, counter: Counter) -> u64 {
        self.counters[counter as usize].load(Ordering::Relaxed)
    }

    pub fn problems(&self, kind: ProblemKind) -> u64 {
        let problems = self.problems.lock().unwrap_or_else(PoisonError::into_inner);
        problems.get(&kind).copied().unwrap_or(0)
    }
}

impl Monitor for Tally {
    fn stage(&self, stage: Stage) {
        self.inner.stage(stage);
    }

    fn add(&self, counter: Counter, amount: u64) {
        self.counters[counter as usize].fetch_add(amount, Ordering::Relaxed);
        self.inner.add(counter, amount);
    }

    fn expect(&self, counter: Counter, total: u64) {
        self.inner.expect(counter, total);
    }

    fn current(&self, name: &dyn Display) {
        self.inner.current(name);
    }

    fn entry(&self, fate: Fate, path: &dyn Display) {
        self.inner.entry(fate, path);
    }

    fn problem(&self, problem: Problem) {
        let mut problems = self.problems.lock().unwrap_or_else(PoisonError::into_inner);
        *problems.entry(problem.kind).or_default() += 1;
        drop(problems);
        self.inner.problem(problem);
    }

    fn stopped(&self) -> bool {
        self.inner.stopped()
    }
}
